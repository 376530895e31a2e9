//! Every statement of the exchange, and the rows as values. It decides nothing.
//!
//! Read by the stories of this crate. Tables begin with `exchange_`; no other crate names them.

pub mod agreement;
pub mod services;
pub mod settlement;
pub mod sources;

use kernel::{Id, Moment, ServiceId, SubsystemId};
use store::{Migration, Row, StoreError, Tx, params};

use crate::domain::agreement::Agreement;
use crate::domain::multipart::Envelope;

/// The tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "exchange",
        sql: include_str!("../migrations/1_exchange.sql"),
    },
    Migration {
        version: 3,
        name: "services",
        sql: include_str!("../migrations/3_services.sql"),
    },
    Migration {
        version: 7,
        name: "agreements",
        sql: include_str!("../migrations/7_agreements.sql"),
    },
    Migration {
        version: 9,
        name: "settlement",
        sql: include_str!("../migrations/9_settlement.sql"),
    },
];

/// Which part this node had in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It asked.
    Client,
    /// It answered.
    Provider,
}

impl Side {
    /// The text in the tables.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
        }
    }

    fn of(text: &str) -> Self {
        if text == "client" {
            Self::Client
        } else {
            Self::Provider
        }
    }
}

/// Request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// What was asked.
    Request,
    /// What was answered.
    Response,
}

impl Half {
    /// The text in the tables and in file names.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// A question as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionRow {
    /// The journal's own identifier.
    pub id: Id,
    /// Our part in it.
    pub side: Side,
    /// The message number (`X-Road-Id`).
    pub number: String,
    /// Who asked.
    pub client: String,
    /// What was asked.
    pub service: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// Pseudonym of the person or firm asked about.
    pub subject: Option<String>,
    /// Fields asked for, joined by commas.
    pub fields: Option<String>,
    /// The trace that led here.
    pub trace: Option<String>,
    /// When it was asked.
    pub asked_at: Moment,
    /// `asked`, `answered`, `refused`, `bad-signature`, `unreachable`, `timeout`.
    pub outcome: String,
    /// The error code, if there is one.
    pub code: Option<String>,
    /// When it ended.
    pub answered_at: Option<Moment>,
    /// Entry of the question in the transparency log.
    pub log_entry: Option<String>,
    /// Entry of the answer.
    pub answer_log_entry: Option<String>,
}

const QUESTION_INSERT: &str = "INSERT INTO exchange_question (id, side, number, client, service, purpose, case_number, \
     agreement, subject, fields, trace, asked_at, outcome, code, log_entry) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
     ON CONFLICT (side, client, number) DO NOTHING";
const QUESTION_END: &str = "UPDATE exchange_question SET outcome = $2, code = $3, answered_at = $4, \
     answer_log_entry = $5 WHERE id = $1";
const QUESTION_BY_NUMBER: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, answer_log_entry \
     FROM exchange_question WHERE number = $1 ORDER BY id LIMIT 4";
const QUESTIONS_ABOUT: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, answer_log_entry \
     FROM exchange_question WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const QUESTIONS_LATEST: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, answer_log_entry \
     FROM exchange_question WHERE id < $1 ORDER BY id DESC LIMIT $2";
const QUESTIONS_UNENDED: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, answer_log_entry \
     FROM exchange_question WHERE outcome = 'asked' AND asked_at < $1 ORDER BY asked_at LIMIT $2";
const QUESTIONS_PENDING: &str = "SELECT COUNT(*) FROM exchange_question WHERE outcome = 'asked'";

const QUESTION_NEWEST: &str = "SELECT MAX(id) FROM exchange_question";

/// The newest question's identifier, which tells when it was made.
pub async fn newest_question(tx: &mut Tx) -> Result<Option<Id>, StoreError> {
    let row = tx.one(QUESTION_NEWEST, &[]).await?;
    Ok(row.opt_text(0)?.and_then(|id| id.parse().ok()))
}

/// Enters a question; `false` if this client has used the number before.
pub async fn insert_question(tx: &mut Tx, row: &QuestionRow) -> Result<bool, StoreError> {
    let values = params![
        row.id,
        row.side.text(),
        &row.number,
        &row.client,
        &row.service,
        row.purpose.clone(),
        row.case.clone(),
        row.agreement.clone(),
        row.subject.clone(),
        row.fields.clone(),
        row.trace.clone(),
        row.asked_at,
        &row.outcome,
        row.code.clone(),
        row.log_entry.clone(),
    ];
    Ok(tx.execute(QUESTION_INSERT, &values).await? == 1)
}

/// How a question ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// As [`QuestionRow::outcome`].
    pub outcome: &'a str,
    /// The error code.
    pub code: Option<&'a str>,
    /// When.
    pub at: Moment,
    /// Entry in the transparency log.
    pub log_entry: Option<&'a str>,
}

