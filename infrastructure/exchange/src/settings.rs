//! Settings of a body's exchange node. Each has a default that is safe on a small machine and a slow line.
//!
//! Read by `tambo` from the body's settings file and by tests. It refuses unknown keys.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kernel::MemberId;
use serde::{Deserialize, Serialize};

use crate::archive::ArchiveSettings;
use crate::body::SpoolRoom;
use crate::deliver::{DeliverSettings, TopicSettings};
use crate::domain::codes::Spelling;
use crate::guard::GuardSettings;

/// How a system shows that it may speak for a subsystem (PR-REST; X-Road's connection types).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// Not at all: plain HTTP, and HTTPS too.
    Http,
    /// HTTPS, with no certificate of the system's.
    Https,
    /// HTTPS with one of the certificates listed.
    #[default]
    Mutual,
}

/// Which systems may speak for a subsystem.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemAccess {
    /// How they show it.
    #[serde(default)]
    pub authentication: Authentication,
    /// SHA-256 (lower-case hex) of the certificates that count.
    #[serde(default)]
    pub certificates: Vec<String>,
}

/// How messages are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signatures {
    /// Messages that wait for the key at the same moment share a signature.
    #[default]
    Batch,
    /// Every message has its own.
    Single,
}

/// Where and how a body exchanges messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The member that this node belongs to, for example `PE/GOB/20131380951`.
    pub member: MemberId,
    /// The member's own code for this server.
    #[serde(default = "default_server")]
    pub server: String,
    /// Where other nodes reach this one; X-Road's port is 5500.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Whether TLS 1.2 with X-Road's suites is spoken with peers that can't speak TLS 1.3. Needed in an ecosystem with
    /// X-Road servers; off where every node is a tambo.
    #[serde(default)]
    pub legacy_tls: bool,
    /// Whether many messages share one line with nodes that know how (`docs/protocols/shared-line.md`); with others, and if
    /// this is off, each has a connection of its own while it is under way.
    #[serde(default = "default_shared_lines")]
    pub shared_lines: bool,
    /// Where the body's own information systems send `/r1/...`; keep it on loopback. None means they can't.
    #[serde(default)]
    pub systems_listen: Option<SocketAddr>,
    /// Where they send it over HTTPS; X-Road's port is 8443.
    #[serde(default)]
    pub systems_tls_listen: Option<SocketAddr>,
    /// How the systems of each subsystem (by code) show who they are. A subsystem that is not listed takes no system
    /// but one with a certificate, and it has none.
    #[serde(default)]
    pub systems: BTreeMap<String, SystemAccess>,
    /// How systems show that they may speak for the member itself, where a client has no subsystem.
    #[serde(default)]
    pub member_systems: Option<SystemAccess>,
    /// Where load balancers ask whether this node works; any path. None means nowhere.
    #[serde(default)]
    pub health_listen: Option<SocketAddr>,
    /// The instance's configuration anchor, the text of the file that the authority hands out: where the configuration
    /// is had and whose signature counts. Without it nobody is known.
    #[serde(default)]
    pub anchor: String,
    /// The certificates (PEM) that vouch for the authority's https pages: OCSP, time stamps. None means the authorities of
    /// the public web.
    #[serde(default)]
    pub authority_ca: Option<String>,
    /// Spelling of error codes: `snake` (X-Road 7.8 and later) or `dotted`.
    #[serde(default)]
    pub spelling: Spelling,
    /// Whether messages that leave at the same moment share a signature (`batch`, X-Road's mechanism; under little load
    /// each has its own), or each is always signed alone (`single`).
    #[serde(default)]
    pub signatures: Signatures,
    /// Largest body of a message, in bytes.
    #[serde(default = "default_body")]
    pub body_bytes_max: usize,
    /// Largest body that the journal keeps, in bytes; of larger ones it keeps the digest. X-Road's limit is ten MiB.
    #[serde(default = "default_body")]
    pub logged_body_bytes_max: usize,
    /// Folder for large bodies while they are under way; the files have no names. None means the system's own.
    #[serde(default)]
    pub spool_folder: Option<PathBuf>,
    /// How long a whole exchange may take, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// How long one read or write may stand still before the peer counts as gone, in seconds.
    #[serde(default = "default_stall")]
    pub stall_seconds: u64,
    /// Most connections from other nodes at the same time.
    #[serde(default = "default_connections")]
    pub connections_max: usize,
    /// Most requests of the body's own systems in work at the same time; others wait in order.
    #[serde(default = "default_places")]
    pub places: usize,
    /// Where X-Road servers fetch the OCSP responses of this node's certificates, over plain HTTP; their port is 5577. None
    /// means they can't, and then they don't believe this node's certificate.
    #[serde(default)]
    pub ocsp_listen: Option<SocketAddr>,
    /// Where X-Road servers hand out theirs.
    #[serde(default = "default_ocsp_port")]
    pub ocsp_port: u16,
    /// How long the server of a provider that answered first is preferred to its others, in seconds; 0 for a new race
    /// each time.
    #[serde(default = "default_fastest")]
    pub fastest_server_seconds: u64,
    /// Oldest OCSP response that is accepted, in seconds (X-Road's `ocspFreshnessSeconds`).
    #[serde(default = "default_freshness")]
    pub ocsp_freshness_seconds: i64,
    /// Pause between two batches of time stamps, in seconds.
    #[serde(default = "default_stamp")]
    pub stamp_every_seconds: u64,
    /// With a message this old (in seconds) still without time stamp, no new ones are taken; 0 for no such limit.
    #[serde(default = "default_grace")]
    pub stamp_grace_seconds: i64,
    /// How far local time is ahead of UTC, in minutes; computed facts such as 'over 18' count local days.
    #[serde(default)]
    pub utc_offset_minutes: i64,
    /// Limits of disk and clock.
    #[serde(default)]
    pub guard: GuardSettings,
    /// Codes of subsystems whose messages are logged without what was said: only `x-road-*` headers and the path up to the
    /// service stay. Their containers can't be verified.
    #[serde(default)]
    pub body_log_off: Vec<String>,
    /// Archives of the message log.
    #[serde(default)]
    pub archive: ArchiveSettings,
    /// Limits of what waits for delivery.
    #[serde(default)]
    pub deliver: DeliverSettings,
    /// The topics that this body publishes, by name.
    #[serde(default)]
    pub topics: BTreeMap<String, TopicSettings>,
}

