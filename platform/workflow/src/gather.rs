//! Gathering: asks the registries for what a case still needs, again and again until they answer or the case ends.
//!
//! Run as a job per question. The question goes out between two transactions, never inside one. An answer whose
//! signature does not hold is refused, entered in the log and shown to the official; it is not asked again by itself.

use kernel::{Actor, Fault, Id};
use serde::Deserialize;
use serde_json::json;
use store::{Job, JobError, JobRun, Tx};

use crate::asker::{AskFailure, Question};
use crate::case::{Case, Need, NeedState, Refusal, learn, open_fields, refuse};
use crate::open::put_all;
use crate::sql::{self, NeedRow, Stored};
use crate::trail::Act;
use crate::{Workflow, access};

/// The kind of this job.
pub(crate) const JOB: &str = "workflow.gather";
/// A registry may be away for weeks; with pauses of at most a quarter of an hour this lasts for years.
pub(crate) const ATTEMPTS_MAX: u32 = 100_000;
/// The first pause; doubled with each attempt.
const PAUSE_SECONDS: i64 = 15;
/// The longest pause: after a registry comes back, cases wait no longer than this.
const PAUSE_SECONDS_MAX: i64 = 900;

/// A registry that says no may have been set up wrongly, or be in trouble of its own: it is asked again each hour.
const NOT_ALLOWED_SECONDS: i64 = 3_600;

#[derive(Deserialize)]
struct Payload {
    case: Id,
    service: String,
    about: String,
}

/// The job that asks one question of a case.
pub(crate) fn job(case: Id, need: &Need) -> Job {
    let payload = json!({ "case": case, "service": need.service, "about": need.about });
    Job::new(JOB, payload).key(format!("{case}/{}/{}", need.service, need.about))
}

fn pause(attempt: u32) -> i64 {
    let doubled = PAUSE_SECONDS.saturating_mul(1_i64 << attempt.saturating_sub(1).min(10));
    doubled.min(PAUSE_SECONDS_MAX)
}

