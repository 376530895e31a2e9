//! OCSP (RFC 6960, nonce of RFC 9654): asking, answering, and the proof `Good`.
//!
//! Read by everyone who relies on a certificate, and by `http`. A `Good` means: someone whom the issuer authorised said,
//! freshly, that this very certificate was not revoked. A serial number that the authority never issued is unknown, not
//! good. CertIDs are written with SHA-1 because every responder and X-Road expect it; it only names the issuer, and
//! SHA-256 is read as well.

use der::asn1::ObjectIdentifier;
use kernel::{Chance, Moment};

use crate::asn1::{self, Node};
use crate::ca::{Reason, Revocations, Status, extension};
use crate::cert::{Certificate, oids, serial_hex};
use crate::error::TrustError;
use crate::keys::Signer;
pub use crate::ocsp_read::{Check, Good, SKEW_SECONDS, Verdict, is_about, verify};
use crate::sigalg::{Hash, is_sha1, sha1, sha1_identifier};

/// Largest request read: a hundred CertIDs fit.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Largest response read; with a responder's RSA chain it takes about 5 kB.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;
/// Most certificates asked for in one request, and answered in one response.
pub const QUESTIONS_MAX: usize = 32;
/// Longest nonce, in bytes (RFC 9654 section 2.1).
pub const NONCE_BYTES_MAX: usize = 128;
/// How long an answer may be relied on, in seconds: as long as X-Road's members keep theirs, half a day.
pub const LIFETIME_SECONDS: i64 = 12 * 3600;

pub(crate) const WHAT: &str = "OCSP message";
pub(crate) const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
pub(crate) const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// Answers without a signature: OCSPResponseStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request can't be read.
    Malformed = 1,
    /// This side failed.
    Internal = 2,
    /// This responder does not speak for the issuer that is asked about.
    Unauthorised = 6,
}

/// A certificate as OCSP names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId {
    der: Vec<u8>,
    /// `None` is SHA-1.
    hash: Option<Hash>,
    issuer_name: Vec<u8>,
    issuer_key: Vec<u8>,
    serial: Vec<u8>,
}

/// A request that was read.
#[derive(Clone, Debug)]
pub struct Question {
    ids: Vec<CertId>,
    /// The nonce extension's value, echoed as it came.
    nonce: Option<Vec<u8>>,
}

/// Answers for one authority.
#[derive(Clone, Debug)]
pub struct Responder {
    issuer: Certificate,
    signer: Signer,
    certificate: Certificate,
}

