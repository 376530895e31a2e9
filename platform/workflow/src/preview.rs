//! Showing a decision before it is taken: the paper as it would read, without a number and without any trace.

use kernel::{Actor, Fault, Id};

use crate::procedure::Filled;
use crate::sql::{self, Order};
use crate::{Verdict, Workflow, access, decide};

impl Workflow {
    /// The content of the document that `verdict` would issue now, in the language it would be issued in.
    ///
    /// # Errors
    /// No right to decide; no such case; the store failed.
    pub async fn preview(
        &self,
        actor: &Actor,
        id: Id,
        verdict: Verdict,
    ) -> Result<Vec<Filled>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let stored = self.stored(&mut tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        access::may_read(actor, &stored.case, &procedure.right)?;
        access::may_decide(actor, &stored.case, &procedure.right)?;
        let facts = sql::facts(&mut tx, id).await?;
        drop(tx);
        let order = Order {
            signer: Some(decide::signer(actor)),
            ..Order::by_house(verdict.template(), self.now())
        };
        Ok(self.compose(&stored, &order, &facts)?.blocks)
    }
}
