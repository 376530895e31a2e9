//! X-Road's own containers get the verdict of their names; ours too, until a byte changes.

use kernel::{Clock, MemberId, SeededChance, SetClock};
use proptest::prelude::*;

use super::*;
use crate::ca::{Ca, DAY, Profile};
use crate::ca_request::Proven;
use crate::globalconf::{self, SharedParams};
use crate::keys::{Algorithm, Signer};
use crate::name::{self, Name};
use crate::ocsp::Responder;
use crate::tsp::{self, Tsa};
use crate::xades::Identity;
use crate::{ca, testing, xades};

const FIXTURES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/fixtures/xroad"
);

fn fixture(name: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(format!("{FIXTURES}/{name}")).ok();
    if bytes.is_none() {
        println!("not run: {name} is not here");
    }
    bytes
}

fn fixture_params() -> Option<SharedParams> {
    Some(SharedParams::parse(&fixture("globalconf/DEV/shared-params.xml")?).unwrap())
}

#[test]
fn containers_of_x_road_get_the_verdict_of_their_names() {
    let Some(params) = fixture_params() else {
        return;
    };
    for (name, sender) in [
        ("valid-batch-ts", "DEV/COM/4321"),
        ("valid-signed-message", "DEV/COM/4321"),
        ("valid-signed-hashchain", "DEV/COM/4321"),
        ("valid-non-batch-rest", "DEV/COM/1234"),
    ] {
        let Some(bytes) = fixture(&format!("asic/{name}.asice")) else {
            return;
        };
        let report = verify_container(&bytes, &params, testing::at());
        println!("{name}\n{report}");
        let proof = report
            .verdict
            .unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        assert_eq!(proof.sender().member.to_string(), sender, "{name}");
        assert_eq!(report.steps.len(), 6, "{name}");
        let earlier = verify_container(&bytes, &params, Moment::from_seconds(1_577_836_800));
        assert_eq!(
            earlier.verdict.unwrap_err().code,
            "timestamp_validation",
            "before it was stamped"
        );
    }
    for name in ["wrong-message", "invalid-digest"] {
        let Some(bytes) = fixture(&format!("asic/{name}.asice")) else {
            return;
        };
        let refusal = verify_container(&bytes, &params, testing::at())
            .verdict
            .unwrap_err();
        assert_eq!(
            (refusal.check, refusal.code),
            (Check::Signature, "invalid_signature_value"),
            "{name}"
        );
    }
}

#[test]
fn an_attachment_that_was_not_logged_is_proved_by_digest() {
    let (Some(params), Some(bytes)) = (
        fixture_params(),
        fixture("asic/valid-signed-hashchain.asice"),
    ) else {
        return;
    };
    let proof = verify_container(&bytes, &params, testing::at())
        .verdict
        .unwrap();
    let absent: Vec<&str> = proof
        .covered()
        .iter()
        .filter(|part| !part.present)
        .map(|part| part.uri.as_str())
        .collect();
    assert_eq!(absent, ["/attachment1"]);
}

/// A little ecosystem: one authority that certifies, answers and stamps.
struct Town {
    root: Ca,
    identity: Identity,
    ocsp: Vec<Vec<u8>>,
    tsa: Tsa,
    params: SharedParams,
    clock: SetClock,
}

const CODE: &str = "20131380951";

fn town() -> Town {
    let root = testing::root();
    let clock = SetClock::at(testing::at());
    let issue = |profile: Profile, subject: &Name, signer: &Signer| {
        let key = Proven::held(signer);
        root.issue(
            &profile,
            subject,
            &key,
            90 * DAY,
            &clock,
            &SeededChance::new(11),
        )
        .unwrap()
    };
    let signer = Signer::ephemeral("sign", Algorithm::P256).unwrap();
    let class = (name::BUSINESS_CATEGORY, "GOB");
    let code = (name::SERIAL_NUMBER, CODE);
    let subject = Name::new(&[class, code, (name::COMMON_NAME, "M")]).unwrap();
    let certificate = issue(Profile::Sign, &subject, &signer);
    let ocsp = responder(&root)
        .staple(&certificate, ca::Status::Good, clock.now())
        .unwrap();
    let ocsp = vec![ocsp];
    let unit = Signer::ephemeral("tsa", Algorithm::P256).unwrap();
    let stamps = Name::of_body("PE", "Hora", "TSA").unwrap();
    let unit_certificate = issue(Profile::TimeStamp, &stamps, &unit);
    let params = params_of(&root, &unit_certificate);
    let identity = Identity::new(signer, certificate, &[]).unwrap();
    let tsa = Tsa::new(unit, vec![unit_certificate], tsp::POLICY_DEFAULT).unwrap();
    Town {
        root,
        identity,
        ocsp,
        tsa,
        params,
        clock,
    }
}

