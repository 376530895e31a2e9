//! A registry as the body's settings describe it: where its entries are, which fields it has, which are computed.
//!
//! Read by `tambo` from `[registry.NAME]`, by the sources, by the OpenAPI description and by the pages. It promises that
//! a description that was taken is whole: every computed field has its base, every name fits. It refuses unknown keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kernel::Locale;
use serde::{Deserialize, Serialize};

use super::derived::Derived;
use super::{FIELD_BYTES_MAX, FIELDS_MAX};

/// Longest code of a service, in bytes: it is a segment of an address.
const CODE_BYTES_MAX: usize = 60;
/// Longest time that a registry may be given, in seconds: the asking node waits 30.
const SECONDS_MAX: u64 = 25;

/// A description that can't work, with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadDescription(pub String);

/// A registry of a body, in its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// What the service is called, for people.
    pub title: Words,
    /// What it states, in a sentence.
    #[serde(default)]
    pub description: Words,
    /// The subsystem that offers it; the body's own subsystem if absent.
    #[serde(default)]
    pub subsystem: Option<String>,
    /// The fields that exist, by name. Nothing else can leave.
    pub fields: BTreeMap<String, Field>,
    /// Fields that are computed from those.
    #[serde(default)]
    pub derived: Vec<Derived>,
    /// Entries in a table or view of a database.
    #[serde(default)]
    pub sql: Option<Database>,
    /// Entries in a file.
    #[serde(default)]
    pub csv: Option<File>,
    /// Entries behind an existing REST service.
    #[serde(default)]
    pub rest: Option<Rest>,
}

/// Text for people: the same in every language, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// The same for everybody.
    One(String),
    /// One for each language.
    Each(Each),
}

/// A text in each language; one that is empty takes the Spanish, then any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Each {
    /// Spanish.
    pub es: String,
    /// Quechua.
    pub qu: String,
    /// English.
    pub en: String,
}

impl Default for Words {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl Words {
    /// The text for `locale`.
    pub fn of(&self, locale: Locale) -> &str {
        match self {
            Self::One(text) => text,
            Self::Each(texts) => {
                let own = match locale {
                    Locale::Es => &texts.es,
                    Locale::Qu => &texts.qu,
                    Locale::En => &texts.en,
                };
                let order = [own, &texts.es, &texts.en, &texts.qu];
                order
                    .into_iter()
                    .find(|text| !text.is_empty())
                    .map_or("", |text| text)
            }
        }
    }
}

/// A field of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Where it is: a column, or a JSON pointer (RFC 6901) for a REST service. The field's own name if absent.
    #[serde(default)]
    pub from: Option<String>,
    /// Its type.
    #[serde(rename = "type", default)]
    pub kind: FieldKind,
    /// Whether dates are written day first, `31/12/2026`.
    #[serde(default)]
    pub day_first: bool,
    /// What it means, for people.
    #[serde(default)]
    pub description: Words,
    /// Whether the law protects it specially (health, belief ...); pages and the description say so.
    #[serde(default)]
    pub sensitive: bool,
    /// Whether it never leaves, and serves computed fields only.
    #[serde(default)]
    pub internal: bool,
}

/// Type of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Text.
    #[default]
    Text,
    /// A day of the calendar, given as `YYYY-MM-DD`.
    Date,
    /// A whole number.
    Int,
    /// Yes or no.
    Bool,
}

/// A table or view of a database of the body's own, read only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH`, or `postgres://USER@HOST/DATABASE`.
    #[serde(default)]
    pub url: String,
    /// File with the address instead, when it holds a password.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// The table or view, `schema.view` where it needs one.
    pub view: String,
    /// The column with the subject's number.
    pub key: String,
    /// Type of that column: `text` or `int`.
    #[serde(default)]
    pub key_type: FieldKind,
    /// The column that tells until when an entry holds (a date or a moment), if any.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// How long a question may take.
    #[serde(default = "default_seconds")]
    pub timeout_seconds: u64,
}

/// A CSV file with a line of heads (RFC 4180), UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The file, relative to the settings.
    pub file: PathBuf,
    /// The column with the subject's number.
    pub key: String,
    /// `,` or `;`; taken from the line of heads if absent.
    #[serde(default)]
    pub separator: Option<char>,
    /// The column that tells until when an entry holds (a date or a moment), if any.
    #[serde(default)]
    pub valid_until: Option<String>,
}

/// An existing REST service that answers with JSON. Its address stays inside the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rest {
    /// Address with `{subject}` where the number goes, if it goes there.
    pub address: String,
    /// `GET` or `POST`.
    #[serde(default = "default_method")]
    pub method: String,
    /// Body of a POST: JSON with `"{subject}"` where the number goes.
    #[serde(default)]
    pub body: Option<serde_json::Value>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Headers with a secret: the file that holds the value.
    #[serde(default)]
    pub secret_headers: BTreeMap<String, PathBuf>,
    /// JSON pointer to what must be there for the subject to be known; a 404 says 'not known' without it.
    #[serde(default)]
    pub found: Option<String>,
    /// JSON pointer to the date or moment until which an entry holds, if any.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// The certificate (PEM) of the authority that an `https` address is checked against.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// How long a question may take.
    #[serde(default = "default_seconds")]
    pub timeout_seconds: u64,
    /// A number that may be asked for to see whether the service answers, by `tambo check`; of nobody real.
    #[serde(default)]
    pub probe: Option<String>,
}

