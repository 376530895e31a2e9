//! What the clock does by itself: grants by silence, and closes filings that were observed and not cured.
//!
//! Run by a timer. Each case has its own transaction, so that one that fails holds up no other; a turn that is
//! missed, because the machine was off, is made up by the next.

use kernel::{Fault, Id, Moment};

use crate::Workflow;
use crate::case::Act as CaseAct;
use crate::sql::{self, Order, Stored};
use crate::trail::Act;

/// Cases of one turn; the next turn takes the rest.
const TURN_MAX: usize = 200;

impl Workflow {
    /// Does what is due by now and tells how many cases it ended.
    ///
    /// # Errors
    /// The store failed.
    pub async fn let_silence_speak(&self) -> Result<usize, Fault> {
        let now = self.now();
        let mut tx = self.inner.store.read().await?;
        let silent = sql::silence_due(&mut tx, now, TURN_MAX).await?;
        let uncured = sql::cure_over(&mut tx, now, TURN_MAX).await?;
        drop(tx);
        let mut count = 0;
        for (id, act) in silent.iter().map(|id| (*id, CaseAct::Silence)) {
            count += usize::from(self.end_by_clock(id, &act, now).await);
        }
        for (id, act) in uncured.iter().map(|id| (*id, CaseAct::Lapse)) {
            count += usize::from(self.end_by_clock(id, &act, now).await);
        }
        Ok(count)
    }

    async fn end_by_clock(&self, id: Id, act: &CaseAct, now: Moment) -> bool {
        match self.try_end_by_clock(id, act, now).await {
            Ok(()) => true,
            Err(fault) => {
                tracing::warn!(case = %id, %fault, "the clock could not end a case; it tries again");
                false
            }
        }
    }

    async fn try_end_by_clock(&self, id: Id, act: &CaseAct, now: Moment) -> Result<(), Fault> {
        let mut tx = self.inner.store.begin().await?;
        let stored = self.stored(&mut tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        let case = stored.case.act(act, self.rules(procedure), now)?;
        let stored = Stored { case, ..stored };
        self.write(&mut tx, &stored).await?;
        let noted = match act {
            CaseAct::Silence => {
                let number = self.reserve(&mut tx, procedure, "silence").await?;
                let order = Order {
                    number: number.clone(),
                    ..Order::by_house("silence", now)
                };
                self.order(&mut tx, &stored.case, order).await?;
                let act = Act::of_house("case.granted-by-silence");
                number
                    .iter()
                    .fold(act, |act, number| act.note("number", number))
            }
            _ => Act::of_house("case.not-presented"),
        };
        self.note(&mut tx, &stored.case, noted).await?;
        tx.commit().await?;
        Ok(())
    }
}
