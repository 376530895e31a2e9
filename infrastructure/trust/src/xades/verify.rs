//! Verifies a XAdES signature: its references, its properties, its certificate and its value.
//!
//! Source: XML Signature 1.1 section 3.2, XAdES 1.3.2, X-Road's profile. It promises that the signed properties it
//! reports are the very element whose digest was checked, that identifiers are unique, and that every referenced name
//! appears once. It refuses transforms other than canonicalisation of the signed properties, references to anything
//! else inside the document, SHA-1, and signatures without a signing certificate. Trust in the certificate, and times,
//! are not decided here.

use std::collections::BTreeSet;

use kernel::Moment;
use roxmltree::{Document, Node};

use super::sign::REFERENCES_MAX;
use super::stamp::SignatureTimeStamp;
use super::{ASIC, DS, SIGNED_PROPERTIES_TYPE, XADES, algorithm};
use crate::c14n::{Form, Method};
use crate::cert::Certificate;
use crate::sigalg::{Data, Hash, SignatureAlgorithm};
use crate::xml;

/// Most certificates, OCSP responses or time stamps of one signature; real ones have one to four.
pub const VALUES_MAX: usize = 32;

/// Why a signature proves nothing. [`XadesError::code`] gives X-Road's error code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XadesError {
    /// Not a signature in a form that is accepted.
    #[error("malformed signature: {0}")]
    Malformed(String),
    /// Something is signed that is not at hand.
    #[error("signed data is missing: {0}")]
    InvalidReference(String),
    /// The value or a digest does not fit.
    #[error("invalid signature value: {0}")]
    InvalidValue(String),
    /// The certificate is not the one that the signature names.
    #[error("incorrect signing certificate: {0}")]
    IncorrectCertificate(&'static str),
}

impl XadesError {
    /// X-Road's code for this error, in the form of X-Road 7.8.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_signature",
            Self::InvalidReference(_) => "invalid_reference",
            Self::InvalidValue(_) => "invalid_signature_value",
            Self::IncorrectCertificate(_) => "incorrect_certificate",
        }
    }
}

fn malformed(what: impl Into<String>) -> XadesError {
    XadesError::Malformed(what.into())
}

/// Something that was signed, with the digest that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReference {
    /// Its name as it stands in the signature, for example `/message.xml`.
    pub uri: String,
    /// The digest method.
    pub hash: Hash,
    /// The digest.
    pub digest: Vec<u8>,
}

/// A signature whose value and references were verified. Only [`verify`] makes it.
///
/// It says that the key in `signer` signed these references; whether the certificate is to be believed is open.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    pub(super) signer: Certificate,
    pub(super) others: Vec<Certificate>,
    pub(super) signing_time: Moment,
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) value: Vec<u8>,
    pub(super) references: Vec<SignedReference>,
    pub(super) ocsp_responses: Vec<Vec<u8>>,
    pub(super) time_stamps: Vec<SignatureTimeStamp>,
}

impl VerifiedSignature {
    /// The certificate whose key made the signature; it is named in the signed properties.
    pub fn signer(&self) -> &Certificate {
        &self.signer
    }

    /// Other certificates that came along, for building a path; nothing proves them.
    pub fn other_certificates(&self) -> &[Certificate] {
        &self.others
    }

    /// When the signer claims to have signed.
    pub fn signing_time(&self) -> Moment {
        self.signing_time
    }

    /// How the value was made.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The bytes of the signature value, which X-Road's immediate time stamps cover.
    pub fn signature_value(&self) -> &[u8] {
        &self.value
    }

    /// What was signed, without the signed properties.
    pub fn references(&self) -> &[SignedReference] {
        &self.references
    }

    /// Embedded OCSP responses (DER), not verified here.
    pub fn ocsp_responses(&self) -> &[Vec<u8>] {
        &self.ocsp_responses
    }

    /// Embedded time stamps, not verified here.
    pub fn time_stamps(&self) -> &[SignatureTimeStamp] {
        &self.time_stamps
    }
}

