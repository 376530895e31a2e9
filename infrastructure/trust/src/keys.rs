//! Private keys: where they live (`KeyStore`) and how they are used (`Signer`).
//!
//! Everyone who signs reads this. It promises that a private key leaves the store only as signatures, and that key
//! files without the passphrase are of no use. It refuses labels that are no plain file names, damaged files, and
//! overwriting a key. Keys come from the machine's randomness always, never from a seed: a repeatable key is no key.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::asn1::{self, Node};
use crate::error::TrustError;
use crate::keys_file::FileKeys;
pub use crate::keys_file::{Cost, LABEL_BYTES_MAX};
use crate::sigalg::{self, Hash, SignatureAlgorithm};

/// The kinds of keys that the store makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// ECDSA on P-256: small and fast, the default for everything of this house.
    P256,
    /// RSA of 2048 bits, for peers whose software knows nothing newer.
    Rsa2048,
    /// Ed25519, for signed notes of the transparency log alone: no certificate of ours holds one.
    Ed25519,
}

/// The secret that opens a key store. Wiped from memory when dropped, never printed.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the passphrase; leading and trailing line ends (of a secrets file) are dropped.
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(Zeroizing::new(text.trim_matches(['\n', '\r']).to_owned()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// What the store knows of a key without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// The label.
    pub label: String,
    /// 1 for the first key of the label; each rotation adds one.
    pub generation: u32,
    /// The kind of key.
    pub algorithm: Algorithm,
    /// The public key as SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}

/// The keys of one body. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeyStore {
    place: Arc<Place>,
    /// Whether no key may be made.
    as_is: bool,
}

/// Where keys live. A second variant, a PKCS#11 token, fits here: it would open a session instead of a folder, give
/// `Signer`s whose `Secret` is a handle, and refuse `tls_key` (the key can't leave it) in favour of a rustls signer.
#[derive(Debug)]
enum Place {
    Files(FileKeys),
}

/// Signs with one private key. Cheap to clone.
#[derive(Clone)]
pub struct Signer {
    secret: Arc<Secret>,
    spki: Arc<[u8]>,
    label: Arc<str>,
}

enum Secret {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl KeyStore {
    /// Opens the store in `folder`, making it if the folder is empty or missing. Takes about 30 ms: the key that
    /// wraps all others is derived from the passphrase here, once.
    pub fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, TrustError> {
        Self::open_with(folder, passphrase, Cost::default())
    }

    /// As `open`; a store that is made now gets this `cost`. One that exists keeps the cost it was made with.
    pub fn open_with(
        folder: &Path,
        passphrase: &Passphrase,
        cost: Cost,
    ) -> Result<Self, TrustError> {
        let files = FileKeys::open(folder, passphrase, cost)?;
        Ok(Self {
            place: Arc::new(Place::Files(files)),
            as_is: false,
        })
    }

    /// The same keys, and no more: whoever reads must not make one as a side effect.
    #[must_use]
    pub fn as_is(mut self) -> Self {
        self.as_is = true;
        self
    }

    /// Makes the first key of `label` (1 to 64 of `a-z 0-9 - _ .`). It is on disk when this returns.
    pub fn create(&self, label: &str, algorithm: Algorithm) -> Result<Signer, TrustError> {
        let Place::Files(files) = &*self.place;
        if files.newest(label)?.is_some() {
            return Err(TrustError::Key {
                label: label.to_owned(),
                why: "exists already",
            });
        }
        self.make(label, 1, algorithm)
    }

    /// Makes the next key of `label`; the older ones stay, so that what they signed or what names them goes on
    /// working. From now on `signer` gives the new key: whoever holds a certificate asks with `signer_for`.
    pub fn rotate(&self, label: &str) -> Result<Signer, TrustError> {
        let Place::Files(files) = &*self.place;
        let newest = files.newest(label)?.ok_or_else(|| unknown(label))?;
        self.make(label, newest.generation + 1, newest.algorithm)
    }

    /// The newest key of `label`.
    pub fn signer(&self, label: &str) -> Result<Signer, TrustError> {
        let Place::Files(files) = &*self.place;
        let newest = files.newest(label)?.ok_or_else(|| unknown(label))?;
        self.load(&newest)
    }

    /// The newest key of `label`, made now if there is none.
    pub fn signer_or_create(&self, label: &str, kind: Algorithm) -> Result<Signer, TrustError> {
        let Place::Files(files) = &*self.place;
        match files.newest(label)? {
            Some(entry) => self.load(&entry),
            // Another task may make it at this moment: then its key is the one.
            None => self.create(label, kind).or_else(|cause| match cause {
                TrustError::Key { .. } => self.signer(label),
                other => Err(other),
            }),
        }
    }

    /// The key whose public half is `spki` (as a certificate holds it), of any label and generation.
    pub fn signer_for(&self, spki: &[u8]) -> Result<Signer, TrustError> {
        let found = self.list()?.into_iter().find(|entry| entry.spki == spki);
        self.load(&found.ok_or_else(|| unknown("of this certificate"))?)
    }

    /// All keys, sorted by label and generation.
    pub fn list(&self) -> Result<Vec<KeyEntry>, TrustError> {
        let Place::Files(files) = &*self.place;
        files.list()
    }

    fn make(&self, label: &str, generation: u32, kind: Algorithm) -> Result<Signer, TrustError> {
        if self.as_is {
            return Err(TrustError::Key {
                label: label.to_owned(),
                why: "would have to be made, and this command makes none: run `tambo serve` once",
            });
        }
        let Place::Files(files) = &*self.place;
        let pkcs8 = generate(kind)?;
        let signer = Signer::from_pkcs8(label, kind, &pkcs8)?;
        let spki = signer.spki.to_vec();
        let entry = KeyEntry {
            label: label.to_owned(),
            generation,
            algorithm: kind,
            spki,
        };
        files.write(&entry, &pkcs8)?;
        Ok(signer)
    }

    fn load(&self, entry: &KeyEntry) -> Result<Signer, TrustError> {
        let Place::Files(files) = &*self.place;
        let pkcs8 = files.read(entry)?;
        Signer::from_pkcs8(&entry.label, entry.algorithm, &pkcs8)
    }
}

fn unknown(label: &str) -> TrustError {
    TrustError::Key {
        label: label.to_owned(),
        why: "does not exist",
    }
}

fn provider(what: &'static str) -> TrustError {
    TrustError::Provider { what }
}

/// A new private key as PKCS#8.
fn generate(kind: Algorithm) -> Result<Zeroizing<Vec<u8>>, TrustError> {
    let failed = || provider("generate a key");
    let bytes = match kind {
        Algorithm::P256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(|_| failed())?
            .as_ref()
            .to_vec(),
        Algorithm::Rsa2048 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| failed())?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| failed())?;
            der.as_ref().to_vec()
        }
        Algorithm::Ed25519 => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(|_| failed())?
            .as_ref()
            .to_vec(),
    };
    Ok(Zeroizing::new(bytes))
}

