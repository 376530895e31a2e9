//! The log of one body: opening it, entering acts, and giving them their places under a signed checkpoint.
//!
//! Read by every crate through `Log`. Promises: an entry is in the store with the transaction that enters it, and in
//! the tree at the next turn; a turn is one transaction, so a crash leaves either all of it or nothing. Refuses to
//! sign a tree that the witness would know to be a step back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use kernel::{Fault, FaultKind, Id};
use store::{Script, Store, StoreError, Tx, Value, params};

use super::ask::WitnessPeer;
use super::checkpoint::Checkpoint;
use super::entry::{Entry, EntryFault, Pseudonym, PseudonymSecret};
use super::merkle::{Hash, Span, empty_root, leaf_hash};
use super::note::{Note, NoteFault, NoteKey, SignatureKind, VerifierKey};
use super::sql::{self, Head};
use super::succeed::continues;
use super::tiles::{LEVEL_MAX, TILE_HEIGHT, TileId, TileSet};
use crate::error::TrustError;
use crate::keys::{Algorithm, KeyStore};

/// Turns of the timer after an entry during which each one looks at the store: twelve seconds, longer than any
/// transaction. Afterwards a body at rest costs next to nothing, and hundreds share a process.
const EAGER_TURNS: u32 = 40;

/// Most entries that get their places in one act: whoever else writes waits for a few milliseconds.
const PLACED_MAX: usize = 256;

/// What a body's log needs.
pub struct LogSettings {
    /// Signs checkpoints; its name is the log's origin.
    pub key: NoteKey,
    /// Makes pseudonyms.
    pub secret: PseudonymSecret,
    /// Who cosigns checkpoints, if anybody.
    pub witness: Option<WitnessPeer>,
}

impl LogSettings {
    /// The settings of the log `origin` whose keys lie in `keys`, made there if they are missing: `log` signs,
    /// `log-pseudonyms` makes pseudonyms.
    ///
    /// # Errors
    /// The key store failed, or `origin` can't stand in a note.
    pub fn new(
        keys: &KeyStore,
        origin: &str,
        witness: Option<WitnessPeer>,
    ) -> Result<Self, LogError> {
        let signer = keys.signer_or_create("log", Algorithm::Ed25519)?;
        let key = NoteKey::from_signer(origin, SignatureKind::Note, signer)?;
        let signer = keys.signer_or_create("log-pseudonyms", Algorithm::Ed25519)?;
        Ok(Self {
            key,
            secret: PseudonymSecret::from_signer(&signer)?,
            witness,
        })
    }
}

/// The transparency log of one body. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub store: Store,
    pub key: NoteKey,
    pub secret: PseudonymSecret,
    pub witness: Option<WitnessPeer>,
    /// Set once this process has tried to ask the witness about the head it found at the start.
    pub asked_witness: AtomicBool,
    /// Turns during which an entry of this process may be on its way: it is entered before its transaction commits.
    pub eager: AtomicU32,
    /// Whether a checkpoint of this process may lack its cosignature.
    pub bare: AtomicBool,
    /// Set once the witness has cosigned for this process.
    pub met_witness: AtomicBool,
}

/// An entry that is ready to be entered.
#[derive(Debug)]
pub struct Prepared {
    id: Id,
    pub(super) values: [Value; 6],
    leader: Option<Value>,
}

impl Prepared {
    /// The identifier that it will have.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Enters it only if a statement before it in the script tells this value
    /// ([`Script::add_following`]).
    #[must_use]
    pub fn following(self, leader: Value) -> Self {
        Self {
            leader: Some(leader),
            ..self
        }
    }
}

/// Why the log can't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry is refused.
    #[error(transparent)]
    Entry(#[from] EntryFault),
    /// A note or key is wrong.
    #[error(transparent)]
    Note(#[from] NoteFault),
    /// The key store failed.
    #[error(transparent)]
    Key(#[from] TrustError),
    /// The stored log belongs to another origin than the key's name.
    #[error("the store holds the log {stored}, the key belongs to {key}")]
    OtherOrigin {
        /// The stored log.
        stored: String,
        /// The key's name.
        key: String,
    },
    /// What is stored contradicts itself; `check` tells where.
    #[error("the stored log is damaged: {0}")]
    Damaged(&'static str),
    /// The witness has seen more entries than this store has: the store is an old copy.
    #[error("the witness has seen {witness} entries, this store has {ours}: it is an old copy")]
    Behind {
        /// Entries here.
        ours: u64,
        /// Entries that the witness has seen.
        witness: u64,
    },
    /// The witness has cosigned another history under this log's name.
    #[error("the witness knows another history of this log")]
    Forked,
}

impl From<LogError> for Fault {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Store(cause) => cause.into(),
            LogError::Behind { .. } | LogError::Forked => {
                Fault::new(FaultKind::Unavailable, "fault-unavailable").detail(error)
            }
            other => Fault::internal(other),
        }
    }
}

/// Where the log stands, for health pages and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Entries with a place.
    pub size: u64,
    /// Entries that wait for a place.
    pub staged: u64,
    /// Entries that the witness has cosigned.
    pub witnessed: u64,
    /// Entries that the witness has seen although this store lacks them; 0 if all is well.
    pub behind: u64,
}

