//! Makes a signature in X-Road's profile without building a tree.
//!
//! It promises text that X-Road's schema check and verifier take (XAdES 1.3.2, inclusive canonical form, SHA-512, RSA
//! or ECDSA as r || s), the same bytes for the same input and signature value. It refuses a certificate that does not
//! belong to the key, and a signature over nothing.

use std::fmt::Write as _;

use data_encoding::BASE64;
use kernel::Moment;

use super::form;
use super::{SIGNED_PROPERTIES_TYPE, algorithm};
use crate::cert::Certificate;
use crate::error::TrustError;
use crate::keys::Signer;
use crate::sigalg::{Hash, SignatureAlgorithm};
use crate::xml;

/// Most data references of one signature: one message and its attachments.
pub const REFERENCES_MAX: usize = 1_000;

/// One signed object: its name, media type and SHA-512 digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataReference<'a> {
    /// The name, for example `/message.xml`.
    pub uri: &'a str,
    /// The media type stated in the signature.
    pub mime: &'a str,
    /// SHA-512 of the bytes.
    pub digest: Vec<u8>,
}

impl<'a> DataReference<'a> {
    /// A reference to `data` under the name `uri`.
    pub fn new(uri: &'a str, mime: &'a str, data: &[u8]) -> Self {
        Self {
            uri,
            mime,
            digest: Hash::Sha512.digest(data),
        }
    }
}

/// What every signature by one certificate repeats, written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    signing_certificate: String,
    pub(super) key_info: String,
    pub(super) chain_properties: String,
}

impl Words {
    /// The words for a certificate and the intermediates above it.
    pub(super) fn of(certificate: &Certificate, chain: &[Certificate]) -> Self {
        let reference = certificate_reference(certificate);
        let value = BASE64.encode(certificate.der());
        Self {
            signing_certificate: format!(
                "<xades:SigningCertificate>{reference}</xades:SigningCertificate>"
            ),
            key_info: [form::KEY_INFO, &value, form::KEY_INFO_END].concat(),
            chain_properties: chain_properties(chain),
        }
    }
}

/// Who signs: a key with its certificate.
#[derive(Clone, Debug)]
pub struct Identity {
    signer: Signer,
    certificate: Certificate,
    words: Words,
}

impl Identity {
    /// Joins a key, its certificate and the intermediate certificates above it (without the root).
    pub fn new(
        signer: Signer,
        certificate: Certificate,
        chain: &[Certificate],
    ) -> Result<Self, TrustError> {
        if signer.spki_der() != certificate.spki() {
            return Err(TrustError::refused(
                "the certificate belongs to another key",
            ));
        }
        let words = Words::of(&certificate, chain);
        Ok(Self {
            signer,
            certificate,
            words,
        })
    }

    /// The signer's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

fn certificate_reference(certificate: &Certificate) -> String {
    let mut out = String::with_capacity(512);
    out.push_str("<xades:Cert><xades:CertDigest>");
    out.push_str(form::SHA512);
    push_digest_value(&mut out, &Hash::Sha512.digest(certificate.der()));
    out.push_str("</xades:CertDigest><xades:IssuerSerial><ds:X509IssuerName>");
    xml::push_text(&mut out, &certificate.issuer().rfc2253());
    out.push_str("</ds:X509IssuerName><ds:X509SerialNumber>");
    out.push_str(&certificate.serial_decimal());
    out.push_str("</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert>");
    out
}

fn chain_properties(chain: &[Certificate]) -> String {
    let mut out = String::new();
    if chain.is_empty() {
        return out;
    }
    out.push_str("<xades:CompleteCertificateRefs><xades:CertRefs>");
    chain
        .iter()
        .for_each(|certificate| out.push_str(&certificate_reference(certificate)));
    out.push_str("</xades:CertRefs></xades:CompleteCertificateRefs><xades:CertificateValues>");
    for (at, certificate) in chain.iter().enumerate() {
        let value = BASE64.encode(certificate.der());
        let _ = write!(
            out,
            "<xades:EncapsulatedX509Certificate Id=\"encapsulated-cert-{}\">{value}\
             </xades:EncapsulatedX509Certificate>",
            at + 1
        );
    }
    out.push_str("</xades:CertificateValues>");
    out
}

fn push_digest_value(out: &mut String, digest: &[u8]) {
    out.push_str("<ds:DigestValue>");
    out.push_str(&BASE64.encode(digest));
    out.push_str("</ds:DigestValue>");
}

/// What is signed, by whom, when, with which proofs of validity.
#[derive(Clone, Copy, Debug)]
pub struct SignInput<'a> {
    /// Who signs.
    pub identity: &'a Identity,
    /// What is signed; at least one.
    pub references: &'a [DataReference<'a>],
    /// The signing time that the signature claims.
    pub at: Moment,
    /// OCSP responses (DER) for the signer's certificate and those above it.
    pub ocsp_responses: &'a [Vec<u8>],
}

/// Signs and returns the whole document.
pub fn sign(input: &SignInput<'_>) -> Result<String, TrustError> {
    if input.references.is_empty() {
        return Err(TrustError::refused("a signature over nothing"));
    }
    if input.references.len() > REFERENCES_MAX {
        return Err(TrustError::TooLarge {
            what: "list of references",
            limit: REFERENCES_MAX,
        });
    }
    let Identity { signer, words, .. } = input.identity;
    let properties = signed_properties(words, input.references, input.at);
    let method = signer.signature_algorithm(Hash::Sha512);
    let info = signed_info(method, input.references, &properties);
    let value = signer.sign_fixed(canonical_info(&info).as_bytes(), Hash::Sha512)?;
    Ok(assemble(
        words,
        input.ocsp_responses,
        &info,
        &properties,
        &value,
    ))
}

