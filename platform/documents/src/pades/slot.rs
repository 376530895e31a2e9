//! The place of a signature: an appended revision with a hole of fixed size where the signature itself will go.
//!
//! An incremental update (ISO 32000-1, 7.5.6): the field object again with its new `/V`, the signature dictionary,
//! a cross-reference section, a trailer. No other object is written, so whatever was true of the file stays true.

use std::io::Write as _;

use aws_lc_rs::digest;
use kernel::Moment;
use lopdf::xref::XrefType;
use lopdf::{Dictionary, Document, Object, ObjectId, Writer};

use super::dates;
use crate::pdf::text_string;

/// Width of the numbers in `/ByteRange` while they are unknown; ten digits hold any file within our limits.
const NUMBER_WIDTH: usize = 10;

/// Why a file offers no place for a signature.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// The file can't be read.
    #[error("the PDF can't be read: {0}")]
    Read(#[from] lopdf::Error),
    /// The file's structure is not what this signer writes to.
    #[error("the PDF can't take a signature: {0}")]
    Shape(&'static str),
    /// There is no field of this name, or it is signed already.
    #[error("no free signature field {0}")]
    NoField(String),
    /// The signature is larger than the hole; sign again with a larger one.
    #[error("the signature has {needed} bytes, the hole {room}")]
    TooSmall {
        /// Bytes of the signature.
        needed: usize,
        /// Bytes of the hole.
        room: usize,
    },
}

/// What the signature dictionary says besides the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who signs.
    pub name: String,
    /// Why, or as what.
    pub reason: String,
    /// Where; may be empty.
    pub place: String,
    /// When, as the signer says; the time stamp proves it.
    pub at: Moment,
}

/// A file with a hole for the signature.
#[derive(Clone, Debug)]
pub struct Hole {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Hole {
    /// Appends a revision to `pdf` with a signature dictionary in `field` and a hole for `room` bytes of signature.
    pub fn cut(pdf: &[u8], field: &str, claim: &Claim, room: usize) -> Result<Self, SlotError> {
        let document = Document::load_mem(pdf)?;
        let kind = document.reference_table.cross_reference_type;
        if !matches!(kind, XrefType::CrossReferenceTable) {
            return Err(SlotError::Shape("its cross-reference table is a stream"));
        }
        let previous = last_startxref(pdf).ok_or(SlotError::Shape("it has no startxref"))?;
        let (field_id, mut widget) = free_field(&document, field)?;
        let signature_id = document.max_id + 1;
        widget.set("V", Object::Reference((signature_id, 0)));

        let mut bytes = pdf.to_vec();
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
        let field_at = bytes.len();
        put(
            &mut bytes,
            format_args!("{} {} obj\n", field_id.0, field_id.1),
        );
        Writer::write_object(&mut bytes, &Object::Dictionary(widget))
            .map_err(|_| SlotError::Shape("its field can't be written"))?;
        put(&mut bytes, format_args!("\nendobj\n"));
        let signature_at = bytes.len();
        let (range_at, start, end) = put_signature(&mut bytes, signature_id, claim, room)?;
        put_trailer(
            &mut bytes,
            &document,
            previous,
            (field_id, field_at),
            (signature_id, signature_at),
        )?;

        let rest = bytes.len() - end;
        let range = format!("{start:<NUMBER_WIDTH$} {end:<NUMBER_WIDTH$} {rest:<NUMBER_WIDTH$}");
        bytes[range_at..range_at + range.len()].copy_from_slice(range.as_bytes());
        Ok(Self { bytes, start, end })
    }

    /// SHA-256 of everything but the hole: what the signature is over.
    pub fn digest(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.bytes[..self.start]);
        context.update(&self.bytes[self.end..]);
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        out
    }

    /// The two stretches of bytes that the signature is over, one after the other.
    pub fn signed_bytes(&self) -> Vec<u8> {
        [&self.bytes[..self.start], &self.bytes[self.end..]].concat()
    }

