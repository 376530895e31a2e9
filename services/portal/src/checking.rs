//! Checking one's answers, and filing them: the last page before the receipt.

use kernel::{Actor, Fault, Id};
use web::{Fields, Visit};
use workflow::procedure::{Answers, Field, FieldKind, Procedure};
use workflow::{FieldError, Filing, NotFiled, Prefill};

use crate::filling::{self, THEN_CHECK};
use crate::views::{CheckSection, CheckView};
use crate::{Portal, questions};

/// What became of a filing.
pub enum Filed {
    /// Filed, now or before: the case.
    Case(Id),
    /// Something is missing: the page again.
    Wrong(Box<CheckView>),
}

/// What the check-answers page leads to.
pub enum Checking {
    /// The page.
    Page(Box<CheckView>),
    /// The form isn't complete: the address of the step to go on with.
    Incomplete(String),
}

impl Portal {
    /// The check-answers page, or the way to what is missing.
    ///
    /// # Errors
    /// Not a person; no such procedure; the store failed.
    pub async fn check(&self, visit: &Visit, actor: &Actor, id: &str) -> Result<Checking, Fault> {
        let next = self.resume(actor, id).await?;
        if next != filling::check_place(id) {
            return Ok(Checking::Incomplete(next));
        }
        Ok(Checking::Page(Box::new(
            self.check_view(visit, actor, id, &[]).await?,
        )))
    }

    /// Files. The same form sent twice is one case: the token is the draft's key.
    ///
    /// # Errors
    /// Not a person; no such procedure; the store failed.
    pub async fn file(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: &str,
        sent: &Fields,
    ) -> Result<Filed, Fault> {
        let draft = self.workflow.draft(actor, id).await?;
        let filing = Filing {
            procedure: id.to_owned(),
            key: sent.text("token").to_owned(),
            answers: draft.answers,
            locale: visit.locale,
        };
        match self.workflow.file(actor, filing).await {
            Ok(receipt) => Ok(Filed::Case(receipt.case)),
            Err(NotFiled::Answers(errors)) => Ok(Filed::Wrong(Box::new(
                self.check_view(visit, actor, id, &errors).await?,
            ))),
            Err(NotFiled::Fault(fault)) => Err(fault),
        }
    }

    async fn check_view(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: &str,
        errors: &[FieldError],
    ) -> Result<CheckView, Fault> {
        let procedure = self.workflow.procedure(id)?;
        let draft = self.workflow.draft(actor, id).await?;
        let prefill = self.workflow.prefill(actor, id, &draft.answers).await?;
        let mut sections = Vec::new();
        for step in procedure.visible_steps(&draft.answers) {
            let fields: Vec<&Field> = procedure.visible_fields(step, &draft.answers).collect();
            let title = step.title.get(visit.locale).to_owned();
            let change = format!("{}?then={THEN_CHECK}", filling::step_place(id, &step.id));
            let answers = self
                .told(visit, actor, &fields, &draft.answers, errors)
                .await;
            let facts = self.prefilled(visit, &fields, &prefill);
            sections.push(CheckSection {
                title,
                change,
                facts,
                answers,
            });
        }
        Ok(CheckView {
            procedure: procedure.title.get(visit.locale).to_owned(),
            address: format!("/procedures/{id}/file"),
            token: draft.key,
            sections,
            applicant: applicant(&prefill, procedure).unwrap_or_else(|| actor.name.clone()),
        })
    }

    /// The questions with their answers in words.
    async fn told(
        &self,
        visit: &Visit,
        actor: &Actor,
        fields: &[&Field],
        answers: &Answers,
        errors: &[FieldError],
    ) -> Vec<(crate::domain::Question, String)> {
        let mut told = Vec::new();
        for field in fields.iter().filter(|field| field.is_asked()) {
            let mut question = questions::question(visit, field, answers, errors);
            self.name_file(actor, field, &mut question).await;
            let answer = answers.get(&field.key).map_or("", String::as_str);
            let words = match field.kind {
                FieldKind::File => question.answer.first().cloned().unwrap_or_default(),
                _ => questions::words(visit, field, answer),
            };
            told.push((question, words));
        }
        told
    }
}

/// The name that the identity registry states for the applicant: the first text fact about them.
fn applicant(prefill: &Prefill, procedure: &Procedure) -> Option<String> {
    let about_applicant = |field: &&Field| {
        let origin = field.fact.as_ref();
        field.kind == FieldKind::Text
            && origin.is_some_and(|origin| origin.about == workflow::procedure::APPLICANT)
    };
    let field = procedure.fields().find(about_applicant)?;
    match prefill.get(&field.key)? {
        workflow::PrefilledState::Known(fact) => {
            Some(fact.value.show()).filter(|name| !name.is_empty())
        }
        _ => None,
    }
}
