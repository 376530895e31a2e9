//! Signed notes of C2SP signed-note (v1.0.0): text under one or more Ed25519 signatures, and the keys that verify it.
//!
//! Read by checkpoints, witnesses and proofs. Promises that a note's text leaves this file only after a signature of
//! a trusted key held; refuses control characters, odd base64, more signatures than the limit, and a trusted key's
//! signature that fails, even beside others that hold.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};

use super::merkle::sha256;
use crate::error::TrustError;
use crate::keys::Signer;
use crate::sigalg::{Hash, KeyKind};

/// Bytes of a whole note; a checkpoint with 16 cosignatures has about 3 kB.
pub const NOTE_MAX: usize = 64 * 1024;
/// Signatures of one note; the specification demands at least 16.
pub const SIGNATURES_MAX: usize = 64;
/// Bytes of a key name; names are host names with a path.
pub const NAME_MAX: usize = 255;

const DASH: &str = "\u{2014} ";

/// The signature types that this house uses, by their identifier byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// `0x01`: Ed25519 over the note's text.
    Note,
    /// `0x04`: Ed25519 checkpoint cosignature with a time (C2SP tlog-cosignature v1.0.1).
    Cosignature,
}

/// Why a note or a key can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// Not of the note format.
    #[error("the note is malformed: {0}")]
    Malformed(&'static str),
    /// Not a verifier key that this house can use.
    #[error("the verifier key is malformed: {0}")]
    BadKey(&'static str),
    /// A trusted key's signature doesn't hold.
    #[error("the signature of {0} does not hold")]
    BadSignature(String),
    /// No trusted key signed.
    #[error("no trusted key signed the note")]
    Unsigned,
    /// The key could not sign.
    #[error("the key could not sign")]
    CannotSign,
}

impl SignatureKind {
    /// The identifier byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A public key with its name: what a reader must trust beforehand.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: SignatureKind,
    public: [u8; 32],
}

/// Makes an Ed25519 signature over the given bytes; `None` if the key is out of reach.
pub type SignFn = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// A private key with its name.
#[derive(Clone)]
pub struct NoteKey {
    verifier: VerifierKey,
    sign: SignFn,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// The key's identifier: first four bytes of a hash over name, type and key.
    pub key_id: u32,
    /// What the key made; its shape depends on the type.
    pub bytes: Vec<u8>,
}

/// A parsed note of which nothing has been verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl VerifierKey {
    /// A key by its parts; the name may hold neither spaces nor `+`.
    pub fn new(name: &str, kind: SignatureKind, public: [u8; 32]) -> Result<Self, NoteFault> {
        if !is_name(name) {
            return Err(NoteFault::BadKey("name"));
        }
        Ok(Self {
            name: name.to_owned(),
            kind,
            public,
        })
    }

    /// Reads `<name>+<hex id>+<base64 of type and key>`.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteFault::BadKey("three parts"));
        };
        let bytes = BASE64
            .decode(key.as_bytes())
            .map_err(|_| NoteFault::BadKey("base64"))?;
        let (kind, public) = match bytes.split_first() {
            Some((1, public)) => (SignatureKind::Note, public),
            Some((4, public)) => (SignatureKind::Cosignature, public),
            _ => return Err(NoteFault::BadKey("type")),
        };
        let public = public.try_into().map_err(|_| NoteFault::BadKey("length"))?;
        let key = Self::new(name, kind, public)?;
        if HEXLOWER.encode(&key.id().to_be_bytes()) != id {
            return Err(NoteFault::BadKey("identifier"));
        }
        Ok(key)
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The 32 bytes of RFC 8032.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// `SHA-256(name || 0x0A || type || key)[:4]`.
    pub fn id(&self) -> u32 {
        let mut input = self.name.clone().into_bytes();
        input.extend_from_slice(&[b'\n', self.kind.byte()]);
        input.extend_from_slice(&self.public);
        let [a, b, c, d, ..] = sha256(&input);
        u32::from_be_bytes([a, b, c, d])
    }

    /// Whether this key made `signature` according to its name and identifier.
    pub fn claims(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.key_id == self.id()
    }

    /// Whether `signature` is this key's Ed25519 signature over `message`.
    pub fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.id(), BASE64.encode(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl NoteKey {
    /// The private key of `verifier`, reached through `sign`.
    pub fn new(verifier: VerifierKey, sign: SignFn) -> Self {
        Self { verifier, sign }
    }

    /// The key `signer` holds, which must be Ed25519, under `name`.
    ///
    /// # Errors
    /// Another kind of key, or a name that can't stand in a note.
    pub fn from_signer(name: &str, kind: SignatureKind, signer: Signer) -> Result<Self, NoteFault> {
        let public = match KeyKind::of_spki(signer.spki_der()) {
            Ok((KeyKind::Ed25519, bits)) => bits.try_into().ok(),
            _ => None,
        };
        let public = public.ok_or(NoteFault::BadKey("not Ed25519"))?;
        let verifier = VerifierKey::new(name, kind, public)?;
        let sign = move |message: &[u8]| -> Result<Vec<u8>, TrustError> {
            signer.sign(message, Hash::Sha512)
        };
        Ok(Self::new(
            verifier,
            Arc::new(move |message| sign(message).ok()),
        ))
    }

    /// The same key under another name.
    pub(super) fn renamed(&self, name: &str) -> Result<Self, NoteFault> {
        let VerifierKey { kind, public, .. } = self.verifier;
        let verifier = VerifierKey::new(name, kind, public)?;
        Ok(Self {
            verifier,
            sign: self.sign.clone(),
        })
    }

    /// What verifies this key's signatures.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// An Ed25519 signature over `message` as it is.
    pub(super) fn raw(&self, message: &[u8]) -> Result<Vec<u8>, NoteFault> {
        (self.sign)(message)
            .filter(|made| made.len() == 64)
            .ok_or(NoteFault::CannotSign)
    }

    /// A signature line over a note's `text`.
    pub fn sign(&self, text: &str) -> Result<Signature, NoteFault> {
        let bytes = self.raw(text.as_bytes())?;
        Ok(Signature {
            name: self.verifier.name.clone(),
            key_id: self.verifier.id(),
            bytes,
        })
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteKey({})", self.verifier)
    }
}

impl fmt::Display for Signature {
    /// The line with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        writeln!(f, "{DASH}{} {}", self.name, BASE64.encode(&bytes))
    }
}

