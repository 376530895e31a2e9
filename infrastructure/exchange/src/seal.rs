//! Signatures over messages: made for what leaves, checked for what arrives.
//!
//! Read by `ask` and `answer`. [`Verified`] is the proof that a message was signed by the member it claims to be from,
//! over exactly these parts, with a certificate that was valid and not revoked; only this module makes one.

use std::sync::Arc;

use kernel::{MemberId, Moment};
use trust::hashchain::Part;
use trust::sigalg::Data;
use trust::xades::message::{
    MESSAGE, MessageError, MessageSignature, attachment, sign_batch, sign_message,
    verify_known_data,
};
use trust::xades::{Identity, XadesError};
use trust::{Certificate, TrustError};

use crate::body::{Body, Digested};
use crate::domain::codes::Leaf;
use crate::domain::multipart::Envelope;
use crate::status::{Own, Purpose, Scope};

/// A value whose signature was verified, and by whom it was made.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    signer: MemberId,
    signed_at: Moment,
}

impl<T> Verified<T> {
    /// The value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The value alone; the proof is given up.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The member whose certificate signed.
    pub fn signer(&self) -> &MemberId {
        &self.signer
    }

    /// When the signer says that they signed.
    pub fn signed_at(&self) -> Moment {
        self.signed_at
    }

    /// Derives another value from this one under the same proof; open to this crate alone.
    pub(crate) fn map<U>(self, derive: impl FnOnce(T) -> U) -> Verified<U> {
        Verified {
            value: derive(self.value),
            signer: self.signer,
            signed_at: self.signed_at,
        }
    }
}

