//! Statements of agreements: the texts, and what each body did with them.

use kernel::{Id, Moment};
use store::{Row, StoreError, Tx, params};

/// A text as this node holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRow {
    /// Number of the agreement.
    pub number: String,
    /// Its version.
    pub version: u32,
    /// Digest of the text.
    pub digest: String,
    /// The text.
    pub text: String,
    /// Where it stands; a word of `agreements::State`.
    pub state: String,
    /// The other body.
    pub other: String,
    /// First moment at which it no longer holds.
    pub until: Moment,
    /// When it came to stand there.
    pub changed_at: Moment,
}

/// What one body did with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActRow {
    /// The act's own identifier; it sorts by time.
    pub id: Id,
    /// Number of the agreement.
    pub number: String,
    /// Its version.
    pub version: u32,
    /// A word of `agreements::Act`.
    pub act: String,
    /// Which body.
    pub member: String,
    /// The official, for acts of this body.
    pub account: Option<String>,
    /// The text that is signed with it.
    pub text: String,
    /// When.
    pub at: Moment,
    /// `waiting`, `sent`, `refused` for our acts; `received` for theirs.
    pub sent: String,
    /// Number of the message that carried it.
    pub message: Option<String>,
    /// The message as a container.
    pub evidence: Option<Vec<u8>>,
    /// When this node journalled it.
    pub evidence_at: Option<Moment>,
    /// Entry in the transparency log.
    pub log_entry: Option<String>,
}

const TEXTS_HOLD: &str =
    "UPDATE exchange_agreement_text SET changed_at = changed_at WHERE number = $1";
const TEXT_INSERT: &str = "INSERT INTO exchange_agreement_text (number, version, digest, text, state, other, \
     valid_until, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (number, version) DO NOTHING";
const TEXT_STATE: &str = "UPDATE exchange_agreement_text SET state = $3, changed_at = $4 \
     WHERE number = $1 AND version = $2";
const TEXTS_OF: &str = "SELECT number, version, digest, text, state, other, valid_until, changed_at \
     FROM exchange_agreement_text WHERE number = $1 ORDER BY version DESC LIMIT 100";
const TEXTS_IN: &str = "SELECT number, version, digest, text, state, other, valid_until, changed_at \
     FROM exchange_agreement_text WHERE state = $1 AND number > $2 ORDER BY number LIMIT $3";
const LATEST: &str = "SELECT number, version, digest, text, state, other, valid_until, changed_at \
     FROM exchange_agreement_text WHERE number > $1 AND version = (SELECT MAX(later.version) \
     FROM exchange_agreement_text AS later WHERE later.number = exchange_agreement_text.number) \
     ORDER BY number LIMIT $2";
const OPEN_WITH: &str =
    "SELECT COUNT(*) FROM exchange_agreement_text WHERE state = 'offered' AND other = $1";
/// Steps are counted within an agreement: two acts of one moment keep their order.
const ACT_INSERT: &str = "INSERT INTO exchange_agreement_act (id, number, step, version, act, member, account, text, at, \
     sent, message, evidence, evidence_at, log_entry) VALUES ($1, $2, (SELECT COALESCE(MAX(earlier.step), 0) + 1 \
     FROM exchange_agreement_act AS earlier WHERE earlier.number = $2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const ACT_SENT: &str = "UPDATE exchange_agreement_act SET sent = $2, message = $3, evidence = $4, evidence_at = $5 \
     WHERE id = $1";
const ACT_GET: &str = "SELECT id, number, version, act, member, account, text, at, sent, message, evidence, evidence_at, \
     log_entry FROM exchange_agreement_act WHERE id = $1";
const ACTS_OF: &str = "SELECT id, number, version, act, member, account, text, at, sent, message, evidence, evidence_at, \
     log_entry FROM exchange_agreement_act WHERE number = $1 ORDER BY step LIMIT 400";
const ACTS_WAITING: &str =
    "SELECT id FROM exchange_agreement_act WHERE sent = 'waiting' AND id > $1 ORDER BY id LIMIT $2";
const EFFECTIVE_REMOVE: &str = "DELETE FROM exchange_agreement WHERE number = $1";

fn text(row: &Row) -> Result<TextRow, StoreError> {
    Ok(TextRow {
        number: row.text(0)?,
        version: version(row, 1)?,
        digest: row.text(2)?,
        text: row.text(3)?,
        state: row.text(4)?,
        other: row.text(5)?,
        until: row.moment(6)?,
        changed_at: row.moment(7)?,
    })
}

fn version(row: &Row, index: usize) -> Result<u32, StoreError> {
    let expected = "a version";
    u32::try_from(row.int(index)?).map_err(|_| StoreError::Column { index, expected })
}

