//! Paths below a service: one normal form, and the globs that access rights are written with (PR-REST, access rights).
//!
//! The path that is checked is the path that is forwarded. Whatever could mean one thing here and another at the
//! back end (encoded dots or slashes, a second layer of encoding, parameters on a dot segment) is refused.

use kernel::party::encode_part;

/// Most segments of a path; deeper ones serve no real interface.
pub const SEGMENTS_MAX: usize = 64;

/// A path in its normal form: decoded segments without `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalPath {
    segments: Vec<String>,
    folder: bool,
}

/// The path could be read in two ways, or leaves the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path is ambiguous or leaves the service")]
pub struct BadPath;

impl NormalPath {
    /// Reads the raw path below a service: empty, or beginning with `/`.
    ///
    /// # Errors
    /// [`BadPath`] for a path that climbs out, holds encoded separators or dots, control characters, or broken escapes.
    pub fn parse(raw: &str) -> Result<Self, BadPath> {
        if raw.is_empty() {
            return Ok(Self {
                segments: Vec::new(),
                folder: false,
            });
        }
        let below = raw.strip_prefix('/').ok_or(BadPath)?;
        let mut segments: Vec<String> = Vec::new();
        let mut folder = false;
        for piece in below.split('/') {
            folder = matches!(piece, "" | "." | "..");
            match piece {
                "" | "." => {}
                ".." => {
                    segments.pop().ok_or(BadPath)?;
                }
                _ => segments.push(decode_segment(piece)?),
            }
            if segments.len() > SEGMENTS_MAX {
                return Err(BadPath);
            }
        }
        Ok(Self {
            folder: folder && !segments.is_empty(),
            segments,
        })
    }

    /// The form that is forwarded; empty for the service itself.
    pub fn encoded(&self) -> String {
        let mut text: String = self
            .segments
            .iter()
            .map(|segment| format!("/{}", encode_part(segment)))
            .collect();
        if self.folder {
            text.push('/');
        }
        text
    }

    /// Whether `glob` covers this path: `*` is one segment, `**` is any count of them.
    pub fn matches(&self, glob: &str) -> bool {
        let pattern: Vec<&str> = glob.split('/').filter(|piece| !piece.is_empty()).collect();
        covers(&pattern, &self.segments)
    }
}

/// Dynamic matching: work is bounded by pattern length times path length.
fn covers(pattern: &[&str], segments: &[String]) -> bool {
    let mut reach = vec![false; segments.len() + 1];
    reach[0] = true;
    for piece in pattern {
        let mut next = vec![false; segments.len() + 1];
        match *piece {
            "**" => {
                let first = reach.iter().position(|&open| open).unwrap_or(reach.len());
                next.iter_mut().skip(first).for_each(|open| *open = true);
            }
            literal => {
                for (at, segment) in segments.iter().enumerate() {
                    next[at + 1] = reach[at] && (literal == "*" || literal == segment);
                }
            }
        }
        reach = next;
    }
    reach[segments.len()]
}

fn decode_segment(piece: &str) -> Result<String, BadPath> {
    let decoded = kernel::party::decode_part(piece).ok_or(BadPath)?;
    let bare = decoded.split(';').next().unwrap_or("");
    let dots = matches!(bare, "" | "." | "..");
    let separator = decoded
        .chars()
        .any(|c| matches!(c, '/' | '\\' | '\u{ff0f}' | '\u{ff0e}'));
    if dots || separator || decoded.chars().any(char::is_control) || is_escaped_again(&decoded) {
        return Err(BadPath);
    }
    Ok(decoded)
}

/// Whether a decoded segment still holds a percent escape, so that a second decoding would change it.
fn is_escaped_again(decoded: &str) -> bool {
    let bytes = decoded.as_bytes();
    bytes
        .windows(3)
        .any(|w| w[0] == b'%' && w[1].is_ascii_hexdigit() && w[2].is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tricks_are_refused() {
        for raw in [
            "/..",
            "/a/../..",
            "/%2e%2e/a",
            "/%2E%2E",
            "/.%2e",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/%252e%252e/a",
            "/%25%32%65",
            "/..;/a",
            "/.;x=1/a",
            "/;a",
            "/%00",
            "/a%0d%0ab",
            "/%ff",
            "/%zz",
            "a",
            "/%c0%ae",
            "/%2e",
            "/\u{ff0e}\u{ff0e}/a",
        ] {
            assert_eq!(NormalPath::parse(raw), Err(BadPath), "{raw}");
        }
    }

    #[test]
    fn plain_paths_have_one_form() {
        for (raw, normal) in [
            ("", ""),
            ("/", ""),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/%61", "/a"),
            ("/a;v=1", "/a%3Bv%3D1"),
            ("/ni%C3%B1o", "/ni%C3%B1o"),
            ("/100%25", "/100%25"),
        ] {
            assert_eq!(NormalPath::parse(raw).unwrap().encoded(), normal, "{raw}");
        }
    }

    #[test]
    fn globs_cover_segments() {
        for (glob, path, yes) in [
            ("**", "", true),
            ("/**", "/a/b", true),
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/a/**/z", "/a/z", true),
            ("/a/**/z", "/a/b/c/z", true),
            ("/a/**/z", "/a/b/c", false),
            ("/facts", "/facts", true),
            ("/facts", "/facts/", true),
            ("/facts", "/facts/1", false),
            ("/**/**", "/x", true),
            ("", "", true),
            ("", "/a", false),
            ("/a*", "/ab", false),
        ] {
            assert_eq!(
                NormalPath::parse(path).unwrap().matches(glob),
                yes,
                "{glob} {path}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_stays_itself(raw in "/[a-z%0-9./;]{0,40}", glob in "[a-z*/]{0,20}") {
            if let Ok(path) = NormalPath::parse(&raw) {
                prop_assert_eq!(NormalPath::parse(&path.encoded()), Ok(path.clone()));
                prop_assert!(path.matches("**"));
                let _ = path.matches(&glob);
            }
        }
    }
}
