//! Reception: the desk's cargo, in office hours. The house gives it by itself at the opening unless an official was
//! faster; what the filing counts for was settled when it was presented.

use kernel::{Actor, Fault, Id};
use store::{JobError, JobRun, Tx};

use crate::case::{Act as CaseAct, State};
use crate::sql::{Order, Stored};
use crate::trail::Act;
use crate::{Workflow, access};

/// The kind of this job.
pub(crate) const JOB: &str = "workflow.receive";

impl Workflow {
    /// Receives a filing at the desk. Receiving it twice changes nothing.
    ///
    /// # Errors
    /// No right; no such case; the case has gone on.
    pub async fn receive(&self, actor: &Actor, id: Id) -> Result<(), Fault> {
        let mut tx = self.inner.store.begin().await?;
        let stored = self.stored(&mut tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        access::may_read(actor, &stored.case, &procedure.right)?;
        access::may_receive(actor, &stored.case, &procedure.right)?;
        if stored.case.state == State::Received {
            return Ok(());
        }
        self.received(&mut tx, stored, Act::of("case.received", actor))
            .await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn receive_job(&self, run: JobRun) -> Result<(), JobError> {
        let id = crate::room::case_of(&run)?;
        let mut tx = self.inner.store.begin().await?;
        let stored = self.stored(&mut tx, id).await?;
        if stored.case.state != State::Filed {
            return Ok(());
        }
        self.received(&mut tx, stored, Act::of_house("case.received"))
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn received(&self, tx: &mut Tx, stored: Stored, act: Act<'_>) -> Result<(), Fault> {
        let procedure = self.procedure(&stored.case.procedure)?;
        let case = stored
            .case
            .act(&CaseAct::Receive, self.rules(procedure), self.now())?;
        let stored = Stored { case, ..stored };
        self.write(tx, &stored).await?;
        if procedure.template("reception").is_some() {
            self.order(tx, &stored.case, Order::by_house("reception", self.now()))
                .await?;
        }
        self.note(tx, &stored.case, act).await
    }
}