impl Signer {
    /// A signer that lives only in memory: for the simulated country and for tests.
    pub fn ephemeral(label: &str, kind: Algorithm) -> Result<Self, TrustError> {
        Self::from_pkcs8(label, kind, &generate(kind)?)
    }

    fn from_pkcs8(label: &str, kind: Algorithm, pkcs8: &[u8]) -> Result<Self, TrustError> {
        let rejected = |_| TrustError::malformed("private key");
        let secret = match kind {
            Algorithm::P256 => Secret::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
                    .map_err(rejected)?,
            ),
            Algorithm::Rsa2048 => Secret::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8);
                Secret::Ed25519(pair.map_err(rejected)?)
            }
        };
        let spki = secret.spki();
        Ok(Self {
            secret: Arc::new(secret),
            spki: spki.into(),
            label: label.into(),
        })
    }

    /// The kind of key.
    pub fn algorithm(&self) -> Algorithm {
        match *self.secret {
            Secret::P256(_) => Algorithm::P256,
            Secret::Rsa(_) => Algorithm::Rsa2048,
            Secret::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The label under which the store holds the key.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How a signature with `hash` is named on the wire.
    pub fn signature_algorithm(&self, hash: Hash) -> SignatureAlgorithm {
        match *self.secret {
            Secret::P256(_) => SignatureAlgorithm::Ecdsa(hash),
            Secret::Rsa(_) => SignatureAlgorithm::RsaPkcs1(hash),
            Secret::Ed25519(_) => SignatureAlgorithm::Ed25519,
        }
    }

    /// The public key as SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Signs `data`: ECDSA in DER, RSA PKCS#1 v1.5, or Ed25519, which has its own digest and passes `hash` over.
    pub fn sign(&self, data: &[u8], hash: Hash) -> Result<Vec<u8>, TrustError> {
        let failed = |_| provider("sign");
        match &*self.secret {
            Secret::P256(pair) => {
                let digest = p256_digest(data, hash)?;
                Ok(pair.sign_digest(&digest).map_err(failed)?.as_ref().to_vec())
            }
            Secret::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                let padding: &dyn RsaEncoding = match hash {
                    Hash::Sha256 => &signature::RSA_PKCS1_SHA256,
                    Hash::Sha384 => &signature::RSA_PKCS1_SHA384,
                    Hash::Sha512 => &signature::RSA_PKCS1_SHA512,
                };
                pair.sign(padding, &SystemRandom::new(), data, &mut out)
                    .map_err(failed)?;
                Ok(out)
            }
            Secret::Ed25519(pair) => Ok(pair.sign(data).as_ref().to_vec()),
        }
    }

    /// Signs `data` in the form of JOSE and XML signatures: ECDSA as `r||s` (64 bytes), RSA as `sign` does.
    pub fn sign_fixed(&self, data: &[u8], hash: Hash) -> Result<Vec<u8>, TrustError> {
        let signature = self.sign(data, hash)?;
        match *self.secret {
            Secret::P256(_) => ecdsa_fixed(&signature, 32),
            Secret::Rsa(_) | Secret::Ed25519(_) => Ok(signature),
        }
    }

    /// The key as rustls wants it, for TLS listeners and clients.
    pub fn tls_key(&self) -> Result<Arc<dyn rustls::sign::SigningKey>, TrustError> {
        let bytes = self.pkcs8()?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(&bytes[..]));
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&der)
            .map_err(|_| provider("load a key for TLS"))
    }

    /// The key as PEM, for the TLS stack of peers that need TLS 1.2; it stays in memory.
    pub fn tls_pem(&self) -> Result<Zeroizing<String>, TrustError> {
        Ok(Zeroizing::new(crate::cert::pem(
            &self.pkcs8()?,
            "PRIVATE KEY",
        )))
    }

    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, TrustError> {
        let failed = |_| provider("export a key for TLS");
        Ok(Zeroizing::new(match &*self.secret {
            Secret::P256(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Secret::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
            Secret::Ed25519(_) => {
                return Err(TrustError::Unsupported {
                    what: "Ed25519 key for TLS",
                });
            }
        }))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({}, {:?})", self.label, self.algorithm())
    }
}

