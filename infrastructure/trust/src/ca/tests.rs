//! What the authority issues, checked by this crate and, where it is at hand, by `openssl`.

use kernel::{MemberId, SeededChance, SetClock};
use proptest::prelude::*;

use super::*;
use crate::keys::Algorithm;
use crate::path::Anchors;
use crate::testing::{self, Openssl, at};

fn profiles() -> Vec<Profile> {
    let names = vec![
        AltName::Dns("node.paruro.example".into()),
        AltName::Ip("10.1.2.3".parse().unwrap()),
        AltName::Ip("fd00::1".parse().unwrap()),
    ];
    vec![
        Profile::Tls { names },
        Profile::Sign,
        Profile::Official,
        Profile::Seal,
        Profile::TimeStamp,
        Profile::OcspSigning,
    ]
}

#[test]
fn every_profile_validates_and_reads_back() {
    let (ca, clock, chance) = (testing::root(), SetClock::at(at()), SeededChance::new(2));
    for kind in [Algorithm::P256, Algorithm::Rsa2048] {
        let signer = Signer::ephemeral("leaf", kind).unwrap();
        for profile in profiles() {
            let name = Name::of_body("PE", "Municipalidad de Ccapi", "sello").unwrap();
            let key = Proven::held(&signer);
            let leaf = ca
                .issue(&profile, &name, &key, 30 * DAY, &clock, &chance)
                .unwrap();
            let valid = Anchors::new(vec![ca.certificate().clone()])
                .validate(&leaf, &[], at())
                .unwrap();
            assert_eq!(valid.path().len(), 2);
            assert_eq!(leaf.serial().len(), 16);
            assert_eq!(leaf.authority_key_id(), ca.certificate().subject_key_id());
            assert_eq!(
                valid.clone().for_authentication().is_ok(),
                leaf.has_usage(1)
            );
            let signs = [Profile::Sign, Profile::Official, Profile::Seal].contains(&profile);
            assert_eq!(valid.for_signing().is_ok(), signs, "{profile:?}");
            assert_eq!(leaf.is_time_stamping_only(), profile == Profile::TimeStamp);
            assert_eq!(leaf.is_ocsp_nocheck(), profile == Profile::OcspSigning);
            assert_eq!(leaf.ocsp_url().is_some(), profile != Profile::OcspSigning);
        }
    }
}

#[test]
fn paths_are_refused_for_each_reason() {
    let (root, clock, chance) = (testing::root(), SetClock::at(at()), SeededChance::new(3));
    let signer = |label| Signer::ephemeral(label, Algorithm::P256).unwrap();
    let name = |text| Name::of_body("PE", "PCM", text).unwrap();
    let middle = root
        .new_intermediate(&name("i"), signer("i"), 90 * DAY, &clock, &chance)
        .unwrap();
    let key = Proven::held(&signer("leaf"));
    let leaf = middle
        .issue(&Profile::Sign, &name("l"), &key, DAY, &clock, &chance)
        .unwrap();
    let anchors = Anchors::new(vec![root.certificate().clone()]);
    let others = [middle.certificate().clone()];
    let path = anchors.validate(&leaf, &others, at()).unwrap();
    assert_eq!(path.path().len(), 3);
    assert_eq!(middle.chain(), others);
    assert!(
        anchors.validate(&leaf, &[], at()).is_err(),
        "no intermediate at hand"
    );
    assert!(
        anchors
            .validate(&leaf, &others, at().plus_seconds(DAY + 1))
            .is_err(),
        "expired"
    );
    assert!(
        anchors
            .validate(&leaf, &others, at().plus_seconds(DAY))
            .is_ok(),
        "last second"
    );
    assert!(
        anchors
            .validate(&leaf, &others, at().plus_seconds(-301))
            .is_err(),
        "too early"
    );
    assert!(
        Anchors::default().validate(&leaf, &others, at()).is_err(),
        "nothing is trusted"
    );
    // The intermediate may issue leaves only, and a leaf nothing at all.
    let below = middle
        .new_intermediate(&name("b"), signer("b"), DAY, &clock, &chance)
        .unwrap();
    let far = below
        .issue(&Profile::Sign, &name("f"), &key, DAY, &clock, &chance)
        .unwrap();
    let all = [below.certificate().clone(), middle.certificate().clone()];
    let cause = anchors.validate(&far, &all, at()).unwrap_err();
    assert!(cause.to_string().contains("longer"), "{cause}");
    let other_root = testing::root();
    let stranger = Anchors::new(vec![other_root.certificate().clone()]);
    let cause = stranger.validate(&leaf, &others, at()).unwrap_err();
    assert!(
        cause.to_string().contains("does not verify"),
        "same name, another key: {cause}"
    );
}

