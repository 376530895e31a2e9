//! Signatures of X-Road's own software, and ours against tools that know nothing of this code.

use std::process::Command;

use kernel::{Moment, SeededChance, SetClock};
use proptest::prelude::*;

use super::message::{
    MESSAGE, MessageSignature, VerifiedMessage, sign_batch, sign_message, verify_message,
};
use super::*;
use crate::c14n::{Form, Method};
use crate::ca::{Ca, DAY, Profile};
use crate::ca_request::Proven;
use crate::hashchain::Part;
use crate::keys::{Algorithm, Signer};
use crate::name::Name;
use crate::sigalg::Hash;
use crate::{testing, xml, zip};

fn fixture(name: &str) -> Option<zip::Archive> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/xroad/asic"
    );
    match std::fs::read(format!("{path}/{name}.asice")) {
        Ok(bytes) => Some(zip::read(&bytes, zip::CONTAINER).unwrap()),
        Err(_) => {
            println!("not run: {name}.asice is not here");
            None
        }
    }
}

fn check(archive: &zip::Archive) -> Result<VerifiedSignature, XadesError> {
    let data = |uri: &str| archive.get(uri.strip_prefix('/')?);
    verify(archive.get("META-INF/signatures.xml").unwrap(), &data)
}

#[test]
fn signatures_of_x_road_get_the_verdict_of_their_names() {
    for (name, references) in [
        ("valid-batch-ts", 1),
        ("valid-signed-message", 1),
        ("valid-signed-hashchain", 1),
        ("valid-non-batch-rest", 2),
    ] {
        let Some(archive) = fixture(name) else { return };
        let verified = check(&archive).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verified.references().len(), references, "{name}");
        assert_eq!(verified.ocsp_responses().len(), 1, "{name}");
    }
    for name in ["wrong-message", "invalid-digest"] {
        let Some(archive) = fixture(name) else { return };
        assert_eq!(
            check(&archive).unwrap_err().code(),
            "invalid_signature_value",
            "{name}"
        );
    }
}

fn identity(kind: Algorithm, above: &Ca) -> Identity {
    let signer = Signer::ephemeral("sign", kind).unwrap();
    let subject = Name::of_body("PE", "Municipalidad de prueba", "20131380951").unwrap();
    let clock = SetClock::at(testing::at());
    let certificate = above
        .issue(
            &Profile::Sign,
            &subject,
            &Proven::held(&signer),
            30 * DAY,
            &clock,
            &SeededChance::new(3),
        )
        .unwrap();
    Identity::new(signer, certificate, &above.chain()).unwrap()
}

fn intermediate() -> Ca {
    let name = Name::of_body("PE", "Autoridad de prueba", "Intermedia, \"A\" & <B>").unwrap();
    let signer = Signer::ephemeral("ca", Algorithm::P256).unwrap();
    let clock = SetClock::at(testing::at());
    testing::root_once()
        .new_intermediate(&name, signer, 300 * DAY, &clock, &SeededChance::new(2))
        .unwrap()
}

fn parts(data: &[(&str, &[u8])]) -> Vec<Part> {
    data.iter()
        .map(|(uri, bytes)| Part {
            uri: (*uri).into(),
            digest: Hash::Sha512.digest(bytes),
        })
        .collect()
}

fn verified(
    signed: &MessageSignature,
    data: &[(&str, &[u8])],
) -> Result<VerifiedMessage, message::MessageError> {
    let chain = signed
        .hash_chain
        .as_ref()
        .map(|(result, chain)| (result.as_bytes(), chain.as_bytes()));
    verify_message(signed.signature.as_bytes(), chain, data)
}

pub(super) const ALONE: [(&str, &[u8]); 1] = [(MESSAGE, b"GET\r\n/r1/PE/GOB/1/SUB/svc\r\n")];
const WITH_BODY: [(&str, &[u8]); 2] = [(MESSAGE, b"POST\r\n/r1/x\r\n"), ("/attachment1", b"{}")];