fn responder(root: &Ca) -> Responder {
    let own = root.certificate().clone();
    Responder::new(own.clone(), root.signer().clone(), own).unwrap()
}

fn params_of(root: &Ca, unit: &crate::Certificate) -> SharedParams {
    let top = globalconf::Issuer {
        certificate: root.certificate().clone(),
        responders: Vec::new(),
    };
    let basic = globalconf::Profile::Basic;
    SharedParams {
        authorities: vec![globalconf::Authority::new(
            "Autoridad de prueba",
            top,
            basic,
        )],
        stampers: vec![globalconf::Stamper {
            name: "Hora".into(),
            url: "http://tsa.example".into(),
            certificate: unit.clone(),
            cost: None,
        }],
        ..SharedParams::new("PE")
    }
}

impl Town {
    fn token(&self, bytes: &[u8]) -> Vec<u8> {
        let chance = SeededChance::new(5);
        let request = tsp::Request::over(bytes, Hash::Sha512, &chance);
        let response = self
            .tsa
            .answer(&request.to_der(), &self.clock, &chance)
            .unwrap();
        let units = self
            .params
            .stampers
            .iter()
            .map(|stamper| stamper.certificate.clone())
            .collect();
        request
            .check(&response, &crate::path::Anchors::new(units))
            .unwrap()
            .token()
            .to_vec()
    }

    fn signed(&self, message: &[u8], attachments: &[&[u8]]) -> Container {
        let part = |uri: &str, bytes: &[u8]| Part {
            uri: uri.into(),
            digest: Hash::Sha512.digest(bytes),
        };
        let mut parts = vec![part(message::MESSAGE, message)];
        parts.extend(
            attachments
                .iter()
                .enumerate()
                .map(|(at, bytes)| part(&message::attachment(at + 1), bytes)),
        );
        let at = self.clock.now();
        let signed = message::sign_message(&self.identity, &parts, at, &self.ocsp).unwrap();
        Container::of(message, attachments, &signed)
    }

    fn stamped(&self, containers: &mut [Container]) {
        let signatures: Vec<&[u8]> = containers
            .iter()
            .map(|one| one.signature.as_slice())
            .collect();
        let built = stamp_chains(&signatures).unwrap();
        let token = self.token(built.result.as_bytes());
        for (container, chain) in containers.iter_mut().zip(built.chains) {
            let (result, token) = (built.result.clone().into_bytes(), token.clone());
            container.batch_stamp = Some(BatchStamp {
                result,
                chain: chain.into_bytes(),
                token,
            });
        }
    }

    fn report(&self, container: &Container) -> Report {
        verify_container(
            &container.to_bytes(self.clock.now()).unwrap(),
            &self.params,
            self.clock.now(),
        )
    }
}

const REQUEST: &[u8] =
    b"POST\r\n/r1/PE/GOB/1/SUB/svc\r\nx-road-client:PE/GOB/20131380951/APP\r\nx-road-id:PE-1\r\n";

#[test]
fn our_containers_are_valid_with_batch_and_immediate_stamps() {
    let town = town();
    let mut batch = [
        town.signed(REQUEST, &[]),
        town.signed(REQUEST, &[b"{}", b"second"]),
        town.signed(REQUEST, &[]),
    ];
    town.stamped(&mut batch);
    for container in &batch {
        let report = town.report(container);
        let proof = report
            .verdict
            .as_ref()
            .unwrap_or_else(|_| panic!("{report}"));
        assert_eq!(proof.sender().member, MemberId::new("PE", "GOB", CODE));
        assert_eq!(proof.covered().len(), 1 + container.attachments.len());
        let again = Container::read(&container.to_bytes(town.clock.now()).unwrap()).unwrap();
        assert_eq!(again, *container);
    }
    let mut immediate = town.signed(REQUEST, &[b"{}"]);
    assert_eq!(
        town.report(&immediate).verdict.unwrap_err().code,
        "asic_timestamp_not_found"
    );
    let token = town.token(
        immediate
            .verify_signature()
            .unwrap()
            .signature()
            .signature_value(),
    );
    let text = String::from_utf8(immediate.signature).unwrap();
    immediate.signature = xades::add_time_stamp(&text, &token).unwrap().into_bytes();
    let report = town.report(&immediate);
    assert!(report.is_valid(), "{report}");
}

