//! What the log hands out: proofs of entries, what it holds about somebody, its checkpoint, tiles and bundles.
//!
//! Read by pages, by `http` and by auditors. Promises that a proof is whole when it is handed out: it prefers the
//! newest checkpoint that a witness cosigned, and falls back to the log's own while the witness is away.

use std::collections::BTreeMap;

use kernel::{Id, Moment};
use store::Tx;

use super::ask;
use super::checkpoint::Checkpoint;
use super::entry::{Leaf, Pseudonym};
use super::journal::{Log, LogError};
use super::merkle::{Hash, Span, inclusion_spans};
use super::note::{Note, Signature};
use super::proof::ProofFile;
use super::sql::{self, CheckpointRow, EntryRow};
use super::tiles::{TILE_WIDTH, TileAddress, TileId, TileSet, bundle};

/// Entries about one person given at a time; a page shows fewer.
pub const ABOUT_MAX: usize = 200;

/// An entry as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The entry.
    pub id: Id,
    /// Its place; `None` until the next turn.
    pub index: Option<u64>,
    /// What happened.
    pub kind: String,
    /// When.
    pub at: Moment,
    /// Digest of what proves it.
    pub digest: Hash,
    /// Codes and identifiers.
    pub note: BTreeMap<String, String>,
}

impl Log {
    /// The proof of an entry; `None` if there is no such entry or it has no place yet.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub async fn proof(&self, entry: Id) -> Result<Option<ProofFile>, LogError> {
        let mut tx = self.inner.store.read().await?;
        let Some(row) = sql::one(&mut tx, entry).await? else {
            return Ok(None);
        };
        let Some(index) = row.index else {
            return Ok(None);
        };
        let cosigned = sql::cosigned(&mut tx, index + 1).await?;
        let found = match cosigned {
            Some(found) => Some(found),
            None => sql::last_checkpoint(&mut tx)
                .await?
                .filter(|last| last.size > index),
        };
        let checkpoint = found.ok_or(LogError::Damaged("no checkpoint over an entry"))?;
        let path = inclusion(&mut tx, index, checkpoint.size).await?;
        let EntryRow {
            leaf,
            salt,
            digest,
            note: told,
            ..
        } = row;
        Ok(Some(ProofFile {
            index,
            leaf,
            salt,
            digest,
            told,
            path,
            note: whole(&checkpoint)?,
        }))
    }

    /// An entry by its identifier.
    ///
    /// # Errors
    /// The store failed or the entry is damaged.
    pub async fn entry(&self, entry: Id) -> Result<Option<Known>, LogError> {
        let mut tx = self.inner.store.read().await?;
        sql::one(&mut tx, entry).await?.map(known).transpose()
    }

    /// Entries in the order of the log from the place `from`, at most `limit` and never above a thousand.
    ///
    /// # Errors
    /// The store failed or an entry is damaged.
    pub async fn entries(&self, from: u64, limit: usize) -> Result<Vec<Known>, LogError> {
        let mut tx = self.inner.store.read().await?;
        let limit = i64::try_from(limit).unwrap_or(sql::PAGE).min(sql::PAGE);
        sql::indexed(&mut tx, from, limit)
            .await?
            .into_iter()
            .map(known)
            .collect()
    }

    /// What the log holds about somebody, newest first, at most `limit` and never above `ABOUT_MAX`; to go on, give the
    /// last entry's identifier as `before`.
    ///
    /// # Errors
    /// The store failed or an entry is damaged.
    pub async fn entries_about(
        &self,
        about: Pseudonym,
        before: Option<Id>,
        limit: usize,
    ) -> Result<Vec<Known>, LogError> {
        let mut tx = self.inner.store.read().await?;
        // `~` sorts after every identifier.
        let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
        let rows = sql::about(&mut tx, &about.0, &before, limit.min(ABOUT_MAX)).await?;
        rows.into_iter().map(known).collect()
    }

    /// The newest checkpoint with its cosignature, as `GET checkpoint` serves it.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub async fn checkpoint(&self) -> Result<String, LogError> {
        let mut tx = self.inner.store.read().await?;
        let last = sql::last_checkpoint(&mut tx).await?;
        Ok(whole(&last.ok_or(LogError::Damaged("no checkpoint"))?)?.to_string())
    }

    /// The proof that the tree of `old` entries is a beginning of the one of `new`; `None` if there is no such tree.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, LogError> {
        let mut tx = self.inner.store.read().await?;
        if new > sql::read_head(&mut tx).await?.size {
            return Ok(None);
        }
        ask::consistency(&mut tx, old, new).await
    }

    /// The bytes at a tile address; `None` if the log has not grown so far.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub async fn tile(&self, address: TileAddress) -> Result<Option<Vec<u8>>, LogError> {
        let mut tx = self.inner.store.read().await?;
        let size = sql::read_head(&mut tx).await?.size;
        match address {
            TileAddress::Hashes { tile, width } if width <= tile.width(size) => {
                let mut hashes = sql::tile(&mut tx, tile).await?;
                hashes.truncate(usize::try_from(width * 32).unwrap_or(usize::MAX));
                Ok(Some(hashes))
            }
            TileAddress::Entries { index, width }
                if width <= (TileId { level: 0, index }).width(size) =>
            {
                let limit = i64::try_from(width).unwrap_or(0);
                let rows = sql::indexed(&mut tx, index * TILE_WIDTH, limit).await?;
                let bytes = bundle(rows.iter().map(|row| row.leaf.as_slice()));
                bytes
                    .map(Some)
                    .ok_or(LogError::Damaged("an entry is too long"))
            }
            _ => Ok(None),
        }
    }
}

/// The inclusion path of a leaf from stored tiles.
async fn inclusion(tx: &mut Tx, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
    let spans: Vec<Span> =
        inclusion_spans(index, size).ok_or(LogError::Damaged("an entry outside the tree"))?;
    let tiles = sql::tiles(tx, &TileSet::needed(&spans)).await?;
    let hashes: Option<Vec<Hash>> = spans.into_iter().map(|span| tiles.span(span)).collect();
    hashes.ok_or(LogError::Damaged("a tile is missing"))
}

/// A stored checkpoint with the lines of its witnesses.
pub(super) fn whole(row: &CheckpointRow) -> Result<Note, LogError> {
    let mut note = Note::parse(row.note.as_bytes())?;
    Checkpoint::parse(note.unverified_text())?;
    if !row.cosigned.is_empty() {
        Signature::parse_lines(&row.cosigned)?
            .into_iter()
            .for_each(|line| note.add(line));
    }
    Ok(note)
}

fn known(row: EntryRow) -> Result<Known, LogError> {
    let leaf = Leaf::parse(&row.leaf)?;
    let digest = row
        .digest
        .try_into()
        .map_err(|_| LogError::Damaged("a digest's length"))?;
    let note = serde_json::from_str(&row.note).map_err(|_| LogError::Damaged("a note"))?;
    let id = row
        .id
        .parse()
        .map_err(|_| LogError::Damaged("an entry's identifier"))?;
    Ok(Known {
        id,
        index: row.index,
        at: leaf.at(),
        kind: leaf.kind,
        digest,
        note,
    })
}
