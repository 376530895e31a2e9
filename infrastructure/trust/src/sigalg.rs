//! Digests and signature algorithms by name: their identifiers on the wire, and verification.
//!
//! Read by every signer and verifier of this crate. It takes ECDSA on P-256 and P-384, RSA (PKCS#1 v1.5 and PSS)
//! of 2048 to 8192 bits, each with SHA-2, and Ed25519. SHA-1 signatures, smaller RSA keys and other curves are refused.

use aws_lc_rs::digest;
use der::asn1::ObjectIdentifier;

use crate::asn1::{self, Node};
use crate::error::TrustError;

const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// id-ecPublicKey (RFC 5480).
pub const EC_PUBLIC_KEY: ObjectIdentifier = id("1.2.840.10045.2.1");
/// secp256r1 (RFC 5480).
pub const P256: ObjectIdentifier = id("1.2.840.10045.3.1.7");
/// secp384r1 (RFC 5480).
pub const P384: ObjectIdentifier = id("1.3.132.0.34");
/// secp521r1 (RFC 5480).
pub const P521: ObjectIdentifier = id("1.3.132.0.35");
/// id-Ed25519 (RFC 8410).
pub const ED25519: ObjectIdentifier = id("1.3.101.112");
/// rsaEncryption (RFC 8017).
pub const RSA_ENCRYPTION: ObjectIdentifier = id("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = id("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = id("1.2.840.113549.1.1.8");
const SHA1: ObjectIdentifier = id("1.3.14.3.2.26");

/// What a signature covers: bytes at hand, or bytes that lie elsewhere and are digested there.
#[derive(Clone, Copy)]
pub enum Data<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// Whoever holds the bytes digests them; nothing if they can't be read. It must not hand out what it was told.
    Elsewhere(&'a dyn Fn(Hash) -> Option<Vec<u8>>),
}

impl Data<'_> {
    /// The digest; nothing if the bytes can't be read.
    pub fn digest(self, hash: Hash) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(hash.digest(bytes)),
            Self::Elsewhere(digest) => digest(hash),
        }
    }
}

/// A SHA-2 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The kind of key that a SubjectPublicKeyInfo holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521; verified, never made.
    P521,
    /// RSA, any size that `verify` takes.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// How a signature was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ECDSA, DER-encoded `r` and `s`.
    Ecdsa(Hash),
    /// RSA PKCS#1 v1.5.
    RsaPkcs1(Hash),
    /// RSA PSS with MGF1 of the same digest and a salt as long as the digest.
    RsaPss(Hash),
    /// Ed25519 over the data itself (RFC 8032).
    Ed25519,
}

impl Hash {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The digest of `data`.
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), data).as_ref().to_vec()
    }

    /// The digest of several parts, as if they were one.
    pub fn digest_parts(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = digest::Context::new(self.algorithm());
        parts.iter().for_each(|part| context.update(part));
        context.finish().as_ref().to_vec()
    }

    /// The provider's name for it.
    pub(crate) const fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// Bytes of a digest.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The identifier (RFC 5754).
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => id("2.16.840.1.101.3.4.2.1"),
            Self::Sha384 => id("2.16.840.1.101.3.4.2.2"),
            Self::Sha512 => id("2.16.840.1.101.3.4.2.3"),
        }
    }

    /// AlgorithmIdentifier without parameters, as RFC 5754 section 2 wants it written.
    pub fn algorithm_identifier(self) -> Vec<u8> {
        asn1::seq(&[&asn1::oid(self.oid())])
    }

    /// Reads an AlgorithmIdentifier; parameters may be absent or NULL.
    pub fn from_algorithm_identifier(node: Node<'_>) -> Result<Self, TrustError> {
        let (found, parameters) = algorithm_parts(node)?;
        if parameters.is_some_and(|p| p.tag != asn1::NULL) {
            return Err(TrustError::malformed("digest algorithm"));
        }
        Self::ALL
            .into_iter()
            .find(|hash| hash.oid() == found)
            .ok_or(TrustError::Unsupported {
                what: "digest algorithm",
            })
    }
}

/// The identifier and the parameters of an AlgorithmIdentifier.
pub fn algorithm_parts(node: Node<'_>) -> Result<(ObjectIdentifier, Option<Node<'_>>), TrustError> {
    const WHAT: &str = "algorithm identifier";
    let mut parts = node.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let found = parts.take()?.oid(WHAT)?;
    let parameters = if parts.is_empty() {
        None
    } else {
        Some(parts.take()?)
    };
    parts.end()?;
    Ok((found, parameters))
}

