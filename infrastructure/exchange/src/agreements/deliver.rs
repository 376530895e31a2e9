//! Carrying our acts to the other body: one signed message each, again and again until it is answered.
//!
//! Run by the job `exchange-agreement`. The message that the other body answered is kept as evidence. It promises that
//! an act arrives once in effect: the other side takes a repetition for what it is.

use kernel::{Fault, FaultKind, Id};
use store::{JobError, JobHandler, JobRun};

use super::state::State;
use super::text::Terms;
use super::{Act, DELIVER_JOB, Evidence, InForce, SERVICE};
use crate::ask::{Answered, Behalf, Outgoing};
use crate::sql::agreement::{self as acts, ActRow, TextRow};
use crate::sql::{self, Half, Side};
use crate::{Exchange, Verified};

/// Attempts before an act is given up, with pauses that grow to an hour: more than a week.
pub(crate) const ATTEMPTS_MAX: u32 = 200;

/// Pause after a refusal that somebody has to mend, in seconds.
const LATER_SECONDS: i64 = 3_600;
/// Acts read at once.
const PAGE: usize = 100;

impl Exchange {
    /// The job that carries our acts.
    pub(crate) fn deliver_job(&self) -> JobHandler {
        let exchange = self.clone();
        let mut handler = JobHandler::new(DELIVER_JOB, move |run: JobRun| {
            let exchange = exchange.clone();
            async move {
                let id = run.payload["act"]
                    .as_str()
                    .and_then(|text| text.parse().ok());
                let id = id.ok_or_else(|| JobError::give_up("no act"))?;
                exchange.deliver_act(id).await
            }
        });
        handler.attempts_max = ATTEMPTS_MAX;
        handler
    }

    /// Carries every act that waits; tells how many the other bodies have now. For commands and tests: a running node
    /// has the job.
    ///
    /// # Errors
    /// The first act that could not be carried.
    pub async fn deliver_agreements(&self) -> Result<usize, Fault> {
        let mut carried = 0;
        let mut after = String::new();
        loop {
            let mut tx = self.inner.store.read().await?;
            let page = acts::acts_waiting(&mut tx, &after, PAGE).await?;
            drop(tx);
            let Some(last) = page.last() else {
                return Ok(carried);
            };
            after = last.to_string();
            for id in page {
                self.deliver_act(id).await.map_err(|error| {
                    Fault::new(FaultKind::Unavailable, "fault-exchange-unreachable").detail(error)
                })?;
                carried += 1;
            }
        }
    }

    /// Carries an act of ours to the other body, after earlier ones about the same agreement.
    ///
    /// # Errors
    /// It can't be reached or is not ready; the job tries again.
    pub(crate) async fn deliver_act(&self, id: Id) -> Result<(), JobError> {
        let mut tx = self.inner.store.read().await.map_err(Fault::from)?;
        let Some(act) = acts::act_by_id(&mut tx, id).await.map_err(Fault::from)? else {
            return Ok(());
        };
        let all = acts::acts_of(&mut tx, &act.number).await;
        drop(tx);
        for earlier in all.map_err(Fault::from)? {
            self.carry(earlier.id).await?;
            if earlier.id == id {
                break;
            }
        }
        Ok(())
    }

    async fn carry(&self, id: Id) -> Result<(), JobError> {
        let Some((act, row)) = self.waiting_act(id).await? else {
            return Ok(());
        };
        let kind = Act::of(&act.act).ok_or_else(|| JobError::give_up("an unknown act"))?;
        let terms = Terms::read(row.text.as_bytes()).map_err(JobError::give_up)?;
        let answered = match self.send(self.carrying(&terms, kind, &act)).await {
            Ok(answered) => answered,
            Err(error) if error.may_pass() => return Err(JobError::retry(error)),
            Err(error) => return Err(JobError::retry_after(LATER_SECONDS, error)),
        };
        match answered.get().response.status {
            200 => self.delivered(act, row, kind, &answered).await,
            429 | 500..=599 => Err(JobError::retry("the other body is not ready")),
            _ => self.turned_down(act, row, kind, &answered).await,
        }
    }

