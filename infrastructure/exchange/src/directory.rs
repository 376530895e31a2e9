//! The directory of an instance: members, their servers, and whom to trust for certificates, OCSP and time stamps.
//!
//! The authority publishes it under an Ed25519 note; every node fetches it again and again and refuses one that is
//! unsigned, expired, or older than what it holds. It has the place of X-Road's global configuration: a reader of that
//! format only has to fill the same [`Directory`].

mod shared;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER};
use kernel::{Fault, MemberId, Moment, ServerId, SubsystemId};
use serde::{Deserialize, Serialize};
use trust::log::note::{Note, NoteKey, VerifierKey};
use trust::{Anchors, Certificate};

/// Largest directory that is read, in bytes: about 10,000 members with their servers take 5 MiB.
pub const DIRECTORY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a published directory holds, in seconds, if nothing else is said: X-Road's ten minutes are too short for a
/// line that is away for a night.
pub const DIRECTORY_SECONDS: i64 = 24 * 3_600;

/// What the authority publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// The instance, for example `PE`.
    pub instance: String,
    /// Grows with every publication; a node never goes back.
    pub serial: u64,
    /// When it was published.
    pub published_at: Moment,
    /// From when on it must not be used.
    pub expires_at: Moment,
    /// The members.
    pub members: Vec<Member>,
    /// Their servers.
    pub servers: Vec<Server>,
    /// Whose certificates count.
    pub authorities: Vec<Authority>,
    /// Whose time stamps count.
    pub stampers: Vec<Stamper>,
    /// Groups of subsystems that the authority keeps, for access rights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A group of subsystems of the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its code.
    pub code: String,
    /// Name to show.
    #[serde(default)]
    pub description: String,
    /// The subsystems in it.
    pub members: Vec<SubsystemId>,
}

/// A member with its subsystems.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub id: MemberId,
    /// Name to show.
    pub name: String,
    /// Codes of registered subsystems.
    pub subsystems: Vec<String>,
}

/// A server of a member, and which subsystems it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Which.
    pub id: ServerId,
    /// `host:port` of its listener for other nodes.
    pub address: String,
    /// SHA-256 of each registered authentication certificate, in lower-case hex.
    pub certificates: Vec<String>,
    /// Subsystems that are registered on it.
    pub clients: Vec<SubsystemId>,
    /// Set while it is in maintenance and not to be asked: what its administrator says, perhaps nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<String>,
}

/// A certificate authority that the instance approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Name to show.
    pub name: String,
    /// The root certificate: base64 of DER.
    pub root: String,
    /// Certificates between root and members: base64 of DER.
    #[serde(default)]
    pub intermediates: Vec<String>,
    /// Address of the OCSP responder.
    pub ocsp_url: String,
    /// The responder's own certificate, if the root did not sign it for that: base64 of DER.
    #[serde(default)]
    pub ocsp_certificates: Vec<String>,
}

/// A time stamping authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamper {
    /// Name to show.
    pub name: String,
    /// Address of the RFC 3161 service.
    pub url: String,
    /// Its certificate: base64 of DER.
    pub certificate: String,
}

/// Why a directory is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadDirectory {
    /// Too large, or not the published form.
    #[error("the directory can't be read: {0}")]
    Malformed(String),
    /// Not signed by the key that this node trusts, or changed afterwards.
    #[error("the directory's signature does not fit: {0}")]
    Signature(String),
    /// Its time is over, or it is from the future.
    #[error("the directory was good until {until}")]
    Expired {
        /// When its time was over.
        until: Moment,
    },
    /// Older than what this node holds.
    #[error("the directory has serial {offered}, older than {held}")]
    Older {
        /// The serial offered.
        offered: u64,
        /// The serial held.
        held: u64,
    },
    /// A certificate in it can't be read.
    #[error("a certificate of the directory can't be read: {0}")]
    Certificate(#[from] trust::TrustError),
}

/// The published form: the exact JSON text, and a signed note that holds its digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    note: String,
    directory: String,
}

/// First line of the signed note; it keeps signatures over other notes of the same key apart.
const NOTE_HEAD: &str = "tambo directory v1";

