//! What an application is, what a link holds, which names fit: types and pure decisions, no I/O and no clock.
//!
//! Read by the stories, by the applicant's side (`join`) and by fuzzers. It promises that a [`Heard`] application was
//! signed by the keys it names; it refuses to know what the register holds.

pub mod application;
pub mod envelope;
pub mod link;
pub mod names;
pub mod sealed;

pub use application::{Application, Requests, Wish};
pub use envelope::{BadApplication, Envelope, Heard};
pub use link::{BadLink, Link};
pub use sealed::{BadAnswer, Pin, Sealed};

use data_encoding::{BASE32_NOPAD, HEXLOWER, Specification};
use trust::Hash;

/// Feeds any bytes to every reader of this crate; for fuzzers and property tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::parse(bytes) {
        let _ = envelope.hear();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Link::parse(text);
        let _ = names::address(text);
        let pin = Pin::new([0; 32]);
        let _ = sealed::open::<serde_json::Value>(text, &pin, "nonce");
    }
}

/// Bytes of a digest that two people compare: 80 bits, beyond the reach of whoever would search for another
/// application with the same ones while the link is good.
const COMPARED_BYTES: usize = 10;

/// What both screens show: four groups of four from an alphabet without I, L, O and U.
pub fn compared(digest: &[u8]) -> String {
    let mut alphabet = Specification::new();
    alphabet
        .symbols
        .push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    let encoding = alphabet
        .encoding()
        .expect("32 different letters are an alphabet");
    let text = encoding.encode(&digest[..COMPARED_BYTES.min(digest.len())]);
    let groups: Vec<&str> = (0..text.len())
        .step_by(4)
        .map(|from| &text[from..(from + 4).min(text.len())])
        .collect();
    groups.join("-")
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Lower-case base32 without padding: short, and safe in addresses.
pub(crate) fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// Reads `base32`.
pub(crate) fn from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32_NOPAD
        .decode(text.to_ascii_uppercase().as_bytes())
        .ok()
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Hash::Sha256
        .digest(bytes)
        .try_into()
        .expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_compare_is_short_and_differs_with_the_first_bit() {
        let digest = sha256(b"x");
        let text = compared(&digest);
        assert_eq!(text.len(), 19);
        let mut other = digest;
        other[0] ^= 0x80;
        assert_ne!(compared(&other), text);
        assert!(!text.contains(['I', 'L', 'O', 'U']));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            fuzz(&bytes);
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC{0,200}") {
            fuzz(text.as_bytes());
            let wrapped = serde_json::json!({ "application": text, "signatures": [] }).to_string();
            fuzz(wrapped.as_bytes());
        }
    }
}
