//! The journal: every question and every answer with the signed bytes, on both sides, before the answer is given out.
//!
//! Written by `ask` and `answer`; read by `questions`, the pages and `container`. One task writes it, in turns: whatever
//! was submitted while the last turn was on its way to the disk goes into the next, as one transaction with the entries
//! of the transparency log. Whoever submits waits for that transaction: when [`Journal::open`] and [`Journal::close`]
//! return, the message is on disk. If a turn fails, all of it fails and nothing counts as kept.

mod turn;

use std::sync::Arc;

use kernel::{Clock, Fault, Id, Moment};
use store::{Store, StoreError, Tx};
use tokio::sync::{mpsc, oneshot};
use trust::log::{Entry, Log, LogError, Pseudonym};

use self::turn::{Closing, Opening, Submission, Writer};
use crate::domain::agreement::{Authorised, day};
use crate::domain::multipart::Envelope;
use crate::record::{Parts, sha256};
use crate::sql::{self, Place, QuestionRow, Side};

pub(crate) use self::turn::Counts;

/// Submissions that may wait for a turn; whoever comes later waits to submit. A turn takes fewer.
const QUEUE: usize = 1_024;
/// Longest text from a message that goes into the transparency log, in characters.
const NOTE_CHARS_MAX: usize = 300;

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

/// A question that is on disk and waits for its end.
#[derive(Debug)]
pub struct Opened {
    /// The question.
    pub question: NewQuestion,
    pseudonym: Option<Pseudonym>,
    /// SHA-256 of the request's signature.
    digest: [u8; 32],
}

/// Why something is not in the journal.
#[derive(Debug)]
pub enum NotKept {
    /// The client has used the number before.
    Duplicate,
    /// The agreement's questions of the day are used up.
    OverLimit,
    /// The store or the log failed.
    Failed(Fault),
}

impl From<LogError> for NotKept {
    fn from(error: LogError) -> Self {
        Self::Failed(error.into())
    }
}

/// How a question ended without a good answer.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// `refused`, `bad-signature`, `unreachable` or `timeout`.
    pub outcome: &'a str,
    /// The error code.
    pub code: &'a str,
    /// What came back, if anything did.
    pub evidence: &'a [u8],
}

/// The journal of one body.
pub(crate) struct Journal {
    queue: mpsc::Sender<Submission>,
    parts: Parts,
    counts: Arc<Counts>,
    store: Store,
    log: Log,
}

impl Journal {
    /// Starts the task that writes; it ends with the last clone of this value.
    pub(crate) fn start(store: Store, log: Log, clock: Arc<dyn Clock>) -> Self {
        let (queue, submissions) = mpsc::channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let writer = Writer::new(store.clone(), log.clone(), clock, counts.clone());
        tokio::spawn(writer.run(submissions));
        Self {
            queue,
            parts: Parts::default(),
            counts,
            store,
            log,
        }
    }

