//! Taking a case up, observing it, extending its time: what an official does before deciding.

use kernel::{Actor, Fault, Id};

use crate::case::{Act as CaseAct, REASONS_CHARS_MAX, State};
use crate::procedure::Procedure;
use crate::sql::{Order, Stored};
use crate::trail::Act;
use crate::{Workflow, access};

/// What an official wrote, trimmed.
///
/// # Errors
/// Nothing was written, or too much.
pub(crate) fn reasons(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Fault::invalid("fault-workflow-reasons-missing")),
        count if count > REASONS_CHARS_MAX => {
            let max = REASONS_CHARS_MAX.to_string();
            Err(Fault::invalid("fault-workflow-reasons-long").arg("max", max))
        }
        _ => Ok(text.to_owned()),
    }
}

impl Workflow {
    /// Takes a case up for evaluation. Taking it up twice changes nothing.
    ///
    /// # Errors
    /// No right; no such case; the case is not at the desk.
    pub async fn evaluate(&self, actor: &Actor, id: Id) -> Result<(), Fault> {
        let mut tx = self.inner.store.begin().await?;
        let (stored, procedure) = self.to_evaluate(&mut tx, actor, id).await?;
        if stored.case.state == State::InEvaluation {
            return Ok(());
        }
        let case = stored
            .case
            .act(&CaseAct::Evaluate, self.rules(procedure), self.now())?;
        let stored = Stored { case, ..stored };
        self.write(&mut tx, &stored).await?;
        self.note(&mut tx, &stored.case, Act::of("case.evaluated", actor))
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Says what is missing, once and all of it; the clock stands still until it is cured or the days are over.
    ///
    /// # Errors
    /// No right; nothing written; observed before; not possible now.
    pub async fn observe(&self, actor: &Actor, id: Id, what: &str) -> Result<(), Fault> {
        let what = reasons(what)?;
        let mut tx = self.inner.store.begin().await?;
        let (stored, procedure) = self.to_evaluate(&mut tx, actor, id).await?;
        let case = stored
            .case
            .act(&CaseAct::Observe, self.rules(procedure), self.now())?;
        let stored = Stored { case, ..stored };
        self.write(&mut tx, &stored).await?;
        if procedure.template("observation").is_some() {
            let signer = Some(super::decide::signer(actor));
            let order = Order::by_house("observation", self.now());
            let order = Order {
                reasons: what.clone(),
                signer,
                ..order
            };
            self.order(&mut tx, &stored.case, order).await?;
        }
        self.note(
            &mut tx,
            &stored.case,
            Act::of("case.observed", actor).words(&what),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes `days` more business days, once, with reasons that the applicant reads.
    ///
    /// # Errors
    /// No right to decide; no days or more than the procedure's own; extended before; not possible now.
    pub async fn extend(&self, actor: &Actor, id: Id, days: u32, why: &str) -> Result<(), Fault> {
        let why = reasons(why)?;
        let mut tx = self.inner.store.begin().await?;
        let (stored, procedure) = self.to_evaluate(&mut tx, actor, id).await?;
        access::may_decide(actor, &stored.case, &procedure.right)?;
        if days == 0 || days > procedure.days(stored.case.risk) {
            return Err(Fault::invalid("fault-workflow-extension-days"));
        }
        let act = CaseAct::Extend { days };
        let case = stored.case.act(&act, self.rules(procedure), self.now())?;
        let stored = Stored { case, ..stored };
        self.write(&mut tx, &stored).await?;
        let act = Act::of("case.extended", actor)
            .words(&why)
            .note("days", days.to_string());
        self.note(&mut tx, &stored.case, act).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn to_evaluate(
        &self,
        tx: &mut store::Tx,
        actor: &Actor,
        id: Id,
    ) -> Result<(Stored, &Procedure), Fault> {
        let stored = self.stored(tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        access::may_read(actor, &stored.case, &procedure.right)?;
        access::may_evaluate(actor, &stored.case, &procedure.right)?;
        Ok((stored, procedure))
    }
}
