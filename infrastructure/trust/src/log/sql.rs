//! Every statement of the log's and the witness's tables, and the small functions around them.
//!
//! Read by the stories of `log` only. Promises rows as values of the domain; refuses to decide anything.

use kernel::Id;
use store::{Bulk, Kind, Migration, Row, StoreError, Tx, params};

use super::merkle::Hash;
use super::tiles::{TileId, TileSet};

/// The tables of the log and of the witness.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "log",
        sql: include_str!("../../migrations/log_0001.sql"),
    },
    Migration {
        version: 2,
        name: "former",
        sql: include_str!("../../migrations/log_0002.sql"),
    },
    Migration {
        version: 3,
        name: "note",
        sql: include_str!("../../migrations/log_0003.sql"),
    },
    Migration {
        version: 4,
        name: "staged",
        sql: include_str!("../../migrations/log_0004.sql"),
    },
    Migration {
        version: 5,
        name: "about",
        sql: include_str!("../../migrations/log_0005.sql"),
    },
];

/// Entries read at a time.
pub(super) const PAGE: i64 = 1_000;

const HEAD_CREATE: &str =
    "INSERT INTO trust_log_head (name, origin, size, witnessed, behind, turns)
     VALUES ('head', $1, 0, 0, 0, 0) ON CONFLICT (name) DO NOTHING";
const HEAD: &str = "SELECT origin, size, witnessed, behind FROM trust_log_head WHERE name = 'head'";
/// Writing the row first makes concurrent sequencers wait for one another on both engines.
const HEAD_LOCK: &str = "UPDATE trust_log_head SET turns = turns + 1 WHERE name = 'head'
     RETURNING origin, size, witnessed, behind";
const HEAD_SIZE: &str = "UPDATE trust_log_head SET size = $1 WHERE name = 'head'";
const HEAD_WITNESSED: &str =
    "UPDATE trust_log_head SET witnessed = $1, behind = $2 WHERE name = 'head'";

