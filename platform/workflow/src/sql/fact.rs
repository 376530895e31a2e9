//! The tables of needs (questions of a case) and of facts.

use kernel::{Id, Moment};
use store::{Row, StoreError, Tx, params};

use super::{from_json, json, read_code, read_json};
use crate::case::{CaseFact, FactState, Need, NeedState, Refusal};

/// A need as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedRow {
    /// The question.
    pub need: Need,
    /// How far it has come.
    pub state: NeedState,
    /// How often it was asked.
    pub attempts: i64,
    /// What the last attempt met, as a code.
    pub problem: Option<String>,
    /// When it was last asked.
    pub asked_at: Option<Moment>,
}

const NEED_INSERT: &str =
    "INSERT INTO workflow_need (case_id, service, about, fields, state, attempts)
    VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (case_id, service, about)
    DO UPDATE SET fields = excluded.fields, state = excluded.state";
const NEEDS: &str =
    "SELECT service, about, fields, state, attempts, problem, asked_at FROM workflow_need
    WHERE case_id = $1 ORDER BY service, about LIMIT 100";
const NEED: &str =
    "SELECT service, about, fields, state, attempts, problem, asked_at FROM workflow_need
    WHERE case_id = $1 AND service = $2 AND about = $3";
const NEED_DONE: &str =
    "UPDATE workflow_need SET state = $4, attempts = attempts + 1, problem = $5, asked_at = $6
    WHERE case_id = $1 AND service = $2 AND about = $3";
const NEED_FAILED: &str =
    "UPDATE workflow_need SET attempts = attempts + 1, problem = $4, asked_at = $5
    WHERE case_id = $1 AND service = $2 AND about = $3";
const NEED_DROP: &str =
    "DELETE FROM workflow_need WHERE case_id = $1 AND service = $2 AND about = $3";
const FACTS_DROP: &str =
    "DELETE FROM workflow_fact WHERE case_id = $1 AND service = $2 AND about = $3";
const BLOCKING: &str = "SELECT COUNT(*) FROM workflow_need WHERE case_id = $1
    AND ((state = 'pending' AND (problem IS NULL OR problem <> 'not-allowed'))
      OR (state = 'refused' AND problem = 'bad-signature'))";
const PUT: &str =
    "INSERT INTO workflow_fact (case_id, field, service, about, fact, why, at, evidence)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (case_id, field) DO UPDATE SET
    service = excluded.service, about = excluded.about, fact = excluded.fact, why = excluded.why,
    at = excluded.at, evidence = excluded.evidence";
const FACTS: &str = "SELECT field, service, about, fact, why, at, evidence FROM workflow_fact
    WHERE case_id = $1 ORDER BY field LIMIT 200";

/// Writes a need, or renews it.
pub async fn need_insert(
    tx: &mut Tx,
    case: Id,
    need: &Need,
    state: NeedState,
) -> Result<(), StoreError> {
    let fields = json(&need.fields);
    let values = params![case, &need.service, &need.about, fields, state.code()];
    tx.execute(NEED_INSERT, &values).await.map(drop)
}

fn parse_state(code: &str) -> Option<NeedState> {
    let all = [NeedState::Pending, NeedState::Known, NeedState::Refused];
    all.into_iter().find(|state| state.code() == code)
}

fn read_need(row: &Row) -> Result<NeedRow, StoreError> {
    let need = Need {
        service: row.text(0)?,
        about: row.text(1)?,
        fields: read_json(row, 2)?,
    };
    Ok(NeedRow {
        need,
        state: read_code(row, 3, parse_state)?,
        attempts: row.int(4)?,
        problem: row.opt_text(5)?,
        asked_at: row.opt_moment(6)?,
    })
}

/// The needs of a case.
pub async fn needs(tx: &mut Tx, case: Id) -> Result<Vec<NeedRow>, StoreError> {
    tx.all(NEEDS, &params![case])
        .await?
        .iter()
        .map(read_need)
        .collect()
}

/// One need of a case.
pub async fn need(
    tx: &mut Tx,
    case: Id,
    service: &str,
    about: &str,
) -> Result<Option<NeedRow>, StoreError> {
    tx.maybe(NEED, &params![case, service, about])
        .await?
        .as_ref()
        .map(read_need)
        .transpose()
}

/// Closes a need: known, or refused for `why`.
pub async fn need_done(
    tx: &mut Tx,
    case: Id,
    need: &Need,
    why: Option<Refusal>,
    now: Moment,
) -> Result<(), StoreError> {
    let state = if why.is_some() {
        NeedState::Refused
    } else {
        NeedState::Known
    };
    let why = why.map(Refusal::code);
    let values = params![case, &need.service, &need.about, state.code(), why, now];
    tx.execute(NEED_DONE, &values).await.map(drop)
}

/// Notes that asking failed for now.
pub async fn need_failed(
    tx: &mut Tx,
    case: Id,
    need: &Need,
    problem: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let values = params![case, &need.service, &need.about, problem, now];
    tx.execute(NEED_FAILED, &values).await.map(drop)
}

/// Removes a need with its facts: a corrected answer made it pointless.
pub async fn need_drop(tx: &mut Tx, case: Id, need: &Need) -> Result<(), StoreError> {
    let values = params![case, &need.service, &need.about];
    tx.execute(NEED_DROP, &values).await?;
    tx.execute(FACTS_DROP, &values).await.map(drop)
}

/// How many needs stand in the way of granting: not answered yet, or answered with a bad signature.
/// A registry that will not be asked stands in nobody's way: the official decides without it.
pub async fn pending_count(tx: &mut Tx, case: Id) -> Result<usize, StoreError> {
    let count = tx.one(BLOCKING, &params![case]).await?.int(0)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Writes what is known of a field.
pub async fn put_fact(tx: &mut Tx, case: Id, fact: &CaseFact) -> Result<(), StoreError> {
    let (stated, why, at, evidence) = match &fact.state {
        FactState::Pending => (None, None, None, None),
        FactState::Verified(fact) => (
            Some(json(fact)),
            None,
            Some(fact.stated_at),
            Some(fact.evidence.clone()),
        ),
        FactState::Refused { why, at, evidence } => {
            (None, Some(why.code()), Some(*at), evidence.clone())
        }
    };
    let values = params![
        case,
        &fact.field,
        &fact.service,
        &fact.about,
        stated,
        why,
        at,
        evidence
    ];
    tx.execute(PUT, &values).await.map(drop)
}

/// What is known of each field of a case.
pub async fn facts(tx: &mut Tx, case: Id) -> Result<Vec<CaseFact>, StoreError> {
    tx.all(FACTS, &params![case])
        .await?
        .iter()
        .map(read_fact)
        .collect()
}

fn read_fact(row: &Row) -> Result<CaseFact, StoreError> {
    let state = match (row.opt_text(3)?, row.opt_text(4)?) {
        (Some(fact), _) => FactState::Verified(from_json(&fact, 3)?),
        (None, Some(_)) => FactState::Refused {
            why: read_code(row, 4, Refusal::parse)?,
            at: row.moment(5)?,
            evidence: row.opt_text(6)?,
        },
        (None, None) => FactState::Pending,
    };
    Ok(CaseFact {
        field: row.text(0)?,
        service: row.text(1)?,
        about: row.text(2)?,
        state,
    })
}
