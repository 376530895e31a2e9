//! The authority: issues certificates of a few fixed profiles.
//!
//! Read by the commands that found a country and by the registration of nodes. It promises certificates that RFC 5280
//! linters and X-Road accept; it refuses to issue for keys that nobody proved to hold (`Proven`), and beyond its own
//! end. Serial numbers are 127 random bits. Records and revocations are the caller's (`Revocations`, or `sql`).

use std::collections::BTreeMap;

use der::asn1::ObjectIdentifier;
use kernel::{Chance, Clock, Moment};

use crate::asn1;
pub use crate::ca_request::{Proven, request};
use crate::cert::{Certificate, oids, usage};
use crate::error::TrustError;
use crate::keys::Signer;
use crate::name::Name;
use crate::sigalg::{self, Hash, KeyKind};

/// Certificates begin this many seconds before they are made, for peers whose clocks run behind.
pub const BACKDATE_SECONDS: i64 = 300;
/// Most names in one TLS certificate.
pub const ALT_NAMES_MAX: usize = 32;
/// A day, in seconds.
pub const DAY: i64 = 86_400;

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// TLS server and client of a node (X-Road AUTH): digitalSignature and keyEncipherment, both TLS purposes.
    Tls {
        /// Names and addresses under which the node is reached.
        names: Vec<AltName>,
    },
    /// A member's signatures on messages (X-Road SIGN): nonRepudiation.
    Sign,
    /// A person's signatures on documents: nonRepudiation, document signing (RFC 9336).
    Official,
    /// A body's seal on documents: digitalSignature and nonRepudiation, document signing.
    Seal,
    /// A time-stamping unit: time stamping as the one, critical purpose (RFC 3161 section 2.3).
    TimeStamp,
    /// A delegated OCSP responder, itself not asked for (RFC 6960 section 4.2.2.2).
    OcspSigning,
}

/// A name in subjectAltName.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A DNS name.
    Dns(String),
    /// An address.
    Ip(std::net::IpAddr),
}

/// An authority that can issue.
#[derive(Clone, Debug)]
pub struct Ca {
    certificate: Certificate,
    parents: Vec<Certificate>,
    signer: Signer,
    ocsp_url: Option<String>,
}

/// Why a certificate was revoked (CRLReason, RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No reason given.
    Unspecified,
    /// Someone else may hold the key.
    KeyCompromise,
    /// The person left the post, or the body changed.
    AffiliationChanged,
    /// A newer certificate replaces it.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
}

/// What an authority says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Issued, and not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// Since when.
        at: Moment,
        /// Why.
        reason: Reason,
    },
    /// Never issued here.
    Unknown,
}

/// The statuses of what an authority issued, in memory.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    known: BTreeMap<String, Status>,
}

/// The variable parts of a certificate.
struct Template<'a> {
    issuer: &'a Name,
    subject: &'a Name,
    spki: &'a [u8],
    not_before: Moment,
    not_after: Moment,
    extensions: Vec<Vec<u8>>,
}

impl Ca {
    /// A new root that signs itself.
    pub fn new_root(
        name: &Name,
        signer: Signer,
        lifetime_seconds: i64,
        clock: &dyn Clock,
        chance: &dyn Chance,
    ) -> Result<Self, TrustError> {
        let now = clock.now();
        let template = Template {
            issuer: name,
            subject: name,
            spki: signer.spki_der(),
            not_before: now.plus_seconds(-BACKDATE_SECONDS),
            not_after: now.plus_seconds(lifetime_seconds),
            extensions: authority_extensions(signer.spki_der(), None, None)?,
        };
        let certificate = template.sign(&signer, chance)?;
        Ok(Self {
            certificate,
            parents: Vec::new(),
            signer,
            ocsp_url: None,
        })
    }

    /// An authority from its certificate, those above it (nearest first) and its key, as after a restart.
    pub fn resume(
        certificate: Certificate,
        parents: Vec<Certificate>,
        signer: Signer,
    ) -> Result<Self, TrustError> {
        if certificate.spki() != signer.spki_der() || !certificate.is_ca() {
            return Err(TrustError::refused(
                "the key is not that of the authority's certificate",
            ));
        }
        Ok(Self {
            certificate,
            parents,
            signer,
            ocsp_url: None,
        })
    }

    /// From now on, certificates say that their revocation is asked at `url`.
    #[must_use]
    pub fn with_ocsp_url(mut self, url: &str) -> Self {
        self.ocsp_url = Some(url.to_owned());
        self
    }