#[test]
fn every_style_key_and_chain_verifies_and_states_what_was_signed() {
    let at = Moment(testing::at().0 + 123_000);
    let ocsp = [vec![0x30, 0x00], vec![0x30, 0x01, 0x00]];
    for (kind, above) in [
        (Algorithm::P256, testing::root_once().clone()),
        (Algorithm::Rsa2048, intermediate()),
    ] {
        let who = identity(kind, &above);
        for (data, ocsp) in [
            (&ALONE[..], &[][..]),
            (&ALONE[..], &ocsp[..]),
            (&WITH_BODY[..], &ocsp[..]),
        ] {
            let signed = sign_message(&who, &parts(data), at, ocsp).unwrap();
            assert_eq!(signed.hash_chain.is_some(), data.len() > 1);
            let proof = verified(&signed, data).unwrap();
            assert_eq!(proof.covered().len(), data.len());
            assert!(proof.covered().iter().all(|part| part.present));
            let proof = proof.signature();
            assert_eq!(
                (proof.signer(), proof.signing_time()),
                (who.certificate(), at)
            );
            assert_eq!(
                (proof.ocsp_responses(), proof.other_certificates()),
                (ocsp, &above.chain()[..])
            );
            let more: Vec<_> = data
                .iter()
                .copied()
                .chain([("/attachment9", &b"unsigned"[..])])
                .collect();
            assert_eq!(
                verified(&signed, &more).unwrap_err().code(),
                "hashchain_unused_inputs"
            );
        }
    }
}

#[test]
fn a_batch_under_one_value_verifies_message_by_message() {
    let who = identity(Algorithm::P256, testing::root_once());
    let messages: Vec<Vec<Part>> = vec![parts(&ALONE), parts(&WITH_BODY), parts(&ALONE)];
    let signed = sign_batch(&who, &messages, testing::at(), &[]).unwrap();
    for (signed, data) in signed.iter().zip([&ALONE[..], &WITH_BODY[..], &ALONE[..]]) {
        verified(signed, data).unwrap();
    }
    assert!(verified(&signed[0], &WITH_BODY).is_err());
}

#[test]
fn direct_references_cover_attachments() {
    let who = identity(Algorithm::P256, testing::root_once());
    let references: Vec<_> = WITH_BODY
        .iter()
        .map(|(uri, bytes)| DataReference::new(uri, "text/xml", bytes))
        .collect();
    let input = SignInput {
        identity: &who,
        references: &references,
        at: testing::at(),
        ocsp_responses: &[],
    };
    let signed = MessageSignature {
        signature: sign(&input).unwrap(),
        hash_chain: None,
    };
    assert_eq!(verified(&signed, &WITH_BODY).unwrap().covered().len(), 2);
    assert_eq!(
        verified(&signed, &WITH_BODY[..1]).unwrap_err().code(),
        "invalid_reference"
    );
}

#[test]
fn a_foreign_certificate_is_refused_before_signing() {
    let (one, other) = (
        identity(Algorithm::P256, testing::root_once()),
        Signer::ephemeral("x", Algorithm::P256).unwrap(),
    );
    assert!(Identity::new(other, one.certificate().clone(), &[]).is_err());
}

pub(super) fn signature() -> String {
    let ocsp = [vec![0x30, 0x00]];
    let who = identity(Algorithm::P256, &intermediate());
    sign_message(&who, &parts(&ALONE), testing::at(), &ocsp)
        .unwrap()
        .signature
}

pub(super) fn proves(xml: &str) -> Result<VerifiedSignature, XadesError> {
    verify(xml.as_bytes(), &|uri| {
        (uri == MESSAGE).then_some(ALONE[0].1)
    })
}

#[test]
fn what_is_written_is_canonical_already() {
    let written = add_time_stamp(&signature(), &[0x30, 0x00]).unwrap();
    let tree = xml::tree(&written, xml::SIGNATURE).unwrap();
    let canonical = Method::plain(Form::Inclusive10).document(&tree).unwrap();
    assert_eq!(written.split_once("?>").unwrap().1, canonical);
}

#[test]
fn a_time_stamp_is_added_without_touching_what_is_signed() {
    for ocsp in [&[][..], &[vec![0x30, 0x00]][..]] {
        let who = identity(Algorithm::P256, testing::root_once());
        let bare = sign_message(&who, &parts(&ALONE), testing::at(), ocsp)
            .unwrap()
            .signature;
        let stamped = proves(&add_time_stamp(&bare, b"token").unwrap()).unwrap();
        assert_eq!(stamped.time_stamps().len(), 1);
        let imprint = Hash::Sha256.digest(stamped.signature_value());
        assert!(stamped.time_stamps()[0].covers(Hash::Sha256, &imprint));
        assert!(!stamped.time_stamps()[0].covers(Hash::Sha512, &imprint));
        assert_eq!(stamped.ocsp_responses(), ocsp);
    }
    assert!(add_time_stamp("<a/>", b"token").is_err());
}

