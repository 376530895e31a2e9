//! Servers, their certificates, and the subsystems registered on them.

use kernel::{MemberId, Moment, ServerId, SubsystemId};
use store::{Row, StoreError, Tx, params};

/// A server's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    /// Which.
    pub id: ServerId,
    /// `host:port` for other servers.
    pub address: String,
    /// The verifier key of the log that it keeps.
    pub log_key: String,
    /// Whether it is in maintenance.
    pub maintenance: bool,
    /// What people are told about it.
    pub notice: String,
    /// Since when it is registered.
    pub since: Moment,
}

/// A certificate's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// Its server.
    pub server: ServerId,
    /// `auth`, `sign` or `seal`.
    pub purpose: String,
    /// Serial number, hex.
    pub serial: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// Its end.
    pub not_after: Moment,
}

const ALL: &str = "SELECT id, address, log_key, maintenance, notice, since FROM registry_server
     ORDER BY id LIMIT $1";
const OF_MEMBER: &str =
    "SELECT id, address, log_key, maintenance, notice, since FROM registry_server
     WHERE member = $1 ORDER BY code";
const ONE: &str =
    "SELECT id, address, log_key, maintenance, notice, since FROM registry_server WHERE id = $1";
const PUT: &str =
    "INSERT INTO registry_server (id, member, code, address, log_key, maintenance, notice, since)
     VALUES ($1, $2, $3, $4, $5, 0, '', $6)
     ON CONFLICT (id) DO UPDATE SET address = $4, log_key = $5";
const DROP: &str = "DELETE FROM registry_server WHERE id = $1";
const SET_ADDRESS: &str = "UPDATE registry_server SET address = $2 WHERE id = $1";
const SET_MAINTENANCE: &str =
    "UPDATE registry_server SET maintenance = $2, notice = $3 WHERE id = $1";
const PUT_CLIENT: &str =
    "INSERT INTO registry_client (subsystem, server, since) VALUES ($1, $2, $3)
     ON CONFLICT (subsystem, server) DO NOTHING";
const DROP_CLIENT: &str = "DELETE FROM registry_client WHERE subsystem = $1 AND server = $2";
const DROP_CLIENTS: &str = "DELETE FROM registry_client WHERE server = $1";
const CLIENTS: &str = "SELECT subsystem FROM registry_client WHERE server = $1 ORDER BY subsystem";
const ALL_CLIENTS: &str =
    "SELECT server, subsystem FROM registry_client ORDER BY server, subsystem LIMIT $1";
const HOSTS: &str = "SELECT COUNT(*) FROM registry_client WHERE subsystem = $1";
const PUT_CERTIFICATE: &str = "INSERT INTO registry_certificate
     (sha256, server, purpose, serial, spki, der, not_after, state, since)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8) ON CONFLICT (sha256) DO NOTHING";
const CERTIFICATES: &str =
    "SELECT server, purpose, serial, sha256, not_after FROM registry_certificate
     WHERE server = $1 AND state = 'active' ORDER BY purpose, not_after";
const AUTH_CERTIFICATES: &str = "SELECT server, der FROM registry_certificate
     WHERE purpose = 'auth' AND state = 'active' AND not_after > $1 ORDER BY server, sha256 LIMIT $2";
const KEY_OWNER: &str = "SELECT server, state, purpose FROM registry_certificate WHERE spki = $1
     ORDER BY state, not_after DESC LIMIT 1";
const END_CERTIFICATES: &str =
    "UPDATE registry_certificate SET state = 'revoked' WHERE server = $1";

/// Reads an identifier kept as text.
pub(super) fn parsed<T: std::str::FromStr>(
    row: &Row,
    index: usize,
    expected: &'static str,
) -> Result<T, StoreError> {
    let bad = |_| StoreError::Column { index, expected };
    row.text(index)?.parse().map_err(bad)
}

fn server(row: &Row) -> Result<ServerRow, StoreError> {
    Ok(ServerRow {
        id: parsed(row, 0, "server")?,
        address: row.text(1)?,
        log_key: row.text(2)?,
        maintenance: row.flag(3)?,
        notice: row.text(4)?,
        since: row.moment(5)?,
    })
}

/// All servers.
pub async fn all(tx: &mut Tx) -> Result<Vec<ServerRow>, StoreError> {
    let rows = tx.all(ALL, &params![super::ALL_ROWS]).await?;
    rows.iter().map(server).collect()
}

/// A member's servers.
pub async fn of_member(tx: &mut Tx, id: &MemberId) -> Result<Vec<ServerRow>, StoreError> {
    let rows = tx.all(OF_MEMBER, &params![id.to_string()]).await?;
    rows.iter().map(server).collect()
}

/// One server.
pub async fn one(tx: &mut Tx, id: &ServerId) -> Result<Option<ServerRow>, StoreError> {
    let row = tx.maybe(ONE, &params![id.to_string()]).await?;
    row.as_ref().map(server).transpose()
}

