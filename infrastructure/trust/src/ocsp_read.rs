//! Reading OCSP responses: who signed, for whom, how fresh (RFC 6960 section 3.2).
//!
//! Read through `ocsp`. The signer must be the issuer itself, a delegate that the issuer certified for OCSP signing, or
//! a responder that the caller trusts by name (X-Road lists these in its global configuration).

use kernel::Moment;

use crate::asn1::{self, Node};
use crate::ca::Reason;
use crate::cert::{Certificate, oids};
use crate::error::TrustError;
use crate::ocsp::{
    BASIC, CertId, NONCE_BYTES_MAX, QUESTIONS_MAX, RESPONSE_BYTES_MAX, WHAT, find_nonce,
};
use crate::sigalg::SignatureAlgorithm;

/// How far clocks of two sides may be apart, in seconds.
pub const SKEW_SECONDS: i64 = 300;
/// Most certificates that a response may carry.
const CERTIFICATES_MAX: usize = 8;

/// What the caller demands of a response.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The moment at which the certificate is relied on.
    pub at: Moment,
    /// How old `thisUpdate` may be, in seconds; `None` if only `nextUpdate` counts.
    pub freshness_seconds: Option<i64>,
    /// The nonce that was sent, if the response was asked for just now.
    pub nonce: Option<&'a [u8]>,
    /// Responders trusted beside the issuer and its delegates.
    pub responders: &'a [Certificate],
    /// By how many seconds a response may be past its time, because two clocks are never the same.
    pub grace_seconds: i64,
}

impl Check<'_> {
    /// Demands an answer that holds at `at`, without a nonce.
    pub const fn at(at: Moment) -> Self {
        Self {
            at,
            freshness_seconds: None,
            nonce: None,
            responders: &[],
            grace_seconds: SKEW_SECONDS,
        }
    }
}

/// Proof that a certificate was not revoked. Only `verify` makes it.
#[derive(Clone, Debug)]
pub struct Good {
    certificate_sha256: [u8; 32],
    this_update: Moment,
    next_update: Option<Moment>,
    produced_at: Moment,
}

/// What a verified response says.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Not revoked.
    Good(Good),
    /// Revoked.
    Revoked {
        /// Since when.
        at: Moment,
        /// Why.
        reason: Reason,
    },
    /// The authority does not know it.
    Unknown,
}

impl Good {
    /// The SHA-256 of the certificate that was found good.
    pub fn certificate_sha256(&self) -> &[u8; 32] {
        &self.certificate_sha256
    }

    /// When the status was known to hold.
    pub fn this_update(&self) -> Moment {
        self.this_update
    }

    /// When newer information comes, if the responder says.
    pub fn next_update(&self) -> Option<Moment> {
        self.next_update
    }

    /// When the response was signed.
    pub fn produced_at(&self) -> Moment {
        self.produced_at
    }
}

impl Verdict {
    /// The proof, or a refusal that says why there is none.
    pub fn good(self) -> Result<Good, TrustError> {
        match self {
            Self::Good(good) => Ok(good),
            Self::Revoked { .. } => Err(TrustError::refused("the certificate is revoked")),
            Self::Unknown => Err(TrustError::refused(
                "its authority doesn't know the certificate",
            )),
        }
    }
}

struct Basic<'a> {
    signed: &'a [u8],
    responder: ResponderId<'a>,
    produced_at: Moment,
    singles: Vec<Single>,
    nonce: Option<Vec<u8>>,
    algorithm: SignatureAlgorithm,
    signature: &'a [u8],
    certificates: Vec<Certificate>,
}