#[test]
fn the_short_way_proves_the_same_as_the_general_way() {
    let known = KnownSigners::default();
    let ocsp = [vec![0x30, 0x00], vec![0x30, 0x01, 0x00]];
    for (kind, above) in [
        (Algorithm::P256, testing::root_once().clone()),
        (Algorithm::Rsa2048, intermediate()),
    ] {
        let who = identity(kind, &above);
        for (data, ocsp) in [
            (&ALONE[..], &[][..]),
            (&ALONE[..], &ocsp[..]),
            (&WITH_BODY[..], &ocsp[..]),
        ] {
            let mut signed = sign_message(&who, &parts(data), testing::at(), ocsp).unwrap();
            signed.signature = add_time_stamp(&signed.signature, b"token").unwrap();
            let general = verified(&signed, data).unwrap();
            known.remember(general.signature());
            let mut references = vec![DataReference::new(MESSAGE, "text/xml", data[0].1)];
            if let Some((result, _)) = &signed.hash_chain {
                let (uri, mime) = (message::HASH_CHAIN_RESULT, message::HASH_CHAIN_RESULT_TYPE);
                references = vec![DataReference::new(uri, mime, result.as_bytes())];
            }
            let short = known
                .verify(signed.signature.as_bytes(), &references)
                .unwrap();
            assert_eq!(format!("{short:?}"), format!("{:?}", general.signature()));
        }
    }
}

#[test]
fn the_short_way_never_takes_a_changed_byte_in_what_is_signed() {
    let known = KnownSigners::default();
    let good = add_time_stamp(&signature(), b"token").unwrap();
    let general = proves(&good).unwrap();
    known.remember(&general);
    let references = [DataReference::new(MESSAGE, "text/xml", ALONE[0].1)];
    let unsigned = good.find("<xades:UnsignedProperties>").unwrap();
    assert!(known.verify(good.as_bytes(), &references).is_some());
    assert!(
        known
            .verify(
                good.as_bytes(),
                &[DataReference::new(MESSAGE, "text/xml", b"x")]
            )
            .is_none()
    );
    for at in 0..unsigned {
        let mut bad = good.clone().into_bytes();
        bad[at] ^= 0x01;
        assert!(known.verify(&bad, &references).is_none(), "byte {at}");
    }
    let chain = message::verify_message_known(&known, good.as_bytes(), None, &ALONE).unwrap();
    assert_eq!(signed_facts(chain.signature()), signed_facts(&general));
    let other = [(MESSAGE, &b"another"[..])];
    assert!(message::verify_message_known(&known, good.as_bytes(), None, &other).is_err());
}

#[test]
fn the_short_way_takes_each_message_of_a_batch_and_no_other() {
    let who = identity(Algorithm::P256, testing::root_once());
    let bodies: Vec<Vec<u8>> = (0..9_u8).map(|n| vec![n; 40]).collect();
    let messages: Vec<Vec<(&str, &[u8])>> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| match n % 3 {
            0 => vec![(MESSAGE, &body[..])],
            _ => vec![(MESSAGE, &body[..]), ("/attachment1", &body[5..])],
        })
        .collect();
    for count in 1..=messages.len() {
        let batch: Vec<_> = messages[..count].iter().map(|data| parts(data)).collect();
        let signed = message::sign_batch(&who, &batch, testing::at(), &[]).unwrap();
        let known = KnownSigners::default();
        for (signed, data) in signed.iter().zip(&messages) {
            let (result, chain) = signed.hash_chain.clone().unwrap();
            let check = |signature: &[u8], chain: &[u8], data: &[(&str, &[u8])]| {
                let chain = Some((result.as_bytes(), chain));
                message::verify_message_known(&known, signature, chain, data)
            };
            let signature = signed.signature.as_bytes();
            let proof = check(signature, chain.as_bytes(), data).unwrap();
            assert_eq!(proof.covered().len(), data.len());
            let again = check(signature, chain.as_bytes(), data).unwrap();
            assert_eq!(
                signed_facts(proof.signature()),
                signed_facts(again.signature())
            );
            assert!(check(signature, chain.as_bytes(), &[(MESSAGE, b"another")]).is_err());
            let mut bad = signature.to_vec();
            let at = signed.signature.find("</ds:SignatureValue>").unwrap() - 5;
            bad[at] ^= 1;
            assert!(
                check(&bad, chain.as_bytes(), data).is_err(),
                "a changed value"
            );
            for at in (0..chain.len()).step_by(7) {
                let mut bad = chain.clone().into_bytes();
                bad[at] ^= 1;
                let form = crate::hashchain::own_form(
                    Hash::Sha512,
                    message::HASH_CHAIN,
                    &parts(data),
                    (result.as_bytes(), &bad),
                );
                assert_eq!(form, None, "byte {at}");
            }
        }
    }
}