/// Entries without place: identifier, whom it concerns, salt, digest, leaf, note.
pub(super) static ENTRIES_STAGE: Bulk = Bulk {
    one: "INSERT INTO trust_log_entry (id, about, salt, digest, leaf, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    head: "INSERT INTO trust_log_entry (id, about, salt, digest, leaf, note) SELECT * FROM (VALUES ",
    columns: &[
        Kind::Text,
        Kind::Bytes,
        Kind::Bytes,
        Kind::Bytes,
        Kind::Bytes,
        Kind::Text,
    ],
    tail: ") AS v WHERE column1 IS NOT NULL",
    tells: false,
};
/// Entries with their places: identifier, whom it concerns, salt, digest, leaf, note, place.
pub(super) static ENTRIES_PAST: Bulk = Bulk {
    one: "INSERT INTO trust_log_entry (id, about, salt, digest, leaf, note, idx) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    head: "INSERT INTO trust_log_entry (id, about, salt, digest, leaf, note, idx) SELECT * FROM (VALUES ",
    columns: &[
        Kind::Text,
        Kind::Bytes,
        Kind::Bytes,
        Kind::Bytes,
        Kind::Bytes,
        Kind::Text,
        Kind::Int,
    ],
    tail: ") AS v WHERE column1 IS NOT NULL",
    tells: false,
};
const ABOUT_DROP: &str = "DROP INDEX IF EXISTS trust_log_entry_about";
const ABOUT_MAKE: &str = "CREATE INDEX IF NOT EXISTS trust_log_entry_about ON trust_log_entry (about, id) WHERE about IS NOT NULL";
/// Places of entries: identifier, place.
pub(super) static ENTRIES_PLACE: Bulk = Bulk {
    one: "UPDATE trust_log_entry SET idx = ?2 WHERE id = ?1 AND idx IS NULL",
    head: "UPDATE trust_log_entry SET idx = v.column2 FROM (VALUES ",
    columns: &[Kind::Text, Kind::Int],
    tail: ") AS v WHERE trust_log_entry.id = v.column1 AND idx IS NULL RETURNING 1",
    tells: true,
};
/// The log grows: size before, size after. It tells the size before, unless the log has another or the witness knows more.
pub(super) static HEAD_GROW: Bulk = Bulk {
    one: "UPDATE trust_log_head SET size = ?2, turns = turns + 1 \
          WHERE name = 'head' AND size = ?1 AND behind <= ?1",
    head: "UPDATE trust_log_head SET size = v.column2, turns = turns + 1 FROM (VALUES ",
    columns: &[Kind::Int, Kind::Int],
    tail: ") AS v WHERE name = 'head' AND size = v.column1 AND behind <= v.column1 RETURNING v.column1",
    tells: true,
};
/// First place, the place after the last, how many: the whole act fails unless so many entries have these places.
pub(super) static HEAD_SURE: Bulk = Bulk {
    one: "UPDATE trust_log_head SET size = NULL WHERE name = 'head' AND \
          (SELECT COUNT(*) FROM trust_log_entry WHERE idx >= ?1 AND idx < ?2) <> ?3",
    head: "UPDATE trust_log_head SET size = NULL FROM (VALUES ",
    columns: &[Kind::Int, Kind::Int, Kind::Int],
    tail: ") AS v WHERE name = 'head' AND v.column1 IS NOT NULL AND \
           (SELECT COUNT(*) FROM trust_log_entry WHERE idx >= v.column1 AND idx < v.column2) <> v.column3",
    tells: false,
};
/// Tiles: level, position, hashes.
pub(super) static TILES_SET: Bulk = Bulk {
    one: "INSERT INTO trust_log_tile (level, pos, hashes) VALUES (?1, ?2, ?3) \
          ON CONFLICT (level, pos) DO UPDATE SET hashes = excluded.hashes",
    head: "INSERT INTO trust_log_tile (level, pos, hashes) SELECT * FROM (VALUES ",
    columns: &[Kind::Int, Kind::Int, Kind::Bytes],
    tail: ") AS v WHERE column1 IS NOT NULL ON CONFLICT (level, pos) DO UPDATE SET hashes = excluded.hashes",
    tells: false,
};
/// Checkpoints: size, note.
pub(super) static CHECKPOINTS_ADD: Bulk = Bulk {
    one: "INSERT INTO trust_log_checkpoint (size, note, cosigned) VALUES (?1, ?2, '')",
    head: "INSERT INTO trust_log_checkpoint (size, note, cosigned) SELECT column1, column2, '' FROM (VALUES ",
    columns: &[Kind::Int, Kind::Text],
    tail: ") AS v WHERE column1 IS NOT NULL",
    tells: false,
};
const ENTRIES_STAGED: &str = "SELECT id, leaf FROM trust_log_entry
     WHERE idx IS NULL ORDER BY id LIMIT $1";
const ENTRIES_STAGED_WHOLE: &str =
    "SELECT id, idx, about, salt, digest, leaf, note FROM trust_log_entry
     WHERE idx IS NULL AND id > $1 ORDER BY id LIMIT $2";
const ENTRIES_INDEXED: &str = "SELECT id, idx, about, salt, digest, leaf, note FROM trust_log_entry
     WHERE idx >= $1 ORDER BY idx LIMIT $2";
const ENTRIES_ABOUT: &str = "SELECT id, idx, about, salt, digest, leaf, note FROM trust_log_entry
     WHERE about = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const ENTRY: &str =
    "SELECT id, idx, about, salt, digest, leaf, note FROM trust_log_entry WHERE id = $1";
const ENTRIES_STAGED_COUNT: &str = "SELECT COUNT(*) FROM trust_log_entry WHERE idx IS NULL";

const TILE: &str = "SELECT hashes FROM trust_log_tile WHERE level = $1 AND pos = $2";
const TILE_SET: &str = "INSERT INTO trust_log_tile (level, pos, hashes) VALUES ($1, $2, $3)
     ON CONFLICT (level, pos) DO UPDATE SET hashes = excluded.hashes";
const TILE_COUNT: &str = "SELECT COUNT(*) FROM trust_log_tile";

const CHECKPOINT_ADD: &str =
    "INSERT INTO trust_log_checkpoint (size, note, cosigned) VALUES ($1, $2, '')";
const CHECKPOINT_COSIGN: &str = "UPDATE trust_log_checkpoint SET cosigned = $2 WHERE size = $1";
const CHECKPOINT_LAST: &str =
    "SELECT size, note, cosigned FROM trust_log_checkpoint ORDER BY size DESC LIMIT 1";
const CHECKPOINT_LAST_COSIGNED: &str = "SELECT size, note, cosigned FROM trust_log_checkpoint
     WHERE size >= $1 AND cosigned <> '' ORDER BY size DESC LIMIT 1";
const CHECKPOINTS_FROM: &str = "SELECT size, note, cosigned FROM trust_log_checkpoint
     WHERE size >= $1 ORDER BY size LIMIT $2";

const CHECKPOINTS_RETIRE: &str = "INSERT INTO trust_log_former (origin, size, note, cosigned)
     SELECT $1, size, note, cosigned FROM trust_log_checkpoint";
const CHECKPOINTS_CLEAR: &str = "DELETE FROM trust_log_checkpoint";
const HEAD_RENAME: &str =
    "UPDATE trust_log_head SET origin = $1, witnessed = 0, behind = 0 WHERE name = 'head'";
const FORMER: &str = "SELECT size, note, cosigned, origin FROM trust_log_former
     WHERE origin > $1 OR (origin = $1 AND size > $2) ORDER BY origin, size LIMIT $3";

const WITNESS_ADMIT: &str = "INSERT INTO trust_witness_log
     (origin, origin_hash, verifier, size, root, note, turns) VALUES ($1, $2, $3, 0, $4, '', 0)
     ON CONFLICT (origin) DO UPDATE SET verifier = excluded.verifier";
const WITNESS_KEY: &str = "SELECT verifier FROM trust_witness_log WHERE origin = $1";
const WITNESS_LOCK: &str = "UPDATE trust_witness_log SET turns = turns + 1 WHERE origin = $1
     RETURNING verifier, size, root";
const WITNESS_SEEN: &str =
    "UPDATE trust_witness_log SET size = $2, root = $3, note = $4 WHERE origin = $1";
const WITNESS_NOTE: &str = "SELECT note FROM trust_witness_log WHERE origin_hash = $1";

/// Stands in `behind` when the witness knows another history, whatever its size.
pub(super) const FORKED: u64 = i64::MAX as u64;

/// The log's one row: how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub origin: String,
    pub size: u64,
    /// Size that the witness last cosigned, as far as we know.
    pub witnessed: u64,
    /// Size that the witness saw and this store doesn't have; 0 if there is none.
    pub behind: u64,
}

/// A stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryRow {
    pub id: String,
    pub index: Option<u64>,
    pub about: Option<Vec<u8>>,
    pub salt: Vec<u8>,
    pub digest: Vec<u8>,
    pub leaf: Vec<u8>,
    pub note: String,
}

