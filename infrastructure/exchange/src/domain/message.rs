//! The request and response parts of a REST message, byte for byte (X-Road PR-MESSTRANSP, REST part of the request).
//!
//! A part is a start (verb and path, or status and reason), then one line per header, each ended by CR LF. The exact
//! bytes are what both sides sign, hash and keep: whoever received a part keeps those bytes and never writes them anew.

use aws_lc_rs::digest;
use data_encoding::BASE64;
use kernel::{Party, ServiceId};

use crate::body::{Body, Digested};

/// Longest request or response part in bytes; header sections of real services stay below 8 KiB.
pub const PART_BYTES_MAX: usize = 64 * 1024;
/// Most headers in a part; browsers and gateways send about twenty.
pub const HEADERS_MAX: usize = 128;
/// Longest request target; longer ones belong in a body.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// The message's number, chosen by the client.
pub const ID: &str = "x-road-id";
/// The asking subsystem.
pub const CLIENT: &str = "x-road-client";
/// The service that answered.
pub const SERVICE: &str = "x-road-service";
/// The number of this one attempt, made by the asking node.
pub const REQUEST_ID: &str = "x-road-request-id";
/// Digest of the request, in the response.
pub const REQUEST_HASH: &str = "x-road-request-hash";
/// Code of the error that a node, not the system behind it, tells.
pub const ERROR: &str = "x-road-error";
/// Who asks within the client, for example an official's account.
pub const USER_ID: &str = "x-road-userid";
/// The case for which the client asks.
pub const ISSUE: &str = "x-road-issue";
/// What the question is for, as the agreement names it.
pub const PURPOSE: &str = "tambo-purpose";
/// The agreement that allows the question.
pub const AGREEMENT: &str = "tambo-agreement";
/// The trace that follows a request over several nodes (W3C Trace Context).
pub const TRACE: &str = "traceparent";

/// Headers that belong to one connection and are dropped in both directions (PR-REST section 4.3).
pub const DROPPED: [&str; 12] = [
    "transfer-encoding",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "connection",
    "user-agent",
    "host",
    "content-length",
    "server",
];

/// One header as it stands in the part.
pub type Header = (String, String);

/// The first part of a request: what is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPart {
    /// The HTTP verb.
    pub method: String,
    /// The raw path with query; it begins with `/r1/`.
    pub target: String,
    /// Headers in the order of the bytes.
    pub headers: Vec<Header>,
}

/// The first part of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponsePart {
    /// HTTP status, 100 to 599.
    pub status: u16,
    /// Reason phrase; may be empty.
    pub reason: String,
    /// Headers in the order of the bytes.
    pub headers: Vec<Header>,
}

