//! Data that readers take or nearly take: texts of our own, and X-Road's files where they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;

/// Where X-Road's files lie.
pub const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/fixtures/xroad");
const PROCEDURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../country/pe/procedures/licencia-de-funcionamiento.toml"
);

const REQUEST: &str = "POST\r\n/r1/PE/GOB/1/SUB/svc/facts?x=1\r\nContent-Type:application/json\r\nX-Road-Client:PE/GOB/2/SUB\r\nx-road-id:PE-1\r\n";
const RESPONSE: &str = "200\r\nOK\r\nContent-Type:application/json\r\nx-road-id:PE-1\r\n";
const FAULT: &str = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><e:Fault><faultcode>Server.ServerProxy.AccessDenied</faultcode><faultstring>no</faultstring><detail><faultDetail>x</faultDetail></detail></e:Fault></e:Body></e:Envelope>";
const OPENAPI: &str = r#"{"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "servers": [{"url": "http://h:1/base/{x}"}], "paths": {"/a/{id}": {"get": {"responses": {}}, "put": {}}}}"#;
const DESCRIBED: &str = r#"{"title": {"es": "Padrón"}, "csv": {"file": "a.csv", "key": "dni"}, "fields": {"nombre": {"from": "nombre"}, "fecha": {"type": "date", "internal": true}}, "derived": [{"rule": "years-since", "name": "over18", "field": "fecha", "years": 18}]}"#;
const REGISTER: &str = "\u{feff}dni;nombre;nacimiento;cuenta;abierto;hasta\r\n1;\"Quispe; \"\"Rosa\"\"\";1990-05-01;5;true;2030-01-01\r\n2;Ana;;;;\r\n";
const ANSWER: &str = r#"{"data": {"name": "a", "list": [1.5e300, null, true]}, "~": {"/": 1}}"#;
const APPLICATION: &str = r#"{"application":"{\"form\":\"tambo-application-1\",\"instance\":\"PE\",\"nonce\":\"x\",\"wish\":{}}","signatures":[{"key":"MFkw","signature":"MEUC"}],"proof":""}"#;
const NOTE: &str = "tambo.example/log\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} tambo.example/log AAAAAVNpZ25hdHVyZQ==\n";
const PDF: &str = "%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[3 0 R]/SigFlags 3>>>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n3 0 obj<</FT/Sig/T(s)/V 4 0 R>>endobj\n4 0 obj<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange[0 10 20 10]/Contents<3000>>>endobj\nxref\n0 5\n0000000000 65535 f \n0000000009 00000 n \n0000000096 00000 n \n0000000142 00000 n \n0000000183 00000 n \ntrailer<</Root 1 0 R/Size 5>>\nstartxref\n298\n%%EOF\n";
const CHAINS: &str = "<HashChainResult xmlns=\"http://cyber.ee/hashchain\" URI=\"/sig-hashchain.xml#STEP0\"/>\0<HashChain xmlns=\"http://cyber.ee/hashchain\"/>";
const LINKS: &str = "- - SHA-512\n56b34944259ea2e8 a.asice\n9b871512327c09ce b.asice\n";
const EVENTS: &str = r#"{"oldest":1,"before":"","events":[{"n":4,"at":1800000000000000,"type":"application/json","data":"e30="},{"n":5,"at":1800000000000001,"type":"text/plain","data":""}]}"#;

/// Data by target.
pub type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// All data that are here.
pub fn all() -> Seeds {
    let mut seeds = own();
    for path in files(Path::new(FIXTURES)) {
        let bytes = std::fs::read(&path).expect("a fixture can be read");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        real(&name, bytes, &mut seeds);
    }
    let chain = |name: &str| std::fs::read(format!("{FIXTURES}/hash-chain/{name}.xml")).ok();
    if let (Some(result), Some(steps)) = (
        chain("hc-verifier1-hashchainresult"),
        chain("hc-verifier1-hashchain"),
    ) {
        add(&mut seeds, "hash_chain", [result, steps].join(&0));
    }
    seeds
}

fn add(seeds: &mut Seeds, name: &'static str, bytes: Vec<u8>) {
    seeds.entry(name).or_default().push(bytes);
}

