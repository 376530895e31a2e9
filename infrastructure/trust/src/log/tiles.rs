//! Tiles of C2SP tlog-tiles (v0.1.0): where a hash lies, how a tile is addressed, and how entries are bundled.
//!
//! Read by storage, proofs and the public addresses. Promises that a path has exactly one spelling: leading zeroes,
//! foreign signs and widths outside 1 to 255 are refused, so that caches never hold two copies.

use std::collections::BTreeMap;

use super::merkle::{Hash, Node, Span, fold_right, node_hash};

/// Levels of the binary tree that one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;
/// Tile levels that can exist below 2^62 leaves.
pub const LEVEL_MAX: u32 = 7;
/// Bytes of one hash.
const HASH_LEN: usize = 32;

/// The place of a tile: its level and its position in the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Tile level; level 0 holds leaf hashes.
    pub level: u32,
    /// Position within the level.
    pub index: u64,
}

/// What a tile address asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileAddress {
    /// Hashes of a level.
    Hashes {
        /// Which tile.
        tile: TileId,
        /// Hashes asked for, 1 to 256.
        width: u64,
    },
    /// Entries, length-prefixed.
    Entries {
        /// Which bundle.
        index: u64,
        /// Entries asked for, 1 to 256.
        width: u64,
    },
}

impl TileId {
    /// Hashes that this tile has in a tree of `size` leaves; 0 to 256.
    pub fn width(self, size: u64) -> u64 {
        let in_level = size.checked_shr(self.level * TILE_HEIGHT).unwrap_or(0);
        in_level
            .saturating_sub(self.index.saturating_mul(TILE_WIDTH))
            .min(TILE_WIDTH)
    }

    /// The tile that holds what `node` is computed from.
    pub fn of(node: Node) -> Self {
        let level = node.level / TILE_HEIGHT;
        let within = node.level % TILE_HEIGHT;
        Self {
            level,
            index: node.index >> (TILE_HEIGHT - within),
        }
    }
}

impl TileAddress {
    /// Reads what follows `tile/`: `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.split_once('/')?;
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (
                place,
                number(width).filter(|w| (1..TILE_WIDTH).contains(w))?,
            ),
            None => (rest, TILE_WIDTH),
        };
        let index = parse_index(place)?;
        if kind == "entries" {
            return Some(Self::Entries { index, width });
        }
        let level = number(kind).filter(|level| *level <= u64::from(LEVEL_MAX))?;
        let tile = TileId {
            level: u32::try_from(level).ok()?,
            index,
        };
        Some(Self::Hashes { tile, width })
    }

    /// The address without the log's prefix, for example `tile/0/x001/234.p/17`.
    pub fn path(self) -> String {
        let (kind, index, width) = match self {
            Self::Hashes { tile, width } => (tile.level.to_string(), tile.index, width),
            Self::Entries { index, width } => ("entries".to_owned(), index, width),
        };
        let suffix = if width == TILE_WIDTH {
            String::new()
        } else {
            format!(".p/{width}")
        };
        format!("tile/{kind}/{}{suffix}", format_index(index))
    }
}

/// A decimal number without leading zeroes.
pub(super) fn number(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit());
    (canonical && digits).then(|| text.parse().ok()).flatten()
}

fn format_index(index: u64) -> String {
    let mut text = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1_000);
        rest /= 1_000;
    }
    text
}

fn parse_index(text: &str) -> Option<u64> {
    let mut value = 0_u64;
    let mut parts = text.split('/').peekable();
    while let Some(part) = parts.next() {
        let digits = if parts.peek().is_some() {
            part.strip_prefix('x')?
        } else {
            part
        };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        value = value
            .checked_mul(1_000)?
            .checked_add(digits.parse().ok()?)?;
    }
    (format_index(value) == text).then_some(value)
}

/// Tiles read from storage, from which any node of the tree is computed.
#[derive(Clone, Debug, Default)]
pub struct TileSet {
    tiles: BTreeMap<TileId, Vec<u8>>,
}

