//! The MIME form of signed configurations (RFC 2045, RFC 2046): headers, parameters, multiparts, by exact slices.
//!
//! Read by [`super::signed`]. It promises that a part's body is a slice of what came in, so that a signature can be
//! checked over it; a line end before a delimiter belongs to the delimiter. It refuses headers given twice, text
//! outside parts, parts without end, and more of anything than stated.

use super::{GlobalConfError, bad};

/// Most headers of one part; X-Road writes five.
const HEADERS_MAX: usize = 32;
/// Most bytes of one header, folded lines joined.
const HEADER_BYTES_MAX: usize = 4_096;
/// Most parts of one multipart: a shared file for each federated ecosystem, and optional parts.
const PARTS_MAX: usize = 256;
/// Longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// Headers and body of a message or a part.
pub(super) struct Entity<'a> {
    headers: Vec<(String, String)>,
    /// What follows the blank line; empty if there is none.
    pub(super) body: &'a [u8],
}

/// A header's value with its parameters, `value; name="..."`.
pub(super) struct Field {
    /// The part before the first semicolon.
    pub(super) value: String,
    parameters: Vec<(String, String)>,
}

impl<'a> Entity<'a> {
    /// Splits headers from body.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, GlobalConfError> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (line, after) = line(rest);
            rest = after;
            if line.is_empty() {
                break;
            }
            let text = std::str::from_utf8(line).map_err(|_| bad("a header is not UTF-8"))?;
            if text.starts_with([' ', '\t']) {
                let last = headers.last_mut().ok_or_else(|| bad("a header"))?;
                last.1.push(' ');
                last.1.push_str(text.trim());
            } else {
                let (name, value) = text.split_once(':').ok_or_else(|| bad("a header"))?;
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            let longest = headers.last().map_or(0, |(_, value)| value.len());
            if headers.len() > HEADERS_MAX || longest > HEADER_BYTES_MAX {
                return Err(bad("too many or too long headers"));
            }
        }
        for (at, (name, _)) in headers.iter().enumerate() {
            if headers[..at].iter().any(|(other, _)| other == name) {
                return Err(bad(format!("the header {name} is there twice")));
            }
        }
        Ok(Self {
            headers,
            body: rest,
        })
    }

    /// A header's value; `name` in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    /// A header that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, GlobalConfError> {
        self.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| bad(format!("the header {name} is missing")))
    }

    /// The parts of a multipart of the type `multipart/<kind>`.
    pub(super) fn parts(&self, kind: &str) -> Result<Vec<&'a [u8]>, GlobalConfError> {
        let field = Field::read(self.need("content-type")?)?;
        if !field
            .value
            .eq_ignore_ascii_case(&format!("multipart/{kind}"))
        {
            return Err(bad(format!("not a multipart/{kind}")));
        }
        let boundary = field.get("boundary").ok_or_else(|| bad("no boundary"))?;
        if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
            return Err(bad("the boundary"));
        }
        multipart(self.body, boundary)
    }
}

/// The first line without its end, and what follows.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => {
            let line = &bytes[..at];
            (line.strip_suffix(b"\r").unwrap_or(line), &bytes[at + 1..])
        }
        None => (bytes, &[]),
    }
}

/// What a line is to a multipart.
enum Mark {
    Text,
    Delimiter,
    End,
}

fn mark(line: &[u8], boundary: &str) -> Mark {
    let after = line
        .strip_prefix(b"--")
        .and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
    match after.map(<[u8]>::trim_ascii_end) {
        Some(b"") => Mark::Delimiter,
        Some(b"--") => Mark::End,
        _ => Mark::Text,
    }
}

