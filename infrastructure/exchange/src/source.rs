//! What answers a question: a register of this body, its own database, file or service, or a system behind an address.
//!
//! `FactSource` is one of the house's bridges: a registry or an adapter describes itself as one of its kinds, and
//! `answer` asks it. It promises that only fields leave which were asked for and which the agreement lists. It refuses
//! personal data in addresses that other bodies see: subject and fields travel in the body.

pub mod csv_file;
pub mod described;
pub mod registry;

mod database;
mod derived;
mod openapi;
mod rest_service;
mod typed;

pub(crate) use rest_service::entry as rest_entry;

use std::path::Path;

use kernel::fact::value::Value;
use kernel::{Fault, Moment};
use serde::{Deserialize, Serialize};
use store::Tx;

use crate::sql;

pub use self::derived::Derived;
pub use self::described::{BadDescription, Described};
pub use self::registry::{Day, Registries, Registry, SourceError};

/// Most fields of one question.
pub const FIELDS_MAX: usize = 64;
/// Longest subject number, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 64;
/// Longest field name, in bytes.
pub const FIELD_BYTES_MAX: usize = 100;

/// What answers a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum FactSource {
    /// The register in this body's own store.
    Table {
        /// Name of the register.
        register: String,
        /// Fields that are computed, so that less leaves: 'over 18' instead of the date of birth.
        #[serde(default)]
        derived: Vec<Derived>,
    },
    /// The body's own system behind an HTTP address.
    Url {
        /// Base address; the path below the service is added to it.
        url: String,
        /// Whether plain REST requests need an agreement besides the access right.
        #[serde(default = "yes")]
        agreement: bool,
    },
    /// A registry that the body's settings describe (`[registry.NAME]`): a database, a file or a REST service. What it
    /// is lives in the settings, with its secrets, and not in the store.
    Described,
    /// The journal of this exchange: who asked about a person.
    Accesses,
}

fn yes() -> bool {
    true
}

impl FactSource {
    /// Whether plain REST requests need an agreement besides the access right.
    pub fn needs_agreement(&self) -> bool {
        !matches!(
            self,
            Self::Url {
                agreement: false,
                ..
            }
        )
    }
}

/// The body of a question about facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactQuestion {
    /// National number of the person or firm.
    pub subject: String,
    /// The fields wanted.
    pub fields: Vec<String>,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactAnswer {
    /// Whether the register knows the subject.
    pub found: bool,
    /// One for each field asked, in the order of the question.
    pub facts: Vec<FieldValue>,
}

/// One field of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldValue {
    /// The field.
    pub name: String,
    /// Its value; nothing if there is nothing on record.
    pub value: Value,
    /// Until when it may be relied on.
    pub valid_until: Option<Moment>,
}

/// The bytes are not a question, or over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a question: subject and at most {FIELDS_MAX} fields are expected")]
pub struct BadQuestion;

impl FactQuestion {
    /// Reads a question.
    ///
    /// # Errors
    /// Not the JSON of a question, no field, or over a limit.
    pub fn parse(body: Option<&[u8]>) -> Result<Self, BadQuestion> {
        let question: Self = body
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
            .ok_or(BadQuestion)?;
        let short = (1..=SUBJECT_BYTES_MAX).contains(&question.subject.len())
            && question.fields.len() <= FIELDS_MAX
            && question
                .fields
                .iter()
                .all(|field| (1..=FIELD_BYTES_MAX).contains(&field.len()));
        if short {
            Ok(question)
        } else {
            Err(BadQuestion)
        }
    }

    /// The bytes that are sent.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts alone always become JSON")
    }
}

/// Reads `register` and gives the fields that `allowed` holds, with computed ones.
///
/// # Errors
/// The store failed, or the record is not a JSON object.
pub async fn from_table(
    tx: &mut Tx,
    register: &str,
    derived: &[Derived],
    subject: &str,
    allowed: &[String],
    today: &str,
) -> Result<FactAnswer, Fault> {
    let stored = sql::record(tx, register, subject).await?;
    let entry = stored
        .map(|(text, until)| Ok((serde_json::from_str(&text)?, until)))
        .transpose()
        .map_err(|error: serde_json::Error| {
            // The record itself is personal; where it is unreadable is enough.
            let (line, column) = (error.line(), error.column());
            Fault::internal(format!(
                "record of {register}: unreadable at {line}:{column}"
            ))
        })?;
    Ok(stated(entry, derived, allowed, today))
}

/// A record: its facts, and until when they hold.
type Record = (serde_json::Map<String, serde_json::Value>, Option<Moment>);

