//! Every statement of the authority's tables, and the rows as values. It decides nothing.
//!
//! Read by `authority` alone. An issuer is named by the SHA-256 of its key, so that a renewed certificate of the same
//! authority goes on speaking for what it issued.

use kernel::Moment;
use store::{Migration, Row, StoreError, Tx, params};

use crate::ca::{Reason, Status};
use crate::cert::Certificate;
use crate::error::TrustError;

/// The tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "authority",
    sql: include_str!("../migrations/authority_0001.sql"),
}];

/// Most certificates that one page of the list holds.
pub const PAGE: i64 = 100;

const ISSUED: &str = "INSERT INTO trust_certificate
     (issuer, serial, role, subject, der, issued_at, not_after) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const NEWEST_OF_ROLE: &str = "SELECT der FROM trust_certificate
     WHERE role = $1 AND issuer = $2 ORDER BY not_after DESC, issued_at DESC, serial LIMIT 1";
const ROOT: &str = "SELECT der FROM trust_certificate
     WHERE role = 'root' ORDER BY issued_at DESC, serial LIMIT 1";
const STATUS: &str = "SELECT r.revoked_at, r.reason FROM trust_certificate c
     LEFT JOIN trust_revocation r ON r.issuer = c.issuer AND r.serial = c.serial
     WHERE c.issuer = $1 AND c.serial = $2";
const REVOKED: &str = "INSERT INTO trust_revocation (issuer, serial, revoked_at, reason)
     SELECT issuer, serial, $3, $4 FROM trust_certificate WHERE issuer = $1 AND serial = $2
     ON CONFLICT (issuer, serial) DO NOTHING";
const ENDING: &str = "SELECT der FROM trust_certificate
     WHERE not_after > $1 AND not_after <= $2 ORDER BY not_after, serial LIMIT $3";

/// Notes an issued certificate.
pub(crate) async fn issued(
    tx: &mut Tx,
    issuer: &str,
    role: &str,
    certificate: &Certificate,
    at: Moment,
) -> Result<(), StoreError> {
    let subject = certificate.subject().rfc2253();
    let serial = certificate.serial_hex();
    let end = certificate.not_after();
    tx.execute(
        ISSUED,
        &params![issuer, serial, role, subject, certificate.der(), at, end],
    )
    .await?;
    Ok(())
}

fn certificate(row: &Row) -> Result<Result<Certificate, TrustError>, StoreError> {
    Ok(Certificate::from_der(&row.bytes(0)?))
}

/// The certificate of a role that ends last.
pub(crate) async fn newest(
    tx: &mut Tx,
    role: &str,
    issuer: &str,
) -> Result<Option<Result<Certificate, TrustError>>, StoreError> {
    let row = tx.maybe(NEWEST_OF_ROLE, &params![role, issuer]).await?;
    row.as_ref().map(certificate).transpose()
}

/// The authority's own root.
pub(crate) async fn root(
    tx: &mut Tx,
) -> Result<Option<Result<Certificate, TrustError>>, StoreError> {
    let row = tx.maybe(ROOT, &[]).await?;
    row.as_ref().map(certificate).transpose()
}

/// What is known of a serial number.
pub(crate) async fn status(tx: &mut Tx, issuer: &str, serial: &str) -> Result<Status, StoreError> {
    let Some(row) = tx.maybe(STATUS, &params![issuer, serial]).await? else {
        return Ok(Status::Unknown);
    };
    let code = u32::try_from(row.opt_int(1)?.unwrap_or(0)).unwrap_or(0);
    Ok(match row.opt_moment(0)? {
        Some(at) => Status::Revoked {
            at,
            reason: Reason::from_code(code),
        },
        None => Status::Good,
    })
}

/// Revokes what was issued; a second time changes nothing. Tells whether it is revoked anew.
pub(crate) async fn revoke(
    tx: &mut Tx,
    issuer: &str,
    serial: &str,
    at: Moment,
    reason: Reason,
) -> Result<bool, StoreError> {
    let code = u32::from(reason.code());
    Ok(tx
        .execute(REVOKED, &params![issuer, serial, at, code])
        .await?
        > 0)
}

/// Certificates that end between two moments, soonest first, at most `PAGE`.
pub(crate) async fn ending(
    tx: &mut Tx,
    from: Moment,
    until: Moment,
) -> Result<Vec<Result<Certificate, TrustError>>, StoreError> {
    tx.all(ENDING, &params![from, until, PAGE])
        .await?
        .iter()
        .map(certificate)
        .collect()
}
