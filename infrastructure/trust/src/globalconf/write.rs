//! Writes a global configuration: parameters of each version, the signed directory over them, anchors.
//!
//! Source: PR-GCONF section 2 and annexes B, C and E. Read by the authority of an instance. It promises files that are
//! valid against X-Road's schemas of the version asked for, that [`super::Distribution`] and [`SharedParams::read`] take
//! back, and that are the same bytes for the same values (but for an ECDSA signature's own chance). It refuses values
//! that a version can't say where silence would mislead: version 2 knows certificates by SHA-1 alone.

use std::fmt::Write as _;

use data_encoding::{BASE64, HEXLOWER};
use kernel::Moment;

use super::{
    GlobalConfError, PRIVATE_PARAMETERS, PrivateParams, SHARED_PARAMETERS, SharedParams,
    VerificationKey, Version,
};
use crate::keys::{Algorithm, Signer};
use crate::sigalg::Hash;
use crate::xades::algorithm::{digest_uri, signature_uri};

mod parameters;
mod xml;

/// Name of shared parameters in folders and addresses.
pub const SHARED_FILE: &str = "shared-params.xml";
/// Name of private parameters.
pub const PRIVATE_FILE: &str = "private-params.xml";
/// The content type of a signed directory in HTTP. The boundary stands in the body's own first line, as X-Road's readers
/// want it.
pub const CONTENT_TYPE: &str = "multipart/related;charset=UTF-8";

/// The hash of files and of the certificate, and under the signature.
const HASH: Hash = Hash::Sha512;
/// Letters of a boundary or a folder: a digest's first 80 bits.
const LABEL_LETTERS: usize = 20;

/// What is to be published.
#[derive(Clone, Copy, Debug)]
pub struct Edition<'a> {
    /// The format.
    pub version: Version,
    /// The shared parameters.
    pub shared: &'a SharedParams,
    /// The private parameters in the internal configuration, none in the external.
    pub private: Option<&'a PrivateParams>,
    /// When it is made; readers take no edition that was made before the one they hold.
    pub generated_at: Moment,
    /// Until when it may be used. Readers that know no moment of making go by this one, so a later edition should not
    /// end before an earlier one.
    pub expires_at: Moment,
}

/// What a source gives out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The signed directory: the answer to `GET /internalconf?version=N` or `/externalconf?version=N`.
    pub directory: Vec<u8>,
    /// The files that it names.
    pub files: Vec<PublishedFile>,
}

/// A file of a published configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its path at the source, for example `/V6/0f.../shared-params.xml`; other bytes have another path.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Signs an edition with the key of `certificate`, which readers hold in an anchor or in the source of an edition before.
///
/// # Errors
/// [`GlobalConfError::Unwritable`]: a value that the version can't hold, or the key can't sign now.
pub fn publish(
    edition: &Edition<'_>,
    signer: &Signer,
    certificate: &VerificationKey,
) -> Result<Published, GlobalConfError> {
    if signer.algorithm() == Algorithm::Ed25519 || signer.spki_der() != certificate.spki() {
        return Err(unwritable(
            "the key is not that of the certificate, or of no use here",
        ));
    }
    let version = edition.version;
    let mut files = Vec::new();
    let mut entries = Vec::new();
    let instance = quotable(&edition.shared.instance)?;
    let mut add = |identifier: &str, name: &str, bytes: Vec<u8>| {
        let folder = label(&bytes);
        let path = format!("/V{version}/{folder}/{name}");
        entries.push(entry(identifier, instance, &path, &bytes));
        files.push(PublishedFile { path, bytes });
    };
    if let Some(private) = edition.private {
        if private.instance != edition.shared.instance {
            return Err(unwritable("private and shared parameters of two instances"));
        }
        let bytes = private.to_xml(version)?.into_bytes();
        add(PRIVATE_PARAMETERS, PRIVATE_FILE, bytes);
    }
    let bytes = edition.shared.to_xml(version)?.into_bytes();
    add(SHARED_PARAMETERS, SHARED_FILE, bytes);
    let head = format!(
        "Expire-date: {}\r\nVersion: {version}\r\nGenerated-at: {}\r\n",
        edition.expires_at.iso_seconds(),
        edition.generated_at.iso(),
    );
    let directory = sign(&head, &entries, signer, certificate)?;
    Ok(Published { directory, files })
}

fn unwritable(what: impl std::fmt::Display) -> GlobalConfError {
    GlobalConfError::Unwritable(what.to_string())
}

/// An instance's name stands between single quotes in a header.
fn quotable(instance: &str) -> Result<&str, GlobalConfError> {
    let odd = |letter: char| letter.is_control() || matches!(letter, '\'' | '"' | ';');
    if instance.is_empty() || instance.contains(odd) {
        return Err(unwritable("the instance's name does not fit a header"));
    }
    Ok(instance)
}

/// Letters that stand for these bytes and no others.
fn label(bytes: &[u8]) -> String {
    let mut text = HEXLOWER.encode(&Hash::Sha256.digest(bytes));
    text.truncate(LABEL_LETTERS);
    text
}

fn entry(identifier: &str, instance: &str, path: &str, bytes: &[u8]) -> String {
    format!(
        "Content-type: application/octet-stream\r\n\
         Content-transfer-encoding: base64\r\n\
         Content-identifier: {identifier}; instance='{instance}'\r\n\
         Content-location: {path}\r\n\
         Hash-algorithm-id: {}\r\n\r\n{}",
        digest_uri(HASH),
        BASE64.encode(&HASH.digest(bytes)),
    )
}

/// The two nested multiparts.
fn sign(
    head: &str,
    entries: &[String],
    signer: &Signer,
    certificate: &VerificationKey,
) -> Result<Vec<u8>, GlobalConfError> {
    let inner = label(format!("{head}{}", entries.concat()).as_bytes());
    let mut body = format!("--{inner}\r\n{head}\r\n");
    for entry in entries {
        let _ = write!(body, "--{inner}\r\n{entry}\r\n");
    }
    let _ = write!(body, "--{inner}--\r\n");
    let value = signer.sign(body.as_bytes(), HASH).map_err(unwritable)?;
    let outer = label(body.as_bytes());
    let named = BASE64.encode(&HASH.digest(certificate.bytes()));
    let text = format!(
        "Content-Type: multipart/related; charset=UTF-8; boundary={outer}\r\n\r\n\
         --{outer}\r\n\
         Content-Type: multipart/mixed; charset=UTF-8; boundary={inner}\r\n\r\n\
         {body}\r\n--{outer}\r\n\
         Content-Type: application/octet-stream\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Signature-Algorithm-Id: {}\r\n\
         Verification-certificate-hash: {named}; hash-algorithm-id=\"{}\"\r\n\r\n\
         {}\r\n--{outer}--\r\n",
        signature_uri(signer.signature_algorithm(HASH)),
        digest_uri(HASH),
        BASE64.encode(&value),
    );
    Ok(text.into_bytes())
}
