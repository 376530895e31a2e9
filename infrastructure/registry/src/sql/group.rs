//! Global groups, and foreign trust services.

use kernel::{Id, Moment, SubsystemId};
use store::{Row, StoreError, Tx, params};

/// A group's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its code.
    pub code: String,
    /// What it is for.
    pub name: String,
    /// Subsystems in it.
    pub members: Vec<SubsystemId>,
}

/// A trust service's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// Its number.
    pub id: Id,
    /// `ca` or `tsa`.
    pub kind: String,
    /// Name to show.
    pub name: String,
    /// Address: OCSP of a certificate authority, RFC 3161 of a time stamper.
    pub url: String,
    /// Certificate profile of a certificate authority; see `services::PROFILES`.
    pub profile: String,
    /// Its certificate.
    pub der: Vec<u8>,
    /// Since when.
    pub since: Moment,
}

const PUT: &str = "INSERT INTO registry_group (code, name, since) VALUES ($1, $2, $3)
     ON CONFLICT (code) DO UPDATE SET name = $2";
const DROP: &str = "DELETE FROM registry_group WHERE code = $1";
const DROP_MEMBERS: &str = "DELETE FROM registry_group_member WHERE code = $1";
const DROP_EVERYWHERE: &str = "DELETE FROM registry_group_member WHERE subsystem = $1";
const ALL: &str = "SELECT code, name FROM registry_group ORDER BY code LIMIT $1";
const MEMBERS: &str =
    "SELECT code, subsystem FROM registry_group_member ORDER BY code, subsystem LIMIT $1";
const ADD: &str = "INSERT INTO registry_group_member (code, subsystem, since) VALUES ($1, $2, $3)
     ON CONFLICT (code, subsystem) DO NOTHING";
const REMOVE: &str = "DELETE FROM registry_group_member WHERE code = $1 AND subsystem = $2";
const PUT_SERVICE: &str =
    "INSERT INTO registry_service (id, kind, name, url, profile, der, state, since)
     VALUES ($1, $2, $3, $4, $5, $6, 'active', $7)";
const RETIRE_SERVICE: &str =
    "UPDATE registry_service SET state = 'retired' WHERE id = $1 AND state = 'active'";
const SERVICES: &str = "SELECT id, kind, name, url, profile, der, since FROM registry_service
     WHERE state = 'active' ORDER BY id LIMIT $1";

/// Enters or renames a group.
pub async fn put(tx: &mut Tx, code: &str, name: &str, at: Moment) -> Result<(), StoreError> {
    tx.execute(PUT, &params![code, name, at]).await.map(drop)
}

/// Removes a group with its list. Tells whether it was there.
pub async fn remove(tx: &mut Tx, code: &str) -> Result<bool, StoreError> {
    tx.execute(DROP_MEMBERS, &params![code]).await?;
    Ok(tx.execute(DROP, &params![code]).await? > 0)
}

/// All groups with their members.
pub async fn all(tx: &mut Tx) -> Result<Vec<GroupRow>, StoreError> {
    let heads = tx.all(ALL, &params![super::ALL_ROWS]).await?;
    let mut groups = heads
        .iter()
        .map(|row| {
            Ok(GroupRow {
                code: row.text(0)?,
                name: row.text(1)?,
                members: Vec::new(),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    for row in tx.all(MEMBERS, &params![super::ALL_ROWS]).await? {
        let code = row.text(0)?;
        if let Some(group) = groups.iter_mut().find(|group| group.code == code) {
            let subsystem = super::server::parsed(&row, 1, "subsystem")?;
            group.members.push(subsystem);
        }
    }
    Ok(groups)
}

/// Puts a subsystem into a group.
pub async fn add(
    tx: &mut Tx,
    code: &str,
    subsystem: &SubsystemId,
    at: Moment,
) -> Result<bool, StoreError> {
    let values = params![code, subsystem.to_string(), at];
    Ok(tx.execute(ADD, &values).await? > 0)
}

/// Takes a subsystem out of a group.
pub async fn take(tx: &mut Tx, code: &str, subsystem: &SubsystemId) -> Result<bool, StoreError> {
    Ok(tx
        .execute(REMOVE, &params![code, subsystem.to_string()])
        .await?
        > 0)
}

/// Takes a subsystem out of every group.
pub async fn take_everywhere(tx: &mut Tx, subsystem: &SubsystemId) -> Result<(), StoreError> {
    tx.execute(DROP_EVERYWHERE, &params![subsystem.to_string()])
        .await
        .map(drop)
}

fn service(row: &Row) -> Result<ServiceRow, StoreError> {
    Ok(ServiceRow {
        id: row.id(0)?,
        kind: row.text(1)?,
        name: row.text(2)?,
        url: row.text(3)?,
        profile: row.text(4)?,
        der: row.bytes(5)?,
        since: row.moment(6)?,
    })
}

/// Enters a trust service.
pub async fn put_service(tx: &mut Tx, row: &ServiceRow) -> Result<(), StoreError> {
    let values = params![
        row.id,
        row.kind.clone(),
        row.name.clone(),
        row.url.clone(),
        row.profile.clone(),
        row.der.clone(),
        row.since
    ];
    tx.execute(PUT_SERVICE, &values).await.map(drop)
}

/// Retires a trust service. Tells whether it was active.
pub async fn retire_service(tx: &mut Tx, id: Id) -> Result<bool, StoreError> {
    Ok(tx.execute(RETIRE_SERVICE, &params![id]).await? > 0)
}

/// Active trust services.
pub async fn services(tx: &mut Tx) -> Result<Vec<ServiceRow>, StoreError> {
    let rows = tx.all(SERVICES, &params![super::ALL_ROWS]).await?;
    rows.iter().map(service).collect()
}