fn act(row: &Row) -> Result<ActRow, StoreError> {
    Ok(ActRow {
        id: row.id(0)?,
        number: row.text(1)?,
        version: version(row, 2)?,
        act: row.text(3)?,
        member: row.text(4)?,
        account: row.opt_text(5)?,
        text: row.text(6)?,
        at: row.moment(7)?,
        sent: row.text(8)?,
        message: row.opt_text(9)?,
        evidence: row.opt_bytes(10)?,
        evidence_at: row.opt_moment(11)?,
        log_entry: row.opt_text(12)?,
    })
}

/// Enters a text; `false` if this version is there already.
pub async fn insert_text(tx: &mut Tx, row: &TextRow) -> Result<bool, StoreError> {
    let values = params![
        &row.number,
        row.version,
        &row.digest,
        &row.text,
        &row.state,
        &row.other,
        row.until,
        row.changed_at,
    ];
    Ok(tx.execute(TEXT_INSERT, &values).await? == 1)
}

/// Sets where a text stands.
pub async fn set_state(
    tx: &mut Tx,
    row: &TextRow,
    state: &str,
    at: Moment,
) -> Result<(), StoreError> {
    let values = params![&row.number, row.version, state, at];
    tx.execute(TEXT_STATE, &values).await.map(drop)
}

/// Makes this transaction the only one that changes the versions of an agreement until it ends: on an engine with many
/// writers two copies of a message would both find that nothing was done yet.
pub async fn hold_texts(tx: &mut Tx, number: &str) -> Result<(), StoreError> {
    tx.execute(TEXTS_HOLD, &params![number]).await.map(drop)
}

/// The versions of an agreement, the latest first.
pub async fn texts_of(tx: &mut Tx, number: &str) -> Result<Vec<TextRow>, StoreError> {
    tx.all(TEXTS_OF, &params![number])
        .await?
        .iter()
        .map(text)
        .collect()
}

/// Texts in a state, by number.
pub async fn texts_in(
    tx: &mut Tx,
    state: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<TextRow>, StoreError> {
    let values = params![state, after, limit];
    tx.all(TEXTS_IN, &values).await?.iter().map(text).collect()
}

/// The latest text of each agreement, by number.
pub async fn latest_texts(
    tx: &mut Tx,
    after: &str,
    limit: usize,
) -> Result<Vec<TextRow>, StoreError> {
    tx.all(LATEST, &params![after, limit])
        .await?
        .iter()
        .map(text)
        .collect()
}

/// How many proposals of `other` wait for this body.
pub async fn open_with(tx: &mut Tx, other: &str) -> Result<i64, StoreError> {
    tx.one(OPEN_WITH, &params![other]).await?.int(0)
}

/// Enters an act.
pub async fn insert_act(tx: &mut Tx, row: &ActRow) -> Result<(), StoreError> {
    let values = params![
        row.id,
        &row.number,
        row.version,
        &row.act,
        &row.member,
        row.account.clone(),
        &row.text,
        row.at,
        &row.sent,
        row.message.clone(),
        row.evidence.clone(),
        row.evidence_at,
        row.log_entry.clone(),
    ];
    tx.execute(ACT_INSERT, &values).await.map(drop)
}

/// Enters how our act was sent, with the message that carried it.
pub async fn set_sent(tx: &mut Tx, row: &ActRow) -> Result<(), StoreError> {
    let values = params![
        row.id,
        &row.sent,
        row.message.clone(),
        row.evidence.clone(),
        row.evidence_at,
    ];
    tx.execute(ACT_SENT, &values).await.map(drop)
}

/// An act.
pub async fn act_by_id(tx: &mut Tx, id: Id) -> Result<Option<ActRow>, StoreError> {
    tx.maybe(ACT_GET, &params![id])
        .await?
        .as_ref()
        .map(act)
        .transpose()
}

/// Our acts that the other body does not have yet, the earliest first.
pub async fn acts_waiting(tx: &mut Tx, after: &str, limit: usize) -> Result<Vec<Id>, StoreError> {
    let rows = tx.all(ACTS_WAITING, &params![after, limit]).await?;
    rows.iter().map(|row| row.id(0)).collect()
}

/// What was done with all versions of an agreement, the earliest first.
pub async fn acts_of(tx: &mut Tx, number: &str) -> Result<Vec<ActRow>, StoreError> {
    tx.all(ACTS_OF, &params![number])
        .await?
        .iter()
        .map(act)
        .collect()
}

/// Takes an agreement out of force.
pub async fn remove_effective(tx: &mut Tx, number: &str) -> Result<(), StoreError> {
    tx.execute(EFFECTIVE_REMOVE, &params![number])
        .await
        .map(drop)
}
