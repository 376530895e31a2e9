//! Finding the signatures of a file and checking that each covers what it must.
//!
//! The known tricks aim at the seam between the bytes that are signed and the bytes that a viewer reads (signature
//! wrapping, shadow attacks, padded or overlapping ranges). So: the byte range begins at 0, leaves out exactly the
//! hexadecimal text of `/Contents` of this very dictionary, and ends at the end of the file or of a revision.

use std::collections::BTreeSet;

use kernel::Moment;
use lopdf::{Dictionary, Document, Object, ObjectId};

use super::dates;

/// Most signatures judged in one file; each costs public-key work.
pub const SIGNATURES_MAX: usize = 32;
/// Most form fields looked at.
const FIELDS_MAX: usize = 4_096;

/// A signature as it stands in the file, its byte range checked.
pub struct Found {
    /// The field's name.
    pub field: String,
    /// The signature dictionary's object.
    pub id: ObjectId,
    /// `ETSI.CAdES.detached`, `adbe.pkcs7.detached` or `ETSI.RFC3161`.
    pub sub_filter: Vec<u8>,
    /// The signature (DER), without the padding.
    pub contents: Vec<u8>,
    /// The hole: from the opening to after the closing bracket.
    pub hole: (usize, usize),
    /// Where the covered revision ends.
    pub end: usize,
    /// The time that the signer states.
    pub claimed_at: Option<Moment>,
}

impl Found {
    /// The bytes that the signature is over.
    pub fn covered(&self, pdf: &[u8]) -> Vec<u8> {
        [&pdf[..self.hole.0], &pdf[self.hole.1..self.end]].concat()
    }
}

/// What is wrong with the build of a file or a signature.
pub type Wrong = &'static str;

/// All signatures, in the order in which they were made.
pub fn find(document: &Document, pdf: &[u8]) -> Result<Vec<Found>, Wrong> {
    let Some(form) = acro_form(document) else {
        return Ok(Vec::new());
    };
    let mut found: Vec<Found> = Vec::new();
    for (field_id, name) in signature_fields(document, form)? {
        let field = document
            .get_dictionary(field_id)
            .map_err(|_| "a field is missing")?;
        let id = match field.get(b"V") {
            Err(_) | Ok(Object::Null) => continue,
            Ok(Object::Reference(id)) => *id,
            Ok(_) => return Err("a signature is not an object of its own"),
        };
        if found.len() == SIGNATURES_MAX {
            return Err("too many signatures");
        }
        if found.iter().any(|other| other.id == id) {
            return Err("two fields share a signature");
        }
        found.push(read(document, pdf, name, id)?);
    }
    found.sort_by_key(|signature| signature.end);
    if found.windows(2).any(|pair| pair[0].end == pair[1].end) {
        return Err("two signatures cover the same revision");
    }
    Ok(found)
}

/// The interactive form, wherever it stands.
pub fn acro_form(document: &Document) -> Option<&Dictionary> {
    document
        .catalog()
        .ok()?
        .get_deref(b"AcroForm", document)
        .ok()?
        .as_dict()
        .ok()
}

/// The objects and full names of all signature fields.
pub fn signature_fields(
    document: &Document,
    form: &Dictionary,
) -> Result<Vec<(ObjectId, String)>, Wrong> {
    let roots = form
        .get_deref(b"Fields", document)
        .and_then(Object::as_array);
    let mut open: Vec<(ObjectId, String, bool)> = Vec::new();
    for field in roots.map_err(|_| "the form has no fields")? {
        open.push((
            field
                .as_reference()
                .map_err(|_| "a field is not an object")?,
            String::new(),
            false,
        ));
    }
    let mut seen = BTreeSet::new();
    let mut fields = Vec::new();
    while let Some((id, prefix, inherited)) = open.pop() {
        if !seen.insert(id) || seen.len() > FIELDS_MAX {
            return Err("the form's fields are not a tree of sensible size");
        }
        let field = document
            .get_dictionary(id)
            .map_err(|_| "a field is missing")?;
        let own = field
            .get(b"T")
            .and_then(Object::as_str)
            .map(String::from_utf8_lossy);
        let name = match (prefix.is_empty(), own) {
            (_, Err(_)) => prefix,
            (true, Ok(own)) => own.into_owned(),
            (false, Ok(own)) => format!("{prefix}.{own}"),
        };
        let is_signature = match field.get(b"FT") {
            Ok(kind) => kind.as_name().is_ok_and(|kind| kind == b"Sig"),
            Err(_) => inherited,
        };
        if let Ok(kids) = field
            .get_deref(b"Kids", document)
            .and_then(Object::as_array)
        {
            for kid in kids.iter().filter_map(|kid| kid.as_reference().ok()) {
                if document.get_dictionary(kid).is_ok_and(|kid| kid.has(b"T")) {
                    open.push((kid, name.clone(), is_signature));
                }
            }
        }
        if is_signature {
            fields.push((id, name));
        }
    }
    Ok(fields)
}

