//! The values of a global configuration, whatever its version; a version that lacks a field leaves it empty.
//!
//! Source: PR-GCONF annexes B, C and E. Readers make them and the writer takes them; nothing here is decided.

pub use kernel::Party;
use kernel::{MemberId, Moment, ServerId, SubsystemId};

use super::{GlobalConfError, Profile, bad};
use crate::asn1::{self, Node};
use crate::cert::{self, CERTIFICATE_BYTES_MAX, Certificate};
use crate::path::Anchors;
use crate::sigalg::Hash;

/// OCSP responses are fresh this long if the configuration does not say; X-Road's own default.
pub const OCSP_FRESHNESS_SECONDS: i64 = 3_600;
/// What a member class may be made of, for whoever registers one.
pub const MEMBER_CLASS_FORM: &str = "letters, digits and '()+,-.=?";

/// The shared parameters of one ecosystem.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedParams {
    /// The ecosystem, for example `DEV`.
    pub instance: String,
    /// Where the configuration is given out, and under which keys (from version 3).
    pub sources: Vec<Source>,
    /// Certification services that are trusted.
    pub authorities: Vec<Authority>,
    /// Time-stamping services that are trusted.
    pub stampers: Vec<Stamper>,
    /// The members.
    pub members: Vec<Member>,
    /// The security servers.
    pub servers: Vec<Server>,
    /// Groups of the whole ecosystem that services can be opened to.
    pub groups: Vec<Group>,
    /// Classes that members can be of.
    pub member_classes: Vec<MemberClass>,
    /// Seconds for which an OCSP response is fresh.
    pub ocsp_freshness_seconds: i64,
}

/// A server that gives out the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Host name or address.
    pub address: String,
    /// Keys that sign the internal configuration: the one in use, and the next.
    pub internal: Vec<VerificationKey>,
    /// Keys that sign the external configuration.
    pub external: Vec<VerificationKey>,
}

/// A key that signs configurations, in the certificate that carries it. Nothing else in the certificate counts
/// (PR-GCONF section 2.2), so its dates and names are not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationKey {
    bytes: Vec<u8>,
    spki: Vec<u8>,
}

/// A certification service.
#[derive(Clone, Debug, PartialEq)]
pub struct Authority {
    /// Its name.
    pub name: String,
    /// Whether it may only certify servers, not signatures.
    pub authentication_only: bool,
    /// The trusted certificate on top, with its OCSP responders.
    pub top: Issuer,
    /// Known intermediates.
    pub intermediates: Vec<Issuer>,
    /// How its certificates name members.
    pub profile: Profile,
    /// In which form it wants requests for certificates (from version 6).
    pub csr_format: Option<CsrFormat>,
    /// Where it issues by itself (from version 3).
    pub acme: Option<Acme>,
}

/// The form of a request for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsrFormat {
    /// Text.
    Pem,
    /// Bytes.
    Der,
}

/// An ACME server (RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// Its directory.
    pub directory_url: String,
    /// The address that it asks from.
    pub ip_address: Option<String>,
    /// Its profile for authentication certificates (from version 4).
    pub authentication_profile: Option<String>,
    /// Its profile for signing certificates (from version 4).
    pub signing_profile: Option<String>,
}

/// A certificate that issues, and who answers for its certificates' status.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// The certificate.
    pub certificate: Certificate,
    /// Its responders.
    pub responders: Vec<Responder>,
}

/// An OCSP responder.
#[derive(Clone, Debug, PartialEq)]
pub struct Responder {
    /// Where it is asked.
    pub url: String,
    /// Its certificate, if the configuration names one.
    pub certificate: Option<Certificate>,
    /// Whether it costs (from version 6).
    pub cost: Option<Cost>,
}

/// A time-stamping service.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamper {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// The certificate that signs its tokens.
    pub certificate: Certificate,
    /// Whether it costs (from version 6).
    pub cost: Option<Cost>,
}

/// Whether a trust service costs something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// It does not.
    Free,
    /// It does.
    Paid,
    /// Nobody says.
    Undefined,
}

/// A class of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberClass {
    /// Its code, for example `GOV`.
    pub code: String,
    /// What it means.
    pub description: String,
}

/// A member and its subsystems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its identifier.
    pub id: MemberId,
    /// Its name.
    pub name: String,
    /// Its subsystems.
    pub subsystems: Vec<Subsystem>,
}

/// A subsystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subsystem {
    /// Its code.
    pub code: String,
    /// Its name (from version 5).
    pub name: Option<String>,
}

/// A security server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its identifier.
    pub id: ServerId,
    /// Host name or address, without port; empty if the configuration names none.
    pub address: String,
    /// Digests of its authentication certificates: SHA-1 in version 2, SHA-256 from version 3 on.
    pub auth_cert_hashes: Vec<Vec<u8>>,
    /// Subsystems and members registered on it.
    pub clients: Vec<Party>,
    /// Set while it is in maintenance (from version 5).
    pub maintenance: Option<Maintenance>,
}

/// That a server is in maintenance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// What its owner tells those who wait.
    pub message: Option<String>,
}

/// A group of the whole ecosystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its code.
    pub code: String,
    /// What it is for.
    pub description: String,
    /// Who is in it.
    pub members: Vec<Party>,
}

