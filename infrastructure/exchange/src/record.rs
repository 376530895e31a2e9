//! How the journal keeps a message: the exact bytes, without writing down again what every signature repeats.
//!
//! Read by `journal` and `container`. A signature, hash chain or chain result is cut into its *shape* (the text that
//! all of a signer's have in common, certificates included) and what differs (digests, the value, the moment). Shapes
//! and OCSP responses are *parts*: kept once, by digest. It promises that what is read back is what was written, byte
//! for byte, whatever the text: a text that can't be cut is kept as it is. It refuses records that are cut short.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64;
use trust::hashchain;
use trust::sigalg::Hash;

use crate::body::Body;
use crate::domain::multipart::Envelope;

/// Length of a part's digest (SHA-256).
const DIGEST: usize = 32;
/// Shortest base64 that counts as a digest; SHA-256 has 44 characters.
const DIGEST_CHARS_MIN: usize = 44;
/// Most bytes of parts remembered: some thousand signers with their current OCSP responses.
const KNOWN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most texts of batches remembered, two for each: those of the turns under way, of this body and its peers.
const SHARED_MAX: usize = 64;
/// Largest body within a record; larger ones lie in chunks of their own.
pub const BODY_INLINE_MAX: usize = 64 * 1024;
/// Most differing places of one text; ours have a few dozen.
const HOLES_MAX: usize = 1_024;

const WHOLE: u8 = 0;
const CUT: u8 = 1;
const SAME: u8 = 2;
const NO_BODY: u8 = 0;
const INLINE_BODY: u8 = 1;
const APART_BODY: u8 = 2;
const DIGEST_BODY: u8 = 3;

/// Bytes that many messages share.
#[derive(Debug)]
pub struct Part {
    /// SHA-256 of the bytes.
    pub digest: [u8; DIGEST],
    /// The bytes.
    pub bytes: Vec<u8>,
    is_stored: AtomicBool,
}

impl Part {
    /// Notes that the part is on disk, so that no further message need bring it along.
    pub fn stored(&self) {
        self.is_stored.store(true, Ordering::Release);
    }
}

