//! CMS SignedData (RFC 5652) with the signed attributes of CAdES and PAdES: made and verified.
//!
//! Read by `tsp` (a time-stamp token is SignedData) and by `documents` (PAdES). It promises that a `Signed` names the
//! certificate that the signature itself names (signing-certificate, RFC 5035), and covers the content given. It
//! refuses signatures without signed attributes or without that binding, indefinite lengths (BER), and SHA-1. It does
//! not say whether the certificate is trusted: that is `Signed::validate`.

use der::asn1::ObjectIdentifier;
use kernel::Moment;

use crate::asn1::{self, Node};
use crate::cert::{CERTIFICATES_MAX, Certificate};
use crate::cms_attributes::{self as attributes, SignedAttributes};
use crate::error::TrustError;
use crate::keys::Signer;
use crate::path::{Anchors, Valid};
use crate::sigalg::{Hash, SignatureAlgorithm};

pub use crate::cms_attributes::{DATA, SIGNED_DATA, TST_INFO};

/// Largest SignedData read; a document's signature with chain and time stamp takes 10 to 30 kB, and attached content
/// is small here (documents are signed detached).
pub const CMS_BYTES_MAX: usize = 1024 * 1024;
/// Most signers in one SignedData; PAdES has one, co-signed CAdES a handful.
pub const SIGNERS_MAX: usize = 16;

const WHAT: &str = "CMS signature";

/// Who signs, and how.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// The key.
    pub signer: &'a Signer,
    /// The signer's certificate, then those above it that should travel along; never empty.
    pub chain: &'a [Certificate],
    /// The digest of content and attributes.
    pub hash: Hash,
    /// The signing time that the signer claims; `None` for PAdES, where the PDF states it.
    pub signing_time: Option<Moment>,
}

/// A signature that was made, still open for its time stamp.
#[derive(Clone, Debug)]
pub struct Cms {
    content_type: ObjectIdentifier,
    content: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    sid: Vec<u8>,
    hash: Hash,
    signed_attributes: Vec<u8>,
    algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
    timestamps: Vec<Vec<u8>>,
}

/// A SignedData that was read; nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct SignedData {
    content_type: ObjectIdentifier,
    content: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    signers: Vec<SignerInfo>,
}

#[derive(Clone, Debug)]
struct SignerInfo {
    sid: SignerId,
    hash: Hash,
    /// The signed attributes under the tag SET, as they are digested.
    signed_bytes: Vec<u8>,
    attributes: SignedAttributes,
    algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
    timestamps: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum SignerId {
    IssuerAndSerial(Vec<u8>, Vec<u8>),
    KeyId(Vec<u8>),
}

/// Proof that one signer's signature covers the content. Only `SignedData::verify` makes it.
#[derive(Clone, Debug)]
pub struct Signed {
    certificate: Certificate,
    others: Vec<Certificate>,
    hash: Hash,
    signing_time: Option<Moment>,
    signature: Vec<u8>,
    timestamps: Vec<Vec<u8>>,
}

/// Signs content by its digest; the content stays outside. `digest` must be of `by.hash`.
pub fn sign_detached(digest: &[u8], by: By<'_>) -> Result<Cms, TrustError> {
    sign(DATA, None, digest, by)
}

/// Signs content that travels inside.
pub fn sign_attached(
    content_type: ObjectIdentifier,
    content: &[u8],
    by: By<'_>,
) -> Result<Cms, TrustError> {
    if content.len() > CMS_BYTES_MAX / 2 {
        return Err(TrustError::TooLarge {
            what: "content to sign",
            limit: CMS_BYTES_MAX / 2,
        });
    }
    sign(
        content_type,
        Some(content.to_vec()),
        &by.hash.digest(content),
        by,
    )
}

fn sign(
    content_type: ObjectIdentifier,
    content: Option<Vec<u8>>,
    digest: &[u8],
    by: By<'_>,
) -> Result<Cms, TrustError> {
    let leaf = by
        .chain
        .first()
        .ok_or(TrustError::refused("a signature needs a certificate"))?;
    if leaf.spki() != by.signer.spki_der() {
        return Err(TrustError::refused(
            "the key is not that of the certificate",
        ));
    }
    if digest.len() != by.hash.len() {
        return Err(TrustError::refused(
            "the digest is not of the algorithm named",
        ));
    }
    let signed = attributes::signed(content_type, digest, leaf, by.signing_time);
    Ok(Cms {
        content_type,
        content,
        // A root that travels along proves nothing and is covered by nothing: the reader has it, or must not trust it.
        certificates: by
            .chain
            .iter()
            .filter(|c| c.subject() != c.issuer())
            .cloned()
            .collect(),
        sid: asn1::seq(&[
            leaf.issuer().der(),
            &asn1::tlv(asn1::INTEGER, leaf.serial()),
        ]),
        hash: by.hash,
        signature: by.signer.sign(&signed, by.hash)?,
        signed_attributes: signed,
        algorithm: by.signer.signature_algorithm(by.hash),
        timestamps: Vec::new(),
    })
}

impl Cms {
    /// The signature's bytes: what a signature time stamp covers.
    pub fn signature_value(&self) -> &[u8] {
        &self.signature
    }

