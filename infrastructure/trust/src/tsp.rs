//! Time stamps (RFC 3161, RFC 5816): the authority that gives them, the client that asks, and the proof `Stamped`.
//!
//! Read by `documents`, by the message log of `exchange` and by `http`. A `Stamped` means: a unit whose certificate is
//! for time stamping only, with a path to an anchor at that very moment, signed that these bytes existed then. Imprints
//! by SHA-1 are refused on both sides.

use der::asn1::ObjectIdentifier;
use kernel::{Chance, Clock, Moment};

use crate::asn1::{self, Node};
use crate::cert::Certificate;
use crate::cms::{self, By, SignedData, TST_INFO};
use crate::error::TrustError;
use crate::keys::Signer;
use crate::path::{Anchors, Valid};
use crate::sigalg::Hash;

/// Largest request read: an imprint, a nonce and a policy take about 120 bytes.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024;
/// Largest response read; with a chain of four RSA certificates it takes about 8 kB.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;
/// Longest nonce echoed, in bytes.
const NONCE_BYTES_MAX: usize = 64;
/// How exact this house's clock claims to be, in seconds: what a machine with NTP over a bad line keeps easily.
pub const ACCURACY_SECONDS: u64 = 1;
/// The policy of a time stamp if the country's settings name none: under the enterprise number for documentation
/// (RFC 5612), so that nobody mistakes it for a policy that someone wrote.
pub const POLICY_DEFAULT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");

/// What a token is refused for that covers other bytes.
pub const IMPRINT: &str = "imprint of the time stamp";
const WHAT: &str = "time stamp";

/// Named bits of PKIFailureInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    BadAlgorithm = 0,
    BadRequest = 2,
    UnacceptedPolicy = 15,
}

/// A time-stamping unit.
#[derive(Clone, Debug)]
pub struct Tsa {
    signer: Signer,
    chain: Vec<Certificate>,
    policy: ObjectIdentifier,
}

/// A request that was made, waiting for its response.
#[derive(Clone, Debug)]
pub struct Request {
    hash: Hash,
    imprint: Vec<u8>,
    nonce: Vec<u8>,
}

/// Proof that something existed at a moment. Only `Request::check` and `verify_token` make it.
#[derive(Clone, Debug)]
pub struct Stamped {
    info: TstInfo,
    unit: Valid,
    token: Vec<u8>,
}

#[derive(Clone, Debug)]
struct TstInfo {
    policy: ObjectIdentifier,
    hash: Hash,
    imprint: Vec<u8>,
    serial: Vec<u8>,
    at: Moment,
    accuracy_micros: Option<i64>,
    nonce: Option<Vec<u8>>,
}

/// What a request asks.
struct Asked {
    imprint_der: Vec<u8>,
    policy: Option<ObjectIdentifier>,
    nonce: Option<Vec<u8>>,
    wants_certificates: bool,
}

impl Tsa {
    /// A unit with its key, and its certificate followed by those above it. The certificate must be for time stamping
    /// alone.
    pub fn new(
        signer: Signer,
        chain: Vec<Certificate>,
        policy: ObjectIdentifier,
    ) -> Result<Self, TrustError> {
        let leaf = chain
            .first()
            .ok_or(TrustError::refused("a time stamp needs a certificate"))?;
        if !leaf.is_time_stamping_only() || leaf.spki() != signer.spki_der() {
            return Err(TrustError::refused(
                "the certificate is not this key's, for time stamps",
            ));
        }
        Ok(Self {
            signer,
            chain,
            policy,
        })
    }

