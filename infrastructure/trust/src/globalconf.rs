//! Reads X-Road's shared parameters: whom an ecosystem trusts, who its members are, where their servers stand.
//!
//! Source: X-Road PR-GCONF, versions 2 to 6. Container verification and bridges to X-Road read it. It promises typed
//! values of the parts named here; unknown elements are passed over, as the protocol demands. Certificates are base64
//! of DER or, as some servers write them, base64 of PEM. Whether the file itself is genuine is not decided here.

use std::collections::BTreeMap;

use kernel::{MemberId, ServerId, SubsystemId};
use roxmltree::Node;

use crate::cert::Certificate;
use crate::name::{self, Name};
use crate::path::Anchors;
use crate::xml;

/// OCSP responses are fresh this long if the configuration does not say; X-Road's own default.
pub const OCSP_FRESHNESS_SECONDS: i64 = 3_600;

/// Why the file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shared parameters are not readable: {0}")]
pub struct GlobalConfError(String);

fn bad(what: &str) -> GlobalConfError {
    GlobalConfError(what.to_owned())
}

/// The shared parameters of one ecosystem.
#[derive(Clone, Debug)]
pub struct SharedParams {
    /// The ecosystem, for example `DEV`.
    pub instance: String,
    /// Certification services that are trusted.
    pub authorities: Vec<Authority>,
    /// Time-stamping services that are trusted.
    pub stampers: Vec<Stamper>,
    /// The members.
    pub members: Vec<Member>,
    /// The security servers.
    pub servers: Vec<Server>,
    /// Seconds for which an OCSP response is fresh.
    pub ocsp_freshness_seconds: i64,
}

/// A certification service.
#[derive(Clone, Debug)]
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
}

/// A certificate that issues, and who answers for its certificates' status.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The certificate.
    pub certificate: Certificate,
    /// Its responders.
    pub responders: Vec<Responder>,
}

/// An OCSP responder.
#[derive(Clone, Debug)]
pub struct Responder {
    /// Where it is asked.
    pub url: String,
    /// Its certificate, if the configuration names one.
    pub certificate: Option<Certificate>,
}

/// A time-stamping service.
#[derive(Clone, Debug)]
pub struct Stamper {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// The certificate that signs its tokens.
    pub certificate: Certificate,
}

/// A member and its subsystems.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its identifier.
    pub id: MemberId,
    /// Its name.
    pub name: String,
    /// Its subsystems.
    pub subsystems: Vec<SubsystemId>,
}

/// A security server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its identifier.
    pub id: ServerId,
    /// Host name or address.
    pub address: String,
    /// Digests of its authentication certificates, SHA-256 from version 3 on.
    pub auth_cert_hashes: Vec<Vec<u8>>,
    /// Subsystems registered on it.
    pub clients: Vec<SubsystemId>,
}

/// How certificates name members: the class that the ecosystem's operator chose for an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Finland's: CN is the code, serialNumber is `INSTANCE/SERVER/CLASS`.
    Finnish,
    /// serialNumber is the code, businessCategory is the class.
    Basic,
    /// Any other; it names no member here.
    Other(String),
}

impl Profile {
    fn of_class(class: &str) -> Self {
        match class.rsplit('.').next().unwrap_or_default() {
            "FiVRKCertificateProfileInfoProvider" => Self::Finnish,
            "BasicCertificateProfileInfoProvider" => Self::Basic,
            _ => Self::Other(class.to_owned()),
        }
    }

    /// The member that a signing certificate of this profile names.
    pub fn member(&self, subject: &Name, instance: &str) -> Option<MemberId> {
        match self {
            Self::Finnish => {
                let code = subject.get(name::COMMON_NAME)?;
                let parts: Vec<&str> = subject.get(name::SERIAL_NUMBER)?.split('/').collect();
                match parts[..] {
                    [named, _server, class] if named == instance => {
                        Some(MemberId::new(instance, class, code))
                    }
                    _ => None,
                }
            }
            Self::Basic => Some(MemberId::new(
                instance,
                subject.get(name::BUSINESS_CATEGORY)?,
                subject.get(name::SERIAL_NUMBER)?,
            )),
            Self::Other(_) => None,
        }
    }
}

