//! The signed and unsigned attributes of CMS signatures that this house writes and reads.
//!
//! Read by `cms` alone. Written: content type, message digest, signing time (if claimed), signing-certificate-v2
//! (RFC 5035, SHA-256, with issuer and serial). Read: the same, and the older signing-certificate with SHA-1, which
//! time-stamping services still send; there it only tells certificates apart, it proves nothing by itself.

use der::asn1::ObjectIdentifier;
use kernel::Moment;

use crate::asn1::{self, Node};
use crate::cert::Certificate;
use crate::error::TrustError;
use crate::sigalg::{Hash, sha1};

const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// id-data.
pub const DATA: ObjectIdentifier = id("1.2.840.113549.1.7.1");
/// id-signedData.
pub const SIGNED_DATA: ObjectIdentifier = id("1.2.840.113549.1.7.2");
/// id-ct-TSTInfo (RFC 3161).
pub const TST_INFO: ObjectIdentifier = id("1.2.840.113549.1.9.16.1.4");
/// id-aa-signatureTimeStampToken (RFC 3161 appendix A).
pub(crate) const SIGNATURE_TIME_STAMP: ObjectIdentifier = id("1.2.840.113549.1.9.16.2.14");
const CONTENT_TYPE: ObjectIdentifier = id("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = id("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = id("1.2.840.113549.1.9.5");
const SIGNING_CERTIFICATE: ObjectIdentifier = id("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = id("1.2.840.113549.1.9.16.2.47");

/// Most attributes of one signer; real ones have four to eight.
const ATTRIBUTES_MAX: usize = 32;
/// Most time stamps on one signature.
const TIMESTAMPS_MAX: usize = 4;

const WHAT: &str = "CMS attributes";

/// What the signed attributes say.
#[derive(Clone, Debug)]
pub(crate) struct SignedAttributes {
    pub(crate) content_type: ObjectIdentifier,
    pub(crate) digest: Vec<u8>,
    pub(crate) signing_time: Option<Moment>,
    pub(crate) binding: Binding,
}

/// The certificate that the signature names: its digest, and issuer and serial if given.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// `None` is SHA-1 of the first version of the attribute.
    hash: Option<Hash>,
    digest: Vec<u8>,
    issuer_serial: Option<(Vec<u8>, Vec<u8>)>,
}

fn attribute(kind: ObjectIdentifier, value: Vec<u8>) -> Vec<u8> {
    asn1::seq(&[&asn1::oid(kind), &asn1::set_of(vec![value])])
}

/// The signed attributes as a SET OF, in the order that DER demands: exactly the bytes that are signed.
pub(crate) fn signed(
    content_type: ObjectIdentifier,
    digest: &[u8],
    leaf: &Certificate,
    signing_time: Option<Moment>,
) -> Vec<u8> {
    let directory = asn1::explicit(4, leaf.issuer().der());
    let issuer_serial = asn1::seq(&[
        &asn1::seq(&[&directory]),
        &asn1::tlv(asn1::INTEGER, leaf.serial()),
    ]);
    // SHA-256 is the attribute's default and so not named.
    let reference = asn1::seq(&[&asn1::octets(&leaf.sha256()), &issuer_serial]);
    let mut list = vec![
        attribute(CONTENT_TYPE, asn1::oid(content_type)),
        attribute(MESSAGE_DIGEST, asn1::octets(digest)),
        attribute(
            SIGNING_CERTIFICATE_V2,
            asn1::seq(&[&asn1::seq(&[&reference])]),
        ),
    ];
    list.extend(signing_time.map(|at| attribute(SIGNING_TIME, asn1::time(at))));
    asn1::set_of(list)
}

/// The attributes of a set: kind and values. A kind that appears twice is refused (RFC 5652 section 5.3).
fn read_all(node: Node<'_>) -> Result<Vec<(ObjectIdentifier, Vec<Node<'_>>)>, TrustError> {
    let children = node.children(WHAT)?;
    if children.len() > ATTRIBUTES_MAX {
        return Err(TrustError::TooLarge {
            what: WHAT,
            limit: ATTRIBUTES_MAX,
        });
    }
    let mut found: Vec<(ObjectIdentifier, Vec<Node<'_>>)> = Vec::with_capacity(children.len());
    for child in children {
        let mut parts = child.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
        let kind = parts.take()?.oid(WHAT)?;
        let values = parts.need(asn1::SET)?.children(WHAT)?;
        parts.end()?;
        if found.iter().any(|(known, _)| *known == kind) {
            return Err(TrustError::malformed("CMS attributes: one appears twice"));
        }
        found.push((kind, values));
    }
    Ok(found)
}

/// Reads signed attributes; content type, digest and the binding to a certificate must be there.
pub(crate) fn read_signed(node: Node<'_>) -> Result<SignedAttributes, TrustError> {
    let all = read_all(node)?;
    let single = |kind: ObjectIdentifier| -> Result<Option<Node<'_>>, TrustError> {
        match all.iter().find(|(known, _)| *known == kind) {
            Some((_, values)) if values.len() == 1 => Ok(Some(values[0])),
            Some(_) => Err(TrustError::malformed(WHAT)),
            None => Ok(None),
        }
    };
    let content_type = single(CONTENT_TYPE)?
        .ok_or(TrustError::malformed(WHAT))?
        .oid(WHAT)?;
    let digest = single(MESSAGE_DIGEST)?.ok_or(TrustError::malformed(WHAT))?;
    let signing_time = single(SIGNING_TIME)?.map(|n| n.moment(WHAT)).transpose()?;
    let binding = match (
        single(SIGNING_CERTIFICATE_V2)?,
        single(SIGNING_CERTIFICATE)?,
    ) {
        (Some(node), _) => read_binding(node, true)?,
        (None, Some(node)) => read_binding(node, false)?,
        (None, None) => {
            return Err(TrustError::refused(
                "the signature does not name its certificate",
            ));
        }
    };
    Ok(SignedAttributes {
        content_type,
        digest: digest.expect(asn1::OCTETS, WHAT)?.value.to_vec(),
        signing_time,
        binding,
    })
}

/// Reads SigningCertificateV2 or SigningCertificate; the first reference is the signer's (RFC 5035 section 3).
fn read_binding(node: Node<'_>, second_version: bool) -> Result<Binding, TrustError> {
    let mut outer = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let mut references = outer.need(asn1::SEQUENCE)?.inside(WHAT);
    let mut parts = references.need(asn1::SEQUENCE)?.inside(WHAT);
    let hash = match (second_version, parts.maybe(asn1::SEQUENCE)?) {
        (true, Some(named)) => Some(Hash::from_algorithm_identifier(named)?),
        (true, None) => Some(Hash::Sha256),
        (false, None) => None,
        (false, Some(_)) => return Err(TrustError::malformed(WHAT)),
    };
    let digest = parts.need(asn1::OCTETS)?.value.to_vec();
    let issuer_serial = match parts.maybe(asn1::SEQUENCE)? {
        Some(pair) => Some(read_issuer_serial(pair)?),
        None => None,
    };
    parts.end()?;
    Ok(Binding {
        hash,
        digest,
        issuer_serial,
    })
}

fn read_issuer_serial(node: Node<'_>) -> Result<(Vec<u8>, Vec<u8>), TrustError> {
    let mut parts = node.inside(WHAT);
    let names = parts.need(asn1::SEQUENCE)?;
    let directory = Node::whole(names.value, WHAT)?.expect(asn1::context(4), WHAT)?;
    let serial = parts.need(asn1::INTEGER)?.value.to_vec();
    Ok((directory.value.to_vec(), serial))
}

impl Binding {
    /// Whether this names `certificate`.
    pub(crate) fn fits(&self, certificate: &Certificate) -> bool {
        let digest = match self.hash {
            Some(hash) => hash.digest(certificate.der()),
            None => sha1(certificate.der()).to_vec(),
        };
        let named = self.issuer_serial.as_ref().is_none_or(|(issuer, serial)| {
            certificate.issuer().der() == issuer && certificate.serial() == serial
        });
        digest == self.digest && named
    }
}

/// Unsigned attributes that later forms of a signature add (ETSI EN 319 122-1 sections 5 and 6): passed over. An
/// attribute of another kind is refused: nothing covers these, so a time stamp could else be hidden by one bit.
const PASSED_OVER: [ObjectIdentifier; 9] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.6"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.21"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.22"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.23"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.24"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.25"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.26"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.48"),
    ObjectIdentifier::new_unwrap("0.4.0.1733.2.4"),
];

/// Reads the signature time stamps among unsigned attributes.
pub(crate) fn read_timestamps(node: Node<'_>) -> Result<Vec<Vec<u8>>, TrustError> {
    let all = read_all(node)?;
    let known = |kind| kind == SIGNATURE_TIME_STAMP || PASSED_OVER.contains(&kind);
    if !all.iter().all(|(kind, _)| known(*kind)) {
        return Err(TrustError::Unsupported {
            what: "unsigned attribute",
        });
    }
    let found = all
        .into_iter()
        .find(|(kind, _)| *kind == SIGNATURE_TIME_STAMP);
    let tokens = found.map(|(_, values)| values).unwrap_or_default();
    if tokens.len() > TIMESTAMPS_MAX {
        return Err(TrustError::TooLarge {
            what: "signature time stamps",
            limit: TIMESTAMPS_MAX,
        });
    }
    Ok(tokens.into_iter().map(|token| token.raw.to_vec()).collect())
}