/// What only members of an instance are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateParams {
    /// The ecosystem.
    pub instance: String,
    /// Sources of federated ecosystems.
    pub anchors: Vec<Anchor>,
    /// The authority's own services.
    pub management: Management,
    /// How often members have their signatures time-stamped, in seconds.
    pub time_stamping_interval_seconds: i64,
}

/// Where members register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Management {
    /// Where authentication certificates are registered.
    pub registration_address: String,
    /// The certificate of that address, as it stands in the file.
    pub registration_certificate: Option<Vec<u8>>,
    /// Who answers requests about clients.
    pub provider: Party,
}

/// Where a configuration is to be had and whose signature it must bear: what a newcomer is handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// When it was made.
    pub generated_at: Option<Moment>,
    /// The ecosystem.
    pub instance: String,
    /// The sources; each gives the same.
    pub sources: Vec<AnchorSource>,
}

/// One source of an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorSource {
    /// Where the signed directory lies.
    pub url: String,
    /// Keys of which one must have signed.
    pub keys: Vec<VerificationKey>,
}

impl VerificationKey {
    /// Reads a certificate (DER, or PEM as some servers hand out) for its key alone.
    ///
    /// # Errors
    /// It has not the form of a certificate, or is larger than one may be.
    pub fn read(bytes: &[u8]) -> Result<Self, GlobalConfError> {
        if bytes.len() > CERTIFICATE_BYTES_MAX * 2 {
            return Err(bad("verification certificate: too large"));
        }
        let spki = if bytes.starts_with(b"-----BEGIN") {
            let text = std::str::from_utf8(bytes).map_err(bad)?;
            let blocks = cert::pem_blocks(text, "CERTIFICATE").map_err(bad)?;
            spki(
                blocks
                    .first()
                    .ok_or_else(|| bad("verification certificate"))?,
            )
        } else {
            spki(bytes)
        };
        Ok(Self {
            bytes: bytes.to_vec(),
            spki: spki.map_err(bad)?,
        })
    }

    /// The key that `certificate` holds.
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            bytes: certificate.der().to_vec(),
            spki: certificate.spki().to_vec(),
        }
    }

    /// The bytes as they stand in the file, over which the digest in a signed directory goes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key as SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Whether `digest` names this certificate.
    pub fn is_named_by(&self, hash: Hash, digest: &[u8]) -> bool {
        hash.digest(&self.bytes) == digest
    }
}

/// The subjectPublicKeyInfo of a certificate (RFC 5280 section 4.1), everything else passed over.
fn spki(der: &[u8]) -> Result<Vec<u8>, crate::TrustError> {
    const WHAT: &str = "verification certificate";
    let mut outer = Node::whole(der, WHAT)?
        .expect(asn1::SEQUENCE, WHAT)?
        .inside(WHAT);
    let mut body = outer.take()?.expect(asn1::SEQUENCE, WHAT)?.inside(WHAT);
    body.maybe(asn1::context(0))?;
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        body.take()?;
    }
    Ok(body.take()?.expect(asn1::SEQUENCE, WHAT)?.raw.to_vec())
}

impl Member {
    /// The identifiers of its subsystems.
    pub fn subsystem_ids(&self) -> impl Iterator<Item = SubsystemId> {
        self.subsystems
            .iter()
            .map(|subsystem| self.id.subsystem(&subsystem.code))
    }
}

impl SharedParams {
    /// Parameters of `instance` without anybody in them.
    pub fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
            sources: Vec::new(),
            authorities: Vec::new(),
            stampers: Vec::new(),
            members: Vec::new(),
            servers: Vec::new(),
            groups: Vec::new(),
            member_classes: Vec::new(),
            ocsp_freshness_seconds: OCSP_FRESHNESS_SECONDS,
        }
    }

    /// Anchors for signatures: the certificates of the authorities that may certify signatures, their intermediates
    /// too. As in X-Road, a certificate that such an intermediate issued needs no status of the intermediate itself.
    pub fn signing_anchors(&self) -> Anchors {
        let signing = self
            .authorities
            .iter()
            .filter(|authority| !authority.authentication_only);
        Anchors::new(
            signing
                .flat_map(Authority::issuers)
                .map(|issuer| issuer.certificate.clone())
                .collect(),
        )
    }

    /// The authority of which `issuer` is the top certificate or an intermediate.
    pub fn authority_of(&self, issuer: &Certificate) -> Option<&Authority> {
        self.authorities.iter().find(|authority| {
            let mut issuers = authority.issuers();
            issuers.any(|known| known.certificate == *issuer)
        })
    }

    /// The member with this identifier; looks through all of them.
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == *id)
    }
}

impl Authority {
    /// A service that certifies everything, with nothing but its certificate.
    pub fn new(name: &str, top: Issuer, profile: Profile) -> Self {
        Self {
            name: name.to_owned(),
            authentication_only: false,
            top,
            intermediates: Vec::new(),
            profile,
            csr_format: None,
            acme: None,
        }
    }

    /// The top issuer, then the intermediates.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        std::iter::once(&self.top).chain(&self.intermediates)
    }

    /// All responders' certificates that the configuration names for this authority.
    pub fn responder_certificates(&self) -> Vec<Certificate> {
        self.issuers()
            .flat_map(|issuer| &issuer.responders)
            .filter_map(|one| one.certificate.clone())
            .collect()
    }
}