#[test]
fn a_crafted_bag_of_certificates_costs_bounded_work() {
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(4));
    let name = Name::of_body("PE", "PCM", "same").unwrap();
    let roots: Vec<_> = (0..20)
        .map(|_| {
            let key = Signer::ephemeral("x", Algorithm::P256).unwrap();
            Ca::new_root(&name, key, DAY, &clock, &chance).unwrap()
        })
        .collect();
    // Certificates that all issue one another: a search without a limit would try every order of them.
    let mut bag = Vec::new();
    for ca in &roots {
        for other in &roots {
            let key = other.signer.clone();
            let cross = ca
                .new_intermediate(&name, key, DAY, &clock, &chance)
                .unwrap();
            bag.push(cross.certificate().clone());
        }
    }
    let stranger = testing::root();
    let anchors = Anchors::new(vec![stranger.certificate().clone()]);
    let cause = anchors.validate(&bag[0], &bag, at()).unwrap_err();
    assert!(matches!(cause, TrustError::TooLarge { .. }), "{cause}");
}

#[test]
fn requests_prove_possession_and_members_have_their_subject() {
    let signer = Signer::ephemeral("join", Algorithm::P256).unwrap();
    let member: MemberId = "PE/GOB/20131380951".parse().unwrap();
    let name = Name::member("PE", "Municipalidad de Ccapi", &member).unwrap();
    let named = crate::globalconf::Profile::Basic.member(&name, "PE");
    assert_eq!(named, Some(member));
    let der = request(&name, &signer).unwrap();
    let pem = crate::ca_request::request_pem(&der);
    let proven = Proven::from_request(pem.as_bytes()).unwrap();
    assert_eq!(
        (proven.spki(), proven.wished_subject()),
        (signer.spki_der(), Some(&name))
    );
    for at in 0..der.len() {
        let mut bytes = der.clone();
        bytes[at] ^= 1;
        assert!(Proven::from_request(&bytes).is_err(), "byte {at}");
    }
    let Some(openssl) = Openssl::find() else {
        return;
    };
    openssl.file("r.pem", pem.as_bytes());
    openssl.ok(&["req", "-in", "r.pem", "-verify", "-noout"]);
}

#[test]
fn openssl_accepts_the_chain_and_every_purpose() {
    let Some(openssl) = Openssl::find() else {
        return;
    };
    let (root, clock, chance) = (testing::root(), SetClock::at(at()), SeededChance::new(5));
    let name = |text| Name::of_body("PE", "PCM", text).unwrap();
    let signer = Signer::ephemeral("i", Algorithm::Rsa2048).unwrap();
    let middle = root
        .new_intermediate(&name("i"), signer, 90 * DAY, &clock, &chance)
        .unwrap();
    openssl.file("root.pem", root.certificate().pem().as_bytes());
    openssl.file("mid.pem", middle.certificate().pem().as_bytes());
    let time = at().seconds().to_string();
    for (profile, purpose) in profiles().into_iter().zip([
        "sslserver",
        "any",
        "any",
        "any",
        "timestampsign",
        "ocsphelper",
    ]) {
        let key = Proven::held(&Signer::ephemeral("l", Algorithm::P256).unwrap());
        let leaf = middle
            .issue(&profile, &name("l"), &key, 30 * DAY, &clock, &chance)
            .unwrap();
        openssl.file("leaf.pem", leaf.pem().as_bytes());
        let mut args = vec![
            "verify",
            "-x509_strict",
            "-attime",
            &time,
            "-CAfile",
            "root.pem",
        ];
        args.extend(["-untrusted", "mid.pem", "-purpose", purpose, "leaf.pem"]);
        openssl.ok(&args);
        let text = openssl.ok(&[
            "x509", "-in", "leaf.pem", "-noout", "-subject", "-nameopt", "RFC2253",
        ]);
        assert_eq!(text.trim(), format!("subject={}", leaf.subject().rfc2253()));
        let serial = openssl.ok(&["x509", "-in", "leaf.pem", "-noout", "-serial"]);
        assert_eq!(
            serial.trim().to_lowercase(),
            format!("serial={}", leaf.serial_hex())
        );
    }
    let end = openssl.run(&["x509", "-in", "root.pem", "-noout", "-checkend", "0"]);
    assert!(end.0, "the root is valid now: {}", end.1);
}

