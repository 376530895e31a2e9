//! Reads shared parameters (PR-GCONF annex B) of each version.
//!
//! It promises typed values of every field, references between members and servers resolved, and no member,
//! subsystem or server twice. It refuses what the version's grammar does not have; from version 3 on unknown elements
//! may follow at the end of the file. Whether the file is genuine is decided by [`super::Distribution`].

use std::collections::{HashMap, HashSet};

use kernel::MemberId;
use roxmltree::Node;

use super::grammar::{self, IDENTIFIERS, Sequence, XROAD};
use super::{
    Acme, Authority, Cost, CsrFormat, GlobalConfError, Group, Issuer, Maintenance, Member,
    MemberClass, Party, Profile, Responder, Server, SharedParams, Source, Stamper, Subsystem,
    VerificationKey, Version, bad,
};
use crate::xml;

/// Bytes of a SHA-1 digest, in version 2 alone.
const SHA1_BYTES: usize = 20;
/// Bytes of a SHA-256 digest.
const SHA256_BYTES: usize = 32;

/// What a version has: each field from one version on. A file of unknown version may have all of it.
#[derive(Clone, Copy)]
struct Grammar(Option<Version>);

impl Grammar {
    fn has(self, since: Version) -> bool {
        self.0.is_none_or(|version| version >= since)
    }
}

impl SharedParams {
    /// Reads a `shared-params.xml` of whatever version.
    ///
    /// # Errors
    /// [`GlobalConfError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, GlobalConfError> {
        read(bytes, Grammar(None))
    }

    /// Reads a `shared-params.xml` of this version.
    ///
    /// # Errors
    /// [`GlobalConfError::Malformed`].
    pub fn read(bytes: &[u8], version: Version) -> Result<Self, GlobalConfError> {
        read(bytes, Grammar(Some(version)))
    }
}

fn read(bytes: &[u8], grammar: Grammar) -> Result<SharedParams, GlobalConfError> {
    let text = xml::text(bytes, xml::CONFIGURATION).map_err(bad)?;
    let tree = xml::tree(&text, xml::CONFIGURATION).map_err(bad)?;
    let root = tree.root_element();
    if !xml::is(root, XROAD, "conf") {
        return Err(bad("the root element is not conf"));
    }
    let mut parts = Sequence::of(root)?;
    let instance = grammar::code(parts.one("instanceIdentifier")?)?;
    let mut known = Known::default();
    let params = SharedParams {
        sources: match grammar.has(Version::V3) {
            true => parts.all("source", source)?,
            false => Vec::new(),
        },
        authorities: parts.all("approvedCA", |node| authority(node, grammar))?,
        stampers: parts.all("approvedTSA", |node| stamper(node, grammar))?,
        members: parts.all("member", |node| known.member(node, &instance, grammar))?,
        servers: parts.all("securityServer", |node| known.server(node, grammar))?,
        groups: parts.all("globalGroup", group)?,
        member_classes: {
            // Central services ended with X-Road 7; the schemas still have them.
            parts.all("centralService", |_| Ok(()))?;
            Vec::new()
        },
        ocsp_freshness_seconds: 0,
        instance,
    };
    let settings = settings(parts.one("globalSettings")?)?;
    if !grammar.has(Version::V3) {
        parts.end()?;
    } else if grammar.0.is_some() && params.sources.is_empty() {
        return Err(bad("source is missing"));
    }
    Ok(SharedParams {
        member_classes: settings.0,
        ocsp_freshness_seconds: settings.1,
        ..params
    })
}

fn settings(node: Node<'_, '_>) -> Result<(Vec<MemberClass>, i64), GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let classes = parts.all("memberClass", member_class)?;
    let freshness = grammar::number(parts.one("ocspFreshnessSeconds")?)?;
    parts.end()?;
    match freshness {
        1.. => Ok((classes, freshness)),
        _ => Err(bad("ocspFreshnessSeconds")),
    }
}

fn member_class(node: Node<'_, '_>) -> Result<MemberClass, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let code = grammar::code(parts.one("code")?)?;
    let description = grammar::text(parts.one("description")?)?;
    parts.end()?;
    Ok(MemberClass { code, description })
}

fn source(node: Node<'_, '_>) -> Result<Source, GlobalConfError> {
    let key = |node| VerificationKey::read(&grammar::binary(node)?);
    let mut parts = Sequence::of(node)?;
    let source = Source {
        address: grammar::address(parts.one("address")?)?,
        internal: parts.all("internalVerificationCert", key)?,
        external: parts.all("externalVerificationCert", key)?,
    };
    parts.end()?;
    Ok(source)
}

