//! The short way to verify a signature of our own form by a certificate that was met before.
//!
//! It writes down what the signature must look like, byte by byte, from the message's digests and the certificate,
//! and compares: there is nothing to parse and so nothing to misread. Whatever differs in the least goes the general
//! way, [`super::verify`], which is the authority and gives the reasons. It promises never to accept what the general
//! way would refuse.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use data_encoding::BASE64;
use kernel::Moment;
use memchr::memmem;

use super::message::{HASH_CHAIN, over_result};
use super::sign::{DataReference, Words, canonical_info, signed_info, signed_properties};
use super::stamp::SignatureTimeStamp;
use super::verify::{SignedReference, VALUES_MAX, VerifiedSignature};
use super::{algorithm, form};
use crate::cert::Certificate;
use crate::hashchain::{Batch, Part};
use crate::sigalg::{Hash, KeyKind, SignatureAlgorithm};
use crate::xml;

/// Most certificates kept; an ecosystem has some thousands of members, and a certificate takes about 5 kB here.
pub const KNOWN_MAX: usize = 4_096;

/// Most batches remembered, of about 100 kB each under load: those whose messages are on their way now.
const SHARED_MAX: usize = 16;

/// A signature over a batch that was verified a moment ago.
#[derive(Debug)]
struct Shared {
    signature: Vec<u8>,
    batch: Batch,
    verified: Arc<VerifiedSignature>,
}

/// Certificates whose signatures were verified the general way, with the words that their signatures repeat.
///
/// Being known says nothing about trust: it only makes the next verification of the same certificate cheaper.
#[derive(Debug, Default)]
pub struct KnownSigners {
    by_key_info: RwLock<HashMap<String, Arc<Known>>>,
    /// Signatures over batches, the newest last.
    shared: Mutex<VecDeque<Arc<Shared>>>,
}

#[derive(Debug)]
struct Known {
    certificate: Certificate,
    chain: Vec<Certificate>,
    words: Words,
    algorithm: SignatureAlgorithm,
}

impl KnownSigners {
    /// Remembers the certificate of a verified signature. When [`KNOWN_MAX`] are kept, it starts anew.
    pub fn remember(&self, verified: &VerifiedSignature) {
        let (certificate, chain) = (
            verified.signer().clone(),
            verified.other_certificates().to_vec(),
        );
        let algorithm = match certificate.key_kind() {
            Ok(KeyKind::P256 | KeyKind::P384 | KeyKind::P521) => {
                SignatureAlgorithm::Ecdsa(Hash::Sha512)
            }
            Ok(KeyKind::Rsa) => SignatureAlgorithm::RsaPkcs1(Hash::Sha512),
            _ => return,
        };
        let words = Words::of(&certificate, &chain);
        let mut known = self
            .by_key_info
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let key = words.key_info.clone();
        known.insert(
            key,
            Arc::new(Known {
                certificate,
                chain,
                words,
                algorithm,
            }),
        );
    }

    /// As [`KnownSigners::verify`], for a message of these parts in a batch, by hash chain result and hash chain. The signature was made once, and is verified once: a verdict is believed again for
    /// the very same bytes over the very same result alone. Whether the certificate is good is asked by the caller each
    /// time.
    pub fn verify_batch(
        &self,
        signature: &[u8],
        (result, chain): (&[u8], &[u8]),
        parts: &[Part],
    ) -> Option<Arc<VerifiedSignature>> {
        let lock = || self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |one: &&Arc<Shared>| one.batch.result() == result && one.signature == signature;
        let known = lock().iter().rev().find(is_it).cloned();
        if let Some(known) = known {
            return known
                .batch
                .covers(parts, chain)
                .then(|| known.verified.clone());
        }
        let batch = Batch::of(Hash::Sha512, HASH_CHAIN, parts, (result, chain))?;
        let verified = self.verify(signature, &[over_result(result)])?;
        let mut shared = lock();
        if shared.len() >= SHARED_MAX {
            shared.pop_front();
        }
        shared.push_back(Arc::new(Shared {
            signature: signature.to_vec(),
            batch,
            verified: verified.clone(),
        }));
        Some(verified)
    }

