//! Applications.

use kernel::{Id, Moment, ServerId};
use store::{Row, StoreError, Tx, params};

use super::{PAGE_ROWS, limit};

/// How far an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided yet.
    Waiting,
    /// Granted.
    Approved,
    /// Refused, with a reason.
    Refused,
    /// Taken back by the applicant.
    Withdrawn,
}

impl State {
    /// The word in the table and in answers.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads `text`.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Approved,
            Self::Refused,
            Self::Withdrawn,
        ]
        .into_iter()
        .find(|state| state.text() == text)
    }
}

/// An application's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationRow {
    /// Its number.
    pub number: Id,
    /// The kind of wish.
    pub kind: String,
    /// The server that applies.
    pub server: ServerId,
    /// How far it is.
    pub state: State,
    /// SHA-256 of its text.
    pub digest: [u8; 32],
    /// The envelope as it came.
    pub envelope: String,
    /// When it came.
    pub made_at: Moment,
    /// When it was decided.
    pub decided_at: Option<Moment>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why it was refused.
    pub why: Option<String>,
    /// What was given, as JSON.
    pub given: Option<String>,
}

const PUT: &str = "INSERT INTO registry_application
     (number, kind, server, state, digest, envelope, made_at, decided_at, decided_by, why, given)
     VALUES ($1, $2, $3, 'waiting', $4, $5, $6, NULL, NULL, NULL, NULL)";
const BY_NUMBER: &str = "SELECT number, kind, server, state, digest, envelope, made_at, decided_at, decided_by, why, given
     FROM registry_application WHERE number = $1";
const BY_DIGEST: &str = "SELECT number, kind, server, state, digest, envelope, made_at, decided_at, decided_by, why, given
     FROM registry_application WHERE digest = $1";
const WAITING: &str = "SELECT number, kind, server, state, digest, envelope, made_at, decided_at, decided_by, why, given
     FROM registry_application WHERE state = 'waiting' ORDER BY number LIMIT $1";
const DECIDED: &str = "SELECT number, kind, server, state, digest, envelope, made_at, decided_at, decided_by, why, given
     FROM registry_application WHERE state <> 'waiting' AND number < $1 ORDER BY number DESC LIMIT $2";
const DECIDE: &str = "UPDATE registry_application
     SET state = $2, decided_at = $3, decided_by = $4, why = $5, given = $6 WHERE number = $1 AND state = 'waiting'";
const COUNT_WAITING: &str = "SELECT COUNT(*) FROM registry_application WHERE state = 'waiting'";
const WAITING_OF: &str =
    "SELECT COUNT(*) FROM registry_application WHERE state = 'waiting' AND server = $1";

fn row(row: &Row) -> Result<ApplicationRow, StoreError> {
    let state = State::parse(&row.text(3)?).ok_or(StoreError::Column {
        index: 3,
        expected: "state",
    })?;
    Ok(ApplicationRow {
        number: row.id(0)?,
        kind: row.text(1)?,
        server: super::server::parsed(row, 2, "server")?,
        state,
        digest: row.digest(4)?,
        envelope: row.text(5)?,
        made_at: row.moment(6)?,
        decided_at: row.opt_moment(7)?,
        decided_by: row.opt_text(8)?,
        why: row.opt_text(9)?,
        given: row.opt_text(10)?,
    })
}

/// Enters an application that waits.
pub async fn put(
    tx: &mut Tx,
    (number, kind): (Id, &str),
    server: &ServerId,
    (digest, envelope): (&[u8; 32], &str),
    at: Moment,
) -> Result<(), StoreError> {
    let values = params![number, kind, server.to_string(), &digest[..], envelope, at];
    tx.execute(PUT, &values).await.map(drop)
}

/// The application with this number.
pub async fn by_number(tx: &mut Tx, number: Id) -> Result<Option<ApplicationRow>, StoreError> {
    let found = tx.maybe(BY_NUMBER, &params![number]).await?;
    found.as_ref().map(row).transpose()
}

/// The application with this text.
pub async fn by_digest(
    tx: &mut Tx,
    digest: &[u8; 32],
) -> Result<Option<ApplicationRow>, StoreError> {
    let found = tx.maybe(BY_DIGEST, &params![&digest[..]]).await?;
    found.as_ref().map(row).transpose()
}

/// Applications that wait, oldest first.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<ApplicationRow>, StoreError> {
    let rows = tx.all(WAITING, &params![limit(PAGE_ROWS)]).await?;
    rows.iter().map(row).collect()
}

/// Decided applications before `before`, newest first.
pub async fn decided(tx: &mut Tx, before: &str) -> Result<Vec<ApplicationRow>, StoreError> {
    let rows = tx.all(DECIDED, &params![before, limit(PAGE_ROWS)]).await?;
    rows.iter().map(row).collect()
}

/// How many wait.
pub async fn count_waiting(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.one(COUNT_WAITING, &[]).await?.int(0)
}

/// How many of one server wait.
pub async fn waiting_of(tx: &mut Tx, server: &ServerId) -> Result<i64, StoreError> {
    tx.one(WAITING_OF, &params![server.to_string()])
        .await?
        .int(0)
}

/// Decides what waits. Tells whether it still waited.
pub async fn decide(
    tx: &mut Tx,
    number: Id,
    (state, by, at): (State, &str, Moment),
    (why, given): (Option<&str>, Option<&str>),
) -> Result<bool, StoreError> {
    let values = params![
        number,
        state.text(),
        at,
        by,
        why.map(str::to_owned),
        given.map(str::to_owned)
    ];
    Ok(tx.execute(DECIDE, &values).await? > 0)
}