/// Verifies the signature document `bytes`. `data` gives the bytes of a name such as `/message.xml`.
///
/// Every reference must be at hand and fit. Names that are at hand but not referenced are the caller's concern: see
/// [`VerifiedSignature::references`].
pub fn verify<'d>(
    bytes: &[u8],
    data: &dyn Fn(&str) -> Option<&'d [u8]>,
) -> Result<VerifiedSignature, XadesError> {
    verify_data(bytes, &|uri| data(uri).map(Data::Bytes))
}

/// As [`verify`], over data that need not be in memory.
pub fn verify_data<'d>(
    bytes: &[u8],
    data: &dyn Fn(&str) -> Option<Data<'d>>,
) -> Result<VerifiedSignature, XadesError> {
    let text = xml::text(bytes, xml::SIGNATURE).map_err(|error| malformed(error.to_string()))?;
    let document =
        xml::tree(&text, xml::SIGNATURE).map_err(|error| malformed(error.to_string()))?;
    let parts = Parts::find(&document)?;
    let info = Info::read(&parts)?;
    let references = info.check_references(&parts, data)?;
    let properties = Properties::read(parts.signed_properties)?;
    let (signer, mut others) = parts.signing_certificate(&properties)?;
    let value = xml::binary(parts.value).ok_or_else(|| malformed("SignatureValue"))?;
    let canonical = info.canonical(parts.info)?;
    if !algorithm::verifies(info.algorithm, signer.spki(), canonical.as_bytes(), &value) {
        return Err(XadesError::InvalidValue(
            "the signature value does not match".into(),
        ));
    }
    let unsigned = Unsigned::read(&parts, &value)?;
    others.extend(unsigned.certificates);
    Ok(VerifiedSignature {
        signer,
        others,
        signing_time: properties.signing_time,
        algorithm: info.algorithm,
        value,
        references,
        ocsp_responses: unsigned.ocsp_responses,
        time_stamps: unsigned.time_stamps,
    })
}

/// The places of a signature that matter, found once; everything later reads these nodes and no others.
struct Parts<'a, 'i> {
    info: Node<'a, 'i>,
    value: Node<'a, 'i>,
    key_info: Node<'a, 'i>,
    qualifying: Node<'a, 'i>,
    signed_properties: Node<'a, 'i>,
    signed_properties_id: &'a str,
}

impl<'a, 'i> Parts<'a, 'i> {
    fn find(document: &'a Document<'i>) -> Result<Self, XadesError> {
        unique_ids(document)?;
        let root = document.root_element();
        let signature = if xml::is(root, DS, "Signature") {
            root
        } else if xml::is(root, ASIC, "XAdESSignatures") {
            xml::only_child(root, DS, "Signature")
                .filter(|_| root.children().filter(Node::is_element).count() == 1)
                .ok_or_else(|| malformed("not exactly one signature"))?
        } else {
            return Err(malformed("root element"));
        };
        let need = |parent, namespace, name: &str| {
            xml::only_child(parent, namespace, name)
                .ok_or_else(|| malformed(format!("not exactly one {name}")))
        };
        let mut qualifying = xml::children(signature, DS, "Object")
            .flat_map(|object| xml::children(object, XADES, "QualifyingProperties"));
        let only = qualifying
            .next()
            .ok_or_else(|| malformed("no QualifyingProperties"))?;
        if qualifying.next().is_some() {
            return Err(malformed("several QualifyingProperties"));
        }
        let target = only
            .attribute("Target")
            .and_then(|target| target.strip_prefix('#'));
        if target.is_none() || target != signature.attribute("Id") {
            return Err(malformed("QualifyingProperties of another signature"));
        }
        let signed_properties = need(only, XADES, "SignedProperties")?;
        Ok(Self {
            info: need(signature, DS, "SignedInfo")?,
            value: need(signature, DS, "SignatureValue")?,
            key_info: need(signature, DS, "KeyInfo")?,
            qualifying: only,
            signed_properties,
            signed_properties_id: signed_properties
                .attribute("Id")
                .ok_or_else(|| malformed("SignedProperties without Id"))?,
        })
    }