/// A message as it goes into the journal.
#[derive(Debug, Default)]
pub struct Record {
    /// The bytes of the record.
    pub bytes: Vec<u8>,
    /// Which of them are the signature.
    pub signature: Range<usize>,
    /// Parts it refers to that may not be on disk yet.
    pub parts: Vec<Arc<Part>>,
    /// SHA-256 of the whole signature.
    pub digest: [u8; DIGEST],
    /// The body, if it is too large for the record.
    pub body: Option<Body>,
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal's record is damaged: {0}")]
pub struct BadRecord(&'static str);

/// The parts that this process has met.
#[derive(Debug, Default)]
pub struct Parts {
    known: Mutex<Known>,
    shared: Mutex<HashMap<Sample, Arc<Shared>>>,
    /// Largest body that is kept, if there is a limit.
    logged_max: Option<u64>,
}

/// A text that many messages have in common, as it lies in each of their records.
#[derive(Debug)]
struct Shared {
    text: Vec<u8>,
    digest: [u8; DIGEST],
    bytes: Vec<u8>,
    parts: Vec<Arc<Part>>,
}

#[derive(Debug, Default)]
struct Known {
    parts: HashMap<Sample, Vec<Arc<Part>>>,
    bytes: usize,
}

/// A cheap name for bytes that were met before; equal names are compared byte by byte.
type Sample = (usize, [u8; 24]);

fn sample(bytes: &[u8]) -> Sample {
    let mut places = [0; 24];
    for (at, slot) in places.iter_mut().enumerate() {
        *slot = bytes.get(bytes.len() * (at + 1) / 25).copied().unwrap_or(0);
    }
    (bytes.len(), places)
}

impl Parts {
    /// Parts of messages whose bodies are kept up to `logged_max` bytes.
    pub fn limited(logged_max: u64) -> Self {
        Self {
            logged_max: Some(logged_max),
            ..Self::default()
        }
    }

    fn keeps(&self, body: &Body) -> bool {
        self.logged_max.is_none_or(|max| body.len() <= max)
    }

    /// Whether a body goes into rows of its own, because it is too large for the record and not over the limit.
    pub fn is_apart(&self, body: &Body) -> bool {
        let inline = body
            .in_memory()
            .is_some_and(|bytes| bytes.len() <= BODY_INLINE_MAX);
        !inline && self.keeps(body)
    }

    fn intern(&self, bytes: &[u8]) -> Arc<Part> {
        let name = sample(bytes);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = known
            .parts
            .get(&name)
            .and_then(|alike| alike.iter().find(|part| part.bytes == bytes))
        {
            return part.clone();
        }
        if known.bytes + bytes.len() > KNOWN_BYTES_MAX {
            *known = Known::default();
        }
        known.bytes += bytes.len();
        let part = Arc::new(Part {
            digest: sha256(bytes),
            bytes: bytes.to_vec(),
            is_stored: AtomicBool::new(false),
        });
        known.parts.entry(name).or_default().push(part.clone());
        part
    }

    /// The record of a message. Its OCSP parts, which belong to the transport, are left out, and so is a body over
    /// the limit: its digest stands in the hash chain or the signature.
    pub fn write(&self, envelope: &Envelope) -> Record {
        let mut record = Record::default();
        let body = envelope.body.as_ref();
        let inline = body.and_then(Body::in_memory);
        let inline = inline.filter(|body| body.len() <= BODY_INLINE_MAX);
        let room = 1_024 + envelope.rest.len() + inline.map_or(0, <[u8]>::len);
        record.bytes.reserve(room);
        push_bytes(&mut record.bytes, &envelope.rest);
        match (body, inline) {
            (None, _) => record.bytes.push(NO_BODY),
            (Some(_), Some(body)) => {
                record.bytes.push(INLINE_BODY);
                push_bytes(&mut record.bytes, body);
            }
            (Some(body), None) => {
                record.bytes.push(match self.keeps(body) {
                    true => APART_BODY,
                    false => DIGEST_BODY,
                });
                record.body = (self.keeps(body)).then(|| body.clone());
            }
        }
        let start = record.bytes.len();
        let chain = envelope.chain.as_deref();
        let is_shared = chain.is_some_and(|chain| !hashchain::is_of_one(chain));
        match is_shared {
            false => self.push_signature(&mut record, &envelope.signature),
            true => record.digest = self.push_shared(&mut record, &envelope.signature),
        }
        record.signature = start..record.bytes.len();
        for (text, is_shared) in [
            (envelope.chain_result.as_deref(), is_shared),
            (chain, false),
        ] {
            let Some(text) = text else {
                record.bytes.push(0);
                continue;
            };
            record.bytes.push(1);
            match is_shared {
                false => self.push_text(&mut record, text),
                true => {
                    self.push_shared(&mut record, text);
                }
            }
        }
        record
    }

    fn push_signature(&self, record: &mut Record, signature: &[u8]) {
        record.digest = sha256(signature);
        self.push_text(record, signature);
    }

    /// What the messages of a batch have in common, signature and hash chain result, is cut once; gives its digest.
    fn push_shared(&self, record: &mut Record, text: &[u8]) -> [u8; DIGEST] {
        let lock = || self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let name = sample(text);
        let met = lock().get(&name).cloned();
        let shared = match met.filter(|met| met.text == text) {
            Some(shared) => shared,
            None => {
                let mut alone = Record::default();
                self.push_signature(&mut alone, text);
                let shared = Arc::new(Shared {
                    text: text.to_vec(),
                    digest: alone.digest,
                    bytes: alone.bytes,
                    parts: alone.parts,
                });
                let mut all = lock();
                if all.len() >= SHARED_MAX {
                    all.clear();
                }
                all.insert(name, shared.clone());
                shared
            }
        };
        record.bytes.extend_from_slice(&shared.bytes);
        let wanted = shared.parts.iter();
        let wanted = wanted.filter(|part| !part.is_stored.load(Ordering::Acquire));
        record.parts.extend(wanted.cloned());
        shared.digest
    }

    fn push_text(&self, record: &mut Record, bytes: &[u8]) {
        let cut = std::str::from_utf8(bytes).ok().and_then(cut);
        let Some(Cut {
            shape,
            holes,
            decoded,
        }) = cut
        else {
            record.bytes.push(WHOLE);
            return push_bytes(&mut record.bytes, bytes);
        };
        record.bytes.push(CUT);
        self.push_part(record, &shape);
        for hole in holes {
            match hole {
                Hole::Text(text) => push_bytes(&mut record.bytes, text.as_bytes()),
                Hole::Digest(place) => push_bytes(&mut record.bytes, &decoded[place]),
                Hole::Shared(place) => self.push_part(record, &decoded[place]),
            }
        }
    }

    fn push_part(&self, record: &mut Record, bytes: &[u8]) {
        let part = self.intern(bytes);
        record.bytes.extend_from_slice(&part.digest);
        if !part.is_stored.load(Ordering::Acquire) {
            record.parts.push(part);
        }
    }
}

impl Record {
    /// Appends the record to those of a turn. With `same` its signature is the one that lies there already, as when one
    /// signature covers many messages. Tells where the signature lies.
    pub fn append_to(&self, records: &mut Vec<u8>, same: Option<u64>) -> u64 {
        let Range { start, end } = self.signature.clone();
        records.extend_from_slice(&self.bytes[..start]);
        let place = records.len() as u64;
        match same {
            None => records.extend_from_slice(&self.bytes[start..end]),
            Some(earlier) => {
                records.push(SAME);
                records.extend_from_slice(&earlier.to_be_bytes());
            }
        }
        records.extend_from_slice(&self.bytes[end..]);
        same.unwrap_or(place)
    }
}

/// SHA-256 as an array.
pub fn sha256(bytes: &[u8]) -> [u8; DIGEST] {
    Hash::Sha256
        .digest(bytes)
        .try_into()
        .expect("SHA-256 gives 32 bytes")
}

enum Hole<'t> {
    /// Kept as it stands.
    Text(&'t str),
    /// Base64, kept decoded: where among the decoded bytes.
    Digest(Range<usize>),
    /// Base64 that returns in other messages: kept as a part, decoded.
    Shared(Range<usize>),
}

impl Hole<'_> {
    const fn kind(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::Digest(_) => 1,
            Self::Shared(_) => 2,
        }
    }
}