/// Why bytes are not a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPart {
    /// Over one of the limits of this module.
    #[error("the part is over a limit: {0}")]
    TooLarge(&'static str),
    /// The bytes do not have the form of a part.
    #[error("the part is malformed: {0}")]
    Malformed(&'static str),
    /// A header that belongs to one connection stands in the part.
    #[error("the header {0} must not be in a signed part")]
    Forbidden(String),
    /// A header that must be there once is missing.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header that must be there once is there twice.
    #[error("the header {0} is there twice")]
    Twice(&'static str),
}

/// The verbs that PR-REST allows.
pub const METHODS: [&str; 8] = [
    "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Whether `name` is dropped when a header section crosses a node. `Expect` is dropped from clients too.
pub fn is_dropped(name: &str) -> bool {
    DROPPED
        .iter()
        .any(|dropped| dropped.eq_ignore_ascii_case(name))
        || name.eq_ignore_ascii_case("expect")
}

/// Whether an information system may not set `name` itself: the node makes these.
pub fn is_made_by_node(name: &str) -> bool {
    [REQUEST_ID, REQUEST_HASH]
        .iter()
        .any(|made| made.eq_ignore_ascii_case(name))
}

/// The one value of a header; comparing names without case.
pub fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Whether only the last one of a repeated header counts, on every hop: these say who asks and which message it is.
pub fn is_single(name: &str) -> bool {
    [CLIENT, ID, "date"]
        .iter()
        .any(|single| single.eq_ignore_ascii_case(name))
}

/// Whether the provider's node writes `name` into responses itself, so that a system's own is not passed on.
pub fn is_echoed(name: &str) -> bool {
    [ID, CLIENT, SERVICE, REQUEST_ID, REQUEST_HASH]
        .iter()
        .any(|echoed| echoed.eq_ignore_ascii_case(name))
}

/// A header's value as text: UTF-8, or, where it is not, ISO 8859-1 (RFC 9110 section 5.5), so that nothing is lost.
pub fn header_text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().copied().map(char::from).collect(),
    }
}

/// The last value of a header that must be there: X-Road's rule for a repeated `X-Road-Client`.
pub fn last<'a>(headers: &'a [Header], name: &'static str) -> Result<&'a str, BadPart> {
    headers
        .iter()
        .rev()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .ok_or(BadPart::Missing(name))
}

/// The value of a header that must be there exactly once.
pub fn only<'a>(headers: &'a [Header], name: &'static str) -> Result<&'a str, BadPart> {
    let mut found = headers
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let (_, value) = found.next().ok_or(BadPart::Missing(name))?;
    if found.next().is_some() {
        Err(BadPart::Twice(name))
    } else {
        Ok(value)
    }
}

impl RequestPart {
    /// The bytes that are signed and sent.
    pub fn bytes(&self) -> Vec<u8> {
        section(&[&self.method, &self.target], &self.headers)
    }

    /// Reads a part that a peer sent.
    ///
    /// # Errors
    /// [`BadPart`] for anything over the limits, malformed, or holding a header of [`DROPPED`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadPart> {
        let (method, target, headers) = read_section(bytes)?;
        if !METHODS.contains(&method) {
            return Err(BadPart::Malformed("unknown verb"));
        }
        if target.len() > TARGET_BYTES_MAX {
            return Err(BadPart::TooLarge("target"));
        }
        if !target.starts_with('/') || target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(BadPart::Malformed("target"));
        }
        Ok(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
        })
    }

    /// The service asked for, the raw path below it (empty or beginning with `/`), and the raw query.
    ///
    /// # Errors
    /// [`BadPart::Malformed`] if the target is not `/r1/` and five parts of an identifier.
    pub fn address(&self) -> Result<(ServiceId, &str, Option<&str>), BadPart> {
        let bad = BadPart::Malformed("the target is not /r1/ and a service");
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let below = path.strip_prefix("/r1/").ok_or(bad.clone())?;
        let end = below
            .match_indices('/')
            .nth(4)
            .map_or(below.len(), |(at, _)| at);
        let service = below[..end].parse().map_err(|_| bad)?;
        Ok((service, &below[end..], query))
    }

    /// Who asks: a subsystem, or a member itself.
    ///
    /// # Errors
    /// Missing or malformed `X-Road-Client`.
    pub fn client(&self) -> Result<Party, BadPart> {
        let text = last(&self.headers, CLIENT)?;
        text.parse()
            .map_err(|_| BadPart::Malformed("the client is neither a member nor a subsystem"))
    }

    /// The value of a header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl ResponsePart {
    /// The status alone, of a part that may not be readable otherwise.
    pub(crate) fn status_of(bytes: &[u8]) -> Option<u16> {
        std::str::from_utf8(bytes.get(..3)?).ok()?.parse().ok()
    }

    /// How many bytes the part has.
    pub(crate) fn len(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.len() + value.len() + 3);
        self.reason.len() + 7 + headers.sum::<usize>()
    }

    /// The bytes that are signed and sent.
    pub fn bytes(&self) -> Vec<u8> {
        section(&[&self.status.to_string(), &self.reason], &self.headers)
    }

    /// Reads a part that a peer sent.
    ///
    /// # Errors
    /// As [`RequestPart::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadPart> {
        let (status, reason, headers) = read_section(bytes)?;
        let status = match status.parse::<u16>() {
            Ok(code @ 100..=599) if status.len() == 3 => code,
            _ => return Err(BadPart::Malformed("status")),
        };
        Ok(Self {
            status,
            reason: reason.to_owned(),
            headers,
        })
    }

    /// The value of a header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn section(start: &[&str; 2], headers: &[Header]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    for line in start {
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    for (name, value) in headers {
        for piece in [name.as_bytes(), b":", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(piece);
        }
    }
    bytes
}