impl CertId {
    /// Names `certificate`, issued by `issuer`, with SHA-1.
    pub fn of(certificate: &Certificate, issuer: &Certificate) -> Self {
        let issuer_name = sha1(issuer.subject().der()).to_vec();
        let issuer_key = issuer.key_sha1().to_vec();
        let der = asn1::seq(&[
            &sha1_identifier(),
            &asn1::octets(&issuer_name),
            &asn1::octets(&issuer_key),
            &asn1::tlv(asn1::INTEGER, certificate.serial()),
        ]);
        let serial = certificate.serial().to_vec();
        Self {
            der,
            hash: None,
            issuer_name,
            issuer_key,
            serial,
        }
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self, TrustError> {
        let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
        let algorithm = parts.take()?;
        let hash = match is_sha1(algorithm) {
            true => None,
            false => Some(Hash::from_algorithm_identifier(algorithm)?),
        };
        let issuer_name = parts.need(asn1::OCTETS)?.value.to_vec();
        let issuer_key = parts.need(asn1::OCTETS)?.value.to_vec();
        let serial = parts.need(asn1::INTEGER)?.value.to_vec();
        parts.end()?;
        if serial.is_empty() || serial.len() > 21 {
            return Err(TrustError::malformed(WHAT));
        }
        Ok(Self {
            der: node.raw.to_vec(),
            hash,
            issuer_name,
            issuer_key,
            serial,
        })
    }

    /// Whether this names a certificate that `issuer` issued.
    pub fn is_from(&self, issuer: &Certificate) -> bool {
        let digest = |bytes: &[u8]| match self.hash {
            Some(hash) => hash.digest(bytes),
            None => sha1(bytes).to_vec(),
        };
        self.issuer_name == digest(issuer.subject().der())
            && self.issuer_key == digest(issuer.key_bits())
    }

    /// Whether this names `certificate`, issued by `issuer`.
    pub fn names(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        self.serial == certificate.serial() && self.is_from(issuer)
    }

    /// The serial number as records hold it.
    pub fn serial_hex(&self) -> String {
        serial_hex(&self.serial)
    }
}

/// A request about `certificates`, all issued by `issuer`, and the nonce that its answer must bear.
pub fn request(
    certificates: &[&Certificate],
    issuer: &Certificate,
    chance: &dyn Chance,
) -> (Vec<u8>, Vec<u8>) {
    let mut nonce = vec![0; 32];
    chance.fill(&mut nonce);
    let asked: Vec<u8> = certificates
        .iter()
        .flat_map(|c| asn1::seq(&[&CertId::of(c, issuer).der]))
        .collect();
    let nonce_value = extension(NONCE, false, &asn1::octets(&nonce));
    let extensions = asn1::explicit(2, &asn1::seq(&[&nonce_value]));
    let tbs = asn1::seq(&[&asn1::tlv(asn1::SEQUENCE, &asked), &extensions]);
    (asn1::seq(&[&tbs]), nonce)
}

impl Question {
    /// Reads an OCSPRequest. A signature on it is passed over: this house answers everybody.
    pub fn from_der(der: &[u8]) -> Result<Self, TrustError> {
        if der.len() > REQUEST_BYTES_MAX {
            return Err(TrustError::TooLarge {
                what: WHAT,
                limit: REQUEST_BYTES_MAX,
            });
        }
        let mut outer = Node::whole(der, WHAT)?
            .expect(asn1::SEQUENCE, WHAT)?
            .inside(WHAT);
        let mut tbs = outer.need(asn1::SEQUENCE)?.inside(WHAT);
        outer.maybe(asn1::context(0))?;
        outer.end()?;
        tbs.maybe(asn1::context(0))?;
        tbs.maybe(asn1::context(1))?;
        let list = tbs.need(asn1::SEQUENCE)?.children(WHAT)?;
        if list.is_empty() || list.len() > QUESTIONS_MAX {
            return Err(TrustError::TooLarge {
                what: WHAT,
                limit: QUESTIONS_MAX,
            });
        }
        let ids = list
            .into_iter()
            .map(|one| CertId::read(one.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT).take()?))
            .collect::<Result<_, _>>()?;
        let nonce = match tbs.maybe(asn1::context(2))? {
            Some(node) => find_nonce(node)?,
            None => None,
        };
        tbs.end()?;
        if nonce
            .as_ref()
            .is_some_and(|n| n.is_empty() || n.len() > NONCE_BYTES_MAX + 3)
        {
            return Err(TrustError::malformed("OCSP nonce"));
        }
        Ok(Self { ids, nonce })
    }

    /// What is asked about.
    pub fn ids(&self) -> &[CertId] {
        &self.ids
    }
}

