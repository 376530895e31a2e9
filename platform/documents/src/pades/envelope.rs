//! The parts of a CMS envelope that no signature covers: versions, algorithm lists, unsigned attributes.
//!
//! A verifier that skips them calls files equal that differ. Here each has the one value that fits the signed parts,
//! or the envelope is refused; so a file with any byte changed is never called valid.

use der::asn1::ObjectIdentifier;
use trust::asn1::{self, Node};

use super::signatures::Wrong;
use super::verify::SIGNATURE_TIME_STAMP;

const DATA: ObjectIdentifier = trust::cms::DATA;
const BAD: Wrong = "the envelope of a signature is not built as its content demands";

/// Checks the envelope of one ContentInfo with SignedData (RFC 5652 section 5.1).
pub fn check(der: &[u8]) -> Result<(), Wrong> {
    read(der).map_err(|_| BAD)?.then_some(()).ok_or(BAD)
}

fn read(der: &[u8]) -> Result<bool, trust::TrustError> {
    let mut outer = Node::whole(der, BAD)?
        .expect(asn1::SEQUENCE, BAD)?
        .inside(BAD);
    outer.take()?;
    let wrapped = outer.need(asn1::context(0))?;
    let mut parts = Node::whole(wrapped.value, BAD)?
        .expect(asn1::SEQUENCE, BAD)?
        .inside(BAD);
    let version = parts.take()?.small(BAD)?;
    let digests = parts.need(asn1::SET)?.children(BAD)?;
    let content_type = parts.need(asn1::SEQUENCE)?.inside(BAD).take()?.oid(BAD)?;
    if let Some(bag) = parts.maybe(asn1::context(0))?
        && bag
            .children(BAD)?
            .iter()
            .any(|node| node.tag != asn1::SEQUENCE)
    {
        return Ok(false);
    }
    if parts.maybe(asn1::context(1))?.is_some() {
        return Ok(false);
    }
    let signers = parts.need(asn1::SET)?.children(BAD)?;
    let ([digest], [signer]) = (&digests[..], &signers[..]) else {
        return Ok(false);
    };
    let (signer_version, signer_digest, attributes_fit) = signer_info(*signer)?;
    let expected = if content_type == DATA && signer_version == 1 {
        1
    } else {
        3
    };
    Ok(version == expected && digest.raw == signer_digest && attributes_fit)
}

/// Version, digest algorithm and whether the unsigned attributes are time stamps alone.
fn signer_info(node: Node<'_>) -> Result<(u32, &[u8], bool), trust::TrustError> {
    let mut parts = node.expect(asn1::SEQUENCE, BAD)?.inside(BAD);
    let version = parts.take()?.small(BAD)?;
    let by_issuer = parts.take()?.tag == asn1::SEQUENCE;
    let digest = parts.take()?.raw;
    parts.maybe(asn1::context(0))?;
    parts.take()?;
    parts.need(asn1::OCTETS)?;
    let mut fit = version == if by_issuer { 1 } else { 3 };
    if let Some(unsigned) = parts.maybe(asn1::context(1))? {
        for attribute in unsigned.children(BAD)? {
            let kind = attribute.inside(BAD).take()?.oid(BAD)?;
            fit &= kind == SIGNATURE_TIME_STAMP;
        }
    }
    Ok((version, digest, fit))
}
