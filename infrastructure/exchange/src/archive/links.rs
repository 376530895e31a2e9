//! Linking information of archives: each container's digest rests on the one before it, over all files of a node.
//!
//! X-Road's form (facts section 8): the first line of the file `linkinginfo` names the digest and the file that the
//! archive before ended with, and the algorithm; then one line per container. A container that is removed, added,
//! changed or moved is found. Reads foreign bytes: everything has a limit.

use std::collections::HashMap;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use trust::sigalg::Hash;

/// The name of the file within an archive.
pub const FILE: &str = "linkinginfo";
/// Most containers of one archive.
pub const ENTRIES_MAX: usize = 20_000;
/// Longest file of linking information, in bytes: every line has a digest and a name.
pub const BYTES_MAX: usize = ENTRIES_MAX * 512;
/// What stands for 'there is none before'.
const NONE: &str = "-";

/// The end of an archive: the next one rests on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Digest of its last container, in hex.
    pub digest: String,
    /// Its file name.
    pub file: String,
}

/// The linking information of one archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The archive before; none for the first.
    pub before: Option<End>,
    /// The digest's algorithm.
    pub hash: Hash,
    /// Digest and name of each container, in order.
    pub entries: Vec<(String, String)>,
}

/// Why linking information is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLinks {
    /// The bytes are not linking information, or over a limit.
    #[error("linkinginfo can't be read: {0}")]
    Form(&'static str),
    /// A container is another than when the archive was written.
    #[error("{0} was changed, moved, added or follows one that was")]
    Changed(String),
    /// A container is listed but not there, or there but not listed.
    #[error("{0} is not both listed and there")]
    Files(String),
}

/// The digest of a container that follows `before` (empty for none).
fn link(hash: Hash, before: &str, container: &[u8]) -> String {
    let own = HEXLOWER.encode(&hash.digest(container));
    joined(hash, before, &own)
}

/// The same from the container's own digest in hex.
fn joined(hash: Hash, before: &str, own: &str) -> String {
    HEXLOWER.encode(&hash.digest(format!("{before}{own}").as_bytes()))
}

impl Links {
    /// Linking information without containers, after `before`.
    pub fn new(before: Option<End>) -> Self {
        Self {
            before,
            hash: Hash::Sha512,
            entries: Vec::new(),
        }
    }

    fn last(&self) -> &str {
        let before = self.before.as_ref().map_or("", |end| end.digest.as_str());
        self.entries.last().map_or(before, |(digest, _)| digest)
    }

    /// Adds a container.
    pub fn add(&mut self, name: &str, container: &[u8]) {
        let digest = link(self.hash, self.last(), container);
        self.entries.push((digest, name.to_owned()));
    }

    /// How the archive `file` ends, for the next one.
    pub fn end(&self, file: &str) -> End {
        End {
            digest: self.last().to_owned(),
            file: file.to_owned(),
        }
    }

