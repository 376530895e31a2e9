//! What a body may apply for, as the text that it signs.

use kernel::{Moment, ServerId};
use serde::{Deserialize, Serialize};

/// Most subsystems that one application names: a ministry has some dozens.
pub const SUBSYSTEMS_MAX: usize = 64;

/// An application: one wish of one server, for one authority. Its digest is its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Hex of the pinned key of the authority that it is for; another authority refuses it.
    pub authority: String,
    /// When it was made, by the applicant's clock.
    pub at: Moment,
    /// Random text, so that no two applications are alike.
    pub nonce: String,
    /// The server that applies.
    pub server: ServerId,
    /// What for.
    pub wish: Wish,
}

/// What is applied for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wish {
    /// To become a member with this server; signed by the two keys of the requests.
    Join {
        /// The link's name.
        link: String,
        /// The body's name.
        name: String,
        /// Subsystem codes.
        subsystems: Vec<String>,
        /// `host:port` for other servers.
        address: String,
        /// Certificate requests.
        requests: Requests,
        /// The verifier key of the body's transparency log, which the witness is to cosign.
        log: String,
    },
    /// Another address of the server.
    Address {
        /// `host:port`.
        address: String,
    },
    /// A further subsystem, served by this server.
    Subsystem {
        /// Its code.
        code: String,
    },
    /// A subsystem that is not served any more.
    SubsystemRemoval {
        /// Its code.
        code: String,
    },
    /// Maintenance begins or ends.
    Maintenance {
        /// Whether it begins.
        on: bool,
        /// What people are told.
        notice: String,
    },
    /// New certificates, before the old ones end.
    Certificates {
        /// Certificate requests.
        requests: Requests,
    },
    /// An earlier application is taken back.
    Withdrawal {
        /// Its number.
        number: String,
    },
}

/// Certificate requests (PKCS#10): base64 of DER.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// For TLS between servers.
    pub auth: String,
    /// For messages.
    pub sign: String,
    /// For the body's seal on documents.
    pub seal: String,
}

impl Wish {
    /// A short word for lists, settings and log entries.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Join { .. } => "join",
            Self::Address { .. } => "address",
            Self::Subsystem { .. } => "subsystem",
            Self::SubsystemRemoval { .. } => "subsystem-removal",
            Self::Maintenance { .. } => "maintenance",
            Self::Certificates { .. } => "certificates",
            Self::Withdrawal { .. } => "withdrawal",
        }
    }

    /// The certificate requests, if it brings any.
    pub const fn requests(&self) -> Option<&Requests> {
        match self {
            Self::Join { requests, .. } | Self::Certificates { requests } => Some(requests),
            _ => None,
        }
    }
}
