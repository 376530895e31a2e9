//! What a body sets about its procedures, and what is checked before the first case.

use std::collections::BTreeMap;

use kernel::{Locale, Scheme};

use crate::clock::{Calendar, Reception};
use crate::procedure::{Procedure, Text};

/// How long a page waits for registries before it is shown without their facts: readers leave after two seconds.
pub const PREFILL_BUDGET_MILLIS: u64 = 1_500;

/// A registry that procedures ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Its name, for people.
    pub name: Text,
    /// Where a person has a wrong record mended; an address or a place.
    pub mend_at: Option<String>,
}

/// What the workflow of one body needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The body's name, as papers say it.
    pub body: String,
    /// The district or city, as papers say it.
    pub place: String,
    /// Business days and office hours.
    pub calendar: Calendar,
    /// When a filing counts.
    pub reception: Reception,
    /// The procedures it offers.
    pub procedures: Vec<Procedure>,
    /// The country's national numbers.
    pub schemes: Vec<Scheme>,
    /// The registries by service code.
    pub registries: BTreeMap<String, Registry>,
    /// Languages in which a document may have legal effect; others fall back to the first.
    pub official_languages: Vec<Locale>,
    /// How long a page waits for registries, in milliseconds.
    pub prefill_millis: u64,
}

/// The settings don't fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A procedure asks a registry that is not set.
    #[error("procedure {procedure}: no registry answers the service {service:?}")]
    Registry {
        /// The procedure.
        procedure: String,
        /// The service code.
        service: String,
    },
    /// A procedure wants a national number that the country's file lacks.
    #[error("procedure {procedure}: the country has no number {scheme:?}")]
    Scheme {
        /// The procedure.
        procedure: String,
        /// The scheme.
        scheme: String,
    },
    /// Two procedures have one identifier.
    #[error("the procedure {0:?} is there twice")]
    Twice(String),
    /// This crate's texts don't fit together.
    #[error("texts: {0}")]
    Texts(String),
}

impl Settings {
    /// Checks that every procedure can run here.
    ///
    /// # Errors
    /// See [`SetupError`].
    pub fn check(&self) -> Result<(), SetupError> {
        let mut seen = std::collections::BTreeSet::new();
        for procedure in &self.procedures {
            if !seen.insert(&procedure.id) {
                return Err(SetupError::Twice(procedure.id.clone()));
            }
            self.check_procedure(procedure)?;
        }
        Ok(())
    }

    fn check_procedure(&self, procedure: &Procedure) -> Result<(), SetupError> {
        for field in procedure.fields() {
            let service = field.fact.as_ref().map(|origin| &origin.service);
            if let Some(service) = service.filter(|code| !self.registries.contains_key(*code)) {
                let (procedure, service) = (procedure.id.clone(), service.clone());
                return Err(SetupError::Registry { procedure, service });
            }
            let known = |name: &String| self.schemes.iter().any(|scheme| scheme.name == *name);
            if let Some(scheme) = field.scheme.as_ref().filter(|name| !known(name)) {
                let (procedure, scheme) = (procedure.id.clone(), scheme.clone());
                return Err(SetupError::Scheme { procedure, scheme });
            }
        }
        Ok(())
    }

    /// The language of a paper with legal effect for somebody who reads `locale`.
    pub fn paper_language(&self, locale: Locale) -> Locale {
        let first = self.official_languages.first().copied().unwrap_or_default();
        if self.official_languages.contains(&locale) {
            locale
        } else {
            first
        }
    }
}
