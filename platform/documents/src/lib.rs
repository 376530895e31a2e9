//! Documents: taken in, kept, issued under signature, verified by anybody.
//!
//! Read by `workflow` and `portal`, which issue and receive; start with [`Documents`]. It promises that what it took
//! in is on disk, that what it issues is a tagged PDF which its own verifier calls valid, and that anybody can verify
//! it by code or file. It refuses to know what a case is, who is an official, or why something is decided.

pub mod blobs;
pub mod domain;
pub mod http;
pub mod issue;
pub mod mime;
pub mod pades;
mod pages;
pub mod paper;
pub mod pdf;
pub mod receive;
pub mod settings;
mod sql;
#[cfg(test)]
mod testing;
pub mod verify;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures_util::Stream;
use kernel::{Fault, FaultKind, Id, Locale, Moment};
use store::{Store, Tx};
use trust::log::Log;
use trust::{Anchors, KeyStore};
use web::{Room, Texts};

pub use blobs::{Blob, Blobs};
pub use domain::{Document, Origin};
pub use issue::{Issue, Issued, Prepared, Signatory};
pub use pades::{Indication, Stamper, Verdict, Verifier};
pub use paper::{Field, Paper, Signing, Table, Text, Words};
pub use receive::Incoming;
pub use settings::Settings;
pub use sql::MIGRATIONS;
pub use verify::Checked;

/// The texts of this crate.
pub const TEXTS: &[(Locale, &str)] = &[
    (Locale::Es, include_str!("../texts/es.ftl")),
    (Locale::Qu, include_str!("../texts/qu.ftl")),
    (Locale::En, include_str!("../texts/en.ftl")),
];

/// Read once for all bodies of a process, for they are the same and large.
static PAPERS: LazyLock<Result<Texts, String>> = LazyLock::new(|| {
    let rooms = [("web", web::TEXTS), ("documents", TEXTS)];
    Texts::new(rooms).map_err(|error| error.to_string())
});

/// The documents of one body. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) keys: KeyStore,
    pub(crate) stamper: Stamper,
    pub(crate) verifier: Verifier,
    pub(crate) log: Option<Log>,
    pub(crate) settings: Settings,
    pub(crate) texts: Texts,
}

impl Documents {
    /// The documents of the body with this store, its files in `blobs_folder`.
    ///
    /// `keys` holds the keys that sign, `stamper` gives time stamps, `anchors` are the authorities believed when a
    /// document is verified, `log` gets an entry of each act.
    ///
    /// # Errors
    /// The folder can't be made, or the time zone of the settings doesn't exist.
    pub fn new(
        store: Store,
        blobs_folder: &Path,
        keys: KeyStore,
        stamper: Stamper,
        anchors: Anchors,
        log: Option<Log>,
        settings: Settings,
    ) -> Result<Self, Fault> {
        jiff::tz::TimeZone::get(&settings.time_zone).map_err(Fault::internal)?;
        let blobs = Blobs::open(
            blobs_folder,
            store.chance().clone(),
            settings.file_bytes_max,
        )
        .map_err(Fault::internal)?;
        let texts = PAPERS.clone().map_err(Fault::internal)?;
        let verifier = Verifier::new(anchors);
        let inner = Inner {
            store,
            blobs,
            keys,
            stamper,
            verifier,
            log,
            settings,
            texts,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What this crate brings to a house.
    pub fn room(&self) -> Room {
        http::room(self.clone())
    }

    /// Saves a file whose content was read already; see `save_stream`.
    ///
    /// # Errors
    /// As `save_stream`.
    pub async fn save(&self, bytes: Bytes, declared_mime: &str, name: &str) -> Result<Blob, Fault> {
        self.inner.blobs.save(bytes, declared_mime, name).await
    }

    /// Saves a file while it comes. It is on disk when this returns; it belongs to nothing until it is received.
    ///
    /// # Errors
    /// `fault-documents-too-large`, `-empty`, `-type`, `-cut` for the sender.
    pub async fn save_stream<S, E>(
        &self,
        stream: S,
        declared_mime: &str,
        name: &str,
    ) -> Result<Blob, Fault>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: std::fmt::Display,
    {
        self.inner
            .blobs
            .save_stream(stream, declared_mime, name)
            .await
    }

    /// The next number of a series in the year of `at`, for example `000123-2026`, in strict order without gaps: the
    /// number is given back if the caller's transaction doesn't commit.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reserve_number(
        &self,
        tx: &mut Tx,
        series: &str,
        at: Moment,
    ) -> Result<String, Fault> {
        let zone =
            jiff::tz::TimeZone::get(&self.inner.settings.time_zone).map_err(Fault::internal)?;
        let year = zone.to_datetime(at.timestamp()).year();
        let number = sql::next_number(tx, series, i64::from(year)).await?;
        Ok(domain::written_number(number, year))
    }

    /// A new verification code, for texts that name it; `prepare` makes one by itself if none is given.
    pub fn reserve_code(&self) -> String {
        domain::new_code(&**self.inner.store.chance())
    }

    /// A document as registered.
    ///
    /// # Errors
    /// Missing if there is none.
    pub async fn get(&self, id: Id) -> Result<Document, Fault> {
        let mut tx = self.inner.store.read().await?;
        sql::get(&mut tx, id)
            .await?
            .ok_or_else(|| Fault::missing("fault-missing"))
    }

    /// The documents of a case, oldest first, at most `sql::CASE_DOCUMENTS_MAX`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn of_case(&self, case: Id) -> Result<Vec<Document>, Fault> {
        let mut tx = self.inner.store.read().await?;
        Ok(sql::of_case(&mut tx, case).await?)
    }

