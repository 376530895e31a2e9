//! What stands on a shared line: many messages at once between two nodes of our kind, over one connection.
//!
//! X-Road's transport gives each message a connection of its own while it is under way, and says the signer's certificates,
//! their OCSP responses and, where one signature covers many messages, that signature again with each. Here messages
//! follow each other as they come, answers come in any order, and a text that both ends still hold is named instead of
//! repeated. The parts are the same bytes, so that signatures, evidence and refusals are too. The form is written down in
//! `docs/protocols/shared-line.md`. Written and read by `wire/shared`; it decides nothing about what the parts mean.

use bytes::{Buf, BytesMut};

use super::codes::FAULT_BYTES_MAX;
use super::message::PART_BYTES_MAX;
use super::multipart::{
    BadEnvelope, CHAIN_BYTES_MAX, Direction, Envelope, OCSP_BYTES_MAX, OCSP_PARTS_MAX,
    SIGNATURE_BYTES_MAX,
};
use crate::body::{Body, MEMORY_BYTES_MAX, PIECE};

/// The name of the form among application protocols (RFC 7301).
pub const PROTOCOL: &[u8] = b"tambo/line-1";
/// Largest frame: a message whose parts are all at their limits.
pub const FRAME_BYTES_MAX: usize = OCSP_PARTS_MAX * OCSP_BYTES_MAX
    + PART_BYTES_MAX
    + MEMORY_BYTES_MAX
    + 2 * CHAIN_BYTES_MAX
    + SIGNATURE_BYTES_MAX
    + 1_024;
/// Texts of a kind that both ends hold, for each direction; the oldest makes room.
const KEPT_MAX: usize = 16;
/// Longest text that is held; 16 signatures and 16 OCSP responses are then 512 KiB for each direction at most.
const KEPT_BYTES_MAX: usize = 16 * 1024;
/// Bytes before a frame's payload: its length, its kind, the number of the call.
const HEAD: usize = 4 + 1 + 4;

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const REFUSAL: u8 = 3;
const PIECE_OF_BODY: u8 = 4;
const GOODBYE: u8 = 5;

const NO_BODY: u8 = 0;
const WHOLE_BODY: u8 = 1;
const BODY_IN_PIECES: u8 = 2;

const ABSENT: u8 = 0;
const ONCE: u8 = 1;
const KEEP: u8 = 2;
const AGAIN: u8 = 3;

/// One frame, as it was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A call.
    Request {
        /// Its number on this line, by which the answer is known.
        call: u32,
        /// The number of the attempt (`x-road-request-id`).
        request_id: String,
        /// The message.
        envelope: Envelope,
    },
    /// A signed answer.
    Response {
        /// The call.
        call: u32,
        /// The message; without its body if that comes in pieces.
        envelope: Envelope,
        /// Length of the body that comes in pieces, in bytes.
        in_pieces: Option<u64>,
    },
    /// A fault instead of an answer.
    Refusal {
        /// The call.
        call: u32,
        /// The SOAP fault.
        fault: Vec<u8>,
    },
    /// A piece of an answer's body.
    Piece {
        /// The call.
        call: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The called node takes no call after this one; those up to it will be answered.
    Goodbye {
        /// The last call that it took; 0 for none.
        last: u32,
    },
}

/// Bytes that are no frame. Nothing after them can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFrame {
    /// The call that the frame was of, if that much could be read.
    pub call: Option<u32>,
    /// What is wrong.
    pub why: BadEnvelope,
}

/// Texts that both ends hold: the writer and the reader of one direction do the same with each.
#[derive(Debug, Default)]
struct Kept {
    texts: Vec<Vec<u8>>,
    next: usize,
}

impl Kept {
    fn place(&self, text: &[u8]) -> Option<u8> {
        let place = self.texts.iter().position(|kept| kept == text)?;
        u8::try_from(place).ok()
    }