fn authority(node: Node<'_, '_>, grammar: Grammar) -> Result<Authority, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let name = grammar::text(parts.one("name")?)?;
    let only = parts.maybe("authenticationOnly").map(grammar::boolean);
    let authority = Authority {
        name,
        authentication_only: only.transpose()?.unwrap_or(false),
        top: issuer(parts.one("topCA")?, grammar)?,
        intermediates: parts.all("intermediateCA", |node| issuer(node, grammar))?,
        profile: Profile::of_class(&grammar::address(parts.one("certificateProfileInfo")?)?),
        csr_format: match grammar.has(Version::V6) {
            true => parts
                .maybe("defaultCsrFormat")
                .map(csr_format)
                .transpose()?,
            false => None,
        },
        acme: match grammar.has(Version::V3) {
            true => parts.maybe("acmeServer").map(acme).transpose()?,
            false => None,
        },
    };
    parts.end()?;
    Ok(authority)
}

fn csr_format(node: Node<'_, '_>) -> Result<CsrFormat, GlobalConfError> {
    match grammar::text(node)?.as_str() {
        "PEM" => Ok(CsrFormat::Pem),
        "DER" => Ok(CsrFormat::Der),
        _ => Err(bad("defaultCsrFormat")),
    }
}

fn acme(node: Node<'_, '_>) -> Result<Acme, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let directory_url = grammar::address(parts.one("directoryURL")?)?;
    let mut maybe = |name| parts.maybe(name).map(grammar::text).transpose();
    // The profiles came with version 4; early sources of version 3 have them too.
    let acme = Acme {
        directory_url,
        ip_address: maybe("ipAddress")?,
        authentication_profile: maybe("authenticationCertificateProfileId")?,
        signing_profile: maybe("signingCertificateProfileId")?,
    };
    parts.end()?;
    Ok(acme)
}

fn issuer(node: Node<'_, '_>, grammar: Grammar) -> Result<Issuer, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let issuer = Issuer {
        certificate: grammar::certificate(parts.one("cert")?)?,
        responders: parts.all("ocsp", |node| responder(node, grammar))?,
    };
    parts.end()?;
    Ok(issuer)
}

fn responder(node: Node<'_, '_>, grammar: Grammar) -> Result<Responder, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let responder = Responder {
        url: grammar::address(parts.one("url")?)?,
        certificate: parts.maybe("cert").map(grammar::certificate).transpose()?,
        cost: cost(&mut parts, grammar)?,
    };
    parts.end()?;
    Ok(responder)
}

fn stamper(node: Node<'_, '_>, grammar: Grammar) -> Result<Stamper, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let stamper = Stamper {
        name: grammar::text(parts.one("name")?)?,
        url: grammar::address(parts.one("url")?)?,
        certificate: grammar::certificate(parts.one("cert")?)?,
        cost: cost(&mut parts, grammar)?,
    };
    parts.end()?;
    Ok(stamper)
}

fn cost(parts: &mut Sequence<'_, '_>, grammar: Grammar) -> Result<Option<Cost>, GlobalConfError> {
    let Some(node) = grammar
        .has(Version::V6)
        .then(|| parts.maybe("costType"))
        .flatten()
    else {
        return Ok(None);
    };
    match grammar::text(node)?.as_str() {
        "FREE" => Ok(Some(Cost::Free)),
        "PAID" => Ok(Some(Cost::Paid)),
        "UNDEFINED" => Ok(Some(Cost::Undefined)),
        _ => Err(bad("costType")),
    }
}

fn group(node: Node<'_, '_>) -> Result<Group, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let group = Group {
        code: grammar::code(parts.one("groupCode")?)?,
        description: grammar::text(parts.one("description")?)?,
        members: {
            let members = parts.all("groupMember", group_member)?;
            members.into_iter().flatten().collect()
        },
    };
    parts.end()?;
    Ok(group)
}

/// A member of a group. A subsystem that is called a member stands in configurations that X-Road reads, and is nobody
/// there: its schema allows it, its reader of identifiers does not.
fn group_member(node: Node<'_, '_>) -> Result<Option<Party>, GlobalConfError> {
    let is_member = node.attribute((IDENTIFIERS, "objectType")) == Some("MEMBER");
    let mut children = node.children();
    if is_member && children.any(|child| xml::is(child, IDENTIFIERS, "subsystemCode")) {
        return Ok(None);
    }
    party(node).map(Some)
}

/// An identifier of a member or subsystem (`XRoadClientIdentifierType`).
pub(super) fn party(node: Node<'_, '_>) -> Result<Party, GlobalConfError> {
    let mut parts = Sequence::within(node, IDENTIFIERS)?;
    let mut part = |name| grammar::code(parts.one(name)?);
    let member = MemberId {
        instance: part("xRoadInstance")?,
        class: part("memberClass")?,
        code: part("memberCode")?,
    };
    let subsystem = parts
        .maybe("subsystemCode")
        .map(grammar::code)
        .transpose()?;
    parts.end()?;
    let kind = node.attribute((IDENTIFIERS, "objectType"));
    match (kind, subsystem) {
        (Some("MEMBER"), None) => Ok(Party::Member(member)),
        (Some("SUBSYSTEM"), Some(code)) => Ok(Party::Subsystem(member.subsystem(&code))),
        _ => Err(bad("objectType")),
    }
}