    /// The bytes of the file.
    pub fn text(&self) -> String {
        let (digest, file) = match &self.before {
            Some(end) => (end.digest.as_str(), end.file.as_str()),
            None => (NONE, NONE),
        };
        let mut text = format!("{digest} {file} {}\n", name(self.hash));
        for (digest, name) in &self.entries {
            let _ = writeln!(text, "{digest} {name}");
        }
        text
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`BadLinks::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadLinks> {
        if bytes.len() > BYTES_MAX {
            return Err(BadLinks::Form("too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| BadLinks::Form("not text"))?;
        let mut lines = text.lines();
        let first = lines.next().ok_or(BadLinks::Form("empty"))?;
        let words: Vec<&str> = first.split(' ').collect();
        let [digest, file, algorithm] = words[..] else {
            return Err(BadLinks::Form("the first line"));
        };
        let hash = hash(algorithm).ok_or(BadLinks::Form("an unknown algorithm"))?;
        let before = (digest != NONE).then(|| End {
            digest: digest.to_owned(),
            file: file.to_owned(),
        });
        let mut entries = Vec::new();
        for line in lines {
            let (digest, name) = line.split_once(' ').ok_or(BadLinks::Form("a line"))?;
            if entries.len() == ENTRIES_MAX {
                return Err(BadLinks::Form("too many lines"));
            }
            entries.push((digest.to_owned(), name.to_owned()));
        }
        Ok(Self {
            before,
            hash,
            entries,
        })
    }

    /// Checks the containers of an archive, given with their names in any order.
    ///
    /// # Errors
    /// The first one that does not fit.
    pub fn check(&self, containers: &[(&str, &[u8])]) -> Result<(), BadLinks> {
        let mut left: HashMap<&str, &[u8]> = containers.iter().copied().collect();
        let mut before = self
            .before
            .as_ref()
            .map_or(String::new(), |end| end.digest.clone());
        for (digest, name) in &self.entries {
            // Taken out, so that none is listed twice.
            let bytes = left.remove(name.as_str());
            let bytes = bytes.ok_or_else(|| BadLinks::Files(name.clone()))?;
            before = link(self.hash, &before, bytes);
            if !before.eq_ignore_ascii_case(digest) {
                return Err(BadLinks::Changed(name.clone()));
            }
        }
        match left.keys().min() {
            Some(name) => Err(BadLinks::Files((*name).to_owned())),
            None => Ok(()),
        }
    }
}

const ALGORITHMS: [(Hash, &str); 3] = [
    (Hash::Sha512, "SHA-512"),
    (Hash::Sha384, "SHA-384"),
    (Hash::Sha256, "SHA-256"),
];

fn name(hash: Hash) -> &'static str {
    ALGORITHMS
        .iter()
        .find(|(known, _)| *known == hash)
        .map_or("SHA-512", |(_, name)| name)
}

fn hash(name: &str) -> Option<Hash> {
    ALGORITHMS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(hash, _)| *hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &[u8]); 3] = [("a", b"one"), ("b", b"two"), ("c", b"three")];

    fn links(before: Option<End>, files: &[(&str, &[u8])]) -> Links {
        let mut links = Links::new(before);
        for (name, bytes) in files {
            links.add(name, bytes);
        }
        links
    }

    #[test]
    fn the_text_reads_back_and_archives_rest_on_each_other() {
        let first = links(None, &FILES[..2]);
        assert!(first.text().starts_with("- - SHA-512\n"));
        let second = links(Some(first.end("mlog-1.zip")), &FILES[2..]);
        assert_eq!(Links::parse(second.text().as_bytes()), Ok(second.clone()));
        let whole = links(None, &FILES);
        assert_eq!(whole.last(), second.last(), "the chain runs on over files");
        // One link by hand, with another implementation's figures:
        // python: h=lambda b: hashlib.sha512(b).hexdigest(); h(h(b"one").encode())
        let digest = &first.entries[0].0;
        assert_eq!(
            &digest[..32],
            PYTHON_FIRST,
            "the digest over the empty text and the hex of the file's digest"
        );
    }

    const PYTHON_FIRST: &str = "56b34944259ea2e85e4b923a6f887a16";

    /// The first container of X-Road's `message-archive-0.zip` and the first two of `message-archive-1.zip` (test data of
    /// its archive verifier): SHA-512 of each file as `sha512sum` says it, and the digest in `linkinginfo`.
    const X_ROAD: [(&str, &str); 3] = [
        (
            concat!(
                "9d1754495c33e82c5b3f4f93f9eabbedf2cc979d2e23d89b16ccc65d6e5ffc5b",
                "893030373b4c91f9ca4e9f463f29f04a03f59e090aff22a2cfb7e068e61ec101"
            ),
            concat!(
                "9011ab557706b5050584d6888af7b390e5350f4edad296bd7a582aa51732aac7",
                "f49a4ec44dd361027945ade0de8b8cf607fb7b7d11f17b0560d44b965c358eaa"
            ),
        ),
        (
            concat!(
                "5af4c9bb207242372335dda4603e261820cfc912b8444be3d1975318c9ce0fcd",
                "550844dc58947fd17295390a2786a16591b1575cf4d6ea8cc29900312cd9538e"
            ),
            concat!(
                "c7a7bc866bb45efce65516485d5f1140c1edac95b1c40830152bfff676253ccf",
                "a53228bda707419711bb403de9cd34034ce69dca9c731d51e3a5d37ab4c05802"
            ),
        ),
        (
            concat!(
                "40168252b8600bdff1129a7fd8f53d0c60d3009e38682992a1ab5fe2ff2c0461",
                "c0406c571a8c7f288bd51ef469068e484874c404191634ec7df47836c7af38e0"
            ),
            concat!(
                "e207957c8c833eba810b7b7e7cab855fc9acb29efd431e2acca1f5a9d47e3761",
                "104c1f34917edaeaa8f48de57ec4c4a8e38a3ab06c303f7d7eac3fe8916155bb"
            ),
        ),
    ];

    #[test]
    fn the_chain_is_that_of_x_roads_own_archives_over_two_files() {
        let mut before = String::new();
        for (own, linked) in X_ROAD {
            before = joined(Hash::Sha512, &before, own);
            assert_eq!(before, linked);
        }
    }

    #[test]
    fn whatever_is_done_to_a_file_is_found() {
        let links = links(None, &FILES);
        assert_eq!(links.check(&FILES), Ok(()));
        let turned = [FILES[2], FILES[0], FILES[1]];
        assert_eq!(links.check(&turned), Ok(()), "the list gives the order");
        let changed = [FILES[0], ("b", b"tvo".as_slice()), FILES[2]];
        assert_eq!(links.check(&changed), Err(BadLinks::Changed("b".into())));
        assert_eq!(links.check(&FILES[..2]), Err(BadLinks::Files("c".into())));
        let more = [FILES[0], FILES[1], FILES[2], ("d", b"four".as_slice())];
        assert_eq!(links.check(&more), Err(BadLinks::Files("d".into())));
        let mut twice = links.clone();
        twice.add("b", b"two");
        assert_eq!(twice.check(&FILES), Err(BadLinks::Files("b".into())));
        let mut cut = links.clone();
        cut.entries.remove(0);
        assert_eq!(cut.check(&FILES[1..]), Err(BadLinks::Changed("b".into())));
        let mut swapped = links;
        swapped.entries.swap(0, 1);
        assert!(swapped.check(&FILES).is_err());
    }

    #[test]
    fn bad_forms_are_refused() {
        for bad in ["", "- - MD5\n", "- SHA-512\n", "- - SHA-512\nnospace\n"] {
            assert!(
                matches!(Links::parse(bad.as_bytes()), Err(BadLinks::Form(_))),
                "{bad:?}"
            );
        }
        let many = format!("- - SHA-512\n{}", "a b\n".repeat(ENTRIES_MAX + 1));
        assert!(Links::parse(many.as_bytes()).is_err());
        assert!(Links::parse(&[0xff, 0xfe]).is_err());
    }
}