/// The octets that are signed.
pub(super) fn canonical_info(info: &str) -> String {
    ["<ds:SignedInfo", form::IN_SCOPE, info].concat()
}

/// SignedProperties without `<xades:SignedProperties`.
pub(super) fn signed_properties(
    words: &Words,
    references: &[DataReference<'_>],
    at: Moment,
) -> String {
    let mut out = String::with_capacity(2_048 + 160 * references.len());
    out.push_str(" Id=\"signed-properties\"><xades:SignedSignatureProperties><xades:SigningTime>");
    out.push_str(&at.iso());
    out.push_str("</xades:SigningTime>");
    out.push_str(&words.signing_certificate);
    out.push_str(form::POLICY);
    out.push_str("</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>");
    for (number, reference) in references.iter().enumerate() {
        let _ = write!(
            out,
            "<xades:DataObjectFormat ObjectReference=\"#signature-reference-{number}\">"
        );
        out.push_str("<xades:MimeType>");
        xml::push_text(&mut out, reference.mime);
        out.push_str("</xades:MimeType></xades:DataObjectFormat>");
    }
    out.push_str("</xades:SignedDataObjectProperties></xades:SignedProperties>");
    out
}

/// SignedInfo without `<ds:SignedInfo`.
pub(super) fn signed_info(
    method: SignatureAlgorithm,
    references: &[DataReference<'_>],
    properties: &str,
) -> String {
    let mut out = String::with_capacity(1_024 + 400 * references.len());
    out.push_str("><ds:CanonicalizationMethod Algorithm=");
    out.push_str(
        "\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"></ds:CanonicalizationMethod>",
    );
    out.push_str("<ds:SignatureMethod Algorithm=\"");
    out.push_str(algorithm::signature_uri(method));
    out.push_str("\"></ds:SignatureMethod>");
    for (number, reference) in references.iter().enumerate() {
        let _ = write!(
            out,
            "<ds:Reference Id=\"signature-reference-{number}\" URI=\""
        );
        xml::push_attribute(&mut out, reference.uri);
        out.push_str("\">");
        out.push_str(form::SHA512);
        push_digest_value(&mut out, &reference.digest);
        out.push_str("</ds:Reference>");
    }
    let first_tag = [b"<xades:SignedProperties", form::IN_SCOPE.as_bytes()].concat();
    let digest = Hash::Sha512.digest_parts(&[&first_tag, properties.as_bytes()]);
    let _ = write!(
        out,
        "<ds:Reference Id=\"signature-reference-{}\" Type=\"{SIGNED_PROPERTIES_TYPE}\" \
         URI=\"#signed-properties\">",
        references.len()
    );
    out.push_str(form::SHA512);
    push_digest_value(&mut out, &digest);
    out.push_str("</ds:Reference></ds:SignedInfo>");
    out
}

fn assemble(
    words: &Words,
    ocsp_responses: &[Vec<u8>],
    info: &str,
    properties: &str,
    value: &[u8],
) -> String {
    let ocsp: usize = ocsp_responses
        .iter()
        .map(|response| response.len() * 3 / 2)
        .sum();
    let words_length = words.key_info.len() + words.chain_properties.len();
    let mut out =
        String::with_capacity(2_048 + info.len() + properties.len() + words_length + ocsp);
    out.push_str(form::HEAD);
    out.push_str("<ds:SignedInfo");
    out.push_str(info);
    out.push_str(form::VALUE);
    out.push_str(&BASE64.encode(value));
    out.push_str(form::VALUE_END);
    out.push_str(&words.key_info);
    out.push_str(form::OBJECT);
    out.push_str(properties);
    push_unsigned(&mut out, &words.chain_properties, ocsp_responses);
    out.push_str(form::TAIL);
    out
}

fn push_unsigned(out: &mut String, chain_properties: &str, ocsp_responses: &[Vec<u8>]) {
    if chain_properties.is_empty() && ocsp_responses.is_empty() {
        return;
    }
    out.push_str(form::UNSIGNED);
    out.push_str(chain_properties);
    if !ocsp_responses.is_empty() {
        out.push_str(form::RESPONSES);
        for (at, response) in ocsp_responses.iter().enumerate() {
            out.push_str(&form::response(at));
            out.push_str(&BASE64.encode(response));
            out.push_str(form::RESPONSE_END);
        }
        out.push_str(form::RESPONSES_END);
    }
    out.push_str(form::UNSIGNED_END);
}

/// Puts a time stamp token (DER) over the signature value into a signature that [`sign`] made.
///
/// X-Road's imprint is over the value's bytes, see [`super::VerifiedSignature::signature_value`]. Errors: the text is
/// not in this writer's form.
pub fn add_time_stamp(signature: &str, token: &[u8]) -> Result<String, TrustError> {
    let other = || TrustError::malformed("signature of our own form");
    let stamp = [form::STAMP, &BASE64.encode(token), form::STAMP_END].concat();
    if !signature.starts_with(form::HEAD) {
        return Err(other());
    }
    if let Some(at) = signature.find(form::UNSIGNED) {
        let (before, after) = signature.split_at(at + form::UNSIGNED.len());
        return Ok([before, &stamp, after].concat());
    }
    let before = signature.strip_suffix(form::TAIL).ok_or_else(other)?;
    Ok([
        before,
        form::UNSIGNED,
        &stamp,
        form::UNSIGNED_END,
        form::TAIL,
    ]
    .concat())
}
