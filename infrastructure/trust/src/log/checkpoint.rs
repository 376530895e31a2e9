//! Checkpoints (C2SP tlog-checkpoint v1.0.0) and timed Ed25519 cosignatures (C2SP tlog-cosignature v1.0.1).
//!
//! Read by the log, which signs checkpoints, by witnesses, which cosign them, and by whoever verifies a proof.
//! Promises that a `Checkpoint` obtained from `open` was signed by the log's key and names the log's origin.
//! Extension lines are refused in our own logs and passed over in others'.

use data_encoding::BASE64;
use kernel::Moment;

use super::merkle::{Hash, SIZE_MAX};
use super::note::{Note, NoteFault, NoteKey, Signature, SignatureKind, VerifierKey};
use super::tiles::number;

/// A tree head: which log, how many entries, under which root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, such as `log.example/ministry`.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The note's text: three lines.
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            BASE64.encode(&self.root)
        )
    }

    /// Reads a note's text; extension lines are passed over, but may not be empty.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let body = text
            .strip_suffix('\n')
            .ok_or(NoteFault::Malformed("last newline"))?;
        let lines: Vec<&str> = body.split('\n').collect();
        let [origin, size, root, ..] = lines[..] else {
            return Err(NoteFault::Malformed("a checkpoint has three lines"));
        };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(NoteFault::Malformed("empty line"));
        }
        let size = number(size)
            .filter(|size| *size < SIZE_MAX)
            .ok_or(NoteFault::Malformed("size"))?;
        let root = parse_hash(root).ok_or(NoteFault::Malformed("root"))?;
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
        })
    }

    /// Signs this checkpoint.
    pub fn sign(&self, key: &NoteKey) -> Result<Note, NoteFault> {
        let text = self.text();
        let signature = key.sign(&text)?;
        Ok(Note::new(text, vec![signature]))
    }

    /// The checkpoint inside `note`, if the log's `key` signed it and it names `origin`.
    pub fn open(note: &Note, origin: &str, key: &VerifierKey) -> Result<Self, NoteFault> {
        let checkpoint = Self::parse(note.verified_text(key)?)?;
        if checkpoint.origin == origin {
            Ok(checkpoint)
        } else {
            Err(NoteFault::Malformed("another log's origin"))
        }
    }
}

/// Reads one base64 line that holds a hash.
pub(super) fn parse_hash(line: &str) -> Option<Hash> {
    BASE64.decode(line.as_bytes()).ok()?.try_into().ok()
}

/// What a cosigner signs: that it saw this checkpoint at `seconds` since the epoch.
fn cosigned_message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// Cosigns the text of a checkpoint at `at`; moments before 1970 count as 1970.
pub fn cosign(key: &NoteKey, text: &str, at: Moment) -> Result<Signature, NoteFault> {
    let seconds = u64::try_from(at.seconds()).unwrap_or(0);
    let made = key.raw(cosigned_message(seconds, text).as_bytes())?;
    let mut bytes = seconds.to_be_bytes().to_vec();
    bytes.extend_from_slice(&made);
    let verifier = key.verifier();
    Ok(Signature {
        name: verifier.name().to_owned(),
        key_id: verifier.id(),
        bytes,
    })
}

/// When the holder of `key` cosigned the note; `None` if it didn't, an error if its line doesn't hold.
pub fn cosigned_at(note: &Note, key: &VerifierKey) -> Result<Option<Moment>, NoteFault> {
    let mut latest = None;
    let lines = note.signatures().iter().filter(|line| key.claims(line));
    for line in lines {
        let bad = || NoteFault::BadSignature(key.name().to_owned());
        let (time, made) = line.bytes.split_first_chunk::<8>().ok_or_else(bad)?;
        let seconds = u64::from_be_bytes(*time);
        let message = cosigned_message(seconds, note.unverified_text());
        let known_kind = key.kind() == SignatureKind::Cosignature;
        if !known_kind || !key.holds(message.as_bytes(), made) {
            return Err(bad());
        }
        let at = i64::try_from(seconds).map_err(|_| bad())?;
        latest = latest.max(Some(Moment::from_seconds(at)));
    }
    Ok(latest)
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{empty_root, leaf_hash};
    use super::super::note::testing::key;
    use super::*;

    fn sample() -> Checkpoint {
        Checkpoint {
            origin: "log.example/town".into(),
            size: 70_000,
            root: leaf_hash(b"x"),
        }
    }

    #[test]
    fn text_reads_back_and_oddities_are_refused() {
        let checkpoint = sample();
        assert_eq!(
            Checkpoint::parse(&checkpoint.text()),
            Ok(checkpoint.clone())
        );
        let extended = format!("{}extension\n", checkpoint.text());
        assert_eq!(Checkpoint::parse(&extended), Ok(checkpoint.clone()));
        let root = BASE64.encode(&empty_root());
        for wrong in [
            String::new(),
            format!("a\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n4611686018427387904\n{root}\n"),
            "a\n1\nAAAA\n".to_owned(),
            format!("a\n1\n{root}\n\n"),
            "a\n1\n".to_owned(),
        ] {
            assert!(Checkpoint::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_logs_key_and_origin_open_it() {
        let log = key("log.example/town", SignatureKind::Note, 1);
        let note = sample().sign(&log).unwrap();
        assert_eq!(
            Checkpoint::open(&note, "log.example/town", log.verifier()),
            Ok(sample())
        );
        assert!(Checkpoint::open(&note, "log.example/city", log.verifier()).is_err());
        let other = key("log.example/town", SignatureKind::Note, 2);
        assert_eq!(
            Checkpoint::open(&note, "log.example/town", other.verifier()),
            Err(NoteFault::Unsigned)
        );
    }

    #[test]
    fn a_cosignature_tells_its_time_and_covers_it() {
        let log = key("log.example/town", SignatureKind::Note, 1);
        let witness = key("authority.example/w", SignatureKind::Cosignature, 9);
        let mut note = sample().sign(&log).unwrap();
        assert_eq!(cosigned_at(&note, witness.verifier()), Ok(None));
        let at = Moment::from_seconds(1_679_315_147);
        note.add(cosign(&witness, note.unverified_text(), at).unwrap());
        let note = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(cosigned_at(&note, witness.verifier()), Ok(Some(at)));
        assert_eq!(note.signatures()[1].bytes.len(), 72);
        for byte in 0..72 {
            let mut line = note.signatures()[1].clone();
            line.bytes[byte] ^= 1;
            let bent = Note::new(note.unverified_text().to_owned(), vec![line]);
            assert!(
                cosigned_at(&bent, witness.verifier()).is_err(),
                "byte {byte}"
            );
        }
        let text = note.unverified_text().replace("70000", "70001");
        let moved = Note::new(text, note.signatures().to_vec());
        assert!(cosigned_at(&moved, witness.verifier()).is_err());
    }
}
