//! CMS signatures: made here and read by `openssl`, made by `openssl` and read here, and tampered with.

use kernel::{SeededChance, SetClock};
use proptest::prelude::*;

use super::*;
use crate::ca::{DAY, Profile};
use crate::ca_request::Proven;
use crate::keys::Algorithm;
use crate::name::Name;
use crate::testing::{self, Openssl, at, root_once};

const TEXT: &[u8] = b"Resolucion de Alcaldia 12-2026";

fn official(kind: Algorithm) -> (Signer, Certificate) {
    let signer = Signer::ephemeral("official", kind).unwrap();
    let name = Name::official(
        "PE",
        "Municipalidad de Ccapi",
        "Alcaldia",
        "40000000",
        "A. Q.",
    )
    .unwrap();
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(8));
    let key = Proven::held(&signer);
    let leaf = root_once().issue(&Profile::Official, &name, &key, 30 * DAY, &clock, &chance);
    (signer, leaf.unwrap())
}

fn anchors() -> Anchors {
    Anchors::new(vec![root_once().certificate().clone()])
}

#[test]
fn detached_and_attached_verify_and_refuse_other_content() {
    for kind in [Algorithm::P256, Algorithm::Rsa2048] {
        let (signer, leaf) = official(kind);
        for hash in Hash::ALL {
            let chain = [leaf.clone()];
            let by = By {
                signer: &signer,
                chain: &chain,
                hash,
                signing_time: Some(at()),
            };
            let made = sign_detached(&hash.digest(TEXT), by).unwrap();
            let stamped = made.clone().with_timestamp(&asn1::seq(&[]));
            let padded = [stamped.to_der(), vec![0; 100]].concat();
            let read = SignedData::from_padded(&padded).unwrap();
            let signed = read.verify(|h| h.digest(TEXT), &[]).unwrap();
            assert_eq!(signed[0].certificate(), &leaf);
            assert_eq!(signed[0].signature_value(), made.signature_value());
            assert_eq!(signed[0].timestamps(), [asn1::seq(&[])]);
            assert_eq!(signed[0].signing_time(), Some(at()));
            signed[0]
                .validate(&anchors(), at())
                .unwrap()
                .for_signing()
                .unwrap();
            assert!(read.verify(|h| h.digest(b"other"), &[]).is_err());
            assert!(read.verify_attached(&[]).is_err(), "nothing is attached");
            let attached = sign_attached(DATA, TEXT, by)
                .unwrap()
                .without_certificates()
                .to_der();
            let read = SignedData::from_der(&attached).unwrap();
            assert_eq!(read.content(), Some(TEXT));
            assert!(
                read.verify_attached(&[]).is_err(),
                "the certificate is missing"
            );
            read.verify_attached(&chain).unwrap();
        }
    }
}

#[test]
fn another_certificate_of_the_same_key_is_not_the_signers() {
    let (signer, leaf) = official(Algorithm::P256);
    let by = By {
        signer: &signer,
        chain: std::slice::from_ref(&leaf),
        hash: Hash::Sha256,
        signing_time: None,
    };
    let der = sign_attached(DATA, TEXT, by)
        .unwrap()
        .without_certificates()
        .to_der();
    // A twin from another authority with the same name, serial and key, but other bytes.
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(8));
    let other = testing::root();
    let key = Proven::held(&signer);
    let twin = other
        .issue(&Profile::Seal, leaf.subject(), &key, DAY, &clock, &chance)
        .unwrap();
    assert_eq!(
        (twin.serial(), twin.issuer()),
        (leaf.serial(), leaf.issuer())
    );
    let read = SignedData::from_der(&der).unwrap();
    let cause = read.verify_attached(&[twin]).unwrap_err();
    assert_eq!(cause.to_string(), "signing certificate does not verify");
    let wrong = By {
        signer: &Signer::ephemeral("x", Algorithm::P256).unwrap(),
        ..by
    };
    assert!(
        sign_attached(DATA, TEXT, wrong).is_err(),
        "the key is another's"
    );
}