    fn keep(&mut self, text: &[u8]) {
        match self.texts.get_mut(self.next) {
            Some(oldest) => {
                oldest.clear();
                oldest.extend_from_slice(text);
            }
            None => self.texts.push(text.to_vec()),
        }
        self.next = (self.next + 1) % KEPT_MAX;
    }

    fn write(&mut self, out: &mut Vec<u8>, text: &[u8]) {
        if let Some(place) = self.place(text) {
            return out.extend_from_slice(&[AGAIN, place]);
        }
        let is_kept = text.len() <= KEPT_BYTES_MAX;
        out.push(if is_kept { KEEP } else { ONCE });
        push_bytes(out, text);
        if is_kept {
            self.keep(text);
        }
    }

    /// The text that is written next; nothing if there is none.
    fn read(
        &mut self,
        payload: &mut Payload<'_>,
        max: usize,
    ) -> Result<Option<Vec<u8>>, BadEnvelope> {
        match payload.byte()? {
            ABSENT => Ok(None),
            ONCE => payload.bytes(max).map(<[u8]>::to_vec).map(Some),
            KEEP => {
                let text = payload.bytes(max.min(KEPT_BYTES_MAX))?.to_vec();
                self.keep(&text);
                Ok(Some(text))
            }
            AGAIN => {
                let kept = self.texts.get(usize::from(payload.byte()?));
                let kept = kept.filter(|text| text.len() <= max).cloned();
                kept.map(Some)
                    .ok_or(BadEnvelope::Frame("a text that is not held"))
            }
            _ => Err(BadEnvelope::Frame("kind of text")),
        }
    }
}

