//! Reads private parameters (PR-GCONF annex C) and configuration anchors (annex E).
//!
//! Unknown elements may follow at the end of private parameters from version 3 on; everything else is refused.

use kernel::Moment;
use roxmltree::Node;

use super::grammar::{self, Sequence, XROAD};
use super::shared::party;
use super::{
    Anchor, AnchorSource, GlobalConfError, Management, PrivateParams, VerificationKey, Version, bad,
};
use crate::xml::{self, Limits};

/// Bounds of private parameters and anchors: a few certificates for each federated ecosystem.
const SMALL: Limits = Limits {
    bytes: 4 << 20,
    nodes: 100_000,
    equals: 100_000,
};
/// Most sources of one anchor, each of which may be asked.
const SOURCES_MAX: usize = 32;

impl PrivateParams {
    /// Reads a `private-params.xml` of this version.
    ///
    /// # Errors
    /// [`GlobalConfError::Malformed`].
    pub fn read(bytes: &[u8], version: Version) -> Result<Self, GlobalConfError> {
        let text = xml::text(bytes, SMALL).map_err(bad)?;
        let tree = xml::tree(&text, SMALL).map_err(bad)?;
        let root = tree.root_element();
        if !xml::is(root, XROAD, "conf") {
            return Err(bad("the root element is not conf"));
        }
        let mut parts = Sequence::of(root)?;
        let params = Self {
            instance: grammar::code(parts.one("instanceIdentifier")?)?,
            anchors: {
                let anchors = parts.all("configurationAnchor", foreign_anchor)?;
                anchors.into_iter().flatten().collect()
            },
            management: management(parts.one("managementService")?)?,
            time_stamping_interval_seconds: grammar::number(
                parts.one("timeStampingIntervalSeconds")?,
            )?,
        };
        if version < Version::V3 {
            parts.end()?;
        }
        if params.time_stamping_interval_seconds < 1 {
            return Err(bad("timeStampingIntervalSeconds"));
        }
        Ok(params)
    }
}

impl Anchor {
    /// Reads an anchor file.
    ///
    /// # Errors
    /// [`GlobalConfError::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, GlobalConfError> {
        let text = xml::text(bytes, SMALL).map_err(bad)?;
        let tree = xml::tree(&text, SMALL).map_err(bad)?;
        let root = tree.root_element();
        if !xml::is(root, XROAD, "configurationAnchor") {
            return Err(bad("the root element is not configurationAnchor"));
        }
        anchor(root, key)
    }
}

fn anchor(node: Node<'_, '_>, read: ReadKey) -> Result<Anchor, GlobalConfError> {
    let moment = |node| Moment::parse_iso(grammar::text(node)?.trim()).ok_or(bad("generatedAt"));
    let mut parts = Sequence::of(node)?;
    let anchor = Anchor {
        generated_at: parts.maybe("generatedAt").map(moment).transpose()?,
        instance: grammar::code(parts.one("instanceIdentifier")?)?,
        sources: parts.all("source", |node| source(node, read))?,
    };
    parts.end()?;
    match anchor.sources.len() {
        1..=SOURCES_MAX => Ok(anchor),
        _ => Err(bad("an anchor without source, or with too many")),
    }
}

/// Reads one verification certificate, or passes over it.
type ReadKey = fn(Node<'_, '_>) -> Result<Option<VerificationKey>, GlobalConfError>;

fn key(node: Node<'_, '_>) -> Result<Option<VerificationKey>, GlobalConfError> {
    VerificationKey::read(&grammar::binary(node)?).map(Some)
}

/// Another instance's anchor. A key in it that can't be read is no reason to refuse this instance's configuration, nor
/// is it for X-Road; without a readable one the anchor is left out.
fn foreign_anchor(node: Node<'_, '_>) -> Result<Option<Anchor>, GlobalConfError> {
    let mut anchor = anchor(node, |node| {
        Ok(VerificationKey::read(&grammar::binary(node)?).ok())
    })?;
    anchor.sources.retain(|source| !source.keys.is_empty());
    Ok((!anchor.sources.is_empty()).then_some(anchor))
}

fn source(node: Node<'_, '_>, read: ReadKey) -> Result<AnchorSource, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let url = grammar::address(parts.one("downloadURL")?)?;
    let keys = parts.all("verificationCert", read)?;
    parts.end()?;
    if keys.is_empty() {
        return Err(bad("verificationCert is missing"));
    }
    Ok(AnchorSource {
        url,
        keys: keys.into_iter().flatten().collect(),
    })
}

fn management(node: Node<'_, '_>) -> Result<Management, GlobalConfError> {
    let mut parts = Sequence::of(node)?;
    let management = Management {
        registration_address: grammar::address(parts.one("authCertRegServiceAddress")?)?,
        registration_certificate: parts
            .maybe("authCertRegServiceCert")
            .map(grammar::binary)
            .transpose()?,
        provider: party(parts.one("managementRequestServiceProviderId")?)?,
    };
    parts.end()?;
    Ok(management)
}