fn note_text(directory: &str) -> String {
    let digest = digest::digest(&digest::SHA256, directory.as_bytes());
    format!("{NOTE_HEAD}\nsha256 {}\n", BASE64.encode(digest.as_ref()))
}

/// Lower-case hex of SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

impl Directory {
    /// Signs this directory as the authority; the text is what [`Directory::read`] takes.
    ///
    /// # Errors
    /// The key can't sign now.
    pub fn publish(&self, key: &NoteKey) -> Result<String, Fault> {
        let directory = serde_json::to_string(self).map_err(Fault::internal)?;
        let text = note_text(&directory);
        let signature = key.sign(&text).map_err(Fault::internal)?;
        let note = Note::new(text, vec![signature]).to_string();
        serde_json::to_string(&Published { note, directory }).map_err(Fault::internal)
    }

    /// Reads what an authority published and checks its signature. Expiry is checked by [`View::new`] and at each use.
    ///
    /// # Errors
    /// [`BadDirectory::Malformed`] or [`BadDirectory::Signature`].
    pub fn read(published: &str, key: &VerifierKey) -> Result<Self, BadDirectory> {
        let malformed = |cause: &dyn std::fmt::Display| BadDirectory::Malformed(cause.to_string());
        if published.len() > DIRECTORY_BYTES_MAX {
            return Err(malformed(&"too large"));
        }
        let published: Published = serde_json::from_str(published).map_err(|e| malformed(&e))?;
        let note = Note::parse(published.note.as_bytes()).map_err(|e| malformed(&e))?;
        let signed = note
            .verified_text(key)
            .map_err(|e| BadDirectory::Signature(e.to_string()))?;
        if signed != note_text(&published.directory) {
            return Err(BadDirectory::Signature(
                "the digest is of another text".to_owned(),
            ));
        }
        serde_json::from_str(&published.directory).map_err(|e| malformed(&e))
    }
}

/// A directory made ready for look-ups.
pub struct View {
    directory: Directory,
    subsystems: HashSet<SubsystemId>,
    by_client: HashMap<SubsystemId, Vec<usize>>,
    by_certificate: HashMap<String, usize>,
    groups: HashMap<String, HashSet<SubsystemId>>,
    anchors: Anchors,
    authorities: Vec<Vec<Certificate>>,
    stampers: Vec<(String, Certificate)>,
}

impl View {
    /// Prepares `directory`.
    ///
    /// # Errors
    /// It has expired at `now`, or a certificate in it can't be read.
    pub fn new(directory: Directory, now: Moment) -> Result<Self, BadDirectory> {
        if now >= directory.expires_at {
            return Err(BadDirectory::Expired {
                until: directory.expires_at,
            });
        }
        let mut authorities = Vec::new();
        for authority in &directory.authorities {
            let mut chain = vec![certificate(&authority.root)?];
            for text in authority
                .intermediates
                .iter()
                .chain(&authority.ocsp_certificates)
            {
                chain.push(certificate(text)?);
            }
            authorities.push(chain);
        }
        let stampers = directory
            .stampers
            .iter()
            .map(|stamper| Ok((stamper.url.clone(), certificate(&stamper.certificate)?)))
            .collect::<Result<Vec<_>, BadDirectory>>()?;
        let roots = authorities
            .iter()
            .filter_map(|chain| chain.first().cloned())
            .collect();
        let mut view = Self {
            subsystems: HashSet::new(),
            by_client: HashMap::new(),
            by_certificate: HashMap::new(),
            groups: HashMap::new(),
            anchors: Anchors::new(roots),
            authorities,
            stampers,
            directory,
        };
        view.index();
        Ok(view)
    }

    fn index(&mut self) {
        for group in &self.directory.groups {
            let members = self.groups.entry(group.code.clone()).or_default();
            members.extend(group.members.iter().cloned());
        }
        for member in &self.directory.members {
            self.subsystems.extend(
                member
                    .subsystems
                    .iter()
                    .map(|code| member.id.subsystem(code)),
            );
        }
        for (at, server) in self.directory.servers.iter().enumerate() {
            for client in &server.clients {
                self.by_client.entry(client.clone()).or_default().push(at);
            }
            for hash in &server.certificates {
                self.by_certificate.insert(hash.to_ascii_lowercase(), at);
            }
        }
    }

