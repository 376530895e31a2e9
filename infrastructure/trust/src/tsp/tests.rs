//! Time stamps: both sides here, `openssl ts` on either side, and tampering.

use kernel::{SeededChance, SetClock};
use proptest::prelude::*;

use super::*;
use crate::ca::{Ca, DAY, Profile};
use crate::ca_request::Proven;
use crate::keys::Algorithm;
use crate::name::Name;
use crate::testing::{Openssl, at, root_once};

const TEXT: &[u8] = b"what was accepted";

fn unit(ca: &Ca, profile: &Profile) -> (Signer, Certificate) {
    let signer = Signer::ephemeral("tsa", Algorithm::P256).unwrap();
    let name = Name::of_body("PE", "Autoridad de prueba", "TSA").unwrap();
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(11));
    let key = Proven::held(&signer);
    let leaf = ca
        .issue(profile, &name, &key, 30 * DAY, &clock, &chance)
        .unwrap();
    (signer, leaf)
}

fn tsa() -> Tsa {
    let (signer, leaf) = unit(root_once(), &Profile::TimeStamp);
    Tsa::new(signer, vec![leaf], POLICY_DEFAULT).unwrap()
}

fn anchors() -> Anchors {
    Anchors::new(vec![root_once().certificate().clone()])
}

fn answer(tsa: &Tsa, request: &[u8], seconds: i64) -> Vec<u8> {
    let clock = SetClock::at(at().plus_seconds(seconds));
    tsa.answer(request, &clock, &SeededChance::new(12)).unwrap()
}

#[test]
fn a_time_stamp_proves_these_bytes_at_this_moment() {
    let (tsa, chance) = (tsa(), SeededChance::new(13));
    for hash in Hash::ALL {
        let request = Request::over(TEXT, hash, &chance);
        let response = answer(&tsa, &request.to_der(), 60);
        let stamped = request.check(&response, &anchors()).unwrap();
        assert_eq!(
            (stamped.at(), stamped.accuracy_micros()),
            (at().plus_seconds(60), Some(1_000_000))
        );
        assert_eq!(stamped.unit().leaf(), tsa.certificate());
        let again = verify_token(stamped.token(), |h| h.digest(TEXT), &anchors(), &[]).unwrap();
        assert_eq!(again.serial_hex(), stamped.serial_hex());
        assert!(verify_token(stamped.token(), |h| h.digest(b"x"), &anchors(), &[]).is_err());
        let other = Request::over(TEXT, hash, &chance);
        assert!(other.check(&response, &anchors()).is_err(), "another nonce");
        assert!(
            request.check(&response, &Anchors::default()).is_err(),
            "nobody trusted"
        );
    }
}

#[test]
fn a_unit_is_refused_after_its_end_and_without_its_purpose() {
    let request = Request::over(TEXT, Hash::Sha256, &SeededChance::new(14));
    let late = answer(&tsa(), &request.to_der(), 31 * DAY);
    assert!(request.check(&late, &anchors()).is_err());
    let (signer, leaf) = unit(root_once(), &Profile::Seal);
    assert!(Tsa::new(signer.clone(), vec![leaf.clone()], POLICY_DEFAULT).is_err());
    let disguised = Tsa {
        signer,
        chain: vec![leaf],
        policy: POLICY_DEFAULT,
    };
    let response = answer(&disguised, &request.to_der(), 0);
    let cause = request.check(&response, &anchors()).unwrap_err();
    assert!(
        cause.to_string().contains("no time-stamping unit"),
        "{cause}"
    );
}

#[test]
fn bad_requests_get_their_reason() {
    let tsa = tsa();
    let imprint = asn1::seq(&[&crate::sigalg::sha1_identifier(), &asn1::octets(&[0; 20])]);
    let sha1 = asn1::seq(&[&asn1::int(1), &imprint]);
    let imprint = asn1::seq(&[
        &Hash::Sha256.algorithm_identifier(),
        &asn1::octets(&[0; 32]),
    ]);
    let policy = asn1::oid(ObjectIdentifier::new_unwrap("1.2.3.4"));
    let policy = asn1::seq(&[&asn1::int(1), &imprint, &policy]);
    let short = asn1::seq(&[
        &Hash::Sha512.algorithm_identifier(),
        &asn1::octets(&[0; 32]),
    ]);
    let short = asn1::seq(&[&asn1::int(1), &short]);
    for (request, failure) in [
        (sha1, Failure::BadAlgorithm),
        (policy, Failure::UnacceptedPolicy),
        (short, Failure::BadRequest),
        (b"hello".to_vec(), Failure::BadRequest),
    ] {
        let response = answer(&tsa, &request, 0);
        assert_eq!(response, rejection(failure));
        assert!(token_of(&response).is_err());
    }
}

#[test]
fn every_flipped_bit_is_refused_or_leaves_what_is_signed_as_it_was() {
    let request = Request::over(TEXT, Hash::Sha256, &SeededChance::new(15));
    let response = answer(&tsa(), &request.to_der(), 0);
    let stamped = request.check(&response, &anchors()).unwrap();
    let mut harmless = 0;
    for bit in 0..response.len() * 8 {
        let mut bytes = response.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = request.check(&bytes, &anchors()) {
            assert_eq!(
                (other.at(), other.serial_hex()),
                (stamped.at(), stamped.serial_hex())
            );
            harmless += 1;
        }
    }
    assert!(harmless <= 8 * 16, "{harmless} bits are not covered");
}