/// Enters how a question ended.
pub async fn end_question(tx: &mut Tx, id: Id, ending: Ending<'_>) -> Result<(), StoreError> {
    let Ending {
        outcome,
        code,
        at,
        log_entry,
    } = ending;
    let values = params![
        id,
        outcome,
        code.map(str::to_owned),
        at,
        log_entry.map(str::to_owned)
    ];
    tx.execute(QUESTION_END, &values).await.map(drop)
}

fn question(row: &Row) -> Result<QuestionRow, StoreError> {
    Ok(QuestionRow {
        id: row.id(0)?,
        side: Side::of(&row.text(1)?),
        number: row.text(2)?,
        client: row.text(3)?,
        service: row.text(4)?,
        purpose: row.opt_text(5)?,
        case: row.opt_text(6)?,
        agreement: row.opt_text(7)?,
        subject: row.opt_text(8)?,
        fields: row.opt_text(9)?,
        trace: row.opt_text(10)?,
        asked_at: row.moment(11)?,
        outcome: row.text(12)?,
        code: row.opt_text(13)?,
        answered_at: row.opt_moment(14)?,
        log_entry: row.opt_text(15)?,
        answer_log_entry: row.opt_text(16)?,
    })
}

/// The questions with this number: one, or two if both sides are this node.
pub async fn questions_by_number(
    tx: &mut Tx,
    number: &str,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTION_BY_NUMBER, &params![number])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// Larger than every identifier: where paging from the newest begins.
pub const BEYOND: &str = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";

/// Questions about a pseudonym before `before`, newest first.
pub async fn questions_about(
    tx: &mut Tx,
    subject: &str,
    before: &str,
    limit: usize,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTIONS_ABOUT, &params![subject, before, limit])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// All questions before `before`, newest first.
pub async fn questions(
    tx: &mut Tx,
    before: &str,
    limit: usize,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTIONS_LATEST, &params![before, limit])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// Questions asked before a moment that have no end.
pub async fn unended(
    tx: &mut Tx,
    before: Moment,
    limit: usize,
) -> Result<Vec<QuestionRow>, StoreError> {
    tx.all(QUESTIONS_UNENDED, &params![before, limit])
        .await?
        .iter()
        .map(question)
        .collect()
}

/// How many questions wait for their end.
pub async fn pending(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.one(QUESTIONS_PENDING, &[]).await?.int(0)
}

/// A message as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The parts with the bytes that were signed.
    pub parts: Envelope,
    /// When it was journalled.
    pub at: Moment,
    /// The batch whose time stamp covers it.
    pub stamp: Option<String>,
    /// The chain from its signature to the stamped result.
    pub stamp_chain: Option<Vec<u8>>,
}

const MESSAGE_INSERT: &str = "INSERT INTO exchange_message (question, kind, at, rest, body, signature, chain_result, \
     chain, stamp) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '')";
const MESSAGE_GET: &str = "SELECT rest, body, signature, chain_result, chain, at, stamp, stamp_chain \
     FROM exchange_message WHERE question = $1 AND kind = $2";
const MESSAGES_UNSTAMPED: &str = "SELECT question, kind, signature FROM exchange_message WHERE stamp = '' \
     ORDER BY at, question, kind LIMIT $1";
const MESSAGE_STAMP: &str = "UPDATE exchange_message SET stamp = $3, stamp_chain = $4 \
     WHERE question = $1 AND kind = $2";
const OLDEST_UNSTAMPED: &str = "SELECT MIN(at), COUNT(*) FROM exchange_message WHERE stamp = ''";
const STAMP_INSERT: &str =
    "INSERT INTO exchange_stamp (id, at, chain_result, token) VALUES ($1, $2, $3, $4)";
const STAMP_GET: &str = "SELECT chain_result, token FROM exchange_stamp WHERE id = $1";

/// Enters one half of an exchange.
pub async fn insert_message(
    tx: &mut Tx,
    question: Id,
    half: Half,
    at: Moment,
    parts: &Envelope,
) -> Result<(), StoreError> {
    let values = params![
        question,
        half.text(),
        at,
        parts.rest.as_slice(),
        parts.body.clone(),
        parts.signature.as_slice(),
        parts.chain_result.clone(),
        parts.chain.clone(),
    ];
    tx.execute(MESSAGE_INSERT, &values).await.map(drop)
}

/// One half of an exchange.
pub async fn message(
    tx: &mut Tx,
    question: Id,
    half: Half,
) -> Result<Option<MessageRow>, StoreError> {
    let Some(row) = tx
        .maybe(MESSAGE_GET, &params![question, half.text()])
        .await?
    else {
        return Ok(None);
    };
    let parts = Envelope {
        ocsp: Vec::new(),
        rest: row.bytes(0)?,
        body: row.opt_bytes(1)?,
        signature: row.bytes(2)?,
        chain_result: row.opt_bytes(3)?,
        chain: row.opt_bytes(4)?,
    };
    let stamp = row.opt_text(6)?.filter(|id| !id.is_empty());
    Ok(Some(MessageRow {
        parts,
        at: row.moment(5)?,
        stamp,
        stamp_chain: row.opt_bytes(7)?,
    }))
}