/// SHA-1, only where a format names things by it (OCSP CertID, key identifiers); never for signatures.
pub fn sha1(data: &[u8]) -> [u8; 20] {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data);
    digest.as_ref().try_into().expect("SHA-1 gives 20 bytes")
}

impl KeyKind {
    /// The kind of key in an encoded SubjectPublicKeyInfo, and the bits of its subjectPublicKey.
    pub fn of_spki(spki: &[u8]) -> Result<(Self, &[u8]), TrustError> {
        const WHAT: &str = "public key";
        let mut parts = Node::whole(spki, WHAT)?
            .expect(asn1::SEQUENCE, WHAT)?
            .inside(WHAT);
        let (algorithm, parameters) = algorithm_parts(parts.take()?)?;
        let bits = parts.take()?.bits(WHAT)?;
        parts.end()?;
        let kind = if algorithm == EC_PUBLIC_KEY {
            match parameters.ok_or(TrustError::malformed(WHAT))?.oid(WHAT)? {
                curve if curve == P256 => Self::P256,
                curve if curve == P384 => Self::P384,
                curve if curve == P521 => Self::P521,
                _ => {
                    return Err(TrustError::Unsupported {
                        what: "elliptic curve",
                    });
                }
            }
        } else if algorithm == RSA_ENCRYPTION {
            Self::Rsa
        } else if algorithm == ED25519 && parameters.is_none() {
            Self::Ed25519
        } else {
            return Err(TrustError::Unsupported {
                what: "public key algorithm",
            });
        };
        Ok((kind, bits))
    }
}

impl SignatureAlgorithm {
    /// The AlgorithmIdentifier (RFC 5758 for ECDSA, RFC 4055 for RSA).
    pub fn identifier(self) -> Vec<u8> {
        match self {
            Self::Ecdsa(_) | Self::Ed25519 => asn1::seq(&[&asn1::oid(self.oid())]),
            Self::RsaPkcs1(_) => asn1::seq(&[&asn1::oid(self.oid()), &asn1::null()]),
            Self::RsaPss(hash) => {
                let digest = asn1::seq(&[&asn1::oid(hash.oid()), &asn1::null()]);
                let mask = asn1::seq(&[&asn1::oid(MGF1), &digest]);
                let salt = asn1::int(hash.len() as u64);
                let parameters = asn1::seq(&[
                    &asn1::explicit(0, &digest),
                    &asn1::explicit(1, &mask),
                    &asn1::explicit(2, &salt),
                ]);
                asn1::seq(&[&asn1::oid(RSA_PSS), &parameters])
            }
        }
    }