    /// Adds a signature time stamp (CAdES-T, PAdES-B-T): a token over `signature_value`.
    #[must_use]
    pub fn with_timestamp(mut self, token: &[u8]) -> Self {
        self.timestamps.push(token.to_vec());
        self
    }

    /// Leaves the certificates out, as a time stamp does whose asker did not want them.
    #[must_use]
    pub fn without_certificates(mut self) -> Self {
        self.certificates.clear();
        self
    }

    /// The whole ContentInfo.
    pub fn to_der(&self) -> Vec<u8> {
        let digest = self.hash.algorithm_identifier();
        let content = self
            .content
            .as_ref()
            .map(|c| asn1::explicit(0, &asn1::octets(c)));
        let encapsulated =
            asn1::seq(&[&asn1::oid(self.content_type), &content.unwrap_or_default()]);
        // RFC 5652 section 5.1: version 3 if the content is not plain data.
        let version = if self.content_type == DATA { 1 } else { 3 };
        let bag: Vec<Vec<u8>> = self.certificates.iter().map(|c| c.der().to_vec()).collect();
        let certificates = match bag.is_empty() {
            true => Vec::new(),
            false => asn1::retag(asn1::context(0), &asn1::set_of(bag)),
        };
        let data = asn1::seq(&[
            &asn1::int(version),
            &asn1::set_of(vec![digest]),
            &encapsulated,
            &certificates,
            &asn1::set_of(vec![self.signer_info()]),
        ]);
        asn1::seq(&[&asn1::oid(SIGNED_DATA), &asn1::explicit(0, &data)])
    }

    fn signer_info(&self) -> Vec<u8> {
        let unsigned = match self.timestamps.is_empty() {
            true => Vec::new(),
            false => {
                let list = asn1::set_of(self.timestamps.clone());
                let attribute = asn1::seq(&[&asn1::oid(attributes::SIGNATURE_TIME_STAMP), &list]);
                asn1::retag(asn1::context(1), &asn1::set_of(vec![attribute]))
            }
        };
        asn1::seq(&[
            &asn1::int(1),
            &self.sid,
            &self.hash.algorithm_identifier(),
            &asn1::retag(asn1::context(0), &self.signed_attributes),
            &self.algorithm.identifier(),
            &asn1::octets(&self.signature),
            &unsigned,
        ])
    }
}

impl SignedData {
    /// Reads a ContentInfo that holds SignedData; anything after it is refused.
    pub fn from_der(der: &[u8]) -> Result<Self, TrustError> {
        if der.len() > CMS_BYTES_MAX {
            return Err(TrustError::TooLarge {
                what: WHAT,
                limit: CMS_BYTES_MAX,
            });
        }
        let mut outer = Node::whole(der, WHAT)?
            .expect(asn1::SEQUENCE, WHAT)?
            .inside(WHAT);
        if outer.take()?.oid(WHAT)? != SIGNED_DATA {
            return Err(TrustError::Unsupported {
                what: "CMS content other than SignedData",
            });
        }
        let wrapped = outer.need(asn1::context(0))?;
        outer.end()?;
        let mut parts = Node::whole(wrapped.value, WHAT)?
            .expect(asn1::SEQUENCE, WHAT)?
            .inside(WHAT);
        let version = parts.take()?.small(WHAT)?;
        let digests = parts.need(asn1::SET)?;
        let (content_type, content) = encapsulated(parts.need(asn1::SEQUENCE)?)?;
        let certificates = match parts.maybe(asn1::context(0))? {
            Some(bag) => certificates(bag)?,
            None => Vec::new(),
        };
        parts.maybe(asn1::context(1))?;
        let infos = parts.need(asn1::SET)?.children(WHAT)?;
        parts.end()?;
        if infos.len() > SIGNERS_MAX {
            return Err(TrustError::TooLarge {
                what: "CMS signers",
                limit: SIGNERS_MAX,
            });
        }
        let signers: Vec<SignerInfo> = infos
            .into_iter()
            .map(signer_info)
            .collect::<Result<_, _>>()?;
        envelope(version, digests, content_type, &signers)?;
        Ok(Self {
            content_type,
            content,
            certificates,
            signers,
        })
    }

