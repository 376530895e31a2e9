//! Statements of daily reports: what is counted, what was sent, what other bodies reported.

use kernel::{Id, Moment};
use store::{StoreError, Tx, params};

/// How one question ended, as far as figures need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndRow {
    /// Its identifier.
    pub id: Id,
    /// `client` or `provider`.
    pub side: String,
    /// Who asked.
    pub client: String,
    /// What was asked.
    pub service: String,
    /// When.
    pub asked_at: Moment,
    /// How it ended.
    pub outcome: String,
    /// The error code.
    pub code: Option<String>,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

const ENDS: &str = "SELECT id, side, client, service, asked_at, outcome, code, answered_at FROM exchange_question \
     WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3";
const ACTS: &str = "SELECT act, COUNT(*) FROM exchange_agreement_act WHERE at >= $1 AND at < $2 AND member = $3 \
     GROUP BY act ORDER BY act";
const SENT: &str = "SELECT message FROM exchange_report_sent WHERE day = $1";
const SENT_SET: &str = "INSERT INTO exchange_report_sent (day, message, at) VALUES ($1, $2, $3) \
     ON CONFLICT (day) DO NOTHING";
const REPORT_SET: &str = "INSERT INTO exchange_report (day, member, digest, message, text, at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (day, member) DO NOTHING";
const REPORT_GET: &str = "SELECT digest FROM exchange_report WHERE day = $1 AND member = $2";
const REPORTS: &str =
    "SELECT text FROM exchange_report WHERE day >= $1 AND day <= $2 ORDER BY day, member LIMIT $3";

/// Ends of questions between two identifiers, both left out.
pub async fn ends(
    tx: &mut Tx,
    after: Id,
    before: Id,
    limit: usize,
) -> Result<Vec<EndRow>, StoreError> {
    let rows = tx.all(ENDS, &params![after, before, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(EndRow {
                id: row.id(0)?,
                side: row.text(1)?,
                client: row.text(2)?,
                service: row.text(3)?,
                asked_at: row.moment(4)?,
                outcome: row.text(5)?,
                code: row.opt_text(6)?,
                ended_at: row.opt_moment(7)?,
            })
        })
        .collect()
}

/// How many acts of each kind a body did on agreements between two moments.
pub async fn acts(
    tx: &mut Tx,
    from: Moment,
    until: Moment,
    member: &str,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = tx.all(ACTS, &params![from, until, member]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.int(1)?)))
        .collect()
}

/// Whether the report of a day was delivered.
pub async fn is_sent(tx: &mut Tx, day: &str) -> Result<bool, StoreError> {
    Ok(tx.maybe(SENT, &params![day]).await?.is_some())
}

/// Notes that the report of a day was delivered.
pub async fn set_sent(tx: &mut Tx, day: &str, message: &str, at: Moment) -> Result<(), StoreError> {
    tx.execute(SENT_SET, &params![day, message, at])
        .await
        .map(drop)
}

/// A report of a member.
#[derive(Clone, Copy, Debug)]
pub struct Reported<'a> {
    /// The day.
    pub day: &'a str,
    /// The member.
    pub member: &'a str,
    /// Digest of the text.
    pub digest: &'a str,
    /// The message that brought it.
    pub message: &'a str,
    /// The text.
    pub text: &'a str,
    /// When it came.
    pub at: Moment,
}

/// Enters a report; `false` if there is one of that member for that day.
pub async fn insert(tx: &mut Tx, row: &Reported<'_>) -> Result<bool, StoreError> {
    let values = params![
        row.day,
        row.member,
        row.digest,
        row.message,
        row.text,
        row.at
    ];
    Ok(tx.execute(REPORT_SET, &values).await? == 1)
}

/// Digest of the report that is held.
pub async fn digest_of(tx: &mut Tx, day: &str, member: &str) -> Result<Option<String>, StoreError> {
    let row = tx.maybe(REPORT_GET, &params![day, member]).await?;
    row.map(|row| row.text(0)).transpose()
}

/// The texts of reports of some days, in order.
pub async fn texts(
    tx: &mut Tx,
    from: &str,
    until: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let rows = tx.all(REPORTS, &params![from, until, limit]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}