    /// The unit's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// Answers a TimeStampReq with a TimeStampResp. A bad request gets a rejection, which is an answer too; an error
    /// is only this side's own.
    pub fn answer(
        &self,
        request: &[u8],
        clock: &dyn Clock,
        chance: &dyn Chance,
    ) -> Result<Vec<u8>, TrustError> {
        let asked = match read_request(request) {
            Ok(asked) => asked,
            Err(failure) => return Ok(rejection(failure)),
        };
        if asked.policy.is_some_and(|policy| policy != self.policy) {
            return Ok(rejection(Failure::UnacceptedPolicy));
        }
        let info = self.info(&asked, clock.now(), chance);
        let (signer, chain) = (&self.signer, &self.chain[..]);
        let by = By {
            signer,
            chain,
            hash: Hash::Sha256,
            signing_time: None,
        };
        let mut signed = cms::sign_attached(TST_INFO, &info, by)?;
        if !asked.wants_certificates {
            signed = signed.without_certificates();
        }
        let granted = asn1::seq(&[&asn1::int(0)]);
        Ok(asn1::seq(&[&granted, &signed.to_der()]))
    }

    fn info(&self, asked: &Asked, now: Moment, chance: &dyn Chance) -> Vec<u8> {
        let mut serial = [0_u8; 16];
        chance.fill(&mut serial);
        serial[0] = serial[0] & 0x7f | 0x40;
        let nonce = asked
            .nonce
            .as_ref()
            .map(|n| asn1::tlv(asn1::INTEGER, n))
            .unwrap_or_default();
        asn1::seq(&[
            &asn1::int(1),
            &asn1::oid(self.policy),
            &asked.imprint_der,
            &asn1::uint(&serial),
            &asn1::generalized_time(now),
            &asn1::seq(&[&asn1::int(ACCURACY_SECONDS)]),
            &nonce,
        ])
    }
}

/// A TimeStampResp that rejects.
fn rejection(failure: Failure) -> Vec<u8> {
    let text = asn1::seq(&[&asn1::tlv(asn1::UTF8, failure.text().as_bytes())]);
    let bit = asn1::named_bits(1 << (failure as u16));
    asn1::seq(&[&asn1::seq(&[&asn1::int(2), &text, &bit])])
}

impl Failure {
    /// For the operator of the asking machine; English as in every protocol text.
    const fn text(self) -> &'static str {
        match self {
            Self::BadAlgorithm => "the imprint must be SHA-256, SHA-384 or SHA-512",
            Self::BadRequest => "this is no RFC 3161 request that this unit can read",
            Self::UnacceptedPolicy => "this unit works under another policy",
        }
    }
}

fn read_request(request: &[u8]) -> Result<Asked, Failure> {
    if request.len() > REQUEST_BYTES_MAX {
        return Err(Failure::BadRequest);
    }
    parse_request(request).map_err(|cause| match cause {
        TrustError::Unsupported { .. } => Failure::BadAlgorithm,
        _ => Failure::BadRequest,
    })
}

