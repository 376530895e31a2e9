//! What the authority answers, under its key: a body, and a signed note over its digest and the asker's own number.
//!
//! Read by the applicant's side. It promises that an opened answer comes from the pinned authority and was made for this
//! very question; it refuses an answer to another question, so nobody can play yesterday's answer again.

use data_encoding::BASE64;
use kernel::Fault;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trust::log::note::Note;
use trust::log::{NoteKey, VerifierKey};

use super::sha256;

/// Largest answer read, in bytes: a card with its anchor, or an approval with three chains, has under 40 kB.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// First line of the note; it keeps signatures over other notes apart.
const HEAD: &str = "tambo register v1";

/// SHA-256 of the authority's verifier key: all that a body must trust beforehand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// The answer on the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The authority's verifier key, which the pin is of.
    pub key: String,
    /// The signed note.
    pub note: String,
    /// The exact JSON text that the note is about.
    pub body: String,
}

/// Why an answer is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// Not the form of an answer.
    #[error("the answer is not one of an authority: {0}")]
    Shape(String),
    /// Another key than the link's.
    #[error(
        "the authority's key is not the one of the link: something answers in its place, or it was founded anew"
    )]
    OtherKey,
    /// The signature doesn't hold, or is over something else.
    #[error("the authority's signature does not fit the answer, or it answers another question")]
    Signature,
}

impl Pin {
    /// A pin from its bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The pin of a key.
    pub fn of(key: &VerifierKey) -> Self {
        Self(sha256(key.to_string().as_bytes()))
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::hex(&self.0))
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pin({self})")
    }
}

fn note_text(nonce: &str, body: &str) -> String {
    let digest = BASE64.encode(&sha256(body.as_bytes()));
    format!("{HEAD}\nfor {nonce}\nsha256 {digest}\n")
}

/// Whether `nonce` can stand in a note: 16 to 64 lower-case letters and digits.
pub fn is_nonce(nonce: &str) -> bool {
    let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    (16..=64).contains(&nonce.len()) && nonce.bytes().all(fits)
}

/// Seals `body` with the authority's key as the answer to the question `nonce`.
///
/// # Errors
/// The key can't sign now.
pub fn seal(key: &NoteKey, nonce: &str, body: &impl Serialize) -> Result<Sealed, Fault> {
    let body = serde_json::to_string(body).map_err(Fault::internal)?;
    let text = note_text(nonce, &body);
    let signature = key.sign(&text).map_err(Fault::internal)?;
    Ok(Sealed {
        key: key.verifier().to_string(),
        note: Note::new(text, vec![signature]).to_string(),
        body,
    })
}

/// Opens an answer of the authority that `pin` names, made for the question `nonce`.
///
/// # Errors
/// [`BadAnswer`].
pub fn open<T: DeserializeOwned>(text: &str, pin: &Pin, nonce: &str) -> Result<T, BadAnswer> {
    let shape = |cause: &dyn std::fmt::Display| BadAnswer::Shape(cause.to_string());
    if text.len() > ANSWER_BYTES_MAX {
        return Err(shape(&"too large"));
    }
    let sealed: Sealed = serde_json::from_str(text).map_err(|e| shape(&e))?;
    let key = VerifierKey::parse(&sealed.key).map_err(|e| shape(&e))?;
    if Pin::of(&key) != *pin {
        return Err(BadAnswer::OtherKey);
    }
    let note = Note::parse(sealed.note.as_bytes()).map_err(|e| shape(&e))?;
    let signed = note.verified_text(&key).map_err(|_| BadAnswer::Signature)?;
    if signed != note_text(nonce, &sealed.body) {
        return Err(BadAnswer::Signature);
    }
    serde_json::from_str(&sealed.body).map_err(|e| shape(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trust::Signer;
    use trust::keys::Algorithm;
    use trust::log::SignatureKind;

    fn key() -> NoteKey {
        let signer = Signer::ephemeral("register", Algorithm::Ed25519).expect("a key");
        NoteKey::from_signer("pe/register", SignatureKind::Note, signer).expect("a note key")
    }

    #[test]
    fn another_key_another_question_and_another_text_are_refused() {
        let (authority, thief) = (key(), key());
        let pin = Pin::of(authority.verifier());
        let nonce = "a".repeat(32);
        let text = |sealed: &Sealed| serde_json::to_string(sealed).expect("JSON");
        let sealed = seal(&authority, &nonce, &"yes").expect("sealed");
        assert_eq!(
            open::<String>(&text(&sealed), &pin, &nonce),
            Ok("yes".to_owned())
        );
        assert_eq!(
            open::<String>(&text(&sealed), &pin, "other"),
            Err(BadAnswer::Signature)
        );

        let mut changed = sealed.clone();
        changed.body = "\"no\"".to_owned();
        assert_eq!(
            open::<String>(&text(&changed), &pin, &nonce),
            Err(BadAnswer::Signature)
        );

        let stolen = seal(&thief, &nonce, &"no").expect("sealed");
        assert_eq!(
            open::<String>(&text(&stolen), &pin, &nonce),
            Err(BadAnswer::OtherKey)
        );
        // The right key beside the thief's signature.
        let mut mixed = stolen;
        mixed.key = sealed.key;
        assert_eq!(
            open::<String>(&text(&mixed), &pin, &nonce),
            Err(BadAnswer::Signature)
        );
    }
}
