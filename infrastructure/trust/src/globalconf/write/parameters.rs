//! Parameters and anchors as XML of each version.

use std::collections::HashMap;

use super::xml::Document;
use super::{GlobalConfError, unwritable};
use crate::globalconf::grammar::{IDENTIFIERS, XROAD};
use crate::globalconf::{
    Acme, Anchor, Authority, Cost, CsrFormat, Group, Issuer, Management, Member, MemberClass,
    Party, PrivateParams, Responder, Server, SharedParams, Source, Stamper, VerificationKey,
    Version,
};

/// Bytes of the digests of authentication certificates: SHA-1 in version 2, SHA-256 after it.
const fn digest_bytes(version: Version) -> usize {
    if version.number() == Version::V2.number() {
        20
    } else {
        32
    }
}

fn root(name: &str) -> String {
    format!("x:{name} xmlns:x=\"{XROAD}\" xmlns:id=\"{IDENTIFIERS}\"")
}

impl SharedParams {
    /// The file `shared-params.xml` in this version. Certificates of servers are named by SHA-1 in version 2 and by
    /// SHA-256 after it; a server may hold digests of both kinds.
    ///
    /// # Errors
    /// [`GlobalConfError::Unwritable`]: no source from version 3 on, a client that is not registered, certificates that
    /// the version can't name, a letter that XML has not.
    pub fn to_xml(&self, version: Version) -> Result<String, GlobalConfError> {
        if version >= Version::V3 && self.sources.is_empty() {
            return Err(unwritable("there is no source"));
        }
        let mut out = Document::new();
        out.element(&root("conf"), |out| {
            out.text("instanceIdentifier", &self.instance)?;
            if version >= Version::V3 {
                each(&self.sources, |one| source(out, one))?;
            }
            each(&self.authorities, |one| authority(out, one, version))?;
            each(&self.stampers, |one| stamper(out, one, version))?;
            let mut references = References::default();
            each(&self.members, |one| {
                references.member(out, one, (version, self))
            })?;
            each(&self.servers, |one| references.server(out, one, version))?;
            each(&self.groups, |one| group(out, one))?;
            out.element("globalSettings", |out| {
                each(&self.member_classes, |one| member_class(out, one))?;
                let seconds = self.ocsp_freshness_seconds.to_string();
                out.text("ocspFreshnessSeconds", &seconds)
            })
        })?;
        Ok(out.finish())
    }
}

impl PrivateParams {
    /// The file `private-params.xml`; its form is the same in all versions.
    ///
    /// # Errors
    /// [`GlobalConfError::Unwritable`].
    pub fn to_xml(&self, _version: Version) -> Result<String, GlobalConfError> {
        let mut out = Document::new();
        out.element(&root("conf"), |out| {
            out.text("instanceIdentifier", &self.instance)?;
            each(&self.anchors, |one| {
                out.element("configurationAnchor", |out| anchor(out, one))
            })?;
            out.element("managementService", |out| management(out, &self.management))?;
            let seconds = self.time_stamping_interval_seconds.to_string();
            out.text("timeStampingIntervalSeconds", &seconds)
        })?;
        Ok(out.finish())
    }
}

impl Anchor {
    /// The anchor file.
    ///
    /// # Errors
    /// [`GlobalConfError::Unwritable`].
    pub fn to_xml(&self) -> Result<String, GlobalConfError> {
        let mut out = Document::new();
        out.element(&root("configurationAnchor"), |out| anchor(out, self))?;
        Ok(out.finish())
    }
}

fn each<T>(
    list: &[T],
    mut write: impl FnMut(&T) -> Result<(), GlobalConfError>,
) -> Result<(), GlobalConfError> {
    list.iter().try_for_each(&mut write)
}

fn anchor(out: &mut Document, anchor: &Anchor) -> Result<(), GlobalConfError> {
    let made = anchor.generated_at.map(kernel::Moment::iso_seconds);
    out.maybe("generatedAt", made.as_deref())?;
    out.text("instanceIdentifier", &anchor.instance)?;
    each(&anchor.sources, |source| {
        out.element("source", |out| {
            out.text("downloadURL", &source.url)?;
            each(&source.keys, |key| {
                out.binary("verificationCert", key.bytes())
            })
        })
    })
}