    /// Reads SignedData followed by zero bytes only, as it lies in the reserved place of a PDF signature.
    pub fn from_padded(bytes: &[u8]) -> Result<Self, TrustError> {
        let mut rest = bytes;
        while let Some((0, shorter)) = rest.split_last() {
            rest = shorter;
        }
        // The structure may itself end in zero bytes: give back one at a time until it is whole.
        let least = rest.len();
        for length in least..=bytes.len().min(least + CERTIFICATES_MAX) {
            if Node::whole(&bytes[..length], WHAT).is_ok() {
                return Self::from_der(&bytes[..length]);
            }
        }
        Err(TrustError::malformed(WHAT))
    }

    /// What kind of content is signed.
    pub fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// The content, if it travels inside.
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The certificates that travel along.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Verifies every signer over the attached content. `more` are certificates known from elsewhere.
    pub fn verify_attached(&self, more: &[Certificate]) -> Result<Vec<Signed>, TrustError> {
        let content = self.content.as_deref();
        let content = content.ok_or(TrustError::refused("the signed content is not attached"))?;
        self.verify(|hash| hash.digest(content), more)
    }

    /// Verifies every signer over content given by its digest (the function is asked with each signer's algorithm).
    /// One bad signer fails the whole; none at all fails too.
    pub fn verify(
        &self,
        digest_of: impl Fn(Hash) -> Vec<u8>,
        more: &[Certificate],
    ) -> Result<Vec<Signed>, TrustError> {
        if self.signers.is_empty() {
            return Err(TrustError::refused("nobody signed"));
        }
        self.signers
            .iter()
            .map(|signer| self.verify_one(signer, &digest_of, more))
            .collect()
    }