enum ResponderId<'a> {
    Name(&'a [u8]),
    KeyHash(&'a [u8]),
}

struct Single {
    id: CertId,
    status: SingleStatus,
    this_update: Moment,
    next_update: Option<Moment>,
}

enum SingleStatus {
    Good,
    Revoked(Moment, Reason),
    Unknown,
}

/// Verifies an OCSPResponse about `certificate`, which `issuer` issued.
pub fn verify(
    response: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    check: &Check<'_>,
) -> Result<Verdict, TrustError> {
    let basic = read(response)?;
    let signer = authorised(&basic, issuer, check)?;
    basic
        .algorithm
        .verify(signer.spki(), basic.signed, basic.signature)?;
    if let Some(sent) = check.nonce
        && basic.nonce.as_deref() != Some(&asn1::octets(sent))
    {
        return Err(TrustError::BadSignature { what: "OCSP nonce" });
    }
    let found = basic
        .singles
        .iter()
        .find(|single| single.id.names(certificate, issuer));
    let single = found.ok_or(TrustError::refused("the OCSP response is about another"))?;
    fresh(single, check)?;
    Ok(match single.status {
        SingleStatus::Good => Verdict::Good(Good {
            certificate_sha256: certificate.sha256(),
            this_update: single.this_update,
            next_update: single.next_update,
            produced_at: basic.produced_at,
        }),
        SingleStatus::Revoked(at, reason) => Verdict::Revoked { at, reason },
        SingleStatus::Unknown => Verdict::Unknown,
    })
}

/// Whether the first answer of a response is about `certificate`: X-Road goes by that alone when it looks for a
/// response, so that nobody can hide an answer behind a better one.
pub fn is_about(response: &[u8], certificate: &Certificate, issuer: &Certificate) -> bool {
    read(response).is_ok_and(|basic| {
        let first = basic.singles.first();
        first.is_some_and(|single| single.id.names(certificate, issuer))
    })
}

/// The certificate of an authorised signer that the response names (RFC 6960 section 4.2.2.2).
fn authorised<'a>(
    basic: &'a Basic<'_>,
    issuer: &'a Certificate,
    check: &Check<'a>,
) -> Result<&'a Certificate, TrustError> {
    let direct = std::iter::once(issuer).chain(check.responders);
    if let Some(found) = direct.into_iter().find(|c| basic.responder.names(c)) {
        return Ok(found);
    }
    let delegate = basic.certificates.iter().find(|c| {
        basic.responder.names(c)
            && c.issuer() == issuer.subject()
            && c.has_purpose(oids::OCSP_SIGNING)
            && c.not_before() <= check.at.plus_seconds(SKEW_SECONDS)
            && check.at.seconds() <= c.not_after().seconds()
            && !c.has_unknown_critical()
    });
    let delegate = delegate.ok_or(TrustError::refused("the OCSP responder is not authorised"))?;
    delegate.verify_signed_by(issuer)?;
    Ok(delegate)
}

fn fresh(single: &Single, check: &Check<'_>) -> Result<(), TrustError> {
    if single.this_update > check.at.plus_seconds(SKEW_SECONDS) {
        return Err(TrustError::refused("the OCSP response is from the future"));
    }
    let oldest = check
        .freshness_seconds
        .map(|age| check.at.plus_seconds(-age - check.grace_seconds));
    if oldest.is_some_and(|oldest| single.this_update < oldest) {
        return Err(TrustError::refused("the OCSP response is too old"));
    }
    let ends = single
        .next_update
        .map(|next| next.plus_seconds(check.grace_seconds));
    if ends.is_some_and(|ends| ends < check.at) {
        return Err(TrustError::refused("the OCSP response is out of date"));
    }
    if ends.is_none() && check.freshness_seconds.is_none() {
        return Err(TrustError::refused(
            "nothing limits the age of the OCSP response",
        ));
    }
    Ok(())
}

impl ResponderId<'_> {
    fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Name(name) => certificate.subject().der() == *name,
            Self::KeyHash(hash) => certificate.key_sha1() == *hash,
        }
    }
}