impl TileSet {
    /// The tiles needed to compute these spans, each once.
    pub fn needed(spans: &[Span]) -> Vec<TileId> {
        let mut ids: Vec<TileId> = spans
            .iter()
            .flat_map(|s| s.nodes())
            .map(TileId::of)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Adds the stored bytes of a tile.
    pub fn insert(&mut self, id: TileId, hashes: Vec<u8>) {
        self.tiles.insert(id, hashes);
    }

    /// The stored bytes of a tile.
    pub fn get(&self, id: TileId) -> Option<&[u8]> {
        self.tiles.get(&id).map(Vec::as_slice)
    }

    /// The hash of a perfect subtree; `None` if its tile is absent or too narrow.
    pub fn node(&self, node: Node) -> Option<Hash> {
        let id = TileId::of(node);
        let tile = self.tiles.get(&id)?;
        let count = 1_usize << (node.level % TILE_HEIGHT);
        let first =
            usize::try_from(node.index.checked_shl(node.level % TILE_HEIGHT)? % TILE_WIDTH).ok()?;
        let bytes = tile.get(first * HASH_LEN..(first + count) * HASH_LEN)?;
        reduce(bytes)
    }

    /// The hash over a span; `None` if a tile is absent.
    pub fn span(&self, span: Span) -> Option<Hash> {
        let peaks: Option<Vec<Hash>> = span
            .nodes()
            .into_iter()
            .map(|node| self.node(node))
            .collect();
        fold_right(&peaks?)
    }

    /// Appends the leaf hash of entry `index`, and the hash of every tile that it completes one level up.
    /// Gives back the tiles that changed; `None` if a tile that must be there is absent or has another width.
    pub fn append(&mut self, index: u64, leaf: Hash) -> Option<Vec<TileId>> {
        let (mut place, mut hash, mut changed) = (index, leaf, Vec::new());
        for level in 0..=LEVEL_MAX {
            let id = TileId {
                level,
                index: place / TILE_WIDTH,
            };
            let within = usize::try_from(place % TILE_WIDTH).ok()?;
            let tile = self.tiles.entry(id).or_default();
            if tile.len() != within * HASH_LEN {
                return None;
            }
            tile.extend_from_slice(&hash);
            changed.push(id);
            if (place + 1) % TILE_WIDTH != 0 {
                break;
            }
            place /= TILE_WIDTH;
            hash = reduce(tile)?;
        }
        Some(changed)
    }
}

/// The root over a power of two of hashes, level by level.
pub(super) fn reduce(hashes: &[u8]) -> Option<Hash> {
    let mut row = hashes.as_chunks::<HASH_LEN>().0.to_vec();
    while row.len() > 1 {
        row = row
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| node_hash(left, right))
            .collect();
    }
    row.first().copied()
}

/// One bundle of entries: each with its length in two bytes, big-endian. Entries longer than 65,535 bytes can't exist
/// in such a log; `None` if there is one.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Some(bytes)
}

/// The entries of a bundle; `None` if a length runs past the end.
pub fn unbundle(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (entry, after) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = after;
    }
    bytes.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::merkle::{Edge, leaf_hash};
    use super::*;

    #[test]
    fn addresses_have_one_spelling() {
        let tile = TileId {
            level: 0,
            index: 1_234_067,
        };
        let address = TileAddress::Hashes { tile, width: 256 };
        assert_eq!(address.path(), "tile/0/x001/x234/067");
        assert_eq!(TileAddress::parse("0/x001/x234/067"), Some(address));
        let partial = TileAddress::Entries {
            index: 0,
            width: 17,
        };
        assert_eq!(partial.path(), "tile/entries/000.p/17");
        assert_eq!(TileAddress::parse("entries/000.p/17"), Some(partial));
        for wrong in [
            "0/1",
            "00/001",
            "0/x000/001",
            "0/001/002",
            "0/0001",
            "8/000",
            "64/000",
            "-1/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p",
            "entries",
            "entries/",
            "data/000",
            "0/+01",
            "0/x1/000",
            "",
            "0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TileAddress::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn widths_of_the_specification_example() {
        // tlog-tiles: 70,000 leaves are 273 full tiles and one of 112; one full tile of level 1 and one of 17; one of 1.
        let width = |level, index| TileId { level, index }.width(70_000);
        assert_eq!((width(0, 272), width(0, 273), width(0, 274)), (256, 112, 0));
        assert_eq!(
            (width(1, 0), width(1, 1), width(2, 0), width(3, 0)),
            (256, 17, 1, 0)
        );
    }

    #[test]
    fn tiles_grow_to_the_same_root_as_the_edge() {
        let (mut tiles, mut edge) = (TileSet::default(), Edge::default());
        for index in 0..70_000_u64 {
            let leaf = leaf_hash(&index.to_be_bytes());
            tiles.append(index, leaf).expect("tiles are whole");
            edge.append(leaf);
            if index < 600 || index % 9_973 == 0 {
                let span = Span {
                    start: 0,
                    end: index + 1,
                };
                assert_eq!(tiles.span(span), Some(edge.root()), "{index}");
            }
        }
        for (id, bytes) in &tiles.tiles {
            assert_eq!(bytes.len() as u64, id.width(70_000) * 32, "{id:?}");
        }
    }

    #[test]
    fn a_hole_is_noticed() {
        let mut tiles = TileSet::default();
        assert!(tiles.append(1, [0; 32]).is_none());
        assert_eq!(tiles.node(Node { level: 3, index: 0 }), None);
    }

    proptest! {
        #[test]
        fn indexes_read_back(index in 0..=u64::MAX / 4) {
            let tile = TileId { level: 3, index };
            let address = TileAddress::Hashes { tile, width: 5 };
            prop_assert_eq!(TileAddress::parse(&address.path()["tile/".len()..]), Some(address));
        }

        #[test]
        fn no_path_panics(path in "[0-9xp./]{0,40}") {
            if let Some(address) = TileAddress::parse(&path) {
                prop_assert_eq!(address.path(), format!("tile/{path}"));
            }
        }

        #[test]
        fn bundles_read_back(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let bytes = bundle(entries.iter().map(Vec::as_slice)).expect("short entries");
            let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(unbundle(&bytes), Some(slices));
            prop_assert!(bytes.is_empty() || unbundle(&bytes[..bytes.len() - 1]).is_none());
        }
    }
}
