//! OCSP: both sides here, `openssl ocsp` on either side, and tampering.

use kernel::{SeededChance, SetClock};
use proptest::prelude::*;

use super::*;
use crate::ca::{Ca, DAY, Profile};
use crate::ca_request::Proven;
use crate::keys::Algorithm;
use crate::name::Name;
use crate::testing::{self, Openssl, at, root_once};

fn leaf(ca: &Ca, profile: &Profile, seed: u64) -> (Signer, Certificate) {
    let signer = Signer::ephemeral("x", Algorithm::P256).unwrap();
    let name = Name::of_body("PE", "Autoridad de prueba", "x").unwrap();
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(seed));
    let key = Proven::held(&signer);
    let certificate = ca
        .issue(profile, &name, &key, 30 * DAY, &clock, &chance)
        .unwrap();
    (signer, certificate)
}

fn responder(ca: &Ca) -> Responder {
    let (signer, certificate) = leaf(ca, &Profile::OcspSigning, 21);
    Responder::new(ca.certificate().clone(), signer, certificate).unwrap()
}

/// Three certificates: good, revoked, never noted.
fn three() -> (Vec<Certificate>, Revocations) {
    let all: Vec<_> = (30..33)
        .map(|seed| leaf(root_once(), &Profile::Sign, seed).1)
        .collect();
    let mut known = Revocations::default();
    known.issued(&all[0]);
    known.issued(&all[1]);
    known.revoke(
        &all[1].serial_hex(),
        at().plus_seconds(-60),
        Reason::KeyCompromise,
    );
    (all, known)
}

#[test]
fn good_revoked_and_unknown_are_told_apart_under_one_nonce() {
    let root = root_once();
    let (all, known) = three();
    let asked: Vec<_> = all.iter().collect();
    let (der, nonce) = request(&asked, root.certificate(), &SeededChance::new(22));
    let question = Question::from_der(&der).unwrap();
    let own = root.certificate().clone();
    let by_root = Responder::new(own.clone(), root.signer().clone(), own).unwrap();
    for responder in [responder(root), by_root] {
        assert!(responder.is_for(&question));
        let response = responder.answer(&question, &known, at()).unwrap();
        let check = Check {
            nonce: Some(&nonce),
            freshness_seconds: Some(60),
            ..Check::at(at())
        };
        let verdict = |c| verify(&response, c, root.certificate(), &check).unwrap();
        let good = verdict(&all[0]).good().unwrap();
        assert_eq!(good.certificate_sha256(), &all[0].sha256());
        assert_eq!(
            good.next_update(),
            Some(at().plus_seconds(LIFETIME_SECONDS))
        );
        assert!(matches!(
            verdict(&all[1]),
            Verdict::Revoked { at: when, reason: Reason::KeyCompromise }
                if when == at().plus_seconds(-60)
        ));
        assert!(matches!(verdict(&all[2]), Verdict::Unknown));
        let other = Check {
            nonce: Some(&[1; 32]),
            ..check
        };
        assert!(verify(&response, &all[0], root.certificate(), &other).is_err());
    }
}

#[test]
fn an_answer_ages() {
    let root = root_once();
    let certificate = leaf(root, &Profile::Sign, 40).1;
    let response = responder(root)
        .staple(&certificate, Status::Good, at())
        .unwrap();
    let checked = |seconds, freshness_seconds| {
        let check = Check {
            freshness_seconds,
            ..Check::at(at().plus_seconds(seconds))
        };
        verify(&response, &certificate, root.certificate(), &check).is_ok()
    };
    assert!(checked(0, None) && checked(LIFETIME_SECONDS, None));
    assert!(!checked(LIFETIME_SECONDS + 301, None), "out of date");
    assert!(!checked(-301, None), "from the future");
    assert!(
        checked(3600 + 300, Some(3600)) && !checked(3600 + 301, Some(3600)),
        "too old"
    );
}

#[test]
fn only_the_issuer_and_its_delegates_may_answer() {
    let root = root_once();
    let certificate = leaf(root, &Profile::Sign, 41).1;
    // A certificate of the right authority without the purpose.
    let (signer, seal) = leaf(root, &Profile::Seal, 42);
    let issuer = root.certificate().clone();
    assert!(Responder::new(issuer.clone(), signer.clone(), seal.clone()).is_err());
    let disguised = Responder {
        issuer: issuer.clone(),
        signer,
        certificate: seal.clone(),
    };
    let response = disguised.staple(&certificate, Status::Good, at()).unwrap();
    let check = Check::at(at());
    assert!(verify(&response, &certificate, &issuer, &check).is_err());
    let named = [seal];
    let trusting = Check {
        responders: &named,
        ..check
    };
    assert!(
        verify(&response, &certificate, &issuer, &trusting).is_ok(),
        "trusted by name"
    );
    // A delegate of another authority with the same name.
    let other = testing::root();
    let stranger = responder(&other);
    let mut forged = stranger.clone();
    forged.issuer = issuer.clone();
    let response = forged.staple(&certificate, Status::Good, at()).unwrap();
    assert!(verify(&response, &certificate, &issuer, &check).is_err());
    // An answer about another certificate, and from a delegate that has ended.
    let another = leaf(root, &Profile::Sign, 43).1;
    let response = responder(root)
        .staple(&another, Status::Good, at())
        .unwrap();
    assert!(verify(&response, &certificate, &issuer, &check).is_err());
    let late = at().plus_seconds(31 * DAY);
    let response = responder(root)
        .staple(&certificate, Status::Good, late)
        .unwrap();
    assert!(verify(&response, &certificate, &issuer, &Check::at(late)).is_err());
}

