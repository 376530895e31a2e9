//! The proof of one entry as a file (C2SP tlog-proof), and its verification without any network.
//!
//! Read by pages that hand a proof to a citizen and by whoever verifies it. The `extra` line carries the entry's own
//! bytes and the salt of its commitments, so that the file and the trusted keys suffice. Promises that a `Confirmed`
//! exists only after every step held; refuses files beyond the limits before looking at any signature.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use kernel::Moment;
use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, cosigned_at, parse_hash};
use super::entry::{EntryFault, Leaf};
use super::merkle::{Hash, PROOF_MAX, ProofFault, leaf_hash, verify_inclusion};
use super::note::{NOTE_MAX, Note, NoteFault, VerifierKey};
use super::tiles::number;

/// First line of every proof.
pub const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// Bytes of a proof file: the note's limit, 63 hashes and an entry of at most 64 KiB in base64.
pub const PROOF_FILE_MAX: usize = NOTE_MAX + 192 * 1024;

/// The proof that an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// The entry's place.
    pub index: u64,
    /// The entry's published bytes.
    pub leaf: Vec<u8>,
    /// Salt of the entry's commitments.
    pub salt: Vec<u8>,
    /// Digest of what the entry is about.
    pub digest: Vec<u8>,
    /// The entry's note as canonical JSON.
    pub told: String,
    /// Hashes from the leaf's sibling up.
    pub path: Vec<Hash>,
    /// The checkpoint with all its signatures.
    pub note: Note,
}

/// Which logs and witnesses a reader trusts beforehand.
#[derive(Clone, Debug, Default)]
pub struct LogTrust {
    /// Keys of logs; a key's name is its log's origin.
    pub logs: Vec<VerifierKey>,
    /// Keys of witnesses.
    pub witnesses: Vec<VerifierKey>,
    /// How many of them must have cosigned.
    pub cosignatures: usize,
}

impl LogTrust {
    /// The trusted keys of the log `origin`; a successor's are those of the first log of its line.
    pub fn keys_of(&self, origin: &str) -> Vec<VerifierKey> {
        self.logs
            .iter()
            .filter_map(|key| key.under(origin)?.ok())
            .collect()
    }
}

/// What a verified proof says. Only `ProofFile::verify` makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    origin: String,
    index: u64,
    size: u64,
    leaf: Leaf,
    told: BTreeMap<String, String>,
    digest: Vec<u8>,
    cosigned: Vec<(String, Moment)>,
}

