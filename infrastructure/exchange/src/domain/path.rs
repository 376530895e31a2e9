//! Paths below a service: one normal form, and the globs that access rights are written with (PR-REST, access rights).
//!
//! The path that is checked is the path that is forwarded. Whatever could mean one thing here and another at the
//! back end (encoded dots or slashes, a second layer of encoding, parameters on a dot segment) is refused.

/// Most segments of a path; deeper ones serve no real interface.
pub const SEGMENTS_MAX: usize = 64;
/// Longest glob of a right, in bytes; it bounds the work of one comparison.
pub const GLOB_BYTES_MAX: usize = 255;

/// A path in its normal form: segments without `.` or `..`, each as it was written and as it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalPath {
    segments: Vec<Segment>,
    folder: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    raw: String,
    read: String,
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
        let mut segments: Vec<Segment> = Vec::new();
        if raw.is_empty() {
            return Ok(Self {
                segments,
                folder: false,
            });
        }
        let below = raw.strip_prefix('/').ok_or(BadPath)?;
        let mut folder = false;
        for piece in below.split('/') {
            folder = matches!(piece, "" | "." | "..");
            match piece {
                "" | "." => {}
                ".." => {
                    segments.pop().ok_or(BadPath)?;
                }
                _ => segments.push(Segment {
                    read: decode_segment(piece)?,
                    raw: piece.to_owned(),
                }),
            }
            if segments.len() > SEGMENTS_MAX {
                return Err(BadPath);
            }
        }
        Ok(Self { folder, segments })
    }

    /// The form that is forwarded: empty for the service itself, else each segment as its sender wrote it.
    pub fn encoded(&self) -> String {
        self.joined(|segment| &segment.raw)
    }

    /// Whether `glob` covers this path, also if its reader drops the parameters (`;...`) of every segment.
    pub fn is_covered_by(&self, glob: &str) -> bool {
        let bare = |segment: &'_ Segment| segment.read.contains(';');
        glob_matches(glob, &self.joined(|segment| &segment.read))
            && (!self.segments.iter().any(bare)
                || glob_matches(
                    glob,
                    &self.joined(|segment| segment.read.split(';').next().unwrap_or("")),
                ))
    }

    fn joined<'s>(&'s self, form: impl Fn(&'s Segment) -> &'s str) -> String {
        let mut text: String = self
            .segments
            .iter()
            .flat_map(|segment| ["/", form(segment)])
            .collect();
        if self.folder {
            text.push('/');
        }
        text
    }
}

/// Whether `glob` covers the decoded path `text`: `*` is any text without `/`, `**` is any text, `\*` is a star.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let plain = glob.find(['*', '\\']).unwrap_or(glob.len());
    if !text.starts_with(&glob[..plain]) {
        return false;
    }
    let text: Vec<char> = text[plain..].chars().collect();
    // reach[i]: some reading of the glob so far ends after i characters of the text.
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    let mut rest = glob[plain..].chars().peekable();
    while let Some(c) = rest.next() {
        let mut across = false;
        while c == '*' && rest.next_if_eq(&'*').is_some() {
            across = true;
        }
        match c {
            '*' => spread(&mut reach, &text, across),
            '\\' => {
                let literal = rest.next_if(|next| matches!(next, '*' | '\\'));
                step(&mut reach, &text, literal.unwrap_or('\\'));
            }
            literal => step(&mut reach, &text, literal),
        }
    }
    reach[text.len()]
}

/// One literal character.
fn step(reach: &mut [bool], text: &[char], literal: char) {
    for at in (0..text.len()).rev() {
        reach[at + 1] = reach[at] && text[at] == literal;
    }
    reach[0] = false;
}

/// A star: from every place reached on to the end of its segment, or, if it goes `across`, of the text.
fn spread(reach: &mut [bool], text: &[char], across: bool) {
    for at in 0..text.len() {
        reach[at + 1] |= reach[at] && (across || text[at] != '/');
    }
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
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("//a///b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/%61", "/%61"),
            ("/a;v=1", "/a;v=1"),
            ("/rosa@x:y", "/rosa@x:y"),
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
            ("/**", "", false),
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/*", "/", true),
            ("/a/**/z", "/a/z", false),
            ("/a/**z", "/a/z", true),
            ("/a/**/z", "/a/b/c/z", true),
            ("/a/**/z", "/a/b/c", false),
            ("/facts", "/facts", true),
            ("/facts", "/facts/", false),
            ("/facts", "/facts/1", false),
            ("/facts", "/f%61cts", true),
            ("/ni\u{f1}o/*", "/ni%C3%B1o/%C3%B1", true),
            ("/**/**", "/x", false),
            ("/****", "/x/y", true),
            ("", "", true),
            ("", "/a", false),
            ("/a*", "/ab", true),
            ("/*.json", "/a.json", true),
            ("/pet/*/photo", "/pet/7/photo", true),
            ("/pet/*/photo", "/pet/7/8/photo", false),
            ("/a\\*", "/a*", true),
            ("/a\\*", "/ab", false),
            ("/x*y", "/xadmin;y", false),
            ("/x/*", "/x/a;v=1", true),
        ] {
            assert_eq!(
                NormalPath::parse(path).unwrap().is_covered_by(glob),
                yes,
                "{glob} {path}"
            );
        }
    }

    #[test]
    fn a_hostile_glob_ends_soon() {
        let path = format!("/{}", "a".repeat(8 * 1024));
        let glob = format!("/{}b", "a**".repeat(GLOB_BYTES_MAX / 3));
        assert!(
            !NormalPath::parse(&path[..200])
                .unwrap()
                .is_covered_by(&glob)
        );
        assert!(!glob_matches(&glob, &path));
    }

    proptest! {
        #[test]
        fn the_normal_form_stays_itself(raw in "/[a-z%0-9./;]{0,40}", glob in "[a-z*/]{0,20}") {
            if let Ok(path) = NormalPath::parse(&raw) {
                prop_assert_eq!(NormalPath::parse(&path.encoded()), Ok(path.clone()));
                prop_assert!(path.is_covered_by("**"));
                let _ = path.is_covered_by(&glob);
            }
        }
    }
}
