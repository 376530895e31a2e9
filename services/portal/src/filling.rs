//! Filling in a form: one step after another, kept on the server, with what registries state already there.
//!
//! Read by `http`. It promises that what was typed is kept even when it is wrong, that a change leads back to where the
//! change was asked for, and that no registry's silence stops anybody.

use kernel::{Actor, Fault};
use web::{Upload, Visit};
use workflow::answers::{check_all, check_step};
use workflow::procedure::{Answers, Field, FieldKind, Procedure, Step};
use workflow::{FieldError, Prefill, PrefilledState};

use crate::domain::{FactState, FactView};
use crate::views::StepView;
use crate::{Portal, kept, questions};

/// The word in the address that leads back to the check-answers page after a change.
pub const THEN_CHECK: &str = "check";

/// What follows when a step was sent.
pub enum Answered {
    /// Something is wrong: the same page again, with everything typed.
    Wrong(Box<StepView>),
    /// The address of the next page.
    Next(String),
}

/// The address of a procedure's form.
pub fn form_place(procedure: &str) -> String {
    format!("/procedures/{procedure}/form")
}

/// The address of one step.
pub fn step_place(procedure: &str, step: &str) -> String {
    format!("/procedures/{procedure}/form/{step}")
}

/// The address of the check-answers page.
pub fn check_place(procedure: &str) -> String {
    format!("/procedures/{procedure}/check")
}

impl Portal {
    /// Where this person goes on: the first step that isn't complete, or the check-answers page.
    ///
    /// # Errors
    /// Not a person; no such procedure; the store failed.
    pub async fn resume(&self, actor: &Actor, id: &str) -> Result<String, Fault> {
        let procedure = self.workflow.procedure(id)?;
        let draft = self.workflow.draft(actor, id).await?;
        let incomplete = self.incomplete(procedure, &draft.answers);
        Ok(incomplete.map_or_else(|| check_place(id), |step| step_place(id, &step.id)))
    }

    /// The first step with something missing or wrong. A form that nobody began is begun at its first step, even if
    /// that one asks nothing: it shows what registries state.
    fn incomplete<'p>(&self, procedure: &'p Procedure, answers: &Answers) -> Option<&'p Step> {
        if answers.is_empty() {
            return procedure.steps.first();
        }
        let schemes = &self.workflow.settings().schemes;
        let visible: Vec<&str> = procedure
            .visible_steps(answers)
            .map(|step| step.id.as_str())
            .collect();
        procedure
            .steps
            .iter()
            .filter(|step| visible.contains(&step.id.as_str()))
            .find(|step| {
                !check_step(procedure, step, schemes, answers)
                    .errors
                    .is_empty()
            })
    }

    /// The address of this person's draft of `procedure`, if there is one.
    pub(crate) async fn draft_place(
        &self,
        visit: &Visit,
        procedure: &Procedure,
    ) -> Result<Option<String>, Fault> {
        let Some(actor) = visit.actor.as_ref().filter(|actor| !actor.is_official()) else {
            return Ok(None);
        };
        let drafts = self.workflow.drafts(actor).await?;
        let begun = drafts.iter().any(|draft| draft.procedure == procedure.id);
        Ok(begun.then(|| form_place(&procedure.id)))
    }

    /// One step, with what was typed in it so far: also what was typed when the session had ended.
    ///
    /// # Errors
    /// Not a person; no such procedure or step; the store failed.
    pub async fn step(
        &self,
        visit: &Visit,
        actor: &Actor,
        id: &str,
        step: &str,
        then: &str,
    ) -> Result<StepView, Fault> {
        let mut answers = self.workflow.draft(actor, id).await?.answers;
        let kept = kept::take(&self.store, visit, actor, &visit.path).await?;
        if let Some(fields) = &kept {
            let procedure = self.workflow.procedure(id)?;
            let asked = procedure
                .step(step)
                .map(|step| step.fields.as_slice())
                .unwrap_or_default();
            answers.extend(typed(asked, &fields.0));
        }
        let mut view = self
            .view_step(visit, actor, (id, step), &answers, &[])
            .await?;
        view.kept = kept.is_some();
        view.then = then.to_owned();
        Ok(view)
    }

    /// Takes the answers of one step.
    ///
    /// # Errors
    /// Not a person; no such procedure or step; the store failed.
    pub async fn answer_step(
        &self,
        visit: &Visit,
        actor: &Actor,
        (id, step_id): (&str, &str),
        sent: Upload,
    ) -> Result<Answered, Fault> {
        let procedure = self.workflow.procedure(id)?;
        let step = procedure
            .step(step_id)
            .ok_or_else(|| Fault::missing("fault-workflow-no-step"))?;
        let before = self.workflow.draft(actor, id).await?.answers;
        let mut answers = typed(&step.fields, &sent.fields.0);
        let mut errors = Vec::new();
        for field in step
            .fields
            .iter()
            .filter(|field| field.kind == FieldKind::File)
        {
            match self.attach(actor, field, &sent).await {
                Ok(Some(document)) => drop(answers.insert(field.key.clone(), document)),
                Ok(None) => answers.extend(before.get_key_value(&field.key).map(owned)),
                Err(fault) => errors.push(field_error(field, fault)?),
            }
        }
        let checked = self
            .workflow
            .save_step(actor, id, step_id, &answers)
            .await?;
        if sent.fields.ticked("later") {
            return Ok(Answered::Next("/cases?saved=yes".to_owned()));
        }
        let new = checked
            .errors
            .into_iter()
            .filter(|error| !has(&errors, &error.field));
        let new: Vec<FieldError> = new.collect();
        errors.extend(new);
        let then = sent.fields.text("then");
        if !errors.is_empty() {
            let mut view = self
                .view_step(visit, actor, (id, step_id), &checked.answers, &errors)
                .await?;
            view.then = then.to_owned();
            return Ok(Answered::Wrong(Box::new(view)));
        }
        Ok(Answered::Next(self.after(
            procedure,
            step_id,
            &checked.answers,
            then,
        )))
    }

    /// The address after a step without mistakes.
    fn after(&self, procedure: &Procedure, step: &str, answers: &Answers, then: &str) -> String {
        let schemes = &self.workflow.settings().schemes;
        let complete = || check_all(procedure, schemes, answers).errors.is_empty();
        if then == THEN_CHECK && complete() {
            return check_place(&procedure.id);
        }
        let mut steps = procedure
            .visible_steps(answers)
            .skip_while(|other| other.id != step)
            .skip(1);
        match steps.next() {
            Some(next) => step_place(&procedure.id, &next.id),
            None => check_place(&procedure.id),
        }
    }

    async fn view_step(
        &self,
        visit: &Visit,
        actor: &Actor,
        (id, step_id): (&str, &str),
        answers: &Answers,
        errors: &[FieldError],
    ) -> Result<StepView, Fault> {
        let procedure = self.workflow.procedure(id)?;
        let step = procedure
            .step(step_id)
            .ok_or_else(|| Fault::missing("fault-workflow-no-step"))?;
        let prefill = self.workflow.prefill(actor, id, answers).await?;
        let fields: Vec<&Field> = procedure.visible_fields(step, answers).collect();
        let mut asked = Vec::new();
        for field in fields.iter().filter(|field| field.is_asked()) {
            let mut question = questions::question(visit, field, answers, errors);
            self.name_file(actor, field, &mut question).await;
            asked.push(question);
        }
        let steps: Vec<&Step> = procedure.visible_steps(answers).collect();
        let place = steps
            .iter()
            .position(|other| other.id == step_id)
            .unwrap_or(0);
        let before = place.checked_sub(1).and_then(|before| steps.get(before));
        Ok(StepView {
            procedure: procedure.title.get(visit.locale).to_owned(),
            address: step_place(id, step_id),
            place: (place + 1, steps.len()),
            title: step.title.get(visit.locale).to_owned(),
            intro: step
                .help
                .as_ref()
                .map(|help| help.get(visit.locale).to_owned())
                .unwrap_or_default(),
            facts: self.prefilled(visit, &fields, &prefill),
            questions: asked,
            kept: false,
            back: before.map_or_else(
                || format!("/procedures/{id}"),
                |step| step_place(id, &step.id),
            ),
            whose: kept::whose(visit, actor),
            then: String::new(),
        })
    }

    /// What registries state about these fields.
    pub(crate) fn prefilled(
        &self,
        visit: &Visit,
        fields: &[&Field],
        prefill: &Prefill,
    ) -> Vec<FactView> {
        let shown = fields.iter().filter_map(|field| {
            let origin = field.fact.as_ref()?;
            let state = match prefill.get(&field.key)? {
                PrefilledState::Known(fact) => stated(visit, field, fact),
                PrefilledState::Pending => (String::new(), FactState::Waiting),
                PrefilledState::Refused(why) => (String::new(), refused(visit, *why)),
            };
            Some(FactView {
                label: field.label.get(visit.locale).to_owned(),
                value: state.0,
                authority: self.registry_name(&origin.service, visit.locale),
                state: state.1,
            })
        });
        shown.collect()
    }
}