    /// The certificate whose digest the signed properties state, among those in KeyInfo; and the others.
    fn signing_certificate(
        &self,
        properties: &Properties,
    ) -> Result<(Certificate, Vec<Certificate>), XadesError> {
        let mut signer = None;
        let mut others = Vec::new();
        let nodes = xml::children(self.key_info, DS, "X509Data")
            .flat_map(|data| xml::children(data, DS, "X509Certificate"));
        for der in binaries(nodes)? {
            if signer.is_none()
                && properties.certificate_hash.digest(&der) == properties.certificate_digest
            {
                let certificate = Certificate::from_der(&der);
                signer = Some(
                    certificate.map_err(|_| XadesError::IncorrectCertificate("not readable"))?,
                );
            } else if let Ok(certificate) = Certificate::from_der(&der) {
                others.push(certificate);
            }
        }
        let signer = signer.ok_or(XadesError::IncorrectCertificate(
            "not the one that was signed",
        ))?;
        match &properties.certificate_serial {
            Some(serial) if *serial != signer.serial_decimal() => Err(
                XadesError::IncorrectCertificate("another serial number was signed"),
            ),
            _ => Ok((signer, others)),
        }
    }
}

/// No identifier may occur twice, whatever the attribute is called: references must not be ambiguous.
fn unique_ids(document: &Document<'_>) -> Result<(), XadesError> {
    let mut seen = BTreeSet::new();
    for node in document.descendants().filter(Node::is_element) {
        for attribute in node.attributes() {
            if attribute.name().eq_ignore_ascii_case("id") && !seen.insert(attribute.value()) {
                return Err(malformed("an Id occurs twice"));
            }
        }
    }
    Ok(())
}

fn binaries<'a, 'i: 'a>(
    nodes: impl Iterator<Item = Node<'a, 'i>>,
) -> Result<Vec<Vec<u8>>, XadesError> {
    let mut found = Vec::new();
    for node in nodes {
        if found.len() == VALUES_MAX {
            return Err(malformed("too many values"));
        }
        found.push(xml::binary(node).ok_or_else(|| malformed("base64 value"))?);
    }
    Ok(found)
}

struct Reference<'a, 'i> {
    node: Node<'a, 'i>,
    uri: &'a str,
    hash: Hash,
    digest: Vec<u8>,
}

struct Info<'a, 'i> {
    canonicalisation: Method,
    algorithm: SignatureAlgorithm,
    references: Vec<Reference<'a, 'i>>,
}

impl<'a, 'i> Info<'a, 'i> {
    fn read(parts: &Parts<'a, 'i>) -> Result<Self, XadesError> {
        let canonicalisation = xml::only_child(parts.info, DS, "CanonicalizationMethod")
            .and_then(method)
            .ok_or_else(|| malformed("canonicalisation method"))?;
        let algorithm = xml::only_child(parts.info, DS, "SignatureMethod")
            .and_then(|node| algorithm::signature_from_uri(node.attribute("Algorithm")?))
            .ok_or_else(|| malformed("signature method is not accepted"))?;
        let mut references = Vec::new();
        for node in xml::children(parts.info, DS, "Reference") {
            if references.len() > REFERENCES_MAX {
                return Err(malformed("too many references"));
            }
            references.push(Reference::read(node)?);
        }
        Ok(Self {
            canonicalisation,
            algorithm,
            references,
        })
    }

    fn canonical(&self, info: Node<'_, '_>) -> Result<String, XadesError> {
        self.canonicalisation
            .element(info)
            .map_err(|error| malformed(error.to_string()))
    }

    /// Checks every digest. Exactly one reference is to the signed properties, all others to data outside.
    fn check_references<'d>(
        &self,
        parts: &Parts<'_, '_>,
        data: &dyn Fn(&str) -> Option<Data<'d>>,
    ) -> Result<Vec<SignedReference>, XadesError> {
        let mut names = BTreeSet::new();
        let mut outside = Vec::with_capacity(self.references.len());
        for reference in &self.references {
            if !names.insert(reference.uri) {
                return Err(malformed("something is referenced twice"));
            }
            let inside = reference.uri.starts_with('#');
            let digest = match inside {
                true => reference.digest_inside(parts)?,
                false => reference.digest_outside(data)?,
            };
            if digest != reference.digest {
                let what = format!("the digest of {} does not match", reference.uri);
                return Err(XadesError::InvalidValue(what));
            }
            if !inside {
                let uri = reference.uri.to_owned();
                outside.push(SignedReference {
                    uri,
                    hash: reference.hash,
                    digest,
                });
            }
        }
        // A name occurs once, and only the signed properties can be inside: what is not outside is they.
        if outside.len() + 1 != self.references.len() || outside.is_empty() {
            return Err(malformed(
                "the signed properties or the data are not signed",
            ));
        }
        Ok(outside)
    }
}