impl SharedParams {
    /// Reads a `shared-params.xml`.
    pub fn parse(bytes: &[u8]) -> Result<Self, GlobalConfError> {
        let readable = |error: xml::XmlError| GlobalConfError(error.to_string());
        let text = xml::text(bytes, xml::CONFIGURATION).map_err(readable)?;
        let tree = xml::tree(&text, xml::CONFIGURATION).map_err(readable)?;
        let root = tree.root_element();
        if root.tag_name().name() != "conf" {
            return Err(bad("root element"));
        }
        let instance = needed(root, "instanceIdentifier")?;
        let mut known = Known::default();
        let members = all(root, "member")
            .map(|node| known.member(node, &instance))
            .collect::<Result<_, _>>()?;
        let settings = all(root, "globalSettings").next();
        let freshness = settings
            .and_then(|node| all(node, "ocspFreshnessSeconds").next())
            .and_then(number);
        Ok(Self {
            authorities: all(root, "approvedCA")
                .map(authority)
                .collect::<Result<_, _>>()?,
            stampers: all(root, "approvedTSA")
                .map(stamper)
                .collect::<Result<_, _>>()?,
            servers: all(root, "securityServer")
                .map(|node| known.server(node))
                .collect::<Result<_, _>>()?,
            members,
            instance,
            ocsp_freshness_seconds: freshness.unwrap_or(OCSP_FRESHNESS_SECONDS),
        })
    }

    /// Anchors for signatures: the top certificates of the authorities that may certify signatures.
    pub fn signing_anchors(&self) -> Anchors {
        let signing = self
            .authorities
            .iter()
            .filter(|authority| !authority.authentication_only);
        Anchors::new(
            signing
                .map(|authority| authority.top.certificate.clone())
                .collect(),
        )
    }

    /// The authority whose top certificate is `anchor`.
    pub fn authority_of(&self, anchor: &Certificate) -> Option<&Authority> {
        self.authorities
            .iter()
            .find(|authority| authority.top.certificate == *anchor)
    }

    /// The member with this identifier.
    pub fn member(&self, id: &MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == *id)
    }
}

impl Authority {
    /// All responders' certificates that the configuration names for this authority.
    pub fn responder_certificates(&self) -> Vec<Certificate> {
        let issuers = std::iter::once(&self.top).chain(&self.intermediates);
        issuers
            .flat_map(|issuer| &issuer.responders)
            .filter_map(|one| one.certificate.clone())
            .collect()
    }
}

/// Child elements of the parameters are unqualified; identifiers inside global groups are not read.
fn all<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn text_of(node: Node<'_, '_>, name: &'static str) -> Option<String> {
    let text = xml::content(all(node, name).next()?)?;
    Some(text.trim().to_owned())
}

fn needed(node: Node<'_, '_>, name: &'static str) -> Result<String, GlobalConfError> {
    text_of(node, name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| bad(name))
}

fn number(node: Node<'_, '_>) -> Option<i64> {
    xml::content(node)?.trim().parse().ok()
}

fn certificate(node: Node<'_, '_>) -> Result<Certificate, GlobalConfError> {
    let bytes = xml::binary(node).ok_or_else(|| bad("certificate"))?;
    let read = if bytes.starts_with(b"-----BEGIN") {
        Certificate::from_pem(&String::from_utf8_lossy(&bytes))
    } else {
        Certificate::from_der(&bytes)
    };
    read.map_err(|error| GlobalConfError(error.to_string()))
}

fn needed_certificate(node: Node<'_, '_>) -> Result<Certificate, GlobalConfError> {
    certificate(all(node, "cert").next().ok_or_else(|| bad("cert"))?)
}

fn authority(node: Node<'_, '_>) -> Result<Authority, GlobalConfError> {
    Ok(Authority {
        name: needed(node, "name")?,
        authentication_only: text_of(node, "authenticationOnly")
            .is_some_and(|text| text == "true" || text == "1"),
        top: issuer(all(node, "topCA").next().ok_or_else(|| bad("topCA"))?)?,
        intermediates: all(node, "intermediateCA")
            .map(issuer)
            .collect::<Result<_, _>>()?,
        profile: Profile::of_class(&text_of(node, "certificateProfileInfo").unwrap_or_default()),
    })
}

fn issuer(node: Node<'_, '_>) -> Result<Issuer, GlobalConfError> {
    let responder = |node| {
        Ok(Responder {
            url: needed(node, "url")?,
            certificate: all(node, "cert").next().map(certificate).transpose()?,
        })
    };
    Ok(Issuer {
        certificate: needed_certificate(node)?,
        responders: all(node, "ocsp").map(responder).collect::<Result<_, _>>()?,
    })
}

fn stamper(node: Node<'_, '_>) -> Result<Stamper, GlobalConfError> {
    let name = text_of(node, "name").unwrap_or_default();
    Ok(Stamper {
        name,
        url: needed(node, "url")?,
        certificate: needed_certificate(node)?,
    })
}

/// Members and subsystems by the `id` attributes that servers refer to.
#[derive(Default)]
struct Known {
    members: BTreeMap<String, MemberId>,
    subsystems: BTreeMap<String, SubsystemId>,
}

