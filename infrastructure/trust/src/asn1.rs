//! A thin layer over `der`: writing DER from parts, and reading foreign DER by exact slices.
//!
//! Every other module of this crate reads it. Signatures cover bytes, so a reader here always gives the exact bytes
//! it read (`Node::raw`), and nothing is ever re-encoded before it is verified. Only DER is accepted: indefinite
//! lengths and long forms of short lengths are refused by `der`, tag numbers above 30 are refused here, and so are
//! object identifiers that `const-oid` can't hold (`2.40` and up, numbers over 32 bits). Nothing recurses.

use der::asn1::ObjectIdentifier;
use der::{Decode, Header, Reader, SliceReader};
use kernel::Moment;

use crate::error::TrustError;

/// BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BITS: u8 = 0x03;
/// OCTET STRING.
pub const OCTETS: u8 = 0x04;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// UTF8String.
pub const UTF8: u8 = 0x0c;
/// PrintableString.
pub const PRINTABLE: u8 = 0x13;
/// IA5String.
pub const IA5: u8 = 0x16;
/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// SET.
pub const SET: u8 = 0x31;

/// Most children that one list may have; the longest honest list here is a certificate chain or an extension list.
pub const CHILDREN_MAX: usize = 256;

/// Context tag `number` (0 to 30), constructed: `[n] EXPLICIT` or an implicit sequence or set.
pub const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// Context tag `number` (0 to 30), primitive: an implicit string or integer.
pub const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// One element: tag octet, length, content.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    push_tlv(&mut out, tag, content);
    out
}

/// Appends one element.
pub fn push_tlv(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    push_head(out, tag, content.len());
    out.extend_from_slice(content);
}

/// How many bytes an element has whose content has so many: tag, length and content.
pub const fn tlv_len(content: usize) -> usize {
    let bits = (usize::BITS - content.leading_zeros()) as usize;
    let length = if content < 0x80 {
        1
    } else {
        1 + bits.div_ceil(8)
    };
    1 + length + content
}

/// Appends the tag octet and the length of an element whose content the caller appends next.
pub fn push_head(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    let bytes = length.to_be_bytes();
    let significant: &[u8] = match bytes.iter().position(|&byte| byte != 0) {
        Some(at) => &bytes[at..],
        None => &[0],
    };
    if length >= 0x80 {
        out.push(0x80 | u8::try_from(significant.len()).expect("a length has at most 8 bytes"));
    }
    out.extend_from_slice(significant);
}

/// A SEQUENCE of already encoded parts.
pub fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// A SET OF in DER order (X.690 section 11.6): parts sorted by their encodings.
pub fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    tlv(SET, &parts.concat())
}

/// `[number] EXPLICIT` around an encoded element.
pub fn explicit(number: u8, element: &[u8]) -> Vec<u8> {
    tlv(context(number), element)
}

/// An encoded element under another tag (IMPLICIT).
pub fn retag(tag: u8, element: &[u8]) -> Vec<u8> {
    let mut out = element.to_vec();
    if let Some(first) = out.first_mut() {
        *first = tag;
    }
    out
}

/// A non-negative INTEGER from big-endian bytes.
pub fn uint(bytes: &[u8]) -> Vec<u8> {
    let trimmed = match bytes.iter().position(|&byte| byte != 0) {
        Some(at) => &bytes[at..],
        None => &[0],
    };
    if trimmed[0] & 0x80 == 0 {
        return tlv(INTEGER, trimmed);
    }
    tlv(INTEGER, &[&[0], trimmed].concat())
}

/// A small non-negative INTEGER.
pub fn int(value: u64) -> Vec<u8> {
    uint(&value.to_be_bytes())
}

/// An OBJECT IDENTIFIER.
pub fn oid(id: ObjectIdentifier) -> Vec<u8> {
    tlv(OID, id.as_bytes())
}

/// An OCTET STRING.
pub fn octets(content: &[u8]) -> Vec<u8> {
    tlv(OCTETS, content)
}

/// A BIT STRING of whole bytes.
pub fn bits(content: &[u8]) -> Vec<u8> {
    tlv(BITS, &[&[0], content].concat())
}

/// A BIT STRING of named bits: bit `n` of `mask` is named bit `n`; trailing zero bits are left out as DER demands.
pub fn named_bits(mask: u16) -> Vec<u8> {
    let mut content = mask.reverse_bits().to_be_bytes().to_vec();
    while content.last() == Some(&0) {
        content.pop();
    }
    let unused = content.last().map_or(0, |byte| byte.trailing_zeros());
    content.insert(0, u8::try_from(unused).unwrap_or(0));
    tlv(BITS, &content)
}

/// BOOLEAN TRUE; FALSE is mostly a default and so never written.
pub fn yes() -> Vec<u8> {
    tlv(BOOLEAN, &[0xff])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(NULL, &[])
}

/// A GeneralizedTime in whole seconds, UTC.
pub fn generalized_time(moment: Moment) -> Vec<u8> {
    tlv(
        GENERALIZED_TIME,
        moment
            .timestamp()
            .strftime("%Y%m%d%H%M%SZ")
            .to_string()
            .as_bytes(),
    )
}

