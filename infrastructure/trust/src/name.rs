//! X.501 distinguished names: built in order, read from DER, shown as RFC 2253 text.
//!
//! Read by certificates and by XAdES, which compares issuer names as text. The text is exactly RFC 2253: the nine
//! keywords of its section 2.3 (and no others), last relative name first, other attributes as `oid=#hex`.

use der::asn1::ObjectIdentifier;
use kernel::MemberId;

use crate::asn1::{self, Node};
use crate::error::TrustError;

/// Most relative names in one distinguished name; real ones have under ten.
pub const RELATIVE_NAMES_MAX: usize = 32;

/// Longest value of an attribute that this house writes, in bytes (the widest bound of RFC 5280 appendix A).
pub const VALUE_BYTES_MAX: usize = 512;

const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// commonName.
pub const COMMON_NAME: ObjectIdentifier = id("2.5.4.3");
/// serialNumber (of a subject).
pub const SERIAL_NUMBER: ObjectIdentifier = id("2.5.4.5");
/// countryName.
pub const COUNTRY: ObjectIdentifier = id("2.5.4.6");
/// organizationName.
pub const ORGANISATION: ObjectIdentifier = id("2.5.4.10");
/// organizationalUnitName.
pub const UNIT: ObjectIdentifier = id("2.5.4.11");
/// businessCategory.
pub const BUSINESS_CATEGORY: ObjectIdentifier = id("2.5.4.15");
/// organizationIdentifier (ETSI EN 319 412-3).
pub const ORGANISATION_IDENTIFIER: ObjectIdentifier = id("2.5.4.97");

const KEYWORDS: [(ObjectIdentifier, &str); 9] = [
    (COMMON_NAME, "CN"),
    (id("2.5.4.7"), "L"),
    (id("2.5.4.8"), "ST"),
    (ORGANISATION, "O"),
    (UNIT, "OU"),
    (COUNTRY, "C"),
    (id("2.5.4.9"), "STREET"),
    (id("0.9.2342.19200300.100.1.25"), "DC"),
    (id("0.9.2342.19200300.100.1.1"), "UID"),
];

/// One attribute of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    kind: ObjectIdentifier,
    text: Option<String>,
    value: Vec<u8>,
}

/// A distinguished name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    der: Vec<u8>,
    relative: Vec<Vec<Attribute>>,
}

impl Name {
    /// Builds a name from attributes in the order in which certificates hold them (country first).
    ///
    /// Country and serial number become PrintableString, everything else UTF8String. Values longer than
    /// `VALUE_BYTES_MAX`, or empty ones, are refused.
    pub fn new(attributes: &[(ObjectIdentifier, &str)]) -> Result<Self, TrustError> {
        let mut parts = Vec::new();
        for (kind, text) in attributes {
            if text.is_empty() || text.len() > VALUE_BYTES_MAX {
                return Err(TrustError::TooLarge {
                    what: "name",
                    limit: VALUE_BYTES_MAX,
                });
            }
            let printable =
                [COUNTRY, SERIAL_NUMBER].contains(kind) && text.bytes().all(is_printable);
            let tag = if printable {
                asn1::PRINTABLE
            } else {
                asn1::UTF8
            };
            let pair = asn1::seq(&[&asn1::oid(*kind), &asn1::tlv(tag, text.as_bytes())]);
            parts.extend_from_slice(&asn1::set_of(vec![pair]));
        }
        Self::read(Node::whole(&asn1::tlv(asn1::SEQUENCE, &parts), "name")?)
    }

    /// The subject of a member's certificates in X-Road's "Basic" profile: the class stands in businessCategory, the
    /// code in serialNumber. (The "FI" profile would demand Finland as the country.)
    pub fn member(
        country: &str,
        organisation: &str,
        member: &MemberId,
    ) -> Result<Self, TrustError> {
        Self::new(&[
            (COUNTRY, country),
            (ORGANISATION, organisation),
            (BUSINESS_CATEGORY, &member.class),
            (SERIAL_NUMBER, &member.code),
            (COMMON_NAME, &member.code),
        ])
    }