struct Cut<'t> {
    /// For each hole: the text before it with its length, the hole's kind; then the text after the last.
    shape: Vec<u8>,
    holes: Vec<Hole<'t>>,
    /// The bytes of all that was base64, one after the other.
    decoded: Vec<u8>,
}

/// Cuts a text; `None` if it has too many places that differ.
fn cut(text: &str) -> Option<Cut<'_>> {
    let bytes = text.as_bytes();
    let (mut shape, mut holes) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(16));
    let mut decoded = Vec::with_capacity(1_024);
    let (mut from, mut at, mut is_signed_over) = (0, 0, false);
    while let Some(tag) = find(bytes, b'<', at) {
        let Some(open) = find(bytes, b'>', tag) else {
            break;
        };
        let start = open + 1;
        let Some(end) = find(bytes, b'<', start) else {
            break;
        };
        let name = &text[tag..start];
        is_signed_over |= name.starts_with("</ds:SignatureValue");
        if let Some(hole) = hole(name, &text[start..end], is_signed_over, &mut decoded) {
            push_bytes(&mut shape, &bytes[from..start]);
            shape.push(hole.kind());
            holes.push(hole);
            from = end;
        }
        at = end;
    }
    push_bytes(&mut shape, &bytes[from..]);
    (holes.len() <= HOLES_MAX).then_some(Cut {
        shape,
        holes,
        decoded,
    })
}

/// What differs from message to message: digests and the value before the certificate, the moment, OCSP responses.
fn hole<'t>(
    tag: &str,
    text: &'t str,
    is_signed_over: bool,
    decoded: &mut Vec<u8>,
) -> Option<Hole<'t>> {
    if tag == "<xades:SigningTime>" {
        return Some(Hole::Text(text));
    }
    if text.len() < DIGEST_CHARS_MIN {
        return None;
    }
    if tag.starts_with("<xades:EncapsulatedOCSPValue") {
        return decode(text, decoded).map(Hole::Shared);
    }
    if is_signed_over {
        return None;
    }
    decode(text, decoded).map(Hole::Digest)
}

/// Appends the bytes of base64 that is written in the one canonical way, and tells their place. The decoder takes several
/// padded texts in a row.
fn decode(text: &str, decoded: &mut Vec<u8>) -> Option<Range<usize>> {
    if find(text.as_bytes(), b'=', 0).is_some_and(|at| at + 2 < text.len()) {
        return None;
    }
    let start = decoded.len();
    let room = BASE64.decode_len(text.len()).ok()?;
    decoded.resize(start + room, 0);
    let written = BASE64.decode_mut(text.as_bytes(), &mut decoded[start..]);
    decoded.truncate(start + written.as_ref().copied().unwrap_or(0));
    written.ok().map(|written| start..start + written)
}

