//! X-Road's global configuration, versions 2 to 6: whom an ecosystem trusts, who its members are, where they stand.
//!
//! Source: X-Road PR-GCONF. Read by the exchange's client, by the authority that publishes, and by whoever verifies
//! containers. [`Distribution`] is what a source signed, found genuine under one of the keys that the reader was given;
//! [`SharedParams`] and [`PrivateParams`] are typed values of its files; [`write`] makes all of it. It refuses document
//! types, everything that a version's grammar does not have, and whatever is larger than stated.

mod grammar;
mod mime;
mod model;
mod private;
mod profile;
mod shared;
mod signed;
#[cfg(test)]
mod tests;
pub mod verification;
pub mod write;

pub use model::{
    Acme, Anchor, AnchorSource, Authority, Cost, CsrFormat, Group, Issuer, MEMBER_CLASS_FORM,
    Maintenance, Management, Member, MemberClass, OCSP_FRESHNESS_SECONDS, Party, PrivateParams,
    Responder, Server, SharedParams, Source, Stamper, Subsystem, VerificationKey,
};
pub use profile::Profile;
pub use signed::{Distribution, FileEntry, PRIVATE_PARAMETERS, SHARED_PARAMETERS};

/// A version of the configuration's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u8);

impl Version {
    /// The oldest that is read and written: SHA-1 digests of certificates, no sources.
    pub const V2: Self = Self(2);
    /// Sources with their keys, SHA-256, ACME (X-Road 7.4).
    pub const V3: Self = Self(3);
    /// ACME profiles (X-Road 7.5).
    pub const V4: Self = Self(4);
    /// Names of subsystems, maintenance (X-Road 7.7).
    pub const V5: Self = Self(5);
    /// Costs, form of certificate requests (X-Road 7.8).
    pub const V6: Self = Self(6);
    /// All of them, newest first: the order in which a client asks.
    pub const ALL: [Self; 5] = [Self::V6, Self::V5, Self::V4, Self::V3, Self::V2];

    /// The version with this number.
    pub fn of(number: u64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| u64::from(known.0) == number)
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a configuration is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobalConfError {
    /// Not in the form of its version, or beyond a limit.
    #[error("the configuration is not readable: {0}")]
    Malformed(String),
    /// No key that is trusted for this source signed it, or it was changed.
    #[error("the configuration's signature does not hold: {0}")]
    Signature(String),
    /// Its time is over.
    #[error("the configuration expired at {0}")]
    Expired(kernel::Moment),
    /// A file is not the one that the directory names.
    #[error("the file {0} is not the one that was signed")]
    OtherFile(String),
    /// It can't be written in this form.
    #[error("the configuration can't be written: {0}")]
    Unwritable(String),
}

pub(crate) fn bad(what: impl std::fmt::Display) -> GlobalConfError {
    GlobalConfError::Malformed(what.to_string())
}

/// Feeds any bytes to the readers of this module; for fuzzers and the mutating tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    let keys = Anchor::read(bytes).map(|anchor| anchor.sources[0].keys.clone());
    let _ = Distribution::verify(bytes, &keys.unwrap_or_default(), kernel::Moment(0));
    for version in Version::ALL {
        let _ = PrivateParams::read(bytes, version);
        // What is read can be written, and is read again as the same.
        if let Ok(params) = SharedParams::read(bytes, version)
            && let Ok(text) = params.to_xml(version)
        {
            let again = SharedParams::read(text.as_bytes(), version);
            assert_eq!(again.map(|params| params.members), Ok(params.members));
        }
    }
    let _ = verification::read(&[("PE/shared-params.xml.metadata".to_owned(), bytes.to_vec())]);
}
