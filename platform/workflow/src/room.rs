//! What this crate brings to a house: tables, texts, jobs and one timer. It has no addresses.

use std::time::Duration;

use kernel::Id;
use serde::Deserialize;
use store::{JobError, JobHandler, JobRun};
use web::{Room, Timer};

use crate::{TEXTS, Workflow, gather, issue, receive, sql};

/// How often the clock looks for cases that are due: nobody waits longer for what silence gave them.
const TURN: Duration = Duration::from_secs(5);
/// How often old drafts are looked for.
const DRAFTS: Duration = Duration::from_secs(3_600);
/// A signature service may be away for a day: the paper is made when it is back.
const ISSUE_ATTEMPTS_MAX: u32 = 200;

#[derive(Deserialize)]
struct OfCase {
    case: Id,
}

/// The case that a job is about.
pub(crate) fn case_of(run: &JobRun) -> Result<Id, JobError> {
    let payload: Result<OfCase, _> = serde_json::from_value(run.payload.clone());
    payload
        .map(|payload| payload.case)
        .map_err(JobError::give_up)
}

impl Workflow {
    /// The room.
    pub fn room(&self) -> Room {
        let turn = self.clone();
        let clock = Timer::new("workflow-clock", TURN, move || {
            let workflow = turn.clone();
            async move { workflow.let_silence_speak().await.map(drop) }
        });
        let broom = self.clone();
        let drafts = Timer::new("workflow-drafts", DRAFTS, move || {
            let workflow = broom.clone();
            async move { workflow.forget_old_drafts().await.map(drop) }
        });
        let mut room = Room::new("workflow")
            .migrations(sql::MIGRATIONS)
            .texts(TEXTS)
            .timer(clock)
            .timer(drafts);
        for job in self.jobs() {
            room = room.job(job);
        }
        room
    }

    /// The jobs, for a runner without a house.
    pub fn jobs(&self) -> Vec<JobHandler> {
        let (gathers, receives, issues) = (self.clone(), self.clone(), self.clone());
        let mut gather = JobHandler::new(gather::JOB, move |run| {
            let workflow = gathers.clone();
            async move { workflow.gather(run).await }
        });
        gather.attempts_max = gather::ATTEMPTS_MAX;
        let receive = JobHandler::new(receive::JOB, move |run| {
            let workflow = receives.clone();
            async move { workflow.receive_job(run).await }
        });
        let mut issue = JobHandler::new(issue::JOB, move |run| {
            let workflow = issues.clone();
            async move { workflow.issue(run).await }
        });
        issue.attempts_max = ISSUE_ATTEMPTS_MAX;
        vec![gather, receive, issue]
    }
}
