//! Every statement of the portal. Its only table keeps what was typed when a session had ended.

use kernel::Moment;
use store::{Migration, StoreError, Tx, params};

/// The portal's tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "kept",
    sql: include_str!("../migrations/1_kept.sql"),
}];

const KEEP: &str =
    "INSERT INTO portal_kept (browser, place, whose, fields, kept_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (browser, place) DO UPDATE SET
    whose = excluded.whose, fields = excluded.fields, kept_at = excluded.kept_at";
const COUNT: &str = "SELECT COUNT(*) FROM portal_kept WHERE browser = $1";
const TAKE: &str =
    "DELETE FROM portal_kept WHERE browser = $1 AND place = $2 AND whose = $3 AND kept_at >= $4
    RETURNING fields";
const SWEEP: &str = "DELETE FROM portal_kept WHERE kept_at < $1";

/// Keeps `fields` (JSON) for this browser and place; what was kept there before is replaced.
pub async fn keep(
    tx: &mut Tx,
    browser: &str,
    place: &str,
    whose: &str,
    fields: &str,
    at: Moment,
) -> Result<(), StoreError> {
    tx.execute(KEEP, &params![browser, place, whose, fields, at])
        .await
        .map(drop)
}

/// How many places this browser has something kept for.
pub async fn kept_count(tx: &mut Tx, browser: &str) -> Result<i64, StoreError> {
    tx.one(COUNT, &params![browser]).await?.int(0)
}

/// Takes out what was kept since `since`, once.
pub async fn take(
    tx: &mut Tx,
    browser: &str,
    place: &str,
    whose: &str,
    since: Moment,
) -> Result<Option<String>, StoreError> {
    let row = tx
        .maybe(TAKE, &params![browser, place, whose, since])
        .await?;
    row.map(|row| row.text(0)).transpose()
}

/// Removes what was kept before `before`.
pub async fn sweep(tx: &mut Tx, before: Moment) -> Result<u64, StoreError> {
    tx.execute(SWEEP, &params![before]).await
}