/// What may be known of an entry: the `allowed` fields in their order, computed ones among them.
fn stated(
    entry: Option<Record>,
    derived: &[Derived],
    allowed: &[String],
    today: &str,
) -> FactAnswer {
    let found = entry.is_some();
    let (record, valid_until) = entry.unwrap_or_default();
    let facts = allowed.iter().map(|name| {
        let rule = derived.iter().find(|rule| rule.name() == name);
        let value = match rule {
            _ if !found => Value::None,
            Some(rule) => rule.value(&record, today),
            None => record.get(name).map_or(Value::None, value),
        };
        let name = name.clone();
        FieldValue {
            name,
            value,
            valid_until,
        }
    });
    FactAnswer {
        found,
        facts: facts.collect(),
    }
}

/// A secret from a file: its text without the end of line.
///
/// # Errors
/// The file can't be read, or holds more than a secret.
fn secret(file: &Path) -> Result<String, BadDescription> {
    /// Longest secret, in bytes: a token or an address.
    const SECRET_BYTES_MAX: usize = 8 * 1024;
    let bad = |what: &dyn std::fmt::Display| BadDescription(format!("{}: {what}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| bad(&error))?;
    match text.trim() {
        "" => Err(bad(&"it is empty")),
        secret if secret.len() > SECRET_BYTES_MAX => Err(bad(&"it is too long")),
        secret => Ok(secret.to_owned()),
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Text(number.to_string()), Value::Int),
        serde_json::Value::Array(list) => Value::List(list.iter().map(value).collect()),
        serde_json::Value::Null | serde_json::Value::Object(_) => Value::None,
    }
}

/// Takes from a back end's answer what was not asked for or not agreed.
pub fn minimise(answer: FactAnswer, allowed: &[String]) -> FactAnswer {
    let facts = answer
        .facts
        .into_iter()
        .filter(|fact| allowed.contains(&fact.name))
        .collect();
    FactAnswer { facts, ..answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_allowed_fields_leave_a_table() {
        store::testing::both(|store| async move {
            store
                .migrate(&[("exchange", sql::MIGRATIONS)])
                .await
                .unwrap();
            let mut tx = store.begin().await.unwrap();
            let facts =
                r#"{"name":"Rosa","birth":"1990-05-01","marital":"S","shares":3,"x":{"y":1}}"#;
            sql::set_record(&mut tx, "people", "1", facts, None, Moment(5))
                .await
                .unwrap();
            let adult = Derived::YearsSince {
                name: "over18".into(),
                field: "birth".into(),
                years: 18,
            };
            let fields = ["over18", "name", "x", "none"].map(String::from);
            let ask = async |tx: &mut Tx, subject| {
                from_table(
                    tx,
                    "people",
                    std::slice::from_ref(&adult),
                    subject,
                    &fields,
                    "2026-11-23",
                )
                .await
            };
            let answer = ask(&mut tx, "1").await.unwrap();
            let values: Vec<_> = answer.facts.iter().map(|fact| fact.value.clone()).collect();
            assert_eq!(
                values,
                [
                    Value::Bool(true),
                    Value::Text("Rosa".into()),
                    Value::None,
                    Value::None
                ]
            );
            let json = serde_json::to_string(&answer).unwrap();
            assert!(!json.contains("1990") && !json.contains("marital"));
            let nobody = ask(&mut tx, "2").await.unwrap();
            assert!(!nobody.found && nobody.facts.iter().all(|fact| fact.value == Value::None));
        })
        .await;
    }

    #[test]
    fn questions_have_limits() {
        assert!(FactQuestion::parse(Some(br#"{"subject":"1","fields":["a"]}"#)).is_ok());
        let many =
            serde_json::json!({ "subject": "1", "fields": vec!["a"; FIELDS_MAX + 1] }).to_string();
        for bad in [
            "",
            "[]",
            r#"{"subject":"","fields":["a"]}"#,
            r#"{"subject":"1","fields":[""]}"#,
            many.as_str(),
        ] {
            assert_eq!(
                FactQuestion::parse(Some(bad.as_bytes())),
                Err(BadQuestion),
                "{bad}"
            );
        }
        assert_eq!(FactQuestion::parse(None), Err(BadQuestion));
    }

    #[test]
    fn a_back_end_that_says_too_much_is_cut() {
        let field = |name: &str| FieldValue {
            name: name.into(),
            value: Value::None,
            valid_until: None,
        };
        let answer = FactAnswer {
            found: true,
            facts: vec![field("a"), field("secret")],
        };
        assert_eq!(minimise(answer, &["a".to_owned()]).facts, [field("a")]);
    }
}
