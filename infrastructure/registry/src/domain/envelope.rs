//! An application on the wire: the exact text, signatures over it, and for a join the proof that the link is known.
//!
//! [`Envelope::hear`] is the only way to a [`Heard`] application: its signatures hold, its certificate requests are proven,
//! and the keys of the requests are among the signers where the kind demands it. Whether the signer may wish this is for
//! the register to say.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use trust::ca_request::{Proven, REQUEST_BYTES_MAX};
use trust::sigalg::{Hash, KeyKind, SignatureAlgorithm};
use trust::{Signer, TrustError};

use super::application::{Application, Requests, SUBSYSTEMS_MAX, Wish};
use super::sealed::is_nonce;
use super::{Pin, hex, link, names, sha256};

/// Largest application read, in bytes: three requests of RSA keys have 8 kB in base64.
pub const ENVELOPE_BYTES_MAX: usize = 64 * 1024;
/// Most signatures of one application: two are used.
const SIGNATURES_MAX: usize = 4;
/// Keeps these signatures apart from every other that the same key makes.
const HEAD: &[u8] = b"tambo application v1\n";

/// An application with what proves it, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The exact JSON text of the application.
    pub application: String,
    /// Signatures over it.
    pub signatures: Vec<Signed>,
    /// The proof that the link is known; see [`link::proof`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub proof: String,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The public key: base64 of SubjectPublicKeyInfo.
    pub key: String,
    /// The signature: base64.
    pub signature: String,
}

/// Why an application is not heard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadApplication {
    /// Larger than the limit.
    #[error("the application is larger than {ENVELOPE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not the form of an application.
    #[error("the application can't be read: {0}")]
    Shape(String),
    /// A field that doesn't fit.
    #[error("{0} does not fit")]
    Field(&'static str),
    /// A signature that doesn't hold, or one too few.
    #[error("a signature of the application does not hold, or one is missing")]
    Signature,
    /// A certificate request that its key didn't sign, or that can't be read.
    #[error("the certificate request {0} does not hold")]
    Request(&'static str),
}

/// The proven keys of an application's certificate requests.
#[derive(Clone, Debug)]
pub struct ProvenKeys {
    /// For TLS between servers.
    pub auth: Proven,
    /// For messages.
    pub sign: Proven,
    /// For the seal.
    pub seal: Proven,
}

/// An application whose signatures hold.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What is applied for.
    pub application: Application,
    /// SHA-256 of the application's text.
    pub digest: [u8; 32],
    /// The keys that signed (SubjectPublicKeyInfo).
    pub signers: Vec<Vec<u8>>,
    /// The proven keys of the requests, if it brings any.
    pub keys: Option<ProvenKeys>,
}

impl Envelope {
    /// Signs `application` with each of `signers`; a join adds the link's `secret`.
    ///
    /// # Errors
    /// A key can't sign.
    pub fn sign(
        application: &Application,
        signers: &[&Signer],
        secret: Option<&[u8]>,
    ) -> Result<Self, TrustError> {
        let text = serde_json::to_string(application).expect("text always serialises");
        let signed = signed_bytes(&text);
        let signatures = signers
            .iter()
            .map(|signer| {
                Ok(Signed {
                    key: BASE64.encode(signer.spki_der()),
                    signature: BASE64.encode(&signer.sign(&signed, Hash::Sha256)?),
                })
            })
            .collect::<Result<_, TrustError>>()?;
        let proof = secret.map_or_else(String::new, |secret| link::proof(secret, &text));
        Ok(Self {
            application: text,
            signatures,
            proof,
        })
    }