/// A stored checkpoint: the log's own note, and the witnesses' lines apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckpointRow {
    pub size: u64,
    pub note: String,
    pub cosigned: String,
}

/// What a witness remembers of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub verifier: String,
    pub size: u64,
    pub root: Hash,
}

fn count(row: &Row, index: usize) -> Result<u64, StoreError> {
    u64::try_from(row.int(index)?).map_err(|_| StoreError::Column {
        index,
        expected: "a size",
    })
}

fn head(row: &Row) -> Result<Head, StoreError> {
    Ok(Head {
        origin: row.text(0)?,
        size: count(row, 1)?,
        witnessed: count(row, 2)?,
        behind: count(row, 3)?,
    })
}

fn entry(row: &Row) -> Result<EntryRow, StoreError> {
    Ok(EntryRow {
        id: row.text(0)?,
        index: row.opt_int(1)?.map(|_| count(row, 1)).transpose()?,
        about: row.opt_bytes(2)?,
        salt: row.bytes(3)?,
        digest: row.bytes(4)?,
        leaf: row.bytes(5)?,
        note: row.text(6)?,
    })
}

fn checkpoint(row: &Row) -> Result<CheckpointRow, StoreError> {
    Ok(CheckpointRow {
        size: count(row, 0)?,
        note: row.text(1)?,
        cosigned: row.text(2)?,
    })
}

