//! Asking the witness for its cosignature: the log's side of C2SP tlog-witness (v1.0.0).
//!
//! Read by `journal` after each turn. Promises that an absent witness costs nothing but its cosignature, that a wrong
//! memory of what it saw is mended by its own answer, and that an answer which shows two histories stops the log.

use std::sync::atomic::Ordering;
use std::time::Duration;

use data_encoding::BASE64;
use store::Tx;
use web::client::{Http, HttpLimits};

use super::checkpoint::cosigned_at;
use super::journal::{Log, LogError};
use super::merkle::{Hash, consistency_spans};
use super::note::{Note, Signature, VerifierKey};
use super::sql;
use super::tiles::{TileSet, number};
use super::witness::{Witness, WitnessAnswer};

/// Bytes of a witness's answer: some signature lines.
const ANSWER_MAX: usize = 64 * 1024;
/// Questions of one turn: the second one mends what the first one's refusal told.
const QUESTIONS_MAX: usize = 3;

/// Who cosigns this log's checkpoints.
#[derive(Clone)]
pub enum WitnessPeer {
    /// A witness in the same process: the authority's own log, and simulated countries.
    Local(Witness),
    /// A witness elsewhere.
    Http {
        /// Address of its `add-checkpoint`.
        url: String,
        /// The key that verifies its cosignatures.
        key: VerifierKey,
        /// Asks it.
        client: Http,
    },
}

/// What came back for one checkpoint.
enum Outcome {
    /// Cosigned and stored.
    Cosigned,
    /// The witness remembers this size of ours; ask again from there.
    From(u64),
    /// Nothing usable: it is away, busy or doesn't know us.
    Away,
}

impl WitnessPeer {
    /// A witness whose addresses begin with `prefix` (the submission prefix, without a slash at its end).
    pub fn at(prefix: &str, key: VerifierKey, client: Http) -> Self {
        let client = client.limits(HttpLimits {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(5),
            answer_bytes: ANSWER_MAX,
        });
        Self::Http {
            url: format!("{prefix}/add-checkpoint"),
            key,
            client,
        }
    }

    /// The key that verifies its cosignatures.
    pub fn verifier(&self) -> &VerifierKey {
        match self {
            Self::Local(witness) => witness.verifier(),
            Self::Http { key, .. } => key,
        }
    }

    async fn ask(&self, body: String) -> Option<WitnessAnswer> {
        match self {
            Self::Local(witness) => Some(witness.answer(body.as_bytes()).await),
            Self::Http { url, client, .. } => {
                match client.post(url, "text/plain; charset=utf-8", body).await {
                    Ok(answer) => {
                        let text = std::str::from_utf8(&answer.body).unwrap_or_default();
                        WitnessAnswer::read(answer.status.as_u16(), text)
                    }
                    Err(error) => {
                        tracing::debug!(%error, "the witness is away");
                        None
                    }
                }
            }
        }
    }
}

impl Log {
    /// Asks the witness whether it has seen this history, and keeps nothing of its answer; tells whether it has. A witness in
    /// the same process would write: there what is kept already counts.
    ///
    /// # Errors
    /// The store failed, or the witness knows another history or a longer one.
    pub async fn compare(&self) -> Result<bool, LogError> {
        let mut tx = self.inner.store.read().await?;
        let head = sql::read_head(&mut tx).await?;
        let last = sql::last_checkpoint(&mut tx).await?;
        let last = last.ok_or(LogError::Damaged("no checkpoint"))?;
        let witness = match &self.inner.witness {
            Some(witness @ WitnessPeer::Http { .. }) => witness,
            _ => return Ok(!last.cosigned.is_empty()),
        };
        let mut old = head.witnessed;
        for _ in 0..QUESTIONS_MAX {
            let Some(proof) = consistency(&mut tx, old, last.size).await? else {
                return Ok(false);
            };
            let body = request(old, &proof, &last.note);
            drop(tx);
            match witness.ask(body).await {
                Some(WitnessAnswer::Cosigned(_)) => return Ok(true),
                Some(WitnessAnswer::Conflict(seen)) if seen > head.size => {
                    return Err(LogError::Behind {
                        ours: head.size,
                        witness: seen,
                    });
                }
                Some(WitnessAnswer::Conflict(seen)) => old = seen,
                Some(WitnessAnswer::Inconsistent) => return Err(LogError::Forked),
                _ => return Ok(false),
            }
            tx = self.inner.store.read().await?;
        }
        Ok(false)
    }

