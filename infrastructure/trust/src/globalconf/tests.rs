//! X-Road's own files, editions written here and read back, and everything that must be refused.

use kernel::{MemberId, Moment, SeededChance, SetClock};
use proptest::prelude::*;

use super::write::{Edition, Published, publish};
use super::*;
use crate::ca::{Ca, DAY};
use crate::keys::{Algorithm, Signer};
use crate::name::Name;
use crate::testing;

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

/// The signed samples: folder, files' folder, version, instance.
const SIGNED: [(&str, &str, Version, &str); 2] = [
    ("V3", "20240408143011166442000", Version::V3, "CS"),
    ("V5", "20250303143831136684000", Version::V5, "DEV"),
];

fn day(text: &str) -> Moment {
    Moment::parse_iso(text).unwrap()
}

#[test]
fn x_roads_signed_configurations_hold() {
    let now = day("2026-11-23T12:00:00Z");
    for (folder, files, version, instance) in SIGNED {
        let file = |name: &str| fixture(&format!("signed-conf/{folder}/{name}"));
        let Some(shared) = file(&format!("{files}/shared-params.xml")) else {
            return;
        };
        let private = file(&format!("{files}/private-params.xml")).unwrap();
        let params = SharedParams::read(&shared, version).unwrap();
        assert_eq!(params.instance, instance);
        let source = &params.sources[0];
        for (name, keys) in [
            ("internalconf", &source.internal),
            ("externalconf", &source.external),
        ] {
            let bytes = file(name).unwrap();
            let held = Distribution::verify(&bytes, keys, now).unwrap();
            assert_eq!(held.version(), version);
            assert!(held.expires_at() > now);
            let entry = held.file(SHARED_PARAMETERS, instance).unwrap();
            entry.check(&shared).unwrap();
            assert!(entry.check(&private).is_err());
            assert_eq!(
                entry.url("http://cs:80/internalconf?version=5").unwrap(),
                format!("http://cs:80/{folder}/{files}/shared-params.xml")
            );
            let other = held.file(PRIVATE_PARAMETERS, instance);
            assert_eq!(other.is_some(), name == "internalconf");
            if let Some(entry) = other {
                entry.check(&private).unwrap();
                PrivateParams::read(&private, version).unwrap();
            }
            // The other configuration's keys don't open it, nor does time that is over.
            let others = if name == "internalconf" {
                &source.external
            } else {
                &source.internal
            };
            assert!(matches!(
                Distribution::verify(&bytes, others, now),
                Err(GlobalConfError::Signature(_))
            ));
            assert!(matches!(
                Distribution::verify(&bytes, keys, day("2040-01-01T00:00:00Z")),
                Err(GlobalConfError::Expired(_))
            ));
            no_byte_can_change(&bytes, keys, now);
        }
    }
}

/// Every byte of a signed directory is flipped in turn: the result is refused, or says exactly the same.
fn no_byte_can_change(bytes: &[u8], keys: &[VerificationKey], now: Moment) {
    let good = Distribution::verify(bytes, keys, now).unwrap();
    let mut same = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 0x20;
        if let Ok(other) = Distribution::verify(&changed, keys, now) {
            assert_eq!(other, good, "byte {at}");
            same += 1;
        }
    }
    // Upper and lower case of header names, and blanks of the outer frame.
    assert!(same < bytes.len() / 4, "{same} of {}", bytes.len());
}

