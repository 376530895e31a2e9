//! Signatures of X-Road's own software, and ours against tools that know nothing of this code.

use super::*;
use crate::zip;

fn fixture(name: &str) -> Option<zip::Archive> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/xroad/asic");
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
        assert_eq!(check(&archive).unwrap_err().code(), "invalid_signature_value", "{name}");
    }
}