pub(super) async fn create_head(tx: &mut Tx, origin: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(HEAD_CREATE, &params![origin]).await? == 1)
}

pub(super) async fn read_head(tx: &mut Tx) -> Result<Head, StoreError> {
    head(&tx.one(HEAD, &[]).await?)
}

pub(super) async fn lock_head(tx: &mut Tx) -> Result<Head, StoreError> {
    head(&tx.one(HEAD_LOCK, &[]).await?)
}

pub(super) async fn set_size(tx: &mut Tx, size: u64) -> Result<(), StoreError> {
    tx.execute(HEAD_SIZE, &params![size]).await.map(drop)
}

pub(super) async fn set_witnessed(tx: &mut Tx, size: u64, behind: u64) -> Result<(), StoreError> {
    tx.execute(HEAD_WITNESSED, &params![size, behind])
        .await
        .map(drop)
}

/// The oldest staged entries, at most `limit`: identifier and leaf.
pub(super) async fn staged(
    tx: &mut Tx,
    limit: usize,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let rows = tx.all(ENTRIES_STAGED, &params![limit]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.bytes(1)?)))
        .collect()
}

/// Staged entries after `after`, whole.
pub(super) async fn staged_rows(tx: &mut Tx, after: &str) -> Result<Vec<EntryRow>, StoreError> {
    let rows = tx.all(ENTRIES_STAGED_WHOLE, &params![after, PAGE]).await?;
    rows.iter().map(entry).collect()
}

pub(super) async fn staged_count(tx: &mut Tx) -> Result<u64, StoreError> {
    count(&tx.one(ENTRIES_STAGED_COUNT, &[]).await?, 0)
}

pub(super) async fn indexed(
    tx: &mut Tx,
    from: u64,
    limit: i64,
) -> Result<Vec<EntryRow>, StoreError> {
    let rows = tx.all(ENTRIES_INDEXED, &params![from, limit]).await?;
    rows.iter().map(entry).collect()
}

pub(super) async fn about(
    tx: &mut Tx,
    pseudonym: &Hash,
    before: &str,
    limit: usize,
) -> Result<Vec<EntryRow>, StoreError> {
    let rows = tx
        .all(ENTRIES_ABOUT, &params![pseudonym, before, limit])
        .await?;
    rows.iter().map(entry).collect()
}

pub(super) async fn one(tx: &mut Tx, id: Id) -> Result<Option<EntryRow>, StoreError> {
    tx.maybe(ENTRY, &params![id])
        .await?
        .as_ref()
        .map(entry)
        .transpose()
}

/// Drops the index by whom entries concern, or makes it anew: sorting it once costs less than many rows at random places.
pub(super) async fn index_about(tx: &mut Tx, is_wanted: bool) -> Result<(), StoreError> {
    let text = if is_wanted { ABOUT_MAKE } else { ABOUT_DROP };
    tx.execute(text, &[]).await.map(drop)
}

/// The stored hashes of a tile; empty if there is no such row.
pub(super) async fn tile(tx: &mut Tx, id: TileId) -> Result<Vec<u8>, StoreError> {
    let row = tx.maybe(TILE, &params![id.level, id.index]).await?;
    row.map_or(Ok(Vec::new()), |row| row.bytes(0))
}

/// Several tiles.
pub(super) async fn tiles(tx: &mut Tx, ids: &[TileId]) -> Result<TileSet, StoreError> {
    let mut set = TileSet::default();
    for id in ids {
        set.insert(*id, tile(tx, *id).await?);
    }
    Ok(set)
}

pub(super) async fn set_tile(tx: &mut Tx, id: TileId, hashes: &[u8]) -> Result<(), StoreError> {
    tx.execute(TILE_SET, &params![id.level, id.index, hashes])
        .await
        .map(drop)
}

