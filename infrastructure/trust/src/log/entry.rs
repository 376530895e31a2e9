//! An entry: what is written into the log about one act, and the commitments that keep it free of personal data.
//!
//! Read by every crate that enters acts. The published bytes are canonical JSON (keys sorted, no spaces). Subject,
//! digest, note and identifier stand in them only as commitments under a random salt that stays in the store: whoever
//! gets the salt with a proof can check them, nobody can guess them from the public log. Kind and time are public.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use kernel::{Id, Moment};
use serde::{Deserialize, Serialize};

use super::merkle::{Hash, sha256};
use crate::error::TrustError;
use crate::keys::{Algorithm, Signer};
use crate::sigalg;

/// Characters of an entry's kind, for example `exchange.asked`.
pub const KIND_MAX: usize = 64;
/// Pairs of an entry's note: an entry names things, it doesn't carry them.
pub const NOTE_PAIRS_MAX: usize = 16;
/// Characters of a name in the note.
pub const NOTE_NAME_MAX: usize = 64;
/// Characters of a value in the note: identifiers, codes, short reasons.
pub const NOTE_VALUE_MAX: usize = 400;

/// A person or firm as the log's owner knows them: HMAC-SHA-256 of the number under the body's own secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(pub Hash);

/// The secret that makes pseudonyms; another body's pseudonyms of the same person have nothing in common with ours.
#[derive(Clone)]
pub struct PseudonymSecret(hmac::Key);

/// One act to be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened, for example `exchange.asked` or `case.decided`.
    pub kind: String,
    /// When.
    pub at: Moment,
    /// Whom it concerns.
    pub about: Option<Pseudonym>,
    /// SHA-256 of what proves it: a message container, a document, a request.
    pub digest: Hash,
    /// Codes and identifiers, never personal data.
    pub note: BTreeMap<String, String>,
}

/// Why an entry is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// The kind is empty, too long or has other characters than `a-z 0-9 . - _`.
    #[error("the entry's kind is not a short code")]
    Kind,
    /// Too many pairs, or a pair too long.
    #[error("the entry's note is longer than its limits")]
    Note,
    /// The bytes are not of an entry.
    #[error("the bytes are not an entry")]
    Shape,
}

/// The published form, field names in the order of the alphabet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Commitment to the pseudonym.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<String>,
    /// RFC 3339 with milliseconds.
    pub at: String,
    /// Commitment to the digest.
    pub digest: String,
    /// Commitment to the entry's identifier: whoever knows the identifier itself got it from the body, and may ask for
    /// the proof with it.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// Commitment to the note's canonical JSON.
    pub note: String,
    /// Version of this form: 1.
    pub v: u32,
}

impl Pseudonym {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        HEXLOWER
            .decode(text.as_bytes())
            .ok()?
            .try_into()
            .ok()
            .map(Self)
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PseudonymSecret {
    /// The secret from 32 bytes that this body keeps encrypted.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The secret derived from an Ed25519 key kept for this alone: its signatures are repeatable and nobody sees them.
    ///
    /// # Errors
    /// Another kind of key (whose signatures would differ each time), or one that can't sign now.
    pub fn from_signer(signer: &Signer) -> Result<Self, TrustError> {
        if signer.algorithm() != Algorithm::Ed25519 {
            return Err(TrustError::Unsupported {
                what: "key for pseudonyms",
            });
        }
        let made = signer.sign(b"tambo log pseudonyms, version 1", sigalg::Hash::Sha512)?;
        Ok(Self::new(&sha256(&made)))
    }

    /// The pseudonym of a national number.
    pub fn pseudonym(&self, subject: &str) -> Pseudonym {
        Pseudonym(tag(&self.0, &[subject.as_bytes()]))
    }
}

impl fmt::Debug for PseudonymSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymSecret")
    }
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> Hash {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context
        .sign()
        .as_ref()
        .try_into()
        .expect("HMAC-SHA-256 gives 32 bytes")
}

/// The commitment to `value` in the role `label`: HMAC-SHA-256 under the salt over `label`, a zero byte and the value.
pub fn commitment(salt: &[u8], label: &str, value: &[u8]) -> String {
    commitment_under(&hmac::Key::new(hmac::HMAC_SHA256, salt), label, value)
}

fn commitment_under(key: &hmac::Key, label: &str, value: &[u8]) -> String {
    HEXLOWER.encode(&tag(key, &[label.as_bytes(), &[0], value]))
}

