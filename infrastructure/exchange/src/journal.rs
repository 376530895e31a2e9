//! The journal: every question and every answer with the signed bytes, on both sides, before the answer is given out.
//!
//! Written by `ask` and `answer` in their own transactions; read by `questions`, the pages and `container`. Each half
//! has an entry in the transparency log from the same transaction, so neither can be there without the other.

use kernel::{Id, Moment};
use store::Tx;
use trust::log::{Entry, Log, LogError, Pseudonym};
use trust::sigalg::Hash;

use crate::domain::multipart::Envelope;
use crate::sql::{self, Ending, Half, QuestionRow, Side};

/// What is known of a question when it is journalled.
#[derive(Clone, Debug)]
pub struct NewQuestion {
    /// The journal's identifier.
    pub id: Id,
    /// Our part in it.
    pub side: Side,
    /// The message number.
    pub number: String,
    /// Who asks.
    pub client: String,
    /// What is asked.
    pub service: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// National number of the person or firm; it is journalled as a pseudonym.
    pub subject: Option<String>,
    /// Fields asked for.
    pub fields: Vec<String>,
    /// The trace that led here.
    pub trace: Option<String>,
    /// When.
    pub at: Moment,
}

/// Longest text from a message that goes into the transparency log, in characters.
const NOTE_CHARS_MAX: usize = 300;

/// Journals a question with its signed bytes; `false` if this client has used the number before (then the caller drops
/// the transaction).
///
/// # Errors
/// The store or the log failed.
pub async fn open(
    tx: &mut Tx,
    log: &Log,
    new: &NewQuestion,
    parts: &Envelope,
) -> Result<bool, LogError> {
    let subject = new.subject.as_deref().map(|number| log.pseudonym(number));
    let kind = match new.side {
        Side::Client => "exchange.asked",
        Side::Provider => "exchange.received",
    };
    let mut entry = entry(kind, new.at, &parts.signature, &new.number)
        .note("client", short(&new.client))
        .note("service", short(&new.service));
    let notes = [
        ("purpose", &new.purpose),
        ("case", &new.case),
        ("agreement", &new.agreement),
    ];
    for (name, value) in notes {
        if let Some(value) = value {
            entry = entry.note(name, short(value));
        }
    }
    if let Some(pseudonym) = subject {
        entry = entry.about(pseudonym);
    }
    let log_entry = log.enter(tx, entry).await?;
    let row = QuestionRow {
        id: new.id,
        side: new.side,
        number: new.number.clone(),
        client: new.client.clone(),
        service: new.service.clone(),
        purpose: new.purpose.clone(),
        case: new.case.clone(),
        agreement: new.agreement.clone(),
        subject: subject.map(|pseudonym| pseudonym.to_string()),
        fields: (!new.fields.is_empty()).then(|| new.fields.join(",")),
        trace: new.trace.clone(),
        asked_at: new.at,
        outcome: "asked".to_owned(),
        code: None,
        answered_at: None,
        log_entry: Some(log_entry.to_string()),
        answer_log_entry: None,
    };
    if !sql::insert_question(tx, &row).await? {
        return Ok(false);
    }
    sql::insert_message(tx, new.id, Half::Request, new.at, parts).await?;
    Ok(true)
}

/// Journals the answer with its signed bytes.
///
/// # Errors
/// The store or the log failed.
pub async fn answered(
    tx: &mut Tx,
    log: &Log,
    new: &NewQuestion,
    at: Moment,
    parts: &Envelope,
) -> Result<(), LogError> {
    let kind = match new.side {
        Side::Client => "exchange.learned",
        Side::Provider => "exchange.answered",
    };
    sql::insert_message(tx, new.id, Half::Response, at, parts).await?;
    let log_entry = log
        .enter(
            tx,
            with_subject(log, new, entry(kind, at, &parts.signature, &new.number)),
        )
        .await?;
    let log_entry = log_entry.to_string();
    let ending = Ending {
        outcome: "answered",
        code: None,
        at,
        log_entry: Some(&log_entry),
    };
    Ok(sql::end_question(tx, new.id, ending).await?)
}

/// Journals that a question ended without a good answer: `refused`, `bad-signature`, `unreachable` or `timeout`.
/// `evidence` is what came back, if anything did.
///
/// # Errors
/// The store or the log failed.
pub async fn failed(
    tx: &mut Tx,
    log: &Log,
    new: &NewQuestion,
    at: Moment,
    outcome: &str,
    code: &str,
    evidence: &[u8],
) -> Result<(), LogError> {
    let entry = entry(&format!("exchange.{outcome}"), at, evidence, &new.number)
        .note("service", short(&new.service))
        .note("code", short(code));
    let log_entry = log
        .enter(tx, with_subject(log, new, entry))
        .await?
        .to_string();
    let ending = Ending {
        outcome,
        code: Some(code),
        at,
        log_entry: Some(&log_entry),
    };
    Ok(sql::end_question(tx, new.id, ending).await?)
}

/// Journals that a question never ended, because the process stopped in between.
///
/// # Errors
/// The store or the log failed.
pub async fn broken_off(
    tx: &mut Tx,
    log: &Log,
    row: &QuestionRow,
    at: Moment,
) -> Result<(), LogError> {
    let mut entry = entry(
        "exchange.broken-off",
        at,
        row.number.as_bytes(),
        &row.number,
    )
    .note("service", short(&row.service));
    if let Some(pseudonym) = row.subject.as_deref().and_then(Pseudonym::parse) {
        entry = entry.about(pseudonym);
    }
    let log_entry = log.enter(tx, entry).await?.to_string();
    let ending = Ending {
        outcome: "broken-off",
        code: None,
        at,
        log_entry: Some(&log_entry),
    };
    Ok(sql::end_question(tx, row.id, ending).await?)
}

fn with_subject(log: &Log, new: &NewQuestion, entry: Entry) -> Entry {
    match &new.subject {
        Some(subject) => entry.about(log.pseudonym(subject)),
        None => entry,
    }
}

fn entry(kind: &str, at: Moment, proof: &[u8], number: &str) -> Entry {
    let digest = Hash::Sha256
        .digest(proof)
        .try_into()
        .expect("SHA-256 gives 32 bytes");
    Entry::new(kind, at, digest).note("number", short(number))
}

/// Foreign text as the log takes it.
fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(NOTE_CHARS_MAX)
        .collect()
}
