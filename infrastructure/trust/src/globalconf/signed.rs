//! What a configuration source gives out: a directory of files, signed, with an end (PR-GCONF sections 2.3 and 2.4).
//!
//! Read by the exchange's client and by tests of what the authority publishes. [`Distribution`] and [`FileEntry`] are
//! proofs: only [`Distribution::verify`] makes them, after the signature over exactly the directory's bytes held under
//! one of the keys that the reader trusts, and before its end.

use kernel::Moment;

use super::mime::{Entity, Field};
use super::{GlobalConfError, VerificationKey, Version, bad};
use crate::sigalg::Hash;
use crate::xades::algorithm;
use crate::xml;

/// Content identifier of private parameters.
pub const PRIVATE_PARAMETERS: &str = "PRIVATE-PARAMETERS";
/// Content identifier of shared parameters.
pub const SHARED_PARAMETERS: &str = "SHARED-PARAMETERS";

/// Largest signed directory; X-Road's has under 2 kB.
pub const DIRECTORY_BYTES_MAX: usize = 256 * 1024;

/// A directory of configuration files that a trusted key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    version: Version,
    generated_at: Option<Moment>,
    expires_at: Moment,
    files: Vec<FileEntry>,
    signer: VerificationKey,
}

/// A file of a signed directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    identifier: String,
    instance: String,
    location: String,
    hash: Hash,
    digest: Vec<u8>,
}

impl Distribution {
    /// Reads what a source gave out, and checks it: the form, the signature under one of `keys`, the end.
    ///
    /// # Errors
    /// [`GlobalConfError`] with the first thing that does not fit.
    pub fn verify(
        bytes: &[u8],
        keys: &[VerificationKey],
        now: Moment,
    ) -> Result<Self, GlobalConfError> {
        if bytes.len() > DIRECTORY_BYTES_MAX {
            return Err(bad("the signed directory is too large"));
        }
        let outer = Entity::read(bytes)?;
        let [directory, signature] = outer.parts("related")?[..] else {
            return Err(bad("not two parts, a directory and its signature"));
        };
        let (directory, signature) = (Entity::read(directory)?, Entity::read(signature)?);
        let signer = check_signature(directory.body, &signature, keys)?;
        Self::read(&directory, signer, now)
    }

    fn read(
        directory: &Entity<'_>,
        signer: VerificationKey,
        now: Moment,
    ) -> Result<Self, GlobalConfError> {
        let parts = directory.parts("mixed")?;
        let (head, files) = parts.split_first().ok_or_else(|| bad("no parts"))?;
        let head = Entity::read(head)?;
        let expires_at = Moment::parse_iso(head.need("expire-date")?)
            .ok_or_else(|| bad("the header expire-date"))?;
        if now > expires_at {
            return Err(GlobalConfError::Expired(expires_at));
        }
        let generated_at = match head.get("generated-at") {
            None => None,
            Some(text) => Some(
                Moment::parse_iso(text)
                    .filter(|at| *at <= expires_at)
                    .ok_or_else(|| bad("the header generated-at"))?,
            ),
        };
        // The oldest sources don't tell their version; it is the second.
        let version = match head.get("version") {
            None => Version::V2,
            Some(text) => text
                .parse()
                .ok()
                .and_then(Version::of)
                .ok_or_else(|| bad(format!("unknown version {text}")))?,
        };
        let files = files
            .iter()
            .map(|part| FileEntry::read(&Entity::read(part)?))
            .collect::<Result<Vec<_>, _>>()?;
        for (at, file) in files.iter().enumerate() {
            let same = |other: &&FileEntry| {
                !file.identifier.is_empty()
                    && (&other.identifier, &other.instance) == (&file.identifier, &file.instance)
            };
            if files[..at].iter().find(same).is_some() {
                return Err(bad(format!("{} is there twice", file.identifier)));
            }
        }
        Ok(Self {
            version,
            generated_at,
            expires_at,
            files,
            signer,
        })
    }

    /// The version of its files.
    pub fn version(&self) -> Version {
        self.version
    }

    /// When it was made, if the source says so: a header of this project's writer, which other readers pass over.
    pub fn generated_at(&self) -> Option<Moment> {
        self.generated_at
    }

    /// Whether it is older than `other`: by the moments of making, or, where one does not tell, by the ends.
    pub fn is_older_than(&self, other: &Self) -> bool {
        match (self.generated_at, other.generated_at) {
            (Some(own), Some(others)) => own < others,
            _ => self.expires_at < other.expires_at,
        }
    }

    /// Until when it may be used.
    pub fn expires_at(&self) -> Moment {
        self.expires_at
    }

    /// The key that signed it.
    pub fn signer(&self) -> &VerificationKey {
        &self.signer
    }

    /// All files.
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The file with this content identifier about `instance`.
    pub fn file(&self, identifier: &str, instance: &str) -> Option<&FileEntry> {
        let fits = |file: &&FileEntry| file.identifier == identifier && file.instance == instance;
        self.files.iter().find(fits)
    }
}