impl Secret {
    fn spki(&self) -> Vec<u8> {
        let (algorithm, parameters, key) = match self {
            Self::P256(pair) => (
                sigalg::EC_PUBLIC_KEY,
                asn1::oid(sigalg::P256),
                pair.public_key().as_ref(),
            ),
            Self::Rsa(pair) => (
                sigalg::RSA_ENCRYPTION,
                asn1::null(),
                pair.public_key().as_ref(),
            ),
            // RFC 8410 section 3: the parameters are absent.
            Self::Ed25519(pair) => (sigalg::ED25519, Vec::new(), pair.public_key().as_ref()),
        };
        asn1::seq(&[
            &asn1::seq(&[&asn1::oid(algorithm), &parameters]),
            &asn1::bits(key),
        ])
    }
}

/// The digest for ECDSA on P-256. ECDSA uses the leftmost 256 bits of a longer digest (FIPS 186-5 section 6.4.1), so
/// a cut SHA-384 or SHA-512 digest is signed exactly as the full one would be.
fn p256_digest(data: &[u8], hash: Hash) -> Result<Digest, TrustError> {
    let full = digest::digest(hash.algorithm(), data);
    Digest::import_less_safe(&full.as_ref()[..32], &digest::SHA256)
        .map_err(|_| provider("import a digest"))
}