    /// The directory itself.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whether it may still be used at `now`.
    pub fn is_current(&self, now: Moment) -> bool {
        now < self.directory.expires_at
    }

    /// Whether a subsystem is registered.
    pub fn knows(&self, subsystem: &SubsystemId) -> bool {
        self.subsystems.contains(subsystem)
    }

    /// The servers on which a subsystem is registered.
    pub fn servers_of<'a>(
        &'a self,
        subsystem: &SubsystemId,
    ) -> impl Iterator<Item = &'a Server> + use<'a> {
        let places = self.by_client.get(subsystem).map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .filter_map(|&at| self.directory.servers.get(at))
    }

    /// The server that registered an authentication certificate, by its SHA-256.
    pub fn server_with(&self, certificate_sha256: &str) -> Option<&Server> {
        self.by_certificate
            .get(certificate_sha256)
            .and_then(|&at| self.directory.servers.get(at))
    }

    /// Whether a subsystem is in a group of an instance.
    pub fn in_group(&self, instance: &str, code: &str, subsystem: &SubsystemId) -> bool {
        self.directory.instance == instance
            && self
                .groups
                .get(code)
                .is_some_and(|members| members.contains(subsystem))
    }

    /// Whether the server with this certificate may speak for `subsystem`.
    pub fn speaks_for(&self, certificate_sha256: &str, subsystem: &SubsystemId) -> bool {
        self.server_with(certificate_sha256)
            .is_some_and(|server| server.clients.contains(subsystem))
    }

    /// The approved roots.
    pub fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Certificates of an approved authority besides its root, for building paths and checking OCSP.
    pub fn helpers(&self) -> impl Iterator<Item = &Certificate> {
        self.authorities
            .iter()
            .flat_map(|chain| chain.iter().skip(1))
    }

    /// The approved roots as certificates.
    pub fn roots(&self) -> impl Iterator<Item = &Certificate> {
        self.authorities.iter().filter_map(|chain| chain.first())
    }

    /// Address of the OCSP responder for certificates that `root` anchors.
    pub fn ocsp_url(&self, root: &Certificate) -> Option<&str> {
        let at = self.authorities.iter().position(|chain| {
            chain
                .first()
                .is_some_and(|known| known.sha256() == root.sha256())
        })?;
        self.directory
            .authorities
            .get(at)
            .map(|authority| authority.ocsp_url.as_str())
    }

    /// Addresses and certificates of time stampers.
    pub fn stampers(&self) -> &[(String, Certificate)] {
        &self.stampers
    }

    /// Name of a member, if it is known.
    pub fn name_of(&self, member: &MemberId) -> Option<&str> {
        self.directory
            .members
            .iter()
            .find(|known| known.id == *member)
            .map(|known| known.name.as_str())
    }
}

fn certificate(base64: &str) -> Result<Certificate, BadDirectory> {
    let der = BASE64
        .decode(base64.as_bytes())
        .map_err(|_| BadDirectory::Malformed("a certificate is not base64".to_owned()))?;
    Ok(Certificate::from_der(&der)?)
}

/// The directory that a node holds now; cloning shares it.
#[derive(Clone, Default)]
pub struct Held(Arc<RwLock<Option<Arc<View>>>>);

impl Held {
    /// The view, if there is one, expired or not.
    pub fn any(&self) -> Option<Arc<View>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The view, if it may still be used at `now`.
    pub fn current(&self, now: Moment) -> Option<Arc<View>> {
        self.any().filter(|view| view.is_current(now))
    }

    /// Takes a new view unless it is older than the one held.
    ///
    /// # Errors
    /// [`BadDirectory::Older`].
    pub fn take(&self, view: View) -> Result<(), BadDirectory> {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let (offered, serial) = (
            view.directory.serial,
            held.as_ref().map_or(0, |old| old.directory.serial),
        );
        if offered < serial {
            return Err(BadDirectory::Older {
                offered,
                held: serial,
            });
        }
        *held = Some(Arc::new(view));
        Ok(())
    }
}