pub(super) async fn tile_count(tx: &mut Tx) -> Result<u64, StoreError> {
    count(&tx.one(TILE_COUNT, &[]).await?, 0)
}

pub(super) async fn add_checkpoint(tx: &mut Tx, size: u64, note: &str) -> Result<(), StoreError> {
    tx.execute(CHECKPOINT_ADD, &params![size, note])
        .await
        .map(drop)
}

pub(super) async fn set_cosigned(tx: &mut Tx, size: u64, lines: &str) -> Result<u64, StoreError> {
    tx.execute(CHECKPOINT_COSIGN, &params![size, lines]).await
}

pub(super) async fn last_checkpoint(tx: &mut Tx) -> Result<Option<CheckpointRow>, StoreError> {
    tx.maybe(CHECKPOINT_LAST, &[])
        .await?
        .as_ref()
        .map(checkpoint)
        .transpose()
}

/// The last cosigned checkpoint of at least `size` entries.
pub(super) async fn cosigned(tx: &mut Tx, size: u64) -> Result<Option<CheckpointRow>, StoreError> {
    let row = tx.maybe(CHECKPOINT_LAST_COSIGNED, &params![size]).await?;
    row.as_ref().map(checkpoint).transpose()
}

pub(super) async fn checkpoints(tx: &mut Tx, from: i64) -> Result<Vec<CheckpointRow>, StoreError> {
    let rows = tx.all(CHECKPOINTS_FROM, &params![from, PAGE]).await?;
    rows.iter().map(checkpoint).collect()
}

/// Puts all checkpoints aside as those of `origin`.
pub(super) async fn retire_checkpoints(tx: &mut Tx, origin: &str) -> Result<(), StoreError> {
    tx.execute(CHECKPOINTS_RETIRE, &params![origin]).await?;
    tx.execute(CHECKPOINTS_CLEAR, &[]).await.map(drop)
}

pub(super) async fn rename_head(tx: &mut Tx, origin: &str) -> Result<(), StoreError> {
    tx.execute(HEAD_RENAME, &params![origin]).await.map(drop)
}

/// Checkpoints put aside, with their origins, after the given one.
pub(super) async fn former(
    tx: &mut Tx,
    (origin, size): (&str, i64),
) -> Result<Vec<(String, CheckpointRow)>, StoreError> {
    let rows = tx.all(FORMER, &params![origin, size, PAGE]).await?;
    rows.iter()
        .map(|row| Ok((row.text(3)?, checkpoint(row)?)))
        .collect()
}

pub(super) async fn admit(
    tx: &mut Tx,
    origin: &str,
    origin_hash: &str,
    verifier: &str,
    empty: &Hash,
) -> Result<(), StoreError> {
    tx.execute(
        WITNESS_ADMIT,
        &params![origin, origin_hash, verifier, empty],
    )
    .await
    .map(drop)
}

pub(super) async fn witness_key(tx: &mut Tx, origin: &str) -> Result<Option<String>, StoreError> {
    tx.maybe(WITNESS_KEY, &params![origin])
        .await?
        .map(|row| row.text(0))
        .transpose()
}

pub(super) async fn lock_seen(tx: &mut Tx, origin: &str) -> Result<Option<Seen>, StoreError> {
    let row = tx.maybe(WITNESS_LOCK, &params![origin]).await?;
    row.map(|row| {
        Ok(Seen {
            verifier: row.text(0)?,
            size: count(&row, 1)?,
            root: row.digest(2)?,
        })
    })
    .transpose()
}

pub(super) async fn set_seen(
    tx: &mut Tx,
    origin: &str,
    size: u64,
    root: &Hash,
    note: &str,
) -> Result<(), StoreError> {
    tx.execute(WITNESS_SEEN, &params![origin, size, root, note])
        .await
        .map(drop)
}

pub(super) async fn seen_note(
    tx: &mut Tx,
    origin_hash: &str,
) -> Result<Option<String>, StoreError> {
    tx.maybe(WITNESS_NOTE, &params![origin_hash])
        .await?
        .map(|row| row.text(0))
        .transpose()
}