    /// Reads an envelope; nothing in it is verified yet.
    ///
    /// # Errors
    /// Too large, or not the form.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadApplication> {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(BadApplication::TooLarge);
        }
        serde_json::from_slice(bytes).map_err(|e| BadApplication::Shape(e.to_string()))
    }

    /// SHA-256 of the application's text: its identity.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.application.as_bytes())
    }

    /// Verifies everything that needs no register.
    ///
    /// # Errors
    /// [`BadApplication`].
    pub fn hear(&self) -> Result<Heard, BadApplication> {
        let application: Application = serde_json::from_str(&self.application)
            .map_err(|e| BadApplication::Shape(e.to_string()))?;
        fits(&application)?;
        let signers = self.signers()?;
        let keys = application.wish.requests().map(proven).transpose()?;
        if let (Wish::Join { .. }, Some(keys)) = (&application.wish, &keys) {
            // Both keys speak for the whole: nobody can put another's request into an application.
            let by = |key: &Proven| signers.iter().any(|signer| signer == key.spki());
            if !by(&keys.sign) || !by(&keys.auth) {
                return Err(BadApplication::Signature);
            }
        }
        Ok(Heard {
            application,
            digest: self.digest(),
            signers,
            keys,
        })
    }

    /// The keys whose signatures hold; every signature must.
    fn signers(&self) -> Result<Vec<Vec<u8>>, BadApplication> {
        if self.signatures.is_empty() || self.signatures.len() > SIGNATURES_MAX {
            return Err(BadApplication::Signature);
        }
        let text = signed_bytes(&self.application);
        self.signatures
            .iter()
            .map(|one| {
                let decode = |text: &str| BASE64.decode(text.as_bytes()).ok();
                let pair = decode(&one.key).zip(decode(&one.signature));
                let (key, signature) = pair.ok_or(BadApplication::Signature)?;
                verify(&key, &text, &signature).map_err(|_| BadApplication::Signature)?;
                Ok(key)
            })
            .collect()
    }
}

fn signed_bytes(text: &str) -> Vec<u8> {
    [HEAD, text.as_bytes()].concat()
}

fn verify(spki: &[u8], data: &[u8], signature: &[u8]) -> Result<(), TrustError> {
    let (kind, _) = KeyKind::of_spki(spki)?;
    let algorithm = match kind {
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => SignatureAlgorithm::Ecdsa(Hash::Sha256),
        KeyKind::Rsa => SignatureAlgorithm::RsaPkcs1(Hash::Sha256),
        KeyKind::Ed25519 => SignatureAlgorithm::Ed25519,
    };
    algorithm.verify(spki, data, signature)
}

fn proven(requests: &Requests) -> Result<ProvenKeys, BadApplication> {
    let one = |text: &str, what: &'static str| {
        // Base64 is four thirds of the bytes.
        if text.len() > REQUEST_BYTES_MAX * 4 / 3 + 4 {
            return Err(BadApplication::Request(what));
        }
        let der = BASE64.decode(text.as_bytes()).ok();
        der.and_then(|der| Proven::from_request(&der).ok())
            .ok_or(BadApplication::Request(what))
    };
    let keys = ProvenKeys {
        auth: one(&requests.auth, "auth")?,
        sign: one(&requests.sign, "sign")?,
        seal: one(&requests.seal, "seal")?,
    };
    // One key for two purposes would let a TLS peer collect signatures on messages.
    if keys.auth.spki() == keys.sign.spki()
        || keys.auth.spki() == keys.seal.spki()
        || keys.sign.spki() == keys.seal.spki()
    {
        return Err(BadApplication::Request("keys"));
    }
    Ok(keys)
}

fn fits(application: &Application) -> Result<(), BadApplication> {
    let check = |fits: bool, what: &'static str| match fits {
        true => Ok(()),
        false => Err(BadApplication::Field(what)),
    };
    let server = &application.server;
    let owner = &server.owner;
    check(Pin::parse(&application.authority).is_some(), "authority")?;
    check(is_nonce(&application.nonce), "nonce")?;
    check(names::code(&owner.instance), "instance")?;
    check(names::code(&owner.class), "class")?;
    check(names::code(&owner.code), "member")?;
    check(names::code(&server.code), "server")?;
    match &application.wish {
        Wish::Join {
            name,
            subsystems,
            address,
            ..
        } => {
            check(names::name(name), "name")?;
            check(names::address(address), "address")?;
            let few = (1..=SUBSYSTEMS_MAX).contains(&subsystems.len());
            check(
                few && subsystems.iter().all(|code| names::code(code)),
                "subsystem",
            )
        }
        Wish::Address { address } => check(names::address(address), "address"),
        Wish::Subsystem { code } | Wish::SubsystemRemoval { code } => {
            check(names::code(code), "subsystem")
        }
        Wish::Maintenance { notice, .. } => check(names::why(notice), "notice"),
        Wish::Certificates { .. } => Ok(()),
        Wish::Withdrawal { number } => check(number.parse::<kernel::Id>().is_ok(), "number"),
    }
}

/// How keys are named in the register: hex of SHA-256 over SubjectPublicKeyInfo.
pub fn key_name(spki: &[u8]) -> String {
    hex(&sha256(spki))
}