fn read(document: &Document, pdf: &[u8], field: String, id: ObjectId) -> Result<Found, Wrong> {
    let dict = document
        .get_dictionary(id)
        .map_err(|_| "a signature is missing")?;
    let contents = dict
        .get(b"Contents")
        .and_then(Object::as_str)
        .map_err(|_| "a signature has no contents")?;
    let (start, end, stop) = byte_range(dict, pdf.len())?;
    check_hole(&pdf[start..end], contents)?;
    check_own(document, pdf, id, start, end)?;
    let covered = pdf[..stop].trim_ascii_end();
    if !covered.ends_with(b"%%EOF") || stop - covered.len() > 2 {
        return Err("a signature does not end at the end of a revision");
    }
    let sub_filter = dict
        .get(b"SubFilter")
        .and_then(Object::as_name)
        .unwrap_or_default()
        .to_vec();
    let claimed_at = dict
        .get(b"M")
        .and_then(Object::as_str)
        .ok()
        .and_then(dates::read);
    let contents = unpadded(contents)?.to_vec();
    Ok(Found {
        field,
        id,
        sub_filter,
        contents,
        hole: (start, end),
        end: stop,
        claimed_at,
    })
}

/// Start and end of the hole, end of the covered bytes.
fn byte_range(dict: &Dictionary, len: usize) -> Result<(usize, usize, usize), Wrong> {
    const BAD: Wrong = "a byte range is not of the one form that covers a revision";
    let range = dict
        .get(b"ByteRange")
        .and_then(Object::as_array)
        .map_err(|_| BAD)?;
    let numbers: Vec<usize> = range
        .iter()
        .map(|number| {
            number
                .as_i64()
                .ok()
                .and_then(|number| usize::try_from(number).ok())
        })
        .collect::<Option<_>>()
        .ok_or(BAD)?;
    let [0, start, end, rest] = numbers[..] else {
        return Err(BAD);
    };
    let stop = end
        .checked_add(rest)
        .filter(|stop| *stop <= len)
        .ok_or(BAD)?;
    if start == 0 || end <= start + 2 || rest == 0 {
        return Err(BAD);
    }
    Ok((start, end, stop))
}

/// The hole holds the contents in hexadecimal and nothing else, letters of one case.
fn check_hole(hole: &[u8], contents: &[u8]) -> Result<(), Wrong> {
    const BAD: Wrong = "what a byte range leaves out is not the signature alone";
    let [b'<', hex @ .., b'>'] = hole else {
        return Err(BAD);
    };
    let lower = hex.iter().any(u8::is_ascii_lowercase);
    let upper = hex.iter().any(u8::is_ascii_uppercase);
    if lower && upper {
        return Err(BAD);
    }
    match data_encoding::HEXLOWER_PERMISSIVE.decode(hex) {
        Ok(bytes) if bytes == contents => Ok(()),
        _ => Err(BAD),
    }
}

/// The hole lies in the signature dictionary's own object, right after its `/Contents`.
fn check_own(
    document: &Document,
    pdf: &[u8],
    id: ObjectId,
    start: usize,
    end: usize,
) -> Result<(), Wrong> {
    const BAD: Wrong = "a byte range leaves out something else than its own contents";
    let offset = match document.reference_table.get(id.0) {
        Some(lopdf::xref::XrefEntry::Normal { offset, .. }) => *offset as usize,
        _ => return Err(BAD),
    };
    let before = pdf.get(offset..start).ok_or(BAD)?;
    if !before.trim_ascii_end().ends_with(b"/Contents")
        || contains(before, b"endobj")
        || contains(before, b"stream")
    {
        return Err(BAD);
    }
    let head = before.trim_ascii_start();
    if !head.starts_with(format!("{} {} obj", id.0, id.1).as_bytes()) {
        return Err(BAD);
    }
    match pdf[end..].windows(6).position(|window| window == b"endobj") {
        Some(_) => Ok(()),
        None => Err(BAD),
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// The one DER element at the beginning; only zero bytes may follow it.
fn unpadded(contents: &[u8]) -> Result<&[u8], Wrong> {
    const BAD: Wrong = "a signature's contents are not one DER value with zeros after it";
    let length = match contents {
        [0x30, short @ 0..=0x7f, ..] => 2 + usize::from(*short),
        [0x30, long @ 0x81..=0x84, rest @ ..] => {
            let count = usize::from(long & 0x7f);
            let digits = rest.get(..count).ok_or(BAD)?;
            2 + count
                + digits
                    .iter()
                    .fold(0_usize, |value, digit| (value << 8) | usize::from(*digit))
        }
        _ => return Err(BAD),
    };
    if length > contents.len() || contents[length..].iter().any(|byte| *byte != 0) {
        return Err(BAD);
    }
    Ok(&contents[..length])
}