/// Other people's programs: `unzip` reads the container, `xmlsec1` verifies the signature inside it.
#[test]
fn unzip_and_xmlsec_agree() {
    let run = |folder: &std::path::Path, program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .output();
        if output.is_err() {
            println!("not run: {program} missing");
        }
        output.ok()
    };
    let town = town();
    let mut container = [town.signed(REQUEST, &[b"{}"])];
    town.stamped(&mut container);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("c.asice"),
        container[0].to_bytes(town.clock.now()).unwrap(),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("root.pem"),
        town.root.certificate().pem(),
    )
    .unwrap();
    let Some(unzipped) = run(folder.path(), "unzip", &["-q", "c.asice"]) else {
        return;
    };
    assert!(
        unzipped.status.success(),
        "{}",
        String::from_utf8_lossy(&unzipped.stderr)
    );
    assert_eq!(
        std::fs::read(folder.path().join("attachment1")).unwrap(),
        b"{}"
    );
    let properties = format!("{}:SignedProperties", xades::XADES);
    let arguments = [
        "--verify",
        "--id-attr:Id",
        &properties,
        "--trusted-pem",
        "root.pem",
        "--url-map:/sig-hashchainresult.xml",
        "sig-hashchainresult.xml",
        "META-INF/signatures.xml",
    ];
    let Some(checked) = run(folder.path(), "xmlsec1", &arguments) else {
        return;
    };
    let text = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
    assert!(checked.status.success() && text.contains("2/2"), "{text}");
}

#[test]
fn each_missing_proof_is_told_by_its_name() {
    let town = town();
    let mut good = [town.signed(REQUEST, &[b"{}"])];
    town.stamped(&mut good);
    let [good] = good;
    let with = |change: &dyn Fn(&mut SharedParams)| {
        let mut params = town.params.clone();
        change(&mut params);
        let bytes = good.to_bytes(town.clock.now()).unwrap();
        let refusal = verify_container(&bytes, &params, town.clock.now())
            .verdict
            .unwrap_err();
        (refusal.check, refusal.code)
    };
    assert_eq!(
        with(&|params| params.stampers.clear()),
        (Check::Time, "timestamp_validation")
    );
    let no_path = "cannot_create_cert_path.internal_error";
    assert_eq!(
        with(&|params| params.authorities.clear()),
        (Check::Certificate, no_path)
    );
    assert_eq!(
        with(&|params| params.authorities[0].authentication_only = true),
        (Check::Certificate, no_path)
    );
    assert_eq!(
        with(&|params| params.instance = "KR".into()),
        (Check::Sender, "incorrect_certificate")
    );
    let after = |change: &dyn Fn(&mut Container)| {
        let mut container = good.clone();
        change(&mut container);
        let refusal = town.report(&container).verdict.unwrap_err();
        (refusal.check, refusal.code)
    };
    assert_eq!(
        after(&|c| c.attachments[0] = b"[]".to_vec()),
        (
            Check::Signature,
            "malformed_signature.invalid_hash_chain_ref"
        )
    );
    assert_eq!(
        after(&|c| c.attachments.push(b"more".to_vec())),
        (
            Check::Signature,
            "malformed_signature.hashchain_unused_inputs"
        )
    );
    assert_eq!(
        after(&|c| c.hash_chain = None),
        (Check::Signature, "invalid_reference")
    );
    let other = town.signed(REQUEST, &[b"{}"]);
    assert_eq!(
        after(&|c| c.signature.clone_from(&other.signature)),
        (Check::Time, "malformed_signature")
    );
    let impostor = b"POST\r\n/r1/x\r\nx-road-client:PE/GOB/20100000001/APP\r\n";
    let mut impostor = [town.signed(impostor, &[])];
    town.stamped(&mut impostor);
    let refusal = town.report(&impostor[0]).verdict.unwrap_err();
    assert_eq!(
        (refusal.check, refusal.code),
        (Check::Sender, "incorrect_certificate")
    );
}

