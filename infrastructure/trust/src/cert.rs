//! A certificate: its exact DER and the facts read from it (RFC 5280).
//!
//! Everyone who verifies reads this. It promises that the facts come from the very bytes that were signed. Reading
//! says nothing about trust: that is `path::Anchors`, which alone gives a `Valid`.

use std::sync::{Arc, OnceLock};

use data_encoding::{BASE64, HEXLOWER};
use der::asn1::ObjectIdentifier;
use kernel::Moment;

use crate::asn1::{self, Cursor, Node};
use crate::error::TrustError;
use crate::name::Name;
use crate::sigalg::{self, Hash, KeyKind, SignatureAlgorithm};

/// Largest certificate read; real ones have one to three kB, and the longest lists of names make ten.
pub const CERTIFICATE_BYTES_MAX: usize = 32 * 1024;
/// Most certificates read from one PEM text or bag; a country's anchors and their intermediates fit.
pub const CERTIFICATES_MAX: usize = 64;
/// Most extensions in one certificate; real ones have about ten.
const EXTENSIONS_MAX: usize = 32;

const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Object identifiers of extensions and key purposes.
pub mod oids {
    use super::{ObjectIdentifier, id};

    /// subjectKeyIdentifier.
    pub const SUBJECT_KEY_ID: ObjectIdentifier = id("2.5.29.14");
    /// keyUsage.
    pub const KEY_USAGE: ObjectIdentifier = id("2.5.29.15");
    /// subjectAltName.
    pub const ALT_NAME: ObjectIdentifier = id("2.5.29.17");
    /// basicConstraints.
    pub const BASIC_CONSTRAINTS: ObjectIdentifier = id("2.5.29.19");
    /// certificatePolicies.
    pub const POLICIES: ObjectIdentifier = id("2.5.29.32");
    /// authorityKeyIdentifier.
    pub const AUTHORITY_KEY_ID: ObjectIdentifier = id("2.5.29.35");
    /// extKeyUsage.
    pub const EXTENDED_KEY_USAGE: ObjectIdentifier = id("2.5.29.37");
    /// authorityInfoAccess.
    pub const AUTHORITY_INFO: ObjectIdentifier = id("1.3.6.1.5.5.7.1.1");
    /// id-ad-ocsp.
    pub const AD_OCSP: ObjectIdentifier = id("1.3.6.1.5.5.7.48.1");
    /// id-pkix-ocsp-nocheck (RFC 6960 section 4.2.2.2.1).
    pub const OCSP_NOCHECK: ObjectIdentifier = id("1.3.6.1.5.5.7.48.1.5");
    /// id-kp-serverAuth.
    pub const SERVER_AUTH: ObjectIdentifier = id("1.3.6.1.5.5.7.3.1");
    /// id-kp-clientAuth.
    pub const CLIENT_AUTH: ObjectIdentifier = id("1.3.6.1.5.5.7.3.2");
    /// id-kp-timeStamping.
    pub const TIME_STAMPING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.8");
    /// id-kp-OCSPSigning.
    pub const OCSP_SIGNING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.9");
    /// id-kp-documentSigning (RFC 9336).
    pub const DOCUMENT_SIGNING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.36");
}

/// Named bits of keyUsage.
pub mod usage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: u16 = 1;
    /// nonRepudiation, also called contentCommitment.
    pub const NON_REPUDIATION: u16 = 1 << 1;
    /// keyEncipherment.
    pub const KEY_ENCIPHERMENT: u16 = 1 << 2;
    /// dataEncipherment.
    pub const DATA_ENCIPHERMENT: u16 = 1 << 3;
    /// keyCertSign.
    pub const CERT_SIGN: u16 = 1 << 5;
    /// cRLSign.
    pub const CRL_SIGN: u16 = 1 << 6;
}

/// A certificate that was read. Cheap to clone; equal if the bytes are.
#[derive(Clone)]
pub struct Certificate {
    facts: Arc<Facts>,
}

struct Facts {
    der: Vec<u8>,
    /// Made when it is first asked for.
    sha256: OnceLock<[u8; 32]>,
    signed: Signed,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    not_before: Moment,
    not_after: Moment,
    spki: Vec<u8>,
    key_bits: Vec<u8>,
    extensions: Extensions,
}

/// Where in the DER the signed part lies, and its signature.
struct Signed {
    tbs: Vec<u8>,
    algorithm: Option<SignatureAlgorithm>,
    signature: Vec<u8>,
}