/// Turns a DER ECDSA signature into `r||s`, each `width` bytes.
pub fn ecdsa_fixed(der: &[u8], width: usize) -> Result<Vec<u8>, TrustError> {
    const WHAT: &str = "ECDSA signature";
    let mut parts = Node::whole(der, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .inside(WHAT);
    let mut out = Vec::with_capacity(2 * width);
    for _ in 0..2 {
        let number = parts.take()?.uint(WHAT)?;
        let padding = width
            .checked_sub(number.len())
            .ok_or(TrustError::malformed(WHAT))?;
        out.resize(out.len() + padding, 0);
        out.extend_from_slice(number);
    }
    parts.end()?;
    Ok(out)
}

/// Turns `r||s` into a DER ECDSA signature; odd lengths are refused.
pub fn ecdsa_der(fixed: &[u8]) -> Result<Vec<u8>, TrustError> {
    if fixed.is_empty() || !fixed.len().is_multiple_of(2) {
        return Err(TrustError::malformed("ECDSA signature"));
    }
    let (r, s) = fixed.split_at(fixed.len() / 2);
    Ok(asn1::seq(&[&asn1::uint(r), &asn1::uint(s)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path, secret: &str) -> Result<KeyStore, TrustError> {
        KeyStore::open_with(folder, &Passphrase::new(secret), Cost::light())
    }

    #[test]
    fn keys_survive_reopening_and_sign_what_their_public_half_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let kinds = [
            ("a", Algorithm::P256),
            ("b", Algorithm::Rsa2048),
            ("c", Algorithm::Ed25519),
        ];
        let keys = open(folder.path(), "llama\n").unwrap();
        for (label, kind) in kinds {
            keys.create(label, kind).unwrap();
            assert!(keys.create(label, kind).is_err(), "never overwritten");
        }
        let again = open(folder.path(), "llama").unwrap();
        for (label, kind) in kinds {
            let signer = again.signer(label).unwrap();
            assert_eq!(signer.algorithm(), kind);
            for hash in Hash::ALL {
                let signature = signer.sign(b"hello", hash).unwrap();
                let algorithm = signer.signature_algorithm(hash);
                algorithm
                    .verify(signer.spki_der(), b"hello", &signature)
                    .unwrap();
                assert!(
                    algorithm
                        .verify(signer.spki_der(), b"hellO", &signature)
                        .is_err()
                );
            }
            let fixed = signer.sign_fixed(b"hello", Hash::Sha512).unwrap();
            if kind == Algorithm::P256 {
                assert_eq!(fixed.len(), 64);
                SignatureAlgorithm::Ecdsa(Hash::Sha512)
                    .verify(signer.spki_der(), b"hello", &ecdsa_der(&fixed).unwrap())
                    .unwrap();
            }
            assert_eq!(signer.tls_key().is_ok(), kind != Algorithm::Ed25519);
        }
    }

    #[test]
    fn a_wrong_passphrase_and_a_changed_file_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), "one")
            .unwrap()
            .create("sign", Algorithm::P256)
            .unwrap();
        assert!(matches!(
            open(folder.path(), "two"),
            Err(TrustError::WrongPassphrase)
        ));
        let file = folder.path().join("sign@1.key");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut refused = 0;
        for at in (0..text.len()).step_by(7) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            std::fs::write(&file, &bytes).unwrap();
            let keys = open(folder.path(), "one").unwrap();
            let tampered = matches!(keys.signer("sign"), Err(TrustError::TamperedKey { .. }));
            assert!(tampered, "byte {at}");
            refused += 1;
        }
        assert!(refused > 40);
    }

    #[test]
    fn of_many_who_make_one_key_at_once_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let made: Vec<_> = std::thread::scope(|scope| {
            let work = || {
                open(folder.path(), "x")
                    .unwrap()
                    .create("sign", Algorithm::P256)
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
            all.into_iter()
                .filter_map(|thread| thread.join().unwrap().ok())
                .collect()
        });
        assert_eq!(made.len(), 1);
        let keys = open(folder.path(), "x").unwrap();
        let kept = keys.signer_or_create("sign", Algorithm::P256).unwrap();
        assert_eq!(kept.spki_der(), made[0].spki_der());
        let names = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(names.count(), 2, "nothing half made is left");
    }

    #[test]
    fn rotation_keeps_the_old_key_for_its_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(folder.path(), "x").unwrap();
        let first = keys.create("tls", Algorithm::P256).unwrap();
        let second = keys.rotate("tls").unwrap();
        assert_ne!(first.spki_der(), second.spki_der());
        assert_eq!(keys.signer("tls").unwrap().spki_der(), second.spki_der());
        assert_eq!(
            keys.signer_for(first.spki_der()).unwrap().spki_der(),
            first.spki_der()
        );
        let listed: Vec<_> = keys
            .list()
            .unwrap()
            .into_iter()
            .map(|e| e.generation)
            .collect();
        assert_eq!(listed, [1, 2]);
        for label in ["", "../x", "A", "a/b", ".a", &"a".repeat(65)] {
            assert!(keys.create(label, Algorithm::P256).is_err(), "{label}");
        }
    }

    #[test]
    fn the_fixed_form_pads_short_numbers() {
        let der = asn1::seq(&[&asn1::uint(&[1]), &asn1::uint(&[0xff; 32])]);
        let fixed = ecdsa_fixed(&der, 32).unwrap();
        assert_eq!((fixed.len(), fixed[31], fixed[32]), (64, 1, 0xff));
        assert_eq!(ecdsa_der(&fixed).unwrap(), der);
        assert!(ecdsa_fixed(&der, 31).is_err());
    }
}
