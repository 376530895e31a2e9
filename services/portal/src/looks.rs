//! Who looked at my data: this body's own journal, and the registries' own lists, put together by message number.
//!
//! Read by `http`. It promises that every question known on either side is shown, that what both sides wrote down is
//! told as such, and that a registry that is away is named instead of being left out silently.

use std::collections::BTreeMap;
use std::time::Duration;

use exchange::{Ask, Behalf, Question};
use futures_util::future::join_all;
use kernel::{Actor, Fault, Locale, MemberId, ServiceId, SubsystemId};
use web::Visit;

use crate::Portal;
use crate::views::{LookView, LooksView};

/// How long the page waits for the registries' lists.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The service by which a registry tells who asked it; questions to it are the person's own and are not listed.
const ACCESSES: &str = "accesses";

/// A registry that keeps its own list of who asked it about somebody.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its name for people.
    pub name: String,
    /// The subsystem of this body that asks.
    pub client: SubsystemId,
    /// The registry's `accesses` service.
    pub service: ServiceId,
    /// The purpose that the agreement names for these questions.
    pub purpose: String,
}

impl Portal {
    /// Every question asked about this person, latest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn looks(&self, visit: &Visit, actor: &Actor) -> Result<LooksView, Fault> {
        let Some(exchange) = &self.exchange else {
            return Ok(LooksView::default());
        };
        let lists = join_all(
            self.settings
                .watched
                .iter()
                .map(|watched| self.list_of(watched, actor)),
        );
        let lists = lists.await;
        let own = exchange.questions_about(&actor.subject).await?;
        let names = self.member_names();
        let mut silent = Vec::new();
        let mut by_number: BTreeMap<String, (Question, usize)> = BTreeMap::new();
        let mut note = |question: Question| {
            let known = by_number.entry(question.number.clone());
            known
                .and_modify(|(_, sides)| *sides += 1)
                .or_insert((question, 1));
        };
        own.into_iter().for_each(&mut note);
        for (watched, list) in self.settings.watched.iter().zip(lists) {
            match list {
                Some(questions) => questions.into_iter().for_each(&mut note),
                None => silent.push(watched.name.clone()),
            }
        }
        let shown = by_number
            .into_values()
            .filter(|(question, _)| !is_own_look(question));
        let mut looks: Vec<LookView> = shown
            .map(|(question, sides)| self.look(visit, &names, question, sides))
            .collect();
        looks.sort_by_key(|look| std::cmp::Reverse(look.at));
        Ok(LooksView { looks, silent })
    }

    /// A registry's own list, or nothing if it doesn't come in time.
    async fn list_of(&self, watched: &Watched, actor: &Actor) -> Option<Vec<Question>> {
        let ask = Ask {
            client: watched.client.clone(),
            service: watched.service.clone(),
            about: actor.subject.clone(),
            fields: Vec::new(),
            purpose: watched.purpose.clone(),
            case: None,
        };
        let exchange = self.exchange.as_ref()?;
        let asked = exchange.ask_accesses(ask, Behalf::default());
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(list)) => Some(list.into_inner()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a registry's list of who asked it did not come");
                None
            }
            Err(_) => None,
        }
    }

    fn look(
        &self,
        visit: &Visit,
        names: &BTreeMap<String, String>,
        question: Question,
        sides: usize,
    ) -> LookView {
        let service: Option<ServiceId> = question.service.parse().ok();
        let code = service.as_ref().map_or("", |service| service.code.as_str());
        let fields = question
            .fields
            .iter()
            .map(|field| self.field_words(code, field, visit.locale));
        let asked_by = question
            .by
            .parse::<SubsystemId>()
            .map(|client| client.member.to_string());
        let answered_by = service
            .as_ref()
            .map(|service| service.subsystem.member.to_string());
        let name = |member: Option<String>, other: &str| {
            member.map_or_else(
                || other.to_owned(),
                |id| names.get(&id).cloned().unwrap_or(id),
            )
        };
        LookView {
            at: question.at,
            asked_by: name(asked_by.ok(), &question.by),
            answered_by: name(answered_by, &question.service),
            purpose: self.purpose_words(question.purpose.as_deref().unwrap_or(""), visit.locale),
            fields: fields.collect(),
            case: question.case,
            evidence: question.number,
            answered: question.outcome == "answered",
            entry: question.log_entry,
            both_sides: sides > 1,
        }
    }

    /// The purpose is a procedure's identifier; other purposes are told as they are.
    fn purpose_words(&self, purpose: &str, locale: Locale) -> String {
        let procedure = self.workflow.procedure(purpose);
        procedure
            .map_or(purpose, |procedure| procedure.title.get(locale))
            .to_owned()
    }

    /// A registry's field as some procedure calls it; its own name if none does.
    fn field_words(&self, service: &str, name: &str, locale: Locale) -> String {
        let mut fields = self
            .workflow
            .procedures()
            .iter()
            .flat_map(|procedure| procedure.fields());
        let field = fields.find(|field| {
            field
                .fact
                .as_ref()
                .is_some_and(|origin| origin.service == service && origin.field == name)
        });
        field
            .map_or(name, |field| field.label.get(locale))
            .to_owned()
    }

    fn member_names(&self) -> BTreeMap<String, String> {
        let directory = self
            .exchange
            .as_ref()
            .and_then(exchange::Exchange::directory);
        let members = directory
            .map(|directory| directory.members)
            .unwrap_or_default();
        let named = |id: MemberId, name: String| (id.to_string(), name);
        members
            .into_iter()
            .map(|member| named(member.id, member.name))
            .collect()
    }
}

fn is_own_look(question: &Question) -> bool {
    question
        .service
        .parse::<ServiceId>()
        .is_ok_and(|service| service.code == ACCESSES)
}