fn find(bytes: &[u8], wanted: u8, from: usize) -> Option<usize> {
    memchr::memchr(wanted, bytes.get(from..)?).map(|at| from + at)
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap_or(0));
    out.extend_from_slice(bytes);
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], BadRecord> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(BadRecord("short"))?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, BadRecord> {
        Ok(self.take(1)?[0])
    }

    fn bytes(&mut self) -> Result<&'b [u8], BadRecord> {
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return self.take(length);
            }
            shift += 7;
            if shift > 28 {
                return Err(BadRecord("a length"));
            }
        }
    }
}

/// Why a record can't be read yet, or at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// This part must be at hand first.
    Lacks(Vec<u8>),
    /// The bytes are no record.
    Bad(BadRecord),
}

impl From<BadRecord> for Unread {
    fn from(error: BadRecord) -> Self {
        Self::Bad(error)
    }
}

/// A message read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The message, without OCSP parts.
    pub envelope: Envelope,
    /// Whether its body lies in chunks of its own.
    pub is_body_apart: bool,
}

/// Reads the record that begins at `start` of a turn's records, with the parts at hand.
///
/// # Errors
/// [`Unread::Lacks`] names the next part to fetch; [`Unread::Bad`] ends it.
pub fn read(
    records: &[u8],
    start: usize,
    parts: &HashMap<Vec<u8>, Vec<u8>>,
) -> Result<Read, Unread> {
    let mut reader = Reader(records.get(start..).unwrap_or_default());
    let mut envelope = Envelope {
        rest: reader.bytes()?.to_vec().into(),
        ..Envelope::default()
    };
    let body = reader.byte()?;
    match body {
        NO_BODY | APART_BODY | DIGEST_BODY => {}
        INLINE_BODY => envelope.body = Some(reader.bytes()?.to_vec().into()),
        _ => return Err(BadRecord("kind of body").into()),
    }
    envelope.signature = read_signature(&mut reader, records, parts)?;
    for slot in [&mut envelope.chain_result, &mut envelope.chain] {
        if reader.byte()? == 1 {
            *slot = Some(read_text(&mut reader, parts)?);
        }
    }
    Ok(Read {
        envelope,
        is_body_apart: body == APART_BODY,
    })
}

fn read_part<'p>(
    reader: &mut Reader<'_>,
    parts: &'p HashMap<Vec<u8>, Vec<u8>>,
) -> Result<&'p [u8], Unread> {
    let digest = reader.take(DIGEST)?;
    let part = parts.get(digest).map(Vec::as_slice);
    part.ok_or_else(|| Unread::Lacks(digest.to_vec()))
}

fn read_signature(
    reader: &mut Reader<'_>,
    records: &[u8],
    parts: &HashMap<Vec<u8>, Vec<u8>>,
) -> Result<Vec<u8>, Unread> {
    if reader.0.first() != Some(&SAME) {
        return read_text(reader, parts);
    }
    reader.byte()?;
    let place = <[u8; 8]>::try_from(reader.take(8)?).map_err(|_| BadRecord("a place"))?;
    let place = usize::try_from(u64::from_be_bytes(place)).map_err(|_| BadRecord("a place"))?;
    read_text(&mut Reader(records.get(place..).unwrap_or_default()), parts)
}

