//! Path validation against NIST's PKITS, where `TAMBO_PKITS` names the folder with its `certs`.

use std::path::PathBuf;

use super::*;

#[test]
fn pkits() {
    let Some(folder) = std::env::var_os("TAMBO_PKITS").map(PathBuf::from) else {
        println!("not run: TAMBO_PKITS names no folder with the certificates of NIST PKITS");
        return;
    };
    let mut all = Vec::new();
    for item in std::fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let name = item.file_name().into_string().unwrap();
        all.push((
            name,
            Certificate::from_der(&std::fs::read(item.path()).unwrap()),
        ));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let at = Moment::parse_iso("2020-01-01T00:00:00Z").unwrap();
    let others: Vec<_> = all
        .iter()
        .filter_map(|(_, c)| c.as_ref().ok().cloned())
        .collect();
    let root = others
        .iter()
        .find(|c| c.subject().rfc2253().starts_with("CN=Trust Anchor,"))
        .unwrap();
    let anchors = Anchors::new(vec![root.clone()]);
    let mut agreed = 0;
    for (name, certificate) in &all {
        let Some(test) = name.strip_suffix("EE.crt") else {
            continue;
        };
        let should = !test.starts_with("Invalid");
        let found = certificate
            .as_ref()
            .ok()
            .map(|c| anchors.validate(c, &others, at));
        match found.is_some_and(|found| found.is_ok()) {
            is if is == should => agreed += 1,
            true => assert!(is_any(test, REVOCATION), "{test} must be refused"),
            false => assert!(is_any(test, STRICTER), "{test} must be accepted"),
        }
    }
    println!("PKITS: {agreed} end certificates as NIST says, the others for a stated reason");
    assert!(agreed >= 130, "{agreed}");
}

/// Refused by NIST for what a revocation list says: here OCSP answers that, apart from the path.
const REVOCATION: &[&str] = &[
    "CRL",
    "Revoked",
    "SelfIssued",
    "SerialNumber",
    "SeparateCertificate",
    "cRL",
    "distributionPoint",
    "only",
];

/// Accepted by NIST, refused here as the module says: constraints, policies, names that differ in bytes, DSA.
const STRICTER: &[&str] = &[
    "nameConstraints",
    "Polic",
    "NameChaining",
    "UTF8String",
    "DSA",
];

fn is_any(test: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| test.contains(part))
}