    /// The content of a document, checked against its hash.
    ///
    /// # Errors
    /// Missing if there is no such document; internal if its file is lost or was changed on disk.
    pub async fn bytes(&self, id: Id) -> Result<Bytes, Fault> {
        let document = self.get(id).await?;
        self.inner.blobs.read(&document.sha256).await
    }

    /// Reads every file again and names the documents whose file is lost or was changed; for `tambo check`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn damaged(&self) -> Result<Vec<Id>, Fault> {
        const PAGE: i64 = 500;
        let mut damaged = Vec::new();
        let mut after = String::new();
        loop {
            let mut tx = self.inner.store.read().await?;
            let page = sql::hashes(&mut tx, &after, PAGE).await?;
            drop(tx);
            let Some((_, last)) = page.last() else {
                return Ok(damaged);
            };
            after = last.to_string();
            for (sha256, id) in page {
                if self.inner.blobs.read(&sha256).await.is_err() {
                    damaged.push(id);
                }
            }
        }
    }

    /// The fixed words around a paper in a language.
    pub fn words(&self, locale: Locale) -> Words {
        let say = |key: &str| self.inner.texts.say(locale, key, &[]);
        Words {
            page: say("documents-paper-page"),
            of: say("documents-paper-of"),
            verify: say("documents-paper-verify"),
            verify_how: say("documents-paper-verify-how"),
            code: say("documents-paper-code"),
            qr: say("documents-paper-qr"),
            signed_by: say("documents-paper-signed-by"),
            sealed_by: say("documents-paper-sealed-by"),
            stamp: say("documents-paper-stamp"),
        }
    }

    /// The verifier with the authorities that this body believes.
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    /// This body's settings of documents.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Enters an act in the log, if this body keeps one.
    pub(crate) async fn enter(
        &self,
        tx: &mut Tx,
        kind: &str,
        document: &Document,
    ) -> Result<(), Fault> {
        let Some(log) = &self.inner.log else {
            return Ok(());
        };
        let mut entry = trust::log::Entry::new(kind, document.made_at, document.sha256)
            .note("document", document.id.to_string())
            .note("kind", document.kind.clone());
        if let Some(number) = &document.number {
            entry = entry.note("number", number.clone());
        }
        if let Some(case) = document.case {
            entry = entry.note("case", case.to_string());
        }
        if let Some(owner) = &document.owner_subject {
            entry = entry.about(log.pseudonym(owner));
        }
        log.enter(tx, entry).await?;
        Ok(())
    }
}

/// Work that keeps a processor busy, away from the threads that answer requests.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| Fault::new(FaultKind::Internal, "fault-internal").detail(cause))
}