impl<'a, 'i> Reference<'a, 'i> {
    fn read(node: Node<'a, 'i>) -> Result<Self, XadesError> {
        let hash = xml::only_child(node, DS, "DigestMethod")
            .and_then(|method| algorithm::digest_from_uri(method.attribute("Algorithm")?))
            .ok_or_else(|| malformed("digest method is not accepted"))?;
        let digest = xml::only_child(node, DS, "DigestValue")
            .and_then(xml::binary)
            .ok_or_else(|| malformed("digest value"))?;
        let uri = node
            .attribute("URI")
            .ok_or_else(|| malformed("reference without URI"))?;
        Ok(Self {
            node,
            uri,
            hash,
            digest,
        })
    }

    /// The digest of the signed properties, the one part of the document that may be referenced.
    fn digest_inside(&self, parts: &Parts<'_, '_>) -> Result<Vec<u8>, XadesError> {
        let typed = self.node.attribute("Type") == Some(SIGNED_PROPERTIES_TYPE);
        if !typed || self.uri.strip_prefix('#') != Some(parts.signed_properties_id) {
            return Err(malformed("reference to another part of the document"));
        }
        let canonical = self.transform()?.element(parts.signed_properties);
        let canonical = canonical.map_err(|error| malformed(error.to_string()))?;
        Ok(self.hash.digest(canonical.as_bytes()))
    }

    /// The digest of data as it is, without transforms.
    fn digest_outside<'d>(
        &self,
        data: &dyn Fn(&str) -> Option<Data<'d>>,
    ) -> Result<Vec<u8>, XadesError> {
        if xml::children(self.node, DS, "Transforms").next().is_some() {
            return Err(malformed("transforms of data are not accepted"));
        }
        let digest = data(self.uri).and_then(|data| data.digest(self.hash));
        digest.ok_or_else(|| XadesError::InvalidReference(self.uri.to_owned()))
    }

    /// The one canonicalisation of a same-document reference; without any, Canonical XML 1.0 (XML Signature 4.4.3.2).
    fn transform(&self) -> Result<Method, XadesError> {
        let Some(transforms) = self
            .node
            .children()
            .find(|child| xml::is(*child, DS, "Transforms"))
        else {
            return Ok(Method::plain(Form::Inclusive10));
        };
        xml::only_child(transforms, DS, "Transform")
            .filter(|_| transforms.children().filter(Node::is_element).count() == 1)
            .and_then(method)
            .ok_or_else(|| malformed("transform is not accepted"))
    }
}

/// A canonicalisation method with its prefix list.
fn method(node: Node<'_, '_>) -> Option<Method> {
    let mut method = Method::from_uri(node.attribute("Algorithm")?)?;
    for child in node.children().filter(Node::is_element) {
        if method.form != Form::Exclusive10
            || !xml::is(
                child,
                "http://www.w3.org/2001/10/xml-exc-c14n#",
                "InclusiveNamespaces",
            )
        {
            return None;
        }
        let list = child.attribute("PrefixList")?.split_ascii_whitespace();
        method.inclusive_prefixes = list
            .map(|prefix| {
                if prefix == "#default" {
                    String::new()
                } else {
                    prefix.to_owned()
                }
            })
            .collect();
    }
    Some(method)
}

/// What the signed properties say.
struct Properties {
    signing_time: Moment,
    certificate_hash: Hash,
    certificate_digest: Vec<u8>,
    certificate_serial: Option<String>,
}