fn management(out: &mut Document, own: &Management) -> Result<(), GlobalConfError> {
    out.text("authCertRegServiceAddress", &own.registration_address)?;
    if let Some(bytes) = &own.registration_certificate {
        out.binary("authCertRegServiceCert", bytes)?;
    }
    party(out, "managementRequestServiceProviderId", &own.provider)
}

fn source(out: &mut Document, source: &Source) -> Result<(), GlobalConfError> {
    let key = |out: &mut Document, name, key: &VerificationKey| out.binary(name, key.bytes());
    out.element("source", |out| {
        out.text("address", &source.address)?;
        each(&source.internal, |one| {
            key(out, "internalVerificationCert", one)
        })?;
        each(&source.external, |one| {
            key(out, "externalVerificationCert", one)
        })
    })
}

fn authority(
    out: &mut Document,
    known: &Authority,
    version: Version,
) -> Result<(), GlobalConfError> {
    out.element("approvedCA", |out| {
        out.text("name", &known.name)?;
        out.text("authenticationOnly", &known.authentication_only.to_string())?;
        issuer(out, "topCA", &known.top, version)?;
        each(&known.intermediates, |one| {
            issuer(out, "intermediateCA", one, version)
        })?;
        out.text("certificateProfileInfo", &known.profile.class())?;
        if version >= Version::V6 {
            let form = known.csr_format.map(|form| match form {
                CsrFormat::Pem => "PEM",
                CsrFormat::Der => "DER",
            });
            out.maybe("defaultCsrFormat", form)?;
        }
        match &known.acme {
            Some(own) if version >= Version::V3 => acme(out, own, version),
            _ => Ok(()),
        }
    })
}

fn acme(out: &mut Document, own: &Acme, version: Version) -> Result<(), GlobalConfError> {
    out.element("acmeServer", |out| {
        out.text("directoryURL", &own.directory_url)?;
        out.maybe("ipAddress", own.ip_address.as_deref())?;
        if version >= Version::V4 {
            let (sign, auth) = (&own.signing_profile, &own.authentication_profile);
            out.maybe("authenticationCertificateProfileId", auth.as_deref())?;
            out.maybe("signingCertificateProfileId", sign.as_deref())?;
        }
        Ok(())
    })
}

fn issuer(
    out: &mut Document,
    name: &str,
    issuer: &Issuer,
    version: Version,
) -> Result<(), GlobalConfError> {
    out.element(name, |out| {
        out.binary("cert", issuer.certificate.der())?;
        each(&issuer.responders, |one| responder(out, one, version))
    })
}

fn responder(
    out: &mut Document,
    known: &Responder,
    version: Version,
) -> Result<(), GlobalConfError> {
    out.element("ocsp", |out| {
        out.text("url", &known.url)?;
        if let Some(certificate) = &known.certificate {
            out.binary("cert", certificate.der())?;
        }
        cost(out, known.cost, version)
    })
}

fn stamper(out: &mut Document, known: &Stamper, version: Version) -> Result<(), GlobalConfError> {
    out.element("approvedTSA", |out| {
        out.text("name", &known.name)?;
        out.text("url", &known.url)?;
        out.binary("cert", known.certificate.der())?;
        cost(out, known.cost, version)
    })
}

fn cost(out: &mut Document, cost: Option<Cost>, version: Version) -> Result<(), GlobalConfError> {
    let word = cost.map(|cost| match cost {
        Cost::Free => "FREE",
        Cost::Paid => "PAID",
        Cost::Undefined => "UNDEFINED",
    });
    out.maybe("costType", word.filter(|_| version >= Version::V6))
}

fn member_class(out: &mut Document, class: &MemberClass) -> Result<(), GlobalConfError> {
    out.element("memberClass", |out| {
        out.text("code", &class.code)?;
        out.text("description", &class.description)
    })
}

