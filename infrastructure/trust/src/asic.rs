//! Signature containers (ASiC-E) as X-Road's message log hands them out: written, read and judged.
//!
//! Source: X-Road's message log and ETSI EN 319 162. `exchange` writes one per message, anybody verifies them:
//! [`verify_container`] says with reasons whether a container proves its message. It promises the order and names of
//! X-Road's own containers, and reading within [`crate::zip::CONTAINER`]. It refuses files that nothing explains.

mod manifest;
mod report;
mod sender;
#[cfg(test)]
mod tests;
mod verify;

pub use report::{Check, Proof, Refusal, Report, Step};
pub use verify::verify_container;

use kernel::Moment;

use crate::error::TrustError;
use crate::hashchain::{self, Built, HashChainError, Part, Tree};
use crate::sigalg::Hash;
use crate::xades::message::{self, MessageSignature, VerifiedMessage};
use crate::zip::{self, ZipError};

/// The media type of the container.
pub const MIME_TYPE: &str = "application/vnd.etsi.asic-e+zip";
/// The archive comment that X-Road writes.
pub const COMMENT: &str = "mimetype=application/vnd.etsi.asic-e+zip";
/// Most attachments of one message that are read.
pub const ATTACHMENTS_MAX: usize = 1_000;

const SIGNATURES: &str = "META-INF/signatures.xml";
const MANIFEST: &str = "META-INF/manifest.xml";
const ASIC_MANIFEST: &str = "META-INF/ASiCManifest.xml";
const TOKEN: &str = "META-INF/timestamp.tst";
const MESSAGE: &str = "message.xml";
const HASH_CHAIN_RESULT: &str = "sig-hashchainresult.xml";
const HASH_CHAIN: &str = "sig-hashchain.xml";
const STAMP_CHAIN_RESULT: &str = "ts-hashchainresult.xml";
const STAMP_CHAIN: &str = "ts-hashchain.xml";

/// A time stamp over a batch of signatures, as it concerns one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchStamp {
    /// The hash chain result, whose bytes are stamped.
    pub result: Vec<u8>,
    /// The hash chain from it to this signature.
    pub chain: Vec<u8>,
    /// The RFC 3161 token (DER).
    pub token: Vec<u8>,
}

/// Everything in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The message.
    pub message: Vec<u8>,
    /// Its attachments, in order; the body of a REST message is the first.
    pub attachments: Vec<Vec<u8>>,
    /// The signature document.
    pub signature: Vec<u8>,
    /// Hash chain result and hash chain, if the signature is over one.
    pub hash_chain: Option<(Vec<u8>, Vec<u8>)>,
    /// The batch time stamp, unless the signature holds its own.
    pub batch_stamp: Option<BatchStamp>,
}

/// A container of any program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its files.
    pub container: Container,
    /// A time stamp (RFC 3161, DER) over the value of the signature alone.
    pub token: Option<Vec<u8>>,
    /// Names of files that nothing in it covers.
    pub uncovered: Vec<String>,
}

/// Hash chains over a batch of signature documents: `result` is what the authority stamps, with SHA-512.
pub fn stamp_chains(signatures: &[&[u8]]) -> Result<Built, HashChainError> {
    let inputs: Vec<Vec<Part>> = signatures
        .iter()
        .map(|bytes| {
            vec![Part {
                uri: format!("/{SIGNATURES}"),
                digest: Hash::Sha512.digest(bytes),
            }]
        })
        .collect();
    hashchain::build(Hash::Sha512, "/ts-hashchain.xml", &inputs)
}

/// The tree over a batch of signature documents, of which the SHA-256 digests are given: X-Road's verifier takes chains
/// of any SHA-2 method, and the digests serve the journal too. The authority stamps the result, with SHA-512.
pub fn stamp_tree(digests: &[[u8; 32]]) -> Result<Tree<'static>, HashChainError> {
    let input = |digest: &[u8; 32]| {
        vec![Part {
            uri: format!("/{SIGNATURES}"),
            digest: digest.to_vec(),
        }]
    };
    Tree::over(
        Hash::Sha256,
        "/ts-hashchain.xml",
        digests.iter().map(input).collect(),
    )
}

/// Why a container could not be read. The names are X-Road's error codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// `asic_invalid_container`: not a ZIP archive of the accepted kind.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// `asic_..._not_found`: a file that must be there is not.
    #[error("{name} is missing")]
    Missing {
        /// X-Road's code.
        code: &'static str,
        /// The file.
        name: &'static str,
    },
    /// `asic_invalid_mime_type`.
    #[error("the container is of another media type")]
    MimeType,
    /// `asic_invalid_container`: a file that has no place in a container, or a manifest that does not fit.
    #[error("the container's content is wrong: {0}")]
    Content(String),
}

impl ContainerError {
    /// X-Road's code for this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { code, .. } => code,
            Self::MimeType => "asic_invalid_mime_type",
            Self::Zip(_) | Self::Content(_) => "asic_invalid_container",
        }
    }
}