/// Whether a body goes within the frame of its message.
pub fn fits(body: &Body) -> bool {
    body.len() <= MEMORY_BYTES_MAX as u64
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Writes the frames of one direction.
#[derive(Debug, Default)]
pub struct Writer {
    ocsp: Kept,
    texts: Kept,
}

impl Writer {
    /// Appends a call, whose body [`fits`].
    pub fn request(&mut self, out: &mut Vec<u8>, call: u32, request_id: &str, envelope: &Envelope) {
        let frame = begin(out, REQUEST, call);
        let id = &request_id.as_bytes()[..request_id.len().min(usize::from(u8::MAX))];
        out.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(id);
        self.message(out, envelope);
        end(out, frame);
    }

    /// Appends an answer; tells whether its body must follow in pieces.
    pub fn response(&mut self, out: &mut Vec<u8>, call: u32, envelope: &Envelope) -> bool {
        let frame = begin(out, RESPONSE, call);
        let in_pieces = self.message(out, envelope);
        end(out, frame);
        in_pieces
    }

    fn message(&mut self, out: &mut Vec<u8>, envelope: &Envelope) -> bool {
        out.push(u8::try_from(envelope.ocsp.len()).unwrap_or(u8::MAX));
        for response in &envelope.ocsp {
            self.ocsp.write(out, response);
        }
        push_bytes(out, &envelope.rest);
        let body = envelope.body.as_ref().filter(|body| !body.is_empty());
        let whole = body.filter(|body| fits(body)).and_then(Body::in_memory);
        let in_pieces = match (body, whole) {
            (None, _) => {
                out.push(NO_BODY);
                false
            }
            (_, Some(bytes)) => {
                out.push(WHOLE_BODY);
                push_bytes(out, bytes);
                false
            }
            (Some(body), None) => {
                out.push(BODY_IN_PIECES);
                out.extend_from_slice(&body.len().to_be_bytes());
                true
            }
        };
        match (&envelope.chain_result, &envelope.chain) {
            (Some(result), Some(chain)) => {
                self.texts.write(out, result);
                push_bytes(out, chain);
            }
            _ => out.push(ABSENT),
        }
        self.texts.write(out, &envelope.signature);
        in_pieces
    }
}

/// Appends a fault.
pub fn refusal(out: &mut Vec<u8>, call: u32, fault: &[u8]) {
    let frame = begin(out, REFUSAL, call);
    out.extend_from_slice(fault);
    end(out, frame);
}

/// Appends a piece of an answer's body.
pub fn piece(out: &mut Vec<u8>, call: u32, bytes: &[u8]) {
    let frame = begin(out, PIECE_OF_BODY, call);
    out.extend_from_slice(bytes);
    end(out, frame);
}

/// Appends that no call after `last` is taken.
pub fn goodbye(out: &mut Vec<u8>, last: u32) {
    let frame = begin(out, GOODBYE, last);
    end(out, frame);
}

fn begin(out: &mut Vec<u8>, kind: u8, call: u32) -> usize {
    let frame = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(kind);
    out.extend_from_slice(&call.to_be_bytes());
    frame
}

fn end(out: &mut [u8], frame: usize) {
    let length = u32::try_from(out.len() - frame - 4).unwrap_or(u32::MAX);
    out[frame..frame + 4].copy_from_slice(&length.to_be_bytes());
}

/// Reads the frames of one direction, which arrive in pieces of any size.
#[derive(Debug)]
pub struct Reader {
    direction: Direction,
    body_max: usize,
    buffer: BytesMut,
    ocsp: Kept,
    texts: Kept,
}

impl Reader {
    /// A reader of calls or of answers, whose bodies may have up to `body_max` bytes.
    pub fn new(direction: Direction, body_max: usize) -> Self {
        Self {
            direction,
            body_max,
            buffer: BytesMut::new(),
            ocsp: Kept::default(),
            texts: Kept::default(),
        }
    }

    /// Where bytes that arrive are put, behind what is there.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Bytes of a frame that has not come whole.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame; nothing if it has not come whole.
    ///
    /// # Errors
    /// [`BadFrame`]; the reader is of no use afterwards.
    pub fn frame(&mut self) -> Result<Option<Frame>, BadFrame> {
        let bad = |call, why| BadFrame { call, why };
        let Some(head) = self.buffer.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let [a, b, c, d, kind, call @ ..] = *head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let call = u32::from_be_bytes(call);
        if length < HEAD - 4 {
            return Err(bad(None, BadEnvelope::Frame("a frame without a head")));
        }
        if length > FRAME_BYTES_MAX {
            return Err(bad(Some(call), BadEnvelope::TooLarge("a frame")));
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        let frame = self.buffer.split_to(4 + length);
        let mut payload = Payload(&frame[HEAD..]);
        let read = self.decode(kind, call, &mut payload);
        let read = read.and_then(|frame| match payload.0 {
            [] => Ok(frame),
            _ => Err(BadEnvelope::Frame("bytes after the last part")),
        });
        read.map(Some).map_err(|why| bad(Some(call), why))
    }

    fn decode(
        &mut self,
        kind: u8,
        call: u32,
        payload: &mut Payload<'_>,
    ) -> Result<Frame, BadEnvelope> {
        match (self.direction, kind) {
            (Direction::Request, REQUEST) => {
                let length = usize::from(payload.byte()?);
                let id = std::str::from_utf8(payload.take(length)?);
                let id = id.map_err(|_| BadEnvelope::Frame("the attempt's number"))?;
                let request_id = id.to_owned();
                let (envelope, in_pieces) = self.message(payload)?;
                if in_pieces.is_some() {
                    return Err(BadEnvelope::Frame("a call in pieces"));
                }
                Ok(Frame::Request {
                    call,
                    request_id,
                    envelope,
                })
            }
            (Direction::Response, RESPONSE) => {
                let (envelope, in_pieces) = self.message(payload)?;
                if !envelope.ocsp.is_empty() {
                    return Err(BadEnvelope::Order("OCSP responses in an answer"));
                }
                Ok(Frame::Response {
                    call,
                    envelope,
                    in_pieces,
                })
            }
            (Direction::Response, REFUSAL) => Ok(Frame::Refusal {
                call,
                fault: payload.rest(FAULT_BYTES_MAX)?.to_vec(),
            }),
            (Direction::Response, PIECE_OF_BODY) => Ok(Frame::Piece {
                call,
                bytes: payload.rest(PIECE)?.to_vec(),
            }),
            (Direction::Response, GOODBYE) => Ok(Frame::Goodbye { last: call }),
            _ => Err(BadEnvelope::Frame("kind of frame")),
        }
    }

    fn message(
        &mut self,
        payload: &mut Payload<'_>,
    ) -> Result<(Envelope, Option<u64>), BadEnvelope> {
        let missing = |what| BadEnvelope::Frame(what);
        let count = usize::from(payload.byte()?);
        if count > OCSP_PARTS_MAX {
            return Err(BadEnvelope::TooLarge("count of OCSP responses"));
        }
        let mut ocsp = Vec::with_capacity(count);
        for _ in 0..count {
            let response = self.ocsp.read(payload, OCSP_BYTES_MAX)?;
            ocsp.push(response.ok_or_else(|| missing("an empty OCSP response"))?);
        }
        let rest = payload.bytes(PART_BYTES_MAX)?.to_vec();
        let (body, in_pieces) = self.body(payload)?;
        let chain_result = self.texts.read(payload, CHAIN_BYTES_MAX)?;
        let chain = match &chain_result {
            Some(_) => Some(payload.bytes(CHAIN_BYTES_MAX)?.to_vec()),
            None => None,
        };
        let signature = self.texts.read(payload, SIGNATURE_BYTES_MAX)?;
        let signature = signature.ok_or_else(|| missing("no signature"))?;
        let envelope = Envelope {
            ocsp,
            rest: rest.into(),
            body,
            chain_result,
            chain,
            signature,
        };
        Ok((envelope, in_pieces))
    }

    fn body(
        &mut self,
        payload: &mut Payload<'_>,
    ) -> Result<(Option<Body>, Option<u64>), BadEnvelope> {
        match payload.byte()? {
            NO_BODY => Ok((None, None)),
            WHOLE_BODY => {
                let bytes = payload.bytes(MEMORY_BYTES_MAX)?;
                if bytes.len() > self.body_max {
                    return Err(BadEnvelope::BodyTooLarge);
                }
                Ok((Some(Body::from(bytes.to_vec())), None))
            }
            BODY_IN_PIECES => {
                let length = payload.take(8)?.get_u64();
                if length == 0 {
                    return Err(BadEnvelope::Frame("an empty part"));
                }
                Ok((None, Some(length)))
            }
            _ => Err(BadEnvelope::Frame("kind of body")),
        }
    }
}

/// What of a frame is not read yet.
struct Payload<'b>(&'b [u8]);

impl<'b> Payload<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], BadEnvelope> {
        let split = self.0.split_at_checked(length);
        let (head, rest) = split.ok_or(BadEnvelope::Frame("a part beyond its frame"))?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, BadEnvelope> {
        Ok(self.take(1)?[0])
    }

    /// A part with its length before it; never an empty one.
    fn bytes(&mut self, max: usize) -> Result<&'b [u8], BadEnvelope> {
        let length = usize::try_from(self.take(4)?.get_u32()).unwrap_or(usize::MAX);
        match length {
            0 => Err(BadEnvelope::Frame("an empty part")),
            _ if length > max => Err(BadEnvelope::TooLarge("a part")),
            _ => self.take(length),
        }
    }

    fn rest(&mut self, max: usize) -> Result<&'b [u8], BadEnvelope> {
        match self.0.len() {
            0 => Err(BadEnvelope::Frame("an empty part")),
            length if length > max => Err(BadEnvelope::TooLarge("a part")),
            length => self.take(length),
        }
    }
}

#[cfg(test)]
mod tests;
