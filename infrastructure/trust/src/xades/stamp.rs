//! The time stamps inside a signature, and what their imprints may cover.

use crate::sigalg::Hash;

/// A SignatureTimeStamp found in a signature; verifying the token is the time stamp module's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureTimeStamp {
    /// The RFC 3161 token (DER).
    pub token: Vec<u8>,
    /// The bytes it may be over: the value itself (X-Road), and the canonical SignatureValue element (XAdES 1.3.2
    /// section 7.3), in this order.
    pub candidates: Vec<Vec<u8>>,
}

impl SignatureTimeStamp {
    /// Whether an imprint made with `hash` covers the signature value in one of the two readings.
    pub fn covers(&self, hash: Hash, imprint: &[u8]) -> bool {
        self.candidates
            .iter()
            .any(|bytes| hash.digest(bytes) == imprint)
    }
}