#[test]
fn revoked_and_unproved_certificates_are_refused() {
    let mut town = town();
    let responder = responder(&town.root);
    let revoked = ca::Status::Revoked {
        at: town.clock.now().plus_seconds(-60),
        reason: ca::Reason::KeyCompromise,
    };
    let stale = town.clock.now().plus_seconds(-13 * 3_600);
    let certificate = town.identity.certificate().clone();
    let staple = |status, at| responder.staple(&certificate, status, at).unwrap();
    let good = town.ocsp[0].clone();
    let old = staple(ca::Status::Good, stale);
    let revoked = staple(revoked, town.clock.now());
    let of = |name| format!("invalid_cert_path.{name}");
    let cases = [
        (vec![revoked.clone()], of("cert_validation")),
        (vec![old.clone()], of("incorrect_validation_info")),
        (vec![b"not a response".to_vec()], of("cert_validation")),
        (vec![], "malformed_signature".to_owned()),
        // A better one behind it hides nothing.
        (vec![revoked, good.clone()], of("cert_validation")),
        (vec![old, good], of("incorrect_validation_info")),
    ];
    for (responses, code) in cases {
        town.ocsp = responses;
        let mut container = [town.signed(REQUEST, &[])];
        town.stamped(&mut container);
        let refusal = town.report(&container[0]).verdict.unwrap_err();
        assert_eq!((refusal.check, refusal.code), (Check::Revocation, &*code));
    }
}

/// Every file of a container, changed one byte at a time and packed anew.
#[test]
fn no_changed_byte_in_any_file_goes_through_with_another_meaning() {
    let town = town();
    let mut good = [town.signed(REQUEST, &[b"{\"a\":1}"])];
    town.stamped(&mut good);
    let bytes = good[0].to_bytes(town.clock.now()).unwrap();
    let facts = |report: &Report| {
        let proof = report.verdict.as_ref().ok()?;
        Some((
            proof.sender().clone(),
            proof.covered().to_vec(),
            proof.signed_at(),
            proof.stamped_at(),
        ))
    };
    let expected = facts(&verify_container(&bytes, &town.params, town.clock.now()));
    assert!(expected.is_some());
    let archive = zip::read(&bytes, zip::CONTAINER).unwrap();
    let signed = [
        message::MESSAGE,
        "/attachment1",
        "/mimetype",
        "/sig-hashchainresult.xml",
        "/ts-hashchainresult.xml",
        "/META-INF/signatures.xml",
    ];
    for (file, entry) in archive.entries.iter().enumerate() {
        let (mut refused, mut same) = (0, 0);
        let stride = 1 + entry.bytes.len() / 150;
        for at in (0..entry.bytes.len()).step_by(stride) {
            let mut writer = zip::Writer::new(town.clock.now());
            for (other, entry) in archive.entries.iter().enumerate() {
                let mut content = entry.bytes.clone();
                if other == file {
                    content[at] ^= 0x01;
                }
                writer.stored(&entry.name, &content).unwrap();
            }
            let report = verify_container(
                &writer.finish(COMMENT).unwrap(),
                &town.params,
                town.clock.now(),
            );
            match facts(&report) {
                None => refused += 1,
                found => {
                    assert_eq!(found, expected, "{} byte {at}", entry.name);
                    same += 1;
                }
            }
        }
        println!(
            "{}: {refused} changes refused, {same} without meaning",
            entry.name
        );
        if signed.contains(&format!("/{}", entry.name).as_str()) {
            assert_eq!(same, 0, "{}", entry.name);
        }
        // X-Road's verifier does not read the two manifests either: they prove nothing.
        let is_proof = ![MANIFEST, ASIC_MANIFEST].contains(&entry.name.as_str());
        assert!(refused > same || !is_proof, "{}", entry.name);
    }
}

#[test]
fn files_that_nothing_explains_are_refused() {
    let town = town();
    let mut good = [town.signed(REQUEST, &[])];
    town.stamped(&mut good);
    let archive = zip::read(&good[0].to_bytes(town.clock.now()).unwrap(), zip::CONTAINER).unwrap();
    let build = |skip: &str, add: Option<&str>| {
        let mut writer = zip::Writer::new(town.clock.now());
        archive
            .entries
            .iter()
            .filter(|entry| entry.name != skip)
            .for_each(|entry| writer.stored(&entry.name, &entry.bytes).unwrap());
        add.into_iter()
            .for_each(|name| writer.stored(name, b"x").unwrap());
        Container::read(&writer.finish(COMMENT).unwrap())
            .map(|_| ())
            .map_err(|error| error.code())
    };
    assert_eq!(build("", None), Ok(()));
    assert_eq!(build("", Some("readme.txt")), Err("asic_invalid_container"));
    assert_eq!(
        build("", Some("attachment2")),
        Err("asic_invalid_container")
    );
    assert_eq!(
        build("", Some("META-INF/signatures2.xml")),
        Err("asic_invalid_container")
    );
    assert_eq!(build("mimetype", None), Err("asic_mime_type_not_found"));
    assert_eq!(build(MESSAGE, None), Err("asic_message_not_found"));
    assert_eq!(build(SIGNATURES, None), Err("asic_signature_not_found"));
    assert_eq!(build(MANIFEST, None), Err("asic_manifest_not_found"));
    assert_eq!(build(TOKEN, None), Err("asic_timestamp_not_found"));
    assert_eq!(build(STAMP_CHAIN, None), Err("asic_hash_chain_not_found"));
    assert_eq!(build(ASIC_MANIFEST, None), Err("asic_invalid_container"));
}