fn read_section(bytes: &[u8]) -> Result<(&str, &str, Vec<Header>), BadPart> {
    if bytes.len() > PART_BYTES_MAX {
        return Err(BadPart::TooLarge("part"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| BadPart::Malformed("not UTF-8"))?;
    let text = text
        .strip_suffix("\r\n")
        .ok_or(BadPart::Malformed("the last line is not ended"))?;
    let mut lines = text.split("\r\n");
    let first = lines.next().ok_or(BadPart::Malformed("empty"))?;
    let second = lines.next().ok_or(BadPart::Malformed("one line only"))?;
    let mut headers = Vec::new();
    for line in lines {
        if headers.len() == HEADERS_MAX {
            return Err(BadPart::TooLarge("count of headers"));
        }
        headers.push(read_header(line)?);
    }
    if [first, second]
        .iter()
        .any(|line| line.bytes().any(|byte| byte < b' ' || byte == 0x7f))
    {
        return Err(BadPart::Malformed("control characters in the start"));
    }
    Ok((first, second, headers))
}

fn read_header(line: &str) -> Result<Header, BadPart> {
    let (name, value) = line
        .split_once(':')
        .ok_or(BadPart::Malformed("a header without colon"))?;
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Err(BadPart::Malformed("a header's name"));
    }
    if value
        .bytes()
        .any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f)
    {
        return Err(BadPart::Malformed("a header's value"));
    }
    if is_dropped(name) {
        return Err(BadPart::Forbidden(name.to_ascii_lowercase()));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Whether a byte may stand in a header's name (RFC 9110 section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a part that is about to be signed is within the limits at which its reader would refuse it.
///
/// # Errors
/// [`BadPart::TooLarge`].
pub fn fits(bytes: &[u8], headers: &[Header]) -> Result<(), BadPart> {
    match () {
        () if bytes.len() > PART_BYTES_MAX => Err(BadPart::TooLarge("headers")),
        () if headers.len() > HEADERS_MAX => Err(BadPart::TooLarge("count of headers")),
        () => Ok(()),
    }
}

/// SHA-512, the digest of the message layer.
pub fn sha512(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA512, bytes).as_ref().to_vec()
}

/// The value of `x-road-request-hash` for the request that was received.
pub fn request_hash(request: &Digested, body: Option<&Body>) -> String {
    match body {
        None => BASE64.encode(request.sha512()),
        Some(body) => BASE64.encode(&sha512(&[request.sha512(), body.sha512()].concat())),
    }
}

/// The headers that the provider's node adds to a response, in X-Road's order.
///
/// # Errors
/// If the request lacks one of the headers that are echoed.
pub fn echo(
    request: &RequestPart,
    bytes: &Digested,
    body: Option<&Body>,
) -> Result<[Header; 5], BadPart> {
    let (service, ..) = request.address()?;
    let copy = |name: &'static str| Ok((name.to_owned(), last(&request.headers, name)?.to_owned()));
    Ok([
        copy(ID)?,
        copy(CLIENT)?,
        (SERVICE.to_owned(), service.to_string()),
        copy(REQUEST_ID)?,
        (REQUEST_HASH.to_owned(), request_hash(bytes, body)),
    ])
}

/// Checks that a response answers the request that was sent: number, client, service, attempt and digest.
///
/// # Errors
/// The name of the header that does not fit.
pub fn answers(
    response: &ResponsePart,
    request: &RequestPart,
    bytes: &Digested,
    body: Option<&Body>,
) -> Result<(), &'static str> {
    let expected = echo(request, bytes, body).map_err(|_| "request")?;
    for ((name, value), known) in
        expected
            .iter()
            .zip([ID, CLIENT, SERVICE, REQUEST_ID, REQUEST_HASH])
    {
        debug_assert_eq!(name, known, "echo keeps its order");
        let told = last(&response.headers, known).map_err(|_| known)?;
        // Nodes differ in which characters of an identifier they encode.
        let same = match known {
            CLIENT => same_id::<Party>(told, value),
            SERVICE => same_id::<ServiceId>(told, value),
            _ => told == value,
        };
        if !same {
            return Err(known);
        }
    }
    Ok(())
}