impl Entry {
    /// An act of `kind` at `at`, proved by what has this `digest`.
    pub fn new(kind: impl Into<String>, at: Moment, digest: Hash) -> Self {
        Self {
            kind: kind.into(),
            at,
            about: None,
            digest,
            note: BTreeMap::new(),
        }
    }

    /// Whom it concerns.
    #[must_use]
    pub fn about(mut self, pseudonym: Pseudonym) -> Self {
        self.about = Some(pseudonym);
        self
    }

    /// Adds a code or identifier.
    #[must_use]
    pub fn note(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.note.insert(name.into(), value.into());
        self
    }

    /// The note as canonical JSON.
    pub fn note_text(&self) -> String {
        serde_json::to_string(&self.note).expect("text always serialises")
    }

    /// The published form under `salt`.
    pub fn leaf(&self, id: Id, salt: &Hash) -> Result<Leaf, EntryFault> {
        self.leaf_with(id, salt, &self.note_text())
    }

    /// As [`Entry::leaf`], with the note's text at hand.
    pub(super) fn leaf_with(&self, id: Id, salt: &Hash, note: &str) -> Result<Leaf, EntryFault> {
        let sign = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
        if self.kind.is_empty() || self.kind.len() > KIND_MAX || !self.kind.bytes().all(sign) {
            return Err(EntryFault::Kind);
        }
        let short = |(name, value): (&String, &String)| {
            name.chars().count() <= NOTE_NAME_MAX && value.chars().count() <= NOTE_VALUE_MAX
        };
        if self.note.len() > NOTE_PAIRS_MAX || !self.note.iter().all(short) {
            return Err(EntryFault::Note);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        let committed = |label: &str, value: &[u8]| commitment_under(&key, label, value);
        Ok(Leaf {
            about: self.about.map(|about| committed("about", &about.0)),
            at: self.at.iso(),
            digest: committed("digest", &self.digest),
            id: committed("id", id.to_string().as_bytes()),
            kind: self.kind.clone(),
            note: committed("note", note.as_bytes()),
            v: 1,
        })
    }
}

impl Leaf {
    /// The bytes that are hashed into the tree.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers always serialise")
    }