    fn verify_one(
        &self,
        signer: &SignerInfo,
        digest_of: &impl Fn(Hash) -> Vec<u8>,
        more: &[Certificate],
    ) -> Result<Signed, TrustError> {
        let found = self
            .certificates
            .iter()
            .chain(more)
            .find(|c| signer.sid.names(c));
        let certificate =
            found.ok_or(TrustError::refused("the signer's certificate is missing"))?;
        if signer.attributes.content_type != self.content_type {
            return Err(TrustError::BadSignature {
                what: "content type",
            });
        }
        if signer.attributes.digest != digest_of(signer.hash) {
            return Err(TrustError::BadSignature {
                what: "content digest",
            });
        }
        if !signer.attributes.binding.fits(certificate) {
            return Err(TrustError::BadSignature {
                what: "signing certificate",
            });
        }
        certificate.verify_signature(signer.algorithm, &signer.signed_bytes, &signer.signature)?;
        Ok(Signed {
            certificate: certificate.clone(),
            others: self.certificates.iter().chain(more).cloned().collect(),
            hash: signer.hash,
            signing_time: signer.attributes.signing_time,
            signature: signer.signature.clone(),
            timestamps: signer.timestamps.clone(),
        })
    }
}

/// Checks what no signature covers, so that a changed byte is noticed there too: the version must be the one that
/// RFC 5652 section 5.1 gives to signers with plain certificates, and every signer's digest must be announced.
fn envelope(
    version: u32,
    digests: Node<'_>,
    content_type: ObjectIdentifier,
    signers: &[SignerInfo],
) -> Result<(), TrustError> {
    let by_key = signers.iter().any(|s| matches!(s.sid, SignerId::KeyId(_)));
    let expected = if content_type == DATA && !by_key {
        1
    } else {
        3
    };
    let announced: Vec<_> = digests
        .children(WHAT)?
        .into_iter()
        .filter_map(|node| Hash::from_algorithm_identifier(node).ok())
        .collect();
    let all = signers
        .iter()
        .all(|signer| announced.contains(&signer.hash));
    if all && version == expected {
        Ok(())
    } else {
        Err(TrustError::malformed(WHAT))
    }
}

/// EncapsulatedContentInfo.
fn encapsulated(node: Node<'_>) -> Result<(ObjectIdentifier, Option<Vec<u8>>), TrustError> {
    let mut parts = node.inside(WHAT);
    let content_type = parts.take()?.oid(WHAT)?;
    let content = match parts.maybe(asn1::context(0))? {
        Some(inner) => {
            let octets = Node::whole(inner.value, WHAT)?.expect(asn1::OCTETS, WHAT)?;
            Some(octets.value.to_vec())
        }
        None => None,
    };
    parts.end()?;
    Ok((content_type, content))
}

/// CertificateSet; anything but plain certificates is passed over.
fn certificates(bag: Node<'_>) -> Result<Vec<Certificate>, TrustError> {
    let plain: Vec<_> = bag
        .children(WHAT)?
        .into_iter()
        .filter(|n| n.tag == asn1::SEQUENCE)
        .collect();
    if plain.len() > CERTIFICATES_MAX {
        return Err(TrustError::TooLarge {
            what: "CMS certificates",
            limit: CERTIFICATES_MAX,
        });
    }
    plain
        .into_iter()
        .map(|node| Certificate::from_der(node.raw))
        .collect()
}

fn signer_info(node: Node<'_>) -> Result<SignerInfo, TrustError> {
    let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let version = parts.take()?.small(WHAT)?;
    let sid = SignerId::read(parts.take()?)?;
    // RFC 5652 section 5.3.
    let expected = if matches!(sid, SignerId::KeyId(_)) {
        3
    } else {
        1
    };
    if version != expected {
        return Err(TrustError::malformed(WHAT));
    }
    let hash = Hash::from_algorithm_identifier(parts.take()?)?;
    let none = TrustError::refused("a signature without signed attributes");
    let signed = parts.maybe(asn1::context(0))?.ok_or(none)?;
    let attributes = attributes::read_signed(signed)?;
    let algorithm = SignatureAlgorithm::read(parts.take()?, Some(hash))?;
    if algorithm.hash() != hash {
        return Err(TrustError::BadSignature {
            what: "digest algorithm",
        });
    }
    let signature = parts.need(asn1::OCTETS)?.value.to_vec();
    let timestamps = match parts.maybe(asn1::context(1))? {
        Some(unsigned) => attributes::read_timestamps(unsigned)?,
        None => Vec::new(),
    };
    parts.end()?;
    let signed_bytes = asn1::retag(asn1::SET, signed.raw);
    Ok(SignerInfo {
        sid,
        hash,
        signed_bytes,
        attributes,
        algorithm,
        signature,
        timestamps,
    })
}

impl SignerId {
    fn read(node: Node<'_>) -> Result<Self, TrustError> {
        if node.tag == asn1::context_primitive(0) {
            return Ok(Self::KeyId(node.value.to_vec()));
        }
        let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
        let issuer = parts.need(asn1::SEQUENCE)?.raw.to_vec();
        let serial = parts.need(asn1::INTEGER)?.value.to_vec();
        parts.end()?;
        Ok(Self::IssuerAndSerial(issuer, serial))
    }

    fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerial(issuer, serial) => {
                certificate.issuer().der() == issuer && certificate.serial() == serial
            }
            Self::KeyId(id) => certificate.subject_key_id() == Some(id),
        }
    }
}

impl Signed {
    /// Who signed.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificates that travelled along, the signer's among them.
    pub fn others(&self) -> &[Certificate] {
        &self.others
    }

    /// The digest used.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The time that the signer claims; a claim, not a proof.
    pub fn signing_time(&self) -> Option<Moment> {
        self.signing_time
    }

    /// The signature's bytes: what its time stamps cover.
    pub fn signature_value(&self) -> &[u8] {
        &self.signature
    }

    /// The signature time-stamp tokens, unverified (`tsp::verify_token` over `signature_value`).
    pub fn timestamps(&self) -> &[Vec<u8>] {
        &self.timestamps
    }

    /// Finds the path from the signer to an anchor, valid `at` that moment.
    pub fn validate(&self, anchors: &Anchors, at: Moment) -> Result<Valid, TrustError> {
        anchors.validate(&self.certificate, &self.others, at)
    }
}

/// Feeds any bytes to the readers of this module; for fuzzers and property tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    let _ = SignedData::from_padded(bytes);
    if let Ok(data) = SignedData::from_der(bytes) {
        let _ = data.verify_attached(&[]);
        let _ = data.verify(|hash| hash.digest(b""), &[]);
    }
}

#[cfg(test)]
mod tests;
