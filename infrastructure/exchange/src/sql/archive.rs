//! Archives that were written, and what of the journal they made dispensable.

use kernel::{Id, Moment};
use store::{Row, StoreError, Tx, params};

/// An archive file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveRow {
    /// 1, 2, 3 ... without gaps.
    pub n: i64,
    /// Its file name.
    pub file: String,
    /// Whether it is written; if not, the next turn writes it under the same name.
    pub is_done: bool,
    /// Digest of its last container.
    pub digest: String,
    /// The last question in it; all before it are in this archive or an earlier one.
    pub last: String,
}

const LATEST: &str =
    "SELECT n, file, state, digest, last_question FROM exchange_archive ORDER BY n DESC LIMIT 2";
const BEGIN: &str = "INSERT INTO exchange_archive (n, file, state, digest, last_question, containers, at) \
     VALUES ($1, $2, 'begun', '', '', 0, $3)";
const DONE: &str = "UPDATE exchange_archive SET state = 'done', digest = $2, last_question = $3, containers = $4 \
     WHERE n = $1";
const QUESTIONS_AFTER: &str =
    "SELECT number, id FROM exchange_question WHERE id > $1 ORDER BY id LIMIT $2";
const LATE_ADD: &str =
    "INSERT INTO exchange_archive_late (question) VALUES ($1) ON CONFLICT (question) DO NOTHING";
const LATE: &str = "SELECT q.number, q.id FROM exchange_archive_late l JOIN exchange_question q ON q.id = l.question \
     WHERE q.id <= $1 ORDER BY q.id LIMIT $2";
const LATE_DROP: &str = "DELETE FROM exchange_archive_late WHERE question = $1";
const OLDEST_KEPT: &str =
    "SELECT id FROM exchange_question WHERE id <= $1 AND id < $2 ORDER BY id DESC LIMIT 1";
const NEXT_AFTER: &str = "SELECT id FROM exchange_question WHERE id > $1 ORDER BY id LIMIT 1";
const FIRST_TURN_BETWEEN: &str =
    "SELECT MIN(request_turn) FROM exchange_question WHERE id > $1 AND id < $2";
const LAST_TURN: &str = "SELECT COALESCE(MAX(seq), 0) FROM exchange_turn";
const EMPTY_TURNS: &str =
    "UPDATE exchange_turn SET records = $3 WHERE seq > $1 AND seq <= $2 AND LENGTH(records) > 0";
const EMPTIED: &str = "SELECT value FROM exchange_counter WHERE name = 'emptied-turn'";
const SET_EMPTIED: &str = "INSERT INTO exchange_counter (name, value) VALUES ('emptied-turn', $1) \
     ON CONFLICT (name) DO UPDATE SET value = $1";
const DROP_BODIES: &str = "DELETE FROM exchange_body WHERE question <= $1";

fn archive(row: &Row) -> Result<ArchiveRow, StoreError> {
    Ok(ArchiveRow {
        n: row.int(0)?,
        file: row.text(1)?,
        is_done: row.text(2)? == "done",
        digest: row.text(3)?,
        last: row.text(4)?,
    })
}

/// The last archive that is written, and the one that was begun after it, if there is one.
pub async fn latest(tx: &mut Tx) -> Result<(Option<ArchiveRow>, Option<ArchiveRow>), StoreError> {
    let rows = tx.all(LATEST, &[]).await?;
    let rows: Vec<ArchiveRow> = rows.iter().map(archive).collect::<Result<_, _>>()?;
    let done = rows.iter().find(|row| row.is_done).cloned();
    Ok((done, rows.into_iter().find(|row| !row.is_done)))
}

/// Notes that an archive is being written.
pub async fn begin(tx: &mut Tx, n: i64, file: &str, at: Moment) -> Result<(), StoreError> {
    tx.execute(BEGIN, &params![n, file, at]).await.map(drop)
}

/// Notes that it is on disk.
pub async fn done(
    tx: &mut Tx,
    n: i64,
    digest: &str,
    last: &str,
    containers: usize,
) -> Result<(), StoreError> {
    tx.execute(DONE, &params![n, digest, last, containers])
        .await
        .map(drop)
}

fn named(row: &Row) -> Result<(String, Id), StoreError> {
    Ok((row.text(0)?, row.id(1)?))
}

/// Numbers and identifiers of questions after one, in order.
pub async fn questions_after(
    tx: &mut Tx,
    after: &str,
    limit: usize,
) -> Result<Vec<(String, Id)>, StoreError> {
    let rows = tx.all(QUESTIONS_AFTER, &params![after, limit]).await?;
    rows.iter().map(named).collect()
}

/// Notes that a question may get another half after it was archived.
pub async fn add_late(tx: &mut Tx, question: Id) -> Result<(), StoreError> {
    tx.execute(LATE_ADD, &params![question]).await.map(drop)
}

/// Such questions up to the last that is archived.
pub async fn late(
    tx: &mut Tx,
    archived: &str,
    limit: usize,
) -> Result<Vec<(String, Id)>, StoreError> {
    let rows = tx.all(LATE, &params![archived, limit]).await?;
    rows.iter().map(named).collect()
}

/// Such a question is archived again.
pub async fn drop_late(tx: &mut Tx, question: Id) -> Result<(), StoreError> {
    tx.execute(LATE_DROP, &params![question]).await.map(drop)
}

/// Removes the records and large bodies of archived questions that were asked before a moment; their rows, the digests of
/// their signatures and the log stay. Tells how many turns were emptied. A question may come to the store so many seconds
/// (`settled`) after a younger one; what is read is what came since the last time, not all that lies there.
pub async fn remove(
    tx: &mut Tx,
    archived: &str,
    before: Moment,
    settled: i64,
) -> Result<u64, StoreError> {
    let values = params![archived, Id::first_at(before)];
    let Some(row) = tx.maybe(OLDEST_KEPT, &values).await? else {
        return Ok(0);
    };
    let last = row.text(0)?;
    let turn = last_turn_before(tx, &last, settled).await?;
    let emptied = tx.maybe(EMPTIED, &[]).await?;
    let emptied = emptied.map_or(Ok(0), |row| row.int(0))?;
    tx.execute(DROP_BODIES, &params![&last]).await?;
    let values = params![emptied, turn, Vec::<u8>::new()];
    let count = tx.execute(EMPTY_TURNS, &values).await?;
    tx.execute(SET_EMPTIED, &params![turn.max(emptied)]).await?;
    Ok(count)
}

/// The last turn that holds no request younger than the question `last`.
async fn last_turn_before(tx: &mut Tx, last: &str, settled: i64) -> Result<i64, StoreError> {
    let Some(next) = tx.maybe(NEXT_AFTER, &params![last]).await? else {
        return tx.one(LAST_TURN, &[]).await?.int(0);
    };
    let until = Id::first_at(next.id(0)?.at().plus_seconds(settled));
    let first = tx.one(FIRST_TURN_BETWEEN, &params![last, until]).await?;
    Ok(first.opt_int(0)?.unwrap_or(1) - 1)
}
