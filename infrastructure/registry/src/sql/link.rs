//! Join links.

use kernel::{Id, MemberId, Moment};
use store::{Row, StoreError, Tx, params};

use super::{PAGE_ROWS, limit};

/// A link's row.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// Its name.
    pub id: String,
    /// Its secret.
    pub secret: Vec<u8>,
    /// The member it is for, if it is for one that exists.
    pub member: Option<MemberId>,
    /// Who made it.
    pub made_by: String,
    /// Until when it is good.
    pub until: Moment,
    /// `open`, `used` or `revoked`.
    pub state: String,
    /// The application that used it.
    pub application: Option<Id>,
}

const PUT: &str =
    "INSERT INTO registry_link (id, secret, member, made_by, made_at, until_at, state, application)
     VALUES ($1, $2, $3, $4, $5, $6, 'open', NULL)";
const ONE: &str = "SELECT id, secret, member, made_by, until_at, state, application FROM registry_link WHERE id = $1";
const OPEN: &str =
    "SELECT id, secret, member, made_by, until_at, state, application FROM registry_link
     WHERE state = 'open' AND until_at > $1 ORDER BY until_at DESC, id LIMIT $2";
const COUNT_OPEN: &str =
    "SELECT COUNT(*) FROM registry_link WHERE state = 'open' AND until_at > $1";
const USE: &str =
    "UPDATE registry_link SET state = 'used', application = $2 WHERE id = $1 AND state = 'open'";
const REVOKE: &str = "UPDATE registry_link SET state = 'revoked' WHERE id = $1 AND state = 'open'";

fn row(row: &Row) -> Result<LinkRow, StoreError> {
    let member = row.opt_text(2)?.map(|text| text.parse()).transpose();
    Ok(LinkRow {
        id: row.text(0)?,
        secret: row.bytes(1)?,
        member: member.map_err(|_| StoreError::Column {
            index: 2,
            expected: "member",
        })?,
        made_by: row.text(3)?,
        until: row.moment(4)?,
        state: row.text(5)?,
        application: row.opt_id(6)?,
    })
}

/// Enters a link.
pub async fn put(
    tx: &mut Tx,
    (id, secret): (&str, &[u8]),
    member: Option<&MemberId>,
    made_by: &str,
    (at, until): (Moment, Moment),
) -> Result<(), StoreError> {
    let member = member.map(ToString::to_string);
    let values = params![id, secret, member, made_by, at, until];
    tx.execute(PUT, &values).await.map(drop)
}

/// One link.
pub async fn one(tx: &mut Tx, id: &str) -> Result<Option<LinkRow>, StoreError> {
    let found = tx.maybe(ONE, &params![id]).await?;
    found.as_ref().map(row).transpose()
}

/// Links that are good at `now`.
pub async fn open(tx: &mut Tx, now: Moment) -> Result<Vec<LinkRow>, StoreError> {
    let rows = tx.all(OPEN, &params![now, limit(PAGE_ROWS)]).await?;
    rows.iter().map(row).collect()
}

/// How many links are good at `now`.
pub async fn count_open(tx: &mut Tx, now: Moment) -> Result<i64, StoreError> {
    tx.one(COUNT_OPEN, &params![now]).await?.int(0)
}

/// Uses a link up. Tells whether it was open.
pub async fn use_up(tx: &mut Tx, id: &str, application: Id) -> Result<bool, StoreError> {
    Ok(tx.execute(USE, &params![id, application]).await? > 0)
}

/// Revokes a link. Tells whether it was open.
pub async fn revoke(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(REVOKE, &params![id]).await? > 0)
}
