//! The directory of an instance: members, their servers, and whom to trust for certificates, OCSP and time stamps.
//!
//! Made from a global configuration that was found genuine (`configuration`), and read by everybody who asks, answers
//! or judges. It promises look-ups that cost the same with ten members and with ten thousand, and never goes back to an
//! older edition.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use data_encoding::HEXLOWER;
use kernel::{MemberId, Moment, SubsystemId};
pub use trust::globalconf::Server;
use trust::globalconf::{
    Distribution, FileEntry, GlobalConfError, Member, PRIVATE_PARAMETERS, Party, PrivateParams,
    Profile, SHARED_PARAMETERS, SharedParams, Version,
};
use trust::{Anchors, Certificate, Hash};

/// The port of nodes whose address names none (X-Road's server to server port).
pub const NODE_PORT: u16 = 5500;

/// Why a configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadDirectory {
    /// Not readable, not genuine, or over.
    #[error(transparent)]
    Configuration(#[from] GlobalConfError),
    /// It is of another instance than the anchor.
    #[error("the configuration is of {found}, the anchor of {expected}")]
    Instance {
        /// The instance of the anchor.
        expected: String,
        /// The instance found.
        found: String,
    },
    /// A file that the signed directory must name is not there.
    #[error("the configuration lacks {0}")]
    Lacks(&'static str),
    /// Older than what this node holds.
    #[error("the configuration of {offered} is older than the one held, of {held}")]
    Older {
        /// When the one offered was made, or ends.
        offered: Moment,
        /// When the one held was made, or ends.
        held: Moment,
    },
    /// This node was given no anchor.
    #[error("there is no configuration anchor")]
    NoAnchor,
    /// No source gave a configuration; the last one's reason.
    #[error("no source gave a configuration: {0}")]
    Away(String),
}

/// Lower-case hex of SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Hash::Sha256.digest(bytes))
}

/// One edition, found genuine.
pub struct Edition {
    /// The signed directory, as it came.
    pub signed: Vec<u8>,
    /// What it says.
    pub distribution: Distribution,
    /// Its files, if they are not those of the edition held.
    pub files: Option<Files>,
}

/// The files of an edition.
pub struct Files {
    /// The shared parameters.
    pub shared: Vec<u8>,
    /// The private parameters, which only an internal configuration has.
    pub private: Option<Vec<u8>>,
}

/// A directory made ready for look-ups.
pub struct View {
    distribution: Distribution,
    table: Arc<Table>,
}

/// What does not change while the files are the same.
struct Table {
    digest: Vec<u8>,
    params: SharedParams,
    private: Option<PrivateParams>,
    members: HashMap<MemberId, usize>,
    subsystems: HashMap<SubsystemId, Option<String>>,
    by_client: HashMap<SubsystemId, Vec<usize>>,
    by_member: HashMap<MemberId, Vec<usize>>,
    by_certificate: HashMap<Vec<u8>, Vec<usize>>,
    groups: HashMap<String, HashSet<Party>>,
    anchors: Anchors,
    signing_anchors: Anchors,
    stamp_anchors: Anchors,
    helpers: Vec<Certificate>,
    stampers: Vec<(String, Certificate)>,
}

impl View {
    /// Reads an edition's files.
    ///
    /// # Errors
    /// A file is not readable.
    pub fn new(distribution: Distribution, files: &Files) -> Result<Self, BadDirectory> {
        let version = distribution.version();
        let params = SharedParams::read(&files.shared, version)?;
        let private = files.private.as_deref();
        let private = private.map(|file| PrivateParams::read(file, version));
        let mut table = Table::new(params, private.transpose()?);
        table.digest = Hash::Sha256.digest(&files.shared);
        Ok(Self {
            distribution,
            table: Arc::new(table),
        })
    }

    /// The same files under a new signature.
    pub fn renewed(&self, distribution: Distribution) -> Self {
        Self {
            distribution,
            table: self.table.clone(),
        }
    }

    /// Whether `other` signs the very files that this directory was made of.
    pub fn has_files_of(&self, other: &Distribution) -> bool {
        let instance = self.instance();
        let same = |name| {
            let own = self
                .distribution
                .file(name, instance)
                .map(FileEntry::digest);
            own == other.file(name, instance).map(FileEntry::digest)
        };
        self.version() == other.version() && same(SHARED_PARAMETERS) && same(PRIVATE_PARAMETERS)
    }

    /// The shared parameters. Servers' addresses have a port.
    pub fn params(&self) -> &SharedParams {
        &self.table.params
    }

    /// The private parameters, if the source gave them.
    pub fn private(&self) -> Option<&PrivateParams> {
        self.table.private.as_ref()
    }