/// A message that waits for its time stamp.
#[derive(Clone, Debug)]
pub struct Unstamped {
    /// Its question.
    pub question: String,
    /// `request` or `response`.
    pub kind: String,
    /// The signature's XML, which the stamp covers.
    pub signature: Vec<u8>,
}

/// The oldest messages without time stamp.
pub async fn unstamped(tx: &mut Tx, limit: usize) -> Result<Vec<Unstamped>, StoreError> {
    let rows = tx.all(MESSAGES_UNSTAMPED, &params![limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Unstamped {
                question: row.text(0)?,
                kind: row.text(1)?,
                signature: row.bytes(2)?,
            })
        })
        .collect()
}

/// When the oldest message without time stamp was journalled, and how many there are.
pub async fn stamp_backlog(tx: &mut Tx) -> Result<(Option<Moment>, i64), StoreError> {
    let row = tx.one(OLDEST_UNSTAMPED, &[]).await?;
    Ok((row.opt_moment(0)?, row.int(1)?))
}

/// Enters a time stamp.
pub async fn insert_stamp(
    tx: &mut Tx,
    id: Id,
    at: Moment,
    chain_result: Option<&[u8]>,
    token: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        STAMP_INSERT,
        &params![id, at, chain_result.map(<[u8]>::to_vec), token],
    )
    .await
    .map(drop)
}

/// Joins a message to its time stamp.
pub async fn set_stamp(
    tx: &mut Tx,
    message: &Unstamped,
    stamp: Id,
    chain: Option<&[u8]>,
) -> Result<(), StoreError> {
    let values = params![
        &message.question,
        &message.kind,
        stamp,
        chain.map(<[u8]>::to_vec)
    ];
    tx.execute(MESSAGE_STAMP, &values).await.map(drop)
}

/// A time stamp: the stamped result (absent if one signature was stamped alone) and the token.
pub async fn stamp(tx: &mut Tx, id: &str) -> Result<(Option<Vec<u8>>, Vec<u8>), StoreError> {
    let row = tx.one(STAMP_GET, &params![id]).await?;
    Ok((row.opt_bytes(0)?, row.bytes(1)?))
}

const DIRECTORY_GET: &str = "SELECT published FROM exchange_directory ORDER BY serial DESC LIMIT 1";
const DIRECTORY_SET: &str = "INSERT INTO exchange_directory (instance, serial, published, fetched_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (instance) DO UPDATE SET serial = $2, published = $3, fetched_at = $4 \
     WHERE exchange_directory.serial <= $2";

/// The published directory that this node kept.
pub async fn directory(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    tx.maybe(DIRECTORY_GET, &[])
        .await?
        .map(|row| row.text(0))
        .transpose()
}

/// Keeps a published directory unless a newer one is there.
pub async fn set_directory(
    tx: &mut Tx,
    instance: &str,
    serial: u64,
    published: &str,
    at: Moment,
) -> Result<(), StoreError> {
    tx.execute(DIRECTORY_SET, &params![instance, serial, published, at])
        .await
        .map(drop)
}

const OCSP_GET: &str = "SELECT response, fetched_at FROM exchange_ocsp WHERE certificate = $1";
const OCSP_SET: &str = "INSERT INTO exchange_ocsp (certificate, response, fetched_at) VALUES ($1, $2, $3) \
     ON CONFLICT (certificate) DO UPDATE SET response = $2, fetched_at = $3";

/// The OCSP response kept for a certificate (SHA-256 in hex), and from when it is.
pub async fn ocsp(tx: &mut Tx, certificate: &str) -> Result<Option<(Vec<u8>, Moment)>, StoreError> {
    let row = tx.maybe(OCSP_GET, &params![certificate]).await?;
    row.map(|row| Ok((row.bytes(0)?, row.moment(1)?)))
        .transpose()
}

/// Keeps an OCSP response.
pub async fn set_ocsp(
    tx: &mut Tx,
    certificate: &str,
    response: &[u8],
    at: Moment,
) -> Result<(), StoreError> {
    tx.execute(OCSP_SET, &params![certificate, response, at])
        .await
        .map(drop)
}

const AGREEMENT_SET: &str = "INSERT INTO exchange_agreement (number, client, service, purpose, fields, valid_from, \
     valid_until, legal_ground, daily_limit) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (number) DO UPDATE SET client = $2, service = $3, purpose = $4, fields = $5, valid_from = $6, \
     valid_until = $7, legal_ground = $8, daily_limit = $9";
