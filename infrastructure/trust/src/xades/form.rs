//! The fixed words of X-Road's signature form, shared by writer and time stamp.
//!
//! Everything is written as inclusive Canonical XML writes it (double quotes, start and end tags, no line breaks), so
//! the octets that are signed are the text itself, with the ancestors' namespaces added to the first tag.

/// What precedes the signature: X-Road's root element with its four namespaces.
pub(super) const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
    "<asic:XAdESSignatures xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\"",
    " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\"",
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">",
    "<ds:Signature Id=\"signature\">"
);

/// What follows it.
pub(super) const TAIL: &str =
    "</xades:QualifyingProperties></ds:Object></ds:Signature></asic:XAdESSignatures>";

/// Namespaces in scope below [`HEAD`], in canonical order, as they appear in the first tag of a canonical subtree.
pub(super) const IN_SCOPE: &str = concat!(
    " xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"",
    " xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\"",
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
);

/// X-Road's signature policy: its number, name, digest and address never change.
pub(super) const POLICY: &str = concat!(
    "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId>",
    "<xades:Identifier Qualifier=\"OIDAsURN\">urn:oid:1.3.6.1.4.1.3516.16.2</xades:Identifier>",
    "<xades:Description>Profile for High Performance Digital Signatures (version 1.2)</xades:Description>",
    "</xades:SigPolicyId><xades:SigPolicyHash>",
    "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha512\"></ds:DigestMethod>",
    "<ds:DigestValue>BuO0EDNfkxSVlUbxCzmQPzX1AUF1/xx9ytWHk3/6SAOePxQiniEfDYk+90QeYb3lWpV3Izhuz9fKaYyE+lTcXw==",
    "</ds:DigestValue></xades:SigPolicyHash><xades:SigPolicyQualifiers><xades:SigPolicyQualifier>",
    "<xades:SPURI>https://repo.cyber.ee/dsig-profile-1.2.pdf</xades:SPURI>",
    "</xades:SigPolicyQualifier></xades:SigPolicyQualifiers></xades:SignaturePolicyId>",
    "</xades:SignaturePolicyIdentifier>"
);

/// Digest method element of SHA-512, which this writer uses throughout.
pub(super) const SHA512: &str =
    "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha512\"></ds:DigestMethod>";

/// Before the base64 of the signature value.
pub(super) const VALUE: &str = "<ds:SignatureValue Id=\"signature-value\">";
/// After it.
pub(super) const VALUE_END: &str = "</ds:SignatureValue>";
/// Before the base64 of the certificate.
pub(super) const KEY_INFO: &str = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>";
/// After it.
pub(super) const KEY_INFO_END: &str = "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>";
/// Before the signed properties, with the beginning of their tag.
pub(super) const OBJECT: &str = concat!(
    "<ds:Object><xades:QualifyingProperties Target=\"#signature\">",
    "<xades:SignedProperties"
);
/// Before what is not signed.
pub(super) const UNSIGNED: &str = "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>";
/// After it.
pub(super) const UNSIGNED_END: &str =
    "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>";
/// Before the base64 of a time stamp.
pub(super) const STAMP: &str = "<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>";
/// After it.
pub(super) const STAMP_END: &str = "</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>";
/// Before the OCSP responses.
pub(super) const RESPONSES: &str = "<xades:RevocationValues><xades:OCSPValues>";
/// After them.
pub(super) const RESPONSES_END: &str = "</xades:OCSPValues></xades:RevocationValues>";
/// After the base64 of one response.
pub(super) const RESPONSE_END: &str = "</xades:EncapsulatedOCSPValue>";

/// Before the base64 of the response at this place, counted from zero.
pub(super) fn response(at: usize) -> String {
    format!(
        "<xades:EncapsulatedOCSPValue Id=\"ocsp-response-{}\">",
        at + 1
    )
}