impl Known {
    fn member(&mut self, node: Node<'_, '_>, instance: &str) -> Result<Member, GlobalConfError> {
        let class = all(node, "memberClass")
            .next()
            .ok_or_else(|| bad("memberClass"))?;
        let id = MemberId::new(
            instance,
            &needed(class, "code")?,
            &needed(node, "memberCode")?,
        );
        if let Some(reference) = node.attribute("id") {
            self.members.insert(reference.to_owned(), id.clone());
        }
        let mut subsystems = Vec::new();
        for child in all(node, "subsystem") {
            let subsystem = id.subsystem(&needed(child, "subsystemCode")?);
            if let Some(reference) = child.attribute("id") {
                self.subsystems
                    .insert(reference.to_owned(), subsystem.clone());
            }
            subsystems.push(subsystem);
        }
        Ok(Member {
            id,
            name: text_of(node, "name").unwrap_or_default(),
            subsystems,
        })
    }

    fn server(&self, node: Node<'_, '_>) -> Result<Server, GlobalConfError> {
        let owner = self
            .members
            .get(&needed(node, "owner")?)
            .ok_or_else(|| bad("owner"))?;
        let hashes = all(node, "authCertHash")
            .map(|hash| xml::binary(hash).ok_or_else(|| bad("authCertHash")));
        // A client may be a member itself; only subsystems exchange messages here.
        let clients = all(node, "client")
            .filter_map(|client| self.subsystems.get(xml::content(client)?.trim()).cloned());
        Ok(Server {
            id: owner.server(&needed(node, "serverCode")?),
            address: text_of(node, "address").unwrap_or_default(),
            auth_cert_hashes: hashes.collect::<Result<_, _>>()?,
            clients: clients.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/xroad"
    );

    #[test]
    fn x_roads_own_files_of_three_versions() {
        for (file, members, servers) in [
            ("globalconf/DEV/shared-params.xml", 2, 2),
            (
                "signed-conf/V3/20240408143011166442000/shared-params.xml",
                0,
                0,
            ),
            (
                "signed-conf/V5/20250303143831136684000/shared-params.xml",
                0,
                0,
            ),
        ] {
            let Ok(bytes) = std::fs::read(format!("{FIXTURES}/{file}")) else {
                println!("not run: {file} is not here");
                return;
            };
            let params = SharedParams::parse(&bytes).unwrap();
            assert!(
                params.authorities.len() == 1 && params.stampers.len() == 1,
                "{file}"
            );
            assert!(
                params.members.len() >= members && params.servers.len() >= servers,
                "{file}"
            );
            let authority = &params.authorities[0];
            assert!(authority.top.certificate.is_ca(), "{file}");
            assert!(
                !authority.authentication_only && authority.profile == Profile::Finnish,
                "{file}"
            );
            assert_eq!(params.signing_anchors().certificates().len(), 1);
            if members > 0 {
                assert_eq!(params.instance, "DEV");
                assert_eq!(params.servers[0].id.to_string(), "DEV/COM/1234/SS0");
                assert_eq!(
                    params.servers[0].clients[1].to_string(),
                    "DEV/COM/1234/TestService"
                );
                assert_eq!(params.servers[1].auth_cert_hashes[0].len(), 32);
                assert_eq!(params.ocsp_freshness_seconds, 3_600);
                assert!(
                    params
                        .member(&MemberId::new("DEV", "COM", "4321"))
                        .is_some()
                );
            }
        }
    }

    #[test]
    fn subjects_name_members_by_profile() {
        let finnish = Name::new(&[
            (name::COMMON_NAME, "4321"),
            (name::SERIAL_NUMBER, "DEV/ss2/COM"),
        ])
        .unwrap();
        let basic = Name::new(&[
            (name::BUSINESS_CATEGORY, "GOB"),
            (name::SERIAL_NUMBER, "20131380951"),
        ])
        .unwrap();
        let class = |name: &str| {
            Profile::of_class(&format!(
                "ee.ria.xroad.common.certificateprofile.impl.{name}"
            ))
        };
        let finn = class("FiVRKCertificateProfileInfoProvider");
        assert_eq!(
            finn.member(&finnish, "DEV"),
            Some(MemberId::new("DEV", "COM", "4321"))
        );
        assert_eq!(finn.member(&finnish, "PE"), None);
        assert_eq!(finn.member(&basic, "DEV"), None);
        let plain = class("BasicCertificateProfileInfoProvider");
        assert_eq!(
            plain.member(&basic, "PE"),
            Some(MemberId::new("PE", "GOB", "20131380951"))
        );
        assert_eq!(class("Unknown").member(&basic, "PE"), None);
    }

    #[test]
    fn broken_files_are_refused() {
        for text in [
            "",
            "<conf/>",
            "<other/>",
            "<conf><instanceIdentifier>X</instanceIdentifier><approvedTSA><url>u</url><cert>AAAA</cert></approvedTSA></conf>",
        ] {
            assert!(SharedParams::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