    /// Asks the witness to cosign the last checkpoint, unless it has; tells whether that is so now.
    ///
    /// # Errors
    /// The store failed, or the witness knows another history of this log.
    pub async fn cosign(&self) -> Result<bool, LogError> {
        let Some(witness) = &self.inner.witness else {
            return Ok(true);
        };
        let mut tx = self.inner.store.read().await?;
        let (head, last) = (
            sql::read_head(&mut tx).await?,
            sql::last_checkpoint(&mut tx).await?,
        );
        let last = last.ok_or(LogError::Damaged("no checkpoint"))?;
        let first_time = !self.inner.met_witness.load(Ordering::Acquire);
        if !last.cosigned.is_empty() && !first_time {
            return Ok(true);
        }
        let mut old = head.witnessed;
        for _ in 0..QUESTIONS_MAX {
            let Some(proof) = consistency(&mut tx, old, last.size).await? else {
                return Ok(false);
            };
            let body = request(old, &proof, &last.note);
            // The network is never waited for inside a transaction.
            drop(tx);
            match self.put(witness, last.size, body).await? {
                Outcome::Cosigned => {
                    self.inner.met_witness.store(true, Ordering::Release);
                    return Ok(true);
                }
                Outcome::From(size) if size <= last.size => old = size,
                Outcome::From(_) | Outcome::Away => return Ok(false),
            }
            tx = self.inner.store.read().await?;
        }
        Ok(false)
    }

    async fn put(
        &self,
        witness: &WitnessPeer,
        size: u64,
        body: String,
    ) -> Result<Outcome, LogError> {
        match witness.ask(body).await {
            Some(WitnessAnswer::Cosigned(lines)) => self.keep(witness, size, &lines).await,
            Some(WitnessAnswer::Conflict(seen)) => self.mend(seen).await,
            Some(WitnessAnswer::Inconsistent) => {
                tracing::error!(size, "the witness knows another history of this log");
                let mut tx = self.inner.store.begin().await?;
                let head = sql::lock_head(&mut tx).await?;
                sql::set_witnessed(&mut tx, head.witnessed, sql::FORKED).await?;
                tx.commit().await?;
                Err(LogError::Forked)
            }
            Some(answer) => {
                tracing::warn!(status = answer.status(), "the witness did not cosign");
                Ok(Outcome::Away)
            }
            None => Ok(Outcome::Away),
        }
    }

    /// Stores the witness's line, if it is its own and holds.
    async fn keep(
        &self,
        witness: &WitnessPeer,
        size: u64,
        lines: &str,
    ) -> Result<Outcome, LogError> {
        let key = witness.verifier();
        let mut tx = self.inner.store.begin().await?;
        let head = sql::lock_head(&mut tx).await?;
        let rows = sql::checkpoints(&mut tx, i64::try_from(size).unwrap_or(i64::MAX)).await?;
        let Some(row) = rows.first().filter(|row| row.size == size) else {
            return Ok(Outcome::Away);
        };
        let Ok(signatures) = Signature::parse_lines(lines) else {
            return Ok(Outcome::Away);
        };
        let Some(line) = signatures.into_iter().find(|line| key.claims(line)) else {
            return Ok(Outcome::Away);
        };
        let text = Note::parse(row.note.as_bytes())?
            .unverified_text()
            .to_owned();
        let alone = Note::new(text, vec![line.clone()]);
        if !matches!(cosigned_at(&alone, key), Ok(Some(_))) {
            tracing::warn!("the witness answered with a signature that does not hold");
            return Ok(Outcome::Away);
        }
        sql::set_cosigned(&mut tx, size, &line.to_string()).await?;
        sql::set_witnessed(&mut tx, size.max(head.witnessed), 0).await?;
        tx.commit().await?;
        Ok(Outcome::Cosigned)
    }

    /// The witness has seen `seen` entries: a size of ours that we forgot, or one that this store has lost.
    async fn mend(&self, seen: u64) -> Result<Outcome, LogError> {
        let mut tx = self.inner.store.begin().await?;
        let head = sql::lock_head(&mut tx).await?;
        let behind = if seen > head.size { seen } else { 0 };
        sql::set_witnessed(&mut tx, seen.min(head.size), behind).await?;
        tx.commit().await?;
        if behind > 0 {
            tracing::error!(
                ours = head.size,
                witness = seen,
                "this store is an old copy"
            );
            return Err(LogError::Behind {
                ours: head.size,
                witness: seen,
            });
        }
        Ok(Outcome::From(seen))
    }
}

/// The consistency proof between two sizes from stored tiles; `None` if `old` is above `new`.
pub(super) async fn consistency(
    tx: &mut Tx,
    old: u64,
    new: u64,
) -> Result<Option<Vec<Hash>>, LogError> {
    let Some(spans) = consistency_spans(old, new) else {
        return Ok(None);
    };
    let tiles = sql::tiles(tx, &TileSet::needed(&spans)).await?;
    let hashes: Option<Vec<Hash>> = spans.into_iter().map(|span| tiles.span(span)).collect();
    hashes
        .map(Some)
        .ok_or(LogError::Damaged("a tile is missing"))
}

/// The body of `POST add-checkpoint`.
pub(super) fn request(old: u64, proof: &[Hash], note: &str) -> String {
    let hashes: String = proof
        .iter()
        .map(|hash| BASE64.encode(hash) + "\n")
        .collect();
    format!("old {old}\n{hashes}\n{note}")
}

/// The size in the body of a 409 answer.
pub(super) fn conflict_size(body: &str) -> Option<u64> {
    number(body.strip_suffix('\n')?)
}