#[test]
fn x_roads_parameters_are_read_whole() {
    let Some(bytes) = fixture("signed-conf/V5/20250303143831136684000/shared-params.xml") else {
        return;
    };
    let params = SharedParams::read(&bytes, Version::V5).unwrap();
    let authority = &params.authorities[0];
    assert_eq!(
        (authority.name.as_str(), authority.authentication_only),
        ("Test CA", false)
    );
    assert_eq!(authority.profile, Profile::Finnish);
    assert!(authority.top.certificate.is_ca());
    assert_eq!(authority.top.responders[0].url, "http://testca:8888");
    assert_eq!(
        authority.acme.as_ref().unwrap().directory_url,
        "http://testca:8887"
    );
    assert_eq!(params.stampers[0].url, "http://testca:8899");
    assert_eq!(params.members.len(), 2);
    let member = &params.members[0];
    assert_eq!(
        (member.id.to_string().as_str(), member.name.as_str()),
        ("DEV/COM/1234", "Test member")
    );
    assert_eq!(member.subsystems[3].name.as_deref(), Some("Test consumer"));
    let clients: Vec<_> = params.servers[0]
        .clients
        .iter()
        .map(|c| c.subsystem().unwrap().to_string())
        .collect();
    assert_eq!(
        clients,
        ["DEV/COM/4321/TestClient", "DEV/COM/1234/test-consumer"]
    );
    assert_eq!(params.servers[0].auth_cert_hashes[0].len(), 32);
    assert_eq!(params.groups[0].code, "security-server-owners");
    assert_eq!(
        params.groups[0].members[1].member().to_string(),
        "DEV/COM/4321"
    );
    assert_eq!(params.member_classes[1].code, "GOV");
    assert_eq!(params.ocsp_freshness_seconds, 3_600);
    // What version 5 brought is an error in a file that says it is older.
    assert!(SharedParams::read(&bytes, Version::V4).is_err());
    assert!(SharedParams::read(&bytes, Version::V2).is_err());
    assert_eq!(SharedParams::read(&bytes, Version::V6).unwrap(), params);
    assert_eq!(SharedParams::parse(&bytes).unwrap(), params);
    let Some(anchor) = fixture("globalconf/configuration-anchor1.xml") else {
        return;
    };
    let anchor = Anchor::read(&anchor).unwrap();
    assert_eq!((anchor.instance.as_str(), anchor.sources.len()), ("EE", 3));
    assert_eq!(anchor.sources[0].keys.len(), 2);
    assert_eq!(
        anchor.sources[1].url,
        "http://node-0x.example.com/internalconf"
    );
}

/// An instance with one of everything.
fn instance() -> (SharedParams, PrivateParams) {
    let root = testing::root_once().certificate().clone();
    let member = MemberId::new("PE", "GOB", "2013 & <co>");
    let subsystem = member.subsystem("RENIEC");
    let responder = Responder {
        url: "http://ca.example/ocsp".into(),
        certificate: Some(root.clone()),
        cost: Some(Cost::Paid),
    };
    let issuer = Issuer {
        certificate: root.clone(),
        responders: vec![responder],
    };
    let key = VerificationKey::of(&root);
    let shared = SharedParams {
        sources: vec![Source {
            address: "cs.example".into(),
            internal: vec![key.clone()],
            external: vec![key.clone()],
        }],
        authorities: vec![Authority {
            authentication_only: true,
            intermediates: vec![issuer.clone()],
            csr_format: Some(CsrFormat::Der),
            acme: Some(Acme {
                directory_url: "http://ca.example/acme".into(),
                ip_address: Some("10.0.0.1".into()),
                authentication_profile: Some("5".into()),
                signing_profile: None,
            }),
            ..Authority::new("CA", issuer, Profile::Basic)
        }],
        stampers: vec![Stamper {
            name: "TSA".into(),
            url: "http://tsa.example".into(),
            certificate: root,
            cost: Some(Cost::Free),
        }],
        members: vec![Member {
            id: member.clone(),
            name: "Municipalidad \"Ñ\"".into(),
            subsystems: vec![Subsystem {
                code: "RENIEC".into(),
                name: Some("Identidad".into()),
            }],
        }],
        servers: vec![Server {
            id: member.server("s1"),
            address: "s1.example".into(),
            auth_cert_hashes: vec![vec![1; 20], vec![2; 32]],
            clients: vec![
                Party::Subsystem(subsystem.clone()),
                Party::Member(member.clone()),
            ],
            maintenance: Some(Maintenance {
                message: Some("hasta las 6".into()),
            }),
        }],
        groups: vec![Group {
            code: "todos".into(),
            description: "Todos".into(),
            members: vec![Party::Member(member), Party::Subsystem(subsystem.clone())],
        }],
        member_classes: vec![MemberClass {
            code: "GOB".into(),
            description: "Gobierno".into(),
        }],
        ..SharedParams::new("PE")
    };
    let private = PrivateParams {
        instance: "PE".into(),
        anchors: vec![Anchor {
            generated_at: Some(day("2026-01-02T03:04:05Z")),
            instance: "BO".into(),
            sources: vec![AnchorSource {
                url: "http://bo.example/externalconf".into(),
                keys: vec![key],
            }],
        }],
        management: Management {
            registration_address: "https://cs.example:4001/managementservice/".into(),
            registration_certificate: Some(vec![48, 0]),
            provider: Party::Subsystem(subsystem),
        },
        time_stamping_interval_seconds: 60,
    };
    (shared, private)
}

