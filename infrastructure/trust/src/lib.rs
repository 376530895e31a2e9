//! Trust: keys, certificates, an authority, OCSP, time stamps, CMS and XAdES signatures, and the transparency log.
//!
//! `exchange`, `documents` and `identity` read this crate. It promises that whatever it calls verified (`Valid`,
//! `Good`, `Stamped`, `Signed`) is a value that only the verifier can make. It refuses to know what the signed bytes
//! mean, who may do what, or how a page looks. Every parser takes foreign bytes: it has limits and never panics.

pub mod asic;
pub mod asn1;
pub mod authority;
pub mod c14n;
pub mod ca;
pub mod ca_request;
pub mod cert;
pub mod cms;
mod cms_attributes;
pub mod error;
pub mod globalconf;
pub mod hashchain;
pub mod http;
pub mod keys;
mod keys_file;
pub mod log;
pub mod name;
pub mod ocsp;
mod ocsp_read;
pub mod path;
pub mod sigalg;
mod sql;
#[cfg(test)]
mod testing;
pub mod tsp;
pub mod xades;
pub mod xml;
pub mod zip;

pub use authority::Authority;
pub use ca::{Ca, Profile};
pub use cert::Certificate;
pub use error::TrustError;
pub use keys::{KeyStore, Passphrase, Signer};
pub use path::{Anchors, Valid};
pub use sigalg::Hash;