/// Finds the key that the signature part names among those trusted, and verifies with it.
fn check_signature(
    signed: &[u8],
    part: &Entity<'_>,
    keys: &[VerificationKey],
) -> Result<VerificationKey, GlobalConfError> {
    let wrong = |what: &str| GlobalConfError::Signature(what.to_owned());
    octets_in_base64(part)?;
    let uri = part.need("signature-algorithm-id")?;
    let algorithm = algorithm::signature_from_uri(uri)
        .ok_or_else(|| wrong(&format!("the algorithm {uri} is not taken")))?;
    let named = Field::read(part.need("verification-certificate-hash")?)?;
    let hash = named
        .get("hash-algorithm-id")
        .and_then(algorithm::digest_from_uri);
    let hash = hash.ok_or_else(|| wrong("the hash of the certificate"))?;
    let digest = xml::base64(&named.value).ok_or_else(|| bad("verification-certificate-hash"))?;
    let key = keys.iter().find(|key| key.is_named_by(hash, &digest));
    let key = key.ok_or_else(|| wrong("signed with a key that is not trusted for this source"))?;
    let value = base64(part.body).ok_or_else(|| bad("the signature's value"))?;
    // X-Road writes ECDSA values in DER, XML Signature (whose identifiers these are) as r || s; both are unambiguous.
    let holds = algorithm.verify(key.spki(), signed, &value).is_ok()
        || algorithm::verifies(algorithm, key.spki(), signed, &value);
    if holds {
        Ok(key.clone())
    } else {
        Err(wrong("it is of other bytes or another key"))
    }
}

/// What PR-GCONF demands of every part with content.
fn octets_in_base64(part: &Entity<'_>) -> Result<(), GlobalConfError> {
    let kind = Field::read(part.need("content-type")?)?;
    if !kind.value.eq_ignore_ascii_case("application/octet-stream") {
        return Err(bad("the header content-type"));
    }
    let encoding = part.need("content-transfer-encoding")?;
    match encoding.eq_ignore_ascii_case("base64") {
        true => Ok(()),
        false => Err(bad("the header content-transfer-encoding")),
    }
}

fn base64(body: &[u8]) -> Option<Vec<u8>> {
    xml::base64(std::str::from_utf8(body).ok()?)
}

impl FileEntry {
    fn read(part: &Entity<'_>) -> Result<Self, GlobalConfError> {
        octets_in_base64(part)?;
        let named = Field::read(part.get("content-identifier").unwrap_or_default())?;
        let instance = named.get("instance").unwrap_or_default().to_owned();
        let ours = [PRIVATE_PARAMETERS, SHARED_PARAMETERS].contains(&named.value.as_str());
        if ours && instance.is_empty() {
            return Err(bad("content-identifier without instance"));
        }
        let hash = algorithm::digest_from_uri(part.need("hash-algorithm-id")?)
            .ok_or_else(|| bad("the header hash-algorithm-id"))?;
        let digest = base64(part.body).filter(|digest| digest.len() == hash.len());
        Ok(Self {
            identifier: named.value,
            instance,
            location: part.need("content-location")?.to_owned(),
            hash,
            digest: digest.ok_or_else(|| bad("a file's digest"))?,
        })
    }

    /// What the file is, for example `SHARED-PARAMETERS`; empty if the directory does not say.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The ecosystem that it describes; empty if the directory does not say.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Where it lies: an address, or one relative to that of the directory.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whether `bytes` are this file.
    pub fn is(&self, bytes: &[u8]) -> bool {
        self.hash.digest(bytes) == self.digest
    }

    /// The digest that was signed.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// Demands that `bytes` are this file.
    ///
    /// # Errors
    /// [`GlobalConfError::OtherFile`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), GlobalConfError> {
        match self.is(bytes) {
            true => Ok(()),
            false => Err(GlobalConfError::OtherFile(self.identifier.clone())),
        }
    }

    /// Where the file is to be fetched if the directory came from `url` (RFC 3986 section 5.2, without dot segments).
    ///
    /// # Errors
    /// Neither of them is an address of http or https.
    pub fn url(&self, url: &str) -> Result<String, GlobalConfError> {
        let web = |text: &str| text.starts_with("http://") || text.starts_with("https://");
        let location = self.location.as_str();
        if web(location) {
            return Ok(location.to_owned());
        }
        let scheme = url.split_once("://").filter(|_| web(url));
        let (scheme, rest) = scheme.ok_or_else(|| bad("the address of a source"))?;
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(host_end);
        if let Some(elsewhere) = location.strip_prefix("//") {
            return Ok(format!("{scheme}://{elsewhere}"));
        }
        if location.starts_with('/') {
            return Ok(format!("{scheme}://{host}{location}"));
        }
        if location
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            return Err(bad("a file that is not given out by http or https"));
        }
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(format!("{scheme}://{host}{folder}/{location}"))
    }
}