#[test]
fn failures_are_no_verdict() {
    let root = root_once();
    let certificate = leaf(root, &Profile::Sign, 44).1;
    for why in [Failure::Malformed, Failure::Internal, Failure::Unauthorised] {
        let response = failure(why);
        assert!(
            verify(
                &response,
                &certificate,
                root.certificate(),
                &Check::at(at())
            )
            .is_err()
        );
    }
}

#[test]
fn every_flipped_bit_is_refused_or_leaves_the_verdict_as_it_was() {
    let root = root_once();
    let (all, known) = three();
    let (der, nonce) = request(&[&all[1]], root.certificate(), &SeededChance::new(23));
    let question = Question::from_der(&der).unwrap();
    let response = responder(root).answer(&question, &known, at()).unwrap();
    let check = Check {
        nonce: Some(&nonce),
        ..Check::at(at())
    };
    for bit in 0..response.len() * 8 {
        let mut bytes = response.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(verdict) = verify(&bytes, &all[1], root.certificate(), &check) {
            panic!("bit {bit}: {verdict:?}");
        }
    }
}

#[test]
fn openssl_asks_us_and_believes_us() {
    let Some(openssl) = Openssl::find() else {
        return;
    };
    let root = root_once();
    let (all, known) = three();
    openssl.file("root.pem", root.certificate().pem().as_bytes());
    for (n, expected) in ["good", "revoked", "unknown"].into_iter().enumerate() {
        openssl.file("leaf.pem", all[n].pem().as_bytes());
        for hash in ["-sha1", "-sha256"] {
            let ask = [
                "ocsp", hash, "-issuer", "root.pem", "-cert", "leaf.pem", "-reqout", "q",
            ];
            openssl.ok(&ask);
            let question = Question::from_der(&openssl.read("q")).unwrap();
            assert!(question.ids()[0].names(&all[n], root.certificate()));
            let response = responder(root).answer(&question, &known, now()).unwrap();
            openssl.file("p", &response);
            let check = ["-reqin", "q", "-respin", "p", "-CAfile", "root.pem"];
            let said = openssl.ok(&[&["ocsp", "-issuer", "root.pem"], &check[..]].concat());
            assert!(said.contains("Response verify OK"), "{said}");
            let asked = [
                "-cert",
                "leaf.pem",
                "-no_nonce",
                "-respin",
                "p",
                "-CAfile",
                "root.pem",
            ];
            let said = openssl.ok(&[&["ocsp", hash, "-issuer", "root.pem"], &asked[..]].concat());
            assert!(said.contains(&format!("leaf.pem: {expected}")), "{said}");
            if let Some(said) = openssl.tool("lint_ocsp_response", &["lint", "-s", "WARNING", "p"])
            {
                assert_eq!(said.trim(), "");
            }
        }
    }
}

/// `openssl ocsp` checks freshness by the machine's clock.
fn now() -> Moment {
    kernel::Clock::now(&kernel::SystemClock)
}

#[test]
fn we_believe_openssl() {
    let Some(openssl) = Openssl::find() else {
        return;
    };
    let root = root_once();
    let start = [
        "req", "-new", "-nodes", "-subj", "/CN=x", "-keyout", "k", "-out", "r",
    ];
    openssl.ok(&[&start[..], &["-newkey", "rsa:2048"]].concat());
    let key = Proven::from_request(&openssl.read("r")).unwrap();
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(24));
    let name = Name::of_body("PE", "x", "ocsp").unwrap();
    let delegate = root
        .issue(&Profile::OcspSigning, &name, &key, DAY, &clock, &chance)
        .unwrap();
    openssl.file("root.pem", root.certificate().pem().as_bytes());
    openssl.file("ocsp.pem", delegate.pem().as_bytes());
    let (all, _) = three();
    let serial = |c: &Certificate| c.serial_hex().to_uppercase();
    let index = format!(
        "V\t400101000000Z\t\t{}\tunknown\t/CN=a\nR\t400101000000Z\t260101000000Z,superseded\t{}\tunknown\t/CN=b\n",
        serial(&all[0]),
        serial(&all[1])
    );
    openssl.file("index", index.as_bytes());
    let asked: Vec<_> = all.iter().collect();
    let (der, nonce) = request(&asked, root.certificate(), &chance);
    openssl.file("q", &der);
    for by_name in [&[][..], &["-resp_key_id"]] {
        let serve = [
            "ocsp", "-index", "index", "-CA", "root.pem", "-rsigner", "ocsp.pem",
        ];
        let files = ["-rkey", "k", "-reqin", "q", "-respout", "p", "-ndays", "1"];
        openssl.ok(&[&serve[..], &files, by_name].concat());
        let response = openssl.read("p");
        let check = Check {
            nonce: Some(&nonce),
            ..Check::at(now())
        };
        let verdict = |c| verify(&response, c, root.certificate(), &check).unwrap();
        assert!(verdict(&all[0]).good().is_ok());
        let revoked = verdict(&all[1]);
        assert!(matches!(
            revoked,
            Verdict::Revoked {
                reason: Reason::Superseded,
                ..
            }
        ));
        assert!(matches!(verdict(&all[2]), Verdict::Unknown));
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
        static MADE: std::sync::OnceLock<[Vec<u8>; 2]> = std::sync::OnceLock::new();
        let made = MADE.get_or_init(|| {
            let (all, known) = three();
            let (der, _) = request(&[&all[1]], root_once().certificate(), &SeededChance::new(25));
            let question = Question::from_der(&der).unwrap();
            let response = responder(root_once()).answer(&question, &known, at()).unwrap();
            [der, response]
        });
        for der in made {
            let mut der = der.clone();
            let start = at_byte.index(der.len());
            let end = (start + patch.len()).min(der.len());
            der.splice(start..end, patch.clone());
            fuzz(&der);
        }
    }
}
