//! Signatures over one message with its attachments, in the three styles that X-Road knows.
//!
//! `exchange` reads it. A message alone is referenced directly; a message with attachments, or several messages under
//! one signature, go through a hash chain, which every X-Road version takes. Verification takes these and direct
//! references (X-Road 8) and promises that every part handed over was signed: an unsigned attachment is an error.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::Moment;

use super::known::KnownSigners;
use super::sign::{DataReference, Identity, SignInput, sign};
use super::verify::{SignedReference, VerifiedSignature, XadesError, verify_data};
use crate::error::TrustError;
use crate::hashchain::{self, Covered, HashChainError, Part};
use crate::sigalg::{Data, Hash};

/// Name of the message itself.
pub const MESSAGE: &str = "/message.xml";
/// Name of the signed hash chain result.
pub const HASH_CHAIN_RESULT: &str = "/sig-hashchainresult.xml";
/// Name of the hash chain of one message.
pub const HASH_CHAIN: &str = "/sig-hashchain.xml";
/// Media type of a hash chain result.
pub const HASH_CHAIN_RESULT_TYPE: &str = "application/hash-chain-result";
/// Media type of a hash chain.
pub const HASH_CHAIN_TYPE: &str = "application/hash-chain";

/// The name of attachment `number`, counted from one; the body of a REST message is attachment one.
pub fn attachment(number: usize) -> String {
    format!("/attachment{number}")
}

/// The documents that travel with a signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSignature {
    /// The XAdES signature.
    pub signature: String,
    /// The hash chain result and the hash chain, unless the message is referenced directly.
    pub hash_chain: Option<(String, String)>,
}

/// Signs one message. `parts` are [`MESSAGE`] and its attachments with their SHA-512 digests, in order.
pub fn sign_message(
    identity: &Identity,
    parts: &[Part],
    at: Moment,
    ocsp_responses: &[Vec<u8>],
) -> Result<MessageSignature, TrustError> {
    let [only] = parts else {
        let mut signed = sign_batch(identity, &[parts.to_vec()], at, ocsp_responses)?;
        return signed.pop().ok_or(TrustError::malformed("batch"));
    };
    let references = [alone(only)];
    let signature = sign(&SignInput {
        identity,
        references: &references,
        at,
        ocsp_responses,
    })?;
    Ok(MessageSignature {
        signature,
        hash_chain: None,
    })
}

/// Signs several messages with one signature value, for a key that is slow (a token). One answer per message.
pub fn sign_batch(
    identity: &Identity,
    messages: &[Vec<Part>],
    at: Moment,
    ocsp_responses: &[Vec<u8>],
) -> Result<Vec<MessageSignature>, TrustError> {
    let built = hashchain::build(Hash::Sha512, HASH_CHAIN, messages)
        .map_err(|_| TrustError::refused("an empty or too long list of messages or parts"))?;
    let references = [over_result(built.result.as_bytes())];
    let signature = sign(&SignInput {
        identity,
        references: &references,
        at,
        ocsp_responses,
    })?;
    let signed = built.chains.into_iter().map(|chain| MessageSignature {
        signature: signature.clone(),
        hash_chain: Some((built.result.clone(), chain)),
    });
    Ok(signed.collect())
}

/// Why a message is not signed as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The signature itself.
    #[error(transparent)]
    Signature(#[from] XadesError),
    /// The hash chain between signature and message.
    #[error(transparent)]
    HashChain(#[from] HashChainError),
    /// A part of the message that nothing covers.
    #[error("{0} is not signed")]
    Unsigned(String),
}

impl MessageError {
    /// X-Road's code for this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Signature(error) => error.code(),
            Self::HashChain(error) => error.code(),
            Self::Unsigned(_) => "hashchain_unused_inputs",
        }
    }
}

/// A message all of whose parts are under a verified signature. Only [`verify_message`] makes it.
#[derive(Clone, Debug)]
pub struct VerifiedMessage {
    signature: Arc<VerifiedSignature>,
    covered: Vec<Covered>,
}

impl VerifiedMessage {
    /// The signature.
    pub fn signature(&self) -> &VerifiedSignature {
        &self.signature
    }

    /// The message's parts under the signature. Parts that were not at hand are listed with `present: false`.
    pub fn covered(&self) -> &[Covered] {
        &self.covered
    }
}

/// Verifies the signature over `parts` (name and bytes), with hash chain result and hash chain if there are any.
pub fn verify_message(
    signature: &[u8],
    hash_chain: Option<(&[u8], &[u8])>,
    parts: &[(&str, &[u8])],
) -> Result<VerifiedMessage, MessageError> {
    verify_message_data(signature, hash_chain, &as_data(parts))
}

fn as_data<'p>(parts: &[(&'p str, &'p [u8])]) -> Vec<(&'p str, Data<'p>)> {
    let data = |(name, bytes): &(&'p str, &'p [u8])| (*name, Data::Bytes(bytes));
    parts.iter().map(data).collect()
}

