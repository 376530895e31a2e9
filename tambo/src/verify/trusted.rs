//! What the reader trusts beforehand: authorities, members, logs and witnesses. Nothing of it comes from the file judged.

use std::fs;
use std::path::{Path, PathBuf};

use kernel::Moment;
use trust::globalconf::write::SHARED_FILE;
use trust::globalconf::{SharedParams, verification};
use trust::log::{LogTrust, SignatureKind, VerifierKey};
use trust::{Anchors, Certificate, TrustError, zip};

use crate::commands::Problem;

/// Certificates, one or more of them in each file.
const CERTIFICATE_ENDINGS: [&str; 3] = ["pem", "crt", "cer"];
/// Keys of logs and witnesses, one verifier key a line.
const KEYS: &str = "log-keys.txt";
/// Deepest folder that is looked into: `verificationconf/INSTANCE`.
const DEPTH_MAX: usize = 2;
/// Most files that are looked at in all folders together.
const FILES_MAX: usize = 1_000;
/// Largest file that is read, in bytes: shared parameters of tens of thousands of members.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bounds of an archive of shared parameters.
const ARCHIVE: zip::Limits = zip::Limits {
    archive_bytes: 64 << 20,
    entries: 200,
    inflated_bytes: 256 << 20,
};

/// What the reader trusts.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Authorities behind signatures of documents and time stamps.
    pub anchors: Vec<Certificate>,
    /// The ecosystems whose message containers are believed.
    pub ecosystems: Vec<SharedParams>,
    /// Keys of logs and witnesses, and how many of these must have cosigned.
    pub logs: LogTrust,
    /// The passphrase of backups.
    pub passphrase: Option<String>,
    /// The present moment.
    pub now: Moment,
}

impl Trusted {
    /// Nothing but the time.
    pub fn nobody(now: Moment) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// What lies in `place`: certificates (`*.pem`, `*.crt`, `*.cer`), `log-keys.txt`, and shared parameters, as X-Road's
    /// verifier takes them (`INSTANCE/shared-params.xml`) or alone (`shared-params.xml`). Each of them may be absent. A
    /// ZIP archive of the latter, as a server gives it out for verifiers, will do too.
    ///
    /// # Errors
    /// It can't be read, or a file in it is not what its name says.
    pub fn from_folder(place: &Path, now: Moment) -> Result<Self, Problem> {
        let mut trusted = Self::nobody(now);
        if place.is_file() {
            trusted.add_archive(place)?;
            return Ok(trusted);
        }
        let mut paths = Vec::new();
        gather(place, 0, &mut paths)?;
        let mut parameters = Vec::new();
        for path in paths {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
            let at_top = path.parent() == Some(place);
            let told =
                |error: &dyn std::fmt::Display| Problem(format!("{}: {error}", path.display()));
            if at_top && CERTIFICATE_ENDINGS.contains(&ending) {
                let read = read_certificates(&bytes_of(&path)?);
                trusted.anchors.extend(read.map_err(|error| told(&error))?);
            } else if at_top && name == KEYS {
                trusted.add_keys(&String::from_utf8_lossy(&bytes_of(&path)?))?;
            } else if name.starts_with(SHARED_FILE) {
                parameters.push((path.display().to_string(), bytes_of(&path)?));
            }
        }
        let read = verification::read(&parameters);
        let read = read.map_err(|error| Problem(format!("{}: {error}", place.display())))?;
        trusted.ecosystems = federated(read);
        Ok(trusted)
    }

    /// Adds the ecosystems of an archive.
    fn add_archive(&mut self, path: &Path) -> Result<(), Problem> {
        let told = |error: &dyn std::fmt::Display| Problem(format!("{}: {error}", path.display()));
        let archive = zip::read(&bytes_of(path)?, ARCHIVE).map_err(|error| told(&error))?;
        let entries = archive.entries.into_iter();
        let files: Vec<_> = entries.map(|entry| (entry.name, entry.bytes)).collect();
        self.ecosystems = federated(verification::read(&files).map_err(|error| told(&error))?);
        match self.ecosystems.is_empty() {
            true => Err(told(&"there are no shared parameters in it")),
            false => Ok(()),
        }
    }

    /// Adds the keys of logs and witnesses in `text`, one a line; `#` begins a remark. With a witness, each proof needs
    /// a cosignature.
    ///
    /// # Errors
    /// A line is not a verifier key.
    pub fn add_keys(&mut self, text: &str) -> Result<(), Problem> {
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let key = VerifierKey::parse(line)
                .map_err(|error| Problem(format!("{KEYS}: {line}: {error}")))?;
            match key.kind() {
                SignatureKind::Note => self.logs.logs.push(key),
                SignatureKind::Cosignature => self.logs.witnesses.push(key),
            }
        }
        self.logs.cosignatures = self.logs.witnesses.len().min(1);
        Ok(())
    }

    /// The anchors for documents and time stamps.
    pub fn anchors(&self) -> Anchors {
        Anchors::new(self.anchors.clone())
    }
}

/// Ecosystems that are trusted together: a message of one that was kept in another is stamped there, so each takes the
/// stamps of all, as X-Road's verifier does.
fn federated(mut ecosystems: Vec<SharedParams>) -> Vec<SharedParams> {
    let stampers: Vec<_> = ecosystems
        .iter()
        .flat_map(|one| one.stampers.clone())
        .collect();
    for one in &mut ecosystems {
        one.stampers.clone_from(&stampers);
    }
    ecosystems
}

/// All files below `folder`, in the order of their names.
fn gather(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let told = |error: std::io::Error| Problem(format!("{}: {error}", folder.display()));
    let entries = fs::read_dir(folder).map_err(told)?;
    let mut entries: Vec<_> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(told)?;
    entries.sort();
    for path in entries {
        if path.is_dir() && depth < DEPTH_MAX {
            gather(&path, depth + 1, paths)?;
        } else if path.is_file() {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(Problem(format!(
                "{}: more than {FILES_MAX} files",
                folder.display()
            )));
        }
    }
    Ok(())
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Problem> {
    let told = |error: &dyn std::fmt::Display| Problem(format!("{}: {error}", path.display()));
    let size = fs::metadata(path).map_err(|error| told(&error))?.len();
    if size > FILE_BYTES_MAX {
        return Err(told(&format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    fs::read(path).map_err(|error| told(&error))
}

fn read_certificates(bytes: &[u8]) -> Result<Vec<Certificate>, TrustError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => Certificate::all_from_pem(text),
        _ => Ok(vec![Certificate::from_der(bytes)?]),
    }
}
