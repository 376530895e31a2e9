//! The tables of drafts and of what registries stated for them.

use kernel::{Fact, Moment};
use serde::{Deserialize, Serialize};
use store::{StoreError, Tx, params};

use super::{json, read_json};
use crate::case::Refusal;
use crate::procedure::Answers;

/// What somebody has typed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The procedure.
    pub procedure: String,
    /// The key under which it will be filed; it makes filing twice one case.
    pub key: String,
    /// The answers as typed.
    pub answers: Answers,
    /// When something was last saved.
    pub updated_at: Moment,
}

/// What one question before filing brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DraftFact {
    /// Facts under a verified signature.
    Known(Vec<Fact>),
    /// An answer that can't be relied on, with its message number if there was one.
    Refused(Refusal, Option<String>),
}

const GET: &str = "SELECT procedure_id, filing_key, answers, updated_at FROM workflow_draft
    WHERE subject = $1 AND procedure_id = $2";
const OF: &str = "SELECT procedure_id, filing_key, answers, updated_at FROM workflow_draft
    WHERE subject = $1 ORDER BY updated_at DESC LIMIT 50";
const SAVE: &str =
    "INSERT INTO workflow_draft (subject, procedure_id, filing_key, answers, updated_at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject, procedure_id)
    DO UPDATE SET answers = excluded.answers, updated_at = excluded.updated_at";
const REMOVE: &str = "DELETE FROM workflow_draft WHERE subject = $1 AND procedure_id = $2";
const FORGET: &str = "DELETE FROM workflow_draft WHERE updated_at < $1";
const FACTS_FORGET: &str = "DELETE FROM workflow_draft_fact WHERE at < $1";
const FACTS_REMOVE: &str =
    "DELETE FROM workflow_draft_fact WHERE subject = $1 AND procedure_id = $2";
const REMEMBER: &str =
    "INSERT INTO workflow_draft_fact (subject, procedure_id, service, about, outcome, at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (subject, procedure_id, service, about)
    DO UPDATE SET outcome = excluded.outcome, at = excluded.at";
const FACTS: &str = "SELECT service, about, outcome, at FROM workflow_draft_fact
    WHERE subject = $1 AND procedure_id = $2 LIMIT 100";

fn read(row: &store::Row) -> Result<Draft, StoreError> {
    Ok(Draft {
        procedure: row.text(0)?,
        key: row.text(1)?,
        answers: read_json(row, 2)?,
        updated_at: row.moment(3)?,
    })
}

/// The draft of this person for this procedure.
pub async fn draft(
    tx: &mut Tx,
    subject: &str,
    procedure: &str,
) -> Result<Option<Draft>, StoreError> {
    tx.maybe(GET, &params![subject, procedure])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// All drafts of a person, newest first.
pub async fn drafts_of(tx: &mut Tx, subject: &str) -> Result<Vec<Draft>, StoreError> {
    tx.all(OF, &params![subject])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Writes a draft; an existing one keeps its key.
pub async fn draft_save(tx: &mut Tx, subject: &str, draft: &Draft) -> Result<(), StoreError> {
    let answers = json(&draft.answers);
    let values = params![
        subject,
        &draft.procedure,
        &draft.key,
        answers,
        draft.updated_at
    ];
    tx.execute(SAVE, &values).await.map(drop)
}

/// Removes a draft with its facts.
pub async fn draft_remove(tx: &mut Tx, subject: &str, procedure: &str) -> Result<(), StoreError> {
    tx.execute(REMOVE, &params![subject, procedure]).await?;
    tx.execute(FACTS_REMOVE, &params![subject, procedure])
        .await
        .map(drop)
}

/// Removes drafts and their facts that are older than `before`; tells how many drafts.
pub async fn drafts_forget(tx: &mut Tx, before: Moment) -> Result<u64, StoreError> {
    tx.execute(FACTS_FORGET, &params![before]).await?;
    tx.execute(FORGET, &params![before]).await
}

/// Keeps what a registry stated for a draft.
pub async fn remember(
    tx: &mut Tx,
    subject: &str,
    procedure: &str,
    question: (&str, &str),
    outcome: &DraftFact,
    at: Moment,
) -> Result<(), StoreError> {
    let values = params![
        subject,
        procedure,
        question.0,
        question.1,
        json(outcome),
        at
    ];
    tx.execute(REMEMBER, &values).await.map(drop)
}

/// What registries stated for a draft: service, subject, outcome, when.
pub async fn draft_facts(
    tx: &mut Tx,
    subject: &str,
    procedure: &str,
) -> Result<Vec<(String, String, DraftFact, Moment)>, StoreError> {
    let rows = tx.all(FACTS, &params![subject, procedure]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.text(0)?,
                row.text(1)?,
                read_json(row, 2)?,
                row.moment(3)?,
            ))
        })
        .collect()
}
