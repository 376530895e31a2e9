//! The witness: remembers each log's last tree and cosigns only what continues it (C2SP tlog-witness v1.0.0).
//!
//! Read by the authority's node, which serves it. Promises that it never cosigns two histories of one log: the old
//! size is compared and the new one stored in one transaction, before the answer leaves. Refuses unknown logs before
//! any write, so that a stranger costs one read and one signature check.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use store::{Store, StoreError};
use tokio::sync::Semaphore;

use super::checkpoint::{Checkpoint, cosign, parse_hash};
use super::journal::LogError;
use super::merkle::{Hash, PROOF_MAX, empty_root, sha256, verify_consistency};
use super::note::{Note, NoteKey, SignatureKind, VerifierKey};
use super::sql::{self, Seen};
use super::succeed::first_of;
use super::tiles::number;
use crate::keys::{Algorithm, KeyStore};

/// Bytes of a question: 63 hashes and a checkpoint with some signatures stay far below.
pub const REQUEST_MAX: usize = 16 * 1024;
/// Questions at a time: each is short, and a small machine has two cores. More are told to come again.
pub const AT_ONCE_MAX: usize = 8;

/// What a witness says to one question; `status` and `body` are its form in HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// Signature lines, each with its newline (200).
    Cosigned(String),
    /// The question is malformed (400).
    Malformed,
    /// The checkpoint isn't signed by the key that this witness knows for the log (403).
    Untrusted,
    /// This witness doesn't know the log (404).
    Unknown,
    /// The witness has seen this size, not the one the question starts from (409).
    Conflict(u64),
    /// The checkpoint doesn't continue what the witness has seen (422).
    Inconsistent,
    /// Too many questions at this moment (429).
    Busy,
    /// The witness's own store or key failed (500).
    Failed,
}

/// A witness with its memory. Cheap to clone.
#[derive(Clone)]
pub struct Witness {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    key: NoteKey,
    places: Semaphore,
}

/// A parsed question.
struct Question {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
}

impl WitnessAnswer {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Cosigned(_) => 200,
            Self::Malformed => 400,
            Self::Untrusted => 403,
            Self::Unknown => 404,
            Self::Conflict(_) => 409,
            Self::Inconsistent => 422,
            Self::Busy => 429,
            Self::Failed => 500,
        }
    }

    /// The content type and body.
    pub fn body(&self) -> (&'static str, String) {
        match self {
            Self::Cosigned(lines) => ("text/plain; charset=utf-8", lines.clone()),
            Self::Conflict(size) => ("text/x.tlog.size", format!("{size}\n")),
            _ => ("text/plain; charset=utf-8", String::new()),
        }
    }

    /// The answer that has this HTTP form; `None` if it has none that a log can use.
    pub fn read(status: u16, body: &str) -> Option<Self> {
        match status {
            200 => Some(Self::Cosigned(body.to_owned())),
            400 => Some(Self::Malformed),
            403 => Some(Self::Untrusted),
            404 => Some(Self::Unknown),
            409 => super::ask::conflict_size(body).map(Self::Conflict),
            422 => Some(Self::Inconsistent),
            429 => Some(Self::Busy),
            _ => None,
        }
    }
}

impl Question {
    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > REQUEST_MAX {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let (lines, note) = text.split_once("\n\n")?;
        let mut lines = lines.split('\n');
        let old = number(lines.next()?.strip_prefix("old ")?)?;
        let proof: Vec<Hash> = lines
            .take(PROOF_MAX + 1)
            .map(parse_hash)
            .collect::<Option<_>>()?;
        let note = Note::parse(note.as_bytes()).ok()?;
        (proof.len() <= PROOF_MAX).then_some(Self { old, proof, note })
    }
}