    /// How many questions were counted under an agreement on the day of `at`.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn asked(&self, agreement: &str, at: Moment) -> Result<i64, StoreError> {
        if let Some(asked) = self.counts.get(agreement, day(at)) {
            return Ok(asked);
        }
        let mut tx = self.store.read().await?;
        let asked = sql::counted(&mut tx, agreement, day(at)).await?;
        Ok(self.counts.begin(agreement, day(at), asked))
    }

    /// Journals a question with its signed bytes, and counts it under its agreement.
    ///
    /// # Errors
    /// [`NotKept`]; then nothing may be sent, asked or answered.
    pub(crate) async fn open(
        &self,
        question: NewQuestion,
        parts: &Envelope,
        authorised: Option<&Authorised>,
    ) -> Result<Opened, NotKept> {
        if let Some(authorised) = authorised.filter(|authorised| authorised.daily_limit().is_some())
        {
            let asked = self.asked(authorised.agreement(), question.at).await;
            asked.map_err(|error| NotKept::Failed(error.into()))?;
        }
        let subject = question.subject.as_deref();
        let pseudonym = subject.map(|number| self.log.pseudonym(number));
        let digest = sha256(&parts.signature);
        let (done, kept) = oneshot::channel();
        let opening = Opening {
            row: row(&question, pseudonym),
            record: self.parts.write(parts),
            digest,
            agreement: authorised.map(|one| {
                (
                    one.agreement().to_owned(),
                    day(question.at),
                    one.daily_limit(),
                )
            }),
            done,
        };
        self.submit(Submission::Open(Box::new(opening)), kept)
            .await?;
        Ok(Opened {
            question,
            pseudonym,
            digest,
        })
    }

    /// Journals the answer with its signed bytes.
    ///
    /// # Errors
    /// [`NotKept::Failed`]; then the answer may not be given out.
    pub(crate) async fn close(
        &self,
        opened: &Opened,
        at: Moment,
        parts: &Envelope,
    ) -> Result<(), NotKept> {
        let kind = match opened.question.side {
            Side::Client => "exchange.learned",
            Side::Provider => "exchange.answered",
        };
        let digest = sha256(&parts.signature);
        let entry = opened.entry(kind, at, &digest);
        let (done, kept) = oneshot::channel();
        let closing = Closing {
            question: opened.question.id,
            outcome: "answered".to_owned(),
            code: None,
            at,
            entry: self.log.prepare(entry).map_err(LogError::from)?,
            message: Some((self.parts.write(parts), digest)),
            done,
        };
        self.submit(Submission::Close(Box::new(closing)), kept)
            .await
    }

    /// Journals that a question ended without a good answer.
    ///
    /// # Errors
    /// [`NotKept::Failed`].
    pub(crate) async fn fail(
        &self,
        opened: &Opened,
        at: Moment,
        failure: Failure<'_>,
    ) -> Result<(), NotKept> {
        let Failure {
            outcome,
            code,
            evidence,
        } = failure;
        let entry = opened
            .entry(&format!("exchange.{outcome}"), at, &sha256(evidence))
            .note("code", short(code));
        let (done, kept) = oneshot::channel();
        let closing = Closing {
            question: opened.question.id,
            outcome: outcome.to_owned(),
            code: Some(code.to_owned()),
            at,
            entry: self.log.prepare(entry).map_err(LogError::from)?,
            message: None,
            done,
        };
        self.submit(Submission::Close(Box::new(closing)), kept)
            .await
    }

    async fn submit(
        &self,
        submission: Submission,
        kept: oneshot::Receiver<Result<(), NotKept>>,
    ) -> Result<(), NotKept> {
        let stopped = |_| NotKept::Failed(Fault::internal("the journal has stopped"));
        self.queue.send(submission).await.map_err(|_| stopped(()))?;
        kept.await.map_err(|_| stopped(()))?
    }
}

impl Opened {
    /// The entry of the question's end, proved by both halves.
    fn entry(&self, kind: &str, at: Moment, answer: &[u8; 32]) -> Entry {
        let question = &self.question;
        let proof = sha256(&[self.digest, *answer].concat());
        let mut entry = Entry::new(kind, at, proof)
            .note("number", short(&question.number))
            .note("client", short(&question.client))
            .note("service", short(&question.service));
        let notes = [
            ("purpose", &question.purpose),
            ("case", &question.case),
            ("agreement", &question.agreement),
        ];
        for (name, value) in notes {
            if let Some(value) = value {
                entry = entry.note(name, short(value));
            }
        }
        match self.pseudonym {
            Some(pseudonym) => entry.about(pseudonym),
            None => entry,
        }
    }
}

fn row(question: &NewQuestion, pseudonym: Option<Pseudonym>) -> QuestionRow {
    let question = question.clone();
    QuestionRow {
        id: question.id,
        side: question.side,
        number: question.number,
        client: question.client,
        service: question.service,
        purpose: question.purpose,
        case: question.case,
        agreement: question.agreement,
        subject: pseudonym.map(|pseudonym| pseudonym.to_string()),
        fields: (!question.fields.is_empty()).then(|| question.fields.join(",")),
        trace: question.trace,
        asked_at: question.at,
        outcome: "asked".to_owned(),
        code: None,
        answered_at: None,
        log_entry: None,
        request: Place { turn: 0, at: 0 },
        response: None,
    }
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
    let mut entry = Entry::new("exchange.broken-off", at, sha256(row.number.as_bytes()))
        .note("number", short(&row.number))
        .note("client", short(&row.client))
        .note("service", short(&row.service));
    if let Some(pseudonym) = row.subject.as_deref().and_then(Pseudonym::parse) {
        entry = entry.about(pseudonym);
    }
    let log_entry = log.enter(tx, entry).await?.to_string();
    Ok(sql::break_off(tx, row.id, at, &log_entry).await?)
}

/// Foreign text as the log takes it.
fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(NOTE_CHARS_MAX)
        .collect()
}