/// What a version leaves out of `params`.
fn as_in(version: Version, mut params: SharedParams) -> SharedParams {
    let digest = if version == Version::V2 { 20 } else { 32 };
    for server in &mut params.servers {
        server.auth_cert_hashes.retain(|hash| hash.len() == digest);
        if version < Version::V5 {
            server.maintenance = None;
        }
    }
    if version < Version::V6 {
        params.stampers[0].cost = None;
        params.authorities[0].csr_format = None;
        params.authorities[0].top.responders[0].cost = None;
        params.authorities[0].intermediates[0].responders[0].cost = None;
    }
    if version < Version::V5 {
        params.members[0].subsystems[0].name = None;
    }
    if version < Version::V4 {
        params.authorities[0]
            .acme
            .as_mut()
            .unwrap()
            .authentication_profile = None;
    }
    if version < Version::V3 {
        params.authorities[0].acme = None;
        params.sources.clear();
    }
    params
}

fn signing(kind: Algorithm) -> (Signer, VerificationKey) {
    let signer = Signer::ephemeral("conf", kind).unwrap();
    let name = Name::of_body("PE", "Autoridad", "Configuración").unwrap();
    let clock = SetClock::at(testing::at());
    let own = Ca::new_root(&name, signer.clone(), DAY, &clock, &SeededChance::new(3)).unwrap();
    (signer, VerificationKey::of(own.certificate()))
}

#[test]
fn what_is_written_is_read_in_every_version_and_with_every_key() {
    let (shared, private) = instance();
    let (now, end) = (day("2026-11-23T12:00:00Z"), day("2026-11-24T12:00:00Z"));
    for kind in [Algorithm::P256, Algorithm::Rsa2048] {
        let (signer, key) = signing(kind);
        for version in Version::ALL {
            for private in [None, Some(&private)] {
                let edition = Edition {
                    version,
                    shared: &shared,
                    private,
                    generated_at: now,
                    expires_at: end,
                };
                let published = publish(&edition, &signer, &key).unwrap();
                check_published(&published, &edition, &key, now);
                if kind == Algorithm::Rsa2048 {
                    assert_eq!(publish(&edition, &signer, &key).unwrap(), published);
                }
            }
        }
    }
}

fn check_published(
    published: &Published,
    edition: &Edition<'_>,
    key: &VerificationKey,
    now: Moment,
) {
    let version = edition.version;
    let keys = [
        VerificationKey::of(testing::root_once().certificate()),
        key.clone(),
    ];
    let held = Distribution::verify(&published.directory, &keys, now).unwrap();
    assert_eq!(
        (held.version(), held.expires_at()),
        (version, edition.expires_at)
    );
    assert_eq!((held.signer(), held.generated_at()), (key, Some(now)));
    let bytes_of = |identifier: &str| {
        let entry = held.file(identifier, "PE")?;
        let file = published
            .files
            .iter()
            .find(|file| file.path == entry.location());
        let bytes = &file.unwrap().bytes;
        entry.check(bytes).unwrap();
        Some(bytes)
    };
    let shared = SharedParams::read(bytes_of(SHARED_PARAMETERS).unwrap(), version).unwrap();
    assert_eq!(shared, as_in(version, edition.shared.clone()), "{version}");
    let private =
        bytes_of(PRIVATE_PARAMETERS).map(|bytes| PrivateParams::read(bytes, version).unwrap());
    assert_eq!(private.as_ref(), edition.private);
}

#[test]
fn anchors_come_back() {
    let (_, private) = instance();
    let anchor = &private.anchors[0];
    assert_eq!(
        &Anchor::read(anchor.to_xml().unwrap().as_bytes()).unwrap(),
        anchor
    );
}