#[derive(Default)]
struct Extensions {
    key_usage: Option<u16>,
    purposes: Option<Vec<ObjectIdentifier>>,
    purposes_critical: bool,
    is_ca: bool,
    path_len: Option<u32>,
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    ocsp_url: Option<String>,
    dns_names: Vec<String>,
    ocsp_nocheck: bool,
    unknown_critical: bool,
}

impl Certificate {
    /// Reads one certificate; anything after it is refused.
    pub fn from_der(der: &[u8]) -> Result<Self, TrustError> {
        const WHAT: &str = "certificate";
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(TrustError::TooLarge {
                what: WHAT,
                limit: CERTIFICATE_BYTES_MAX,
            });
        }
        let mut parts = Node::whole(der, WHAT)?
            .expect(asn1::SEQUENCE, WHAT)?
            .inside(WHAT);
        let tbs = parts.need(asn1::SEQUENCE)?;
        let outer = parts.need(asn1::SEQUENCE)?;
        let signature = parts.take()?.bits(WHAT)?;
        parts.end()?;
        let mut facts = read_tbs(tbs, outer)?;
        facts.der = der.to_vec();
        // An algorithm that this house does not take makes the certificate unverifiable, not unreadable.
        let algorithm = SignatureAlgorithm::read(outer, None).ok();
        facts.signed = Signed {
            tbs: tbs.raw.to_vec(),
            algorithm,
            signature: signature.to_vec(),
        };
        Ok(Self {
            facts: Arc::new(facts),
        })
    }

    /// Reads all certificates of a PEM text, at most `CERTIFICATES_MAX`; other blocks are passed over.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, TrustError> {
        let blocks = pem_blocks(text, "CERTIFICATE")?;
        if blocks.len() > CERTIFICATES_MAX {
            return Err(TrustError::TooLarge {
                what: "certificate list",
                limit: CERTIFICATES_MAX,
            });
        }
        blocks.iter().map(|der| Self::from_der(der)).collect()
    }

    /// Reads the first certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, TrustError> {
        let all = Self::all_from_pem(text)?;
        all.into_iter()
            .next()
            .ok_or(TrustError::malformed("PEM certificate"))
    }

    /// The certificate as PEM.
    pub fn pem(&self) -> String {
        pem(self.der(), "CERTIFICATE")
    }

    /// The exact bytes.
    pub fn der(&self) -> &[u8] {
        &self.facts.der
    }

    /// Whom it is about.
    pub fn subject(&self) -> &Name {
        &self.facts.subject
    }

    /// Who issued it.
    pub fn issuer(&self) -> &Name {
        &self.facts.issuer
    }

    /// The content octets of the serial number, big-endian, as encoded.
    pub fn serial(&self) -> &[u8] {
        &self.facts.serial
    }

    /// The serial number in lower-case hexadecimal, without leading zero bytes: its name in records.
    pub fn serial_hex(&self) -> String {
        serial_hex(&self.facts.serial)
    }

    /// The serial number as a decimal number, as XML signatures write it.
    pub fn serial_decimal(&self) -> String {
        decimal(&self.facts.serial)
    }

    /// First moment of validity.
    pub fn not_before(&self) -> Moment {
        self.facts.not_before
    }

    /// Last moment of validity.
    pub fn not_after(&self) -> Moment {
        self.facts.not_after
    }

    /// The public key as SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.facts.spki
    }

    /// SHA-1 of the bits of the public key: what OCSP calls the key hash, and the usual key identifier.
    pub fn key_sha1(&self) -> [u8; 20] {
        sigalg::sha1(&self.facts.key_bits)
    }

    /// The bits of the public key inside the SubjectPublicKeyInfo.
    pub fn key_bits(&self) -> &[u8] {
        &self.facts.key_bits
    }

    /// The kind of key, if this house can use it.
    pub fn key_kind(&self) -> Result<KeyKind, TrustError> {
        KeyKind::of_spki(&self.facts.spki).map(|(kind, _)| kind)
    }

    /// The named bits of keyUsage; `None` if the extension is absent (any use).
    pub fn key_usage(&self) -> Option<u16> {
        self.facts.extensions.key_usage
    }

    /// Whether keyUsage is present and holds all of `bits` (see `usage`).
    pub fn has_usage(&self, bits: u16) -> bool {
        self.key_usage().is_some_and(|have| have & bits == bits)
    }

    /// The key purposes; `None` if the extension is absent.
    pub fn purposes(&self) -> Option<&[ObjectIdentifier]> {
        self.facts.extensions.purposes.as_deref()
    }

    /// Whether `purpose` is named.
    pub fn has_purpose(&self, purpose: ObjectIdentifier) -> bool {
        self.purposes().is_some_and(|all| all.contains(&purpose))
    }

    /// Whether time stamping is the one purpose and critical, as RFC 3161 section 2.3 demands.
    pub fn is_time_stamping_only(&self) -> bool {
        self.facts.extensions.purposes_critical && self.purposes() == Some(&[oids::TIME_STAMPING])
    }

    /// Whether basicConstraints says that it may issue.
    pub fn is_ca(&self) -> bool {
        self.facts.extensions.is_ca
    }

    /// How many intermediates may follow it, if limited.
    pub fn path_len(&self) -> Option<u32> {
        self.facts.extensions.path_len
    }

    /// subjectKeyIdentifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.facts.extensions.subject_key_id.as_deref()
    }

    /// keyIdentifier of authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.facts.extensions.authority_key_id.as_deref()
    }

    /// Where its revocation is asked (OCSP over HTTP).
    pub fn ocsp_url(&self) -> Option<&str> {
        self.facts.extensions.ocsp_url.as_deref()
    }

    /// DNS names of subjectAltName.
    pub fn dns_names(&self) -> &[String] {
        &self.facts.extensions.dns_names
    }

    /// Whether id-pkix-ocsp-nocheck is present.
    pub fn is_ocsp_nocheck(&self) -> bool {
        self.facts.extensions.ocsp_nocheck
    }

    /// Whether a critical extension is one that this house does not process.
    pub fn has_unknown_critical(&self) -> bool {
        self.facts.extensions.unknown_critical
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.facts.subject == self.facts.issuer
    }

    /// SHA-1 of the DER: a name in X-Road's OCSP fetch, never a proof.
    pub fn sha1(&self) -> [u8; 20] {
        sigalg::sha1(self.der())
    }

    /// SHA-256 of the DER.
    pub fn sha256(&self) -> [u8; 32] {
        *self.facts.sha256.get_or_init(|| {
            let digest = Hash::Sha256.digest(self.der());
            digest.try_into().expect("SHA-256 gives 32 bytes")
        })
    }

    /// SHA-256 of the DER in lower-case hexadecimal.
    pub fn sha256_hex(&self) -> String {
        HEXLOWER.encode(&self.sha256())
    }

    /// Checks that `issuer`'s key signed this certificate; says nothing of names, dates or permission.
    pub fn verify_signed_by(&self, issuer: &Certificate) -> Result<(), TrustError> {
        let signed = &self.facts.signed;
        let algorithm = signed.algorithm.ok_or(TrustError::Unsupported {
            what: "certificate signature",
        })?;
        algorithm.verify(issuer.spki(), &signed.tbs, &signed.signature)
    }

    /// Checks a signature that this certificate's key made over `data`.
    pub fn verify_signature(
        &self,
        algorithm: SignatureAlgorithm,
        data: &[u8],
        signature: &[u8],
    ) -> Result<(), TrustError> {
        algorithm.verify(self.spki(), data, signature)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Certificate({}, serial {})",
            self.subject(),
            self.serial_hex()
        )
    }
}

