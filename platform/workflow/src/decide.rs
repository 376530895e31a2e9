//! Deciding: an official grants or denies; the decision is recorded at once, its document is made right after.

use kernel::{Actor, Fault, FaultKind, Id};

use crate::case::{Act as CaseAct, Granting, State};
use crate::sql::{self, Order, Signer, Stored};
use crate::trail::Act;
use crate::{Workflow, access};

/// Granted or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Granted.
    Grant,
    /// Denied.
    Deny,
}

/// An official's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Granted or denied.
    pub verdict: Verdict,
    /// Reasons that the document will show. A denial needs them; a grant may do without.
    pub reasons: String,
    /// The case's revision that the official read; a decision on an older one is refused. `None` skips this.
    pub revision: Option<i64>,
}

impl Verdict {
    const fn state(self) -> State {
        match self {
            Self::Grant => State::Granted,
            Self::Deny => State::Denied,
        }
    }

    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::Grant => "resolution-granted",
            Self::Deny => "resolution-denied",
        }
    }

    const fn event(self) -> &'static str {
        match self {
            Self::Grant => "case.granted",
            Self::Deny => "case.denied",
        }
    }
}

/// Who signs when this official acts.
pub(crate) fn signer(actor: &Actor) -> Signer {
    let post = access::post(actor).unwrap_or_default().to_owned();
    Signer {
        account: actor.account.clone(),
        name: actor.name.clone(),
        post,
    }
}

impl Workflow {
    /// Decides a case and gives the number of the document that will say so. Sent twice, it gives the same number.
    ///
    /// # Errors
    /// No right; the official's own case; facts are pending; silence was faster; the case was changed meanwhile.
    pub async fn decide(
        &self,
        actor: &Actor,
        id: Id,
        decision: Decision,
    ) -> Result<Option<String>, Fault> {
        let Decision {
            verdict,
            reasons,
            revision,
        } = decision;
        let reasons = match (verdict, reasons.trim()) {
            (Verdict::Grant, "") => String::new(),
            (_, text) => crate::observe::reasons(text)?,
        };
        let mut tx = self.inner.store.begin().await?;
        let stored = self.stored(&mut tx, id).await?;
        let procedure = self.procedure(&stored.case.procedure)?;
        access::may_read(actor, &stored.case, &procedure.right)?;
        access::may_decide(actor, &stored.case, &procedure.right)?;
        if stored.case.state == verdict.state() {
            let order = sql::order(&mut tx, id, verdict.template()).await?;
            return Ok(order.and_then(|order| order.number));
        }
        if revision.is_some_and(|read| read != stored.case.revision) {
            return Err(Fault::new(FaultKind::Conflict, "fault-workflow-changed"));
        }
        let act = match verdict {
            Verdict::Grant => {
                CaseAct::Grant(Granting::ready(sql::pending_count(&mut tx, id).await?))
            }
            Verdict::Deny => CaseAct::Deny,
        };
        let case = stored.case.act(&act, self.rules(procedure), self.now())?;
        let stored = Stored { case, ..stored };
        self.write(&mut tx, &stored).await?;
        let number = self.reserve(&mut tx, procedure, verdict.template()).await?;
        let order = Order {
            number: number.clone(),
            reasons: reasons.clone(),
            signer: Some(signer(actor)),
            ..Order::by_house(verdict.template(), self.now())
        };
        self.order(&mut tx, &stored.case, order).await?;
        let act = Act::of(verdict.event(), actor).words(&reasons);
        let act = number
            .iter()
            .fold(act, |act, number| act.note("number", number));
        self.note(&mut tx, &stored.case, act).await?;
        tx.commit().await?;
        Ok(number)
    }
}
