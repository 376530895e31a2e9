//! A body's certificates: one PEM chain per key label, issued by the instance's authority.
//!
//! Read by `house`. It promises that a label's certificate belongs to the key in use, and says which ones are missing
//! or near their end. It refuses to go on with a certificate of another key.

use std::fs;
use std::path::{Path, PathBuf};

use kernel::Moment;
use registry::certificates::{self, LEAF_DAYS};
use trust::ca::{DAY, Profile, Proven};
use trust::keys::{Algorithm, KeyStore};
use trust::name::Name;
use trust::{Authority, Certificate};

use crate::commands::Problem;
use crate::house::Ground;

/// Folder of certificates, beside the settings.
pub const FOLDER: &str = "certificates";
/// Labels of the keys for TLS between servers, for messages, and of the body's seal on documents.
pub use registry::certificates::{AUTH as TLS, SEAL, SIGN};
/// Label of an official's key for documents.
pub fn official(account: &str) -> String {
    format!("official-{}", account.to_lowercase())
}

/// Days before an end from which on a new certificate is had: time for a person to decide where no rule does.
pub const RENEW_DAYS: i64 = 60;
/// `check` warns this many days before an end.
pub const WARN_DAYS: i64 = 30;

/// Where a body's certificates lie.
#[derive(Clone, Debug)]
pub struct Credentials {
    folder: PathBuf,
    keys: KeyStore,
}

impl Credentials {
    /// The certificates beside the settings in `folder`.
    pub fn new(folder: &Path, keys: KeyStore) -> Self {
        Self {
            folder: folder.join(FOLDER),
            keys,
        }
    }

    /// The chain of `label`, leaf first, if there is one.
    ///
    /// # Errors
    /// The file can't be read, or it belongs to another key than the store's.
    pub fn chain(&self, label: &str) -> Result<Option<Vec<Certificate>>, Problem> {
        let path = self.path(label);
        let Ok(text) = fs::read_to_string(&path) else {
            return Ok(None);
        };
        let chain = Certificate::all_from_pem(&text)?;
        let signer = self.keys.signer(label)?;
        match chain.first() {
            Some(leaf) if leaf.spki() == signer.spki_der() => Ok(Some(chain)),
            _ => Err(Problem(format!(
                "{}: the certificate belongs to another key",
                path.display()
            ))),
        }
    }

    /// The chain of `label`.
    ///
    /// # Errors
    /// There is none; the text says how to get one.
    pub fn expect(&self, label: &str) -> Result<Vec<Certificate>, Problem> {
        self.chain(label)?.ok_or_else(|| {
            Problem(format!(
                "no certificate for key `{label}` in {}; ask the authority for one",
                self.folder.display()
            ))
        })
    }

    /// Keeps `chain` for `label`, on disk before this returns.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn keep(&self, label: &str, chain: &[Certificate]) -> Result<(), Problem> {
        fs::create_dir_all(&self.folder)?;
        let text: String = chain.iter().map(Certificate::pem).collect();
        let path = self.path(label);
        let partial = path.with_extension("partial");
        fs::write(&partial, text)?;
        fs::File::open(&partial)?.sync_all()?;
        Ok(fs::rename(partial, path)?)
    }

    /// Has `authority` issue a certificate for `label` unless there is one that lasts; makes the key too.
    ///
    /// # Errors
    /// The key or the certificate can't be made.
    pub async fn ensure(
        &self,
        authority: &Authority,
        label: &str,
        (profile, subject): (&Profile, &Name),
        now: Moment,
    ) -> Result<Vec<Certificate>, Problem> {
        let signer = self.keys.signer_or_create(label, Algorithm::P256)?;
        let lasts = now.plus_seconds(RENEW_DAYS * DAY);
        if let Some(chain) = self.chain(label)?
            && chain.first().is_some_and(|leaf| leaf.not_after() > lasts)
        {
            return Ok(chain);
        }
        let leaf = authority
            .issue(profile, subject, &Proven::held(&signer), LEAF_DAYS * DAY)
            .await?;
        let chain = vec![leaf, authority.certificate().clone()];
        self.keep(label, &chain)?;
        Ok(chain)
    }

    /// Every certificate with the moment of its end.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn ends(&self) -> Result<Vec<(String, Moment)>, Problem> {
        let mut ends = Vec::new();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|ending| ending != "pem") {
                continue;
            }
            let label = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default();
            let chain = Certificate::all_from_pem(&fs::read_to_string(&path)?)?;
            if let Some(leaf) = chain.first() {
                ends.push((label, leaf.not_after()));
            }
        }
        ends.sort();
        Ok(ends)
    }

    fn path(&self, label: &str) -> PathBuf {
        self.folder.join(format!("{label}.pem"))
    }
}

/// Has `authority` issue what a member needs: TLS, messages, seal.
///
/// # Errors
/// A key or a certificate can't be made.
pub async fn ensure_member(ground: &Ground, authority: &Authority) -> Result<(), Problem> {
    let settings = &ground.settings;
    let (body, address) = (&settings.body.name, &settings.exchange.address);
    for (label, profile, subject) in certificates::plan(body, &settings.server(), address)? {
        let wanted = (&profile, &subject);
        ground
            .credentials
            .ensure(authority, label, wanted, ground.clock.now())
            .await?;
    }
    Ok(())
}