impl Container {
    /// A container for a message that was just signed.
    pub fn of(message: &[u8], attachments: &[&[u8]], signed: &MessageSignature) -> Self {
        let bytes = |text: &String| text.as_bytes().to_vec();
        Self {
            message: message.to_vec(),
            attachments: attachments.iter().map(|bytes| bytes.to_vec()).collect(),
            signature: bytes(&signed.signature),
            hash_chain: signed
                .hash_chain
                .as_ref()
                .map(|(result, chain)| (bytes(result), bytes(chain))),
            batch_stamp: None,
        }
    }

    /// Verifies signature and hash chain over the container's message and attachments, without trust or time.
    pub fn verify_signature(&self) -> Result<VerifiedMessage, message::MessageError> {
        let names: Vec<String> = (1..=self.attachments.len())
            .map(message::attachment)
            .collect();
        let mut parts: Vec<(&str, &[u8])> = vec![(message::MESSAGE, &self.message)];
        parts.extend(
            names
                .iter()
                .map(String::as_str)
                .zip(self.attachments.iter().map(Vec::as_slice)),
        );
        let chain = self
            .hash_chain
            .as_ref()
            .map(|(result, chain)| (result.as_slice(), chain.as_slice()));
        message::verify_message(&self.signature, chain, &parts)
    }

    /// Writes the container; files are dated `at`. Errors: too large for ZIP.
    pub fn to_bytes(&self, at: Moment) -> Result<Vec<u8>, TrustError> {
        self.write(at).map_err(|_| TrustError::TooLarge {
            what: "container",
            limit: u32::MAX as usize,
        })
    }

    fn write(&self, at: Moment) -> Result<Vec<u8>, ZipError> {
        let mut zip = zip::Writer::new(at);
        zip.deflated("mimetype", MIME_TYPE.as_bytes())?;
        zip.deflated(MESSAGE, &self.message)?;
        zip.deflated(SIGNATURES, &self.signature)?;
        if let Some((result, chain)) = &self.hash_chain {
            zip.deflated(HASH_CHAIN_RESULT, result)?;
            zip.deflated(HASH_CHAIN, chain)?;
        }
        if let Some(stamp) = &self.batch_stamp {
            zip.deflated(STAMP_CHAIN_RESULT, &stamp.result)?;
            zip.deflated(STAMP_CHAIN, &stamp.chain)?;
        }
        zip.deflated(MANIFEST, manifest::files(&self.data_files()).as_bytes())?;
        if let Some(stamp) = &self.batch_stamp {
            zip.deflated(ASIC_MANIFEST, manifest::stamped(&stamp.result).as_bytes())?;
            zip.deflated(TOKEN, &stamp.token)?;
        }
        for (at, attachment) in self.attachments.iter().enumerate() {
            zip.deflated(&format!("attachment{}", at + 1), attachment)?;
        }
        zip.finish(COMMENT)
    }

    /// The files outside of META-INF, with their media types.
    fn data_files(&self) -> Vec<(String, &'static str)> {
        let mut files = vec![(MESSAGE.to_owned(), "text/xml")];
        let mut chain =
            |names: [&str; 2]| files.extend(names.map(|name| (name.to_owned(), "text/xml")));
        if self.hash_chain.is_some() {
            chain([HASH_CHAIN_RESULT, HASH_CHAIN]);
        }
        if self.batch_stamp.is_some() {
            chain([STAMP_CHAIN_RESULT, STAMP_CHAIN]);
        }
        let attachments = (1..=self.attachments.len())
            .map(|at| (format!("attachment{at}"), "application/octet-stream"));
        files.extend(attachments);
        files
    }

    /// Reads a container of our own: all files there, none without a place, manifests consistent.
    pub fn read(bytes: &[u8]) -> Result<Self, ContainerError> {
        let archive = zip::read(bytes, zip::CONTAINER)?;
        let container = Self::unpack(&archive)?;
        container.check_files(&archive)?;
        Ok(container)
    }

    /// Reads a container of any program, as X-Road's own verifier does: the two manifests prove nothing and are not
    /// asked for, and files that have no place are named in the answer, because nothing in the container covers them.
    ///
    /// # Errors
    /// A file that must be there is not, or an attachment's name would leave it outside of the signature.
    pub fn open(bytes: &[u8]) -> Result<Opened, ContainerError> {
        let archive = zip::read(bytes, zip::CONTAINER)?;
        let container = Self::unpack(&archive)?;
        let kept = [
            (MANIFEST, "asic_manifest_not_found"),
            (ASIC_MANIFEST, "asic_manifest_not_found"),
            (TOKEN, "asic_timestamp_not_found"),
        ];
        for (name, code) in kept {
            if archive.get(name).is_some() {
                need(&archive, name, code)?;
            }
        }
        let uncovered = container.uncovered(&archive);
        if let Some(name) = uncovered.iter().find(|name| name.starts_with("attachment")) {
            return Err(ContainerError::Content(format!("unexpected file {name:?}")));
        }
        let token = archive
            .get(TOKEN)
            .filter(|_| container.batch_stamp.is_none());
        Ok(Opened {
            token: token.map(<[u8]>::to_vec),
            container,
            uncovered,
        })
    }

