//! Every statement of this crate. Tables: `documents_document`, `documents_series`.

use kernel::{Fault, FaultKind, Id};
use store::{Migration, Row, StoreError, Tx, params};

use crate::domain::{Document, Origin};
use crate::mime::Kind;

/// The tables of this crate.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "documents and series",
    sql: include_str!("../migrations/1.sql"),
}];

/// Most documents listed of one case; a case of a municipality has a dozen.
pub const CASE_DOCUMENTS_MAX: i64 = 500;

const NEXT_NUMBER: &str = "INSERT INTO documents_series (series, year, last) VALUES ($1, $2, 1) \
    ON CONFLICT (series, year) DO UPDATE SET last = documents_series.last + 1 RETURNING last";
const INSERT: &str = "INSERT INTO documents_document (id, origin, kind, number, title, name, mime, size, sha256, \
    owner_subject, case_id, made_by, made_at, code, signer, post, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
const GET: &str = "SELECT id, origin, kind, number, title, name, mime, size, sha256, owner_subject, case_id, made_by, \
    made_at, code, signer, post, body FROM documents_document WHERE id = $1";
const BY_CODE: &str = "SELECT id, origin, kind, number, title, name, mime, size, sha256, owner_subject, case_id, \
    made_by, made_at, code, signer, post, body FROM documents_document WHERE code = $1";
const BY_HASH: &str = "SELECT id, origin, kind, number, title, name, mime, size, sha256, owner_subject, case_id, \
    made_by, made_at, code, signer, post, body FROM documents_document \
    WHERE sha256 = $1 AND code IS NOT NULL ORDER BY id LIMIT 1";
const OF_CASE: &str = "SELECT id, origin, kind, number, title, name, mime, size, sha256, owner_subject, case_id, \
    made_by, made_at, code, signer, post, body FROM documents_document WHERE case_id = $1 ORDER BY id LIMIT $2";
const HASHES: &str = "SELECT sha256, id FROM documents_document WHERE id > $1 ORDER BY id LIMIT $2";

/// The next number of a series in a year; the row stays locked until the transaction ends, so numbers have no gaps
/// and no doubles.
pub async fn next_number(tx: &mut Tx, series: &str, year: i64) -> Result<i64, StoreError> {
    tx.one(NEXT_NUMBER, &params![series, year]).await?.int(0)
}

/// Enters a document.
///
/// # Errors
/// `fault-documents-taken` if its number or code is there already.
pub async fn insert(tx: &mut Tx, document: &Document) -> Result<(), Fault> {
    let values = params![
        document.id,
        document.origin.code(),
        document.kind.as_str(),
        document.number.clone(),
        document.title.as_str(),
        document.name.as_str(),
        document.mime.mime(),
        i64::try_from(document.size).unwrap_or(i64::MAX),
        document.sha256,
        document.owner_subject.clone(),
        document.case,
        document.made_by.as_str(),
        document.made_at,
        document.code.clone(),
        document.signer.clone(),
        document.post.clone(),
        document.body.clone(),
    ];
    match tx.execute(INSERT, &values).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_duplicate() => {
            Err(Fault::new(FaultKind::Conflict, "fault-documents-taken").detail(error))
        }
        Err(error) => Err(error.into()),
    }
}

/// The document with this identifier.
pub async fn get(tx: &mut Tx, id: Id) -> Result<Option<Document>, StoreError> {
    tx.maybe(GET, &params![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The issued document with this code (without hyphens).
pub async fn by_code(tx: &mut Tx, code: &str) -> Result<Option<Document>, StoreError> {
    tx.maybe(BY_CODE, &params![code])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The issued document with this content.
pub async fn by_hash(tx: &mut Tx, sha256: &[u8; 32]) -> Result<Option<Document>, StoreError> {
    tx.maybe(BY_HASH, &params![sha256])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The documents of a case, oldest first.
pub async fn of_case(tx: &mut Tx, case: Id) -> Result<Vec<Document>, StoreError> {
    tx.all(OF_CASE, &params![case, CASE_DOCUMENTS_MAX])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Hashes of documents after `after`, for checks of the file store.
pub async fn hashes(
    tx: &mut Tx,
    after: &str,
    count: i64,
) -> Result<Vec<([u8; 32], Id)>, StoreError> {
    let rows = tx.all(HASHES, &params![after, count]).await?;
    rows.iter()
        .map(|row| Ok((row.digest(0)?, row.id(1)?)))
        .collect()
}

fn read(row: &Row) -> Result<Document, StoreError> {
    const BAD_ORIGIN: StoreError = StoreError::Column {
        index: 1,
        expected: "an origin",
    };
    const BAD_KIND: StoreError = StoreError::Column {
        index: 6,
        expected: "a media type",
    };
    Ok(Document {
        id: row.id(0)?,
        origin: Origin::of_code(&row.text(1)?).ok_or(BAD_ORIGIN)?,
        kind: row.text(2)?,
        number: row.opt_text(3)?,
        title: row.text(4)?,
        name: row.text(5)?,
        mime: Kind::of_mime(&row.text(6)?).ok_or(BAD_KIND)?,
        size: u64::try_from(row.int(7)?).unwrap_or(0),
        sha256: row.digest(8)?,
        owner_subject: row.opt_text(9)?,
        case: row.opt_id(10)?,
        made_by: row.text(11)?,
        made_at: row.moment(12)?,
        code: row.opt_text(13)?,
        signer: row.opt_text(14)?,
        post: row.opt_text(15)?,
        body: row.opt_text(16)?,
    })
}