/// Reads the signed part; the algorithm named inside must be the one outside (RFC 5280 section 4.1.1.2).
fn read_tbs(tbs: Node<'_>, outer: Node<'_>) -> Result<Facts, TrustError> {
    const WHAT: &str = "certificate";
    let mut parts = tbs.inside(WHAT);
    let version = match parts.maybe(asn1::context(0))? {
        Some(node) => Node::whole(node.value, WHAT)?.small(WHAT)?,
        None => 0,
    };
    let serial = parts.need(asn1::INTEGER)?.value;
    if version > 2 || serial.is_empty() || serial.len() > 21 {
        return Err(TrustError::malformed(WHAT));
    }
    if parts.need(asn1::SEQUENCE)?.raw != outer.raw {
        return Err(TrustError::malformed(
            "certificate: two signature algorithms",
        ));
    }
    let issuer = Name::read(parts.take()?)?;
    let mut validity = parts.need(asn1::SEQUENCE)?.inside("certificate validity");
    let not_before = validity.take()?.moment("certificate validity")?;
    let not_after = validity.take()?.moment("certificate validity")?;
    validity.end()?;
    let subject = Name::read(parts.take()?)?;
    let spki = parts.need(asn1::SEQUENCE)?;
    let mut key = spki.inside("public key");
    key.need(asn1::SEQUENCE)?;
    let key_bits = key.take()?.bits("public key")?;
    key.end()?;
    parts.maybe(asn1::context_primitive(1))?;
    parts.maybe(asn1::context_primitive(2))?;
    let extensions = match parts.maybe(asn1::context(3))? {
        Some(node) if version == 2 => read_extensions(Node::whole(node.value, WHAT)?)?,
        Some(_) => return Err(TrustError::malformed(WHAT)),
        None => Extensions::default(),
    };
    parts.end()?;
    Ok(Facts {
        der: Vec::new(),
        sha256: OnceLock::new(),
        signed: Signed {
            tbs: Vec::new(),
            algorithm: None,
            signature: Vec::new(),
        },
        serial: serial.to_vec(),
        issuer,
        subject,
        not_before,
        not_after,
        spki: spki.raw.to_vec(),
        key_bits: key_bits.to_vec(),
        extensions,
    })
}

