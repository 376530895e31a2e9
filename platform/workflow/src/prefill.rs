//! Prefilling: what registries state about the applicant, before anything is filed, within a page's patience.
//!
//! Each registry is asked at most once per draft while its facts are fresh. What does not come within the budget is
//! left to arrive by itself: the next page shows it, and filing never waits for it.

use std::sync::PoisonError;
use std::time::Duration;

use kernel::{Actor, Fact, Fault};
use tokio::task::JoinSet;

use crate::asker::{AskFailure, Question};
use crate::case::{Need, Refusal, needs_of};
use crate::procedure::{APPLICANT, Answers, Procedure};
use crate::sql::{self, DraftFact};
use crate::{Workflow, access};

/// What is known of a field before filing.
#[derive(Clone, Debug, PartialEq)]
pub enum PrefilledState {
    /// Stated under a verified signature. The value `None` means: not on record.
    Known(Fact),
    /// Not yet; the case gathers it after filing.
    Pending,
    /// Can't be relied on, or the registry does not know the subject.
    Refused(Refusal),
}

/// A field that a registry answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefilled {
    /// The field's key.
    pub field: String,
    /// The registry's service code.
    pub service: String,
    /// What is known.
    pub state: PrefilledState,
}

/// Every field that registries answer and whose subject is known, in the order of the form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prefill {
    /// The fields.
    pub fields: Vec<Prefilled>,
}

impl Prefill {
    /// What is known of a field.
    pub fn get(&self, field: &str) -> Option<&PrefilledState> {
        self.fields
            .iter()
            .find(|known| known.field == field)
            .map(|known| &known.state)
    }
}

impl Workflow {
    /// What registries state for this person's draft of `procedure`, given the answers so far.
    ///
    /// # Errors
    /// Not a person; no such procedure; the store failed. A registry that is away is no error.
    pub async fn prefill(
        &self,
        actor: &Actor,
        procedure: &str,
        answers: &Answers,
    ) -> Result<Prefill, Fault> {
        access::person(actor)?;
        let procedure = self.procedure(procedure)?;
        let answers = self.with_right_numbers(procedure, answers);
        let missing = self
            .missing_needs(procedure, &answers, &actor.subject)
            .await?;
        let mut tasks = JoinSet::new();
        for need in missing {
            let Some(guard) = self.begin_asking(&actor.subject, &need) else {
                continue;
            };
            let (workflow, subject, purpose) =
                (self.clone(), actor.subject.clone(), procedure.id.clone());
            tasks.spawn(async move {
                let done = workflow.ask_for_draft(&subject, &purpose, need).await;
                drop(guard);
                if let Err(fault) = done {
                    tracing::warn!(%fault, "what a registry stated for a draft could not be kept");
                }
            });
        }
        let budget = Duration::from_millis(self.inner.settings.prefill_millis);
        let all = async { while tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(budget, all).await;
        // Whoever is late goes on alone and is there on the next page.
        tasks.detach_all();
        self.prefilled(procedure, &answers, &actor.subject).await
    }

    /// Without numbers whose check digit is wrong: nobody is asked about those.
    fn with_right_numbers(&self, procedure: &Procedure, answers: &Answers) -> Answers {
        let schemes = &self.inner.settings.schemes;
        let mut right = answers.clone();
        for field in procedure.fields().filter(|field| field.is_asked()) {
            let Some(name) = &field.scheme else { continue };
            let scheme = schemes.iter().find(|scheme| scheme.name == *name);
            let plain = right
                .get(&field.key)
                .and_then(|typed| scheme?.parse(typed).ok());
            match plain {
                Some(plain) => drop(right.insert(field.key.clone(), plain)),
                None => drop(right.remove(&field.key)),
            }
        }
        right
    }

    async fn missing_needs(
        &self,
        procedure: &Procedure,
        answers: &Answers,
        subject: &str,
    ) -> Result<Vec<Need>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let known = self.fresh_facts(&mut tx, procedure, subject).await?;
        let mut needs = needs_of(procedure, answers, subject);
        needs.retain(|need| !known.contains_key(&(need.service.clone(), need.about.clone())));
        Ok(needs)
    }

    fn begin_asking(&self, subject: &str, need: &Need) -> Option<Asking> {
        let key = format!("{subject}/{}/{}", need.service, need.about);
        let mut asking = self
            .inner
            .asking
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        asking.insert(key.clone()).then(|| Asking {
            workflow: self.clone(),
            key,
        })
    }

    async fn ask_for_draft(&self, subject: &str, purpose: &str, need: Need) -> Result<(), Fault> {
        let question = Question {
            service: need.service.clone(),
            about: need.about.clone(),
            fields: need.fields.clone(),
            purpose: purpose.to_owned(),
            case: None,
        };
        let outcome = match self.inner.asker.ask(question).await {
            Ok(answer) if answer.found => DraftFact::Known(answer.facts),
            Ok(answer) => DraftFact::Refused(Refusal::Unknown, Some(answer.evidence)),
            Err(AskFailure::BadSignature(_)) => DraftFact::Refused(Refusal::BadSignature, None),
            // Asked again with the next page, or after filing.
            Err(AskFailure::Away(_) | AskFailure::NotAllowed(_)) => return Ok(()),
        };
        let mut tx = self.inner.store.begin().await?;
        let question = (need.service.as_str(), need.about.as_str());
        sql::remember(&mut tx, subject, purpose, question, &outcome, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn prefilled(
        &self,
        procedure: &Procedure,
        answers: &Answers,
        subject: &str,
    ) -> Result<Prefill, Fault> {
        let mut tx = self.inner.store.read().await?;
        let known = self.fresh_facts(&mut tx, procedure, subject).await?;
        let fields = procedure.asked(answers).filter_map(|field| {
            let origin = field.fact.as_ref()?;
            let about = match origin.about.as_str() {
                APPLICANT => subject,
                key => answers.get(key)?,
            };
            let state = match known.get(&(origin.service.clone(), about.to_owned())) {
                Some(DraftFact::Known(facts)) => {
                    let stated = facts.iter().find(|fact| fact.name == origin.field).cloned();
                    stated.map_or(PrefilledState::Pending, PrefilledState::Known)
                }
                Some(DraftFact::Refused(why, _)) => PrefilledState::Refused(*why),
                None => PrefilledState::Pending,
            };
            Some(Prefilled {
                field: field.key.clone(),
                service: origin.service.clone(),
                state,
            })
        });
        Ok(Prefill {
            fields: fields.collect(),
        })
    }
}

/// While it lives, the same question is not asked again for another page of the same person.
struct Asking {
    workflow: Workflow,
    key: String,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut asking = self
            .workflow
            .inner
            .asking
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        asking.remove(&self.key);
    }
}
