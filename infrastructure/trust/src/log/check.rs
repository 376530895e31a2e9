//! Recomputes the whole log from its stored entries and tells the first places that differ.
//!
//! Read by `tambo check` and by auditors on the node. Promises that a changed byte in any entry, tile or checkpoint is
//! found, and named by its place: the signed checkpoints decide whether the entry or the stored hash is the wrong one.
//! It reads in pages, so its memory does not grow with the log.

use std::fmt;

use data_encoding::HEXLOWER;
use store::Tx;

use super::checkpoint::{Checkpoint, cosigned_at};
use super::entry::Leaf;
use super::journal::{Log, LogError};
use super::merkle::{Edge, Hash, empty_root, inclusion_spans, leaf_hash, verify_inclusion};
use super::note::{Note, Signature, SignatureKind, VerifierKey};
use super::sql::{self, CheckpointRow, EntryRow};
use super::tiles::{LEVEL_MAX, TILE_HEIGHT, TILE_WIDTH, TileId, TileSet, reduce};

/// Findings after which a check stops: the first ones tell where to look.
pub const FINDINGS_MAX: usize = 50;

/// A place of the stored log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The entry at this index.
    Entry(u64),
    /// An entry that has no index yet, counted from 0 in the order of identifiers.
    Staged(u64),
    /// A hash of a tile: level, tile and position in it.
    Tile(TileId, u64),
    /// The checkpoint of this size.
    Checkpoint(u64),
    /// The checkpoint of this size that was signed under a former name.
    Former(u64),
    /// The log's own row.
    Head,
}

/// One thing that isn't as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub what: &'static str,
    /// What must be there, if that is known.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// The outcome of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogReport {
    /// Entries with a place that were read.
    pub entries: u64,
    /// Entries that wait for a place.
    pub staged: u64,
    /// Checkpoints that were read.
    pub checkpoints: u64,
    /// What is wrong, in the order of the log; empty if all is well.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(index) => write!(f, "entry {index}"),
            Self::Staged(nth) => write!(f, "staged entry {nth}"),
            Self::Tile(id, at) => write!(f, "tile {}/{} hash {at}", id.level, id.index),
            Self::Checkpoint(size) => write!(f, "checkpoint {size}"),
            Self::Former(size) => write!(f, "former checkpoint {size}"),
            Self::Head => f.write_str("head"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}, found {}", self.expected, self.found)?;
        }
        Ok(())
    }
}

impl LogReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, place: Place, what: &'static str) {
        self.differ(place, what, "", "");
    }

    fn differ(&mut self, place: Place, what: &'static str, expected: &str, found: &str) {
        if self.findings.len() < FINDINGS_MAX {
            let (expected, found) = (expected.to_owned(), found.to_owned());
            self.findings.push(Finding {
                place,
                what,
                expected,
                found,
            });
        }
    }

    fn full(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }
}

/// What the walk over the entries carries along.
struct Walk<'a> {
    log: &'a Log,
    tx: Tx,
    report: LogReport,
    /// The tree over the entries as they are stored.
    edge: Edge,
    /// The tile of leaf hashes at the walk's place, as it is stored.
    leaves: Vec<u8>,
    /// For every level, the hashes of the tile at the walk's place, as the entries give them.
    rows: Vec<Vec<u8>>,
    /// The last entry that was found damaged: what is computed over it is wrong by necessity.
    damaged: Option<u64>,
    /// Checkpoints ahead, smallest first.
    ahead: Vec<CheckpointRow>,
    /// Size and root of the newest checkpoint that is truly signed.
    signed: Option<(u64, Hash)>,
}