/// What a signature proves, apart from what is not signed.
pub(super) fn signed_facts(
    proof: &VerifiedSignature,
) -> (Vec<u8>, Moment, Vec<SignedReference>, Vec<u8>) {
    let value = proof.signature_value().to_vec();
    (
        proof.signer().der().to_vec(),
        proof.signing_time(),
        proof.references().to_vec(),
        value,
    )
}

#[test]
fn no_changed_byte_changes_what_is_proved() {
    let good = signature();
    let facts = signed_facts(&proves(&good).unwrap());
    let unsigned = good.find("<xades:UnsignedProperties>").unwrap();
    let (mut refused, mut harmless) = (0, 0);
    for at in (0..good.len()).step_by(3) {
        let mut bad = good.clone().into_bytes();
        bad[at] ^= 0x01;
        match verify(&bad, &|uri| (uri == MESSAGE).then_some(ALONE[0].1)) {
            Err(_) => refused += 1,
            Ok(proof) => {
                assert_eq!(signed_facts(&proof), facts, "byte {at}");
                harmless += usize::from(at < unsigned);
            }
        }
    }
    assert!(refused > 1_500, "{refused} refused");
    assert!(
        harmless < 40,
        "{harmless} changes outside the unsigned properties went unnoticed"
    );
}

#[test]
fn wrapping_and_foreign_constructions_are_refused() {
    let good = signature();
    let properties = &good[good.find("<xades:SignedProperties").unwrap()
        ..good.find("<xades:UnsignedProperties>").unwrap()];
    let forged = properties
        .replace("2026-", "2020-")
        .replace("2025-", "2020-");
    let elsewhere = format!("<ds:Object>{properties}</ds:Object></ds:Signature>");
    let one = &good[good.find("<ds:Signature ").unwrap()..good.find("</asic:").unwrap()];
    for (what, bad) in [
        ("forged in place", good.replace(properties, &forged)),
        ("original moved, same Id twice", good.replace(properties, &forged).replace("</ds:Signature>", &elsewhere)),
        (
            "original moved, forged without its Id",
            good.replace(properties, &forged.replace("Id=\"signed-properties\"", "Id=\"other\""))
                .replace("</ds:Signature>", &elsewhere),
        ),
        ("two signatures", good.replace("</asic:", &format!("{one}</asic:"))),
        ("another root", good.replace("asic:XAdESSignatures", "asic:Other")),
        ("an Id of another name", good.replace("<ds:KeyInfo>", "<ds:KeyInfo ID=\"signed-properties\">")),
        ("target", good.replace("Target=\"#signature\"", "Target=\"#other\"")),
        (
            "transform of data",
            good.replace(
                "URI=\"/message.xml\">",
                "URI=\"/message.xml\"><ds:Transforms><ds:Transform Algorithm=\"x\"></ds:Transform></ds:Transforms>",
            ),
        ),
        ("SHA-1", good.replace("2001/04/xmlenc#sha512", "2000/09/xmldsig#sha1")),
        ("a document type", good.replace("<asic:XAdESSignatures", "<!DOCTYPE x><asic:XAdESSignatures")),
    ] {
        assert_ne!(bad, good, "{what}");
        assert!(proves(&bad).is_err(), "{what}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = verify(&bytes, &|_| None);
    }

    #[test]
    fn pieces_of_a_signature_never_panic(
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 2..6),
    ) {
        let text = std::str::from_utf8(PIECES).unwrap();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        places.sort_unstable();
        let mixed: String =
            places.windows(2).rev().map(|pair| &text[pair[0]..pair[1]]).collect();
        let _ = verify(mixed.as_bytes(), &|_| None);
    }
}

