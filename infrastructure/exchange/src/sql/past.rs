//! Statements that enter a long past at once; for measuring alone. The rows are those of `journal`.

use kernel::Id;
use store::{Bulk, Kind, StoreError, Tx, params};

use Kind::{Bytes, Int, Text};

/// Questions that have ended: every column, in the table's order.
pub static QUESTIONS: Bulk = Bulk {
    one: "INSERT INTO exchange_question (id, side, number, client, service, purpose, case_number, agreement, subject, \
          fields, trace, asked_at, outcome, code, answered_at, log_entry, request_turn, request_place, response_turn, \
          response_place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
          ?19, ?20)",
    head: "INSERT INTO exchange_question (id, side, number, client, service, purpose, case_number, agreement, subject, \
           fields, trace, asked_at, outcome, code, answered_at, log_entry, request_turn, request_place, \
           response_turn, response_place) SELECT * FROM (VALUES ",
    columns: &[
        Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Text, Int, Text, Text, Int,
        Text, Int, Int, Int, Int,
    ],
    tail: ") AS v WHERE column1 IS NOT NULL",
    tells: false,
};
/// Turns: number, moment, count of messages, digests, records.
pub static TURNS: Bulk = Bulk {
    one: "INSERT INTO exchange_turn (seq, at, messages, digests, records) VALUES (?1, ?2, ?3, ?4, ?5)",
    head: "INSERT INTO exchange_turn (seq, at, messages, digests, records) SELECT * FROM (VALUES ",
    columns: &[Int, Int, Int, Bytes, Bytes],
    tail: ") AS v WHERE column1 IS NOT NULL",
    tells: false,
};
const INDEXES_DROP: [&str; 2] = [
    "DROP INDEX IF EXISTS exchange_question_number",
    "DROP INDEX IF EXISTS exchange_question_subject",
];
const INDEXES_MAKE: [&str; 2] = [
    "CREATE UNIQUE INDEX IF NOT EXISTS exchange_question_number ON exchange_question (number, client, side)",
    "CREATE INDEX IF NOT EXISTS exchange_question_subject ON exchange_question (subject, id) \
     WHERE subject IS NOT NULL",
];
const LAST_TURN: &str = "SELECT COALESCE(MAX(seq), 0) FROM exchange_turn";
const ONE_AFTER: &str = "SELECT number, log_entry FROM exchange_question WHERE id >= $1 AND log_entry IS NOT NULL \
     ORDER BY id LIMIT 1";

/// Drops the indexes whose rows come at random places, or makes them anew: sorting once costs less.
pub async fn index(tx: &mut Tx, is_wanted: bool) -> Result<(), StoreError> {
    let texts = if is_wanted {
        INDEXES_MAKE
    } else {
        INDEXES_DROP
    };
    for text in texts {
        tx.execute(text, &[]).await?;
    }
    Ok(())
}

/// The last turn's number; 0 if there is none.
pub async fn last_turn(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.one(LAST_TURN, &[]).await?.int(0)
}

/// Number and log entry of the first question at or after an identifier.
pub async fn one_after(tx: &mut Tx, id: Id) -> Result<Option<(String, Id)>, StoreError> {
    let row = tx.maybe(ONE_AFTER, &params![id]).await?;
    row.map(|row| Ok((row.text(0)?, row.id(1)?))).transpose()
}