    /// Puts the signature (DER) into the hole.
    pub fn fill(mut self, signature: &[u8]) -> Result<Vec<u8>, SlotError> {
        let room = (self.end - self.start - 2) / 2;
        if signature.len() > room {
            return Err(SlotError::TooSmall {
                needed: signature.len(),
                room,
            });
        }
        let hex = data_encoding::HEXLOWER.encode(signature);
        self.bytes[self.start + 1..self.start + 1 + hex.len()].copy_from_slice(hex.as_bytes());
        Ok(self.bytes)
    }
}

/// Writes the signature dictionary; gives where the byte range's numbers stand, and the hole with its brackets.
fn put_signature(
    bytes: &mut Vec<u8>,
    id: u32,
    claim: &Claim,
    room: usize,
) -> Result<(usize, usize, usize), SlotError> {
    put(
        bytes,
        format_args!("{id} 0 obj\n<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached"),
    );
    let texts = [
        ("Name", &claim.name),
        ("Reason", &claim.reason),
        ("Location", &claim.place),
    ];
    for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        put(bytes, format_args!("/{key}"));
        Writer::write_object(bytes, &text_string(text))
            .map_err(|_| SlotError::Shape("the claim can't be written"))?;
    }
    put(
        bytes,
        format_args!("/M({})/ByteRange[0 ", dates::write(claim.at)),
    );
    let range_at = bytes.len();
    let blank = " ".repeat(3 * NUMBER_WIDTH + 2);
    put(bytes, format_args!("{blank}]/Contents"));
    let start = bytes.len();
    bytes.push(b'<');
    bytes.resize(bytes.len() + 2 * room, b'0');
    bytes.push(b'>');
    let end = bytes.len();
    put(bytes, format_args!(">>\nendobj\n"));
    Ok((range_at, start, end))
}

fn put_trailer(
    bytes: &mut Vec<u8>,
    document: &Document,
    previous: usize,
    field: (ObjectId, usize),
    signature: (u32, usize),
) -> Result<(), SlotError> {
    let xref_at = bytes.len();
    let ((number, generation), field_at) = field;
    let (signature, signature_at) = signature;
    put(
        bytes,
        format_args!("xref\n{number} 1\n{field_at:010} {generation:05} n \n"),
    );
    put(
        bytes,
        format_args!("{signature} 1\n{signature_at:010} 00000 n \n"),
    );
    let mut trailer = Dictionary::new();
    trailer.set("Size", i64::from(signature) + 1);
    trailer.set("Prev", i64::try_from(previous).unwrap_or(i64::MAX));
    for key in ["Root", "Info", "ID"] {
        if let Ok(value) = document.trailer.get(key.as_bytes()) {
            trailer.set(key, value.clone());
        }
    }
    put(bytes, format_args!("trailer\n"));
    Writer::write_object(bytes, &Object::Dictionary(trailer))
        .map_err(|_| SlotError::Shape("its trailer can't be written"))?;
    put(bytes, format_args!("\nstartxref\n{xref_at}\n%%EOF\n"));
    Ok(())
}

fn put(bytes: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    bytes.write_fmt(text).expect("memory takes all bytes");
}

/// The unsigned signature field called `name`, as object and dictionary.
fn free_field(document: &Document, name: &str) -> Result<(ObjectId, Dictionary), SlotError> {
    let missing = || SlotError::NoField(name.to_owned());
    let form = document
        .catalog()?
        .get_deref(b"AcroForm", document)?
        .as_dict()?;
    let fields = form.get_deref(b"Fields", document)?.as_array()?;
    for field in fields.iter().filter_map(|field| field.as_reference().ok()) {
        let dict = document.get_dictionary(field)?;
        let is_it = dict
            .get(b"T")
            .and_then(Object::as_str)
            .is_ok_and(|text| text == name.as_bytes());
        if is_it && !dict.has(b"V") {
            return Ok((field, dict.clone()));
        }
    }
    Err(missing())
}

/// The number after the last `startxref`.
fn last_startxref(pdf: &[u8]) -> Option<usize> {
    const WORD: &[u8] = b"startxref";
    let at = pdf.windows(WORD.len()).rposition(|window| window == WORD)?;
    let rest = pdf[at + WORD.len()..].trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}