/// The `Time` choice of RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime after it.
pub fn time(moment: Moment) -> Vec<u8> {
    let year: i32 = moment
        .timestamp()
        .strftime("%Y")
        .to_string()
        .parse()
        .unwrap_or(0);
    if !(1950..2050).contains(&year) {
        return generalized_time(moment);
    }
    tlv(
        UTC_TIME,
        moment
            .timestamp()
            .strftime("%y%m%d%H%M%SZ")
            .to_string()
            .as_bytes(),
    )
}

/// One element that was read: its tag octet, its content, and its exact bytes.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// The content octets.
    pub value: &'a [u8],
    /// Tag, length and content, exactly as read.
    pub raw: &'a [u8],
}

/// Reads the elements of some content one after another.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    what: &'static str,
}

fn malformed(what: &'static str) -> TrustError {
    TrustError::Malformed { what }
}

impl<'a> Node<'a> {
    /// The one element that `bytes` are, with nothing after it. `what` names it in errors.
    pub fn whole(bytes: &'a [u8], what: &'static str) -> Result<Self, TrustError> {
        let mut cursor = Cursor { rest: bytes, what };
        let node = cursor.take()?;
        cursor.end()?;
        Ok(node)
    }

    /// This element, if it has `tag`.
    pub fn expect(self, tag: u8, what: &'static str) -> Result<Self, TrustError> {
        if self.tag == tag {
            Ok(self)
        } else {
            Err(malformed(what))
        }
    }

    /// A cursor over the content.
    pub fn inside(self, what: &'static str) -> Cursor<'a> {
        Cursor {
            rest: self.value,
            what,
        }
    }

    /// All children, at most `CHILDREN_MAX`.
    pub fn children(self, what: &'static str) -> Result<Vec<Node<'a>>, TrustError> {
        let mut cursor = self.inside(what);
        let mut found = Vec::new();
        while !cursor.is_empty() {
            if found.len() == CHILDREN_MAX {
                return Err(TrustError::TooLarge {
                    what,
                    limit: CHILDREN_MAX,
                });
            }
            found.push(cursor.take()?);
        }
        Ok(found)
    }

    /// An OBJECT IDENTIFIER.
    pub fn oid(self, what: &'static str) -> Result<ObjectIdentifier, TrustError> {
        ObjectIdentifier::from_der(self.raw).map_err(|_| malformed(what))
    }

    /// The magnitude of a non-negative INTEGER, without leading zeros (zero is one zero byte).
    pub fn uint(self, what: &'static str) -> Result<&'a [u8], TrustError> {
        let value = self.expect(INTEGER, what)?.value;
        match value {
            [] => Err(malformed(what)),
            [0, next, ..] if next & 0x80 == 0 => Err(malformed(what)),
            [0, rest @ ..] if !rest.is_empty() => Ok(rest),
            [first, ..] if first & 0x80 != 0 => Err(malformed(what)),
            _ => Ok(value),
        }
    }

    /// A non-negative INTEGER or ENUMERATED of at most four bytes.
    pub fn small(self, what: &'static str) -> Result<u32, TrustError> {
        let same = Node {
            tag: if self.tag == ENUMERATED {
                INTEGER
            } else {
                self.tag
            },
            ..self
        };
        let bytes = same.uint(what)?;
        if bytes.len() > 4 {
            return Err(malformed(what));
        }
        Ok(bytes
            .iter()
            .fold(0, |value, &byte| (value << 8) | u32::from(byte)))
    }

    /// The content of a BIT STRING of whole bytes.
    pub fn bits(self, what: &'static str) -> Result<&'a [u8], TrustError> {
        match self.expect(BITS, what)?.value {
            [0, rest @ ..] => Ok(rest),
            _ => Err(malformed(what)),
        }
    }

    /// The first sixteen named bits of a BIT STRING: named bit `n` is bit `n` of the result.
    pub fn named_bits(self, what: &'static str) -> Result<u16, TrustError> {
        match self.expect(BITS, what)?.value {
            [unused, rest @ ..] if *unused < 8 && rest.len() <= 2 => {
                let high = rest.first().copied().unwrap_or(0);
                let low = rest.get(1).copied().unwrap_or(0);
                Ok(u16::from_be_bytes([high, low]).reverse_bits())
            }
            _ => Err(malformed(what)),
        }
    }

    /// A BOOLEAN in DER: 00 or FF.
    pub fn boolean(self, what: &'static str) -> Result<bool, TrustError> {
        match self.expect(BOOLEAN, what)?.value {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(malformed(what)),
        }
    }

    /// The text of any of the string types of names; BMPString is UTF-16, TeletexString is read as Latin-1.
    pub fn text(self, what: &'static str) -> Result<String, TrustError> {
        match self.tag {
            UTF8 | PRINTABLE | IA5 | 0x12 | 0x1a => std::str::from_utf8(self.value)
                .map(str::to_owned)
                .map_err(|_| malformed(what)),
            0x14 => Ok(self.value.iter().map(|&byte| char::from(byte)).collect()),
            0x1e if self.value.len().is_multiple_of(2) => {
                let units = self
                    .value
                    .chunks_exact(2)
                    .map(|p| u16::from_be_bytes([p[0], p[1]]));
                char::decode_utf16(units)
                    .collect::<Result<_, _>>()
                    .map_err(|_| malformed(what))
            }
            _ => Err(malformed(what)),
        }
    }

    /// A UTCTime or GeneralizedTime in UTC; fractions of a second are read, offsets other than `Z` refused.
    pub fn moment(self, what: &'static str) -> Result<Moment, TrustError> {
        let text = std::str::from_utf8(self.value).map_err(|_| malformed(what))?;
        let body = text.strip_suffix('Z').ok_or(malformed(what))?;
        let full = match self.tag {
            UTC_TIME if body.len() == 12 && body.is_ascii() => {
                let century = if &body[..2] < "50" { "20" } else { "19" };
                format!("{century}{body}")
            }
            GENERALIZED_TIME => body.to_owned(),
            _ => return Err(malformed(what)),
        };
        moment_of(&full).ok_or(malformed(what))
    }
}

/// Reads `YYYYMMDDHHMMSS[.fraction]`.
fn moment_of(text: &str) -> Option<Moment> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let (date, clock) = whole.split_at(8);
    let iso = format!(
        "{}-{}-{}T{}:{}:{}.{fraction}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &clock[..2],
        &clock[2..4],
        &clock[4..]
    );
    Moment::parse_iso(&iso)
}

impl<'a> Cursor<'a> {
    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever its tag.
    pub fn take(&mut self) -> Result<Node<'a>, TrustError> {
        let (node, rest) = split(self.rest).ok_or(malformed(self.what))?;
        self.rest = rest;
        Ok(node)
    }

    /// The next element, which must have `tag`.
    pub fn need(&mut self, tag: u8) -> Result<Node<'a>, TrustError> {
        self.take()?.expect(tag, self.what)
    }

    /// The next element if it has `tag`; otherwise nothing is read.
    pub fn maybe(&mut self, tag: u8) -> Result<Option<Node<'a>>, TrustError> {
        if self.rest.first() == Some(&tag) {
            self.take().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Refuses anything left over.
    pub fn end(&self) -> Result<(), TrustError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(malformed(self.what))
        }
    }
}