fn default_server() -> String {
    "s1".to_owned()
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 5500))
}

/// Ten MiB, X-Road's own limit for bodies in the message log.
fn default_body() -> usize {
    10 * 1024 * 1024
}

/// A registry on a satellite line answers within this.
fn default_timeout() -> u64 {
    30
}

/// Longer silence inside one message means that the line is gone.
fn default_stall() -> u64 {
    10
}

const fn default_shared_lines() -> bool {
    true
}

/// At most about 20 MiB of buffers with small bodies.
fn default_connections() -> usize {
    1_000
}

/// What keeps a processor busy while exchanges wait for the disk and for each other; more would fill memory alone.
const PLACES_PER_PROCESSOR: usize = 64;

fn default_places() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    PLACES_PER_PROCESSOR * processors
}

fn default_ocsp_port() -> u16 {
    crate::status::PEER_PORT
}

/// X-Road's period.
fn default_fastest() -> u64 {
    3_600
}

fn default_freshness() -> i64 {
    3_600
}

fn default_stamp() -> u64 {
    60
}

/// Four hours, as X-Road's `acceptable-timestamp-failure-period`.
fn default_grace() -> i64 {
    4 * 3_600
}

impl Settings {
    /// The settings of `member` with every default; `anchor` is the text of the instance's anchor.
    pub fn new(member: MemberId, anchor: &str) -> Self {
        Self {
            member,
            server: default_server(),
            listen: default_listen(),
            legacy_tls: false,
            shared_lines: default_shared_lines(),
            systems_listen: None,
            systems_tls_listen: None,
            systems: BTreeMap::new(),
            member_systems: None,
            health_listen: None,
            anchor: anchor.to_owned(),
            authority_ca: None,
            spelling: Spelling::default(),
            signatures: Signatures::default(),
            body_bytes_max: default_body(),
            logged_body_bytes_max: default_body(),
            spool_folder: None,
            timeout_seconds: default_timeout(),
            stall_seconds: default_stall(),
            connections_max: default_connections(),
            places: default_places(),
            ocsp_listen: None,
            ocsp_port: default_ocsp_port(),
            fastest_server_seconds: default_fastest(),
            ocsp_freshness_seconds: default_freshness(),
            stamp_every_seconds: default_stamp(),
            stamp_grace_seconds: default_grace(),
            utc_offset_minutes: 0,
            guard: GuardSettings::default(),
            archive: ArchiveSettings::default(),
            body_log_off: Vec::new(),
            deliver: DeliverSettings::default(),
            topics: BTreeMap::new(),
        }
    }

    /// Where large bodies lie while they are under way, and how large bodies may be.
    pub fn spool_room(&self) -> SpoolRoom {
        let folder = self.spool_folder.clone().unwrap_or_else(std::env::temp_dir);
        SpoolRoom::new(&folder, self.body_bytes_max)
    }

    /// How long a whole exchange may take, besides what the size of its bodies allows.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.max(1))
    }

    /// How long a service's own system may take: what its operator set, or the node's own limit.
    pub fn service_time(&self, seconds: Option<i64>) -> Duration {
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.map_or(self.timeout(), Duration::from_secs)
    }

    /// How long one read or write may stand still.
    pub fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_seconds.max(1))
    }
}
