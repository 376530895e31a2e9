//! XAdES signatures in X-Road's profile: making them byte by byte, and verifying any conforming one.
//!
//! `exchange` signs and verifies messages with it, `asic` containers. [`sign`] writes text that is canonical already,
//! so nothing is parsed to sign; [`verify`] is general and trusts no layout. What [`verify`] proves is the signature
//! alone ([`VerifiedSignature`]): who the certificate belongs to, and when, is decided with the global configuration.

pub mod algorithm;
mod form;
mod known;
pub mod message;
mod sign;
mod stamp;
#[cfg(test)]
mod tests;
mod verify;
#[cfg(test)]
mod wrapping;

pub use known::KnownSigners;
pub use sign::{DataReference, Identity, SignInput, add_time_stamp, sign};
pub use stamp::SignatureTimeStamp;
pub use verify::{SignedReference, VerifiedSignature, XadesError, verify};

/// XML Signature.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XAdES 1.3.2.
pub const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
/// The container of signatures in an ASiC, as X-Road and older ETSI texts name it.
pub const ASIC: &str = "http://uri.etsi.org/02918/v1.2.1#";
/// Type of the reference to the signed properties.
pub const SIGNED_PROPERTIES_TYPE: &str = "http://uri.etsi.org/01903#SignedProperties";