const AGREEMENTS_FOR: &str = "SELECT number, client, service, purpose, fields, valid_from, valid_until, legal_ground, \
     daily_limit FROM exchange_agreement WHERE client = $1 AND service = $2 AND purpose = $3 \
     ORDER BY valid_until DESC LIMIT 20";
const AGREEMENT_GET: &str = "SELECT number, client, service, purpose, fields, valid_from, valid_until, legal_ground, \
     daily_limit FROM exchange_agreement WHERE number = $1";
const DAY_COUNT: &str = "INSERT INTO exchange_agreement_day (agreement, day, asked) VALUES ($1, $2, 1) \
     ON CONFLICT (agreement, day) DO UPDATE SET asked = exchange_agreement_day.asked + 1 RETURNING asked";
const DAY_GET: &str = "SELECT asked FROM exchange_agreement_day WHERE agreement = $1 AND day = $2";

/// Enters or replaces an agreement.
pub async fn set_agreement(tx: &mut Tx, agreement: &Agreement) -> Result<(), StoreError> {
    let fields = serde_json::to_string(&agreement.fields).unwrap_or_else(|_| "[]".to_owned());
    let values = params![
        &agreement.number,
        agreement.client.to_string(),
        agreement.service.to_string(),
        &agreement.purpose,
        fields,
        agreement.valid_from,
        agreement.until,
        &agreement.legal_ground,
        agreement.daily_limit,
    ];
    tx.execute(AGREEMENT_SET, &values).await.map(drop)
}

fn agreement(row: &Row) -> Result<Agreement, StoreError> {
    let column = |index, expected| StoreError::Column { index, expected };
    Ok(Agreement {
        number: row.text(0)?,
        client: row.text(1)?.parse().map_err(|_| column(1, "a subsystem"))?,
        service: row.text(2)?.parse().map_err(|_| column(2, "a service"))?,
        purpose: row.text(3)?,
        fields: serde_json::from_str(&row.text(4)?).map_err(|_| column(4, "a list of fields"))?,
        valid_from: row.moment(5)?,
        until: row.moment(6)?,
        legal_ground: row.text(7)?,
        daily_limit: row.opt_int(8)?.and_then(|limit| u32::try_from(limit).ok()),
    })
}

/// The agreements of two parties for a purpose, the longest-lived first.
pub async fn agreements_for(
    tx: &mut Tx,
    client: &SubsystemId,
    service: &ServiceId,
    purpose: &str,
) -> Result<Vec<Agreement>, StoreError> {
    let values = params![client.to_string(), service.to_string(), purpose];
    tx.all(AGREEMENTS_FOR, &values)
        .await?
        .iter()
        .map(agreement)
        .collect()
}

/// The agreement in force under a number.
pub async fn agreement_by_number(
    tx: &mut Tx,
    number: &str,
) -> Result<Option<Agreement>, StoreError> {
    let row = tx.maybe(AGREEMENT_GET, &params![number]).await?;
    row.as_ref().map(agreement).transpose()
}

/// Counts one question of a day and tells how many there are now; the row is locked until the end of `tx`.
pub async fn count_question(tx: &mut Tx, agreement: &str, day: i64) -> Result<i64, StoreError> {
    tx.one(DAY_COUNT, &params![agreement, day]).await?.int(0)
}

/// How many questions of a day were counted.
pub async fn counted(tx: &mut Tx, agreement: &str, day: i64) -> Result<i64, StoreError> {
    Ok(tx
        .maybe(DAY_GET, &params![agreement, day])
        .await?
        .map(|row| row.int(0))
        .transpose()?
        .unwrap_or(0))
}

const RECORD_SET: &str = "INSERT INTO exchange_record (register, subject, facts, valid_until, changed_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (register, subject) DO UPDATE SET facts = $3, valid_until = $4, \
     changed_at = $5";
const RECORD_GET: &str =
    "SELECT facts, valid_until FROM exchange_record WHERE register = $1 AND subject = $2";

/// Enters or replaces a record of a register.
pub async fn set_record(
    tx: &mut Tx,
    register: &str,
    subject: &str,
    facts: &str,
    valid_until: Option<Moment>,
    at: Moment,
) -> Result<(), StoreError> {
    let values = params![register, subject, facts, valid_until, at];
    tx.execute(RECORD_SET, &values).await.map(drop)
}

/// A record: facts as a JSON object, and until when they hold.
pub async fn record(
    tx: &mut Tx,
    register: &str,
    subject: &str,
) -> Result<Option<(String, Option<Moment>)>, StoreError> {
    let row = tx.maybe(RECORD_GET, &params![register, subject]).await?;
    row.map(|row| Ok((row.text(0)?, row.opt_moment(1)?)))
        .transpose()
}