impl Witness {
    /// A witness that cosigns with `key`, of the cosignature kind, and remembers in `store`.
    pub fn new(store: Store, key: NoteKey) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                key,
                places: Semaphore::new(AT_ONCE_MAX),
            }),
        }
    }

    /// The witness `name` whose key lies in `keys` under `witness`, made there if it is missing.
    ///
    /// # Errors
    /// The key store failed, or `name` can't stand in a note.
    pub fn open(store: Store, keys: &KeyStore, name: &str) -> Result<Self, LogError> {
        let signer = keys.signer_or_create("witness", Algorithm::Ed25519)?;
        Ok(Self::new(
            store,
            NoteKey::from_signer(name, SignatureKind::Cosignature, signer)?,
        ))
    }

    /// The key that verifies its cosignatures.
    pub fn verifier(&self) -> &VerifierKey {
        self.inner.key.verifier()
    }

    /// Takes a log under witness, or gives a known one a new key; what was seen of it stays.
    ///
    /// # Errors
    /// The store failed.
    pub async fn admit(&self, log: &VerifierKey) -> Result<(), StoreError> {
        let mut tx = self.inner.store.begin().await?;
        let (origin, hash) = (log.name(), origin_hash(log.name()));
        sql::admit(&mut tx, origin, &hash, &log.to_string(), &empty_root()).await?;
        tx.commit().await
    }

    /// Answers the body of one `POST add-checkpoint`.
    pub async fn answer(&self, body: &[u8]) -> WitnessAnswer {
        let Ok(_place) = self.inner.places.try_acquire() else {
            return WitnessAnswer::Busy;
        };
        let Some(question) = Question::parse(body) else {
            return WitnessAnswer::Malformed;
        };
        match self.consider(question).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "the witness could not answer");
                WitnessAnswer::Failed
            }
        }
    }

    async fn consider(&self, question: Question) -> Result<WitnessAnswer, StoreError> {
        let Ok(told) = Checkpoint::parse(question.note.unverified_text()) else {
            return Ok(WitnessAnswer::Malformed);
        };
        let Some((key, is_known)) = self.key_of(&told.origin).await? else {
            return Ok(WitnessAnswer::Unknown);
        };
        let Ok(checkpoint) = Checkpoint::open(&question.note, &told.origin, &key) else {
            return Ok(WitnessAnswer::Untrusted);
        };
        if !is_known {
            tracing::warn!(origin = told.origin, "a log goes on under a new name");
            self.admit(&key).await?;
        }
        if question.old > checkpoint.size {
            return Ok(WitnessAnswer::Malformed);
        }
        self.decide(&key.to_string(), &checkpoint, question).await
    }

    /// The key of a log, and whether it was admitted under this very name. A successor of a known log is one whose
    /// first checkpoint the same key signed.
    async fn key_of(&self, origin: &str) -> Result<Option<(VerifierKey, bool)>, StoreError> {
        let mut tx = self.inner.store.read().await?;
        if let Some(key) = sql::witness_key(&mut tx, origin).await? {
            return Ok(VerifierKey::parse(&key).ok().map(|key| (key, true)));
        }
        let Some(first) = first_of(origin) else {
            return Ok(None);
        };
        let first = sql::witness_key(&mut tx, first).await?;
        let key = first.and_then(|key| VerifierKey::parse(&key).ok()?.under(origin)?.ok());
        Ok(key.map(|key| (key, false)))
    }

    /// Compares and stores in one transaction; from here on the checkpoint is known to be the log's own.
    async fn decide(
        &self,
        key: &str,
        checkpoint: &Checkpoint,
        question: Question,
    ) -> Result<WitnessAnswer, StoreError> {
        let Question {
            old,
            proof,
            mut note,
        } = question;
        let mut tx = self.inner.store.begin().await?;
        let seen = sql::lock_seen(&mut tx, &checkpoint.origin).await?;
        let Some(Seen { size, root, .. }) = seen.filter(|seen| seen.verifier == key) else {
            return Ok(WitnessAnswer::Unknown);
        };
        if size != old {
            return Ok(WitnessAnswer::Conflict(size));
        }
        if verify_consistency(old, checkpoint.size, &proof, &root, &checkpoint.root).is_err() {
            tracing::error!(
                origin = checkpoint.origin,
                old,
                "a log showed two histories"
            );
            return Ok(WitnessAnswer::Inconsistent);
        }
        let now = self.inner.store.clock().now();
        let Ok(line) = cosign(&self.inner.key, note.unverified_text(), now) else {
            return Ok(WitnessAnswer::Failed);
        };
        note.add(line.clone());
        let text = note.to_string();
        sql::set_seen(
            &mut tx,
            &checkpoint.origin,
            checkpoint.size,
            &checkpoint.root,
            &text,
        )
        .await?;
        tx.commit().await?;
        Ok(WitnessAnswer::Cosigned(line.to_string()))
    }

    /// The last checkpoint that this witness cosigned of the log whose origin has this SHA-256 in lower-case hex.
    ///
    /// # Errors
    /// The store failed.
    pub async fn checkpoint(&self, origin_hash: &str) -> Result<Option<String>, StoreError> {
        let mut tx = self.inner.store.read().await?;
        let note = sql::seen_note(&mut tx, origin_hash).await?;
        Ok(note.filter(|note| !note.is_empty()))
    }
}

/// The name of a log in monitoring addresses.
pub fn origin_hash(origin: &str) -> String {
    HEXLOWER.encode(&sha256(origin.as_bytes()))
}