fn read_extensions(list: Node<'_>) -> Result<Extensions, TrustError> {
    const WHAT: &str = "certificate extensions";
    let nodes = list.expect(asn1::SEQUENCE, WHAT)?.children(WHAT)?;
    if nodes.len() > EXTENSIONS_MAX {
        return Err(TrustError::TooLarge {
            what: WHAT,
            limit: EXTENSIONS_MAX,
        });
    }
    let mut found = Extensions::default();
    let mut seen = Vec::with_capacity(nodes.len());
    for node in nodes {
        let (kind, critical, value) = read_extension(node)?;
        if seen.contains(&kind) {
            return Err(TrustError::malformed(
                "certificate extensions: one appears twice",
            ));
        }
        seen.push(kind);
        found.take(kind, critical, value)?;
    }
    Ok(found)
}

/// Reads one Extension: kind, whether critical, and the encoded value.
pub(crate) fn read_extension(
    node: Node<'_>,
) -> Result<(ObjectIdentifier, bool, &[u8]), TrustError> {
    const WHAT: &str = "extension";
    let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let kind = parts.take()?.oid(WHAT)?;
    let critical = match parts.maybe(asn1::BOOLEAN)? {
        Some(flag) => flag.boolean(WHAT)?,
        None => false,
    };
    let value = parts.need(asn1::OCTETS)?.value;
    parts.end()?;
    Ok((kind, critical, value))
}

impl Extensions {
    fn take(
        &mut self,
        kind: ObjectIdentifier,
        critical: bool,
        value: &[u8],
    ) -> Result<(), TrustError> {
        const WHAT: &str = "certificate extension";
        let node = || Node::whole(value, WHAT);
        match kind {
            oids::KEY_USAGE => self.key_usage = Some(node()?.named_bits(WHAT)?),
            oids::BASIC_CONSTRAINTS => {
                let mut parts = node()?.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
                self.is_ca = match parts.maybe(asn1::BOOLEAN)? {
                    Some(flag) => flag.boolean(WHAT)?,
                    None => false,
                };
                self.path_len = parts
                    .maybe(asn1::INTEGER)?
                    .map(|n| n.small(WHAT))
                    .transpose()?;
                parts.end()?;
            }
            oids::EXTENDED_KEY_USAGE => {
                let list = node()?.expect(asn1::SEQUENCE, WHAT)?.children(WHAT)?;
                let purposes = list
                    .into_iter()
                    .map(|n| n.oid(WHAT))
                    .collect::<Result<_, _>>()?;
                self.purposes = Some(purposes);
                self.purposes_critical = critical;
            }
            oids::SUBJECT_KEY_ID => {
                self.subject_key_id = Some(node()?.expect(asn1::OCTETS, WHAT)?.value.to_vec());
            }
            oids::AUTHORITY_KEY_ID => {
                let mut parts = node()?.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
                let key = parts.maybe(asn1::context_primitive(0))?;
                self.authority_key_id = key.map(|n| n.value.to_vec());
            }
            oids::ALT_NAME => self.dns_names = dns_names(node()?)?,
            oids::AUTHORITY_INFO => self.ocsp_url = ocsp_url(node()?)?,
            oids::OCSP_NOCHECK => self.ocsp_nocheck = true,
            // Any policy is acceptable here, so the list itself asks nothing of us (RFC 5280 section 6.1.1 (c)).
            oids::POLICIES => {}
            _ => self.unknown_critical |= critical,
        }
        Ok(())
    }
}

