//! The table of cases.

use std::collections::BTreeMap;

use kernel::{Id, Locale, Moment};
use store::{Row, StoreError, Tx, params};

use super::{from_json, json, read_code, read_json};
use crate::case::{Case, Dates, State};
use crate::procedure::{Answers, Risk, Silence};

/// A case with what only its own page needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The case.
    pub case: Case,
    /// The applicant's name, as stated when it was filed; empty until the registry answers.
    pub applicant: String,
    /// What was answered.
    pub answers: Answers,
    /// The language it was filed in.
    pub locale: Locale,
}

/// Where a page of a desk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The last row's due moment.
    pub due: Moment,
    /// The last row's case.
    pub id: String,
}

/// How many open cases a desk has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By state.
    pub by_state: BTreeMap<State, i64>,
    /// Past their time limit.
    pub late: i64,
}

/// Sorts after every real moment: a case that waits for nothing.
const NEVER: Moment = Moment(i64::MAX);

macro_rules! columns {
    () => {
        "id, number, code, procedure_id, version, subject, account, applicant, title, post, risk, state, silence,
         presented_at, received_at, cure_until, ended_at, timeline, revision, locale, answers, due"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO workflow_case (",
    columns!(),
    ", silence_at, filing_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
     $17, $18, $19, $20, $21, $22, $23, $24)"
);
const UPDATE: &str = "UPDATE workflow_case SET state = $2, received_at = $3, cure_until = $4, ended_at = $5,
    timeline = $6, due = $7, silence_at = $8, answers = $9, applicant = $10, risk = $11, title = $12,
    revision = $13 WHERE id = $1 AND revision = $14";
const GET: &str = concat!("SELECT ", columns!(), " FROM workflow_case WHERE id = $1");
const BY_KEY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM workflow_case WHERE subject = $1 AND filing_key = $2"
);
const BY_CODE: &str = concat!("SELECT ", columns!(), " FROM workflow_case WHERE code = $1");
const OF_SUBJECT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM workflow_case WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
);
const DESK: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM workflow_case WHERE ended_at IS NULL AND ($1 = '' OR post = $1) AND ($2 = '' OR state = $2)
      AND (due > $3 OR (due = $3 AND id > $4)) ORDER BY due, id LIMIT $5"
);
const COUNTS: &str =
    "SELECT state, COUNT(*), SUM(CASE WHEN due < $2 THEN 1 ELSE 0 END) FROM workflow_case
    WHERE ended_at IS NULL AND ($1 = '' OR post = $1) GROUP BY state";
const SILENCE_DUE: &str =
    "SELECT id FROM workflow_case WHERE silence_at <= $1 ORDER BY silence_at, id LIMIT $2";
const CURE_OVER: &str =
    "SELECT id FROM workflow_case WHERE cure_until < $1 ORDER BY cure_until, id LIMIT $2";

/// What lists are ordered by: the moment by which somebody must act.
fn due(case: &Case, dates: Dates) -> Moment {
    case.cure_until.or(dates.deadline).unwrap_or(NEVER)
}

/// Writes a new case.
pub async fn insert(
    tx: &mut Tx,
    stored: &Stored,
    dates: Dates,
    key: &str,
) -> Result<(), StoreError> {
    let case = &stored.case;
    let values = params![
        case.id,
        &case.number,
        &case.code,
        &case.procedure,
        case.version,
        &case.subject,
        &case.account,
        &stored.applicant,
        &case.title,
        &case.post,
        case.risk.code(),
        case.state.code(),
        silence_code(case.silence),
        case.presented_at,
        case.received_at,
        case.cure_until,
        case.ended_at,
        json(&case.timeline),
        case.revision,
        stored.locale.tag(),
        json(&stored.answers),
        due(case, dates),
        dates.silence_at,
        key,
    ];
    tx.execute(INSERT, &values).await.map(drop)
}

/// Writes a changed case; false if somebody else changed it since it was read.
pub async fn update(tx: &mut Tx, stored: &Stored, dates: Dates) -> Result<bool, StoreError> {
    let case = &stored.case;
    let values = params![
        case.id,
        case.state.code(),
        case.received_at,
        case.cure_until,
        case.ended_at,
        json(&case.timeline),
        due(case, dates),
        dates.silence_at,
        json(&stored.answers),
        &stored.applicant,
        case.risk.code(),
        &case.title,
        case.revision,
        case.revision - 1,
    ];
    Ok(tx.execute(UPDATE, &values).await? == 1)
}

