//! A table or view of a database of the body's own: one row for each subject.
//!
//! Read by `registry`. The store's read-only face does the work; this file only checks what the settings name.

use std::path::Path;

use store::foreign::{Foreign, ForeignError, Key, Name, View};

use super::described::{BadDescription, Database, Described, FieldKind, allowed_time};
use super::registry::{Entry, SourceError, place_of};

/// A table or view, ready to be asked.
#[derive(Debug)]
pub(crate) struct DatabaseSource {
    foreign: Foreign,
    view: View,
    key_type: FieldKind,
}

impl DatabaseSource {
    pub(crate) fn open(
        settings: &Database,
        described: &Described,
        folder: &Path,
    ) -> Result<Self, BadDescription> {
        let bad = |error: ForeignError| BadDescription(format!("sql: {error}"));
        let url = match (&settings.url_file, settings.url.is_empty()) {
            (Some(file), true) => super::secret(&folder.join(file))?,
            (None, false) => settings.url.clone(),
            _ => return Err(BadDescription("sql: give url or url_file".to_owned())),
        };
        let url = match url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", folder.join(path).display()),
            None => url,
        };
        if !matches!(settings.key_type, FieldKind::Text | FieldKind::Int) {
            return Err(BadDescription("sql: key_type is text or int".to_owned()));
        }
        for (name, field) in &described.fields {
            Name::column(place_of(name, field)).map_err(bad)?;
        }
        if let Some(column) = &settings.valid_until {
            Name::column(column).map_err(bad)?;
        }
        Ok(Self {
            foreign: Foreign::open(&url, allowed_time(settings.timeout_seconds)).map_err(bad)?,
            view: View {
                table: Name::table(&settings.view).map_err(bad)?,
                key: Name::column(&settings.key).map_err(bad)?,
            },
            key_type: settings.key_type,
        })
    }

    pub(crate) async fn find(&self, subject: &str, columns: &[&str]) -> Result<Entry, SourceError> {
        let key = match (self.key_type, subject.parse::<i64>()) {
            // '007' is another text than 7, and so another subject.
            (FieldKind::Int, Ok(number)) if number.to_string() == subject => Key::Int(number),
            (FieldKind::Int, _) => return Ok(None),
            _ => Key::Text(subject.to_owned()),
        };
        let row = self.foreign.row(&self.view, columns, &key).await;
        row.map_err(|error| match error {
            ForeignError::Ambiguous => SourceError::Entry(error.to_string()),
            other => SourceError::Away(other.to_string()),
        })
    }

    pub(crate) async fn check(&self, columns: &[&str]) -> Result<String, Vec<String>> {
        let key = match self.key_type {
            FieldKind::Int => Key::Int(0),
            _ => Key::Text(String::new()),
        };
        let tried = self.foreign.check(&self.view, columns, &key).await;
        tried.map_err(|problem| vec![problem])?;
        let count = columns.len();
        Ok(format!(
            "{} gives {count} columns",
            self.view.table.as_str()
        ))
    }
}
