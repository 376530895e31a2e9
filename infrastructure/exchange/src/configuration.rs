//! Following an instance's global configuration: where it is had, whose signature counts, what is kept.
//!
//! Source: X-Road PR-GCONF section 2.6. Run by a timer. It asks the sources that the last good edition and the anchor
//! name, newest version first, over https and http, and takes the first edition that is signed under a key of that
//! source, is not over and not older than the one held. What was good last is kept in the store, with the key that
//! signed it, and taken up again at the next start. It promises that nothing unsigned is looked into.

mod sources;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use kernel::{Fault, FaultKind};
use trust::globalconf::write::Published;
use trust::globalconf::{
    Anchor, Distribution, FileEntry, GlobalConfError, PRIVATE_PARAMETERS, SHARED_PARAMETERS,
    VerificationKey, Version,
};
use web::client::{Http, HttpLimits};

use sources::{Place, places, with_version};

use crate::Exchange;
use crate::directory::{BadDirectory, Edition, Files, View, sha256_hex};
use crate::sql::configuration::{self as rows, Kept};

/// Limits of a fetch: ten thousand members take about 10 MB, which a slow line carries in minutes.
pub(crate) const LIMITS: HttpLimits = HttpLimits {
    connect: std::time::Duration::from_secs(10),
    total: std::time::Duration::from_secs(600),
    answer_bytes: 64 * 1024 * 1024,
};

/// What a node was handed when it joined, and how it asks.
pub(crate) struct Following {
    /// The anchor, if there is one.
    pub anchor: Option<Anchor>,
    /// What stands for the anchor's text: with another anchor nothing kept counts.
    pub anchor_digest: String,
    /// The client for sources.
    pub http: Http,
    /// The address that gave an edition last; it is asked first.
    last: Mutex<Option<String>>,
}

impl Following {
    /// Reads the anchor, the text of an anchor file; an empty text is none.
    ///
    /// # Errors
    /// The text is not an anchor.
    pub fn new(anchor: &str) -> Result<Self, GlobalConfError> {
        let read = |text: &str| Anchor::read(text.as_bytes());
        let anchor_digest = sha256_hex(anchor.trim().as_bytes());
        Ok(Self {
            anchor: match anchor.trim() {
                "" => None,
                text => Some(read(text)?),
            },
            anchor_digest,
            http: sources::http(),
            last: Mutex::default(),
        })
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn anchor(&self) -> Result<&Anchor, BadDirectory> {
        self.anchor.as_ref().ok_or(BadDirectory::NoAnchor)
    }

    /// All keys of the anchor.
    fn keys(&self) -> Result<Vec<VerificationKey>, BadDirectory> {
        let sources = self.anchor()?.sources.iter();
        Ok(sources.flat_map(|source| source.keys.clone()).collect())
    }
}

fn away(cause: impl std::fmt::Display) -> BadDirectory {
    BadDirectory::Away(cause.to_string())
}

impl Exchange {
    /// Takes an edition that somebody hands over: the authority's own, without asking itself over the network. It is
    /// checked like any other.
    ///
    /// # Errors
    /// [`BadDirectory`] as an upstream fault, or the store failed.
    pub async fn take_configuration(&self, published: &Published) -> Result<(), Fault> {
        let taken = self.read_published(published);
        self.accept(taken.map_err(upstream)?).await
    }

    fn read_published(&self, published: &Published) -> Result<Edition, BadDirectory> {
        let following = &self.inner.following;
        let keys = self.keys_with_held(following.keys()?);
        let now = self.inner.clock.now();
        let distribution = Distribution::verify(&published.directory, &keys, now)?;
        let find = |entry: &FileEntry| {
            let file = published.files.iter().find(|file| entry.is(&file.bytes));
            file.map(|file| file.bytes.clone())
        };
        let instance = &following.anchor()?.instance;
        let file = |name: &str| distribution.file(name, instance).map(find);
        let shared = file(SHARED_PARAMETERS).flatten();
        let files = Files {
            shared: shared.ok_or(BadDirectory::Lacks("shared parameters"))?,
            private: file(PRIVATE_PARAMETERS).flatten(),
        };
        Ok(Edition {
            signed: published.directory.clone(),
            distribution,
            files: Some(files),
        })
    }

