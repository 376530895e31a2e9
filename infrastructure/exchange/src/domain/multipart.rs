//! The multipart envelope between nodes (PR-MESSTRANSP): written in one go, read piece by piece as it arrives.
//!
//! Framing is X-Road's: `--boundary`, CR LF, headers in small letters, an empty line, raw bytes, CR LF; at the end
//! `--boundary--`. The reader also takes a CR LF before the first boundary (RFC 2046's empty preamble), accepts the parts
//! only in the protocol's order, holds each to its own limit, and refuses anything after the signature. Read by `wire` for requests and responses; it makes no decision about what the parts mean.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};

use crate::body::{Body, Digested};

/// Most parts in a message: OCSP responses of a chain, REST part, body, two chains, signature.
pub const PARTS_MAX: usize = 16;
/// Longest header section of one part; real ones hold one or two short headers.
pub const PART_HEADER_BYTES_MAX: usize = 2 * 1024;
/// Most OCSP responses: one for each certificate below the root of an authentication chain.
pub const OCSP_PARTS_MAX: usize = 5;
/// Longest OCSP response; ours are below 2 KiB, national CAs with long chains stay below 10 KiB.
pub const OCSP_BYTES_MAX: usize = 32 * 1024;
/// Longest hash chain or hash chain result; a batch of thousands of messages stays below 10 KiB.
pub const CHAIN_BYTES_MAX: usize = 64 * 1024;
/// Longest signature; ours are about 8 KiB, of which most is certificates and OCSP.
pub const SIGNATURE_BYTES_MAX: usize = 128 * 1024;
/// Room that is made before a message has come: enough for one with a small body.
const EXPECTED: usize = 12 * 1024;
/// Longest boundary (RFC 2046 section 5.1.1).
pub const BOUNDARY_CHARS_MAX: usize = 70;

/// Which part of a message it is, by its content type. The order of the variants is the order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// OCSP response for a certificate of the sender's authentication chain.
    Ocsp,
    /// The request part.
    Request,
    /// The response part.
    Response,
    /// The body, if there is one.
    Body,
    /// Result of the hash chain.
    ChainResult,
    /// The hash chain.
    Chain,
    /// The signature; the last part.
    Signature,
    /// A SOAP fault in place of the signature.
    Fault,
}

impl Kind {
    /// The content type that names the part.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Ocsp => "application/ocsp-response",
            Self::Request => "application/x-road-rest-request",
            Self::Response => "application/x-road-rest-response",
            Self::Body => "application/x-road-rest-body",
            Self::ChainResult => "application/hash-chain-result",
            Self::Chain => "application/hash-chain",
            Self::Signature => "signature/bdoc-1.0/ts",
            Self::Fault => "text/xml",
        }
    }

    fn of(content_type: &str) -> Option<Self> {
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase();
        [
            Self::Ocsp,
            Self::Request,
            Self::Response,
            Self::Body,
            Self::ChainResult,
            Self::Chain,
            Self::Signature,
            Self::Fault,
        ]
        .into_iter()
        .find(|kind| kind.content_type() == essence)
    }

    fn bytes_max(self, body_max: usize) -> usize {
        match self {
            Self::Ocsp => OCSP_BYTES_MAX,
            Self::Request | Self::Response => super::message::PART_BYTES_MAX,
            Self::Body => body_max,
            Self::ChainResult | Self::Chain => CHAIN_BYTES_MAX,
            Self::Signature => SIGNATURE_BYTES_MAX,
            Self::Fault => super::codes::FAULT_BYTES_MAX,
        }
    }
}

/// The parts of one message, each with the exact bytes that stood on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// OCSP responses for the sender's authentication chain; requests only.
    pub ocsp: Vec<Vec<u8>>,
    /// The request or response part.
    pub rest: Digested,
    /// The body. We never send one of no bytes; X-Road does when a back end answers `Content-Length: 0`, and signs it.
    pub body: Option<Body>,
    /// Result of the hash chain.
    pub chain_result: Option<Vec<u8>>,
    /// The hash chain.
    pub chain: Option<Vec<u8>>,
    /// The signature's XML.
    pub signature: Vec<u8>,
}