/// Members and subsystems by the `id` attributes that servers refer to, and what was there already.
#[derive(Default)]
struct Known {
    by_reference: HashMap<String, Party>,
    members: HashSet<MemberId>,
    servers: HashSet<kernel::ServerId>,
}

impl Known {
    fn refer(&mut self, node: Node<'_, '_>, party: &Party) -> Result<(), GlobalConfError> {
        let Some(reference) = node.attribute("id") else {
            return Ok(());
        };
        let before = self
            .by_reference
            .insert(reference.trim().to_owned(), party.clone());
        match before {
            None => Ok(()),
            Some(_) => Err(bad(format!("the id {reference} is given twice"))),
        }
    }

    fn referred(&self, node: Node<'_, '_>) -> Result<&Party, GlobalConfError> {
        let reference = grammar::address(node)?;
        self.by_reference
            .get(&reference)
            .ok_or_else(|| bad(format!("nothing has the id {reference}")))
    }

    fn member(
        &mut self,
        node: Node<'_, '_>,
        instance: &str,
        grammar: Grammar,
    ) -> Result<Member, GlobalConfError> {
        let mut parts = Sequence::of(node)?;
        let class = member_class(parts.one("memberClass")?)?.code;
        let code = grammar::code(parts.one("memberCode")?)?;
        let id = MemberId::new(instance, &class, &code);
        self.refer(node, &Party::Member(id.clone()))?;
        if !self.members.insert(id.clone()) {
            return Err(bad(format!("the member {id} is there twice")));
        }
        let name = grammar::text(parts.one("name")?)?;
        let subsystems = parts.all("subsystem", |node| self.subsystem(node, &id, grammar))?;
        parts.end()?;
        let codes: HashSet<&str> = subsystems.iter().map(|one| one.code.as_str()).collect();
        if codes.len() < subsystems.len() {
            return Err(bad(format!("a subsystem of {id} is there twice")));
        }
        Ok(Member {
            id,
            name,
            subsystems,
        })
    }

    fn subsystem(
        &mut self,
        node: Node<'_, '_>,
        member: &MemberId,
        grammar: Grammar,
    ) -> Result<Subsystem, GlobalConfError> {
        let mut parts = Sequence::of(node)?;
        let code = grammar::code(parts.one("subsystemCode")?)?;
        let name = match grammar.has(Version::V5) {
            true => parts
                .maybe("subsystemName")
                .map(grammar::text)
                .transpose()?,
            false => None,
        };
        parts.end()?;
        self.refer(node, &Party::Subsystem(member.subsystem(&code)))?;
        Ok(Subsystem { code, name })
    }

    fn server(&mut self, node: Node<'_, '_>, grammar: Grammar) -> Result<Server, GlobalConfError> {
        let mut parts = Sequence::of(node)?;
        let owner = match self.referred(parts.one("owner")?)? {
            Party::Member(id) => id.clone(),
            Party::Subsystem(_) => return Err(bad("the owner of a server is a subsystem")),
        };
        let id = owner.server(&grammar::code(parts.one("serverCode")?)?);
        if !self.servers.insert(id.clone()) {
            return Err(bad(format!("the server {id} is there twice")));
        }
        let address = parts.maybe("address").map(grammar::address).transpose()?;
        let server = Server {
            id,
            address: address.unwrap_or_default(),
            auth_cert_hashes: parts.all("authCertHash", |node| certificate_hash(node, grammar))?,
            clients: parts.all("client", |node| self.referred(node).cloned())?,
            maintenance: match grammar.has(Version::V5) {
                true => parts
                    .maybe("inMaintenanceMode")
                    .map(maintenance)
                    .transpose()?,
                false => None,
            },
        };
        parts.end()?;
        Ok(server)
    }
}

fn certificate_hash(node: Node<'_, '_>, grammar: Grammar) -> Result<Vec<u8>, GlobalConfError> {
    let digest = grammar::binary(node)?;
    let fits = match digest.len() {
        SHA256_BYTES => true,
        SHA1_BYTES => grammar.0.is_none_or(|version| version == Version::V2),
        _ => false,
    };
    if fits {
        Ok(digest)
    } else {
        Err(bad("authCertHash"))
    }
}

fn maintenance(node: Node<'_, '_>) -> Result<Maintenance, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let message = parts.maybe("message").map(grammar::text).transpose()?;
    parts.end()?;
    Ok(Maintenance { message })
}