    /// The anchor's keys and those that the edition held announces.
    fn keys_with_held(&self, mut keys: Vec<VerificationKey>) -> Vec<VerificationKey> {
        if let Some(view) = self.inner.held.any() {
            for source in &view.params().sources {
                keys.extend(source.internal.iter().chain(&source.external).cloned());
            }
        }
        keys
    }

    /// Fetches the configuration from the instance's sources, one after the other until one gives a good edition. Without
    /// an anchor nothing is asked.
    ///
    /// # Errors
    /// No source gave an edition that is taken; the one held stays.
    pub async fn refresh_directory(&self) -> Result<(), Fault> {
        let Some(anchor) = &self.inner.following.anchor else {
            return Ok(());
        };
        let places = {
            let held = self.inner.held.any();
            let last = self.inner.following.last().clone();
            places(anchor, held.as_deref(), last.as_deref())
        };
        let mut last = away("the anchor names no source");
        for place in &places {
            match self.fetch(place, &anchor.instance).await {
                Ok(edition) => match self.accept(edition).await {
                    Ok(()) => {
                        *self.inner.following.last() = Some(place.url.clone());
                        return Ok(());
                    }
                    Err(fault) if fault.kind == FaultKind::Upstream => last = away(fault),
                    Err(fault) => return Err(fault),
                },
                Err(error) => {
                    tracing::debug!(url = %place.url, %error, "a configuration source was passed over");
                    last = error;
                }
            }
        }
        Err(Fault::new(FaultKind::Unavailable, "fault-exchange-directory").detail(last))
    }

    async fn get(&self, url: &str) -> Result<Option<Bytes>, BadDirectory> {
        let answer = self.inner.following.http.get(url).await.map_err(away)?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            other => Err(away(format!("{url} answers {other}"))),
        }
    }

    /// The newest version that a source has.
    async fn signed_directory(&self, place: &Place) -> Result<(Bytes, String), BadDirectory> {
        for version in Version::ALL {
            let Some(url) = with_version(&place.url, version) else {
                // The address names a version itself; that one and no other is asked for.
                let body = self.get(&place.url).await?;
                return Ok((body.ok_or_else(|| away("not there"))?, place.url.clone()));
            };
            if let Some(body) = self.get(&url).await? {
                return Ok((body, url));
            }
        }
        Err(away(format!(
            "{} has no version that is known here",
            place.url
        )))
    }

    async fn fetch(&self, place: &Place, instance: &str) -> Result<Edition, BadDirectory> {
        let (body, url) = self.signed_directory(place).await?;
        let distribution = Distribution::verify(&body, &place.keys, self.inner.clock.now())?;
        let held = self.inner.held.any();
        let files = match held.filter(|view| view.has_files_of(&distribution)) {
            Some(_) => None,
            None => Some(self.files(&distribution, &url, instance).await?),
        };
        Ok(Edition {
            signed: body.to_vec(),
            distribution,
            files,
        })
    }

    async fn files(
        &self,
        distribution: &Distribution,
        url: &str,
        instance: &str,
    ) -> Result<Files, BadDirectory> {
        let shared = distribution
            .file(SHARED_PARAMETERS, instance)
            .ok_or(BadDirectory::Lacks("shared parameters"))?;
        let private = match distribution.file(PRIVATE_PARAMETERS, instance) {
            Some(entry) => Some(self.file(entry, url).await?),
            None => None,
        };
        Ok(Files {
            shared: self.file(shared, url).await?,
            private,
        })
    }

