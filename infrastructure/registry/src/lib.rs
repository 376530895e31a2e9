//! The register of an instance: members, their servers and subsystems, groups, trust services, and how a body joins.
//!
//! Read by the assembly of an authority ([`Register`]) and by a body that joins ([`join`]). It promises that nobody becomes
//! a member without a person's decision, that every decision is an entry of the transparency log in the transaction of the
//! act, and that an applicant needs to trust nothing but the link. It refuses to sign or fetch the configuration of the
//! instance: it gives the [`model::Model`] that is published.

pub mod admit;
pub mod apply;
pub mod certificates;
pub mod decide;
pub mod domain;
pub mod foreign;
pub mod groups;
pub mod http;
pub mod join;
pub mod links;
pub mod look;
pub mod members;
pub mod model;
mod pages;
pub mod rotation;
pub mod rules;
pub mod services;
pub mod sql;
#[cfg(test)]
mod tests;
pub mod tokens;

use std::sync::{Arc, PoisonError, RwLock};

use kernel::{Actor, Fault, MemberId, Moment, Scheme};
use serde::{Deserialize, Serialize};
use store::{Store, Tx};
use trust::log::{Entry, Log, NoteKey, Witness};

pub use crate::domain::{Application, Envelope, Link, Pin, Requests, Wish};
pub use crate::http::MANAGE;
pub use crate::sql::MIGRATIONS;
pub use crate::sql::application::State;

/// Longest value of a log entry's note that this crate writes, in characters.
const NOTE_CHARS_MAX: usize = 300;

/// What a register is built from.
pub struct Parts {
    /// The authority's store, with this crate's tables.
    pub store: Store,
    /// The authority's transparency log.
    pub log: Log,
    /// Issues and revokes certificates.
    pub trust: trust::Authority,
    /// Cosigns the members' logs.
    pub witness: Witness,
    /// The key that links pin; it signs every answer to applicants.
    pub key: NoteKey,
    /// What the instance is.
    pub founding: Founding,
}

/// What the instance is.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The body that runs the authority.
    pub owner: MemberId,
    /// Its name.
    pub name: String,
    /// Where applicants reach it: an origin.
    pub url: String,
    /// Where members reach what it signs; see [`join::Card`].
    pub services: String,
    /// How a member's number is checked, if the country has a way.
    pub scheme: Option<Scheme>,
}

/// What a body must know to take part; it changes when the authority changes a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The verifier key of the witness.
    #[serde(default)]
    pub witness_key: String,
    /// The configuration anchor (XML); empty if there is none.
    #[serde(default)]
    pub anchor: String,
}

/// The register of one instance. Cheap to clone.
#[derive(Clone)]
pub struct Register {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    pins: RwLock<Pins>,
    limits: http::Attempts,
}

impl Register {
    /// The register in this store.
    pub fn new(parts: Parts) -> Self {
        let inner = Inner {
            parts,
            pins: RwLock::default(),
            limits: http::Attempts::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Sets what applicants are given to know.
    pub fn set_pins(&self, pins: Pins) {
        *self
            .inner
            .pins
            .write()
            .unwrap_or_else(PoisonError::into_inner) = pins;
    }

    /// What applicants are given to know.
    pub fn pins(&self) -> Pins {
        self.inner
            .pins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What links pin.
    pub fn pin(&self) -> Pin {
        Pin::of(self.inner.parts.key.verifier())
    }

    /// What the instance is.
    pub fn founding(&self) -> &Founding {
        &self.inner.parts.founding
    }

    /// A number that grows with every change of what is published.
    ///
    /// # Errors
    /// The store failed.
    pub async fn version(&self) -> Result<u64, Fault> {
        let mut tx = self.inner.parts.store.read().await?;
        Ok(sql::setting::version(&mut tx).await?)
    }

    pub(crate) fn now(&self) -> Moment {
        self.inner.parts.store.clock().now()
    }

    pub(crate) async fn begin(&self) -> Result<Tx, Fault> {
        Ok(self.inner.parts.store.begin().await?)
    }

    pub(crate) async fn read(&self) -> Result<Tx, Fault> {
        Ok(self.inner.parts.store.read().await?)
    }

    /// Enters an act in the log, in the transaction of the act.
    pub(crate) async fn enter(
        &self,
        tx: &mut Tx,
        (kind, by): (&str, &Actor),
        digest: [u8; 32],
        notes: &[(&str, &str)],
    ) -> Result<(), Fault> {
        let mut entry = Entry::new(format!("registry.{kind}"), self.now(), digest);
        let by = ("by", by.account.as_str());
        for (name, value) in notes.iter().chain(std::iter::once(&by)) {
            entry = entry.note(
                *name,
                value.chars().take(NOTE_CHARS_MAX).collect::<String>(),
            );
        }
        self.inner.parts.log.enter(tx, entry).await?;
        Ok(())
    }
}

/// What an act that has no document of its own is about: the digest of its words.
pub(crate) fn digest_of(words: &[&str]) -> [u8; 32] {
    domain::sha256(words.join("\n").as_bytes())
}

/// The entry's author when a rule decides and no person.
pub(crate) fn by_rule() -> Actor {
    Actor::system("registry.rule")
}
