//! Child elements in the order that a schema states: what PR-GCONF's annexes demand, without a schema processor.
//!
//! Read by the readers of parameters and anchors. It promises that every element was asked for: whatever else stands
//! in the file, or stands elsewhere than the grammar has it, is refused.

use std::borrow::Cow;

use kernel::party::PART_BYTES_MAX;
use roxmltree::Node;

use super::{GlobalConfError, bad};
use crate::cert::Certificate;
use crate::xml;

/// The namespace of the root elements.
pub(super) const XROAD: &str = "http://x-road.eu/xsd/xroad.xsd";
/// The namespace of identifiers.
pub(super) const IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
/// Longest name, description, address or message, in bytes; X-Road's database columns hold 255 characters.
const TEXT_BYTES_MAX: usize = 4_096;

/// The child elements of one element, taken in order.
pub(super) struct Sequence<'a, 'i> {
    space: &'static str,
    next: Option<Node<'a, 'i>>,
}

impl<'a, 'i> Sequence<'a, 'i> {
    /// The children of `parent`, which are in no namespace.
    pub(super) fn of(parent: Node<'a, 'i>) -> Result<Self, GlobalConfError> {
        Self::within(parent, "")
    }

    /// The children of `parent`, which are in the namespace `space`.
    pub(super) fn within(
        parent: Node<'a, 'i>,
        space: &'static str,
    ) -> Result<Self, GlobalConfError> {
        let blank = |node: Node<'_, '_>| {
            !node.is_text() || node.text().unwrap_or_default().trim_ascii().is_empty()
        };
        if !parent.children().all(blank) {
            return Err(bad(format!("text in {}", parent.tag_name().name())));
        }
        let next = parent.first_element_child();
        Ok(Self { space, next })
    }

    /// The next element, if it has this name.
    pub(super) fn maybe(&mut self, name: &str) -> Option<Node<'a, 'i>> {
        let node = self.next.filter(|node| xml::is(*node, self.space, name))?;
        self.next = node.next_sibling_element();
        Some(node)
    }

    /// The next element, which must have this name.
    pub(super) fn one(&mut self, name: &str) -> Result<Node<'a, 'i>, GlobalConfError> {
        self.maybe(name)
            .ok_or_else(|| bad(format!("{name} is missing, or stands elsewhere")))
    }

    /// All next elements with this name, each read by `read`.
    pub(super) fn all<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(Node<'a, 'i>) -> Result<T, GlobalConfError>,
    ) -> Result<Vec<T>, GlobalConfError> {
        let mut found = Vec::new();
        while let Some(node) = self.maybe(name) {
            found.push(read(node)?);
        }
        Ok(found)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), GlobalConfError> {
        match self.next {
            None => Ok(()),
            Some(node) => Err(bad(format!(
                "the element {} is not expected",
                node.tag_name().name()
            ))),
        }
    }
}

/// The text of an element, exactly.
pub(super) fn text(node: Node<'_, '_>) -> Result<String, GlobalConfError> {
    let name = node.tag_name().name();
    let text: Cow<'_, str> = xml::content(node).ok_or_else(|| bad(name))?;
    match text.len() {
        0..=TEXT_BYTES_MAX => Ok(text.into_owned()),
        _ => Err(bad(format!("{name}: longer than {TEXT_BYTES_MAX} bytes"))),
    }
}

/// One part of an identifier: exact, not empty, not longer than X-Road's databases hold.
pub(super) fn code(node: Node<'_, '_>) -> Result<String, GlobalConfError> {
    let text = text(node)?;
    match text.len() {
        1..=PART_BYTES_MAX => Ok(text),
        _ => Err(bad(node.tag_name().name())),
    }
}

/// An address: white space around it does not count.
pub(super) fn address(node: Node<'_, '_>) -> Result<String, GlobalConfError> {
    Ok(text(node)?.trim().to_owned())
}

/// A whole number.
pub(super) fn number(node: Node<'_, '_>) -> Result<i64, GlobalConfError> {
    let number = text(node)?.trim().parse();
    number.map_err(|_| bad(node.tag_name().name()))
}

/// `true`, `1`, `false` or `0`.
pub(super) fn boolean(node: Node<'_, '_>) -> Result<bool, GlobalConfError> {
    match text(node)?.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(bad(node.tag_name().name())),
    }
}

/// Base64 text, as bytes.
pub(super) fn binary(node: Node<'_, '_>) -> Result<Vec<u8>, GlobalConfError> {
    xml::binary(node).ok_or_else(|| bad(format!("{}: not base64", node.tag_name().name())))
}

/// A certificate: base64 of DER, or of PEM.
pub(super) fn certificate(node: Node<'_, '_>) -> Result<Certificate, GlobalConfError> {
    let bytes = binary(node)?;
    let read = if bytes.starts_with(b"-----BEGIN") {
        Certificate::from_pem(&String::from_utf8_lossy(&bytes))
    } else {
        Certificate::from_der(&bytes)
    };
    read.map_err(|error| bad(format!("{}: {error}", node.tag_name().name())))
}
