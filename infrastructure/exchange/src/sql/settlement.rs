//! Statements about questions that ended without an answer here, and what the other node knows of them.

use kernel::{Id, Moment};
use store::{StoreError, Tx, params};

/// A question whose end at the other node is not known yet.
#[derive(Clone, Debug)]
pub struct Unsettled {
    /// The journal's identifier.
    pub id: Id,
    /// The message number.
    pub number: String,
    /// Who asked.
    pub client: String,
    /// What was asked.
    pub service: String,
}

/// What the other node said of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementRow {
    /// How it ended there, or `unknown` if it never came there, or `not-told`.
    pub there: String,
    /// When the other node said so.
    pub at: Moment,
    /// Number of the message in which it said so.
    pub evidence: String,
    /// Entry in the transparency log.
    pub log_entry: String,
}

// The first two comparisons of the outcome are those of the partial index, word for word, so that the engine uses it. A
// request that the line doubled may be refused as a repetition of itself: invalid_request is the code for that.
const UNSETTLED: &str = "SELECT id, number, client, service FROM exchange_question WHERE side = 'client' \
     AND outcome <> 'asked' AND outcome <> 'answered' \
     AND outcome IN ('timeout', 'unreachable', 'bad-signature', 'broken-off', 'refused') \
     AND (outcome <> 'refused' OR code LIKE '%invalid_request' OR code LIKE '%InvalidRequest') \
     AND asked_at > $1 AND asked_at < $2 \
     AND service NOT LIKE $3 \
     AND NOT EXISTS (SELECT 1 FROM exchange_settlement WHERE question = exchange_question.id) \
     ORDER BY asked_at LIMIT $4";
const SETTLE: &str = "INSERT INTO exchange_settlement (question, number, there, at, evidence, log_entry) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (question) DO NOTHING";
const SETTLEMENT: &str =
    "SELECT there, at, evidence, log_entry FROM exchange_settlement WHERE number = $1 LIMIT 1";

/// Questions asked between two moments that failed here and were not settled, except those to services whose
/// identifier ends in `except`.
pub async fn unsettled(
    tx: &mut Tx,
    (after, before): (Moment, Moment),
    except: &str,
    limit: usize,
) -> Result<Vec<Unsettled>, StoreError> {
    let pattern = format!("%/{except}");
    let rows = tx
        .all(UNSETTLED, &params![after, before, pattern, limit])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Unsettled {
                id: row.id(0)?,
                number: row.text(1)?,
                client: row.text(2)?,
                service: row.text(3)?,
            })
        })
        .collect()
}

/// Enters what the other node said.
pub async fn settle(
    tx: &mut Tx,
    question: &Unsettled,
    row: &SettlementRow,
) -> Result<(), StoreError> {
    let values = params![
        question.id,
        &question.number,
        &row.there,
        row.at,
        &row.evidence,
        &row.log_entry
    ];
    tx.execute(SETTLE, &values).await.map(drop)
}

/// What the other node said of the question with this message number.
pub async fn settlement(tx: &mut Tx, number: &str) -> Result<Option<SettlementRow>, StoreError> {
    let row = tx.maybe(SETTLEMENT, &params![number]).await?;
    row.map(|row| {
        Ok(SettlementRow {
            there: row.text(0)?,
            at: row.moment(1)?,
            evidence: row.text(2)?,
            log_entry: row.text(3)?,
        })
    })
    .transpose()
}