/// Splits the first element off `bytes`; `None` if it is no DER element.
fn split(bytes: &[u8]) -> Option<(Node<'_>, &[u8])> {
    let tag = *bytes.first()?;
    if tag & 0x1f == 0x1f || tag == 0 {
        return None;
    }
    let mut reader = SliceReader::new(bytes).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let value = reader.read_slice(header.length()).ok()?;
    let end = usize::try_from(u32::from(reader.position())).ok()?;
    Some((
        Node {
            tag,
            value,
            raw: &bytes[..end],
        },
        &bytes[end..],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_and_bits_have_their_shortest_form() {
        assert_eq!(int(0), [2, 1, 0]);
        assert_eq!(int(128), [2, 2, 0, 128]);
        assert_eq!(uint(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(named_bits(1 << 6), [3, 2, 1, 2]);
        assert_eq!(named_bits(0), [3, 1, 0]);
        let bits = named_bits(0b1_0000_0011);
        assert_eq!(
            Node::whole(&bits, "x").unwrap().named_bits("x").unwrap(),
            0b1_0000_0011
        );
    }

    #[test]
    fn times_read_back_across_the_2050_line() {
        for iso in [
            "1999-12-31T23:59:59Z",
            "2049-12-31T23:59:59Z",
            "2050-01-01T00:00:00Z",
        ] {
            let moment = Moment::parse_iso(iso).unwrap();
            let der = time(moment);
            assert_eq!(Node::whole(&der, "t").unwrap().moment("t").unwrap(), moment);
        }
        let fraction = tlv(GENERALIZED_TIME, b"20261123150405.25Z");
        let moment = Node::whole(&fraction, "t").unwrap().moment("t").unwrap();
        assert_eq!(moment.iso(), "2026-11-23T15:04:05.250Z");
    }

    #[test]
    fn what_is_not_der_is_refused() {
        for bytes in [
            &b"\x30\x80\x00\x00"[..],
            b"\x30\x81\x01\x00",
            b"\x1f\x20\x00",
            b"\x04\x05ab",
            b"",
        ] {
            assert!(Node::whole(bytes, "x").is_err(), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(content in proptest::collection::vec(any::<u8>(), 0..700)) {
            let der = octets(&content);
            let node = Node::whole(&der, "x").unwrap();
            prop_assert_eq!((node.tag, node.value, node.raw), (OCTETS, &content[..], &der[..]));
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(node) = Node::whole(&bytes, "x") {
                let _ = (node.children("x"), node.oid("x"), node.small("x"), node.moment("x"));
                let _ = (node.text("x"), node.named_bits("x"), node.boolean("x"));
            }
        }
    }
}
