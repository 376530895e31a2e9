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
use crate::sigalg::Hash;
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

/// Who signs: a key with its certificate, and everything of it that every signature repeats, written once.
#[derive(Clone, Debug)]
pub struct Identity {
    signer: Signer,
    certificate: Certificate,
    signing_certificate: String,
    key_info: String,
    chain_properties: String,
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
        let signing_certificate = format!(
            "<xades:SigningCertificate>{}</xades:SigningCertificate>",
            certificate_reference(&certificate)
        );
        let key_info = format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
            BASE64.encode(certificate.der())
        );
        let chain_properties = chain_properties(chain);
        Ok(Self {
            signer,
            certificate,
            signing_certificate,
            key_info,
            chain_properties,
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
    let properties = signed_properties(input);
    let info = signed_info(input, &properties);
    let canonical = format!("<ds:SignedInfo{}{info}", form::IN_SCOPE);
    let value = input
        .identity
        .signer
        .sign_fixed(canonical.as_bytes(), Hash::Sha512)?;
    Ok(assemble(input, &info, &properties, &value))
}

/// SignedProperties without `<xades:SignedProperties`.
fn signed_properties(input: &SignInput<'_>) -> String {
    let mut out = String::with_capacity(2_048 + 160 * input.references.len());
    out.push_str(" Id=\"signed-properties\"><xades:SignedSignatureProperties><xades:SigningTime>");
    out.push_str(&input.at.iso());
    out.push_str("</xades:SigningTime>");
    out.push_str(&input.identity.signing_certificate);
    out.push_str(form::POLICY);
    out.push_str("</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>");
    for (at, reference) in input.references.iter().enumerate() {
        let _ = write!(
            out,
            "<xades:DataObjectFormat ObjectReference=\"#signature-reference-{at}\">"
        );
        out.push_str("<xades:MimeType>");
        xml::push_text(&mut out, reference.mime);
        out.push_str("</xades:MimeType></xades:DataObjectFormat>");
    }
    out.push_str("</xades:SignedDataObjectProperties></xades:SignedProperties>");
    out
}

/// SignedInfo without `<ds:SignedInfo`.
fn signed_info(input: &SignInput<'_>, properties: &str) -> String {
    let method = input.identity.signer.signature_algorithm(Hash::Sha512);
    let mut out = String::with_capacity(1_024 + 400 * input.references.len());
    out.push_str("><ds:CanonicalizationMethod Algorithm=");
    out.push_str(
        "\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"></ds:CanonicalizationMethod>",
    );
    out.push_str("<ds:SignatureMethod Algorithm=\"");
    out.push_str(algorithm::signature_uri(method));
    out.push_str("\"></ds:SignatureMethod>");
    for (at, reference) in input.references.iter().enumerate() {
        let _ = write!(out, "<ds:Reference Id=\"signature-reference-{at}\" URI=\"");
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
        input.references.len()
    );
    out.push_str(form::SHA512);
    push_digest_value(&mut out, &digest);
    out.push_str("</ds:Reference></ds:SignedInfo>");
    out
}

fn assemble(input: &SignInput<'_>, info: &str, properties: &str, value: &[u8]) -> String {
    let ocsp: usize = input.ocsp_responses.iter().map(Vec::len).sum();
    let identity = input.identity;
    let mut out = String::with_capacity(
        2_048
            + info.len()
            + properties.len()
            + identity.key_info.len()
            + identity.chain_properties.len()
            + ocsp * 3 / 2,
    );
    out.push_str(form::HEAD);
    out.push_str("<ds:SignedInfo");
    out.push_str(info);
    out.push_str("<ds:SignatureValue Id=\"signature-value\">");
    out.push_str(&BASE64.encode(value));
    out.push_str("</ds:SignatureValue>");
    out.push_str(&identity.key_info);
    out.push_str(
        "<ds:Object><xades:QualifyingProperties Target=\"#signature\"><xades:SignedProperties",
    );
    out.push_str(properties);
    push_unsigned(&mut out, &identity.chain_properties, input.ocsp_responses);
    out.push_str("</xades:QualifyingProperties></ds:Object>");
    out.push_str(form::TAIL);
    out
}

const UNSIGNED: &str = "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>";
const UNSIGNED_END: &str = "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>";

fn push_unsigned(out: &mut String, chain_properties: &str, ocsp_responses: &[Vec<u8>]) {
    if chain_properties.is_empty() && ocsp_responses.is_empty() {
        return;
    }
    out.push_str(UNSIGNED);
    out.push_str(chain_properties);
    if !ocsp_responses.is_empty() {
        out.push_str("<xades:RevocationValues><xades:OCSPValues>");
        for (at, response) in ocsp_responses.iter().enumerate() {
            let _ = write!(
                out,
                "<xades:EncapsulatedOCSPValue Id=\"ocsp-response-{}\">",
                at + 1
            );
            out.push_str(&BASE64.encode(response));
            out.push_str("</xades:EncapsulatedOCSPValue>");
        }
        out.push_str("</xades:OCSPValues></xades:RevocationValues>");
    }
    out.push_str(UNSIGNED_END);
}

/// Puts a time stamp token (DER) over the signature value into a signature that [`sign`] made.
///
/// X-Road's imprint is over the value's bytes, see [`super::VerifiedSignature::signature_value`]. Errors: the text is
/// not in this writer's form.
pub fn add_time_stamp(signature: &str, token: &[u8]) -> Result<String, TrustError> {
    let other = || TrustError::malformed("signature of our own form");
    let stamp = format!(
        "<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>{}</xades:EncapsulatedTimeStamp>\
         </xades:SignatureTimeStamp>",
        BASE64.encode(token)
    );
    if !signature.starts_with(form::HEAD) {
        return Err(other());
    }
    if let Some(at) = signature.find(UNSIGNED) {
        let (before, after) = signature.split_at(at + UNSIGNED.len());
        return Ok([before, &stamp, after].concat());
    }
    let (before, after) = signature
        .rfind("</xades:QualifyingProperties>")
        .map(|at| signature.split_at(at))
        .ok_or_else(other)?;
    Ok([before, UNSIGNED, &stamp, UNSIGNED_END, after].concat())
}