#[test]
fn what_a_version_cant_say_is_not_written() {
    let (shared, _) = instance();
    let changed = |change: &dyn Fn(&mut SharedParams)| {
        let mut other = shared.clone();
        change(&mut other);
        other
    };
    let rows: [(Version, SharedParams); 7] = [
        (Version::V3, changed(&|p| p.sources.clear())),
        (
            Version::V2,
            changed(&|p| p.servers[0].auth_cert_hashes = vec![vec![2; 32]]),
        ),
        (
            Version::V6,
            changed(&|p| p.servers[0].auth_cert_hashes = vec![vec![1; 20]]),
        ),
        (Version::V6, changed(&|p| p.members.clear())),
        (
            Version::V6,
            changed(&|p| p.members.push(p.members[0].clone())),
        ),
        (
            Version::V6,
            changed(&|p| p.members[0].name = "\u{1}".into()),
        ),
        (
            Version::V6,
            changed(&|p| p.members[0].id.instance = "BO".into()),
        ),
    ];
    for (version, params) in rows {
        assert!(params.to_xml(version).is_err(), "{version}");
    }
    let (signer, key) = signing(Algorithm::P256);
    let (_, other) = signing(Algorithm::P256);
    let odd = changed(&|p| p.instance = "P'E".into());
    for (params, key) in [(&shared, &other), (&odd, &key)] {
        let edition = Edition {
            version: Version::V6,
            shared: params,
            private: None,
            generated_at: Moment(0),
            expires_at: Moment(0),
        };
        assert!(publish(&edition, &signer, key).is_err());
    }
}

/// Texts as people and machines write them, with everything that XML escapes.
fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9ñ&<>\"' .:/-]{1,12}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_members_and_servers_come_back(
        members in proptest::collection::btree_map(word(), (word(), word(), any::<bool>()), 0..12),
        version in proptest::sample::select(Version::ALL.to_vec()),
    ) {
        let (mut params, _) = instance();
        params.members.clear();
        params.servers.clear();
        for (code, (name, subsystem, resting)) in members {
            let id = MemberId::new("PE", "GOB", &code);
            let own = Subsystem { code: subsystem, name: Some(name.clone()) };
            params.servers.push(Server {
                id: id.server(&name),
                address: code,
                auth_cert_hashes: vec![vec![7; 20], vec![7; 32]],
                clients: vec![Party::Subsystem(id.subsystem(&own.code))],
                maintenance: resting.then(Maintenance::default),
            });
            params.members.push(Member { id, name, subsystems: vec![own] });
        }
        let text = params.to_xml(version).unwrap();
        let read = SharedParams::read(text.as_bytes(), version).unwrap();
        prop_assert_eq!(&read.members.len(), &params.members.len());
        for (one, other) in read.servers.iter().zip(&params.servers) {
            prop_assert_eq!(&one.id, &other.id);
            prop_assert_eq!(&one.clients, &other.clients);
            prop_assert_eq!(&one.address, other.address.trim());
            prop_assert_eq!(one.maintenance.is_some(), version >= Version::V5 && other.maintenance.is_some());
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(noise in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..4_000) {
        let (signer, key) = signing_once();
        let (shared, private) = instance();
        let edition = Edition {
            version: Version::V6,
            shared: &shared,
            private: Some(&private),
            generated_at: Moment(0),
            expires_at: Moment(1),
        };
        let mut bytes = publish(&edition, signer, key).unwrap().directory;
        let at = at.min(bytes.len());
        bytes.splice(at..at, noise.iter().copied());
        if !noise.is_empty() && let Ok(held) = Distribution::verify(&bytes, std::slice::from_ref(key), Moment(0)) {
            // Only blanks, header names and headers that nobody reads may change.
            prop_assert_eq!(held.expires_at(), Moment(1));
            prop_assert_eq!(held.files().len(), 2);
        }
        let _ = SharedParams::parse(&noise);
        let _ = Anchor::read(&noise);
        let _ = VerificationKey::read(&noise);
    }
}

fn signing_once() -> &'static (Signer, VerificationKey) {
    static KEYS: std::sync::OnceLock<(Signer, VerificationKey)> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| signing(Algorithm::P256))
}