    fn unpack(archive: &zip::Archive) -> Result<Self, ContainerError> {
        let told = need(archive, "mimetype", "asic_mime_type_not_found")?;
        if !told.eq_ignore_ascii_case(MIME_TYPE.as_bytes()) {
            return Err(ContainerError::MimeType);
        }
        let mut attachments = Vec::new();
        while let Some(bytes) = archive.get(&format!("attachment{}", attachments.len() + 1)) {
            attachments.push(bytes.to_vec());
        }
        Ok(Self {
            message: need(archive, MESSAGE, "asic_message_not_found")?,
            attachments,
            signature: need(archive, SIGNATURES, "asic_signature_not_found")?,
            hash_chain: chain(archive, HASH_CHAIN_RESULT, HASH_CHAIN)?,
            batch_stamp: batch_stamp(archive)?,
        })
    }

    /// Names of files that have no place in a container.
    fn uncovered(&self, archive: &zip::Archive) -> Vec<String> {
        let files = self.data_files();
        let expected = [
            "mimetype",
            "META-INF/",
            SIGNATURES,
            MANIFEST,
            ASIC_MANIFEST,
            TOKEN,
        ];
        let has_place =
            |name: &str| expected.contains(&name) || files.iter().any(|(known, _)| known == name);
        let names = archive.entries.iter().map(|entry| entry.name.clone());
        names.filter(|name| !has_place(name)).collect()
    }

    fn check_files(&self, archive: &zip::Archive) -> Result<(), ContainerError> {
        let files = self.data_files();
        if let Some(name) = self.uncovered(archive).first() {
            return Err(ContainerError::Content(format!("unexpected file {name:?}")));
        }
        if archive.get(TOKEN).is_some() && self.batch_stamp.is_none() {
            let code = "asic_hash_chain_result_not_found";
            return Err(ContainerError::Missing {
                code,
                name: STAMP_CHAIN_RESULT,
            });
        }
        let content = |what: &str| ContainerError::Content(what.to_owned());
        match archive.get(MANIFEST) {
            Some(bytes) if !manifest::lists(bytes, &files) => return Err(content("manifest.xml")),
            Some(_) => {}
            None => {
                return Err(ContainerError::Missing {
                    code: "asic_manifest_not_found",
                    name: MANIFEST,
                });
            }
        }
        match (archive.get(ASIC_MANIFEST), &self.batch_stamp) {
            (Some(bytes), Some(stamp)) if manifest::fits(bytes, &stamp.result) => Ok(()),
            (None, None) => Ok(()),
            _ => Err(content("ASiCManifest.xml")),
        }
    }
}

fn need(
    archive: &zip::Archive,
    name: &'static str,
    code: &'static str,
) -> Result<Vec<u8>, ContainerError> {
    filled(archive, name)
        .map(<[u8]>::to_vec)
        .ok_or(ContainerError::Missing { code, name })
}

/// A file with anything but white space in it; X-Road takes an empty one for none.
fn filled<'a>(archive: &'a zip::Archive, name: &str) -> Option<&'a [u8]> {
    let bytes = archive.get(name)?;
    (!bytes.trim_ascii().is_empty()).then_some(bytes)
}

type ResultAndChain = (Vec<u8>, Vec<u8>);

/// A hash chain result and its chain: both or neither.
fn chain(
    archive: &zip::Archive,
    result: &'static str,
    chain: &'static str,
) -> Result<Option<ResultAndChain>, ContainerError> {
    if filled(archive, result).is_none() && filled(archive, chain).is_none() {
        return Ok(None);
    }
    let result = need(archive, result, "asic_hash_chain_result_not_found")?;
    Ok(Some((
        result,
        need(archive, chain, "asic_hash_chain_not_found")?,
    )))
}

/// A token and the chain from it to the signature: both or neither.
fn batch_stamp(archive: &zip::Archive) -> Result<Option<BatchStamp>, ContainerError> {
    match (
        chain(archive, STAMP_CHAIN_RESULT, STAMP_CHAIN)?,
        archive.get(TOKEN),
    ) {
        (None, None) => Ok(None),
        (Some((result, chain)), _) => {
            let token = need(archive, TOKEN, "asic_timestamp_not_found")?;
            Ok(Some(BatchStamp {
                result,
                chain,
                token,
            }))
        }
        // X-Road's immediate mode: the token is over the signature's value.
        (None, Some(_)) => Ok(None),
    }
}

/// Feeds any bytes to the readers of this module; for fuzzers and the mutating tests. Must never panic.
pub fn fuzz(bytes: &[u8]) {
    let _ = Container::read(bytes);
    if let Ok(opened) = Container::open(bytes) {
        let _ = opened.container.verify_signature();
    }
}