/// Enters a server.
pub async fn put(
    tx: &mut Tx,
    id: &ServerId,
    (address, log_key): (&str, &str),
    at: Moment,
) -> Result<(), StoreError> {
    let owner = id.owner.to_string();
    let values = params![id.to_string(), owner, id.code.clone(), address, log_key, at];
    tx.execute(PUT, &values).await.map(drop)
}

/// Removes a server with its registrations. Its certificates stay on record.
pub async fn remove(tx: &mut Tx, id: &ServerId) -> Result<bool, StoreError> {
    tx.execute(DROP_CLIENTS, &params![id.to_string()]).await?;
    Ok(tx.execute(DROP, &params![id.to_string()]).await? > 0)
}

/// Changes the address.
pub async fn set_address(tx: &mut Tx, id: &ServerId, address: &str) -> Result<bool, StoreError> {
    Ok(tx
        .execute(SET_ADDRESS, &params![id.to_string(), address])
        .await?
        > 0)
}

/// Begins or ends maintenance.
pub async fn set_maintenance(
    tx: &mut Tx,
    id: &ServerId,
    on: bool,
    notice: &str,
) -> Result<bool, StoreError> {
    let values = params![id.to_string(), i64::from(on), notice];
    Ok(tx.execute(SET_MAINTENANCE, &values).await? > 0)
}

/// Registers a subsystem on a server.
pub async fn put_client(
    tx: &mut Tx,
    subsystem: &SubsystemId,
    server: &ServerId,
    at: Moment,
) -> Result<bool, StoreError> {
    let values = params![subsystem.to_string(), server.to_string(), at];
    Ok(tx.execute(PUT_CLIENT, &values).await? > 0)
}

/// Takes a subsystem off a server.
pub async fn drop_client(
    tx: &mut Tx,
    subsystem: &SubsystemId,
    server: &ServerId,
) -> Result<bool, StoreError> {
    let values = params![subsystem.to_string(), server.to_string()];
    Ok(tx.execute(DROP_CLIENT, &values).await? > 0)
}

/// On how many servers a subsystem is registered.
pub async fn hosts(tx: &mut Tx, subsystem: &SubsystemId) -> Result<i64, StoreError> {
    tx.one(HOSTS, &params![subsystem.to_string()]).await?.int(0)
}

/// Subsystems registered on a server.
pub async fn clients(tx: &mut Tx, id: &ServerId) -> Result<Vec<SubsystemId>, StoreError> {
    let rows = tx.all(CLIENTS, &params![id.to_string()]).await?;
    rows.iter().map(|row| parsed(row, 0, "subsystem")).collect()
}

/// All registrations: server as text, subsystem.
pub async fn all_clients(tx: &mut Tx) -> Result<Vec<(String, SubsystemId)>, StoreError> {
    let rows = tx.all(ALL_CLIENTS, &params![super::ALL_ROWS]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, parsed(row, 1, "subsystem")?)))
        .collect()
}

/// Enters a certificate.
pub async fn put_certificate(
    tx: &mut Tx,
    (server, purpose): (&ServerId, &str),
    certificate: &trust::Certificate,
    at: Moment,
) -> Result<bool, StoreError> {
    let (hash, spki) = (
        certificate.sha256_hex().to_ascii_lowercase(),
        crate::domain::envelope::key_name(certificate.spki()),
    );
    let (serial, end) = (certificate.serial_hex(), certificate.not_after());
    let values = params![
        hash,
        server.to_string(),
        purpose,
        serial,
        spki,
        certificate.der(),
        end,
        at
    ];
    Ok(tx.execute(PUT_CERTIFICATE, &values).await? > 0)
}

/// A server's certificates that are not revoked.
pub async fn certificates(tx: &mut Tx, id: &ServerId) -> Result<Vec<CertificateRow>, StoreError> {
    let rows = tx.all(CERTIFICATES, &params![id.to_string()]).await?;
    rows.iter()
        .map(|row| {
            Ok(CertificateRow {
                server: parsed(row, 0, "server")?,
                purpose: row.text(1)?,
                serial: row.text(2)?,
                sha256: row.text(3)?,
                not_after: row.moment(4)?,
            })
        })
        .collect()
}

/// Authentication certificates that count at `now`: server as text, DER.
pub async fn auth_certificates(
    tx: &mut Tx,
    now: Moment,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let values = params![now, super::ALL_ROWS];
    let rows = tx.all(AUTH_CERTIFICATES, &values).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.bytes(1)?)))
        .collect()
}

/// Whose key this is: server as text, whether a certificate of it is active, and its purpose.
pub async fn key_owner(
    tx: &mut Tx,
    key: &str,
) -> Result<Option<(String, bool, String)>, StoreError> {
    let row = tx.maybe(KEY_OWNER, &params![key]).await?;
    row.map(|row| Ok((row.text(0)?, row.text(1)? == "active", row.text(2)?)))
        .transpose()
}

/// Marks a server's certificates as revoked.
pub async fn end_certificates(tx: &mut Tx, id: &ServerId) -> Result<(), StoreError> {
    tx.execute(END_CERTIFICATES, &params![id.to_string()])
        .await
        .map(drop)
}