impl Log {
    /// Opens the log in `store`, whose tables are made by now. An empty log gets its first checkpoint here. If the store
    /// holds a successor of the log that the key is named after, it is opened under that name.
    ///
    /// # Errors
    /// The store holds another origin's log, or its last checkpoint isn't this key's or doesn't fit the tiles.
    pub async fn open(store: Store, settings: LogSettings) -> Result<Self, LogError> {
        let LogSettings {
            key,
            secret,
            witness,
        } = settings;
        let mut tx = store.begin().await?;
        let origin = key.verifier().name().to_owned();
        sql::create_head(&mut tx, &origin).await?;
        let head = sql::lock_head(&mut tx).await?;
        if !continues(&origin, &head.origin) {
            return Err(LogError::OtherOrigin {
                stored: head.origin,
                key: origin,
            });
        }
        let key = key.renamed(&head.origin)?;
        let log = Self::with(
            store,
            LogSettings {
                key,
                secret,
                witness,
            },
        );
        if head.size == 0 && sql::last_checkpoint(&mut tx).await?.is_none() {
            log.sign_head(&mut tx, 0, empty_root()).await?;
        }
        log.stored_head(&mut tx, &head).await?;
        tx.commit().await?;
        Ok(log)
    }

    /// Opens a log that exists, and changes nothing: for commands beside the process that serves the body.
    ///
    /// # Errors
    /// As [`Log::open`]; or there is no log yet.
    pub async fn open_as_is(store: Store, settings: LogSettings) -> Result<Self, LogError> {
        let mut tx = store.read().await?;
        let head = sql::read_head(&mut tx).await?;
        let origin = settings.key.verifier().name().to_owned();
        if !continues(&origin, &head.origin) {
            return Err(LogError::OtherOrigin {
                stored: head.origin,
                key: origin,
            });
        }
        let key = settings.key.renamed(&head.origin)?;
        let log = Self::with(store, LogSettings { key, ..settings });
        log.stored_head(&mut tx, &head).await?;
        Ok(log)
    }