fn dns_names(list: Node<'_>) -> Result<Vec<String>, TrustError> {
    const WHAT: &str = "subjectAltName";
    let names = list.expect(asn1::SEQUENCE, WHAT)?.children(WHAT)?;
    let dns = names
        .into_iter()
        .filter(|n| n.tag == asn1::context_primitive(2));
    dns.map(|n| ascii(n.value, WHAT)).collect()
}

fn ocsp_url(list: Node<'_>) -> Result<Option<String>, TrustError> {
    const WHAT: &str = "authorityInfoAccess";
    for access in list.expect(asn1::SEQUENCE, WHAT)?.children(WHAT)? {
        let mut parts: Cursor<'_> = access.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
        let method = parts.take()?.oid(WHAT)?;
        let place = parts.take()?;
        if method == oids::AD_OCSP && place.tag == asn1::context_primitive(6) {
            return ascii(place.value, WHAT).map(Some);
        }
    }
    Ok(None)
}

fn ascii(bytes: &[u8], what: &'static str) -> Result<String, TrustError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TrustError::malformed(what))?;
    if text.is_ascii() {
        Ok(text.to_owned())
    } else {
        Err(TrustError::malformed(what))
    }
}

/// A serial number's content octets as the key of records: lower-case hexadecimal without leading zero bytes.
pub fn serial_hex(serial: &[u8]) -> String {
    let start = serial
        .iter()
        .position(|&b| b != 0)
        .unwrap_or(serial.len().saturating_sub(1));
    HEXLOWER.encode(&serial[start..])
}

/// A big-endian number in decimal digits.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0_u8];
    for &byte in bytes {
        let mut carry = u32::from(byte);
        for digit in &mut digits {
            let value = u32::from(*digit) * 256 + carry;
            *digit = u8::try_from(value % 10).unwrap_or(0);
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap_or(0));
            carry /= 10;
        }
    }
    digits
        .iter()
        .rev()
        .map(|digit| char::from(b'0' + digit))
        .collect()
}

/// Wraps DER as PEM (RFC 7468): lines of 64 characters.
pub fn pem(der: &[u8], label: &str) -> String {
    let body = BASE64.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.extend(line.iter().map(|&b| char::from(b)));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// All blocks of a PEM text with this label, decoded.
pub fn pem_blocks(text: &str, label: &str) -> Result<Vec<Vec<u8>>, TrustError> {
    const WHAT: &str = "PEM text";
    const LIMIT: usize = CERTIFICATES_MAX * CERTIFICATE_BYTES_MAX * 2;
    if text.len() > LIMIT {
        return Err(TrustError::TooLarge {
            what: WHAT,
            limit: LIMIT,
        });
    }
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(&begin) {
        let after = &rest[at + begin.len()..];
        let close = after.find(&end).ok_or(TrustError::malformed(WHAT))?;
        let body: Vec<u8> = after[..close]
            .bytes()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        blocks.push(
            BASE64
                .decode(&body)
                .map_err(|_| TrustError::malformed(WHAT))?,
        );
        rest = &after[close + end.len()..];
    }
    Ok(blocks)
}

/// Feeds any bytes to the readers of this module; for fuzzers and property tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(found) = Certificate::from_der(bytes) {
        let _ = (
            found.serial_decimal(),
            found.subject().rfc2253(),
            found.key_kind(),
        );
        let _ = found.verify_signed_by(&found);
    }
    let _ = Certificate::all_from_pem(&String::from_utf8_lossy(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_read_as_hex_and_decimal() {
        assert_eq!(serial_hex(&[0, 0xab, 1]), "ab01");
        assert_eq!(serial_hex(&[0]), "00");
        assert_eq!(decimal(&[0]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        let large = u128::MAX.to_be_bytes();
        assert_eq!(decimal(&large), u128::MAX.to_string());
    }

    #[test]
    fn pem_survives_other_blocks_and_refuses_broken_ones() {
        let text = format!(
            "noise\n{}{}",
            pem(b"abc", "KEY"),
            pem(&[7; 100], "CERTIFICATE")
        );
        assert_eq!(
            pem_blocks(&text, "CERTIFICATE").unwrap(),
            [[7; 100].to_vec()]
        );
        assert!(pem_blocks("-----BEGIN X-----\nAAAA", "X").is_err());
        assert!(Certificate::from_pem(&text).is_err());
    }
}