impl Signature {
    /// Reads a line without its newline.
    pub fn parse(line: &str) -> Result<Self, NoteFault> {
        let rest = line
            .strip_prefix(DASH)
            .ok_or(NoteFault::Malformed("signature line"))?;
        let (name, base64) = rest
            .split_once(' ')
            .ok_or(NoteFault::Malformed("signature line"))?;
        let bytes = BASE64
            .decode(base64.as_bytes())
            .map_err(|_| NoteFault::Malformed("base64"))?;
        match bytes.split_first_chunk::<4>() {
            Some((id, made)) if is_name(name) && !made.is_empty() => Ok(Self {
                name: name.to_owned(),
                key_id: u32::from_be_bytes(*id),
                bytes: made.to_vec(),
            }),
            _ => Err(NoteFault::Malformed("signature line")),
        }
    }

    /// Reads lines that each end in a newline, such as a witness answers with.
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, NoteFault> {
        let body = text
            .strip_suffix('\n')
            .ok_or(NoteFault::Malformed("last newline"))?;
        let signatures: Result<Vec<_>, _> = body
            .split('\n')
            .take(SIGNATURES_MAX + 1)
            .map(Self::parse)
            .collect();
        signatures.and_then(|list| {
            let few = list.len() <= SIGNATURES_MAX;
            few.then_some(list)
                .ok_or(NoteFault::Malformed("too many signatures"))
        })
    }
}

impl Note {
    /// A note over `text`, which must end in a newline, under these signatures.
    pub fn new(text: String, signatures: Vec<Signature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a whole note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteFault> {
        if bytes.len() > NOTE_MAX {
            return Err(NoteFault::Malformed("too long"));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteFault::Malformed("UTF-8"))?;
        if whole.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteFault::Malformed("control character"));
        }
        let gap = whole
            .rfind("\n\n")
            .ok_or(NoteFault::Malformed("no empty line"))?;
        let (text, lines) = (&whole[..=gap], &whole[gap + 2..]);
        Ok(Self {
            text: text.to_owned(),
            signatures: Signature::parse_lines(lines)?,
        })
    }

    /// The text, of which nothing is verified.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// All signature lines, in order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a signature unless the same key's line is there already; then that one is replaced.
    pub fn add(&mut self, signature: Signature) {
        let same = |old: &Signature| old.name == signature.name && old.key_id == signature.key_id;
        self.signatures.retain(|old| !same(old));
        self.signatures.push(signature);
    }

    /// The text, if `key` signed it (type `0x01`) and every line that claims to be of `key` holds.
    pub fn verified_text(&self, key: &VerifierKey) -> Result<&str, NoteFault> {
        let mut lines = self
            .signatures
            .iter()
            .filter(|line| key.claims(line))
            .peekable();
        if lines.peek().is_none() {
            return Err(NoteFault::Unsigned);
        }
        if lines.all(|line| key.holds(self.text.as_bytes(), &line.bytes)) {
            Ok(&self.text)
        } else {
            Err(NoteFault::BadSignature(key.name.clone()))
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| fmt::Display::fmt(signature, f))
    }
}