    /// An intermediate under this authority, which itself can issue only leaves.
    pub fn new_intermediate(
        &self,
        name: &Name,
        signer: Signer,
        lifetime_seconds: i64,
        clock: &dyn Clock,
        chance: &dyn Chance,
    ) -> Result<Self, TrustError> {
        let mut extensions = authority_extensions(signer.spki_der(), Some(0), Some(self))?;
        extensions.extend(self.ocsp_pointer());
        let certificate = self.sign(
            name,
            signer.spki_der(),
            extensions,
            lifetime_seconds,
            clock,
            chance,
        )?;
        let parents = [std::slice::from_ref(&self.certificate), &self.parents[..]].concat();
        Ok(Self {
            certificate,
            parents,
            signer,
            ocsp_url: self.ocsp_url.clone(),
        })
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificates above this authority, nearest first; empty for a root.
    pub fn parents(&self) -> &[Certificate] {
        &self.parents
    }

    /// What a signature's container should carry beside its leaf: this authority and those above it, without the root.
    pub fn chain(&self) -> Vec<Certificate> {
        let all = std::iter::once(&self.certificate).chain(&self.parents);
        all.filter(|c| !c.is_self_issued()).cloned().collect()
    }

    /// The authority's key.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Issues a certificate for a key that its holder proved to hold, under the subject that the caller established
    /// (never blindly the one that the request names). It ends with the authority's own at the latest.
    pub fn issue(
        &self,
        profile: &Profile,
        subject: &Name,
        key: &Proven,
        lifetime_seconds: i64,
        clock: &dyn Clock,
        chance: &dyn Chance,
    ) -> Result<Certificate, TrustError> {
        let mut extensions = key_identifiers(key.spki(), Some(self))?;
        extensions.extend(profile.extensions()?);
        if *profile != Profile::OcspSigning {
            extensions.extend(self.ocsp_pointer());
        }
        self.sign(
            subject,
            key.spki(),
            extensions,
            lifetime_seconds,
            clock,
            chance,
        )
    }

    fn sign(
        &self,
        subject: &Name,
        spki: &[u8],
        extensions: Vec<Vec<u8>>,
        lifetime_seconds: i64,
        clock: &dyn Clock,
        chance: &dyn Chance,
    ) -> Result<Certificate, TrustError> {
        let now = clock.now();
        let end = self.certificate.not_after();
        if lifetime_seconds <= 0 || now >= end {
            return Err(TrustError::refused(
                "the certificate would end before it begins",
            ));
        }
        let template = Template {
            issuer: self.certificate.subject(),
            subject,
            spki,
            not_before: now.plus_seconds(-BACKDATE_SECONDS),
            not_after: now.plus_seconds(lifetime_seconds).min(end),
            extensions,
        };
        template.sign(&self.signer, chance)
    }

    fn ocsp_pointer(&self) -> Option<Vec<u8>> {
        let url = self.ocsp_url.as_ref()?;
        let place = asn1::tlv(asn1::context_primitive(6), url.as_bytes());
        let access = asn1::seq(&[&asn1::oid(oids::AD_OCSP), &place]);
        Some(extension(
            oids::AUTHORITY_INFO,
            false,
            &asn1::seq(&[&access]),
        ))
    }
}

impl Template<'_> {
    fn sign(&self, signer: &Signer, chance: &dyn Chance) -> Result<Certificate, TrustError> {
        let mut serial = [0_u8; 16];
        chance.fill(&mut serial);
        // Positive, never zero, and always 16 bytes long, so that no length gives anything away.
        serial[0] = serial[0] & 0x7f | 0x40;
        let algorithm = signer.signature_algorithm(Hash::Sha256).identifier();
        let validity = asn1::seq(&[&asn1::time(self.not_before), &asn1::time(self.not_after)]);
        let extensions = asn1::tlv(asn1::SEQUENCE, &self.extensions.concat());
        let tbs = asn1::seq(&[
            &asn1::explicit(0, &asn1::int(2)),
            &asn1::uint(&serial),
            &algorithm,
            self.issuer.der(),
            &validity,
            self.subject.der(),
            self.spki,
            &asn1::explicit(3, &extensions),
        ]);
        let signature = signer.sign(&tbs, Hash::Sha256)?;
        Certificate::from_der(&asn1::seq(&[&tbs, &algorithm, &asn1::bits(&signature)]))
    }
}

/// One Extension.
pub(crate) fn extension(kind: ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let flag = if critical { asn1::yes() } else { Vec::new() };
    asn1::seq(&[&asn1::oid(kind), &flag, &asn1::octets(value)])
}

/// subjectKeyIdentifier, and authorityKeyIdentifier unless self-signed.
fn key_identifiers(spki: &[u8], issuer: Option<&Ca>) -> Result<Vec<Vec<u8>>, TrustError> {
    let (_, bits) = KeyKind::of_spki(spki)?;
    let own = asn1::octets(&sigalg::sha1(bits));
    let mut list = vec![extension(oids::SUBJECT_KEY_ID, false, &own)];
    if let Some(issuer) = issuer {
        let theirs = issuer.certificate.key_sha1();
        let id = issuer.certificate.subject_key_id().unwrap_or(&theirs);
        let value = asn1::seq(&[&asn1::tlv(asn1::context_primitive(0), id)]);
        list.push(extension(oids::AUTHORITY_KEY_ID, false, &value));
    }
    Ok(list)
}