    /// The version of its files.
    pub fn version(&self) -> Version {
        self.distribution.version()
    }

    /// The instance.
    pub fn instance(&self) -> &str {
        &self.table.params.instance
    }

    /// What stands for the contents: the same files have the same, whenever they were signed.
    pub fn digest(&self) -> &[u8] {
        &self.table.digest
    }

    /// When it was made, if the source tells.
    pub fn published_at(&self) -> Option<Moment> {
        self.distribution.generated_at()
    }

    /// From when on it must not be used.
    pub fn expires_at(&self) -> Moment {
        self.distribution.expires_at()
    }

    /// Whether it may still be used at `now`.
    pub fn is_current(&self, now: Moment) -> bool {
        now <= self.expires_at()
    }

    /// Whether a subsystem is registered.
    pub fn knows(&self, subsystem: &SubsystemId) -> bool {
        self.table.subsystems.contains_key(subsystem)
    }

    /// Whether a client is registered: a subsystem, or a member itself.
    pub fn knows_client(&self, client: &Party) -> bool {
        match client {
            Party::Member(id) => self.table.members.contains_key(id),
            Party::Subsystem(id) => self.knows(id),
        }
    }

    /// A member.
    pub fn member(&self, member: &MemberId) -> Option<&Member> {
        let at = self.table.members.get(member)?;
        self.table.params.members.get(*at)
    }

    /// Name of a member, if it is known.
    pub fn name_of(&self, member: &MemberId) -> Option<&str> {
        Some(&self.member(member)?.name)
    }

    /// Name of a subsystem, if it has one.
    pub fn subsystem_name(&self, subsystem: &SubsystemId) -> Option<&str> {
        self.table.subsystems.get(subsystem)?.as_deref()
    }

    /// Whether a client is in a group of an instance; a member's subsystems are not, because the member itself is.
    pub fn in_group(&self, instance: &str, code: &str, client: &Party) -> bool {
        let known = self
            .table
            .groups
            .get(code)
            .filter(|_| instance == self.instance());
        known.is_some_and(|members| members.contains(client))
    }

    /// The servers on which a subsystem is registered; those in maintenance say so in their row.
    pub fn servers_of<'a>(
        &'a self,
        subsystem: &SubsystemId,
    ) -> impl Iterator<Item = &'a Server> + use<'a> {
        let places = self.table.by_client.get(subsystem);
        let places = places.map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .filter_map(|&at| self.table.params.servers.get(at))
    }

    /// The servers that registered an authentication certificate; nearly always one.
    fn places_of(&self, certificate: &Certificate) -> &[usize] {
        let known = &self.table.by_certificate;
        let found = known.get(&certificate.sha256()[..]);
        // Version 2 names certificates by SHA-1 alone.
        let old = self.version() == Version::V2;
        let found = found.or_else(|| old.then(|| known.get(&certificate.sha1()[..])).flatten());
        found.map_or(&[], Vec::as_slice)
    }

    /// A server that registered an authentication certificate.
    pub fn server_with(&self, certificate: &Certificate) -> Option<&Server> {
        let at = self.places_of(certificate).first()?;
        self.table.params.servers.get(*at)
    }

    /// Whether a server with this certificate serves `provider`.
    pub fn serves(&self, certificate: &Certificate, provider: &SubsystemId) -> bool {
        self.is_at(certificate, self.table.by_client.get(provider))
    }

    /// Whether a server with this certificate may speak for `client`. For a member itself its own servers may, and those
    /// on which it is registered as client (X-Road's `SharedParametersCache` counts owners as clients).
    pub fn speaks_for(&self, certificate: &Certificate, client: &Party) -> bool {
        match client {
            Party::Member(id) => self.is_at(certificate, self.table.by_member.get(id)),
            Party::Subsystem(id) => self.serves(certificate, id),
        }
    }

    fn is_at(&self, certificate: &Certificate, places: Option<&Vec<usize>>) -> bool {
        let own = self.places_of(certificate);
        places.is_some_and(|places| places.iter().any(|at| own.contains(at)))
    }

    /// The approved roots.
    pub fn anchors(&self) -> &Anchors {
        &self.table.anchors
    }

    /// The approved authorities that may certify signatures, intermediates too.
    pub fn signing_anchors(&self) -> &Anchors {
        &self.table.signing_anchors
    }

    /// The certificates of approved time stampers, each an anchor by itself.
    pub fn stamp_anchors(&self) -> &Anchors {
        &self.table.stamp_anchors
    }

    /// How the authority names members, of which this is the SHA-256 of the top certificate or of an intermediate; none
    /// if it may not certify signatures.
    pub fn profile_of(&self, anchor: &[u8; 32]) -> Option<&Profile> {
        let known = self.table.params.authorities.iter().find(|authority| {
            let mut issuers = authority.issuers();
            !authority.authentication_only
                && issuers.any(|known| known.certificate.sha256() == *anchor)
        })?;
        Some(&known.profile)
    }

    /// Certificates of approved authorities besides their roots, for building paths and checking OCSP.
    pub fn helpers(&self) -> impl Iterator<Item = &Certificate> {
        self.table.helpers.iter()
    }

    /// The approved roots as certificates.
    pub fn roots(&self) -> impl Iterator<Item = &Certificate> {
        self.table.anchors.certificates().iter()
    }

    /// Addresses of the OCSP responders for certificates that `issuer` issued, in the configuration's order.
    pub fn ocsp_urls(&self, issuer: &Certificate) -> impl Iterator<Item = &str> {
        let authorities = self.table.params.authorities.iter();
        let mut issuers =
            authorities.flat_map(|known| std::iter::once(&known.top).chain(&known.intermediates));
        let found = issuers.find(|known| known.certificate == *issuer);
        let responders = found.into_iter().flat_map(|known| &known.responders);
        responders.map(|one| one.url.as_str())
    }

    /// Addresses and certificates of time stampers.
    pub fn stampers(&self) -> &[(String, Certificate)] {
        &self.table.stampers
    }
}