/// A registry in the body's own network answers within this, or is in trouble.
fn default_seconds() -> u64 {
    5
}

fn default_method() -> String {
    "GET".to_owned()
}

/// The time that settings allow, within what the asking node waits.
pub(crate) fn allowed_time(seconds: u64) -> Duration {
    Duration::from_secs(seconds.clamp(1, SECONDS_MAX))
}

impl Described {
    /// Whether the description is whole.
    ///
    /// # Errors
    /// The first thing that can't work, with what to do.
    pub fn checked(&self, code: &str) -> Result<(), BadDescription> {
        let bad = |what: String| Err(BadDescription(format!("[registry.{code}] {what}")));
        if !is_code(code) {
            return bad("use 1 to 60 letters, digits, hyphens or underscores as its name".into());
        }
        let places = [self.sql.is_some(), self.csv.is_some(), self.rest.is_some()];
        if places.iter().filter(|there| **there).count() != 1 {
            return bad("give one of the sections sql, csv or rest".into());
        }
        if self.fields.is_empty() || self.fields.len() + self.derived.len() > FIELDS_MAX {
            return bad(format!(
                "give 1 to {FIELDS_MAX} fields, computed ones included"
            ));
        }
        let names = self.fields.keys().map(String::as_str);
        let mut all: Vec<&str> = names
            .chain(self.derived.iter().map(Derived::name))
            .collect();
        all.sort_unstable();
        if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return bad(format!("the field {:?} is there twice", twice[0]));
        }
        if let Some(wrong) = all.iter().find(|name| !is_field_name(name)) {
            return bad(format!(
                "{wrong:?}: use letters, digits, dots, hyphens, underscores"
            ));
        }
        self.derived
            .iter()
            .try_for_each(|rule| self.based(rule, code))
    }

    fn based(&self, rule: &Derived, code: &str) -> Result<(), BadDescription> {
        let (name, base) = (rule.name(), rule.base());
        let fits = |kind: FieldKind| match rule {
            Derived::YearsSince { .. } => kind == FieldKind::Date,
            Derived::Equals { .. } => matches!(kind, FieldKind::Text | FieldKind::Date),
            Derived::Present { .. } => true,
        };
        match self.fields.get(base) {
            Some(field) if fits(field.kind) => Ok(()),
            Some(_) => Err(BadDescription(format!(
                "[registry.{code}] {name}: the field {base:?} is of a type that this rule can't read"
            ))),
            None => Err(BadDescription(format!(
                "[registry.{code}] {name}: there is no field {base:?} to compute it from; it may be internal"
            ))),
        }
    }

    /// The names that can be asked for, plain fields first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let open = self.fields.iter().filter(|(_, field)| !field.internal);
        open.map(|(name, _)| name.as_str())
            .chain(self.derived.iter().map(Derived::name))
    }

    /// The word for the kind of place.
    pub const fn kind(&self) -> &'static str {
        match (&self.sql, &self.csv) {
            (Some(_), _) => "sql",
            (None, Some(_)) => "csv",
            (None, None) => "rest",
        }
    }
}

fn is_code(code: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=CODE_BYTES_MAX).contains(&code.len()) && code.bytes().all(plain)
}

fn is_field_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=FIELD_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl FnOnce(&mut serde_json::Value)) -> Described {
        let mut text = serde_json::json!({
            "title": {"es": "Padrón", "en": "Roll"},
            "fields": {"name": {"from": "nombre"}, "birth": {"type": "date", "internal": true}},
            "derived": [{"rule": "years-since", "name": "over18", "field": "birth", "years": 18}],
            "csv": {"file": "padron.csv", "key": "dni"},
        });
        change(&mut text);
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn internal_fields_can_not_be_asked_for() {
        let roll = read(|_| {});
        roll.checked("padron").unwrap();
        assert_eq!(roll.names().collect::<Vec<_>>(), ["name", "over18"]);
        assert_eq!(roll.title.of(Locale::Qu), "Padrón");
        assert_eq!(roll.title.of(Locale::En), "Roll");
    }

    #[test]
    fn what_can_not_work_is_refused_with_what_to_do() {
        type Change = fn(&mut serde_json::Value);
        let changes: [(Change, &str); 6] = [
            (
                |t| t["sql"] = serde_json::json!({"view": "v", "key": "k"}),
                "one of",
            ),
            (|t| t["csv"] = serde_json::Value::Null, "one of"),
            (|t| t["fields"] = serde_json::json!({}), "1 to 64"),
            (
                |t| t["derived"][0]["field"] = "alta".into(),
                "no field \"alta\"",
            ),
            (|t| t["derived"][0]["field"] = "name".into(), "can't read"),
            (|t| t["derived"][0]["name"] = "name".into(), "twice"),
        ];
        for (change, expected) in changes {
            let told = read(change).checked("padron").unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
        assert!(read(|_| {}).checked("a/b").is_err());
    }
}