const PIECES: &[u8] = b"<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Id=\"s\">\
    <ds:SignedInfo></ds:SignedInfo><ds:SignatureValue>AA==</ds:SignatureValue>\
    <ds:KeyInfo></ds:KeyInfo><ds:Object></ds:Object></ds:Signature>";

#[test]
fn xmlsec_verifies_what_we_sign() {
    for kind in [Algorithm::P256, Algorithm::Rsa2048] {
        let folder = tempfile::tempdir().unwrap();
        let put =
            |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let root = testing::root_once();
        let signed = sign_message(
            &identity(kind, root),
            &parts(&WITH_BODY),
            testing::at(),
            &[],
        )
        .unwrap();
        put("root.pem", root.certificate().pem().as_bytes());
        put("signatures.xml", signed.signature.as_bytes());
        put(
            "sig-hashchainresult.xml",
            signed.hash_chain.unwrap().0.as_bytes(),
        );
        let run = || {
            Command::new("xmlsec1")
                .args([
                    "--verify",
                    "--id-attr:Id",
                    &format!("{XADES}:SignedProperties"),
                    "--trusted-pem",
                    "root.pem",
                ])
                .args([
                    "--url-map:/sig-hashchainresult.xml",
                    "sig-hashchainresult.xml",
                    "signatures.xml",
                ])
                .current_dir(folder.path())
                .output()
        };
        let Ok(output) = run() else {
            println!("not run: xmlsec1 missing");
            return;
        };
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(
            output.status.success() && text.contains("2/2"),
            "{kind:?}: {text}"
        );
        put("sig-hashchainresult.xml", b"other");
        assert!(!run().unwrap().status.success());
    }
}

/// An implementation of XAdES in another language, and the schemas of XML Signature and XAdES that come with it.
const SIGNXML: &str = r#"
import base64, os, re, signxml
import lxml.etree as e
from cryptography import x509
from signxml.xades import XAdESVerifier
home = os.path.dirname(signxml.__file__)
class Local(e.Resolver):
    def resolve(self, url, public, context):
        for folder in ("xades/schemas", "schemas"):
            path = os.path.join(home, folder, os.path.basename(url))
            if os.path.exists(path):
                return self.resolve_filename(path, context)
        return self.resolve_string("", context)
parser = e.XMLParser(load_dtd=False, no_network=True)
parser.resolvers.add(Local())
text, data = open("signatures.xml", "rb").read(), open("data", "rb").read()
for name in ("XAdES.xsd", "XAdES01903v132-201601.xsd"):
    schema = e.XMLSchema(e.parse(os.path.join(home, "xades/schemas", name), parser))
    schema.assertValid(e.fromstring(e.tostring(e.fromstring(text)[0])))
der = base64.b64decode(re.search(rb"<ds:X509Certificate>([^<]+)<", text).group(1))
certificate = x509.load_der_x509_certificate(der)
found = XAdESVerifier().verify(text, uri_resolver=lambda uri: data, x509_cert=certificate, expect_references=2)
print("verified", len(found))
"#;

#[test]
fn signxml_verifies_what_we_sign_and_the_schemas_take_it() {
    let python = testing::python();
    let have = Command::new(&python)
        .args(["-c", "import signxml"])
        .output();
    if !have.is_ok_and(|output| output.status.success()) {
        println!("not run: Python with signxml is missing");
        return;
    }
    for (kind, above) in [
        (Algorithm::P256, testing::root_once().clone()),
        (Algorithm::Rsa2048, intermediate()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let who = identity(kind, &above);
        let ocsp = [vec![0x30, 0x00]];
        let signed = sign_message(&who, &parts(&WITH_BODY), testing::at(), &ocsp).unwrap();
        let text = add_time_stamp(&signed.signature, b"token").unwrap();
        std::fs::write(folder.path().join("signatures.xml"), text).unwrap();
        std::fs::write(folder.path().join("data"), signed.hash_chain.unwrap().0).unwrap();
        let mut command = Command::new(&python);
        let output = command
            .args(["-c", SIGNXML])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(text.contains("verified 2"), "{kind:?}: {text}");
    }
}