fn is_name(name: &str) -> bool {
    let short = !name.is_empty() && name.len() <= NAME_MAX;
    short
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
pub(super) mod testing {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    /// A key whose seed is `seed` repeated; for tests only.
    pub fn key(name: &str, kind: SignatureKind, seed: u8) -> NoteKey {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        let verifier = VerifierKey::new(name, kind, public).unwrap();
        NoteKey::new(
            verifier,
            Arc::new(move |message| Some(pair.sign(message).as_ref().to_vec())),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::key;
    use super::*;

    /// The worked example of the C2SP signed-note text.
    const EXAMPLE_KEY: &str =
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const EXAMPLE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies() {
        let key = VerifierKey::parse(EXAMPLE_KEY).unwrap();
        assert_eq!(key.to_string(), EXAMPLE_KEY);
        let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(
            note.verified_text(&key),
            Ok("This is an example message.\n")
        );
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let key = VerifierKey::parse(EXAMPLE_KEY).unwrap();
        for at in 0..EXAMPLE.len() {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            bytes[at] ^= 1;
            let verdict =
                Note::parse(&bytes).and_then(|note| note.verified_text(&key).map(str::to_owned));
            assert!(verdict.is_err(), "byte {at}");
        }
    }

    #[test]
    fn malformed_notes_and_keys_are_refused() {
        let line = "\u{2014} a AAAAAAA=\n";
        assert!(Note::parse(format!("text\n\n{line}").as_bytes()).is_ok());
        for wrong in [
            "text\n".to_owned(),
            format!("text\n{line}"),
            "text\n\n".to_owned(),
            format!("text\r\n\n{line}"),
            format!("text\n\n{}", line.trim_end()),
            format!("text\n\n{}", line.replace("\u{2014}", "-")),
            format!("text\n\n{}", line.replace(" a ", " a+b ")),
            format!("text\n\n{}", line.replace("AAAAAAA=", "AAAA")),
            format!("text\n\n{}", line.replace("AAAAAAA=", "AAAAAAA")),
            format!("text\n\n{}", line.repeat(SIGNATURES_MAX + 1)),
            format!("{}\n\n{line}", "x".repeat(NOTE_MAX)),
        ] {
            assert!(Note::parse(wrong.as_bytes()).is_err(), "{wrong:.80}");
        }
        let altered = EXAMPLE_KEY.replace("530d903a", "530d903b");
        for wrong in [
            "",
            "a+b",
            "a+00000000+",
            "a b+530d903a+AAAA",
            altered.as_str(),
        ] {
            assert!(VerifierKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_trusted_keys_broken_line_spoils_the_note() {
        let (one, other) = (
            key("a", SignatureKind::Note, 1),
            key("b", SignatureKind::Note, 2),
        );
        let text = "hello\n".to_owned();
        let good = one.sign(&text).unwrap();
        let mut broken = good.clone();
        broken.bytes[7] ^= 1;
        let note = Note::new(text.clone(), vec![other.sign(&text).unwrap(), good.clone()]);
        assert!(note.verified_text(one.verifier()).is_ok());
        let stranger = key("a", SignatureKind::Note, 3);
        assert_eq!(
            note.verified_text(stranger.verifier()),
            Err(NoteFault::Unsigned)
        );
        let spoiled = Note::new(text, vec![good, broken]);
        assert_eq!(
            spoiled.verified_text(one.verifier()),
            Err(NoteFault::BadSignature("a".into()))
        );
    }

    proptest! {
        #[test]
        fn notes_read_back(text in "[a-zA-Z0-9 ñ\n]{0,200}", seed in 0_u8..255) {
            let key = key("tambo.example/log", SignatureKind::Note, seed);
            let text = format!("{text}\n");
            let note = Note::new(text.clone(), vec![key.sign(&text).expect("signs")]);
            let again = Note::parse(note.to_string().as_bytes()).expect("parses");
            prop_assert_eq!(&again, &note);
            prop_assert_eq!(again.verified_text(key.verifier()), Ok(text.as_str()));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Note::parse(&bytes);
            let _ = VerifierKey::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