    /// The subject of an official's certificate: who signs, for which body, in which post.
    pub fn official(
        country: &str,
        body: &str,
        post: &str,
        number: &str,
        person: &str,
    ) -> Result<Self, TrustError> {
        Self::new(&[
            (COUNTRY, country),
            (ORGANISATION, body),
            (UNIT, post),
            (SERIAL_NUMBER, number),
            (COMMON_NAME, person),
        ])
    }

    /// The subject of something that a body runs or owns: its authority, its seal, its time stamps.
    pub fn of_body(country: &str, body: &str, common: &str) -> Result<Self, TrustError> {
        Self::new(&[
            (COUNTRY, country),
            (ORGANISATION, body),
            (COMMON_NAME, common),
        ])
    }

    /// Reads a name.
    pub fn read(node: Node<'_>) -> Result<Self, TrustError> {
        const WHAT: &str = "name";
        let sets = node.expect(asn1::SEQUENCE, WHAT)?.children(WHAT)?;
        if sets.len() > RELATIVE_NAMES_MAX {
            return Err(TrustError::TooLarge {
                what: WHAT,
                limit: RELATIVE_NAMES_MAX,
            });
        }
        let mut relative = Vec::with_capacity(sets.len());
        for set in sets {
            let pairs = set.expect(asn1::SET, WHAT)?.children(WHAT)?;
            if pairs.is_empty() || pairs.len() > RELATIVE_NAMES_MAX {
                return Err(TrustError::malformed(WHAT));
            }
            relative.push(pairs.into_iter().map(attribute).collect::<Result<_, _>>()?);
        }
        Ok(Self {
            der: node.raw.to_vec(),
            relative,
        })
    }

    /// The encoded name.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The last value of an attribute, if the name has it as text.
    pub fn get(&self, kind: ObjectIdentifier) -> Option<&str> {
        self.relative
            .iter()
            .rev()
            .flatten()
            .find(|a| a.kind == kind)?
            .text
            .as_deref()
    }

    /// How often an attribute is there.
    pub fn count(&self, kind: ObjectIdentifier) -> usize {
        let all = self.relative.iter().flatten();
        all.filter(|attribute| attribute.kind == kind).count()
    }

    /// The name as RFC 2253 text.
    pub fn rfc2253(&self) -> String {
        let sets = self.relative.iter().rev();
        sets.map(|set| set.iter().map(show).collect::<Vec<_>>().join("+"))
            .collect::<Vec<_>>()
            .join(",")
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rfc2253())
    }
}

fn attribute(pair: Node<'_>) -> Result<Attribute, TrustError> {
    const WHAT: &str = "name attribute";
    let mut parts = pair.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let kind = parts.take()?.oid(WHAT)?;
    let value = parts.take()?;
    parts.end()?;
    Ok(Attribute {
        kind,
        text: value.text(WHAT).ok(),
        value: value.raw.to_vec(),
    })
}

/// The characters of PrintableString.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

fn show(attribute: &Attribute) -> String {
    let keyword = KEYWORDS.iter().find(|(kind, _)| *kind == attribute.kind);
    match (keyword, &attribute.text) {
        (Some((_, keyword)), Some(text)) => format!("{keyword}={}", escape(text)),
        _ => format!(
            "{}=#{}",
            attribute.kind,
            data_encoding::HEXLOWER.encode(&attribute.value)
        ),
    }
}

/// Escapes a value as RFC 2253 section 2.4 says.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, letter) in text.chars().enumerate() {
        let edge_space = letter == ' ' && (at == 0 || at == last);
        let hash = letter == '#' && at == 0;
        if edge_space || hash || matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_reversed_and_escaped_and_unknown_kinds_are_hex() {
        let name = Name::new(&[
            (COUNTRY, "PE"),
            (ORGANISATION, "Municipalidad de Ccapi, \"Paruro\""),
            (SERIAL_NUMBER, "DEV/S1/GOB"),
            (COMMON_NAME, " 20131380951"),
        ])
        .unwrap();
        assert_eq!(
            name.rfc2253(),
            "CN=\\ 20131380951,2.5.4.5=#130a4445562f53312f474f42,\
             O=Municipalidad de Ccapi\\, \\\"Paruro\\\",C=PE"
        );
        assert_eq!(name.get(SERIAL_NUMBER), Some("DEV/S1/GOB"));
        assert!(Name::new(&[(COMMON_NAME, "")]).is_err());
    }
}