    /// Reads bytes of an entry; anything but the canonical form is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryFault> {
        let leaf: Self = serde_json::from_slice(bytes).map_err(|_| EntryFault::Shape)?;
        let timed = Moment::parse_iso(&leaf.at).is_some_and(|at| at.iso() == leaf.at);
        let canonical = leaf.v == 1 && timed && leaf.bytes() == bytes;
        canonical.then_some(leaf).ok_or(EntryFault::Shape)
    }

    /// When the act happened.
    pub fn at(&self) -> Moment {
        Moment::parse_iso(&self.at).unwrap_or_default()
    }

    /// Whether `digest` is what this entry commits to under `salt`.
    pub fn commits_to_digest(&self, salt: &[u8], digest: &[u8]) -> bool {
        self.digest == commitment(salt, "digest", digest)
    }

    /// Whether `id` is the identifier that this entry commits to under `salt`.
    pub fn commits_to_id(&self, salt: &[u8], id: &str) -> bool {
        self.id == commitment(salt, "id", id.as_bytes())
    }

    /// Whether `text` is the canonical JSON of the note that this entry commits to under `salt`.
    pub fn commits_to_note(&self, salt: &[u8], text: &str) -> bool {
        self.note == commitment(salt, "note", text.as_bytes())
    }

    /// Whether `about` is what this entry commits to under `salt`; `None` if it concerns nobody.
    pub fn commits_to_about(&self, salt: &[u8], about: Option<&[u8]>) -> bool {
        self.about == about.map(|about| commitment(salt, "about", about))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{SeededChance, SetClock};

    use super::*;

    fn sample() -> (Entry, Id) {
        let clock = SetClock::at(Moment(1_795_437_845_123_456));
        let secret = PseudonymSecret::new(&[7; 32]);
        let entry = Entry::new("exchange.asked", Moment(1_795_437_845_123_456), [1; 32])
            .about(secret.pseudonym("12345678"))
            .note("purpose", "licence")
            .note("case", "EXP-2026-000001");
        (entry, Id::new(&clock, &SeededChance::new(1)))
    }

    #[test]
    fn the_published_form_is_canonical_and_names_nobody() {
        let (entry, id) = sample();
        let bytes = entry.leaf(id, &[9; 32]).unwrap().bytes();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(
            text.starts_with("{\"about\":\"") && text.ends_with(",\"v\":1}"),
            "{text}"
        );
        assert!(!text.contains("EXP-2026") && !text.contains("purpose"));
        assert!(
            !text.contains(&id.to_string()),
            "who knows the identifier may fetch the proof"
        );
        assert!(!text.contains("12345678") && !text.contains(&"01".repeat(32)));
        assert!(!text.contains(&entry.about.unwrap().to_string()));
        let leaf = Leaf::parse(&bytes).unwrap();
        assert!(leaf.commits_to_digest(&[9; 32], &[1; 32]));
        assert!(!leaf.commits_to_digest(&[8; 32], &[1; 32]));
        assert!(leaf.commits_to_about(&[9; 32], Some(&entry.about.unwrap().0)));
        assert!(!leaf.commits_to_about(&[9; 32], None));
        let note = "{\"case\":\"EXP-2026-000001\",\"purpose\":\"licence\"}";
        assert!(leaf.commits_to_note(&[9; 32], note) && !leaf.commits_to_note(&[9; 32], "{}"));
        assert_eq!(leaf.at().iso(), "2026-11-23T12:44:05.123Z");
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        let (entry, id) = sample();
        let text = String::from_utf8(entry.leaf(id, &[9; 32]).unwrap().bytes()).unwrap();
        for wrong in [
            text.replace(":1}", ": 1}"),
            text.replace(":1}", ":2}"),
            text.replace("\"kind\"", "\"kinds\""),
            text.replace("2026-11-23T", "2026-11-23 "),
            text.replace(",\"v\":1}", ",\"v\":1,\"w\":1}"),
            String::new(),
        ] {
            assert_eq!(
                Leaf::parse(wrong.as_bytes()),
                Err(EntryFault::Shape),
                "{wrong}"
            );
        }
    }

    #[test]
    fn limits_are_kept() {
        let (entry, id) = sample();
        let leaf = |entry: Entry| entry.leaf(id, &[9; 32]).map(|leaf| leaf.bytes().len());
        assert_eq!(
            leaf(Entry {
                kind: "Asked by Ana".into(),
                ..entry.clone()
            }),
            Err(EntryFault::Kind)
        );
        assert_eq!(
            leaf(Entry {
                kind: String::new(),
                ..entry.clone()
            }),
            Err(EntryFault::Kind)
        );
        let long = "x".repeat(NOTE_VALUE_MAX + 1);
        assert_eq!(leaf(entry.clone().note("a", long)), Err(EntryFault::Note));
        let many = (0..=NOTE_PAIRS_MAX).fold(entry.clone(), |e, n| e.note(n.to_string(), ""));
        assert_eq!(leaf(many), Err(EntryFault::Note));
        let full = (0..NOTE_PAIRS_MAX).fold(Entry::new("a", entry.at, [0; 32]), |e, n| {
            e.note(format!("{n:064}"), "\u{1f600}".repeat(NOTE_VALUE_MAX))
        });
        // Even the largest entry fits the two length bytes of a bundle.
        assert!(leaf(full).unwrap() < usize::from(u16::MAX));
    }

    #[test]
    fn the_secret_of_a_key_is_always_the_same() {
        let signer = Signer::ephemeral("log-pseudonyms", Algorithm::Ed25519).unwrap();
        let made = || {
            PseudonymSecret::from_signer(&signer)
                .unwrap()
                .pseudonym("12345678")
        };
        assert_eq!(made(), made());
        let other = Signer::ephemeral("log-pseudonyms", Algorithm::Ed25519).unwrap();
        assert_ne!(
            made(),
            PseudonymSecret::from_signer(&other)
                .unwrap()
                .pseudonym("12345678")
        );
        let wrong = Signer::ephemeral("log-pseudonyms", Algorithm::P256).unwrap();
        assert!(PseudonymSecret::from_signer(&wrong).is_err());
    }

    #[test]
    fn bodies_share_no_pseudonyms() {
        let (one, two) = (
            PseudonymSecret::new(&[1; 32]),
            PseudonymSecret::new(&[2; 32]),
        );
        assert_ne!(one.pseudonym("12345678"), two.pseudonym("12345678"));
        let known = one.pseudonym("12345678");
        assert_eq!(Pseudonym::parse(&known.to_string()), Some(known));
    }
}