#[test]
fn openssl_verifies_ours_and_asks_us() {
    let Some(openssl) = Openssl::find() else {
        return;
    };
    let tsa = tsa();
    openssl.file("text", TEXT);
    openssl.file("root.pem", root_once().certificate().pem().as_bytes());
    openssl.file("tsa.pem", tsa.certificate().pem().as_bytes());
    for more in [&["-sha256", "-cert"][..], &["-sha512"]] {
        openssl.ok(&[&["ts", "-query", "-data", "text", "-out", "q"], more].concat());
        openssl.file("r", &answer(&tsa, &openssl.read("q"), 0));
        let verify = [
            "ts",
            "-verify",
            "-in",
            "r",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "tsa.pem",
        ];
        openssl.ok(&[&verify[..], &["-queryfile", "q"]].concat());
        openssl.ok(&[&verify[..], &["-data", "text"]].concat());
        openssl.file("other", b"other");
        assert!(!openssl.run(&[&verify[..], &["-data", "other"]].concat()).0);
    }
    openssl.file("bad", &answer(&tsa, b"x", 0));
    let shown = openssl.ok(&["ts", "-reply", "-in", "bad", "-text"]);
    assert!(
        shown.contains("Rejected") || shown.contains("rejection"),
        "{shown}"
    );
}

#[test]
fn the_sigstore_client_verifies_ours() {
    let Some(folder) = Openssl::find() else {
        return;
    };
    let script = "\
import sys, rfc3161_client as c
from cryptography import x509
root, unit = (x509.load_pem_x509_certificate(open(n, 'rb').read()) for n in ('root.pem', 'tsa.pem'))
answer = c.decode_timestamp_response(open('r', 'rb').read())
judge = c.VerifierBuilder().add_root_certificate(root).tsa_certificate(unit).build()
judge.verify_message(answer, open('text', 'rb').read())
try:
    judge.verify_message(answer, b'other')
except c.VerificationError:
    print('VERIFIED')
";
    if !folder
        .tool("python3", &["-c", "import rfc3161_client"])
        .is_some_and(|s| s.is_empty())
    {
        println!("not run: python3 with rfc3161_client is missing");
        return;
    }
    let tsa = tsa();
    let request = Request::over(TEXT, Hash::Sha512, &SeededChance::new(18));
    folder.file("text", TEXT);
    folder.file("root.pem", root_once().certificate().pem().as_bytes());
    folder.file("tsa.pem", tsa.certificate().pem().as_bytes());
    folder.file("r", &answer(&tsa, &request.to_der(), 0));
    assert_eq!(
        folder.tool("python3", &["-c", script]).unwrap().trim(),
        "VERIFIED"
    );
}

#[test]
fn we_verify_what_openssl_stamps() {
    let Some(openssl) = Openssl::find() else {
        return;
    };
    let start = [
        "req", "-new", "-nodes", "-subj", "/CN=x", "-keyout", "k", "-out", "r",
    ];
    openssl.ok(&[&start[..], &["-newkey", "rsa:2048"]].concat());
    let key = Proven::from_request(&openssl.read("r")).unwrap();
    let (clock, chance) = (SetClock::at(at()), SeededChance::new(16));
    let name = Name::of_body("PE", "x", "tsa").unwrap();
    let leaf = root_once()
        .issue(&Profile::TimeStamp, &name, &key, DAY, &clock, &chance)
        .unwrap();
    openssl.file("tsa.pem", leaf.pem().as_bytes());
    let settings = "[tsa]\ndefault_tsa=t\n[t]\nserial=./serial\ncrypto_device=builtin\n\
        signer_cert=./tsa.pem\nsigner_key=./k\nsigner_digest=sha512\ndefault_policy=1.2.3.4\n\
        digests=sha256,sha512\naccuracy=secs:1,millisecs:500\nordering=yes\ntsa_name=yes\n\
        ess_cert_id_chain=no\n";
    for ess in ["sha1", "sha256", "sha384"] {
        openssl.file("serial", b"01");
        openssl.file("c", format!("{settings}ess_cert_id_alg={ess}\n").as_bytes());
        let request = Request::over(TEXT, Hash::Sha512, &chance);
        openssl.file("q", &request.to_der());
        openssl.ok(&[
            "ts",
            "-reply",
            "-config",
            "c",
            "-queryfile",
            "q",
            "-out",
            "p",
        ]);
        let stamped = request.check(&openssl.read("p"), &anchors()).unwrap();
        assert_eq!(stamped.accuracy_micros(), Some(1_500_000));
        assert_eq!(stamped.policy().to_string(), "1.2.3.4");
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
            let request = Request::over(TEXT, Hash::Sha256, &SeededChance::new(17));
            let response = answer(&tsa(), &request.to_der(), 0);
            token_of(&response).unwrap().to_vec()
        }).clone();
        let start = at_byte.index(der.len());
        let end = (start + patch.len()).min(der.len());
        der.splice(start..end, patch);
        fuzz(&der);
    }
}