impl Envelope {
    /// About how many bytes it is on a line.
    pub fn size(&self) -> u64 {
        let ocsp: usize = self.ocsp.iter().map(Vec::len).sum();
        let chains = [&self.chain_result, &self.chain];
        let chains = chains.map(|part| part.as_ref().map_or(0, Vec::len));
        let texts = ocsp + self.rest.len() + chains[0] + chains[1] + self.signature.len();
        texts as u64 + self.body.as_ref().map_or(0, Body::len)
    }
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvelope {
    /// The frame around the parts is broken.
    #[error("the frame is broken: {0}")]
    Frame(&'static str),
    /// A part is unknown, repeated, or not in the protocol's order.
    #[error("a part stands in a wrong place: {0}")]
    Order(&'static str),
    /// A part or the count of parts is over its limit.
    #[error("over a limit: {0}")]
    TooLarge(&'static str),
    /// The body is over this node's limit, which is no fault of the sender's.
    #[error("the body is over this node's limit")]
    BodyTooLarge,
    /// The message ended early.
    #[error("the message ended before its last part")]
    Short,
    /// The sender reported a fault instead of a signature.
    #[error("the sender reported a fault in mid-message")]
    Fault(Vec<u8>),
}

/// Whether a request or a response is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the asking node.
    Request,
    /// From the answering node.
    Response,
}

/// A message as it goes out: bytes and, among them, the body, which need not lie in memory.
#[derive(Clone, Debug)]
pub struct Framed {
    before: Bytes,
    body: Option<Body>,
    after: Bytes,
}

impl Framed {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        let body = self.body.as_ref().map_or(0, Body::len);
        self.before.len() as u64 + body + self.after.len() as u64
    }

    /// Whether there are none, which no message is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in the order of the wire, one piece after the other.
    pub fn pieces(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let body = self.body.clone();
        let ends = [self.before.clone(), self.after.clone()];
        let [before, after] = ends.map(|end| stream::once(ready(Ok(end))));
        let body = stream::iter(body).flat_map(|body| body.pieces());
        before.chain(body).chain(after)
    }

    /// All bytes at once; for a network without sockets, and for tests.
    ///
    /// # Errors
    /// The body can't be read.
    pub async fn to_bytes(&self) -> io::Result<Bytes> {
        let pieces: Vec<Bytes> = self.pieces().try_collect().await?;
        Ok(pieces.concat().into())
    }
}

#[cfg(test)]
impl Framed {
    /// All bytes of a message whose body lies in memory.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let body = crate::body::small(self.body.as_ref());
        [&self.before[..], body, &self.after[..]].concat()
    }
}

impl From<Bytes> for Framed {
    fn from(bytes: Bytes) -> Self {
        Self {
            before: bytes,
            body: None,
            after: Bytes::new(),
        }
    }
}

/// Writes a message with `boundary`, which must not occur in any part (thirty random letters).
pub fn write(envelope: &Envelope, direction: Direction, boundary: &str) -> Framed {
    let rest = match direction {
        Direction::Request => Kind::Request,
        Direction::Response => Kind::Response,
    };
    let mut parts: Vec<(Kind, &[u8])> = Vec::with_capacity(PARTS_MAX);
    parts.extend(
        envelope
            .ocsp
            .iter()
            .map(|bytes| (Kind::Ocsp, bytes.as_slice())),
    );
    parts.push((rest, &envelope.rest));
    let body = envelope.body.clone().filter(|body| !body.is_empty());
    let optional = [&envelope.chain_result, &envelope.chain];
    let chains: usize = optional
        .iter()
        .map(|part| part.as_ref().map_or(0, Vec::len))
        .sum();
    let ocsp: usize = envelope.ocsp.iter().map(Vec::len).sum();
    let room = 2_048 + envelope.rest.len() + envelope.signature.len() + chains + ocsp;
    let mut out = Vec::with_capacity(room);
    add(&mut out, &parts, boundary);
    if body.is_some() {
        add(&mut out, &[(Kind::Body, &[])], boundary);
    }
    let split = out.len();
    parts.clear();
    let optional = [
        (Kind::ChainResult, &envelope.chain_result),
        (Kind::Chain, &envelope.chain),
    ];
    for (kind, bytes) in optional {
        let bytes = bytes.as_deref().filter(|bytes| !bytes.is_empty());
        parts.extend(bytes.map(|bytes| (kind, bytes)));
    }
    parts.push((Kind::Signature, &envelope.signature));
    add(&mut out, &parts, boundary);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let out = Bytes::from(out);
    Framed {
        before: out.slice(..split),
        body,
        after: out.slice(split..),
    }
}

/// Frames any parts in any order; tests use it to write messages that no honest node writes.
#[cfg(test)]
pub(crate) fn frame(parts: &[(Kind, &[u8])], boundary: &str) -> Vec<u8> {
    let mut out = Vec::new();
    add(&mut out, parts, boundary);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    out
}

/// Adds parts to a frame; all but the very first begin with the end of a line.
fn add(out: &mut Vec<u8>, parts: &[(Kind, &[u8])], boundary: &str) {
    for (kind, bytes) in parts {
        if !out.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        let head = format!(
            "--{boundary}\r\ncontent-type: {}\r\n\r\n",
            kind.content_type()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(bytes);
    }
}

/// The boundary of a `multipart/mixed` content type; `None` if it is not one, or the boundary is not RFC 2046's.
pub fn boundary(content_type: &str) -> Option<String> {
    let mut pieces = content_type.split(';');
    if !pieces
        .next()?
        .trim()
        .eq_ignore_ascii_case("multipart/mixed")
    {
        return None;
    }
    let value = pieces.find_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"').to_owned())
    })?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    ((1..=BOUNDARY_CHARS_MAX).contains(&value.len()) && value.bytes().all(allowed)).then_some(value)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first boundary: nothing but the CR LF that belongs to it.
    Start,
    /// Just after a boundary: CR LF or `--`.
    Boundary,
    /// In a part's header section.
    Headers,
    /// In a part's bytes.
    Bytes(Kind),
    /// After the closing boundary.
    End,
}

