//! A described registry at work: finds the entry, reads its types, computes, and states only what may be known.
//!
//! Read by `answer` through [`Registry::answer`], and by `tambo check` through [`Registry::check`]. It promises that only
//! the columns are read that the allowed fields need, and that no error's text holds a value or a subject. It refuses
//! fields that the settings do not name.

use std::path::Path;
use std::sync::Arc;

use kernel::ServiceId;

use super::csv_file::CsvFile;
use super::database::DatabaseSource;
use super::described::{BadDescription, Described, Field};
use super::rest_service::RestSource;
use super::{FactAnswer, stated, typed};

/// Why a registry did not answer. For the log and the operator; what the asker is told is one sentence for each kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The asker wants a field that is not there; the name is the asker's own.
    #[error("this service has no field {0}")]
    NoField(String),
    /// The place does not answer.
    #[error("the register does not answer: {0}")]
    Away(String),
    /// The entry is not as the settings say.
    #[error("an entry of the register can't be stated: {0}")]
    Entry(String),
}

/// The day on which a question is answered, for computed fields and for dates until which an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The local day, `YYYY-MM-DD`.
    pub today: String,
    /// How far local time is ahead of UTC, in minutes.
    pub utc_offset_minutes: i64,
}

/// A registry that can be asked.
#[derive(Debug)]
pub struct Registry {
    described: Described,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Database(DatabaseSource),
    Csv(Arc<CsvFile>),
    Rest(Box<RestSource>),
}

/// The columns of an entry in the order that they were asked for; nothing if nobody has the number.
pub(crate) type Entry = Option<Vec<Option<String>>>;

impl Registry {
    /// Opens what the settings describe; paths start from `folder`. Nothing is read before the first question.
    ///
    /// # Errors
    /// The description can't work, or a file with a secret can't be read.
    pub fn open(code: &str, described: Described, folder: &Path) -> Result<Self, BadDescription> {
        described.checked(code)?;
        let within = |error: BadDescription| BadDescription(format!("[registry.{code}] {error}"));
        let place = match (&described.sql, &described.csv, &described.rest) {
            (Some(sql), _, _) => {
                Place::Database(DatabaseSource::open(sql, &described, folder).map_err(within)?)
            }
            (_, Some(csv), _) => Place::Csv(Arc::new(
                CsvFile::open(csv, &described, folder).map_err(within)?,
            )),
            (_, _, Some(rest)) => {
                let source = RestSource::open(rest, &described, folder).map_err(within)?;
                Place::Rest(Box::new(source))
            }
            (None, None, None) => return Err(BadDescription("nothing is described".to_owned())),
        };
        Ok(Self { described, place })
    }

    /// What the settings say.
    pub fn described(&self) -> &Described {
        &self.described
    }

    /// What may be known about `subject`: the `allowed` fields and nothing else.
    ///
    /// # Errors
    /// [`SourceError`]; its text names fields and places, never a value.
    pub async fn answer(
        &self,
        subject: &str,
        allowed: &[String],
        day: &Day,
    ) -> Result<FactAnswer, SourceError> {
        let unknown = allowed
            .iter()
            .find(|name| !self.described.names().any(|known| known == *name));
        if let Some(name) = unknown {
            return Err(SourceError::NoField(name.clone()));
        }
        let needed = self.needed(allowed);
        let mut columns: Vec<&str> = needed
            .iter()
            .map(|(name, field)| place_of(name, field))
            .collect();
        let until = self.valid_until();
        columns.extend(until);
        let entry = self.find(subject, &columns).await?;
        let found = entry.is_some();
        let mut record = serde_json::Map::new();
        let mut valid_until = None;
        if let Some(mut values) = entry {
            if until.is_some() {
                let text = values.pop().flatten();
                valid_until = typed::until(text.as_deref(), day.utc_offset_minutes)
                    .map_err(|error| SourceError::Entry(format!("its end {error}")))?;
            }
            for ((name, field), text) in needed.iter().zip(values) {
                let value = typed::read(field, text.as_deref())
                    .map_err(|error| SourceError::Entry(format!("{name} {error}")))?;
                record.insert((*name).to_owned(), value);
            }
        }
        let entry = found.then_some((record, valid_until));
        Ok(stated(entry, &self.described.derived, allowed, &day.today))
    }

    /// Tries the place: whether it is there and has what the fields need.
    ///
    /// # Errors
    /// What is wrong, a line each, with what to do.
    pub async fn check(&self) -> Result<String, Vec<String>> {
        let mut columns: Vec<&str> = self
            .described
            .fields
            .iter()
            .map(|(name, field)| place_of(name, field))
            .collect();
        columns.extend(self.valid_until());
        match &self.place {
            Place::Database(place) => place.check(&columns).await,
            Place::Csv(place) => place.check().await,
            Place::Rest(place) => place.check().await,
        }
    }

    /// The fields that must be read for those that are allowed.
    fn needed(&self, allowed: &[String]) -> Vec<(&str, &Field)> {
        let derived = &self.described.derived;
        let is_needed = |name: &str| {
            allowed.iter().any(|wanted| {
                wanted == name
                    || derived
                        .iter()
                        .any(|rule| rule.name() == wanted && rule.base() == name)
            })
        };
        let fields = self.described.fields.iter();
        fields
            .map(|(name, field)| (name.as_str(), field))
            .filter(|(name, _)| is_needed(name))
            .collect()
    }

    fn valid_until(&self) -> Option<&str> {
        let described = &self.described;
        let sql = described
            .sql
            .as_ref()
            .and_then(|place| place.valid_until.as_deref());
        let csv = described
            .csv
            .as_ref()
            .and_then(|place| place.valid_until.as_deref());
        let rest = described
            .rest
            .as_ref()
            .and_then(|place| place.valid_until.as_deref());
        sql.or(csv).or(rest)
    }

    async fn find(&self, subject: &str, columns: &[&str]) -> Result<Entry, SourceError> {
        match &self.place {
            Place::Database(place) => place.find(subject, columns).await,
            Place::Csv(place) => place.find(subject, columns).await,
            Place::Rest(place) => place.find(subject, columns).await,
        }
    }
}

/// The column or pointer of a field.
pub(crate) fn place_of<'a>(name: &'a str, field: &'a Field) -> &'a str {
    field.from.as_deref().unwrap_or(name)
}

/// The registries of a body, by service.
pub type Registries = std::collections::BTreeMap<ServiceId, Arc<Registry>>;