impl Properties {
    fn read(signed: Node<'_, '_>) -> Result<Self, XadesError> {
        let signature = xml::only_child(signed, XADES, "SignedSignatureProperties")
            .ok_or_else(|| malformed("SignedSignatureProperties"))?;
        let signing_time = xml::only_child(signature, XADES, "SigningTime")
            .and_then(xml::content)
            .and_then(|text| signing_time(text.trim()))
            .ok_or_else(|| malformed("SigningTime"))?;
        let certificate = ["SigningCertificate", "SigningCertificateV2"]
            .into_iter()
            .find_map(|name| xml::only_child(signature, XADES, name))
            .and_then(|list| xml::children(list, XADES, "Cert").next())
            .ok_or_else(|| malformed("SigningCertificate"))?;
        let digest = xml::only_child(certificate, XADES, "CertDigest")
            .ok_or_else(|| malformed("CertDigest"))?;
        Ok(Self {
            signing_time,
            certificate_hash: xml::only_child(digest, DS, "DigestMethod")
                .and_then(|method| algorithm::digest_from_uri(method.attribute("Algorithm")?))
                .ok_or_else(|| malformed("digest method of the signing certificate"))?,
            certificate_digest: xml::only_child(digest, DS, "DigestValue")
                .and_then(xml::binary)
                .ok_or_else(|| malformed("digest of the signing certificate"))?,
            certificate_serial: xml::only_child(certificate, XADES, "IssuerSerial")
                .and_then(|serial| xml::only_child(serial, DS, "X509SerialNumber"))
                .and_then(xml::content)
                .map(|text| text.trim().to_owned()),
        })
    }
}

/// An `xs:dateTime`; one without a zone is UTC.
fn signing_time(text: &str) -> Option<Moment> {
    Moment::parse_iso(text).or_else(|| Moment::parse_iso(&format!("{text}Z")))
}

/// What came along without being signed.
#[derive(Default)]
struct Unsigned {
    certificates: Vec<Certificate>,
    ocsp_responses: Vec<Vec<u8>>,
    time_stamps: Vec<SignatureTimeStamp>,
}

impl Unsigned {
    fn read(parts: &Parts<'_, '_>, value: &[u8]) -> Result<Self, XadesError> {
        let Some(properties) = xml::only_child(parts.qualifying, XADES, "UnsignedProperties")
            .and_then(|unsigned| xml::only_child(unsigned, XADES, "UnsignedSignatureProperties"))
        else {
            return Ok(Self::default());
        };
        let certificates = xml::children(properties, XADES, "CertificateValues")
            .flat_map(|values| xml::children(values, XADES, "EncapsulatedX509Certificate"));
        let responses = xml::children(properties, XADES, "RevocationValues")
            .flat_map(|values| xml::children(values, XADES, "OCSPValues"))
            .flat_map(|values| xml::children(values, XADES, "EncapsulatedOCSPValue"));
        let mut time_stamps = Vec::new();
        for stamp in xml::children(properties, XADES, "SignatureTimeStamp") {
            let method = xml::only_child(stamp, DS, "CanonicalizationMethod")
                .map_or(Some(Method::plain(Form::Inclusive10)), method)
                .ok_or_else(|| malformed("canonicalisation of a time stamp"))?;
            let element = method
                .element(parts.value)
                .map_err(|error| malformed(error.to_string()))?;
            let mut tokens = binaries(xml::children(stamp, XADES, "EncapsulatedTimeStamp"))?;
            if tokens.is_empty() {
                // X-Road's first versions put the token into the element itself.
                tokens.extend(xml::binary(stamp));
            }
            for token in tokens {
                let candidates = vec![value.to_vec(), element.clone().into_bytes()];
                time_stamps.push(SignatureTimeStamp { token, candidates });
            }
        }
        if time_stamps.len() > VALUES_MAX {
            return Err(malformed("too many time stamps"));
        }
        let certificates = binaries(certificates)?;
        Ok(Self {
            certificates: certificates
                .iter()
                .filter_map(|der| Certificate::from_der(der).ok())
                .collect(),
            ocsp_responses: binaries(responses)?,
            time_stamps,
        })
    }
}