fn authority_extensions(
    spki: &[u8],
    path_len: Option<u64>,
    issuer: Option<&Ca>,
) -> Result<Vec<Vec<u8>>, TrustError> {
    let mut list = key_identifiers(spki, issuer)?;
    let limit = path_len.map(asn1::int).unwrap_or_default();
    let constraints = asn1::seq(&[&asn1::yes(), &limit]);
    list.push(extension(oids::BASIC_CONSTRAINTS, true, &constraints));
    let bits = asn1::named_bits(usage::CERT_SIGN | usage::CRL_SIGN);
    list.push(extension(oids::KEY_USAGE, true, &bits));
    Ok(list)
}

impl Profile {
    fn extensions(&self) -> Result<Vec<Vec<u8>>, TrustError> {
        let (bits, purposes, critical): (u16, &[ObjectIdentifier], bool) = match self {
            Self::Tls { .. } => (
                usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT,
                &[oids::SERVER_AUTH, oids::CLIENT_AUTH],
                false,
            ),
            Self::Sign => (usage::NON_REPUDIATION, &[], false),
            Self::Official => (usage::NON_REPUDIATION, &[oids::DOCUMENT_SIGNING], false),
            Self::Seal => (
                usage::DIGITAL_SIGNATURE | usage::NON_REPUDIATION,
                &[oids::DOCUMENT_SIGNING],
                false,
            ),
            Self::TimeStamp => (usage::DIGITAL_SIGNATURE, &[oids::TIME_STAMPING], true),
            Self::OcspSigning => (usage::DIGITAL_SIGNATURE, &[oids::OCSP_SIGNING], false),
        };
        let mut list = vec![
            extension(oids::BASIC_CONSTRAINTS, true, &asn1::seq(&[])),
            extension(oids::KEY_USAGE, true, &asn1::named_bits(bits)),
        ];
        if !purposes.is_empty() {
            let all: Vec<u8> = purposes.iter().flat_map(|p| asn1::oid(*p)).collect();
            let value = asn1::tlv(asn1::SEQUENCE, &all);
            list.push(extension(oids::EXTENDED_KEY_USAGE, critical, &value));
        }
        if let Self::Tls { names } = self {
            list.extend(alt_names(names)?);
        }
        if *self == Self::OcspSigning {
            list.push(extension(oids::OCSP_NOCHECK, false, &asn1::null()));
        }
        Ok(list)
    }
}

fn alt_names(names: &[AltName]) -> Result<Option<Vec<u8>>, TrustError> {
    if names.len() > ALT_NAMES_MAX {
        return Err(TrustError::TooLarge {
            what: "subjectAltName",
            limit: ALT_NAMES_MAX,
        });
    }
    let mut list = Vec::new();
    for name in names {
        list.extend(match name {
            AltName::Dns(name) => {
                let letters = |b: u8| b.is_ascii_alphanumeric() || b"-._*".contains(&b);
                if name.is_empty() || name.len() > 253 || !name.bytes().all(letters) {
                    return Err(TrustError::malformed("DNS name"));
                }
                asn1::tlv(asn1::context_primitive(2), name.as_bytes())
            }
            AltName::Ip(std::net::IpAddr::V4(ip)) => {
                asn1::tlv(asn1::context_primitive(7), &ip.octets())
            }
            AltName::Ip(std::net::IpAddr::V6(ip)) => {
                asn1::tlv(asn1::context_primitive(7), &ip.octets())
            }
        });
    }
    let value = asn1::tlv(asn1::SEQUENCE, &list);
    Ok((!names.is_empty()).then(|| extension(oids::ALT_NAME, false, &value)))
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
    ];

    /// The code on the wire and in records.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
        }
    }

    /// The reason of a code; codes that this house does not write read as unspecified.
    pub fn from_code(code: u32) -> Self {
        let all = Self::ALL.into_iter();
        all.rev()
            .find(|r| u32::from(r.code()) == code)
            .unwrap_or(Self::Unspecified)
    }
}

impl Revocations {
    /// Notes that `certificate` was issued.
    pub fn issued(&mut self, certificate: &Certificate) {
        self.known
            .entry(certificate.serial_hex())
            .or_insert(Status::Good);
    }

    /// Revokes; a second revocation changes nothing, so that the first moment stands.
    pub fn revoke(&mut self, serial_hex: &str, at: Moment, reason: Reason) {
        let status = self
            .known
            .entry(serial_hex.to_owned())
            .or_insert(Status::Good);
        if *status == Status::Good {
            *status = Status::Revoked { at, reason };
        }
    }

    /// Notes a status, as read from records.
    pub fn note(&mut self, serial_hex: &str, status: Status) {
        self.known.insert(serial_hex.to_owned(), status);
    }

    /// What is known of a serial number.
    pub fn status(&self, serial_hex: &str) -> Status {
        self.known
            .get(serial_hex)
            .copied()
            .unwrap_or(Status::Unknown)
    }
}

#[cfg(test)]
mod tests;