/// Which step of the verification failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileFault {
    /// Not a proof file, or damaged at this line (1 is the first).
    #[error("line {line} is not what a log proof has there: {what}")]
    Format {
        /// Line number from 1.
        line: usize,
        /// What is expected.
        what: &'static str,
    },
    /// The checkpoint's note is malformed or its signatures don't hold.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteFault),
    /// The log isn't one that the reader trusts.
    #[error("the log {0} is not a trusted one")]
    UnknownLog(String),
    /// Fewer witnesses cosigned than the reader demands.
    #[error("{found} trusted witnesses cosigned, {needed} are needed")]
    Cosignatures {
        /// How many did.
        found: usize,
        /// How many must.
        needed: usize,
    },
    /// The entry isn't under the checkpoint's root.
    #[error("the entry is not in the log at this place: {0}")]
    Inclusion(#[from] ProofFault),
    /// The entry's bytes aren't an entry.
    #[error("{0}")]
    Entry(#[from] EntryFault),
    /// The digest isn't the one that the entry commits to.
    #[error("the entry does not speak of this digest")]
    Digest,
    /// The note isn't the one that the entry commits to.
    #[error("the entry does not say this")]
    Told,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    digest: String,
    leaf: String,
    note: String,
    salt: String,
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = Extra {
            digest: HEXLOWER.encode(&self.digest),
            leaf: String::from_utf8_lossy(&self.leaf).into_owned(),
            note: self.told.clone(),
            salt: HEXLOWER.encode(&self.salt),
        };
        let extra = serde_json::to_vec(&extra).map_err(|_| fmt::Error)?;
        writeln!(
            f,
            "{MAGIC}\nextra {}\nindex {}",
            BASE64.encode(&extra),
            self.index
        )?;
        self.path
            .iter()
            .try_for_each(|hash| writeln!(f, "{}", BASE64.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

impl ProofFile {
    /// Reads a proof file; nothing in it is verified yet.
    ///
    /// # Errors
    /// The first line that isn't as it should be.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileFault> {
        let bad = |line, what| ProofFileFault::Format { line, what };
        if bytes.len() > PROOF_FILE_MAX {
            return Err(bad(1, "a shorter file"));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            bad(
                1 + before.iter().filter(|b| **b == b'\n').count(),
                "UTF-8 text",
            )
        })?;
        let (head, note) = text
            .split_once("\n\n")
            .ok_or(bad(1, "an empty line before the note"))?;
        let lines: Vec<&str> = head.split('\n').take(PROOF_MAX + 4).collect();
        let [magic, extra, index, path @ ..] = &lines[..] else {
            return Err(bad(lines.len(), "a first, an extra and an index line"));
        };
        if *magic != MAGIC {
            return Err(bad(1, MAGIC));
        }
        let extra = parse_extra(extra).ok_or(bad(2, "the entry and its salt"))?;
        let index = index
            .strip_prefix("index ")
            .and_then(number)
            .ok_or(bad(3, "the index"))?;
        if path.len() > PROOF_MAX {
            return Err(bad(4 + PROOF_MAX, "at most 63 hashes"));
        }
        let hash = |(at, line): (usize, &&str)| parse_hash(line).ok_or(bad(4 + at, "a hash"));
        let path = path
            .iter()
            .enumerate()
            .map(hash)
            .collect::<Result<_, _>>()?;
        let Opened {
            leaf,
            salt,
            digest,
            told,
        } = extra;
        Ok(Self {
            index,
            leaf,
            salt,
            digest,
            told,
            path,
            note: Note::parse(note.as_bytes())?,
        })
    }

    /// Verifies every step: the log's signature, the cosignatures, the place in the tree, and the commitment.
    ///
    /// # Errors
    /// The first step that doesn't hold.
    pub fn verify(&self, trust: &LogTrust) -> Result<Confirmed, ProofFileFault> {
        let told = Checkpoint::parse(self.note.unverified_text())?;
        let keys = trust.keys_of(&told.origin);
        if keys.is_empty() {
            return Err(ProofFileFault::UnknownLog(told.origin));
        }
        let mut opened = Err(NoteFault::Unsigned);
        for key in keys {
            match Checkpoint::open(&self.note, &told.origin, &key) {
                Err(NoteFault::Unsigned) => {}
                other => opened = other,
            }
        }
        let checkpoint = opened?;
        let cosigned = self.cosigned(trust)?;
        if cosigned.len() < trust.cosignatures {
            let needed = trust.cosignatures;
            return Err(ProofFileFault::Cosignatures {
                found: cosigned.len(),
                needed,
            });
        }
        let hash = leaf_hash(&self.leaf);
        verify_inclusion(
            &hash,
            self.index,
            checkpoint.size,
            &self.path,
            &checkpoint.root,
        )?;
        let leaf = Leaf::parse(&self.leaf)?;
        if !leaf.commits_to_digest(&self.salt, &self.digest) {
            return Err(ProofFileFault::Digest);
        }
        if !leaf.commits_to_note(&self.salt, &self.told) {
            return Err(ProofFileFault::Told);
        }
        let told = serde_json::from_str(&self.told).map_err(|_| ProofFileFault::Told)?;
        let Checkpoint { origin, size, .. } = checkpoint;
        let digest = self.digest.clone();
        Ok(Confirmed {
            origin,
            index: self.index,
            size,
            leaf,
            told,
            digest,
            cosigned,
        })
    }

    fn cosigned(&self, trust: &LogTrust) -> Result<Vec<(String, Moment)>, NoteFault> {
        let mut found = Vec::new();
        for key in &trust.witnesses {
            if let Some(at) = cosigned_at(&self.note, key)? {
                found.push((key.name().to_owned(), at));
            }
        }
        Ok(found)
    }
}

/// What the `extra` line holds, decoded.
struct Opened {
    leaf: Vec<u8>,
    salt: Vec<u8>,
    digest: Vec<u8>,
    told: String,
}

fn parse_extra(line: &str) -> Option<Opened> {
    let bytes = BASE64
        .decode(line.strip_prefix("extra ")?.as_bytes())
        .ok()?;
    let Extra {
        digest,
        leaf,
        note,
        salt,
    } = serde_json::from_slice(&bytes).ok()?;
    let hex = |text: &str| {
        HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .filter(|v| v.len() == 32)
    };
    Some(Opened {
        leaf: leaf.into_bytes(),
        salt: hex(&salt)?,
        digest: hex(&digest)?,
        told: note,
    })
}

impl Confirmed {
    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The entry's place.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Entries under the checkpoint.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What happened.
    pub fn kind(&self) -> &str {
        &self.leaf.kind
    }

    /// When.
    pub fn at(&self) -> Moment {
        self.leaf.at()
    }

    /// Codes and identifiers of the entry.
    pub fn note(&self) -> &BTreeMap<String, String> {
        &self.told
    }

    /// Digest of what the entry is about.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Trusted witnesses that cosigned, and when.
    pub fn cosigned(&self) -> &[(String, Moment)] {
        &self.cosigned
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, SeededChance, SetClock};
    use proptest::prelude::*;

    use super::super::checkpoint::cosign;
    use super::super::entry::Entry;
    use super::super::merkle::node_hash;
    use super::super::note::{SignatureKind, testing::key};
    use super::*;

    fn sample() -> (ProofFile, LogTrust) {
        let at = Moment::from_seconds(1_700_000_000);
        let id = Id::new(&SetClock::at(at), &SeededChance::new(1));
        let entry = Entry::new("case.decided", at, [5; 32]).note("case", "7");
        let leaf = entry.leaf(id, &[3; 32]).unwrap().bytes();
        let (log, witness) = (
            key("log.example/town", SignatureKind::Note, 1),
            key("w.example", SignatureKind::Cosignature, 2),
        );
        let left = leaf_hash(b"another");
        let root = node_hash(&left, &leaf_hash(&leaf));
        let checkpoint = Checkpoint {
            origin: "log.example/town".into(),
            size: 2,
            root,
        };
        let mut note = checkpoint.sign(&log).unwrap();
        note.add(cosign(&witness, note.unverified_text(), at).unwrap());
        let proof = ProofFile {
            index: 1,
            leaf,
            salt: vec![3; 32],
            digest: vec![5; 32],
            told: entry.note_text(),
            path: vec![left],
            note,
        };
        let trust = LogTrust {
            logs: vec![log.verifier().clone()],
            witnesses: vec![witness.verifier().clone()],
            cosignatures: 1,
        };
        (proof, trust)
    }

    #[test]
    fn a_proof_reads_back_and_tells_what_happened() {
        let (proof, trust) = sample();
        let text = proof.to_string();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra "));
        let again = ProofFile::parse(text.as_bytes()).unwrap();
        assert_eq!(again, proof);
        let confirmed = again.verify(&trust).unwrap();
        assert_eq!(
            (confirmed.kind(), confirmed.index(), confirmed.size()),
            ("case.decided", 1, 2)
        );
        assert_eq!(confirmed.at(), Moment::from_seconds(1_700_000_000));
        assert_eq!(confirmed.cosigned().len(), 1);
        assert_eq!(confirmed.digest(), [5; 32]);
        assert_eq!(confirmed.note()["case"], "7");
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let (proof, trust) = sample();
        let text = proof.to_string();
        for at in 0..text.len() {
            for bit in [1, 0x20] {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] ^= bit;
                let verdict = ProofFile::parse(&bytes).and_then(|proof| proof.verify(&trust));
                assert!(
                    verdict.is_err(),
                    "byte {at}: {}",
                    String::from_utf8_lossy(&bytes)
                );
            }
        }
    }

    #[test]
    fn the_reader_decides_whom_to_trust() {
        let (proof, trust) = sample();
        let nobody = LogTrust {
            logs: Vec::new(),
            ..trust.clone()
        };
        assert!(matches!(
            proof.verify(&nobody),
            Err(ProofFileFault::UnknownLog(_))
        ));
        let stranger = key("log.example/town", SignatureKind::Note, 9)
            .verifier()
            .clone();
        let other = LogTrust {
            logs: vec![stranger.clone()],
            ..trust.clone()
        };
        assert_eq!(
            proof.verify(&other),
            Err(ProofFileFault::Note(NoteFault::Unsigned))
        );
        let rotated = LogTrust {
            logs: vec![stranger, trust.logs[0].clone()],
            ..trust.clone()
        };
        assert!(proof.verify(&rotated).is_ok());
        let strict = LogTrust {
            cosignatures: 2,
            ..trust
        };
        assert_eq!(
            proof.verify(&strict),
            Err(ProofFileFault::Cosignatures {
                found: 1,
                needed: 2
            })
        );
    }

    #[test]
    fn damage_is_told_by_its_line() {
        let (proof, _) = sample();
        let text = proof.to_string();
        let line = |text: String| match ProofFile::parse(text.as_bytes()) {
            Err(ProofFileFault::Format { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line(text.replace("@v1", "@v2")), 1);
        assert_eq!(line(text.replace("extra ", "extra  ")), 2);
        assert_eq!(line(text.replace("index 1", "index 01")), 3);
        let hash = BASE64.encode(&proof.path[0]);
        assert_eq!(line(text.replace(&hash, &hash[1..])), 4);
        assert_eq!(
            line(text.replace(&hash, &format!("{hash}\n").repeat(64))),
            67
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ProofFile::parse(&tail);
            let mut bytes = format!("{MAGIC}\n").into_bytes();
            bytes.extend_from_slice(&tail);
            let _ = ProofFile::parse(&bytes);
        }
    }
}
