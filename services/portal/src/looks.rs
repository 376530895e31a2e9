//! Who looked at my data: this body's own journal, and the registries' own lists, put together by message number.
//!
//! Read by `http`. It promises that every question known on either side is shown, that what both sides wrote down is
//! told as such, and that a registry that is away is named instead of being left out silently.

use std::collections::BTreeMap;
use std::time::Duration;

use exchange::{Ask, Behalf, Question};
use futures_util::future::join_all;
use kernel::{Actor, Fault, Locale, Party, ServiceId, SubsystemId};
use web::Visit;
use workflow::procedure::{APPLICANT, FieldKind};

use crate::Portal;
use crate::views::{LookView, LooksView};

/// How long the page waits for the registries' lists.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Cases that are read to find the firms of a person.
const CASES_READ: usize = 10;
/// Most numbers that are looked up for one page.
const NUMBERS_MAX: usize = 4;
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
    /// Every question asked about this person, and about firms that they represent, latest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn looks(&self, visit: &Visit, actor: &Actor) -> Result<LooksView, Fault> {
        let Some(exchange) = &self.exchange else {
            return Ok(LooksView::default());
        };
        let numbers = self.numbers_of(visit, actor).await?;
        let names = self.member_names();
        let mut silent = Vec::new();
        let mut by_number: BTreeMap<String, Found> = BTreeMap::new();
        for about in &numbers {
            let lists = self
                .settings
                .watched
                .iter()
                .map(|watched| self.list_of(watched, about));
            let (own, lists) =
                futures_util::future::join(exchange.questions_about(about), join_all(lists)).await;
            note(&mut by_number, about, own?);
            for (watched, list) in self.settings.watched.iter().zip(lists) {
                match list {
                    Some(questions) => note(&mut by_number, about, questions),
                    None if silent.contains(&watched.name) => {}
                    None => silent.push(watched.name.clone()),
                }
            }
        }
        let shown = by_number
            .into_values()
            .filter(|found| !is_own_look(&found.question));
        let mut looks: Vec<LookView> = shown
            .map(|found| {
                let about = (found.about != actor.subject).then(|| found.about.clone());
                LookView {
                    about,
                    ..self.look(visit, &names, found)
                }
            })
            .collect();
        looks.sort_by_key(|look| std::cmp::Reverse(look.at));
        Ok(LooksView { looks, silent })
    }

    /// The person's own number, and the numbers of firms that a registry says they represent, or that are theirs by
    /// holding their own number. A number that somebody merely typed is not theirs.
    async fn numbers_of(&self, visit: &Visit, actor: &Actor) -> Result<Vec<String>, Fault> {
        let mut numbers = vec![actor.subject.clone()];
        if actor.is_official() {
            return Ok(numbers);
        }
        for row in self
            .workflow
            .cases_of(actor, None)
            .await?
            .into_iter()
            .take(CASES_READ)
        {
            let view = self.workflow.case_for(actor, row.id, visit.locale).await?;
            for number in firms_of(&view, &actor.subject) {
                if !numbers.contains(&number) && numbers.len() < NUMBERS_MAX {
                    numbers.push(number);
                }
            }
        }
        Ok(numbers)
    }

    /// A registry's own list, or nothing if it doesn't come in time.
    async fn list_of(&self, watched: &Watched, about: &str) -> Option<Vec<Question>> {
        let ask = Ask {
            client: watched.client.clone(),
            service: watched.service.clone(),
            about: about.to_owned(),
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
        Found {
            question, sides, ..
        }: Found,
    ) -> LookView {
        let service: Option<ServiceId> = question.service.parse().ok();
        let code = service.as_ref().map_or("", |service| service.code.as_str());
        let fields = question
            .fields
            .iter()
            .map(|field| self.field_words(code, field, visit.locale));
        let asked_by = question
            .by
            .parse::<Party>()
            .map(|client| client.member().to_string());
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
            purpose: match question.words {
                Some(words) => words,
                None => self.purpose_words(question.purpose.as_deref().unwrap_or(""), visit.locale),
            },
            legal_ground: question.legal_ground,
            fields: fields.collect(),
            about: None,
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
        let members = directory.as_ref().map(|view| &view.params().members);
        members
            .into_iter()
            .flatten()
            .map(|member| (member.id.to_string(), member.name.clone()))
            .collect()
    }
}

/// A question, about whom it was, and on how many sides it was written down.
struct Found {
    question: Question,
    about: String,
    sides: usize,
}

/// Puts questions together by message number.
fn note(by_number: &mut BTreeMap<String, Found>, about: &str, questions: Vec<Question>) {
    for question in questions {
        let known = by_number.entry(question.number.clone());
        known.and_modify(|found| found.sides += 1).or_insert(Found {
            question,
            about: about.to_owned(),
            sides: 1,
        });
    }
}

/// The numbers in a case of firms that are this person's: by the registry's word, or by holding their own number.
fn firms_of(view: &workflow::CaseView<'_>, subject: &str) -> Vec<String> {
    let answer = |key: &str| {
        view.answers
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, answer)| answer)
    };
    let represented = view
        .procedure
        .checks
        .iter()
        .filter(|check| check.any_of.iter().any(|any| any == APPLICANT));
    let represented = represented.filter_map(|check| {
        let fact = view
            .facts
            .iter()
            .find(|fact| fact.field == check.field)?
            .verified()?;
        let origin = view.procedure.field(&check.field)?.fact.as_ref()?;
        (fact.value.show() == subject).then(|| answer(&origin.about).cloned())?
    });
    let own = view
        .procedure
        .fields()
        .filter(|field| field.kind == FieldKind::Identifier && field.is_asked());
    let own = own.filter_map(|field| {
        answer(&field.key)
            .filter(|number| number.contains(subject))
            .cloned()
    });
    represented.chain(own).collect()
}

fn is_own_look(question: &Question) -> bool {
    question
        .service
        .parse::<ServiceId>()
        .is_ok_and(|service| service.code == ACCESSES)
}
