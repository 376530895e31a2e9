//! The hash tree of RFC 6962 section 2.1: hashing, the right edge, and both proofs with their verification.
//!
//! Read by everything in `log`. Promises pure arithmetic: no storage, no clock, and no index that can overflow;
//! a proof of the wrong length is refused, never read in part.

use aws_lc_rs::digest::{self, SHA256};

/// A SHA-256 value: a leaf, an inner node or a root.
pub type Hash = [u8; 32];

/// Levels that a tree of 2^63 leaves has; no proof is longer (tlog-witness: at most 63 lines).
pub const PROOF_MAX: usize = 63;

/// Trees stay below this size so that sizes fit the database's signed integers.
pub const SIZE_MAX: u64 = 1 << 62;

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The index is not inside the tree, or the old size is above the new one.
    #[error("the index or the old size lies outside the tree")]
    Outside,
    /// The proof has too few or too many hashes for these sizes.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Hash of a leaf: SHA-256 over `0x00` and the entry's bytes.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut context = digest::Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    finish(context)
}

/// Hash of an inner node: SHA-256 over `0x01`, the left and the right child.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut context = digest::Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    finish(context)
}

/// Root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Plain SHA-256.
pub fn sha256(data: &[u8]) -> Hash {
    let mut context = digest::Context::new(&SHA256);
    context.update(data);
    finish(context)
}

fn finish(context: digest::Context) -> Hash {
    context
        .finish()
        .as_ref()
        .try_into()
        .expect("SHA-256 gives 32 bytes")
}

/// The right edge of a growing tree: the roots of its perfect subtrees, largest first. Enough to append and to tell the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    peaks: Vec<Hash>,
}

impl Edge {
    /// An edge from its stored peaks; `None` if their number doesn't fit `size`.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends one leaf hash.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self
                .peaks
                .pop()
                .expect("one peak for every set bit of the size");
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        fold_right(&self.peaks).unwrap_or_else(empty_root)
    }
}

/// Root over perfect subtrees given from left to right; `None` without any.
pub fn fold_right(peaks: &[Hash]) -> Option<Hash> {
    peaks
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| node_hash(&left, &right))
}

/// A run of leaves `[start, end)` whose hash is one hash of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First leaf.
    pub start: u64,
    /// One past the last leaf.
    pub end: u64,
}

/// A perfect subtree: the `index`-th one of 2^`level` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Height above the leaves.
    pub level: u32,
    /// Position among the nodes of its level.
    pub index: u64,
}

impl Span {
    /// The perfect subtrees that make up this span, from left to right.
    pub fn nodes(self) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut start = self.start;
        while start < self.end {
            let room = 63 - (self.end - start).leading_zeros();
            let level = room.min(start.trailing_zeros());
            nodes.push(Node {
                level,
                index: start >> level,
            });
            start += 1 << level;
        }
        nodes
    }
}

/// The largest power of two strictly below `size`, which must be above 1 (RFC 6962's `k`).
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The spans whose hashes prove that leaf `index` is in the tree of `size` leaves, from the sibling up
/// (RFC 6962 section 2.1.1); `None` if it isn't inside.
pub fn inclusion_spans(index: u64, size: u64) -> Option<Vec<Span>> {
    if index >= size {
        return None;
    }
    let (mut start, mut end, mut spans) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            spans.push(Span { start: middle, end });
            end = middle;
        } else {
            spans.push(Span { start, end: middle });
            start = middle;
        }
    }
    spans.reverse();
    Some(spans)
}

/// The spans whose hashes prove that the tree of `old` leaves is a beginning of the one of `new` leaves
/// (RFC 6962 section 2.1.2); empty if `old` is zero or equal to `new`, `None` if it is larger.
pub fn consistency_spans(old: u64, new: u64) -> Option<Vec<Span>> {
    if old > new {
        return None;
    }
    if old == 0 || old == new {
        return Some(Vec::new());
    }
    let (mut start, mut end, mut spans) = (0, new, Vec::new());
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            spans.push(Span { start: middle, end });
            end = middle;
        } else {
            spans.push(Span { start, end: middle });
            start = middle;
        }
    }
    if start > 0 {
        spans.push(Span { start, end });
    }
    spans.reverse();
    Some(spans)
}

/// Verifies that `leaf` is at `index` in the tree of `size` leaves under `root` (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofFault> {
    if index >= size {
        return Err(ProofFault::Outside);
    }
    let (mut place, mut last, mut node) = (index, size - 1, *leaf);
    for step in path {
        if last == 0 {
            return Err(ProofFault::Length);
        }
        if place & 1 == 1 || place == last {
            node = node_hash(step, &node);
            let skip = if place & 1 == 1 {
                0
            } else {
                place.trailing_zeros().min(63)
            };
            (place, last) = (place >> skip, last >> skip);
        } else {
            node = node_hash(&node, step);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    match (last, node == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofFault::Root),
        _ => Err(ProofFault::Length),
    }
}