    /// The digest that is signed; Ed25519 uses SHA-512 within (RFC 8419).
    pub const fn hash(self) -> Hash {
        match self {
            Self::Ecdsa(hash) | Self::RsaPkcs1(hash) | Self::RsaPss(hash) => hash,
            Self::Ed25519 => Hash::Sha512,
        }
    }

    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Ecdsa(Hash::Sha256) => id("1.2.840.10045.4.3.2"),
            Self::Ecdsa(Hash::Sha384) => id("1.2.840.10045.4.3.3"),
            Self::Ecdsa(Hash::Sha512) => id("1.2.840.10045.4.3.4"),
            Self::RsaPkcs1(Hash::Sha256) => id("1.2.840.113549.1.1.11"),
            Self::RsaPkcs1(Hash::Sha384) => id("1.2.840.113549.1.1.12"),
            Self::RsaPkcs1(Hash::Sha512) => id("1.2.840.113549.1.1.13"),
            Self::RsaPss(_) => RSA_PSS,
            Self::Ed25519 => ED25519,
        }
    }

    /// Reads an AlgorithmIdentifier. `digest` is what CMS says beside it: bare `rsaEncryption` needs it.
    pub fn read(node: Node<'_>, digest: Option<Hash>) -> Result<Self, TrustError> {
        let (found, parameters) = algorithm_parts(node)?;
        if found == RSA_PSS {
            return pss(parameters.ok_or(TrustError::Unsupported {
                what: "PSS with SHA-1",
            })?);
        }
        if parameters.is_some_and(|p| p.tag != asn1::NULL) {
            return Err(TrustError::malformed("signature algorithm"));
        }
        if found == RSA_ENCRYPTION
            && let Some(hash) = digest
        {
            return Ok(Self::RsaPkcs1(hash));
        }
        Hash::ALL
            .into_iter()
            .flat_map(|hash| [Self::Ecdsa(hash), Self::RsaPkcs1(hash)])
            .chain([Self::Ed25519])
            .find(|algorithm| algorithm.oid() == found)
            .ok_or(TrustError::Unsupported {
                what: "signature algorithm",
            })
    }

    /// Verifies `signature` over `data` with the key in `spki`. Everything that does not fit is one error.
    pub fn verify(self, spki: &[u8], data: &[u8], signature: &[u8]) -> Result<(), TrustError> {
        use aws_lc_rs::signature as s;
        let (kind, key) = KeyKind::of_spki(spki)?;
        let algorithm: &'static dyn s::VerificationAlgorithm = match (self, kind) {
            (Self::Ecdsa(Hash::Sha256), KeyKind::P256) => &s::ECDSA_P256_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), KeyKind::P256) => &s::ECDSA_P256_SHA384_ASN1,
            (Self::Ecdsa(Hash::Sha512), KeyKind::P256) => &s::ECDSA_P256_SHA512_ASN1,
            (Self::Ecdsa(Hash::Sha256), KeyKind::P384) => &s::ECDSA_P384_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), KeyKind::P384) => &s::ECDSA_P384_SHA384_ASN1,
            (Self::Ecdsa(Hash::Sha512), KeyKind::P384) => &s::ECDSA_P384_SHA512_ASN1,
            (Self::Ecdsa(Hash::Sha256), KeyKind::P521) => &s::ECDSA_P521_SHA256_ASN1,
            (Self::Ecdsa(Hash::Sha384), KeyKind::P521) => &s::ECDSA_P521_SHA384_ASN1,
            (Self::Ecdsa(Hash::Sha512), KeyKind::P521) => &s::ECDSA_P521_SHA512_ASN1,
            (Self::RsaPkcs1(Hash::Sha256), KeyKind::Rsa) => &s::RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaPkcs1(Hash::Sha384), KeyKind::Rsa) => &s::RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaPkcs1(Hash::Sha512), KeyKind::Rsa) => &s::RSA_PKCS1_2048_8192_SHA512,
            (Self::RsaPss(Hash::Sha256), KeyKind::Rsa) => &s::RSA_PSS_2048_8192_SHA256,
            (Self::RsaPss(Hash::Sha384), KeyKind::Rsa) => &s::RSA_PSS_2048_8192_SHA384,
            (Self::RsaPss(Hash::Sha512), KeyKind::Rsa) => &s::RSA_PSS_2048_8192_SHA512,
            (Self::Ed25519, KeyKind::Ed25519) => &s::ED25519,
            _ => {
                return Err(TrustError::BadSignature {
                    what: "signature (key of another kind)",
                });
            }
        };
        s::UnparsedPublicKey::new(algorithm, key)
            .verify(data, signature)
            .map_err(|_| TrustError::BadSignature { what: "signature" })
    }
}

/// Reads RSASSA-PSS-params: one SHA-2 digest throughout, salt as long as it (RFC 4055 section 3.1).
fn pss(parameters: Node<'_>) -> Result<SignatureAlgorithm, TrustError> {
    const WHAT: &str = "PSS parameters";
    const OTHER: TrustError = TrustError::Unsupported {
        what: "PSS parameters",
    };
    let mut parts = parameters.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    let digest = parts.maybe(asn1::context(0))?.ok_or(OTHER)?;
    let hash = Hash::from_algorithm_identifier(Node::whole(digest.value, WHAT)?)?;
    let mask = parts.maybe(asn1::context(1))?.ok_or(OTHER)?;
    let (function, inner) = algorithm_parts(Node::whole(mask.value, WHAT)?)?;
    let inner = Hash::from_algorithm_identifier(inner.ok_or(OTHER)?)?;
    let salt = parts.maybe(asn1::context(2))?.ok_or(OTHER)?;
    let salt = Node::whole(salt.value, WHAT)?.small(WHAT)?;
    parts.maybe(asn1::context(3))?;
    parts.end()?;
    if function != MGF1 || inner != hash || salt as usize != hash.len() {
        return Err(OTHER);
    }
    Ok(SignatureAlgorithm::RsaPss(hash))
}

/// AlgorithmIdentifier of SHA-1 with NULL, as OCSP clients write it in a CertID.
pub(crate) fn sha1_identifier() -> Vec<u8> {
    asn1::seq(&[&asn1::oid(SHA1), &asn1::null()])
}

/// Whether an AlgorithmIdentifier names SHA-1.
pub(crate) fn is_sha1(node: Node<'_>) -> bool {
    algorithm_parts(node).is_ok_and(|(found, _)| found == SHA1)
}