/// What must be refused, each with one thing wrong.
#[test]
fn wrong_forms_are_refused() {
    let (shared, private) = instance();
    let good = shared.to_xml(Version::V6).unwrap();
    let rows: [(&str, &str); 16] = [
        (
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
            "<!DOCTYPE conf [<!ENTITY e 'x'>]>",
        ),
        ("x:conf", "x:config"),
        ("<owner>id0</owner>", "<owner>id9</owner>"),
        ("<owner>id0</owner>", "<owner>id1</owner>"),
        ("<client>id1</client>", "<client>id7</client>"),
        ("<subsystem id=\"id1\">", "<subsystem id=\"id0\">"),
        ("<memberCode>", "<other/><memberCode>"),
        ("<memberCode>", "text<memberCode>"),
        ("<ocspFreshnessSeconds>3600", "<ocspFreshnessSeconds>0"),
        ("<ocspFreshnessSeconds>3600", "<ocspFreshnessSeconds>many"),
        ("<costType>FREE", "<costType>CHEAP"),
        ("id:objectType=\"MEMBER\"", "id:objectType=\"SUBSYSTEM\""),
        ("<authenticationOnly>true", "<authenticationOnly>perhaps"),
        ("<defaultCsrFormat>DER", "<defaultCsrFormat>TXT"),
        ("<instanceIdentifier>PE<", "<instanceIdentifier><"),
        (
            "<address>s1.example</address>",
            "<address>s1.example</address><address>s2.example</address>",
        ),
    ];
    SharedParams::read(good.as_bytes(), Version::V6).unwrap();
    for (from, to) in rows {
        assert!(good.contains(from), "{from}");
        let changed = good.replacen(from, to, 1);
        assert!(
            SharedParams::read(changed.as_bytes(), Version::V6).is_err(),
            "{to}"
        );
    }
    // Another instance's key that can't be read spoils nothing; an anchor's own does.
    let text = private.to_xml(Version::V6).unwrap();
    let (start, _) = text.split_once("<verificationCert>").unwrap();
    let (_, end) = text.rsplit_once("</verificationCert>").unwrap();
    let text = format!(
        "{start}<verificationCert>YmFyCg=={}{end}",
        "</verificationCert>"
    );
    let read = PrivateParams::read(text.as_bytes(), Version::V6).unwrap();
    assert!(read.anchors.len() < private.anchors.len());
    assert_eq!(read.management, private.management);
    // A subsystem that a group calls a member is nobody, as for X-Road.
    let (is, called) = ("id:objectType=\"SUBSYSTEM\"", "id:objectType=\"MEMBER\"");
    let count = |text: &str| {
        let read = SharedParams::read(text.as_bytes(), Version::V6).unwrap();
        read.groups
            .iter()
            .map(|group| group.members.len())
            .sum::<usize>()
    };
    assert!(good.contains(is));
    assert_eq!(count(&good.replacen(is, called, 1)) + 1, count(&good));
    // What follows at the end is passed over from version 3 on, and refused before.
    for version in Version::ALL {
        let more = "<newer><deep/></newer></x:conf>";
        let text = shared.to_xml(version).unwrap().replace("</x:conf>", more);
        let read = SharedParams::read(text.as_bytes(), version);
        assert_eq!(read.is_ok(), version >= Version::V3, "{version}");
        let text = private.to_xml(version).unwrap().replace("</x:conf>", more);
        assert_eq!(
            PrivateParams::read(text.as_bytes(), version).is_ok(),
            version >= Version::V3
        );
    }
}

