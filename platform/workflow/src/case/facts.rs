//! Facts of a case: what is still needed, what was learnt, what was refused, and what contradicts the application.

use std::collections::BTreeMap;

use kernel::fact::value::Value;
use kernel::{Fact, Moment};
use serde::{Deserialize, Serialize};

use crate::procedure::{APPLICANT, Answers, Check, Procedure};

/// One question to one registry: several fields about one subject in one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// The registry's service code.
    pub service: String,
    /// The subject's number.
    pub about: String,
    /// The fields asked for, sorted.
    pub fields: Vec<String>,
}

/// How far a question has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeedState {
    /// To be asked, or asked in vain so far.
    Pending,
    /// Answered.
    Known,
    /// Answered in a way that can't be relied on, or forbidden.
    Refused,
}

/// Why an answer can't be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The signature or the hash does not fit.
    BadSignature,
    /// The registry does not let this body ask for it, or says no for reasons of its own; asked again each hour.
    NotAllowed,
    /// The registry does not know the subject.
    Unknown,
}

/// A fact as the case holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFact {
    /// The procedure's field.
    pub field: String,
    /// The registry's service code.
    pub service: String,
    /// The subject's number.
    pub about: String,
    /// What is known.
    pub state: FactState,
}

/// What is known of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum FactState {
    /// Nothing yet.
    Pending,
    /// Stated under a verified signature.
    Verified(Fact),
    /// Not to be relied on.
    Refused {
        /// Why.
        why: Refusal,
        /// When.
        at: Moment,
        /// The message number, if a message came at all.
        evidence: Option<String>,
    },
}

/// What an answer changes: facts by procedure field.
pub type Learned = BTreeMap<String, FactState>;

impl NeedState {
    /// The code in the store.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Known => "known",
            Self::Refused => "refused",
        }
    }
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::BadSignature, Self::NotAllowed, Self::Unknown];

    /// The code in the store and in text keys (`workflow-refusal-...`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadSignature => "bad-signature",
            Self::NotAllowed => "not-allowed",
            Self::Unknown => "unknown",
        }
    }

    /// The reason with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.code() == code)
    }
}

impl FactState {
    /// The fact, if its signature was verified.
    pub fn verified(&self) -> Option<&Fact> {
        match self {
            Self::Verified(fact) => Some(fact),
            Self::Pending | Self::Refused { .. } => None,
        }
    }
}

/// The questions that these answers call for, each once, whose subject is known. Sorted, so that asking is repeatable.
pub fn needs_of(procedure: &Procedure, answers: &Answers, subject: &str) -> Vec<Need> {
    let mut by_registry: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for field in procedure.asked(answers) {
        let Some(origin) = &field.fact else { continue };
        let about = match origin.about.as_str() {
            APPLICANT => subject,
            key => answers.get(key).map_or("", |answer| answer.trim()),
        };
        if about.is_empty() {
            continue;
        }
        let fields = by_registry
            .entry((origin.service.clone(), about.to_owned()))
            .or_default();
        if !fields.contains(&origin.field) {
            fields.push(origin.field.clone());
        }
    }
    let need = |((service, about), mut fields): (_, Vec<String>)| {
        fields.sort();
        Need {
            service,
            about,
            fields,
        }
    };
    by_registry.into_iter().map(need).collect()
}

/// What the case learns from a registry's verified facts. A field the registry left out is known to be not on record:
/// the same evidence shows that.
pub fn learn(procedure: &Procedure, answers: &Answers, need: &Need, facts: &[Fact]) -> Learned {
    let Some(first) = facts.first() else {
        return refuse(procedure, answers, need, Refusal::Unknown, Moment(0), None);
    };
    let stated = |name: &str| {
        let fact = facts.iter().find(|fact| fact.name == name).cloned();
        fact.unwrap_or_else(|| Fact {
            name: name.to_owned(),
            value: Value::None,
            ..first.clone()
        })
    };
    fields_of(procedure, answers, need)
        .map(|(key, name)| (key, FactState::Verified(stated(name))))
        .collect()
}

/// What the case notes if the answer can't be relied on.
pub fn refuse(
    procedure: &Procedure,
    answers: &Answers,
    need: &Need,
    why: Refusal,
    at: Moment,
    evidence: Option<&str>,
) -> Learned {
    let refused = FactState::Refused {
        why,
        at,
        evidence: evidence.map(str::to_owned),
    };
    fields_of(procedure, answers, need)
        .map(|(key, _)| (key, refused.clone()))
        .collect()
}

/// The procedure's fields that `need` answers, with the registry's name of each.
fn fields_of<'a>(
    procedure: &'a Procedure,
    answers: &'a Answers,
    need: &'a Need,
) -> impl Iterator<Item = (String, &'a str)> {
    procedure.asked(answers).filter_map(move |field| {
        let origin = field.fact.as_ref()?;
        let same_subject = origin.about == APPLICANT
            || answers
                .get(&origin.about)
                .is_some_and(|answer| answer.trim() == need.about);
        (origin.service == need.service && same_subject)
            .then(|| (field.key.clone(), origin.field.as_str()))
    })
}

/// The checks of the procedure that verified facts contradict. What is not known yet contradicts nothing.
pub fn problems<'a>(procedure: &'a Procedure, facts: &[CaseFact], subject: &str) -> Vec<&'a Check> {
    let contradicts = |check: &&Check| {
        let fact = facts.iter().find(|fact| fact.field == check.field);
        let Some(stated) = fact.and_then(|fact| fact.state.verified()) else {
            return false;
        };
        let value = stated.value.show();
        !check
            .any_of
            .iter()
            .any(|right| *right == value || (right == APPLICANT && value == subject))
    };
    procedure.checks.iter().filter(contradicts).collect()
}

/// The fields that `need` will answer, still open.
pub fn open_fields(procedure: &Procedure, answers: &Answers, need: &Need) -> Learned {
    fields_of(procedure, answers, need)
        .map(|(key, _)| (key, FactState::Pending))
        .collect()
}