fn multipart<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<&'a [u8]>, GlobalConfError> {
    let mut parts = Vec::new();
    let mut begin = None;
    let mut rest = body;
    while !rest.is_empty() {
        let at = body.len() - rest.len();
        let (line, after) = line(rest);
        rest = after;
        match (mark(line, boundary), begin) {
            (Mark::Text, Some(_)) => {}
            (Mark::Text, None) if line.trim_ascii().is_empty() => {}
            (Mark::Text | Mark::End, None) => return Err(bad("text before the first part")),
            (Mark::Delimiter, None) => begin = Some(body.len() - rest.len()),
            (Mark::Delimiter, Some(from)) => {
                parts.push(until(body, from, at));
                if parts.len() >= PARTS_MAX {
                    return Err(bad("too many parts"));
                }
                begin = Some(body.len() - rest.len());
            }
            (Mark::End, Some(from)) => {
                parts.push(until(body, from, at));
                return match rest.trim_ascii().is_empty() {
                    true => Ok(parts),
                    false => Err(bad("text after the last part")),
                };
            }
        }
    }
    Err(bad("a multipart without end"))
}

/// The bytes of a part, without the line end that belongs to the delimiter at `at`.
fn until(body: &[u8], from: usize, at: usize) -> &[u8] {
    let part = &body[from..at.max(from)];
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

impl Field {
    /// Reads a value with parameters, quoted by either quote or not at all.
    pub(super) fn read(text: &str) -> Result<Self, GlobalConfError> {
        let mut pieces = pieces(text)?.into_iter();
        let value = pieces.next().unwrap_or_default().trim().to_owned();
        let mut parameters: Vec<(String, String)> = Vec::new();
        for piece in pieces {
            if piece.trim().is_empty() {
                continue;
            }
            let (name, value) = piece
                .split_once('=')
                .ok_or_else(|| bad("a header's parameter"))?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
            let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(bad(format!("the parameter {name} is there twice")));
            }
            parameters.push((name, value.to_owned()));
        }
        Ok(Self { value, parameters })
    }

    /// A parameter's value; `name` in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }
}

/// Splits at semicolons outside quotes.
fn pieces(text: &str) -> Result<Vec<&str>, GlobalConfError> {
    let mut pieces = Vec::new();
    let (mut from, mut quote) = (0, None);
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            (';', None) => {
                pieces.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    if quote.is_some() {
        return Err(bad("a quote without end in a header"));
    }
    pieces.push(&text[from..]);
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_exact_slices() {
        let text = "Content-Type: multipart/mixed;\r\n boundary='b'\r\n\r\n--b\r\nA: 1\r\n\r\n--b\r\n\r\nx\r\n\r\n--b--\r\n";
        let entity = Entity::read(text.as_bytes()).unwrap();
        let parts = entity.parts("mixed").unwrap();
        assert_eq!(parts, [&b"A: 1\r\n"[..], b"\r\nx\r\n"]);
        assert_eq!(Entity::read(parts[0]).unwrap().get("a"), Some("1"));
        assert!(entity.parts("related").is_err());
        let bare = text.replace("\r\n", "\n");
        let entity = Entity::read(bare.as_bytes()).unwrap();
        assert_eq!(entity.parts("mixed").unwrap()[1], b"\nx\n");
    }

    #[test]
    fn ambiguous_forms_are_refused() {
        for body in [
            "--b\r\nx",
            "hello\r\n--b\r\nx\r\n--b--",
            "--b\r\nx\r\n--b--\r\nmore",
            "--b--",
            "--bb\r\nx\r\n--bb--",
            "",
        ] {
            assert!(multipart(body.as_bytes(), "b").is_err(), "{body}");
        }
        let many = "--b\r\n".repeat(PARTS_MAX + 2) + "--b--";
        assert!(multipart(many.as_bytes(), "b").is_err());
        for headers in [
            "a: 1\r\nA: 2\r\n\r\n",
            " folded\r\n\r\n",
            "nothing\r\n\r\n",
            "\u{7f}",
        ] {
            assert!(Entity::read(headers.as_bytes()).is_err(), "{headers}");
        }
        for field in ["a; b", "a; b=1; B=2", "a; b=\"1"] {
            assert!(Field::read(field).is_err(), "{field}");
        }
        let field = Field::read("SHARED-PARAMETERS; instance='a;b'").unwrap();
        assert_eq!(
            (field.value.as_str(), field.get("instance")),
            ("SHARED-PARAMETERS", Some("a;b"))
        );
    }
}