fn parse_request(request: &[u8]) -> Result<Asked, TrustError> {
    let mut parts = Node::whole(request, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .inside(WHAT);
    if parts.take()?.small(WHAT)? != 1 {
        return Err(TrustError::malformed(WHAT));
    }
    let imprint = parts.take()?;
    read_imprint(imprint)?;
    let policy = parts.maybe(asn1::OID)?.map(|n| n.oid(WHAT)).transpose()?;
    let nonce = parts.maybe(asn1::INTEGER)?.map(|n| n.value.to_vec());
    let wants_certificates = match parts.maybe(asn1::BOOLEAN)? {
        Some(flag) => flag.boolean(WHAT)?,
        None => false,
    };
    // No extension is known here, and RFC 3161 section 2.4.1 has unknown ones refused; so is anything else left over.
    parts.end()?;
    if nonce
        .as_ref()
        .is_some_and(|n| n.is_empty() || n.len() > NONCE_BYTES_MAX)
    {
        return Err(TrustError::malformed(WHAT));
    }
    let imprint_der = imprint.raw.to_vec();
    Ok(Asked {
        imprint_der,
        policy,
        nonce,
        wants_certificates,
    })
}

/// MessageImprint: the algorithm and a digest of its length.
fn read_imprint(node: Node<'_>) -> Result<(Hash, Vec<u8>), TrustError> {
    let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let hash = Hash::from_algorithm_identifier(parts.take()?)?;
    let digest = parts.need(asn1::OCTETS)?.value;
    parts.end()?;
    if digest.len() != hash.len() {
        return Err(TrustError::malformed(WHAT));
    }
    Ok((hash, digest.to_vec()))
}

impl Request {
    /// Asks for a time stamp over `data`.
    pub fn over(data: &[u8], hash: Hash, chance: &dyn Chance) -> Self {
        let mut nonce = vec![0; 16];
        chance.fill(&mut nonce);
        nonce[0] = nonce[0] & 0x7f | 0x40;
        Self {
            hash,
            imprint: hash.digest(data),
            nonce,
        }
    }

    /// The TimeStampReq, to be sent as `application/timestamp-query`.
    pub fn to_der(&self) -> Vec<u8> {
        let imprint = asn1::seq(&[
            &self.hash.algorithm_identifier(),
            &asn1::octets(&self.imprint),
        ]);
        asn1::seq(&[
            &asn1::int(1),
            &imprint,
            &asn1::uint(&self.nonce),
            &asn1::yes(),
        ])
    }

    /// Checks the TimeStampResp: granted, for this imprint and nonce, by a trusted unit.
    pub fn check(&self, response: &[u8], anchors: &Anchors) -> Result<Stamped, TrustError> {
        let token = token_of(response)?;
        let imprint = |hash: Hash| match hash == self.hash {
            true => self.imprint.clone(),
            false => Vec::new(),
        };
        let stamped = verify_token(token, imprint, anchors, &[])?;
        if stamped.info.nonce.as_deref() != Some(&self.nonce) {
            return Err(TrustError::BadSignature {
                what: "nonce of the time stamp",
            });
        }
        Ok(stamped)
    }
}

/// The token inside a TimeStampResp, if it was granted; it is not verified yet.
pub fn token_of(response: &[u8]) -> Result<&[u8], TrustError> {
    if response.len() > RESPONSE_BYTES_MAX {
        return Err(TrustError::TooLarge {
            what: WHAT,
            limit: RESPONSE_BYTES_MAX,
        });
    }
    let mut parts = Node::whole(response, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .inside(WHAT);
    let status = parts
        .need(asn1::SEQUENCE)?
        .inside(WHAT)
        .take()?
        .small(WHAT)?;
    // 0 is granted, 1 granted with modifications.
    if status > 1 {
        return Err(TrustError::refused(
            "the time-stamping authority rejected the request",
        ));
    }
    let token = parts.need(asn1::SEQUENCE)?.raw;
    parts.end()?;
    Ok(token)
}

/// Verifies a token over what `imprint_of` gives for the token's algorithm. The unit's certificate must have had a
/// path to an anchor at the moment that it states. `more` are certificates for tokens that carry none.
pub fn verify_token(
    token: &[u8],
    imprint_of: impl Fn(Hash) -> Vec<u8>,
    anchors: &Anchors,
    more: &[Certificate],
) -> Result<Stamped, TrustError> {
    let stamped = read_token(token, imprint_of, anchors, more)?;
    if stamped.unit().leaf().is_time_stamping_only() {
        return Ok(stamped);
    }
    Err(TrustError::refused(
        "the signer of the time stamp is no time-stamping unit",
    ))
}

/// Verifies a token as `verify_token`, made by one of `units`, each trusted for time stamps by name. What its
/// certificate says about its purpose does not matter then: X-Road does not ask either.
pub fn verify_token_of(
    token: &[u8],
    imprint_of: impl Fn(Hash) -> Vec<u8>,
    units: &[Certificate],
) -> Result<Stamped, TrustError> {
    let anchors = Anchors::new(units.to_vec());
    let stamped = read_token(token, imprint_of, &anchors, units)?;
    if units.contains(stamped.unit().leaf()) {
        return Ok(stamped);
    }
    Err(TrustError::refused("the time stamp is of no approved unit"))
}

fn read_token(
    token: &[u8],
    imprint_of: impl Fn(Hash) -> Vec<u8>,
    anchors: &Anchors,
    more: &[Certificate],
) -> Result<Stamped, TrustError> {
    let data = SignedData::from_der(token)?;
    if data.content_type() != TST_INFO {
        return Err(TrustError::malformed(WHAT));
    }
    let signers = data.verify_attached(more)?;
    // RFC 3161 section 2.4.2: the unit's signature and no other.
    let [signed] = &signers[..] else {
        return Err(TrustError::malformed(WHAT));
    };
    let content = data.content().ok_or(TrustError::malformed(WHAT))?;
    let info = read_info(content)?;
    if info.imprint != imprint_of(info.hash) {
        return Err(TrustError::BadSignature { what: IMPRINT });
    }
    let unit = signed.validate(anchors, info.at)?;
    Ok(Stamped {
        info,
        unit,
        token: token.to_vec(),
    })
}

fn read_info(content: &[u8]) -> Result<TstInfo, TrustError> {
    let mut parts = Node::whole(content, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .inside(WHAT);
    if parts.take()?.small(WHAT)? != 1 {
        return Err(TrustError::malformed(WHAT));
    }
    let policy = parts.take()?.oid(WHAT)?;
    let (hash, imprint) = read_imprint(parts.take()?)?;
    let serial = parts.need(asn1::INTEGER)?.value.to_vec();
    let at = parts.need(asn1::GENERALIZED_TIME)?.moment(WHAT)?;
    let accuracy_micros = parts
        .maybe(asn1::SEQUENCE)?
        .map(read_accuracy)
        .transpose()?;
    parts.maybe(asn1::BOOLEAN)?;
    let nonce = parts.maybe(asn1::INTEGER)?.map(|n| n.value.to_vec());
    parts.maybe(asn1::context(0))?;
    if let Some(extensions) = parts.maybe(asn1::context(1))? {
        for node in extensions.children(WHAT)? {
            let (_, critical, _) = crate::cert::read_extension(node)?;
            if critical {
                return Err(TrustError::Unsupported {
                    what: "critical time-stamp extension",
                });
            }
        }
    }
    parts.end()?;
    Ok(TstInfo {
        policy,
        hash,
        imprint,
        serial,
        at,
        accuracy_micros,
        nonce,
    })
}

/// Accuracy: seconds, milliseconds, microseconds, each optional.
fn read_accuracy(node: Node<'_>) -> Result<i64, TrustError> {
    let mut parts = node.inside(WHAT);
    let mut micros = 0;
    for (tag, unit) in [
        (asn1::INTEGER, 1_000_000),
        (asn1::context_primitive(0), 1_000),
        (asn1::context_primitive(1), 1),
    ] {
        if let Some(number) = parts.maybe(tag)? {
            let plain = Node {
                tag: asn1::INTEGER,
                ..number
            };
            micros += i64::from(plain.small(WHAT)?) * unit;
        }
    }
    parts.end()?;
    Ok(micros)
}

impl Stamped {
    /// When the bytes existed at the latest, by the unit's clock.
    pub fn at(&self) -> Moment {
        self.info.at
    }

    /// How exact that is, if the unit says.
    pub fn accuracy_micros(&self) -> Option<i64> {
        self.info.accuracy_micros
    }

    /// The token's serial number in hexadecimal.
    pub fn serial_hex(&self) -> String {
        crate::cert::serial_hex(&self.info.serial)
    }

    /// The policy of the unit.
    pub fn policy(&self) -> ObjectIdentifier {
        self.info.policy
    }

    /// The unit and its path to an anchor, at that moment.
    pub fn unit(&self) -> &Valid {
        &self.unit
    }

    /// The token's bytes, to be kept or embedded.
    pub fn token(&self) -> &[u8] {
        &self.token
    }
}

/// Feeds any bytes to the readers of this module; for fuzzers and property tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    let _ = read_request(bytes);
    let _ = token_of(bytes);
    let _ = read_info(bytes);
    let _ = verify_token(bytes, |hash| hash.digest(b""), &Anchors::default(), &[]);
}

#[cfg(test)]
mod tests;