#[test]
fn pieces_of_two_true_containers_make_no_third() {
    let town = town();
    let mut two = [
        town.signed(REQUEST, &[b"{\"amount\": 1}"]),
        town.signed(REQUEST, &[b"{\"amount\": 9}"]),
    ];
    two[1].message.extend_from_slice(b"x-mine:1\r\n");
    two[1] = town.signed(&two[1].message.clone(), &[b"{\"amount\": 9}"]);
    town.stamped(&mut two);
    for choice in 0..128_usize {
        let from = |piece: usize| &two[choice >> piece & 1];
        let chain = |piece: usize| from(piece).hash_chain.clone().unwrap();
        let stamp = |piece: usize| from(piece).batch_stamp.clone().unwrap();
        let mixed = Container {
            message: from(0).message.clone(),
            attachments: from(1).attachments.clone(),
            signature: from(2).signature.clone(),
            hash_chain: Some((chain(3).0, chain(4).1)),
            batch_stamp: Some(BatchStamp {
                chain: stamp(5).chain,
                ..stamp(6)
            }),
        };
        // Both stand under one time stamp, so that result and token are the same.
        let is_one =
            [0b00000, 0b11111].contains(&(choice & 0b11111)) && (choice >> 5 & 1) == (choice & 1);
        assert_eq!(town.report(&mixed).is_valid(), is_one, "{choice:07b}");
    }
}

#[test]
fn files_that_nothing_covers_are_named_but_spoil_nothing() {
    let town = town();
    let mut good = [town.signed(REQUEST, &[b"{}"])];
    town.stamped(&mut good);
    let archive = zip::read(&good[0].to_bytes(town.clock.now()).unwrap(), zip::CONTAINER).unwrap();
    let judge = |skip: &str, add: Option<&str>| {
        let mut writer = zip::Writer::new(town.clock.now());
        let kept = archive.entries.iter().filter(|entry| entry.name != skip);
        kept.for_each(|entry| writer.stored(&entry.name, &entry.bytes).unwrap());
        add.into_iter()
            .for_each(|name| writer.stored(name, b"x").unwrap());
        let bytes = writer.finish(COMMENT).unwrap();
        verify_container(&bytes, &town.params, town.clock.now())
    };
    let report = judge("", Some("readme.txt"));
    assert!(
        report.is_valid()
            && report.steps[0]
                .finding
                .contains("nothing covers readme.txt")
    );
    assert!(judge(MANIFEST, None).is_valid() && judge(ASIC_MANIFEST, None).is_valid());
    for name in ["attachment3", "attachment1x"] {
        let refusal = judge("", Some(name)).verdict.unwrap_err();
        assert_eq!(refusal.code, "asic_invalid_container", "{name}");
    }
}

/// X-Road's immediate mode with the token in a file of its own.
#[test]
fn a_token_over_the_signature_value_stamps_it() {
    let town = town();
    let container = town.signed(REQUEST, &[b"{}"]);
    let other = town.signed(b"POST\r\n/r1/x\r\n", &[]);
    let value = |container: &Container| {
        let verified = container.verify_signature().unwrap();
        verified.signature().signature_value().to_vec()
    };
    let archive = zip::read(
        &container.to_bytes(town.clock.now()).unwrap(),
        zip::CONTAINER,
    );
    let archive = archive.unwrap();
    let judge = |token: &[u8]| {
        let mut writer = zip::Writer::new(town.clock.now());
        let files = archive.entries.iter();
        files.for_each(|entry| writer.deflated(&entry.name, &entry.bytes).unwrap());
        writer.deflated(TOKEN, token).unwrap();
        let bytes = writer.finish(COMMENT).unwrap();
        let report = verify_container(&bytes, &town.params, town.clock.now());
        report.verdict.map(drop).map_err(|refusal| refusal.code)
    };
    assert_eq!(judge(&town.token(&value(&container))), Ok(()));
    let wrong = town.token(&value(&other));
    assert_eq!(judge(&wrong), Err("malformed_signature"));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Container::read(&bytes).is_err());
        let _ = sender::sender_of(&bytes);
    }
}