    pub(super) fn with(store: Store, settings: LogSettings) -> Self {
        let LogSettings {
            key,
            secret,
            witness,
        } = settings;
        let inner = Inner {
            store,
            key,
            secret,
            witness,
            asked_witness: AtomicBool::new(false),
            eager: AtomicU32::new(EAGER_TURNS),
            bare: AtomicBool::new(true),
            met_witness: AtomicBool::new(false),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The log's name: first line of its checkpoints.
    pub fn origin(&self) -> &str {
        self.inner.key.verifier().name()
    }

    /// Who cosigns its checkpoints, if anybody.
    pub fn witness(&self) -> Option<&VerifierKey> {
        self.inner.witness.as_ref().map(WitnessPeer::verifier)
    }

    /// The store it lies in.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The key that verifies this log's checkpoints.
    pub fn verifier(&self) -> &VerifierKey {
        self.inner.key.verifier()
    }

    /// How this body's log knows the person or firm with this national number.
    pub fn pseudonym(&self, subject: &str) -> Pseudonym {
        self.inner.secret.pseudonym(subject)
    }

    /// Enters an act in the caller's transaction and gives back the entry's identifier. It has no place yet; the next
    /// turn gives it one. Once the transaction commits, the entry can't be lost.
    ///
    /// # Errors
    /// The entry is beyond its limits, or the store failed.
    pub async fn enter(&self, tx: &mut Tx, entry: Entry) -> Result<Id, LogError> {
        let prepared = self.prepare(entry)?;
        let (id, mut script) = (prepared.id, Script::default());
        self.enter_many(&mut script, vec![prepared]);
        tx.run(script).await?;
        Ok(id)
    }

    /// Makes an entry ready for [`Log::enter_many`]; nothing is entered yet.
    ///
    /// # Errors
    /// The entry is beyond its limits.
    pub fn prepare(&self, entry: Entry) -> Result<Prepared, EntryFault> {
        let store = &self.inner.store;
        let id = Id::new(&**store.clock(), &**store.chance());
        self.prepare_as(id, entry)
    }

    pub(super) fn prepare_as(&self, id: Id, entry: Entry) -> Result<Prepared, EntryFault> {
        let chance = self.inner.store.chance();
        let mut salt: Hash = [0; 32];
        chance.fill(&mut salt);
        let note = entry.note_text();
        let leaf = entry.leaf_with(id, &salt, &note)?.bytes();
        let about = entry.about.map(|about| about.0.to_vec());
        let values = params![id, about, salt.to_vec(), entry.digest.to_vec(), leaf, note];
        Ok(Prepared {
            id,
            values,
            leader: None,
        })
    }

    /// Enters acts with whatever runs the script, as [`Log::enter`] does with a transaction.
    pub fn enter_many(&self, script: &mut Script, entries: Vec<Prepared>) {
        let (mut values, mut leaders) = (Vec::new(), Vec::new());
        for entry in entries {
            values.extend(entry.values);
            leaders.push(entry.leader);
        }
        script.add_following(&sql::ENTRIES_STAGE, values, leaders);
        self.inner.eager.store(EAGER_TURNS, Ordering::Release);
    }

    /// Gives all staged entries their places under new checkpoints, then asks the witness; tells how many there were.
    /// A witness that is away is no failure: the log goes on with its own signature and asks again the next time.
    ///
    /// # Errors
    /// The store failed or is damaged, or the witness knows that this store is an old copy.
    pub async fn sequence(&self) -> Result<u64, LogError> {
        let placed = self.place_all().await?;
        self.cosign().await?;
        Ok(placed)
    }

    /// Gives all staged entries their places; tells how many there were. `sequence` is this and the witness.
    ///
    /// # Errors
    /// As `sequence`.
    pub async fn place_all(&self) -> Result<u64, LogError> {
        if !self.inner.asked_witness.swap(true, Ordering::AcqRel) {
            // Before the first new signature: an old copy of the store must not sign a second history.
            self.cosign().await?;
        }
        let mut placed = 0;
        loop {
            let mut tx = self.inner.store.read().await?;
            let waiting = sql::staged_count(&mut tx).await?;
            drop(tx);
            if waiting == 0 {
                return Ok(placed);
            }
            placed += self.place_some().await?;
        }
    }

    /// One act: the oldest staged entries, their tile hashes, the new size and its checkpoint; tells how many entries got
    /// places.
    async fn place_some(&self) -> Result<u64, LogError> {
        let Some((count, script)) = self.next_growth().await? else {
            return Ok(0);
        };
        if self.inner.store.run(script).await?.is_empty() {
            return Ok(0);
        }
        self.inner.bare.store(true, Ordering::Release);
        Ok(count)
    }

    /// How many staged entries get places next, and the script that does it, if any wait. All of it is prepared before the
    /// store's other writers have to wait; it writes nothing if the log has grown meanwhile.
    pub(super) async fn next_growth(&self) -> Result<Option<(u64, Script)>, LogError> {
        let mut tx = self.inner.store.read().await?;
        let head = sql::read_head(&mut tx).await?;
        trouble(&head)?;
        let staged = sql::staged(&mut tx, PLACED_MAX).await?;
        if staged.is_empty() {
            return Ok(None);
        }
        let mut tiles = self.stored_head(&mut tx, &head).await?;
        drop(tx);
        let leaves = staged.iter().map(|(_, leaf)| leaf.as_slice());
        let changed = grow(&mut tiles, head.size, leaves)?;
        let count = staged.len() as u64;
        let script = self.growth(&head, staged, (&tiles, changed))?;
        Ok(Some((count, script)))
    }

    /// What is written when the log grows by these entries.
    fn growth(
        &self,
        head: &Head,
        staged: Vec<(String, Vec<u8>)>,
        (tiles, changed): (&TileSet, Vec<TileId>),
    ) -> Result<Script, LogError> {
        let size = head.size + staged.len() as u64;
        let root = tiles.span(Span {
            start: 0,
            end: size,
        });
        let root = root.ok_or(LogError::Damaged("a tile is missing"))?;
        let note = self.signed(size, root)?;
        let places = (head.size..).zip(staged);
        let places = places.flat_map(|(index, (id, _))| params![id, index]);
        let tiles = changed.into_iter().flat_map(|id| {
            let hashes = tiles.get(id).unwrap_or_default();
            params![id.level, id.index, hashes]
        });
        let mut script = Script::default();
        script.add(&sql::HEAD_GROW, params![head.size, size].to_vec());
        let all = params![head.size, size, size - head.size].to_vec();
        for (bulk, values) in [
            (&sql::ENTRIES_PLACE, places.collect()),
            (&sql::HEAD_SURE, all),
            (&sql::TILES_SET, tiles.collect()),
            (&sql::CHECKPOINTS_ADD, params![size, note].to_vec()),
        ] {
            script.add_led(bulk, values, &Value::from(head.size));
        }
        Ok(script)
    }

    /// Writes the tiles that changed, the new size and its checkpoint.
    pub(super) async fn sign_grown(
        &self,
        tx: &mut Tx,
        (tiles, changed): (&TileSet, Vec<TileId>),
        size: u64,
    ) -> Result<(), LogError> {
        for id in changed {
            sql::set_tile(tx, id, tiles.get(id).unwrap_or_default()).await?;
        }
        let root = tiles.span(Span {
            start: 0,
            end: size,
        });
        sql::set_size(tx, size).await?;
        let root = root.ok_or(LogError::Damaged("a tile is missing"))?;
        self.sign_head(tx, size, root).await
    }

    /// The tiles of the right edge, after making sure that they lead to the signed checkpoint of this head: a new
    /// signature is only ever put on top of what was signed before.
    pub(super) async fn stored_head(&self, tx: &mut Tx, head: &Head) -> Result<TileSet, LogError> {
        let tiles = sql::tiles(tx, &edge(head.size)).await?;
        let span = Span {
            start: 0,
            end: head.size,
        };
        let root = if head.size == 0 {
            Some(empty_root())
        } else {
            tiles.span(span)
        };
        let last = sql::last_checkpoint(tx)
            .await?
            .ok_or(LogError::Damaged("no checkpoint"))?;
        let unsigned = |_| LogError::Damaged("the last checkpoint is not as this log signed it");
        let note = Note::parse(last.note.as_bytes()).map_err(unsigned)?;
        let signed = Checkpoint::open(&note, self.origin(), self.verifier()).map_err(unsigned)?;
        if last.size == head.size && signed.size == head.size && Some(signed.root) == root {
            Ok(tiles)
        } else {
            Err(LogError::Damaged(
                "the tiles don't lead to the last checkpoint",
            ))
        }
    }

    /// Signs the stored tree of `size` entries anew, under this log's name.
    pub(super) async fn sign_stored(&self, tx: &mut Tx, size: u64) -> Result<(), LogError> {
        let tiles = sql::tiles(tx, &edge(size)).await?;
        let root = if size == 0 {
            Some(empty_root())
        } else {
            tiles.span(Span {
                start: 0,
                end: size,
            })
        };
        self.sign_head(
            tx,
            size,
            root.ok_or(LogError::Damaged("a tile is missing"))?,
        )
        .await
    }

    async fn sign_head(&self, tx: &mut Tx, size: u64, root: Hash) -> Result<(), LogError> {
        let note = self.signed(size, root)?;
        Ok(sql::add_checkpoint(tx, size, &note).await?)
    }

    /// The signed checkpoint of a tree.
    fn signed(&self, size: u64, root: Hash) -> Result<String, LogError> {
        let checkpoint = Checkpoint {
            origin: self.origin().to_owned(),
            size,
            root,
        };
        Ok(checkpoint.sign(&self.inner.key)?.to_string())
    }

    /// Where the log stands.
    ///
    /// # Errors
    /// The store failed.
    pub async fn standing(&self) -> Result<Standing, LogError> {
        let mut tx = self.inner.store.read().await?;
        let head = sql::read_head(&mut tx).await?;
        let staged = sql::staged_count(&mut tx).await?;
        let behind = if trouble(&head).is_err() {
            head.behind
        } else {
            0
        };
        Ok(Standing {
            size: head.size,
            staged,
            witnessed: head.witnessed,
            behind,
        })
    }
}

/// Appends leaves after `size` others; tells which tiles changed, each once.
pub(super) fn grow<'l>(
    tiles: &mut TileSet,
    size: u64,
    leaves: impl Iterator<Item = &'l [u8]>,
) -> Result<Vec<TileId>, LogError> {
    let mut changed = Vec::new();
    for (index, leaf) in (size..).zip(leaves) {
        let touched = tiles.append(index, leaf_hash(leaf));
        changed.extend(touched.ok_or(LogError::Damaged("a tile has the wrong width"))?);
    }
    changed.sort_unstable();
    changed.dedup();
    Ok(changed)
}

/// Whether the witness knows more of this log than this store, or something else.
pub(super) fn trouble(head: &Head) -> Result<(), LogError> {
    match head.behind {
        sql::FORKED => Err(LogError::Forked),
        seen if seen > head.size => Err(LogError::Behind {
            ours: head.size,
            witness: seen,
        }),
        _ => Ok(()),
    }
}

/// The rightmost tile of every level of a tree of `size` leaves, as far as it has hashes.
fn edge(size: u64) -> Vec<TileId> {
    let index = |level: u32| size.checked_shr(TILE_HEIGHT * (level + 1)).unwrap_or(0);
    let tile = |level: u32| TileId {
        level,
        index: index(level),
    };
    (0..=LEVEL_MAX)
        .map(tile)
        .filter(|id| id.width(size) > 0)
        .collect()
}
