//! Who may call what: subjects, endpoints and access rights (PR-REST; facts section 3.2).
//!
//! A subject is a subsystem, a member itself, a group of the instance or a group of this body. An object is a service, whole or one
//! endpoint of it. Nothing is allowed unless a right covers it; there are no rights that forbid.

use std::fmt;
use std::str::FromStr;

use kernel::party::{decode_part, encode_part};
use kernel::{Party, ServiceId, SubsystemId};
use serde::{Deserialize, Serialize};

use super::message::METHODS;
use super::path::{GLOB_BYTES_MAX, NormalPath};

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One subsystem: `PE/GOB/1/licences`; or a member itself: `PE/GOB/1`, which is none of its subsystems.
    Client(Party),
    /// A group that the authority of an instance keeps: `global:PE/municipalities`.
    Global {
        /// The instance.
        instance: String,
        /// The group's code.
        code: String,
    },
    /// A group that this body keeps: `local:partners`.
    Local(String),
}

/// The text is no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected INSTANCE/CLASS/MEMBER, the same with /SUBSYSTEM, global:INSTANCE/GROUP or local:GROUP"
)]
pub struct BadSubject;

/// How the text of a global group begins. No identifier begins so: `:` is encoded in them.
pub const GLOBAL: &str = "global:";
/// How the text of a local group begins.
pub const LOCAL: &str = "local:";

impl From<SubsystemId> for Subject {
    fn from(client: SubsystemId) -> Self {
        Self::Client(client.into())
    }
}

impl From<Party> for Subject {
    fn from(client: Party) -> Self {
        Self::Client(client)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => client.fmt(f),
            Self::Global { instance, code } => {
                write!(f, "{GLOBAL}{}/{}", encode_part(instance), encode_part(code))
            }
            Self::Local(code) => write!(f, "{LOCAL}{}", encode_part(code)),
        }
    }
}

impl FromStr for Subject {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, BadSubject> {
        if let Some(group) = text.strip_prefix(GLOBAL) {
            let (instance, code) = group.split_once('/').ok_or(BadSubject)?;
            let part = |text: &str| decode_part(text).filter(|_| !text.contains('/'));
            return Ok(Self::Global {
                instance: part(instance).ok_or(BadSubject)?,
                code: part(code).ok_or(BadSubject)?,
            });
        }
        if let Some(code) = text.strip_prefix(LOCAL) {
            let code = decode_part(code).filter(|_| !code.contains('/'));
            return Ok(Self::Local(code.ok_or(BadSubject)?));
        }
        text.parse().map(Self::Client).map_err(|_| BadSubject)
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An endpoint of a service, as its description lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Verb in upper case, or `*`.
    pub method: String,
    /// Glob over the path below the service.
    pub path: String,
}

/// The text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a verb in upper case or *, and a path of at most {GLOB_BYTES_MAX} bytes that begins with / or is **"
)]
pub struct BadEndpoint;

impl Endpoint {
    /// The whole of a service.
    pub fn whole() -> Self {
        Self {
            method: "*".to_owned(),
            path: "**".to_owned(),
        }
    }

    /// Checks verb and path.
    ///
    /// # Errors
    /// [`BadEndpoint`].
    pub fn checked(self) -> Result<Self, BadEndpoint> {
        let method = self.method == "*" || METHODS.contains(&self.method.as_str());
        let path = self.path == "**" || self.path.starts_with('/');
        let plain = self.path.len() <= GLOB_BYTES_MAX && !self.path.chars().any(char::is_control);
        if method && path && plain {
            Ok(self)
        } else {
            Err(BadEndpoint)
        }
    }

    /// Whether this endpoint covers a request.
    pub fn covers(&self, method: &str, path: &NormalPath) -> bool {
        (self.method == "*" || self.method == method) && path.is_covered_by(&self.path)
    }

    /// Whether a right to this endpoint opens `other`, which may hold wildcards itself.
    pub fn opens(&self, other: &Self) -> bool {
        (self.method == "*" || self.method == other.method)
            && super::path::glob_matches(&self.path, &other.path)
    }
}

/// A right to an endpoint of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRight {
    /// Who.
    pub subject: Subject,
    /// To which service.
    pub service: ServiceId,
    /// Verb in upper case, or `*`.
    pub method: String,
    /// Glob over the path below the service.
    pub path: String,
}

impl AccessRight {
    /// A right of `subject` to the whole of `service`.
    pub fn whole(subject: impl Into<Subject>, service: ServiceId) -> Self {
        let Endpoint { method, path } = Endpoint::whole();
        Self {
            subject: subject.into(),
            service,
            method,
            path,
        }
    }

    /// To what the right is.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            method: self.method.clone(),
            path: self.path.clone(),
        }
    }
}

/// Codes that no service of a body may have: the metadata services answer under them (PR-MREST, PR-MESS).
pub const RESERVED: [&str; 4] = ["listMethods", "allowedMethods", "getOpenAPI", "getWsdl"];

/// Whether a service code belongs to a metadata service.
pub fn is_reserved(code: &str) -> bool {
    RESERVED.contains(&code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn subjects_read_back() {
        for text in [
            "PE/GOB/1",
            "PE/GOB/1/licences",
            "global:PE/municipalities",
            "global:PE/a%2Fb",
            "local:partners",
        ] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "PE/GOB",
            "global:PE",
            "global:PE/a/b",
            "local:",
            "local:a/b",
            "LOCAL:a",
        ] {
            assert_eq!(bad.parse::<Subject>(), Err(BadSubject), "{bad}");
        }
    }

    #[test]
    fn endpoints_name_verb_and_path() {
        let endpoint = |method: &str, path: &str| Endpoint {
            method: method.into(),
            path: path.into(),
        };
        let facts = NormalPath::parse("/facts").unwrap();
        assert!(endpoint("POST", "/facts").covers("POST", &facts));
        assert!(!endpoint("POST", "/facts").covers("GET", &facts));
        assert!(Endpoint::whole().covers("TRACE", &NormalPath::parse("").unwrap()));
        let other = NormalPath::parse("/facts/../admin").unwrap();
        assert!(!endpoint("POST", "/facts").covers("POST", &other));
        assert!(endpoint("*", "/pet/**").opens(&endpoint("GET", "/pet/*")));
        assert!(!endpoint("GET", "/pet/*").opens(&endpoint("*", "/pet/*")));
        for bad in [
            endpoint("get", "/a"),
            endpoint("GET", "a"),
            endpoint("GET", "/a\n"),
            endpoint("GET", &"/a".repeat(GLOB_BYTES_MAX)),
        ] {
            assert_eq!(bad.checked(), Err(BadEndpoint));
        }
    }

    proptest! {
        #[test]
        fn no_subsystem_looks_like_a_group(parts in proptest::collection::vec("\\PC{1,12}", 4)) {
            let client = kernel::MemberId::new(&parts[0], &parts[1], &parts[2]).subsystem(&parts[3]);
            let text = client.to_string();
            prop_assert!(!text.starts_with(GLOBAL) && !text.starts_with(LOCAL));
            prop_assert_eq!(text.parse::<Subject>(), Ok(Subject::from(client)));
        }
    }
}