/// Small data of our own.
fn own() -> Seeds {
    let part = |kind: &str, text: &str| format!("\r\n--b\r\ncontent-type:{kind}\r\n\r\n{text}");
    let rest = [
        part("application/x-road-rest-body", "{}"),
        part("application/hash-chain-result", "x"),
        part("application/hash-chain", "x"),
        part("signature/bdoc-1.0/ts", "<x/>"),
        "\r\n--b--\r\n".to_owned(),
    ]
    .concat();
    let ocsp = part("application/ocsp-response", "xx");
    let request = part("application/x-road-rest-request", REQUEST);
    let response = part("application/x-road-rest-response", RESPONSE);
    let mut seeds = Seeds::new();
    for (name, text) in [
        ("message", REQUEST),
        ("message", RESPONSE),
        ("message", FAULT),
        ("message", "cert=00&cert_hash=11"),
        ("message", "server.serverproxy.access_denied"),
        ("message", "local:vecinos"),
        ("message", &[ocsp.as_str(), &request, &rest].concat()),
        ("message", &[response.as_str(), &rest].concat()),
        ("description", OPENAPI),
        ("description", DESCRIBED),
        ("registry_file", REGISTER),
        ("registry_answer", ANSWER),
        ("joining", APPLICATION),
        ("note", NOTE),
        ("pdf", PDF),
        ("hash_chain", CHAINS),
        ("archive", LINKS),
        ("events", EVENTS),
    ] {
        add(&mut seeds, name, text.as_bytes().to_vec());
    }
    add(&mut seeds, "message", hello());
    let procedure = std::fs::read(PROCEDURE).expect("the country's procedure");
    add(&mut seeds, "procedure", procedure);
    add(&mut seeds, "certificate_request", certificate_request());
    add(&mut seeds, "agreement", agreement());
    seeds
}

/// A ClientHello of TLS 1.2 with a list of versions and one of protocols.
fn hello() -> Vec<u8> {
    let start = [22, 3, 1, 0, 66, 1, 0, 0, 62, 3, 3];
    let end = [
        0, 0, 2, 0xc0, 0x28, 1, 0, 0, 19, 0, 43, 0, 3, 2, 3, 3, 0, 16, 0, 8, 0, 6, 5, b'h', b'e',
        b'l', b'l', b'o',
    ];
    [&start[..], &[7; 32], &end].concat()
}

fn certificate_request() -> Vec<u8> {
    let signer = trust::Signer::ephemeral("a", trust::keys::Algorithm::P256).expect("a key");
    let subject = trust::name::Name::of_body("PE", "Prueba", "1").expect("a name");
    trust::ca_request::request(&subject, &signer).expect("a request")
}

fn agreement() -> Vec<u8> {
    let at = kernel::Moment::from_seconds(1_800_000_000);
    let subsystem = exchange::testing::asking();
    let terms = exchange::agreements::text::Terms {
        agreement: exchange::Agreement {
            number: "CONV-1".to_owned(),
            client: subsystem.clone(),
            service: exchange::testing::persons(),
            purpose: "licencia".to_owned(),
            fields: vec!["nombre".to_owned()],
            valid_from: at,
            until: at.plus_seconds(86_400),
            legal_ground: "DL 1310".to_owned(),
            daily_limit: Some(5),
        },
        version: 1,
        replaces: None,
        purpose_text: "Licencia de funcionamiento".to_owned(),
        proposer: subsystem.member,
        proposed_at: at,
    };
    terms.text().into_bytes()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|one| one.path())
    {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort_unstable();
    found
}

/// A file of X-Road, for every reader that it concerns.
fn real(name: &str, bytes: Vec<u8>, seeds: &mut Seeds) {
    match name {
        "shared-params.xml" => {
            for certificate in values(&bytes, "cert>").into_iter().take(3) {
                add(seeds, "certificate", certificate);
            }
            add(seeds, "global_configuration", bytes.clone());
            add(seeds, "signed_configuration", bytes);
        }
        "private-params.xml" | "configuration-anchor1.xml" | "internalconf" | "externalconf" => {
            add(seeds, "signed_configuration", bytes);
        }
        name if name.ends_with(".asice") => {
            unpacked(&bytes, seeds);
            add(seeds, "container", bytes);
        }
        _ => {}
    }
}

/// The files of a container, each for its reader.
fn unpacked(container: &[u8], seeds: &mut Seeds) {
    let archive = trust::zip::read(container, trust::zip::CONTAINER).expect("X-Road's container");
    let get = |name: &str| archive.get(name).map(<[u8]>::to_vec);
    if let Some(signature) = get("META-INF/signatures.xml") {
        for response in values(&signature, "EncapsulatedOCSPValue") {
            add(seeds, "ocsp", response);
        }
        add(seeds, "xades", signature);
    }
    if let Some(token) = get("META-INF/timestamp.tst") {
        add(seeds, "time_stamp", token.clone());
        add(seeds, "cms", token);
    }
    for kind in ["sig", "ts"] {
        let file = |what: &str| get(&format!("{kind}-{what}.xml"));
        if let (Some(result), Some(chain)) = (file("hashchainresult"), file("hashchain")) {
            add(seeds, "hash_chain", [result, chain].join(&0));
        }
    }
    if let Some(message) = get("message.xml") {
        add(seeds, "message", message);
    }
}

/// Base64 values of the elements whose start tags hold `name`.
fn values(xml: &[u8], name: &str) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(xml);
    let after = text
        .split(name)
        .skip(1)
        .filter_map(|rest| rest.split_once('<'));
    let texts = after.map(|(text, _)| text.rsplit('>').next().unwrap_or(text));
    let clean = texts.map(|text| text.split_whitespace().collect::<String>());
    let long = clean.filter(|text| text.len() > 100);
    long.filter_map(|text| BASE64.decode(text.as_bytes()).ok())
        .collect()
}