/// A stated fact as pages show it.
pub(crate) fn stated(visit: &Visit, field: &Field, fact: &kernel::Fact) -> (String, FactState) {
    if fact.value == kernel::fact::value::Value::None {
        return (String::new(), FactState::Nothing);
    }
    let state = FactState::Signed {
        at: fact.stated_at,
        evidence: fact.evidence.clone(),
    };
    (questions::words(visit, field, &fact.value.show()), state)
}

/// Why a fact is not relied on. A registry that doesn't know the subject has nothing: that is no refusal.
pub(crate) fn refused(visit: &Visit, why: workflow::case::Refusal) -> FactState {
    match why {
        workflow::case::Refusal::Unknown => FactState::Nothing,
        other => FactState::Refused {
            reason: visit.t(&format!("workflow-refusal-{}", other.code())),
        },
    }
}

/// The answers among what a browser sent: only to what is asked; files come apart.
fn typed(fields: &[Field], sent: &[(String, String)]) -> Answers {
    let asked = |key: &str| {
        let field = fields.iter().find(|field| field.key == key);
        field.is_some_and(|field| field.is_asked() && field.kind != FieldKind::File)
    };
    sent.iter().filter(|(key, _)| asked(key)).cloned().collect()
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn has(errors: &[FieldError], field: &str) -> bool {
    errors.iter().any(|error| error.field == field)
}

/// A fault of a file as an error of its field, if the person can mend it.
fn field_error(field: &Field, fault: Fault) -> Result<FieldError, Fault> {
    use kernel::FaultKind::{Invalid, TooLarge};
    match (fault.kind, &fault.key) {
        (Invalid | TooLarge, std::borrow::Cow::Borrowed(key)) => {
            let args = fault.args.iter().filter_map(|(name, value)| match name {
                std::borrow::Cow::Borrowed(name) => Some((*name, value.clone())),
                std::borrow::Cow::Owned(_) => None,
            });
            Ok(FieldError {
                field: field.key.clone(),
                key,
                args: args.collect(),
            })
        }
        _ => Err(fault),
    }
}
