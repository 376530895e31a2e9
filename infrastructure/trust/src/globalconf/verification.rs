//! Shared parameters as a verifier of containers takes them: a folder with one folder for each ecosystem.
//!
//! Source: X-Road's asicverifier and the answer to `GET /verificationconf`. `INSTANCE/shared-params.xml`, beside it
//! `shared-params.xml.metadata` with the version, and `instance-identifier`. Nothing in it is signed: whoever hands it to
//! a verifier vouches for it.

use serde::{Deserialize, Serialize};

use super::write::SHARED_FILE;
use super::{GlobalConfError, SharedParams, Version, bad};

/// What is appended to the name of a file for the file about it.
const METADATA: &str = ".metadata";
/// The file that names the ecosystem of whoever hands the folder out.
const INSTANCE_FILE: &str = "instance-identifier";
/// Most ecosystems in one folder.
pub const ECOSYSTEMS_MAX: usize = 64;

/// What the metadata file tells; other fields, which X-Road's own folders have, are passed over.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    configuration_version: Option<String>,
}

/// The files of one ecosystem's folder, with their paths.
///
/// # Errors
/// The instance's name can't be that of a folder.
pub fn files(
    instance: &str,
    version: Version,
    shared: &[u8],
) -> Result<Vec<(String, Vec<u8>)>, GlobalConfError> {
    let odd = instance.is_empty() || instance.starts_with('.') || instance.contains(['/', '\\']);
    if odd || instance.contains(char::is_control) {
        return Err(GlobalConfError::Unwritable(
            "the instance's name".to_owned(),
        ));
    }
    let metadata = Metadata {
        configuration_version: Some(version.to_string()),
    };
    let metadata = serde_json::to_vec(&metadata).map_err(bad)?;
    let path = format!("{instance}/{SHARED_FILE}");
    Ok(vec![
        (format!("{path}{METADATA}"), metadata),
        (path, shared.to_vec()),
        (INSTANCE_FILE.to_owned(), instance.as_bytes().to_vec()),
    ])
}

/// The ecosystems among files with their paths: every `shared-params.xml`, by the version that its metadata tell.
///
/// # Errors
/// One of them is not readable, or there are too many.
pub fn read(files: &[(String, Vec<u8>)]) -> Result<Vec<SharedParams>, GlobalConfError> {
    let mut found = Vec::new();
    for (path, bytes) in files {
        if path.rsplit('/').next() != Some(SHARED_FILE) {
            continue;
        }
        if found.len() >= ECOSYSTEMS_MAX {
            return Err(bad("too many ecosystems in one folder"));
        }
        let beside = format!("{path}{METADATA}");
        let metadata = files.iter().find(|(other, _)| *other == beside);
        let params = match metadata.map(|(_, bytes)| version_of(bytes)).transpose()? {
            Some(Some(version)) => SharedParams::read(bytes, version),
            _ => SharedParams::parse(bytes),
        };
        found.push(params?);
    }
    Ok(found)
}

/// The version in a metadata file, if it tells one; an unknown one is an error.
fn version_of(bytes: &[u8]) -> Result<Option<Version>, GlobalConfError> {
    let metadata: Metadata = serde_json::from_slice(bytes).map_err(bad)?;
    let known = |text: &String| text.parse().ok().and_then(Version::of);
    match &metadata.configuration_version {
        None => Ok(None),
        Some(text) => match known(text) {
            None => Err(bad(format!("unknown version {text}"))),
            version => Ok(version),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_back() {
        let mut params = SharedParams::new("PE");
        params.ocsp_freshness_seconds = 7;
        let xml = params.to_xml(Version::V2).unwrap().into_bytes();
        let packed = files("PE", Version::V2, &xml).unwrap();
        assert_eq!(packed[0].0, "PE/shared-params.xml.metadata");
        assert_eq!(packed[0].1, br#"{"configurationVersion":"2"}"#);
        assert_eq!(read(&packed).unwrap(), [params.clone()]);
        assert_eq!(read(&packed[1..]).unwrap(), [params]);
        let mut newer = packed.clone();
        newer[0].1 = br#"{"configurationVersion":"7"}"#.to_vec();
        assert!(read(&newer).is_err());
        for odd in ["", "..", "a/b", "a\\b", "a\nb"] {
            assert!(files(odd, Version::V2, &xml).is_err());
        }
        let many = vec![packed[1].clone(); ECOSYSTEMS_MAX + 1];
        assert!(read(&many).is_err());
    }
}