fn read(response: &[u8]) -> Result<Basic<'_>, TrustError> {
    if response.len() > RESPONSE_BYTES_MAX {
        return Err(TrustError::TooLarge {
            what: WHAT,
            limit: RESPONSE_BYTES_MAX,
        });
    }
    let mut outer = Node::whole(response, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .inside(WHAT);
    if outer.need(asn1::ENUMERATED)?.small(WHAT)? != 0 {
        return Err(TrustError::refused("the OCSP responder gave no answer"));
    }
    let tagged = outer.need(asn1::context(0))?;
    outer.end()?;
    let mut bytes = Node::whole(tagged.value, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .inside(WHAT);
    if bytes.take()?.oid(WHAT)? != BASIC {
        return Err(TrustError::Unsupported {
            what: "OCSP response type",
        });
    }
    let inner = bytes.need(asn1::OCTETS)?.value;
    bytes.end()?;
    read_basic(Node::whole(inner, WHAT)?)
}

fn read_basic(node: Node<'_>) -> Result<Basic<'_>, TrustError> {
    let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let data = parts.need(asn1::SEQUENCE)?;
    let algorithm = SignatureAlgorithm::read(parts.take()?, None)?;
    let signature = parts.take()?.bits(WHAT)?;
    let certificates = match parts.maybe(asn1::context(0))? {
        Some(tagged) => read_certificates(tagged)?,
        None => Vec::new(),
    };
    parts.end()?;
    let mut fields = data.inside(WHAT);
    fields.maybe(asn1::context(0))?;
    let responder = read_responder(fields.take()?)?;
    let produced_at = fields.need(asn1::GENERALIZED_TIME)?.moment(WHAT)?;
    let list = fields.need(asn1::SEQUENCE)?.children(WHAT)?;
    if list.len() > QUESTIONS_MAX {
        return Err(TrustError::TooLarge {
            what: WHAT,
            limit: QUESTIONS_MAX,
        });
    }
    let singles = list
        .into_iter()
        .map(read_single)
        .collect::<Result<_, _>>()?;
    let nonce = match fields.maybe(asn1::context(1))? {
        Some(tagged) => find_nonce(tagged)?,
        None => None,
    };
    fields.end()?;
    if nonce
        .as_ref()
        .is_some_and(|n| n.len() > NONCE_BYTES_MAX + 3)
    {
        return Err(TrustError::malformed("OCSP nonce"));
    }
    let signed = data.raw;
    Ok(Basic {
        signed,
        responder,
        produced_at,
        singles,
        nonce,
        algorithm,
        signature,
        certificates,
    })
}

fn read_certificates(tagged: Node<'_>) -> Result<Vec<Certificate>, TrustError> {
    let list = Node::whole(tagged.value, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .children(WHAT)?;
    if list.len() > CERTIFICATES_MAX {
        return Err(TrustError::TooLarge {
            what: "OCSP certificates",
            limit: CERTIFICATES_MAX,
        });
    }
    list.into_iter()
        .map(|node| Certificate::from_der(node.raw))
        .collect()
}

fn read_responder(node: Node<'_>) -> Result<ResponderId<'_>, TrustError> {
    let inner = Node::whole(node.value, WHAT)?;
    if node.tag == asn1::context(1) {
        return Ok(ResponderId::Name(inner.expect(asn1::SEQUENCE, WHAT)?.raw));
    }
    node.expect(asn1::context(2), WHAT)?;
    Ok(ResponderId::KeyHash(
        inner.expect(asn1::OCTETS, WHAT)?.value,
    ))
}

fn read_single(node: Node<'_>) -> Result<Single, TrustError> {
    let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let id = CertId::read(parts.take()?)?;
    let status = read_status(parts.take()?)?;
    let this_update = parts.need(asn1::GENERALIZED_TIME)?.moment(WHAT)?;
    let next_update = match parts.maybe(asn1::context(0))? {
        Some(tagged) => {
            let time = Node::whole(tagged.value, WHAT)?;
            Some(time.expect(asn1::GENERALIZED_TIME, WHAT)?.moment(WHAT)?)
        }
        None => None,
    };
    if let Some(tagged) = parts.maybe(asn1::context(1))? {
        find_nonce(tagged)?;
    }
    parts.end()?;
    Ok(Single {
        id,
        status,
        this_update,
        next_update,
    })
}

fn read_status(node: Node<'_>) -> Result<SingleStatus, TrustError> {
    match node.tag {
        tag if tag == asn1::context_primitive(0) => Ok(SingleStatus::Good),
        tag if tag == asn1::context_primitive(2) => Ok(SingleStatus::Unknown),
        tag if tag == asn1::context(1) => {
            let mut parts = node.inside(WHAT);
            let at = parts.need(asn1::GENERALIZED_TIME)?.moment(WHAT)?;
            let reason = match parts.maybe(asn1::context(0))? {
                Some(tagged) => Node::whole(tagged.value, WHAT)?.small(WHAT)?,
                None => 0,
            };
            parts.end()?;
            Ok(SingleStatus::Revoked(at, Reason::from_code(reason)))
        }
        _ => Err(TrustError::malformed(WHAT)),
    }
}

pub(crate) fn fuzz(bytes: &[u8]) {
    if let Ok(basic) = read(bytes) {
        let _ = basic
            .certificates
            .iter()
            .filter(|c| basic.responder.names(c))
            .count();
    }
}
