//! Certification requests (PKCS#10, RFC 2986): a joining node asks, and shows that it holds the key.
//!
//! Read by the node that joins (`request`) and by the authority (`Proven::from_request`). `Proven` is the proof that
//! the private key was at hand; the subject in a request is only a wish.

use crate::asn1::{self, Node};
use crate::cert;
use crate::error::TrustError;
use crate::keys::Signer;
use crate::name::Name;
use crate::sigalg::{Hash, SignatureAlgorithm};

/// Largest request read; real ones have under two kB.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// A public key whose holder proved to hold the private half.
#[derive(Clone, Debug)]
pub struct Proven {
    spki: Vec<u8>,
    wished: Option<Name>,
}

/// Makes a request for `subject` with the key of `signer`, as DER.
pub fn request(subject: &Name, signer: &Signer) -> Result<Vec<u8>, TrustError> {
    let info = asn1::seq(&[
        &asn1::int(0),
        subject.der(),
        signer.spki_der(),
        &asn1::tlv(asn1::context(0), &[]),
    ]);
    let algorithm = signer.signature_algorithm(Hash::Sha256).identifier();
    let signature = signer.sign(&info, Hash::Sha256)?;
    Ok(asn1::seq(&[&info, &algorithm, &asn1::bits(&signature)]))
}

impl Proven {
    /// A key that is at hand in this process.
    pub fn held(signer: &Signer) -> Self {
        Self {
            spki: signer.spki_der().to_vec(),
            wished: None,
        }
    }

    /// Reads a request (DER or PEM) and verifies its signature with the key that it asks for.
    pub fn from_request(bytes: &[u8]) -> Result<Self, TrustError> {
        const WHAT: &str = "certification request";
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(TrustError::TooLarge {
                what: WHAT,
                limit: REQUEST_BYTES_MAX,
            });
        }
        let decoded = match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN") => {
                let blocks = cert::pem_blocks(text, "CERTIFICATE REQUEST")?;
                blocks
                    .into_iter()
                    .next()
                    .ok_or(TrustError::malformed(WHAT))?
            }
            _ => bytes.to_vec(),
        };
        let mut parts = Node::whole(&decoded, WHAT)?
            .expect(asn1::SEQUENCE, WHAT)?
            .inside(WHAT);
        let info = parts.need(asn1::SEQUENCE)?;
        let algorithm = SignatureAlgorithm::read(parts.take()?, None)?;
        let signature = parts.take()?.bits(WHAT)?;
        parts.end()?;
        let mut fields = info.inside(WHAT);
        if fields.take()?.small(WHAT)? != 0 {
            return Err(TrustError::malformed(WHAT));
        }
        let wished = Name::read(fields.take()?)?;
        let spki = fields.need(asn1::SEQUENCE)?.raw.to_vec();
        algorithm.verify(&spki, info.raw, signature)?;
        Ok(Self {
            spki,
            wished: Some(wished),
        })
    }

    /// The key.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The subject that the request names, for a person to compare; nothing vouches for it.
    pub fn wished_subject(&self) -> Option<&Name> {
        self.wished.as_ref()
    }
}

/// A request as PEM.
pub fn request_pem(der: &[u8]) -> String {
    cert::pem(der, "CERTIFICATE REQUEST")
}

/// Feeds any bytes to the reader of this module; for fuzzers and property tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    let _ = Proven::from_request(bytes);
}