fn group(out: &mut Document, group: &Group) -> Result<(), GlobalConfError> {
    out.element("globalGroup", |out| {
        out.text("groupCode", &group.code)?;
        out.text("description", &group.description)?;
        each(&group.members, |one| party(out, "groupMember", one))
    })
}

fn party(out: &mut Document, name: &str, party: &Party) -> Result<(), GlobalConfError> {
    let kind = match party {
        Party::Member(_) => "MEMBER",
        Party::Subsystem(_) => "SUBSYSTEM",
    };
    let member = party.member();
    out.element(&format!("{name} id:objectType=\"{kind}\""), |out| {
        out.text("id:xRoadInstance", &member.instance)?;
        out.text("id:memberClass", &member.class)?;
        out.text("id:memberCode", &member.code)?;
        let code = party.subsystem().map(|subsystem| subsystem.code.as_str());
        out.maybe("id:subsystemCode", code)
    })
}

/// The `id` attributes given to members and subsystems, which servers refer to.
#[derive(Default)]
struct References(HashMap<Party, String>);

impl References {
    fn give(&mut self, party: Party) -> Result<String, GlobalConfError> {
        let reference = format!("id{}", self.0.len());
        match self.0.insert(party, reference.clone()) {
            None => Ok(reference),
            Some(_) => Err(unwritable("a member or subsystem is there twice")),
        }
    }

    fn of(&self, party: &Party) -> Result<&str, GlobalConfError> {
        let reference = self.0.get(party).map(String::as_str);
        reference.ok_or_else(|| unwritable(format!("{} is not registered", party.member())))
    }

    fn member(
        &mut self,
        out: &mut Document,
        member: &Member,
        (version, params): (Version, &SharedParams),
    ) -> Result<(), GlobalConfError> {
        if member.id.instance != params.instance {
            return Err(unwritable(format!("{} is of another instance", member.id)));
        }
        let reference = self.give(Party::Member(member.id.clone()))?;
        let class = params
            .member_classes
            .iter()
            .find(|class| class.code == member.id.class);
        let class = class.cloned().unwrap_or_else(|| MemberClass {
            code: member.id.class.clone(),
            description: String::new(),
        });
        out.element(&format!("member id=\"{reference}\""), |out| {
            member_class(out, &class)?;
            out.text("memberCode", &member.id.code)?;
            out.text("name", &member.name)?;
            each(&member.subsystems, |one| {
                let party = Party::Subsystem(member.id.subsystem(&one.code));
                let reference = self.give(party)?;
                out.element(&format!("subsystem id=\"{reference}\""), |out| {
                    out.text("subsystemCode", &one.code)?;
                    let name = one.name.as_deref().filter(|_| version >= Version::V5);
                    out.maybe("subsystemName", name)
                })
            })
        })
    }

    fn server(
        &self,
        out: &mut Document,
        server: &Server,
        version: Version,
    ) -> Result<(), GlobalConfError> {
        let owner = self.of(&Party::Member(server.id.owner.clone()))?;
        let bytes = digest_bytes(version);
        let hashes: Vec<_> = server.auth_cert_hashes.iter().collect();
        let fit = hashes.iter().filter(|hash| hash.len() == bytes);
        if !hashes.is_empty() && fit.clone().next().is_none() {
            let what = "its certificates are not known by the digest of this version";
            return Err(unwritable(format!("{}: {what}", server.id)));
        }
        out.element("securityServer", |out| {
            out.text("owner", owner)?;
            out.text("serverCode", &server.id.code)?;
            if !server.address.is_empty() {
                out.text("address", &server.address)?;
            }
            for hash in fit {
                out.binary("authCertHash", hash)?;
            }
            each(&server.clients, |one| out.text("client", self.of(one)?))?;
            match &server.maintenance {
                Some(pause) if version >= Version::V5 => out.element("inMaintenanceMode", |out| {
                    out.maybe("message", pause.message.as_deref())
                }),
                _ => Ok(()),
            }
        })
    }
}