/// As [`verify_message`], over parts that need not be in memory.
pub fn verify_message_data(
    signature: &[u8],
    hash_chain: Option<(&[u8], &[u8])>,
    parts: &[(&str, Data<'_>)],
) -> Result<VerifiedMessage, MessageError> {
    let data = |uri: &str| match hash_chain {
        Some((result, _)) if uri == HASH_CHAIN_RESULT => Some(Data::Bytes(result)),
        _ => parts
            .iter()
            .find(|(name, _)| *name == uri)
            .map(|(_, data)| *data),
    };
    let signature = verify_data(signature, &data)?;
    let direct = signature
        .references()
        .iter()
        .filter(|reference| reference.uri != HASH_CHAIN_RESULT);
    let mut covered: Vec<Covered> = direct.map(whole).collect();
    if let Some((result, chain)) =
        hash_chain.filter(|_| covered.len() < signature.references().len())
    {
        let rest: Vec<(&str, Data<'_>)> = parts
            .iter()
            .copied()
            .filter(|(name, _)| !has(&covered, name))
            .collect();
        covered.extend(hashchain::verify_data(result, chain, HASH_CHAIN, &rest)?);
    }
    match parts.iter().find(|(name, _)| !has(&covered, name)) {
        Some((name, _)) => Err(MessageError::Unsigned((*name).to_owned())),
        None => Ok(VerifiedMessage {
            signature: Arc::new(signature),
            covered,
        }),
    }
}

fn whole(reference: &SignedReference) -> Covered {
    let (uri, digest) = (reference.uri.clone(), reference.digest.clone());
    Covered {
        uri,
        method: reference.hash,
        digest,
        present: true,
    }
}

fn has(covered: &[Covered], name: &str) -> bool {
    covered.iter().any(|part| part.uri == name)
}

/// As [`verify_message`], the short way where signer and form are known; the general way otherwise, after which the
/// signer is known. `parts` come with their bytes, so nobody can hand over digests that nobody computed.
pub fn verify_message_known(
    known: &KnownSigners,
    signature: &[u8],
    hash_chain: Option<(&[u8], &[u8])>,
    parts: &[(&str, &[u8])],
) -> Result<VerifiedMessage, MessageError> {
    verify_known_data(known, signature, hash_chain, &as_data(parts))
}

/// As [`verify_message_known`], over parts that need not be in memory.
pub fn verify_known_data(
    known: &KnownSigners,
    signature: &[u8],
    hash_chain: Option<(&[u8], &[u8])>,
    parts: &[(&str, Data<'_>)],
) -> Result<VerifiedMessage, MessageError> {
    if let Some(verified) = short_way(known, signature, hash_chain, parts) {
        return Ok(verified);
    }
    let verified = verify_message_data(signature, hash_chain, parts)?;
    known.remember(&verified.signature);
    Ok(verified)
}

/// One message alone, one message with attachments in a chain of one step, or a message of a batch, written as
/// [`sign_message`] and [`sign_batch`] do.
fn short_way(
    known: &KnownSigners,
    signature: &[u8],
    hash_chain: Option<(&[u8], &[u8])>,
    parts: &[(&str, Data<'_>)],
) -> Option<VerifiedMessage> {
    let mut names = BTreeSet::new();
    if parts
        .iter()
        .any(|(name, _)| !name.starts_with('/') || !names.insert(name))
    {
        return None;
    }
    let digests: Vec<Part> = parts
        .iter()
        .map(|(uri, data)| {
            Some(Part {
                uri: (*uri).to_owned(),
                digest: data.digest(Hash::Sha512)?,
            })
        })
        .collect::<Option<_>>()?;
    let signature = match (hash_chain, digests.as_slice()) {
        (None, [only]) => known.verify(signature, &[alone(only)])?,
        (Some((result, chain)), [_, ..]) if hashchain::is_of_one(chain) => {
            hashchain::own_form(Hash::Sha512, HASH_CHAIN, &digests, (result, chain))?;
            known.verify(signature, &[over_result(result)])?
        }
        (Some(documents), [_, ..]) => known.verify_batch(signature, documents, &digests)?,
        _ => return None,
    };
    let covered = digests.into_iter().map(|Part { uri, digest }| Covered {
        uri,
        method: Hash::Sha512,
        digest,
        present: true,
    });
    Some(VerifiedMessage {
        signature,
        covered: covered.collect(),
    })
}

fn alone(part: &Part) -> DataReference<'_> {
    DataReference {
        uri: &part.uri,
        mime: "text/xml",
        digest: part.digest.clone(),
    }
}

/// What names a hash chain result in a signature.
pub(super) fn over_result(result: &[u8]) -> DataReference<'static> {
    DataReference::new(HASH_CHAIN_RESULT, HASH_CHAIN_RESULT_TYPE, result)
}
