//! Statements of attempts that were refused before or beside the journal.

use kernel::{Id, Moment};
use store::{Row, StoreError, Tx, params};

use super::journal::question;
use super::{QuestionRow, Side};

/// A refused attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalRow {
    /// Its identifier.
    pub id: Id,
    /// The reference that whoever was refused got.
    pub reference: String,
    /// When.
    pub at: Moment,
    /// `client`, `provider` or `system`.
    pub side: String,
    /// SHA-256 of the peer's TLS certificate, in hex.
    pub peer: Option<String>,
    /// Who it claimed to be.
    pub client: Option<String>,
    /// What it wanted.
    pub service: Option<String>,
    /// Message number, if it had one.
    pub number: Option<String>,
    /// The step that failed; a word of `why::Stage`.
    pub step: String,
    /// The error code.
    pub code: String,
    /// The cause in words.
    pub cause: String,
}

impl RefusalRow {
    /// Which part this node had in it.
    pub fn party(&self) -> Side {
        match self.side.as_str() {
            "provider" => Side::Provider,
            _ => Side::Client,
        }
    }

    /// Who it claimed to be; empty if that could not be read.
    pub fn client(&self) -> &str {
        self.client.as_deref().unwrap_or_default()
    }

    /// What it wanted; empty if that could not be read.
    pub fn service(&self) -> &str {
        self.service.as_deref().unwrap_or_default()
    }
}

const INSERT: &str = "INSERT INTO exchange_refusal (id, reference, at, side, peer, client, service, number, step, code, \
     cause) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const PRUNE: &str = "DELETE FROM exchange_refusal WHERE id <= (SELECT id FROM exchange_refusal ORDER BY id DESC \
     LIMIT 1 OFFSET $1)";
const BY_NUMBER: &str = "SELECT id, reference, at, side, peer, client, service, number, step, code, cause \
     FROM exchange_refusal WHERE number = $1 ORDER BY id LIMIT 20";
const BY_REFERENCE: &str = "SELECT id, reference, at, side, peer, client, service, number, step, code, cause \
     FROM exchange_refusal WHERE reference = $1 ORDER BY id LIMIT 20";
const COUNT_DAY: &str = "SELECT side, client, service, code, COUNT(*) FROM exchange_refusal \
     WHERE at >= $1 AND at < $2 AND side <> 'system' GROUP BY side, client, service, code \
     ORDER BY side, client, service, code LIMIT 5000";
// The outcomes are those of the partial index, word for word, so that the engine uses it.
const BY_TRACE: &str = "SELECT id, side, number, client, service, purpose, case_number, agreement, subject, \
     fields, trace, asked_at, outcome, code, answered_at, log_entry, \
     request_turn, request_place, response_turn, response_place \
     FROM exchange_question WHERE id >= $1 AND trace >= $2 AND trace < $3 \
     AND outcome <> 'asked' AND outcome <> 'answered' ORDER BY id LIMIT 4";

fn refusal(row: &Row) -> Result<RefusalRow, StoreError> {
    Ok(RefusalRow {
        id: row.id(0)?,
        reference: row.text(1)?,
        at: row.moment(2)?,
        side: row.text(3)?,
        peer: row.opt_text(4)?,
        client: row.opt_text(5)?,
        service: row.opt_text(6)?,
        number: row.opt_text(7)?,
        step: row.text(8)?,
        code: row.text(9)?,
        cause: row.text(10)?,
    })
}

/// Enters a refused attempt.
pub async fn insert(tx: &mut Tx, row: &RefusalRow) -> Result<(), StoreError> {
    let values = params![
        row.id,
        &row.reference,
        row.at,
        &row.side,
        row.peer.clone(),
        row.client.clone(),
        row.service.clone(),
        row.number.clone(),
        &row.step,
        &row.code,
        &row.cause,
    ];
    tx.execute(INSERT, &values).await.map(drop)
}

/// Forgets the oldest, so that `keep` remain.
pub async fn prune(tx: &mut Tx, keep: usize) -> Result<u64, StoreError> {
    tx.execute(PRUNE, &params![keep]).await
}

/// Attempts with a message number, the earliest first.
pub async fn by_number(tx: &mut Tx, number: &str) -> Result<Vec<RefusalRow>, StoreError> {
    tx.all(BY_NUMBER, &params![number])
        .await?
        .iter()
        .map(refusal)
        .collect()
}

/// Attempts with a reference.
pub async fn by_reference(tx: &mut Tx, reference: &str) -> Result<Vec<RefusalRow>, StoreError> {
    tx.all(BY_REFERENCE, &params![reference])
        .await?
        .iter()
        .map(refusal)
        .collect()
}

/// How many attempts were refused between two moments: side, client, service, code, count.
pub async fn counted(
    tx: &mut Tx,
    from: Moment,
    until: Moment,
) -> Result<Vec<(String, Option<String>, Option<String>, String, i64)>, StoreError> {
    let rows = tx.all(COUNT_DAY, &params![from, until]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.text(0)?,
                row.opt_text(1)?,
                row.opt_text(2)?,
                row.text(3)?,
                row.int(4)?,
            ))
        })
        .collect()
}

/// Questions without a good answer, not older than `since` (an identifier), whose trace begins as given.
pub async fn questions_by_trace(
    tx: &mut Tx,
    since: Id,
    trace: &str,
) -> Result<Vec<QuestionRow>, StoreError> {
    let values = params![since, trace, format!("{trace}g")];
    tx.all(BY_TRACE, &values)
        .await?
        .iter()
        .map(question)
        .collect()
}