    /// Verifies a signature over exactly these references, if its signer is known and its form is ours.
    ///
    /// `None` says nothing: the general way decides.
    pub fn verify(
        &self,
        signature: &[u8],
        references: &[DataReference<'_>],
    ) -> Option<Arc<VerifiedSignature>> {
        if signature.len() > xml::SIGNATURE.bytes {
            return None;
        }
        let text = std::str::from_utf8(signature).ok()?;
        let start = find(text, form::KEY_INFO)?;
        let length = find(&text[start..], form::KEY_INFO_END)? + form::KEY_INFO_END.len();
        let known = {
            let all = self
                .by_key_info
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            all.get(&text[start..start + length])?.clone()
        };
        known.verify(text, references).map(Arc::new)
    }
}

impl Known {
    fn verify(&self, text: &str, references: &[DataReference<'_>]) -> Option<VerifiedSignature> {
        let (_, after) = split(text, "<xades:SigningTime>")?;
        let signing_time = Moment::parse_iso(after.split_once('<')?.0)?;
        let properties = signed_properties(&self.words, references, signing_time);
        let info = signed_info(self.algorithm, references, &properties);
        let rest = text
            .strip_prefix(form::HEAD)?
            .strip_prefix("<ds:SignedInfo")?;
        let rest = rest
            .strip_prefix(info.as_str())?
            .strip_prefix(form::VALUE)?;
        let (value, rest) = encoded(rest, form::VALUE_END)?;
        let rest = rest
            .strip_prefix(self.words.key_info.as_str())?
            .strip_prefix(form::OBJECT)?;
        let rest = rest
            .strip_prefix(properties.as_str())?
            .strip_suffix(form::TAIL)?;
        let (time_stamps, ocsp_responses) = self.unsigned(rest, &value)?;
        let signed = canonical_info(&info);
        let key = self.certificate.spki();
        if !algorithm::verifies(self.algorithm, key, signed.as_bytes(), &value) {
            return None;
        }
        let named = references.iter().map(|reference| SignedReference {
            uri: reference.uri.to_owned(),
            hash: Hash::Sha512,
            digest: reference.digest.clone(),
        });
        Some(VerifiedSignature {
            signer: self.certificate.clone(),
            others: self.chain.clone(),
            signing_time,
            algorithm: self.algorithm,
            value,
            references: named.collect(),
            ocsp_responses,
            time_stamps,
        })
    }

    fn unsigned(
        &self,
        text: &str,
        value: &[u8],
    ) -> Option<(Vec<SignatureTimeStamp>, Vec<Vec<u8>>)> {
        let (mut stamps, mut responses) = (Vec::new(), Vec::new());
        if text.is_empty() && self.words.chain_properties.is_empty() {
            return Some((stamps, responses));
        }
        let mut rest = text.strip_prefix(form::UNSIGNED)?;
        while let Some(inside) = rest.strip_prefix(form::STAMP) {
            let (token, after) = encoded(inside, form::STAMP_END)?;
            let element = value_element(value);
            stamps.push(SignatureTimeStamp {
                token,
                candidates: vec![value.to_vec(), element],
            });
            rest = after;
        }
        rest = rest.strip_prefix(self.words.chain_properties.as_str())?;
        if let Some(inside) = rest.strip_prefix(form::RESPONSES) {
            rest = inside;
            while let Some(inside) = rest.strip_prefix(form::response(responses.len()).as_str()) {
                let (response, after) = encoded(inside, form::RESPONSE_END)?;
                responses.push(response);
                rest = after;
            }
            rest = rest.strip_prefix(form::RESPONSES_END)?;
        }
        let few = stamps.len() <= VALUES_MAX && responses.len() <= VALUES_MAX;
        (few && rest == form::UNSIGNED_END).then_some((stamps, responses))
    }
}

/// The canonical SignatureValue element, over which XAdES (unlike X-Road) stamps.
fn value_element(value: &[u8]) -> Vec<u8> {
    let tag = [
        "<ds:SignatureValue",
        form::IN_SCOPE,
        " Id=\"signature-value\">",
    ]
    .concat();
    [&tag, &BASE64.encode(value), form::VALUE_END]
        .concat()
        .into_bytes()
}

/// Base64 without white space up to `end`, and what follows it.
fn encoded<'t>(text: &'t str, end: &str) -> Option<(Vec<u8>, &'t str)> {
    let (value, rest) = split(text, end)?;
    Some((BASE64.decode(value.as_bytes()).ok()?, rest))
}

/// The first place of a text, found at the speed of memory: a signature has some thousand characters.
fn find(text: &str, wanted: &str) -> Option<usize> {
    memmem::find(text.as_bytes(), wanted.as_bytes())
}

fn split<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let at = find(text, mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}
