//! Members and their subsystems.

use kernel::{MemberId, Moment, SubsystemId};
use store::{Row, StoreError, Tx, params};

/// A member's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// Who.
    pub id: MemberId,
    /// Name to show.
    pub name: String,
    /// Whether it is one now; a revoked member's number stays taken.
    pub active: bool,
    /// Since when.
    pub since: Moment,
    /// Until when, if it was revoked.
    pub ended_at: Option<Moment>,
    /// Why it was revoked.
    pub why: Option<String>,
}

const COLUMNS_OF: &str = "SELECT id, name, state, since, ended_at, why FROM registry_member
     WHERE class = $1 AND code = $2";
const PAGE: &str = "SELECT id, name, state, since, ended_at, why FROM registry_member
     WHERE id > $1 ORDER BY id LIMIT $2";
const PUT: &str = "INSERT INTO registry_member (id, class, code, name, state, since, ended_at, why)
     VALUES ($1, $2, $3, $4, 'active', $5, NULL, NULL)
     ON CONFLICT (id) DO UPDATE SET name = $4, state = 'active', ended_at = NULL, why = NULL";
const END: &str = "UPDATE registry_member SET state = 'revoked', ended_at = $2, why = $3
     WHERE id = $1 AND state = 'active'";
const COUNT: &str = "SELECT COUNT(*) FROM registry_member WHERE state = 'active'";
const PUT_SUBSYSTEM: &str = "INSERT INTO registry_subsystem (id, member, code, since)
     VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
const DROP_SUBSYSTEM: &str = "DELETE FROM registry_subsystem WHERE id = $1";
const SUBSYSTEMS: &str = "SELECT code FROM registry_subsystem WHERE member = $1 ORDER BY code";
const ALL_SUBSYSTEMS: &str = "SELECT id FROM registry_subsystem ORDER BY id LIMIT $1";

fn member(row: &Row) -> Result<MemberRow, StoreError> {
    let id = row.text(0)?.parse().map_err(|_| StoreError::Column {
        index: 0,
        expected: "member",
    })?;
    Ok(MemberRow {
        id,
        name: row.text(1)?,
        active: row.text(2)? == "active",
        since: row.moment(3)?,
        ended_at: row.opt_moment(4)?,
        why: row.opt_text(5)?,
    })
}

/// The member with this class and code, revoked or not.
pub async fn by_code(
    tx: &mut Tx,
    class: &str,
    code: &str,
) -> Result<Option<MemberRow>, StoreError> {
    let row = tx.maybe(COLUMNS_OF, &params![class, code]).await?;
    row.as_ref().map(member).transpose()
}

/// Members after `after`, by identifier.
pub async fn page(tx: &mut Tx, after: &str, rows: i64) -> Result<Vec<MemberRow>, StoreError> {
    let rows = tx.all(PAGE, &params![after, rows]).await?;
    rows.iter().map(member).collect()
}

/// Enters a member, or makes a revoked one active again.
pub async fn put(tx: &mut Tx, id: &MemberId, name: &str, at: Moment) -> Result<(), StoreError> {
    let values = params![id.to_string(), id.class.clone(), id.code.clone(), name, at];
    tx.execute(PUT, &values).await.map(drop)
}

/// Ends a membership. Tells whether it was active.
pub async fn end(tx: &mut Tx, id: &MemberId, at: Moment, why: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(END, &params![id.to_string(), at, why]).await? > 0)
}

/// How many members there are.
pub async fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.one(COUNT, &[]).await?.int(0)
}

/// Enters a subsystem. Tells whether it is new.
pub async fn put_subsystem(tx: &mut Tx, id: &SubsystemId, at: Moment) -> Result<bool, StoreError> {
    let values = params![id.to_string(), id.member.to_string(), id.code.clone(), at];
    Ok(tx.execute(PUT_SUBSYSTEM, &values).await? > 0)
}

/// Removes a subsystem. Tells whether it was there.
pub async fn drop_subsystem(tx: &mut Tx, id: &SubsystemId) -> Result<bool, StoreError> {
    Ok(tx.execute(DROP_SUBSYSTEM, &params![id.to_string()]).await? > 0)
}

/// Codes of a member's subsystems.
pub async fn subsystems(tx: &mut Tx, id: &MemberId) -> Result<Vec<String>, StoreError> {
    let rows = tx.all(SUBSYSTEMS, &params![id.to_string()]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// All subsystems.
pub async fn all_subsystems(tx: &mut Tx) -> Result<Vec<SubsystemId>, StoreError> {
    let rows = tx.all(ALL_SUBSYSTEMS, &params![super::ALL_ROWS]).await?;
    rows.iter()
        .map(|row| super::server::parsed(row, 0, "subsystem"))
        .collect()
}