/// Verifies that the tree of `old` leaves under `old_root` is a beginning of the one of `new` leaves under `new_root`
/// (RFC 9162 section 2.1.4.2; from the empty tree no proof is needed).
pub fn verify_consistency(
    old: u64,
    new: u64,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofFault> {
    if old > new {
        return Err(ProofFault::Outside);
    }
    if old == 0 || old == new {
        let known = if old == new { new_root } else { &empty_root() };
        return match (proof.is_empty(), old_root == known) {
            (false, _) => Err(ProofFault::Length),
            (true, true) => Ok(()),
            (true, false) => Err(ProofFault::Root),
        };
    }
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(ProofFault::Length)?;
        (*first, rest)
    };
    let skip = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> skip, (new - 1) >> skip);
    let (mut old_node, mut new_node) = (first, first);
    for step in rest {
        if last == 0 {
            return Err(ProofFault::Length);
        }
        if place & 1 == 1 || place == last {
            old_node = node_hash(step, &old_node);
            new_node = node_hash(step, &new_node);
            let skip = if place & 1 == 1 {
                0
            } else {
                place.trailing_zeros().min(63)
            };
            (place, last) = (place >> skip, last >> skip);
        } else {
            new_node = node_hash(&new_node, step);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    match (last, old_node == *old_root && new_node == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofFault::Root),
        _ => Err(ProofFault::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 section 2.1, word for word and slow: the oracle of everything above.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            many => {
                let (left, right) =
                    many.split_at(usize::try_from(split(many.len() as u64)).unwrap());
                node_hash(&naive_root(left), &naive_root(right))
            }
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    fn hash_of(leaves: &[Hash], span: Span) -> Hash {
        naive_root(
            &leaves[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()],
        )
    }

    #[test]
    fn hashes_of_the_rfc_6962_reference_tree() {
        let hex = |hash: Hash| data_encoding::HEXLOWER.encode(&hash);
        assert_eq!(
            hex(empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    #[test]
    fn the_edge_agrees_with_the_definition_at_every_size() {
        let leaves = leaves(300);
        let mut edge = Edge::default();
        for size in 0..=leaves.len() {
            assert_eq!(edge.root(), naive_root(&leaves[..size]), "size {size}");
            assert_eq!(
                Edge::from_peaks(edge.size(), edge.peaks.clone()),
                Some(edge.clone())
            );
            if let Some(leaf) = leaves.get(size) {
                edge.append(*leaf);
            }
        }
    }

    #[test]
    fn spans_fall_apart_into_perfect_nodes() {
        let leaves = leaves(150);
        for start in 0..150 {
            for end in start + 1..=150 {
                let nodes = Span { start, end }.nodes();
                let covered: u64 = nodes.iter().map(|node| 1 << node.level).sum();
                assert_eq!(covered, end - start);
                assert_eq!(nodes[0].index << nodes[0].level, start);
            }
        }
        let span = Span {
            start: 128,
            end: 150,
        };
        let peaks: Vec<Hash> = span
            .nodes()
            .iter()
            .map(|n| {
                hash_of(
                    &leaves,
                    Span {
                        start: n.index << n.level,
                        end: (n.index + 1) << n.level,
                    },
                )
            })
            .collect();
        assert_eq!(fold_right(&peaks), Some(hash_of(&leaves, span)));
    }

    #[test]
    fn every_inclusion_proof_holds_and_every_change_breaks_it() {
        let all = leaves(130);
        for size in 1..=all.len() {
            let root = naive_root(&all[..size]);
            for index in 0..size {
                let (index_wide, size_wide) = (index as u64, size as u64);
                let spans = inclusion_spans(index_wide, size_wide).unwrap();
                let path: Vec<Hash> = spans.iter().map(|span| hash_of(&all, *span)).collect();
                let check = |leaf: &Hash, at, of, path: &[Hash]| {
                    verify_inclusion(leaf, at, of, path, &root)
                };
                assert_eq!(check(&all[index], index_wide, size_wide, &path), Ok(()));
                assert!(check(&empty_root(), index_wide, size_wide, &path).is_err());
                assert!(check(&all[index], index_wide ^ 1, size_wide, &path).is_err());
                assert!(check(&all[index], size_wide, size_wide, &path).is_err());
                let mut longer = path.clone();
                longer.push(root);
                assert_eq!(
                    check(&all[index], index_wide, size_wide, &longer),
                    Err(ProofFault::Length)
                );
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(
                        check(&all[index], index_wide, size_wide, shorter),
                        Err(ProofFault::Length)
                    );
                }
                for at in 0..path.len() {
                    let mut bent = path.clone();
                    bent[at][at % 32] ^= 1;
                    assert_eq!(
                        check(&all[index], index_wide, size_wide, &bent),
                        Err(ProofFault::Root)
                    );
                }
            }
        }
    }

    #[test]
    fn every_consistency_proof_holds_and_every_change_breaks_it() {
        let all = leaves(140);
        let roots: Vec<Hash> = (0..=all.len())
            .map(|size| naive_root(&all[..size]))
            .collect();
        for new in 0..=all.len() {
            for old in 0..=new {
                let (from, to) = (old as u64, new as u64);
                let spans = consistency_spans(from, to).unwrap();
                let proof: Vec<Hash> = spans.iter().map(|span| hash_of(&all, *span)).collect();
                assert_eq!(
                    verify_consistency(from, to, &proof, &roots[old], &roots[new]),
                    Ok(())
                );
                let wrong = leaf_hash(b"wrong");
                assert!(verify_consistency(from, to, &proof, &wrong, &roots[new]).is_err());
                if old > 0 {
                    assert!(verify_consistency(from, to, &proof, &roots[old], &wrong).is_err());
                }
                let mut longer = proof.clone();
                longer.push(wrong);
                assert!(verify_consistency(from, to, &longer, &roots[old], &roots[new]).is_err());
                for at in 0..proof.len() {
                    let mut bent = proof.clone();
                    bent[at][31 - at] ^= 0x80;
                    let verdict = verify_consistency(from, to, &bent, &roots[old], &roots[new]);
                    assert_eq!(verdict, Err(ProofFault::Root));
                    let mut missing = proof.clone();
                    missing.remove(at);
                    assert!(
                        verify_consistency(from, to, &missing, &roots[old], &roots[new]).is_err()
                    );
                }
            }
        }
        assert_eq!(consistency_spans(5, 4), None);
    }
}
