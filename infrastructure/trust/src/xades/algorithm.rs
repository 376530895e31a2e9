//! Algorithm identifiers of XML signatures, mapped to the algorithms of this crate.
//!
//! The signature and hash chain code reads it. It promises that only the listed identifiers exist here: SHA-2
//! digests, RSA with PKCS #1 v1.5 or PSS, ECDSA with the value as r || s (RFC 6931, RFC 9231, XML Signature 1.1).
//! It refuses SHA-1 and everything else.

use crate::asn1;
use crate::sigalg::{Hash, KeyKind, SignatureAlgorithm};

/// The identifier of a digest in XML.
pub const fn digest_uri(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
        Hash::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
        Hash::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
    }
}

/// The digest an identifier names; `None` for SHA-1 and everything else.
pub fn digest_from_uri(uri: &str) -> Option<Hash> {
    Hash::ALL.into_iter().find(|hash| digest_uri(*hash) == uri)
}

/// The identifier of a signature method in XML.
pub const fn signature_uri(algorithm: SignatureAlgorithm) -> &'static str {
    use SignatureAlgorithm::{Ecdsa, Ed25519, RsaPkcs1, RsaPss};
    match algorithm {
        // RFC 9231 section 2.3.12; named only, `signature_from_uri` does not take it.
        Ed25519 => "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
        RsaPkcs1(Hash::Sha256) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        RsaPkcs1(Hash::Sha384) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        RsaPkcs1(Hash::Sha512) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        RsaPss(Hash::Sha256) => "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        RsaPss(Hash::Sha384) => "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
        RsaPss(Hash::Sha512) => "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
        Ecdsa(Hash::Sha256) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        Ecdsa(Hash::Sha384) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        Ecdsa(Hash::Sha512) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
    }
}

/// The signature method an identifier names.
pub fn signature_from_uri(uri: &str) -> Option<SignatureAlgorithm> {
    use SignatureAlgorithm::{Ecdsa, RsaPkcs1, RsaPss};
    Hash::ALL
        .into_iter()
        .flat_map(|hash| [RsaPkcs1(hash), RsaPss(hash), Ecdsa(hash)])
        .find(|algorithm| signature_uri(*algorithm) == uri)
}

/// Whether `value`, as it stands in XML, is a signature over `data` by the key in `spki`.
pub fn verifies(algorithm: SignatureAlgorithm, spki: &[u8], data: &[u8], value: &[u8]) -> bool {
    match algorithm {
        SignatureAlgorithm::Ecdsa(_) => raw_to_der(spki, value)
            .is_some_and(|value| algorithm.verify(spki, data, &value).is_ok()),
        _ => algorithm.verify(spki, data, value).is_ok(),
    }
}

/// Turns r || s into the DER form that the provider verifies; `None` if the length does not fit the curve.
fn raw_to_der(spki: &[u8], raw: &[u8]) -> Option<Vec<u8>> {
    let size = match KeyKind::of_spki(spki).ok()?.0 {
        KeyKind::P256 => 32,
        KeyKind::P384 => 48,
        KeyKind::P521 => 66,
        KeyKind::Rsa | KeyKind::Ed25519 => return None,
    };
    let (r, s) = raw.split_at_checked(size)?;
    (s.len() == size).then(|| asn1::seq(&[&asn1::uint(r), &asn1::uint(s)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair};

    #[test]
    fn identifiers_read_back_and_sha1_has_none() {
        for hash in Hash::ALL {
            assert_eq!(digest_from_uri(digest_uri(hash)), Some(hash));
            for algorithm in [
                SignatureAlgorithm::Ecdsa(hash),
                SignatureAlgorithm::RsaPkcs1(hash),
                SignatureAlgorithm::RsaPss(hash),
            ] {
                assert_eq!(
                    signature_from_uri(signature_uri(algorithm)),
                    Some(algorithm)
                );
            }
        }
        assert_eq!(
            digest_from_uri("http://www.w3.org/2000/09/xmldsig#sha1"),
            None
        );
        assert_eq!(
            signature_from_uri("http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
            None
        );
    }

    #[test]
    fn raw_ecdsa_values_verify_and_wrong_lengths_do_not() {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let algorithm = SignatureAlgorithm::Ecdsa(Hash::Sha256);
        let value = pair.sign(&random, b"message").unwrap();
        let check =
            |algorithm, data: &[u8], value: &[u8]| verifies(algorithm, spki.as_ref(), data, value);
        assert!(check(algorithm, b"message", value.as_ref()));
        assert!(!check(algorithm, b"massage", value.as_ref()));
        assert!(!check(algorithm, b"message", &value.as_ref()[1..]));
        assert!(!check(
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256),
            b"message",
            value.as_ref()
        ));
    }
}