fn read_text(
    reader: &mut Reader<'_>,
    parts: &HashMap<Vec<u8>, Vec<u8>>,
) -> Result<Vec<u8>, Unread> {
    match reader.byte()? {
        WHOLE => return Ok(reader.bytes()?.to_vec()),
        CUT => {}
        _ => return Err(BadRecord("kind of text").into()),
    }
    let mut shape = Reader(read_part(reader, parts)?);
    let mut out = Vec::with_capacity(shape.0.len() + 1_024);
    loop {
        out.extend_from_slice(shape.bytes()?);
        if shape.0.is_empty() {
            return Ok(out);
        }
        match shape.byte()? {
            0 => out.extend_from_slice(reader.bytes()?),
            1 => out.extend_from_slice(BASE64.encode(reader.bytes()?).as_bytes()),
            2 => out.extend_from_slice(BASE64.encode(read_part(reader, parts)?).as_bytes()),
            _ => return Err(BadRecord("kind of hole").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn back(record: &Record) -> Result<Read, Unread> {
        let parts = record.parts.iter();
        let parts = parts.map(|part| (part.digest.to_vec(), part.bytes.clone()));
        read(&record.bytes, 0, &parts.collect())
    }

    /// Texts near to signatures: tags that matter, digests, base64 in other spellings, and anything else.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("<ds:DigestValue>".to_owned()),
            Just("</ds:SignatureValue>".to_owned()),
            Just("<xades:SigningTime>".to_owned()),
            Just("<xades:EncapsulatedOCSPValue Id=\"o\">".to_owned()),
            "[A-Za-z0-9+/]{40,90}={0,3}",
            proptest::collection::vec(any::<u8>(), 32..100).prop_map(|b| BASE64.encode(&b)),
            ".{0,20}",
            "[<>]{1,3}",
        ];
        let texts = proptest::collection::vec(piece, 0..30).prop_map(|p| p.concat().into_bytes());
        prop_oneof![4 => texts, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            texts in proptest::collection::vec((text(), text(), proptest::option::of(text())), 1..8)
        ) {
            let known = Parts::default();
            for (rest, signature, chain) in texts {
                let envelope = Envelope {
                    ocsp: Vec::new(),
                    body: chain.clone().filter(|body| !body.is_empty()).map(Body::from),
                    rest: rest.into(),
                    chain_result: chain.clone(),
                    chain,
                    signature,
                };
                let read = back(&known.write(&envelope)).unwrap();
                prop_assert_eq!(read.envelope, envelope);
            }
        }

        #[test]
        fn a_damaged_record_is_told(signature in text(), place in any::<usize>()) {
            let envelope = Envelope { rest: b"x".to_vec().into(), signature, ..Envelope::default() };
            let mut record = Parts::default().write(&envelope);
            record.bytes.truncate(place % record.bytes.len());
            prop_assert!(back(&record).is_err());
        }
    }

    #[test]
    fn what_messages_share_is_kept_once() {
        let known = Parts::default();
        let envelope = |n: u8| {
            let digest = BASE64.encode(&[n; 64]);
            let text = format!(
                "<a><ds:DigestValue>{digest}</ds:DigestValue></ds:SignatureValue>{}<b/></a>",
                "certificate".repeat(200)
            );
            Envelope {
                rest: vec![n].into(),
                signature: text.into_bytes(),
                ..Envelope::default()
            }
        };
        let first = known.write(&envelope(1));
        assert_eq!(first.parts.len(), 1);
        assert_eq!(known.write(&envelope(2)).parts.len(), 1, "not on disk yet");
        first.parts[0].stored();
        let second = known.write(&envelope(3));
        assert!(second.parts.is_empty() && second.bytes.len() < 110);
        assert!(matches!(back(&second), Err(Unread::Lacks(_))));
    }

    #[test]
    fn one_signature_of_many_messages_lies_once() {
        let known = Parts::default();
        let envelope = |n: u8| Envelope {
            rest: vec![n; 20].into(),
            signature: vec![0xff; 5_000],
            chain: Some(vec![n | 0x80; 30]),
            ..Envelope::default()
        };
        let (mut records, mut starts, mut same) = (vec![0; 7], Vec::new(), None);
        for n in 0..10 {
            starts.push(records.len());
            same = Some(known.write(&envelope(n)).append_to(&mut records, same));
        }
        assert!(records.len() < 6_000);
        for (n, start) in (0..10).zip(starts) {
            let read = read(&records, start, &HashMap::new()).unwrap();
            assert_eq!(read.envelope, envelope(n));
        }
        // A place that leads to another reference is refused, not followed.
        let mut circle = vec![0, 0, SAME];
        circle.extend_from_slice(&2_u64.to_be_bytes());
        circle.extend_from_slice(&[0, 0]);
        assert!(read(&circle, 0, &HashMap::new()).is_err());
    }

    #[test]
    fn a_large_body_lies_apart() {
        let envelope = Envelope {
            body: Some(vec![7; BODY_INLINE_MAX + 1].into()),
            ..Envelope::default()
        };
        let record = Parts::default().write(&envelope);
        assert!(record.bytes.len() < 100 && record.body == envelope.body);
        assert!(back(&record).unwrap().is_body_apart);
    }
}