fn same_id<T: std::str::FromStr + PartialEq>(told: &str, expected: &str) -> bool {
    let read = |text: &str| text.parse::<T>().ok();
    read(told).is_some_and(|told| Some(told) == read(expected))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use bytes::Bytes;

    use super::*;

    fn body(bytes: &'static [u8]) -> Body {
        Body::from(Bytes::from_static(bytes))
    }

    fn request() -> RequestPart {
        RequestPart {
            method: "POST".into(),
            target: "/r1/PE/GOB/2029/registry/person/facts?x=1".into(),
            headers: vec![
                ("Accept".into(), "application/json".into()),
                ("X-Road-Client".into(), "PE/GOB/2014/licences".into()),
                (
                    REQUEST_ID.into(),
                    "11111111-2222-4333-8444-555555555555".into(),
                ),
                (ID.into(), "PE-1".into()),
            ],
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_protocol() {
        let expected = "POST\r\n/r1/PE/GOB/2029/registry/person/facts?x=1\r\nAccept:application/json\r\n\
            X-Road-Client:PE/GOB/2014/licences\r\n\
            x-road-request-id:11111111-2222-4333-8444-555555555555\r\nx-road-id:PE-1\r\n";
        assert_eq!(String::from_utf8(request().bytes()).unwrap(), expected);
        let response = ResponsePart {
            status: 200,
            reason: "OK".into(),
            headers: vec![("A".into(), "b:c".into())],
        };
        assert_eq!(response.bytes(), b"200\r\nOK\r\nA:b:c\r\n");
        assert_eq!(
            ResponsePart::parse(b"200\r\n\r\nA:b:c\r\n")
                .unwrap()
                .headers[0]
                .1,
            "b:c"
        );
    }

    #[test]
    fn the_address_keeps_the_raw_path() {
        let request = request();
        let (service, path, query) = request.address().unwrap();
        assert_eq!(
            (service.to_string().as_str(), path, query),
            ("PE/GOB/2029/registry/person", "/facts", Some("x=1"))
        );
        let short = RequestPart {
            target: "/r1/PE/GOB/2029/registry".into(),
            ..request
        };
        assert!(short.address().is_err());
    }

    #[test]
    fn headers_of_one_connection_are_refused() {
        for name in DROPPED {
            let part = format!("GET\r\n/r1/a/b/c/d/e\r\n{}:x\r\n", name.to_uppercase());
            assert_eq!(
                RequestPart::parse(part.as_bytes()),
                Err(BadPart::Forbidden(name.into()))
            );
        }
    }

    #[test]
    fn malformed_parts_are_refused() {
        let good = "GET\r\n/r1/a/b/c/d/e\r\nA:b\r\n";
        assert!(RequestPart::parse(good.as_bytes()).is_ok());
        for (bad, why) in [
            ("", "nothing"),
            ("GET\r\n/r1/a\r\nA:b", "unended"),
            ("GET\r\n/r1/a\r\nA b\r\n", "no colon"),
            ("GET\r\n/r1/a\r\nA :b\r\n", "space in name"),
            ("GET\r\n/r1/a b\r\nA:b\r\n", "space in target"),
            ("GET\n/r1/a\nA:b\n", "bare line feeds"),
            ("BREW\r\n/r1/a\r\n", "verb"),
            ("GET\r\n/r1/a\r\nA:b\nB:c\r\n", "line feed in value"),
            ("GET\r\nr1/a\r\n", "relative"),
            ("GET\r\n/r1/a\r\n\r\n", "empty header line"),
            ("GET\r\n/r1/a\r\nA:b\r\n c:d\r\n", "a folded line"),
            ("GET\r\n/r1/a\r\nA:b\r\n\tc\r\n", "a folded line"),
            ("GET\r\n/r1/a\r\nA:b\rX-Road-Client:c\r\n", "CR in value"),
            ("GET\r\n/r1/a\r\nA:b\0\r\n", "NUL in value"),
            ("GET\r\n/r1/a\rb\r\n", "CR in target"),
            ("GET\r\n/r1/a\u{a0}\r\n:b\r\n", "a header without name"),
            (
                "GET\r\n/r1/a\r\nA\u{e9}:b\r\n",
                "letters beyond ASCII in name",
            ),
        ] {
            assert!(RequestPart::parse(bad.as_bytes()).is_err(), "{why}");
        }
        let many = format!("GET\r\n/a\r\n{}", "A:b\r\n".repeat(HEADERS_MAX + 1));
        assert_eq!(
            RequestPart::parse(many.as_bytes()),
            Err(BadPart::TooLarge("count of headers"))
        );
        assert!(RequestPart::parse(&vec![b'a'; PART_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_response_answers_only_its_request() {
        let request = request();
        let bytes = Digested::from(request.bytes());
        let headers = echo(&request, &bytes, Some(&body(b"{}"))).unwrap().to_vec();
        let response = ResponsePart {
            status: 200,
            reason: String::new(),
            headers,
        };
        assert_eq!(
            answers(&response, &request, &bytes, Some(&body(b"{}"))),
            Ok(())
        );
        assert_eq!(
            answers(&response, &request, &bytes, Some(&body(b"{ }"))),
            Err(REQUEST_HASH)
        );
        assert_eq!(
            answers(&response, &request, &bytes, None),
            Err(REQUEST_HASH)
        );
        let other = RequestPart {
            headers: vec![(ID.into(), "PE-2".into())],
            ..request
        };
        assert!(answers(&response, &other, &bytes, None).is_err());
    }

    #[test]
    fn the_hash_covers_part_and_body_apart() {
        // Computed with `openssl dgst -sha512 -binary` over the same bytes.
        let plain = request_hash(&b"abc".to_vec().into(), None);
        assert!(
            plain.starts_with("3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05oh"),
            "{plain}"
        );
        assert_ne!(
            request_hash(&b"ab".to_vec().into(), Some(&body(b"c"))),
            plain
        );
        assert_ne!(
            request_hash(&b"abc".to_vec().into(), Some(&body(b""))),
            plain
        );
    }

    proptest! {
        #[test]
        fn what_parses_writes_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(part) = RequestPart::parse(&bytes) {
                prop_assert_eq!(part.bytes(), bytes);
            }
        }

        #[test]
        fn near_parts_never_panic(text in "(GET|PUT)?\r\n/(r1/)?[a-z%/?\r\n:]{0,60}(\r\n)?") {
            if let Ok(part) = RequestPart::parse(text.as_bytes()) {
                prop_assert_eq!(part.bytes(), text.as_bytes());
                let _ = part.address();
            }
            let _ = ResponsePart::parse(text.as_bytes());
        }
    }
}