impl Table {
    fn new(mut params: SharedParams, private: Option<PrivateParams>) -> Self {
        for server in &mut params.servers {
            server.address = with_port(&server.address);
        }
        let tops = params.authorities.iter();
        let tops = tops.map(|known| known.top.certificate.clone()).collect();
        let helpers = params.authorities.iter().flat_map(|known| {
            let between = known
                .intermediates
                .iter()
                .map(|one| one.certificate.clone());
            between.chain(known.responder_certificates())
        });
        let stampers: Vec<_> = params
            .stampers
            .iter()
            .map(|known| (known.url.clone(), known.certificate.clone()))
            .collect();
        let units = stampers.iter().map(|(_, unit)| unit.clone()).collect();
        let mut table = Self {
            digest: Vec::new(),
            anchors: Anchors::new(tops),
            signing_anchors: params.signing_anchors(),
            stamp_anchors: Anchors::new(units),
            helpers: helpers.collect(),
            stampers,
            members: HashMap::new(),
            subsystems: HashMap::new(),
            by_client: HashMap::new(),
            by_member: HashMap::new(),
            by_certificate: HashMap::new(),
            groups: HashMap::new(),
            params,
            private,
        };
        table.index();
        table
    }

    fn index(&mut self) {
        for (at, member) in self.params.members.iter().enumerate() {
            self.members.insert(member.id.clone(), at);
            for subsystem in &member.subsystems {
                let id = member.id.subsystem(&subsystem.code);
                self.subsystems.insert(id, subsystem.name.clone());
            }
        }
        for (at, server) in self.params.servers.iter().enumerate() {
            let owner = server.id.owner.clone();
            self.by_member.entry(owner).or_default().push(at);
            for client in &server.clients {
                let places = match client.clone() {
                    Party::Member(id) => self.by_member.entry(id).or_default(),
                    Party::Subsystem(id) => self.by_client.entry(id).or_default(),
                };
                places.push(at);
            }
            for hash in &server.auth_cert_hashes {
                let places = self.by_certificate.entry(hash.clone());
                places.or_default().push(at);
            }
        }
        for group in &self.params.groups {
            let members = group.members.iter().cloned().collect();
            self.groups.insert(group.code.clone(), members);
        }
    }
}

/// X-Road's addresses have no port; ours may.
fn with_port(address: &str) -> String {
    let bare = address.trim_matches(['[', ']']);
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return format!("[{bare}]:{NODE_PORT}");
    }
    let port = address
        .rsplit_once(':')
        .map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) => address.to_owned(),
        _ if address.is_empty() => String::new(),
        _ => format!("{address}:{NODE_PORT}"),
    }
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
        if let Some(old) = held.as_ref()
            && view.distribution.is_older_than(&old.distribution)
        {
            let moment = |view: &View| view.published_at().unwrap_or(view.expires_at());
            return Err(BadDirectory::Older {
                offered: moment(&view),
                held: moment(old),
            });
        }
        *held = Some(Arc::new(view));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_x_roads_port() {
        for (given, used) in [
            ("ss1", "ss1:5500"),
            ("ss1:6500", "ss1:6500"),
            ("10.0.0.1", "10.0.0.1:5500"),
            ("::1", "[::1]:5500"),
            ("[::1]", "[::1]:5500"),
            ("[::1]:7", "[::1]:7"),
            ("", ""),
        ] {
            assert_eq!(with_port(given), used);
        }
    }
}
