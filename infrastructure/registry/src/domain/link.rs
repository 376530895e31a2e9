//! The join link: where the authority is, a right to apply once, and the fingerprint that pins the authority's key.
//!
//! `ORIGIN/join#ID.SECRET.FINGERPRINT`, each part in base32. Everything after `#` stays with whoever holds the link: a
//! browser doesn't send it, and the program shows that it knows the secret by a keyed digest over its application, so the
//! secret never crosses the network and never stands in a log.

use aws_lc_rs::{constant_time, hmac};

use super::{Pin, base32, from_base32};

/// Bytes of a link's name: enough to be told apart, too few for anything else.
pub const ID_BYTES: usize = 10;
/// Bytes of the secret: 160 random bits.
pub const SECRET_BYTES: usize = 20;
/// Longest link that is read, in bytes: an origin of 255 and the parts.
const LINK_BYTES_MAX: usize = 512;

/// A join link. Its `Debug` form keeps the secret to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Scheme, host and port of the authority's pages.
    pub origin: String,
    /// Names the link.
    pub id: String,
    /// Whoever knows it may apply.
    pub secret: Vec<u8>,
    /// The authority's key.
    pub pin: Pin,
}

/// Not a join link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a join link: copy it whole, from http to the last letter")]
pub struct BadLink;

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({} at {})", self.id, self.origin)
    }
}

impl std::fmt::Display for Link {
    /// The whole link with its secret: for the one who asked for it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (secret, pin) = (base32(&self.secret), base32(self.pin.bytes()));
        write!(f, "{}/join#{}.{secret}.{pin}", self.origin, self.id)
    }
}

impl Link {
    /// Reads a link as a person pasted it.
    ///
    /// # Errors
    /// [`BadLink`].
    pub fn parse(text: &str) -> Result<Self, BadLink> {
        let text = text.trim();
        if text.len() > LINK_BYTES_MAX {
            return Err(BadLink);
        }
        let (place, rest) = text.split_once('#').ok_or(BadLink)?;
        let origin = place.strip_suffix("/join").ok_or(BadLink)?;
        let host = ["http://", "https://"]
            .iter()
            .find_map(|scheme| origin.strip_prefix(scheme));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', ' ', '?', '@'])) {
            return Err(BadLink);
        }
        let parts: Vec<&str> = rest.split('.').collect();
        let [id, secret, pin] = parts[..] else {
            return Err(BadLink);
        };
        let sized = |text: &str, bytes: usize| from_base32(text).filter(|b| b.len() == bytes);
        let id_bytes = sized(id, ID_BYTES).ok_or(BadLink)?;
        let pin = sized(pin, 32).and_then(|pin| pin.try_into().ok());
        Ok(Self {
            origin: origin.to_owned(),
            id: base32(&id_bytes),
            secret: sized(secret, SECRET_BYTES).ok_or(BadLink)?,
            pin: Pin::new(pin.ok_or(BadLink)?),
        })
    }
}

/// What shows that whoever made `application` knows the link's secret: HMAC-SHA-256 in hex.
pub fn proof(secret: &[u8], application: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut context = hmac::Context::with_key(&key);
    context.update(b"tambo join v1\n");
    context.update(application.as_bytes());
    super::hex(context.sign().as_ref())
}

/// Whether `shown` is the proof, compared in constant time.
pub fn holds(secret: &[u8], application: &str, shown: &str) -> bool {
    let expected = proof(secret, application);
    constant_time::verify_slices_are_equal(expected.as_bytes(), shown.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            origin: "http://127.0.0.1:8070".to_owned(),
            id: base32(&[1; ID_BYTES]),
            secret: vec![2; SECRET_BYTES],
            pin: Pin::new([3; 32]),
        }
    }

    #[test]
    fn a_link_reads_back_and_its_debug_form_hides_the_secret() {
        let link = link();
        assert_eq!(Link::parse(&format!(" {link}\n")), Ok(link.clone()));
        assert!(!format!("{link:?}").contains(&base32(&link.secret)));
        let whole = link.to_string();
        for bad in [
            whole[..whole.len() - 1].to_owned(),
            whole.replace("/join", "/"),
            whole.replace("http://", "ftp://"),
            whole.replace("127.0.0.1", "user@127.0.0.1"),
            whole.replace('#', "?"),
            format!("{whole}.x"),
        ] {
            assert_eq!(Link::parse(&bad), Err(BadLink), "{bad}");
        }
    }

    #[test]
    fn a_proof_is_of_one_application() {
        let secret = link().secret;
        let shown = proof(&secret, "a");
        assert!(holds(&secret, "a", &shown));
        assert!(
            !holds(&secret, "b", &shown)
                && !holds(&[9; 20], "a", &shown)
                && !holds(&secret, "a", "")
        );
    }
}