/// The case with this identifier.
pub async fn get(tx: &mut Tx, id: Id) -> Result<Option<Stored>, StoreError> {
    tx.maybe(GET, &params![id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The case that this person filed under this key.
pub async fn by_key(tx: &mut Tx, subject: &str, key: &str) -> Result<Option<Stored>, StoreError> {
    tx.maybe(BY_KEY, &params![subject, key])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The case whose receipt has this code.
pub async fn by_code(tx: &mut Tx, code: &str) -> Result<Option<Stored>, StoreError> {
    tx.maybe(BY_CODE, &params![code])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// A person's cases, newest first, older than `before`.
pub async fn cases_of(
    tx: &mut Tx,
    subject: &str,
    before: &str,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    tx.all(OF_SUBJECT, &params![subject, before, limit])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Open cases of a desk (empty: of all), in one state (empty: in all), by due moment, after `after`.
pub async fn desk(
    tx: &mut Tx,
    post: &str,
    state: &str,
    after: &Place,
    limit: usize,
) -> Result<Vec<(Stored, Place)>, StoreError> {
    let rows = tx
        .all(DESK, &params![post, state, after.due, &after.id, limit])
        .await?;
    let placed = |row: &Row| {
        Ok((
            read(row)?,
            Place {
                due: row.moment(21)?,
                id: row.text(0)?,
            },
        ))
    };
    rows.iter().map(placed).collect()
}

/// How many open cases a desk has (empty: all desks).
pub async fn counts(tx: &mut Tx, post: &str, now: Moment) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for row in tx.all(COUNTS, &params![post, now]).await? {
        counts
            .by_state
            .insert(read_code(&row, 0, State::parse)?, row.int(1)?);
        counts.late += row.opt_int(2)?.unwrap_or(0);
    }
    Ok(counts)
}

/// Cases on which silence has effect by `now`.
pub async fn silence_due(tx: &mut Tx, now: Moment, limit: usize) -> Result<Vec<Id>, StoreError> {
    tx.all(SILENCE_DUE, &params![now, limit])
        .await?
        .iter()
        .map(|row| row.id(0))
        .collect()
}

/// Observed cases whose days to cure are over by `now`.
pub async fn cure_over(tx: &mut Tx, now: Moment, limit: usize) -> Result<Vec<Id>, StoreError> {
    tx.all(CURE_OVER, &params![now, limit])
        .await?
        .iter()
        .map(|row| row.id(0))
        .collect()
}

fn silence_code(silence: Silence) -> &'static str {
    match silence {
        Silence::Positive => "positive",
        Silence::Negative => "negative",
    }
}

fn parse_silence(code: &str) -> Option<Silence> {
    [Silence::Positive, Silence::Negative]
        .into_iter()
        .find(|silence| silence_code(*silence) == code)
}

fn read(row: &Row) -> Result<Stored, StoreError> {
    let version = u32::try_from(row.int(4)?).unwrap_or(0);
    let case = Case {
        id: row.id(0)?,
        number: row.text(1)?,
        code: row.text(2)?,
        procedure: row.text(3)?,
        version,
        subject: row.text(5)?,
        account: row.text(6)?,
        title: row.text(8)?,
        post: row.text(9)?,
        risk: read_code(row, 10, Risk::parse)?,
        state: read_code(row, 11, State::parse)?,
        silence: read_code(row, 12, parse_silence)?,
        presented_at: row.moment(13)?,
        received_at: row.opt_moment(14)?,
        cure_until: row.opt_moment(15)?,
        ended_at: row.opt_moment(16)?,
        timeline: read_json(row, 17)?,
        revision: row.int(18)?,
    };
    let locale = read_code(row, 19, Locale::parse)?;
    let answers = from_json(&row.text(20)?, 20)?;
    Ok(Stored {
        case,
        applicant: row.text(7)?,
        answers,
        locale,
    })
}