#[test]
fn every_flipped_bit_is_refused_or_leaves_what_is_signed_as_it_was() {
    let (signer, leaf) = official(Algorithm::P256);
    let by = By {
        signer: &signer,
        chain: std::slice::from_ref(&leaf),
        hash: Hash::Sha256,
        signing_time: None,
    };
    let der = sign_attached(DATA, TEXT, by).unwrap().to_der();
    let mut harmless = 0;
    for bit in 0..der.len() * 8 {
        let mut bytes = der.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(read) = SignedData::from_der(&bytes) else {
            continue;
        };
        let Ok(signed) = read.verify_attached(&[]) else {
            continue;
        };
        assert_eq!(
            (read.content(), signed[0].certificate()),
            (Some(TEXT), &leaf),
            "bit {bit}"
        );
        harmless += 1;
    }
    // Versions and the set of digest algorithms are outside every CMS signature: nothing else may be open.
    assert!(harmless <= 8 * 16, "{harmless} bits are not covered");
}

#[test]
fn openssl_reads_ours() {
    let Some(openssl) = Openssl::find() else {
        return;
    };
    openssl.file("root.pem", root_once().certificate().pem().as_bytes());
    openssl.file("text", TEXT);
    for kind in [Algorithm::P256, Algorithm::Rsa2048] {
        let (signer, leaf) = official(kind);
        let chain = [leaf];
        let by = By {
            signer: &signer,
            chain: &chain,
            hash: Hash::Sha512,
            signing_time: Some(at()),
        };
        let der = sign_detached(&Hash::Sha512.digest(TEXT), by)
            .unwrap()
            .to_der();
        openssl.file("sig.der", &der);
        let common = [
            "cms", "-verify", "-cades", "-inform", "DER", "-in", "sig.der", "-binary",
        ];
        let trust = ["-CAfile", "root.pem", "-purpose", "any", "-content"];
        openssl.ok(&[&common[..], &trust, &["text"]].concat());
        openssl.file("other", b"other");
        assert!(!openssl.run(&[&common[..], &trust, &["other"]].concat()).0);
    }
}

#[test]
fn we_read_what_openssl_signs() {
    let Some(openssl) = Openssl::find() else {
        return;
    };
    openssl.file("text", TEXT);
    let kinds: [&[&str]; 2] = [
        &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["rsa:2048"],
    ];
    for kind in kinds {
        let start = [
            "req", "-new", "-nodes", "-subj", "/CN=x", "-keyout", "k", "-out", "r", "-newkey",
        ];
        openssl.ok(&[&start[..], kind].concat());
        let key = Proven::from_request(&openssl.read("r")).unwrap();
        let (clock, chance) = (SetClock::at(at()), SeededChance::new(9));
        let name = Name::of_body("PE", "x", "x").unwrap();
        let leaf = root_once()
            .issue(&Profile::Seal, &name, &key, DAY, &clock, &chance)
            .unwrap();
        openssl.file("leaf.pem", leaf.pem().as_bytes());
        let sign = [
            "cms", "-sign", "-binary", "-in", "text", "-signer", "leaf.pem", "-inkey", "k",
        ];
        let out = ["-outform", "DER", "-out", "sig.der"];
        for more in [
            &["-cades"][..],
            &["-cades", "-md", "sha512", "-nodetach"],
            &["-cades", "-keyid"],
        ] {
            openssl.ok(&[&sign[..], &out, more].concat());
            let read = SignedData::from_der(&openssl.read("sig.der")).unwrap();
            let signed = read.verify(|h| h.digest(TEXT), &[]).unwrap();
            assert_eq!(signed[0].certificate(), &leaf);
            signed[0].validate(&anchors(), at()).unwrap();
        }
        openssl.ok(&[&sign[..], &out].concat());
        let cause = SignedData::from_der(&openssl.read("sig.der")).unwrap_err();
        assert!(
            cause.to_string().contains("does not name its certificate"),
            "{cause}"
        );
    }
}

proptest! {
    #[test]
    fn random_and_mutated_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        at_byte in any::<prop::sample::Index>(),
        patch in proptest::collection::vec(any::<u8>(), 1..6),
    ) {
        fuzz(&bytes);
        static MADE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut der = MADE.get_or_init(|| {
            let (signer, leaf) = official(Algorithm::P256);
            let by = By { signer: &signer, chain: &[leaf], hash: Hash::Sha256, signing_time: None };
            sign_attached(DATA, TEXT, by).unwrap().to_der()
        }).clone();
        let start = at_byte.index(der.len());
        let end = (start + patch.len()).min(der.len());
        der.splice(start..end, patch);
        fuzz(&der);
    }
}
