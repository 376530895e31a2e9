//! Curing what was observed, and taking an application back: what an applicant does after filing.

use kernel::{Actor, Fault, Id};
use store::Tx;

use crate::answers::check_all;
use crate::case::{Act as CaseAct, NeedState, needs_of, open_fields};
use crate::open::{NotFiled, put_all};
use crate::procedure::{Answers, Procedure};
use crate::sql::{self, Stored};
use crate::trail::Act;
use crate::{Workflow, access, gather};

/// What the applicant brings.
#[derive(Clone, Debug, Default)]
pub struct Cure {
    /// Corrected answers; the others stay as they were filed.
    pub answers: Answers,
    /// A message to the official; may be empty.
    pub words: String,
}

impl Workflow {
    /// Cures what was observed; the case keeps the day it was presented. A number that changes is asked about again.
    ///
    /// # Errors
    /// Not the applicant; wrong answers; not observed, or too late.
    pub async fn cure(&self, actor: &Actor, id: Id, cure: Cure) -> Result<(), NotFiled> {
        let mut tx = self.inner.store.begin().await?;
        let stored = self.stored(&mut tx, id).await?;
        access::may_act_as_applicant(actor, &stored.case)?;
        let procedure = self.procedure(&stored.case.procedure)?;
        let mut answers = stored.answers.clone();
        answers.extend(cure.answers);
        let checked = check_all(procedure, &self.inner.settings.schemes, &answers);
        if !checked.errors.is_empty() {
            return Err(NotFiled::Answers(checked.errors));
        }
        let words = match cure.words.trim() {
            "" => String::new(),
            words => crate::observe::reasons(words)?,
        };
        let case = stored
            .case
            .act(&CaseAct::Cure, self.rules(procedure), self.now());
        let mut case = case.map_err(Fault::from)?;
        // A correction may raise the risk, never lower what the body must look at in the same case.
        case.risk = case.risk.max(procedure.risk_of(&checked.answers));
        case.timeline.days = case.timeline.days.max(procedure.days(case.risk));
        case.title = checked
            .answers
            .get(&procedure.subject)
            .cloned()
            .unwrap_or(case.title);
        let stored = Stored {
            case,
            answers: checked.answers,
            ..stored
        };
        self.write(&mut tx, &stored).await?;
        self.ask_for_new(&mut tx, procedure, &stored).await?;
        self.note(
            &mut tx,
            &stored.case,
            Act::of("case.cured", actor).words(&words),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn ask_for_new(
        &self,
        tx: &mut Tx,
        procedure: &Procedure,
        stored: &Stored,
    ) -> Result<(), Fault> {
        let case = stored.case.id;
        let wanted = needs_of(procedure, &stored.answers, &stored.case.subject);
        for row in sql::needs(tx, case).await? {
            let kept = wanted
                .iter()
                .any(|n| n.service == row.need.service && n.about == row.need.about);
            if !kept {
                sql::need_drop(tx, case, &row.need).await?;
            }
        }
        for need in &wanted {
            if sql::need(tx, case, &need.service, &need.about)
                .await?
                .is_none()
            {
                sql::need_insert(tx, case, need, NeedState::Pending).await?;
                put_all(
                    tx,
                    case,
                    need,
                    open_fields(procedure, &stored.answers, need),
                )
                .await?;
                tx.enqueue(gather::job(case, need)).await?;
            }
        }
        Ok(())
    }

    /// Takes the application back.
    ///
    /// # Errors
    /// Not the applicant; the case has ended.
    pub async fn withdraw(&self, actor: &Actor, id: Id) -> Result<(), Fault> {
        let mut tx = self.inner.store.begin().await?;
        let stored = self.stored(&mut tx, id).await?;
        access::may_act_as_applicant(actor, &stored.case)?;
        let procedure = self.procedure(&stored.case.procedure)?;
        let case = stored
            .case
            .act(&CaseAct::Withdraw, self.rules(procedure), self.now())?;
        let stored = Stored { case, ..stored };
        self.write(&mut tx, &stored).await?;
        self.note(&mut tx, &stored.case, Act::of("case.withdrawn", actor))
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