/// The nonce extension's value among explicitly tagged Extensions.
pub(crate) fn find_nonce(tagged: Node<'_>) -> Result<Option<Vec<u8>>, TrustError> {
    let list = Node::whole(tagged.value, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .children(WHAT)?;
    for node in list {
        let (kind, critical, value) = crate::cert::read_extension(node)?;
        if kind == NONCE {
            return Ok(Some(value.to_vec()));
        }
        if critical {
            return Err(TrustError::Unsupported {
                what: "critical OCSP extension",
            });
        }
    }
    Ok(None)
}

/// The answer that says only why there is none. Unsigned, and so worth nothing to the asker but the hint.
pub fn failure(why: Failure) -> Vec<u8> {
    asn1::seq(&[&asn1::tlv(asn1::ENUMERATED, &[why as u8])])
}

impl Responder {
    /// Answers for `issuer` with its own key, or with a delegate's certificate that it issued for OCSP signing.
    pub fn new(
        issuer: Certificate,
        signer: Signer,
        certificate: Certificate,
    ) -> Result<Self, TrustError> {
        let delegated = certificate.has_purpose(oids::OCSP_SIGNING)
            && certificate.verify_signed_by(&issuer).is_ok();
        if certificate.spki() != signer.spki_der() || !(delegated || certificate == issuer) {
            return Err(TrustError::refused(
                "the certificate is not this key's, for OCSP",
            ));
        }
        Ok(Self {
            issuer,
            signer,
            certificate,
        })
    }

    /// The authority for which this answers.
    pub fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// The certificate with which answers are signed.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether anything that is asked is about this authority.
    pub fn is_for(&self, question: &Question) -> bool {
        question.ids.iter().any(|id| id.is_from(&self.issuer))
    }

    /// Answers a question at `now`. What another authority issued is unknown here.
    pub fn answer(
        &self,
        question: &Question,
        known: &Revocations,
        now: Moment,
    ) -> Result<Vec<u8>, TrustError> {
        let singles = question.ids.iter().map(|id| {
            let status = match id.is_from(&self.issuer) {
                true => known.status(&id.serial_hex()),
                false => Status::Unknown,
            };
            single(id, status, now)
        });
        self.sign(
            &singles.collect::<Vec<_>>().concat(),
            question.nonce.as_deref(),
            now,
        )
    }

    /// An answer about `certificate` that nobody asked for yet: members fetch theirs and send it along.
    pub fn staple(
        &self,
        certificate: &Certificate,
        status: Status,
        now: Moment,
    ) -> Result<Vec<u8>, TrustError> {
        let id = CertId::of(certificate, &self.issuer);
        self.sign(&single(&id, status, now), None, now)
    }

    fn sign(
        &self,
        singles: &[u8],
        nonce: Option<&[u8]>,
        now: Moment,
    ) -> Result<Vec<u8>, TrustError> {
        let by_key = asn1::explicit(2, &asn1::octets(&self.certificate.key_sha1()));
        let nonce =
            nonce.map(|value| asn1::explicit(1, &asn1::seq(&[&extension(NONCE, false, value)])));
        let data = asn1::seq(&[
            &by_key,
            &asn1::generalized_time(now),
            &asn1::tlv(asn1::SEQUENCE, singles),
            &nonce.unwrap_or_default(),
        ]);
        let signature = self.signer.sign(&data, Hash::Sha256)?;
        let algorithm = self.signer.signature_algorithm(Hash::Sha256).identifier();
        let certificates = match self.certificate == self.issuer {
            true => Vec::new(),
            false => asn1::explicit(0, &asn1::seq(&[self.certificate.der()])),
        };
        let basic = asn1::seq(&[&data, &algorithm, &asn1::bits(&signature), &certificates]);
        let bytes = asn1::seq(&[&asn1::oid(BASIC), &asn1::octets(&basic)]);
        let successful = asn1::tlv(asn1::ENUMERATED, &[0]);
        Ok(asn1::seq(&[&successful, &asn1::explicit(0, &bytes)]))
    }
}

/// SingleResponse.
fn single(id: &CertId, status: Status, now: Moment) -> Vec<u8> {
    let status = match status {
        Status::Good => asn1::tlv(asn1::context_primitive(0), &[]),
        Status::Unknown => asn1::tlv(asn1::context_primitive(2), &[]),
        Status::Revoked { at, reason } => {
            let mut info = asn1::generalized_time(at);
            // Unspecified is left out (RFC 5280 section 5.3.1).
            if reason != Reason::Unspecified {
                let code = asn1::tlv(asn1::ENUMERATED, &[reason.code()]);
                info.extend(asn1::explicit(0, &code));
            }
            asn1::tlv(asn1::context(1), &info)
        }
    };
    let next = asn1::generalized_time(now.plus_seconds(LIFETIME_SECONDS));
    asn1::seq(&[
        &id.der,
        &status,
        &asn1::generalized_time(now),
        &asn1::explicit(0, &next),
    ])
}

/// Feeds any bytes to the readers of this module; for fuzzers and property tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    let _ = Question::from_der(bytes);
    crate::ocsp_read::fuzz(bytes);
}

#[cfg(test)]
mod tests;