/// Reads a message that arrives in pieces.
#[derive(Debug)]
pub struct Reader {
    delimiter: Vec<u8>,
    direction: Direction,
    body_max: usize,
    state: State,
    /// Bytes not yet decided on; never more than a delimiter or a header section beyond the last piece.
    buffer: Vec<u8>,
    /// How many bytes at the beginning of the buffer are decided on.
    at: usize,
    part: Vec<u8>,
    last: Option<Kind>,
    parts: usize,
    /// Bytes of the body that nobody has taken yet, and how many there were in all.
    body: Vec<u8>,
    body_length: usize,
    has_body: bool,
    is_body_taken: bool,
    envelope: Envelope,
}

impl Reader {
    /// A reader for messages framed by `boundary`, whose body may have up to `body_max` bytes.
    pub fn new(boundary: &str, direction: Direction, body_max: usize) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            direction,
            body_max,
            state: State::Start,
            buffer: Vec::with_capacity(EXPECTED),
            at: 0,
            part: Vec::new(),
            last: None,
            parts: 0,
            body: Vec::new(),
            body_length: 0,
            has_body: false,
            is_body_taken: false,
            envelope: Envelope::default(),
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`BadEnvelope`] as soon as the bytes so far can't become a message. The reader is of no use afterwards.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), BadEnvelope> {
        self.buffer.extend_from_slice(piece);
        while self.step()? {}
        self.buffer.drain(..std::mem::take(&mut self.at));
        Ok(())
    }

    /// What is not decided on yet.
    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Takes what came of the body since the last time, so that it need not lie in memory whole; nothing if no body has
    /// begun. Whoever takes it puts it into the envelope.
    pub fn take_body(&mut self) -> Option<Vec<u8>> {
        self.is_body_taken |= self.has_body;
        self.has_body.then(|| std::mem::take(&mut self.body))
    }

    /// Whether the closing boundary has come.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// Ends the message. A body that nobody took is in memory.
    ///
    /// # Errors
    /// [`BadEnvelope::Short`] if the closing boundary has not come.
    pub fn finish(self) -> Result<Envelope, BadEnvelope> {
        match self.state {
            State::End if matches!(self.buffer.as_slice(), b"" | b"\r\n") => {
                let mut envelope = self.envelope;
                if self.has_body && !self.is_body_taken {
                    envelope.body = Some(Body::from(self.body));
                }
                Ok(envelope)
            }
            State::End => Err(BadEnvelope::Frame("bytes after the end")),
            _ => Err(BadEnvelope::Short),
        }
    }

    /// One step over the buffer; `false` if more bytes are needed.
    fn step(&mut self) -> Result<bool, BadEnvelope> {
        match self.state {
            State::Start => self.start(),
            State::Boundary => self.after_boundary(),
            State::Headers => self.headers(),
            State::Bytes(kind) => self.bytes(kind),
            State::End if self.rest().len() > 2 => Err(BadEnvelope::Frame("bytes after the end")),
            State::End => Ok(false),
        }
    }

    fn start(&mut self) -> Result<bool, BadEnvelope> {
        let bare = &self.delimiter[2..];
        let rest = self.rest();
        let wanted = if rest.first() == Some(&b'-') {
            bare
        } else {
            self.delimiter.as_slice()
        };
        if !wanted.starts_with(&rest[..wanted.len().min(rest.len())]) {
            return Err(BadEnvelope::Frame("no boundary at the start"));
        }
        if rest.len() < wanted.len() {
            return Ok(false);
        }
        self.at += wanted.len();
        self.state = State::Boundary;
        Ok(true)
    }

    fn after_boundary(&mut self) -> Result<bool, BadEnvelope> {
        let Some(two) = self.rest().get(..2) else {
            return Ok(false);
        };
        self.state = match two {
            b"\r\n" if self.is_complete() => {
                return Err(BadEnvelope::Order("a part after the signature"));
            }
            b"\r\n" => State::Headers,
            b"--" if self.is_complete() => State::End,
            b"--" => return Err(BadEnvelope::Short),
            _ => return Err(BadEnvelope::Frame("text after a boundary")),
        };
        self.at += 2;
        Ok(true)
    }

    fn is_complete(&self) -> bool {
        self.last == Some(Kind::Signature)
    }

    fn headers(&mut self) -> Result<bool, BadEnvelope> {
        let rest = self.rest();
        let window = &rest[..rest.len().min(PART_HEADER_BYTES_MAX + 4)];
        let Some(end) = find(window, b"\r\n\r\n") else {
            return if rest.len() > PART_HEADER_BYTES_MAX {
                Err(BadEnvelope::TooLarge("headers of a part"))
            } else {
                Ok(false)
            };
        };
        let kind = read_kind(&rest[..end])?;
        self.admit(kind)?;
        self.at += end + 4;
        self.state = State::Bytes(kind);
        Ok(true)
    }

    /// Decides whether a part of `kind` may come now.
    fn admit(&mut self, kind: Kind) -> Result<(), BadEnvelope> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(BadEnvelope::TooLarge("count of parts"));
        }
        let rest = match self.direction {
            Direction::Request => Kind::Request,
            Direction::Response => Kind::Response,
        };
        let fits = match kind {
            Kind::Ocsp => {
                self.direction == Direction::Request && matches!(self.last, None | Some(Kind::Ocsp))
            }
            Kind::Request | Kind::Response => {
                kind == rest && self.last.is_none_or(|last| last < Kind::Request)
            }
            Kind::Body => self.last == Some(rest),
            Kind::ChainResult => {
                matches!(self.last, Some(last) if last == rest || last == Kind::Body)
            }
            Kind::Chain => self.last == Some(Kind::ChainResult),
            Kind::Signature => {
                matches!(self.last, Some(last) if last >= rest && last != Kind::ChainResult && last < Kind::Signature)
            }
            Kind::Fault => {
                // In place of the signature, or alone when the work failed before there was a response.
                self.direction == Direction::Response && self.last.is_none_or(|last| last >= rest)
            }
        };
        if !fits {
            return Err(BadEnvelope::Order(kind.content_type()));
        }
        if kind == Kind::Ocsp && self.envelope.ocsp.len() == OCSP_PARTS_MAX {
            return Err(BadEnvelope::TooLarge("count of OCSP responses"));
        }
        self.has_body |= kind == Kind::Body;
        self.last = Some(kind);
        Ok(())
    }

    fn bytes(&mut self, kind: Kind) -> Result<bool, BadEnvelope> {
        let found = find(self.rest(), &self.delimiter);
        // Without a delimiter all but a possible beginning of one belongs to the part.
        let sure = found.unwrap_or(self.rest().len().saturating_sub(self.delimiter.len() - 1));
        let so_far = match kind {
            Kind::Body => self.body_length,
            _ => self.part.len(),
        };
        if so_far + sure > kind.bytes_max(self.body_max) {
            return Err(match kind {
                Kind::Body => BadEnvelope::BodyTooLarge,
                _ => BadEnvelope::TooLarge(kind.content_type()),
            });
        }
        let sure_bytes = &self.buffer[self.at..self.at + sure];
        match kind {
            Kind::Body => {
                self.body_length += sure;
                self.body.extend_from_slice(sure_bytes);
            }
            _ => self.part.extend_from_slice(sure_bytes),
        }
        self.at += sure;
        if found.is_none() {
            return Ok(false);
        }
        self.at += self.delimiter.len();
        self.state = State::Boundary;
        self.keep(kind)?;
        Ok(true)
    }

    fn keep(&mut self, kind: Kind) -> Result<(), BadEnvelope> {
        let bytes = std::mem::take(&mut self.part);
        match kind {
            _ if bytes.is_empty() && kind != Kind::Body => {
                return Err(BadEnvelope::Frame("an empty part"));
            }
            Kind::Ocsp => self.envelope.ocsp.push(bytes),
            Kind::Request | Kind::Response => self.envelope.rest = bytes.into(),
            Kind::Body => {}
            Kind::ChainResult => self.envelope.chain_result = Some(bytes),
            Kind::Chain => self.envelope.chain = Some(bytes),
            Kind::Signature => self.envelope.signature = bytes,
            Kind::Fault => return Err(BadEnvelope::Fault(bytes)),
        }
        Ok(())
    }
}

fn read_kind(headers: &[u8]) -> Result<Kind, BadEnvelope> {
    let text = std::str::from_utf8(headers).map_err(|_| BadEnvelope::Frame("headers of a part"))?;
    let mut types = text.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-type")
            .then(|| value.trim())
    });
    let first = types
        .next()
        .ok_or(BadEnvelope::Frame("a part without content type"))?;
    if types.next().is_some() {
        return Err(BadEnvelope::Frame("two content types"));
    }
    Kind::of(first).ok_or(BadEnvelope::Order("unknown content type"))
}

/// First place of `needle`, which begins with CR, in `hay`. The parts are mostly texts without CR, and a searcher for the
/// whole needle costs more to make than the search.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\r', hay).find(|at| hay[*at..].starts_with(needle))
}

#[cfg(test)]
mod tests;