#[test]
fn pkilint_finds_no_error_in_any_profile() {
    let Some(folder) = Openssl::find() else {
        return;
    };
    let (root, clock, chance) = (testing::root(), SetClock::at(at()), SeededChance::new(7));
    let name = |text| Name::of_body("PE", "PCM", text).unwrap();
    let signer = Signer::ephemeral("i", Algorithm::P256).unwrap();
    let middle = root
        .new_intermediate(&name("i"), signer, 90 * DAY, &clock, &chance)
        .unwrap();
    let mut all = vec![root.certificate().clone(), middle.certificate().clone()];
    for profile in profiles() {
        let key = Proven::held(&Signer::ephemeral("l", Algorithm::Rsa2048).unwrap());
        all.push(
            middle
                .issue(&profile, &name("l"), &key, DAY, &clock, &chance)
                .unwrap(),
        );
    }
    for certificate in all {
        folder.file("c.pem", certificate.pem().as_bytes());
        let args = ["lint", "-s", "WARNING", "c.pem"];
        let Some(said) = folder.tool("lint_pkix_cert", &args) else {
            return;
        };
        assert_eq!(said.trim(), "", "{certificate:?}");
    }
    folder.file("c.pem", b"no certificate");
    let said = folder.tool("lint_pkix_cert", &["lint", "c.pem"]).unwrap();
    assert_ne!(said.trim(), "", "the tool does complain");
}

#[test]
fn every_flipped_bit_of_a_certificate_is_noticed() {
    let root = testing::root();
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(6));
    let key = Proven::held(&Signer::ephemeral("l", Algorithm::P256).unwrap());
    let name = Name::of_body("PE", "PCM", "l").unwrap();
    let leaf = root
        .issue(&Profile::Sign, &name, &key, DAY, &clock, &chance)
        .unwrap();
    let anchors = Anchors::new(vec![root.certificate().clone()]);
    for at_bit in 0..leaf.der().len() * 8 {
        let mut bytes = leaf.der().to_vec();
        bytes[at_bit / 8] ^= 1 << (at_bit % 8);
        let read = Certificate::from_der(&bytes);
        assert!(
            read.and_then(|c| anchors.validate(&c, &[], at())).is_err(),
            "bit {at_bit}"
        );
    }
}

#[test]
fn a_revocation_keeps_its_first_moment() {
    let root = testing::root();
    let mut list = Revocations::default();
    let serial = root.certificate().serial_hex();
    assert_eq!(list.status(&serial), Status::Unknown);
    list.issued(root.certificate());
    assert_eq!(list.status(&serial), Status::Good);
    list.revoke(&serial, at(), Reason::KeyCompromise);
    list.revoke(&serial, at().plus_seconds(9), Reason::Superseded);
    list.issued(root.certificate());
    assert_eq!(
        list.status(&serial),
        Status::Revoked {
            at: at(),
            reason: Reason::KeyCompromise
        }
    );
}

proptest! {
    #[test]
    fn random_and_mutated_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        patch in proptest::collection::vec(any::<u8>(), 1..6),
    ) {
        crate::cert::fuzz(&bytes);
        crate::ca_request::fuzz(&bytes);
        let mut der = testing::root_once().certificate().der().to_vec();
        let start = at.index(der.len());
        let end = (start + patch.len()).min(der.len());
        der.splice(start..end, patch);
        crate::cert::fuzz(&der);
    }
}
