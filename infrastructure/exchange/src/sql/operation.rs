//! Records of operational monitoring: a row holds the records of one second that were written together.

use kernel::Id;
use store::{StoreError, Tx, params};

const INSERT: &str =
    "INSERT INTO exchange_operation (id, at, records, count) VALUES ($1, $2, $3, $4)";
const BETWEEN: &str = "SELECT at, records FROM exchange_operation WHERE at >= $1 AND at <= $2 ORDER BY at, id LIMIT $3";
const COUNTED: &str =
    "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM exchange_operation WHERE at < $1";
const FORGET: &str = "DELETE FROM exchange_operation WHERE at < $1";
const NEWEST_OF_EXCESS: &str = "SELECT MAX(at) FROM (SELECT at, SUM(count) OVER (ORDER BY at DESC, id DESC) AS held \
     FROM exchange_operation) AS counted WHERE held > $1";

/// Enters records that ended in a second of Unix time.
pub async fn insert(
    tx: &mut Tx,
    id: Id,
    at: i64,
    records: &str,
    count: usize,
) -> Result<(), StoreError> {
    let values = params![id, at, records, count];
    tx.execute(INSERT, &values).await.map(drop)
}

/// Seconds and texts of records that ended from one second to another, in order.
pub async fn between(
    tx: &mut Tx,
    from: i64,
    to: i64,
    limit: usize,
) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = tx.all(BETWEEN, &params![from, to, limit]).await?;
    rows.iter()
        .map(|row| Ok((row.int(0)?, row.text(1)?)))
        .collect()
}

/// Removes records before a second, and the oldest beyond a number; tells how many.
pub async fn forget(tx: &mut Tx, before: i64, most: i64) -> Result<i64, StoreError> {
    let excess = tx.one(NEWEST_OF_EXCESS, &params![most]).await?.opt_int(0)?;
    let before = excess.map_or(before, |excess| before.max(excess + 1));
    let count = tx.one(COUNTED, &params![before]).await?.int(0)?;
    tx.execute(FORGET, &params![before]).await?;
    Ok(count)
}