#[test]
fn directories_with_one_wrong_header_are_refused() {
    let (signer, key) = signing(Algorithm::P256);
    let keys = [key.clone()];
    let sign = |body: &str| {
        let value = data_encoding::BASE64
            .encode(&signer.sign(body.as_bytes(), crate::Hash::Sha256).unwrap());
        let named = data_encoding::BASE64.encode(&crate::Hash::Sha256.digest(key.bytes()));
        format!(
            "content-type: Multipart/Related; boundary=\"o\"\n\n--o\nCONTENT-TYPE: multipart/mixed; boundary=i\n\n{body}\n--o\n\
             content-type: application/octet-stream\ncontent-transfer-encoding: BASE64\n\
             signature-algorithm-id: http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\n\
             verification-certificate-hash: {named}; hash-algorithm-id='http://www.w3.org/2001/04/xmlenc#sha256'\n\n{value}\n--o--\n"
        )
    };
    let digest = data_encoding::BASE64.encode(&[0; 64]);
    let file = format!(
        "--i\nContent-type: application/octet-stream\nContent-transfer-encoding: base64\n\
         Content-identifier: SHARED-PARAMETERS; instance=\"PE\"\nContent-location: conf/s.xml\n\
         Hash-algorithm-id: http://www.w3.org/2001/04/xmlenc#sha512\n\n{digest}\n"
    );
    let head = "--i\nExpire-date: 2030-01-01T00:00:00Z\n\n";
    let now = day("2026-01-01T00:00:00Z");
    let verify = |body: &str| Distribution::verify(sign(body).as_bytes(), &keys, now);
    // Another program's directory: bare line ends, other letters, either quote, no version: the second.
    let held = verify(&format!("{head}{file}--i--")).unwrap();
    assert_eq!(held.version(), Version::V2);
    let entry = held.file(SHARED_PARAMETERS, "PE").unwrap();
    assert_eq!(
        entry.url("https://cs/a/internalconf?version=2").unwrap(),
        "https://cs/a/conf/s.xml"
    );
    for (from, to) in [
        ("2030-01-01T00:00:00Z", "soon"),
        ("Expire-date", "Expires"),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z\nVersion: 7"),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z\nVersion: six"),
        ("2030-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("xmlenc#sha512", "xmldsig#sha1"),
        ("; instance=\"PE\"", ""),
        ("Content-location: conf/s.xml\n", ""),
        ("encoding: base64", "encoding: 8bit"),
        (digest.as_str(), "AAAA"),
        (
            "Content-location",
            "Content-identifier: X\nContent-location",
        ),
    ] {
        let body = format!("{head}{file}--i--");
        assert!(body.contains(from), "{from}");
        assert!(
            verify(&body.replacen(from, to, 1)).is_err(),
            "{from} -> {to}"
        );
    }
    assert!(
        verify(&format!("{head}{file}{file}--i--")).is_err(),
        "twice"
    );
    for scheme in ["ftp://cs/x", "file:x", "javascript:1"] {
        let other = file.replace("conf/s.xml", scheme);
        let held = verify(&format!("{head}{other}--i--")).unwrap();
        let entry = held.file(SHARED_PARAMETERS, "PE").unwrap();
        let url = entry.url("https://cs/internalconf");
        assert!(url.is_err(), "{scheme} {url:?}");
    }
}

/// X-Road's schemas are not ours to carry: `TAMBO_XROAD_SCHEMAS` names the folder `globalconf` of its sources, with
/// `identifiers.xsd` beside it.
#[test]
fn x_roads_schemas_accept_every_version() {
    let Some(schemas) = std::env::var_os("TAMBO_XROAD_SCHEMAS").map(std::path::PathBuf::from)
    else {
        println!("not run: TAMBO_XROAD_SCHEMAS is not set");
        return;
    };
    let (shared, private) = instance();
    let folder = tempfile::tempdir().unwrap();
    for version in Version::ALL {
        let number = version.number();
        let files = [
            (
                shared.to_xml(version),
                format!("v{number}/shared-parameters.xsd"),
            ),
            (
                private.to_xml(version),
                format!("v{}/private-parameters.xsd", number.min(3)),
            ),
            (
                private.anchors[0].to_xml(),
                "v2/private-parameters.xsd".to_owned(),
            ),
        ];
        for (text, schema) in files {
            let file = folder.path().join("file.xml");
            std::fs::write(&file, text.unwrap()).unwrap();
            let judged = std::process::Command::new("xmllint")
                .args(["--nonet", "--noout", "--schema"])
                .arg(schemas.join(&schema))
                .arg(&file)
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&judged.stderr);
            assert!(judged.status.success(), "{version} {schema}: {told}");
        }
    }
}
