//! A fact: what a registry states about a subject, under its signature. The atom of 'ask once'.

use serde::{Deserialize, Serialize};

use crate::{MemberId, Moment};

/// One statement of a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The fact's name in the procedure's vocabulary, for example `person.name`.
    pub name: String,
    /// The stated value; text in nearly every case.
    pub value: value::Value,
    /// Who states it.
    pub stated_by: MemberId,
    /// When it was stated.
    pub stated_at: Moment,
    /// Until when it may be relied on; `None` if the registry sets no end.
    pub valid_until: Option<Moment>,
    /// The exchange's message number: whoever has it finds the signed container and the log entry.
    pub evidence: String,
}

/// The value of a fact: a small JSON subset without objects, so that it can be shown, compared and signed simply.
pub mod value {
    use serde::{Deserialize, Serialize};

    /// Text, number, truth, list of those, or nothing on record.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    pub enum Value {
        /// The registry has nothing on record.
        None,
        /// Yes or no.
        Bool(bool),
        /// A whole number.
        Int(i64),
        /// Text.
        Text(String),
        /// A list.
        List(Vec<Value>),
    }

    impl Value {
        /// The text that a person reads; lists are joined by `, `. Truth reads `true`/`false`: pages translate it.
        pub fn show(&self) -> String {
            match self {
                Self::None => String::new(),
                Self::Bool(value) => value.to_string(),
                Self::Int(value) => value.to_string(),
                Self::Text(value) => value.clone(),
                Self::List(values) => values.iter().map(Self::show).collect::<Vec<_>>().join(", "),
            }
        }
    }
}