    /// The act with its text, unless it was carried already.
    async fn waiting_act(&self, id: Id) -> Result<Option<(ActRow, TextRow)>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let Some(act) = acts::act_by_id(&mut tx, id).await? else {
            return Ok(None);
        };
        let texts = acts::texts_of(&mut tx, &act.number).await?;
        let row = texts.into_iter().find(|row| row.version == act.version);
        Ok(row.filter(|_| act.sent == "waiting").map(|row| (act, row)))
    }

    fn carrying(&self, terms: &Terms, kind: Act, act: &ActRow) -> Outgoing {
        let we = &self.inner.settings.member;
        let to = terms.subsystem_of(terms.other(we));
        Outgoing::built_in(
            terms.subsystem_of(we).clone(),
            to.service(SERVICE),
            &format!("/{}", kind.word()),
            act.text.clone().into_bytes(),
            Behalf::default(),
        )
    }

    async fn delivered(
        &self,
        mut act: ActRow,
        row: TextRow,
        kind: Act,
        answered: &Verified<Answered>,
    ) -> Result<(), JobError> {
        let now = self.inner.clock.now();
        let evidence = self.sent_evidence(&answered.get().number).await?;
        act.sent = "sent".to_owned();
        act.message = Some(answered.get().number.clone());
        act.evidence = Some(evidence.container.clone());
        act.evidence_at = Some(evidence.at);
        let mut tx = self.inner.store.begin().await.map_err(Fault::from)?;
        acts::set_sent(&mut tx, &act).await.map_err(Fault::from)?;
        if kind == Act::Accept && row.state == State::Accepting.word() {
            let (proposal, _) = self.evidence_of(&mut tx, &row).await?;
            let proposal = proposal.ok_or_else(|| JobError::give_up("no proposal was kept"))?;
            let view = self.inner.held.any();
            let view = view.ok_or_else(|| JobError::retry("there is no directory"))?;
            let scope = self.inner.scope(&view, now);
            let in_force = InForce::verify(row.text.as_bytes(), &proposal, &evidence, &scope)
                .map_err(JobError::give_up)?;
            self.put_in_force(&mut tx, &row, &in_force, now).await?;
        }
        Ok(tx.commit().await.map_err(Fault::from)?)
    }

    /// The other body says that it can't be: a number in use, a proposal taken back, a party that it is not.
    async fn turned_down(
        &self,
        mut act: ActRow,
        row: TextRow,
        kind: Act,
        answered: &Verified<Answered>,
    ) -> Result<(), JobError> {
        let now = self.inner.clock.now();
        let body = crate::body::small(answered.get().body.as_ref());
        let told: Option<super::arrive::Told> = serde_json::from_slice(body).ok();
        let code = told.map_or_else(|| "unknown".to_owned(), |told| told.code);
        act.sent = "refused".to_owned();
        act.message = Some(answered.get().number.clone());
        let mut tx = self.inner.store.begin().await.map_err(Fault::from)?;
        acts::set_sent(&mut tx, &act).await.map_err(Fault::from)?;
        let next = match kind {
            Act::Propose => Some(State::Refused),
            Act::Accept => Some(State::Ended),
            Act::Refuse | Act::End => None,
        };
        if let Some(next) = next.filter(|_| State::of(&row.state).is_some_and(State::is_open)) {
            acts::set_state(&mut tx, &row, next.word(), now)
                .await
                .map_err(Fault::from)?;
        }
        let notes = [("code", code.as_str())];
        self.note_agreement(&mut tx, "exchange.agreement-turned-down", &row, now, &notes)
            .await?;
        Ok(tx.commit().await.map_err(Fault::from)?)
    }

    /// Our own message as it was signed and journalled.
    async fn sent_evidence(&self, number: &str) -> Result<Evidence, JobError> {
        let mut tx = self.inner.store.read().await.map_err(Fault::from)?;
        let rows = sql::questions_by_number(&mut tx, number).await;
        // Whoever reads within a reading may wait for a connection that others hold in the same way.
        drop(tx);
        for row in rows.map_err(Fault::from)? {
            if row.side != Side::Client {
                continue;
            }
            let (parts, at) = self.message(&row, Half::Request, row.request).await?;
            return Evidence::of(&parts, at).map_err(JobError::give_up);
        }
        Err(JobError::retry("the message is not in the journal"))
    }
}