impl Workflow {
    pub(crate) async fn gather(&self, run: JobRun) -> Result<(), JobError> {
        let payload: Payload = serde_json::from_value(run.payload).map_err(JobError::give_up)?;
        let Some((stored, row)) = self.open_need(&payload).await? else {
            return Ok(());
        };
        let question = Question {
            service: row.need.service.clone(),
            about: row.need.about.clone(),
            fields: row.need.fields.clone(),
            purpose: stored.case.procedure.clone(),
            case: Some(stored.case.number.clone()),
        };
        let answer = self.inner.asker.ask(question).await;
        let mut tx = self.inner.store.begin().await?;
        let need = &row.need;
        match answer {
            Ok(answer) if answer.found => {
                let procedure = self.procedure(&stored.case.procedure)?;
                let learned = learn(procedure, &stored.answers, need, &answer.facts);
                put_all(&mut tx, stored.case.id, need, learned).await?;
                sql::need_done(&mut tx, stored.case.id, need, None, self.now()).await?;
                let act = Act::of_house("case.fact-learned").note("service", &need.service);
                self.note(&mut tx, &stored.case, act.note("evidence", answer.evidence))
                    .await?;
            }
            Ok(answer) => {
                let evidence = Some(answer.evidence.as_str());
                self.refuse(&mut tx, &stored, need, Refusal::Unknown, evidence)
                    .await?;
            }
            Err(AskFailure::BadSignature(cause)) => {
                tracing::warn!(case = %stored.case.number, service = %need.service, %cause, "bad signature");
                self.refuse(&mut tx, &stored, need, Refusal::BadSignature, None)
                    .await?;
            }
            Err(AskFailure::NotAllowed(cause)) => {
                self.not_allowed(&mut tx, &stored, &row).await?;
                tx.commit().await?;
                return Err(JobError::retry_after(NOT_ALLOWED_SECONDS, cause));
            }
            Err(AskFailure::Away(cause)) => {
                sql::need_failed(&mut tx, stored.case.id, need, "away", self.now()).await?;
                tx.commit().await?;
                return Err(JobError::retry_after(pause(run.attempt), cause));
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// The need if it is still to be asked.
    async fn open_need(&self, payload: &Payload) -> Result<Option<(Stored, NeedRow)>, JobError> {
        let mut tx = self.inner.store.read().await?;
        let Some(stored) = sql::get(&mut tx, payload.case).await? else {
            return Ok(None);
        };
        let row = sql::need(&mut tx, payload.case, &payload.service, &payload.about).await?;
        let wanted = |row: &NeedRow| row.state == NeedState::Pending && !ended(&stored.case);
        Ok(row.filter(wanted).map(|row| (stored, row)))
    }

    /// Notes a no, once; the question stays open.
    async fn not_allowed(&self, tx: &mut Tx, stored: &Stored, row: &NeedRow) -> Result<(), Fault> {
        let (case, why, now) = (&stored.case, Refusal::NotAllowed, self.now());
        sql::need_failed(tx, case.id, &row.need, why.code(), now).await?;
        if row.problem.as_deref() == Some(why.code()) {
            return Ok(());
        }
        let procedure = self.procedure(&case.procedure)?;
        let refused = refuse(procedure, &stored.answers, &row.need, why, now, None);
        put_all(tx, case.id, &row.need, refused).await?;
        let act = Act::of_house("case.fact-refused").note("service", &row.need.service);
        self.note(tx, case, act.note("why", why.code())).await
    }

    async fn refuse(
        &self,
        tx: &mut Tx,
        stored: &Stored,
        need: &Need,
        why: Refusal,
        evidence: Option<&str>,
    ) -> Result<(), Fault> {
        let procedure = self.procedure(&stored.case.procedure)?;
        let refused = refuse(procedure, &stored.answers, need, why, self.now(), evidence);
        put_all(tx, stored.case.id, need, refused).await?;
        sql::need_done(tx, stored.case.id, need, Some(why), self.now()).await?;
        let act = Act::of_house("case.fact-refused").note("service", &need.service);
        self.note(tx, &stored.case, act.note("why", why.code()))
            .await
    }

    /// Asks a registry again whose answer was refused.
    ///
    /// # Errors
    /// No right; no such case or question; the case has ended.
    pub async fn ask_again(&self, actor: &Actor, id: Id, service: &str) -> Result<(), Fault> {
        let mut tx = self.inner.store.begin().await?;
        let stored = self.stored(&mut tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        access::may_read(actor, &stored.case, &procedure.right)?;
        access::may_evaluate(actor, &stored.case, &procedure.right)?;
        if ended(&stored.case) {
            return Err(crate::case::IllegalAct::Ended.into());
        }
        let rows = sql::needs(&mut tx, id).await?;
        let again: Vec<&NeedRow> = rows
            .iter()
            .filter(|row| row.need.service == service && may_ask_again(row))
            .collect();
        if again.is_empty() {
            return Err(Fault::missing("fault-workflow-nothing-to-ask"));
        }
        for row in again {
            sql::need_insert(&mut tx, id, &row.need, NeedState::Pending).await?;
            let open = open_fields(procedure, &stored.answers, &row.need);
            put_all(&mut tx, id, &row.need, open).await?;
            let key = format!("{id}/{service}/{}/{}", row.need.about, row.attempts);
            tx.enqueue(job(id, &row.need).key(key)).await?;
        }
        let act = Act::of("case.asked-again", actor).note("service", service);
        self.note(&mut tx, &stored.case, act).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A granted automatic procedure still gathers: its facts are verified afterwards.
fn ended(case: &Case) -> bool {
    case.state.is_final() && !case.state.is_granted()
}

/// Whether an official can have this asked at once.
fn may_ask_again(row: &NeedRow) -> bool {
    row.state == NeedState::Refused || (row.state == NeedState::Pending && row.problem.is_some())
}

#[cfg(test)]
mod tests {
    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour() {
        let pauses: Vec<i64> = (1..=8).map(super::pause).collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(super::pause(u32::MAX), 900);
    }
}