impl Log {
    /// Checks everything that is stored, in one unchanging view of it.
    ///
    /// # Errors
    /// The store failed; damage is no error but a finding.
    pub async fn check(&self) -> Result<LogReport, LogError> {
        let mut tx = self.inner.store.read().await?;
        let head = sql::read_head(&mut tx).await?;
        let mut walk = Walk {
            log: self,
            tx,
            report: LogReport::default(),
            edge: Edge::default(),
            leaves: Vec::new(),
            rows: vec![Vec::new(); LEVEL_MAX as usize + 1],
            damaged: None,
            ahead: Vec::new(),
            signed: None,
        };
        walk.head(&head).await?;
        walk.tiles(head.size).await?;
        walk.entries(head.size).await?;
        walk.staged().await?;
        walk.former().await?;
        Ok(walk.report)
    }
}

impl Walk<'_> {
    /// The head row against the newest checkpoint.
    async fn head(&mut self, head: &sql::Head) -> Result<(), LogError> {
        if head.origin != self.log.origin() {
            self.report.differ(
                Place::Head,
                "another origin",
                self.log.origin(),
                &head.origin,
            );
        }
        let last = sql::last_checkpoint(&mut self.tx).await?;
        let told = last.as_ref().map_or(0, |row| row.size);
        if last.is_none() || told != head.size {
            let (expected, found) = (told.to_string(), head.size.to_string());
            self.report.differ(Place::Head, "size", &expected, &found);
        }
        if let Some(row) = last
            && let Ok(checkpoint) = self.opened(&row)
        {
            self.signed = Some((checkpoint.size, checkpoint.root));
        }
        Ok(())
    }

    /// A stored checkpoint, if its signatures hold and its size is its row's.
    fn opened(&self, row: &CheckpointRow) -> Result<Checkpoint, &'static str> {
        self.opened_by(row, self.log.verifier())
    }

    fn opened_by(
        &self,
        row: &CheckpointRow,
        key: &VerifierKey,
    ) -> Result<Checkpoint, &'static str> {
        let note = Note::parse(row.note.as_bytes()).map_err(|_| "malformed note")?;
        let checkpoint = Checkpoint::open(&note, key.name(), key)
            .map_err(|_| "the log's signature does not hold")?;
        if checkpoint.size != row.size || note.to_string() != row.note {
            return Err("another size than its row, or another form");
        }
        if !row.cosigned.is_empty() {
            let lines =
                Signature::parse_lines(&row.cosigned).map_err(|_| "malformed cosignature")?;
            let cosigned = Note::new(note.unverified_text().to_owned(), lines);
            let again: String = cosigned
                .signatures()
                .iter()
                .map(ToString::to_string)
                .collect();
            let key = self
                .log
                .inner
                .witness
                .as_ref()
                .map(|witness| witness.verifier());
            let held = key.is_none_or(|key| matches!(cosigned_at(&cosigned, key), Ok(Some(_))));
            if !held || again != row.cosigned {
                return Err("the witness's signature does not hold");
            }
        }
        Ok(checkpoint)
    }

    /// Every stored tile: that it belongs there and has its width.
    async fn tiles(&mut self, size: u64) -> Result<(), LogError> {
        let mut expected = 0_u64;
        for level in 0..=LEVEL_MAX {
            let wide = size.checked_shr(level * TILE_HEIGHT).unwrap_or(0);
            expected += wide.div_ceil(TILE_WIDTH);
            for index in 0..wide.div_ceil(TILE_WIDTH) {
                self.tile(TileId { level, index }, size).await?;
                if self.report.full() {
                    return Ok(());
                }
            }
        }
        let stored = sql::tile_count(&mut self.tx).await?;
        if stored != expected {
            let (expected, found) = (expected.to_string(), stored.to_string());
            self.report
                .differ(Place::Head, "number of tiles", &expected, &found);
        }
        Ok(())
    }

    async fn tile(&mut self, id: TileId, size: u64) -> Result<(), LogError> {
        let hashes = sql::tile(&mut self.tx, id).await?;
        let width = id.width(size);
        if hashes.len() as u64 != width * 32 {
            let (expected, found) = ((width * 32).to_string(), hashes.len().to_string());
            let place = Place::Tile(id, (hashes.len() as u64 / 32).min(width));
            self.report
                .differ(place, "bytes of the tile", &expected, &found);
        }
        Ok(())
    }

    /// Every entry with a place, and every checkpoint at its size.
    async fn entries(&mut self, size: u64) -> Result<(), LogError> {
        self.checkpoints_here().await?;
        while self.edge.size() < size && !self.report.full() {
            let rows = sql::indexed(&mut self.tx, self.edge.size(), sql::PAGE).await?;
            if rows.is_empty() {
                self.report
                    .add(Place::Entry(self.edge.size()), "the entry is missing");
                return Ok(());
            }
            for row in rows {
                let index = self.edge.size();
                if row.index != Some(index) || index >= size {
                    self.report
                        .add(Place::Entry(index), "the entry is missing or out of place");
                    return Ok(());
                }
                self.entry(index, &row).await?;
                self.checkpoints_here().await?;
            }
        }
        let beyond = sql::indexed(&mut self.tx, size, 1).await?;
        if let Some(index) = beyond.first().and_then(|row| row.index) {
            self.report
                .add(Place::Entry(index), "an entry beyond the log's size");
        }
        self.checkpoints_beyond(size).await
    }

    async fn entry(&mut self, index: u64, row: &EntryRow) -> Result<(), LogError> {
        self.report.entries += 1;
        let tile = TileId {
            level: 0,
            index: index / TILE_WIDTH,
        };
        let at = index % TILE_WIDTH;
        if at == 0 {
            self.leaves = sql::tile(&mut self.tx, tile).await?;
        }
        let hash = leaf_hash(&row.leaf);
        self.edge.append(hash);
        let from = usize::try_from(at).unwrap_or(0) * 32;
        let stored = self
            .leaves
            .get(from..from + 32)
            .and_then(|bytes| Hash::try_from(bytes).ok());
        if let Some(stored) = stored.filter(|stored| *stored != hash) {
            let (expected, found) = (HEXLOWER.encode(&stored), HEXLOWER.encode(&hash));
            if self.leads_to_signed(index, &hash).await? {
                let what = "the stored hash is not the entry's";
                self.report
                    .differ(Place::Tile(tile, at), what, &found, &expected);
            } else {
                let what = "the entry is not the one that was signed";
                self.report
                    .differ(Place::Entry(index), what, &expected, &found);
                self.damaged = Some(index);
            }
        } else if let Some(what) = columns(row) {
            self.report.add(Place::Entry(index), what);
        }
        self.levels_above(index, hash).await
    }

    /// Compares the hash of every tile that this entry completes with the one stored a level up.
    async fn levels_above(&mut self, index: u64, leaf: Hash) -> Result<(), LogError> {
        let (mut place, mut hash) = (index, leaf);
        for level in 0..LEVEL_MAX {
            let Some(row) = self.rows.get_mut(level as usize) else {
                return Ok(());
            };
            row.extend_from_slice(&hash);
            if row.len() as u64 != TILE_WIDTH * 32 {
                return Ok(());
            }
            let Some(root) = reduce(row) else {
                return Ok(());
            };
            row.clear();
            (place, hash) = (place / TILE_WIDTH, root);
            let start = place << (TILE_HEIGHT * (level + 1));
            let id = TileId {
                level: level + 1,
                index: place / TILE_WIDTH,
            };
            let at = place % TILE_WIDTH;
            let from = usize::try_from(at).unwrap_or(0) * 32;
            let tile = sql::tile(&mut self.tx, id).await?;
            let stored = tile.get(from..from + 32).unwrap_or_default();
            let sound = self.damaged.is_none_or(|damaged| damaged < start);
            if stored != hash && !stored.is_empty() && sound {
                let (expected, found) = (HEXLOWER.encode(&hash), HEXLOWER.encode(stored));
                let what = "not the root of the tile below";
                self.report
                    .differ(Place::Tile(id, at), what, &expected, &found);
            }
        }
        Ok(())
    }

    /// Whether `hash` at `index` leads to the newest truly signed root over the stored hashes beside it.
    async fn leads_to_signed(&mut self, index: u64, hash: &Hash) -> Result<bool, LogError> {
        let Some((size, root)) = self.signed else {
            return Ok(false);
        };
        let Some(spans) = inclusion_spans(index, size) else {
            return Ok(false);
        };
        let tiles = sql::tiles(&mut self.tx, &TileSet::needed(&spans)).await?;
        let path: Option<Vec<Hash>> = spans.into_iter().map(|span| tiles.span(span)).collect();
        Ok(path.is_some_and(|path| verify_inclusion(hash, index, size, &path, &root).is_ok()))
    }

    /// The checkpoints of the size that the walk has reached.
    async fn checkpoints_here(&mut self) -> Result<(), LogError> {
        let size = self.edge.size();
        if self.ahead.is_empty() {
            let from = if size == 0 {
                i64::MIN
            } else {
                i64::try_from(size).unwrap_or(i64::MAX)
            };
            self.ahead = sql::checkpoints(&mut self.tx, from).await?;
            self.ahead.reverse();
        }
        while let Some(row) = self.ahead.pop_if(|row| row.size <= size) {
            self.report.checkpoints += 1;
            let place = Place::Checkpoint(row.size);
            match self.opened(&row) {
                Err(what) => self.report.add(place, what),
                Ok(_) if row.size < size => self.report.add(place, "out of order"),
                Ok(checkpoint) => {
                    let root = if size == 0 {
                        empty_root()
                    } else {
                        self.edge.root()
                    };
                    if checkpoint.root != root && self.damaged.is_none() {
                        let signed = HEXLOWER.encode(&checkpoint.root);
                        let what = "the entries lead to another root than was signed";
                        self.report
                            .differ(place, what, &signed, &HEXLOWER.encode(&root));
                    }
                }
            }
        }
        Ok(())
    }

    async fn checkpoints_beyond(&mut self, size: u64) -> Result<(), LogError> {
        let from = i64::try_from(size + 1).unwrap_or(i64::MAX);
        for row in sql::checkpoints(&mut self.tx, from).await? {
            self.report
                .add(Place::Checkpoint(row.size), "beyond the log's size");
        }
        Ok(())
    }

    /// The checkpoints that this log signed under former names.
    async fn former(&mut self) -> Result<(), LogError> {
        let mut after = (String::new(), -1);
        loop {
            let rows = sql::former(&mut self.tx, (&after.0, after.1)).await?;
            let Some((origin, row)) = rows.last() else {
                return Ok(());
            };
            after = (origin.clone(), i64::try_from(row.size).unwrap_or(i64::MAX));
            for (origin, row) in &rows {
                let key =
                    VerifierKey::new(origin, SignatureKind::Note, *self.log.verifier().public());
                let opened = key
                    .map_err(|_| "a name that no log has")
                    .and_then(|key| self.opened_by(row, &key));
                if let Err(what) = opened {
                    self.report.add(Place::Former(row.size), what);
                }
            }
        }
    }

    /// Entries that wait for their place.
    async fn staged(&mut self) -> Result<(), LogError> {
        let mut after = String::new();
        loop {
            let rows = sql::staged_rows(&mut self.tx, &after).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after.clone_from(&last.id);
            for row in &rows {
                if let Some(what) = columns(row) {
                    self.report.add(Place::Staged(self.report.staged), what);
                }
                self.report.staged += 1;
            }
        }
    }
}

/// What is wrong between an entry's bytes and the columns beside them.
fn columns(row: &EntryRow) -> Option<&'static str> {
    let Ok(leaf) = Leaf::parse(&row.leaf) else {
        return Some("the bytes are not an entry");
    };
    if !leaf.commits_to_id(&row.salt, &row.id) {
        Some("the identifier or the salt is not the entry's")
    } else if !leaf.commits_to_digest(&row.salt, &row.digest) {
        Some("the salt or the digest is not the entry's")
    } else if !leaf.commits_to_about(&row.salt, row.about.as_deref()) {
        Some("the pseudonym is not the entry's")
    } else if !leaf.commits_to_note(&row.salt, &row.note) {
        Some("the note is not the entry's")
    } else {
        None
    }
}
