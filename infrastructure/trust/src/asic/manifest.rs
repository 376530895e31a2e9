//! The two manifests of a container: the list of files (OpenDocument's) and what is stamped (ETSI's).

use std::fmt::Write as _;

use super::{MIME_TYPE, STAMP_CHAIN_RESULT, TOKEN};
use crate::sigalg::Hash;
use crate::xades::DS;
use crate::xades::algorithm::digest_from_uri;
use crate::xml;

const OPEN_DOCUMENT: &str = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0";
const ETSI: &str = "http://uri.etsi.org/2918/v1.2.1#";

/// Writes `manifest.xml` for these files.
pub(super) fn files(files: &[(String, &str)]) -> String {
    let mut out = String::with_capacity(512);
    let _ = writeln!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<manifest:manifest xmlns:manifest=\"{OPEN_DOCUMENT}\" \
         manifest:version=\"1.2\">"
    );
    let root = std::iter::once(("/", MIME_TYPE));
    for (name, mime) in root.chain(files.iter().map(|(name, mime)| (name.as_str(), *mime))) {
        let _ = writeln!(
            out,
            "    <manifest:file-entry manifest:media-type=\"{mime}\" manifest:full-path=\"{name}\"/>"
        );
    }
    out.push_str("</manifest:manifest>\n");
    out
}

/// Whether `manifest.xml` lists exactly these files.
pub(super) fn lists(bytes: &[u8], files: &[(String, &str)]) -> bool {
    listed(bytes).is_some_and(|mut listed| {
        let mut expected: Vec<&str> = files
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(["/"])
            .collect();
        expected.sort_unstable();
        listed.sort_unstable();
        listed == expected
    })
}

fn listed(bytes: &[u8]) -> Option<Vec<String>> {
    let text = xml::text(bytes, xml::HASH_CHAIN).ok()?;
    let tree = xml::tree(&text, xml::HASH_CHAIN).ok()?;
    let root = tree.root_element();
    if !xml::is(root, OPEN_DOCUMENT, "manifest") {
        return None;
    }
    let mut names = Vec::new();
    for entry in root.children().filter(roxmltree::Node::is_element) {
        let media_type = entry.attribute((OPEN_DOCUMENT, "media-type"))?;
        let known = ["text/xml", "application/octet-stream", MIME_TYPE].contains(&media_type);
        if !xml::is(entry, OPEN_DOCUMENT, "file-entry") || !known {
            return None;
        }
        names.push(entry.attribute((OPEN_DOCUMENT, "full-path"))?.to_owned());
    }
    Some(names)
}

/// Writes `ASiCManifest.xml`: the token covers the hash chain result.
pub(super) fn stamped(result: &[u8]) -> String {
    let digest = data_encoding::BASE64.encode(&Hash::Sha512.digest(result));
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <asic:ASiCManifest xmlns:asic=\"{ETSI}\" xmlns:ds=\"{DS}\">\n\
         <asic:SigReference URI=\"{TOKEN}\" MimeType=\"vnd.etsi.timestamp-token\"/>\n\
         <asic:DataObjectReference URI=\"{STAMP_CHAIN_RESULT}\" MimeType=\"text/xml\">\n\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha512\"/>\n\
         <ds:DigestValue>{digest}</ds:DigestValue>\n</asic:DataObjectReference>\n</asic:ASiCManifest>\n"
    )
}

/// Whether `ASiCManifest.xml` says that the token covers this hash chain result.
pub(super) fn fits(bytes: &[u8], result: &[u8]) -> bool {
    check(bytes, result).unwrap_or(false)
}

fn check(bytes: &[u8], result: &[u8]) -> Option<bool> {
    let text = xml::text(bytes, xml::HASH_CHAIN).ok()?;
    let tree = xml::tree(&text, xml::HASH_CHAIN).ok()?;
    let root = tree.root_element();
    if !xml::is(root, ETSI, "ASiCManifest") {
        return None;
    }
    let signature = xml::only_child(root, ETSI, "SigReference")?.attribute("URI")?;
    let object = xml::only_child(root, ETSI, "DataObjectReference")?;
    let method = xml::only_child(object, DS, "DigestMethod")?.attribute("Algorithm")?;
    let digest = xml::binary(xml::only_child(object, DS, "DigestValue")?)?;
    let names = (signature, object.attribute("URI")?) == (TOKEN, STAMP_CHAIN_RESULT);
    Some(names && digest_from_uri(method)?.digest(result) == digest)
}