    async fn file(&self, entry: &FileEntry, url: &str) -> Result<Vec<u8>, BadDirectory> {
        let url = entry.url(url)?;
        let body = self.get(&url).await?;
        let body = body.ok_or_else(|| away(format!("{url} is not there")))?;
        entry.check(&body)?;
        Ok(body.to_vec())
    }

    async fn kept_row(&self) -> Result<Option<Kept>, BadDirectory> {
        let following = &self.inner.following;
        let instance = &following.anchor()?.instance;
        let mut tx = self.inner.store.read().await.map_err(away)?;
        rows::kept(&mut tx, instance, &following.anchor_digest)
            .await
            .map_err(away)
    }

    /// The shared parameters as they came, which the store keeps.
    pub(crate) async fn kept_shared(&self) -> Result<Option<Vec<u8>>, BadDirectory> {
        Ok(self.kept_row().await?.map(|kept| kept.shared))
    }

    /// Takes a genuine edition: reads it, holds it, keeps it.
    async fn accept(&self, edition: Edition) -> Result<(), Fault> {
        let inner = &self.inner;
        let view = self.view_of(&edition).map_err(upstream)?;
        inner.held.take(view).map_err(upstream)?;
        let mut tx = inner.store.begin().await?;
        let row = rows::Row {
            instance: &inner.following.anchor().map_err(upstream)?.instance,
            anchor: &inner.following.anchor_digest,
            edition: &edition,
            at: inner.clock.now(),
        };
        rows::keep(&mut tx, &row).await?;
        Ok(tx.commit().await?)
    }

    fn view_of(&self, edition: &Edition) -> Result<View, BadDirectory> {
        let distribution = edition.distribution.clone();
        let view = match (&edition.files, self.inner.held.any()) {
            (Some(files), _) => View::new(distribution, files)?,
            (None, Some(held)) => held.renewed(distribution),
            (None, None) => return Err(BadDirectory::Lacks("files")),
        };
        let expected = &self.inner.following.anchor()?.instance;
        if view.instance() != expected {
            return Err(BadDirectory::Instance {
                expected: expected.clone(),
                found: view.instance().to_owned(),
            });
        }
        Ok(view)
    }

    /// Takes up what was kept when this node stopped, if it still holds.
    pub(crate) async fn take_up_kept_configuration(&self) -> Result<(), Fault> {
        if self.inner.following.anchor.is_none() {
            return Ok(());
        }
        match self.kept_edition().await {
            Ok(None) => {}
            Ok(Some(edition)) => match self.view_of(&edition) {
                Ok(view) => self.inner.held.take(view).map_err(upstream)?,
                Err(error) => tracing::warn!(%error, "the configuration kept can't be used"),
            },
            Err(error) => tracing::warn!(%error, "the configuration kept can't be used"),
        }
        Ok(())
    }

    async fn kept_edition(&self) -> Result<Option<Edition>, BadDirectory> {
        let Some(kept) = self.kept_row().await? else {
            return Ok(None);
        };
        let mut keys = self.inner.following.keys()?;
        // The key was trusted when the edition came; the edition that announced it may be gone.
        keys.push(VerificationKey::read(&kept.signer)?);
        let now = self.inner.clock.now();
        let distribution = Distribution::verify(&kept.directory, &keys, now)?;
        let files = Files {
            shared: kept.shared,
            private: kept.private,
        };
        for (name, bytes) in [
            (SHARED_PARAMETERS, Some(&files.shared)),
            (PRIVATE_PARAMETERS, files.private.as_ref()),
        ] {
            let entry = distribution.file(name, &self.inner.following.anchor()?.instance);
            if let Some((entry, bytes)) = entry.zip(bytes) {
                entry.check(bytes)?;
            }
        }
        Ok(Some(Edition {
            signed: kept.directory,
            distribution,
            files: Some(files),
        }))
    }
}

fn upstream(error: BadDirectory) -> Fault {
    Fault::new(FaultKind::Upstream, "fault-exchange-directory").detail(error)
}