/// Why a message's signature proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadSeal {
    /// The signature, a digest or the hash chain does not fit.
    #[error("{0}")]
    Signature(#[from] MessageError),
    /// Something other than the parts of the message was signed, or a part was not.
    #[error("the signature does not cover exactly the parts of the message: {0}")]
    Coverage(&'static str),
    /// The certificate is not valid, not for signatures, or revoked.
    #[error("the signer's certificate: {0}")]
    Certificate(TrustError),
    /// The certificate is another member's.
    #[error("the certificate belongs to {found}")]
    Member {
        /// The member that the certificate names.
        found: String,
    },
}

impl BadSeal {
    /// The code that a peer is told.
    pub fn leaf(&self) -> Leaf {
        match self {
            Self::Signature(MessageError::Signature(XadesError::Malformed(_))) => {
                Leaf::MalformedSignature
            }
            Self::Signature(_) | Self::Coverage(_) => Leaf::InvalidSignatureValue,
            Self::Certificate(_) => Leaf::CertValidation,
            Self::Member { .. } => Leaf::IncorrectCertificate,
        }
    }
}

/// A message that waits for its signature.
#[derive(Debug)]
pub struct Unsealed {
    rest: Digested,
    body: Option<Body>,
    parts: Vec<Part>,
    at: Moment,
    own: Arc<Own>,
}

impl Unsealed {
    /// A message of these parts, to be signed at `at` with these OCSP responses.
    pub(crate) fn new(rest: Vec<u8>, body: Option<Body>, at: Moment, own: Arc<Own>) -> Self {
        let body = body.filter(|body| !body.is_empty());
        let part = |uri: &str, digest: Vec<u8>| Part {
            uri: uri.to_owned(),
            digest,
        };
        let rest = Digested::from(rest);
        let mut parts = vec![part(MESSAGE, rest.sha512().to_vec())];
        let digest = body.as_ref().map(|body| body.sha512().to_vec());
        parts.extend(digest.map(|digest| part(&attachment(1), digest)));
        Self {
            rest,
            body,
            parts,
            at,
            own,
        }
    }

    /// Bytes that it holds in memory.
    pub(crate) fn len(&self) -> usize {
        self.rest.len() + crate::body::small(self.body.as_ref()).len()
    }

    /// Its body.
    pub(crate) fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// Signs it alone: the message itself, or, with a body, the result of a hash chain over both (the form that every
    /// X-Road version takes).
    ///
    /// # Errors
    /// The key can't sign now.
    pub(crate) fn seal(self, identity: &Identity) -> Result<Envelope, TrustError> {
        let signed = sign_message(identity, &self.parts, self.at, &self.own.sign)?;
        Ok(self.signed(signed))
    }

    fn signed(self, signed: MessageSignature) -> Envelope {
        let (chain_result, chain) = signed.hash_chain.unzip();
        Envelope {
            ocsp: Vec::new(),
            rest: self.rest,
            body: self.body,
            chain_result: chain_result.map(String::into_bytes),
            chain: chain.map(String::into_bytes),
            signature: signed.signature.into_bytes(),
        }
    }
}

/// Signs messages that wait for the same key with one signature, X-Road's own mechanism for it; one alone as ever.
///
/// # Errors
/// The key can't sign now.
pub fn seal_all(
    identity: &Identity,
    mut messages: Vec<Unsealed>,
) -> Result<Vec<Envelope>, TrustError> {
    if messages.len() <= 1 {
        let one = messages.pop().into_iter();
        return one.map(|message| message.seal(identity)).collect();
    }
    let newest = messages.iter().max_by_key(|message| message.at);
    let Some((at, own)) = newest.map(|message| (message.at, message.own.clone())) else {
        return Ok(Vec::new());
    };
    let parts: Vec<Vec<Part>> = messages
        .iter_mut()
        .map(|message| std::mem::take(&mut message.parts))
        .collect();
    let signed = sign_batch(identity, &parts, at, &own.sign)?;
    let pairs = messages.into_iter().zip(signed);
    Ok(pairs
        .map(|(message, signed)| message.signed(signed))
        .collect())
}

/// Checks that `member` signed exactly the parts of `envelope`, with a certificate that is good now.
///
/// # Errors
/// [`BadSeal`] with the first thing that does not fit.
pub fn verify(
    envelope: Envelope,
    member: &MemberId,
    scope: &Scope<'_>,
) -> Result<Verified<Envelope>, BadSeal> {
    let first = attachment(1);
    let rest = |hash| Some(envelope.rest.digest(hash));
    let mut parts = vec![(MESSAGE, Data::Elsewhere(&rest))];
    let digest = |hash| envelope.body.as_ref().and_then(|body| body.digest(hash));
    if envelope.body.is_some() {
        parts.push((first.as_str(), Data::Elsewhere(&digest)));
    }
    let chain = match (&envelope.chain_result, &envelope.chain) {
        (Some(result), Some(chain)) => Some((result.as_slice(), chain.as_slice())),
        (None, None) => None,
        _ => return Err(BadSeal::Coverage("half of a hash chain")),
    };
    let verified = verify_known_data(scope.signers, &envelope.signature, chain, &parts)?;
    if verified.covered().iter().any(|part| !part.present) {
        return Err(BadSeal::Coverage(
            "something was signed that did not come along",
        ));
    }
    let signature = verified.signature();
    let (leaf, others) = (signature.signer(), signature.other_certificates());
    let root = scope
        .check(Purpose::Signing, leaf, others, signature.ocsp_responses())
        .map_err(BadSeal::Certificate)?;
    let nobody = TrustError::Refused {
        why: "the certificate names no member",
    };
    let found = member_of(leaf, &root, scope).ok_or(BadSeal::Certificate(nobody))?;
    if found != *member {
        return Err(BadSeal::Member {
            found: found.to_string(),
        });
    }
    let signed_at = signature.signing_time();
    Ok(Verified {
        value: envelope,
        signer: found,
        signed_at,
    })
}

/// The member that a certificate's subject names, by the profile that the configuration states for the authority whose
/// root (by its SHA-256) the certificate was found to rest on.
pub fn member_of(leaf: &Certificate, root: &[u8; 32], scope: &Scope<'_>) -> Option<MemberId> {
    let profile = scope.view.profile_of(root)?;
    profile.member(leaf.subject(), scope.view.instance())
}
