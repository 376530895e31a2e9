//! Reading and writing small XML safely, for every module here that meets XML from outside.
//!
//! It promises: bounded size, nodes, attributes and depth before anything looks at the tree; line ends normalised
//! (XML 1.0 section 2.11) before parsing, so that comments and instructions are right too; text escaped as Canonical
//! XML writes it. It refuses document types (and with them every entity), encodings other than UTF-8, a prefix that
//! is undeclared with an empty name, and a namespace declared twice on one element.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};

/// Bounds of one document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest document in bytes.
    pub bytes: usize,
    /// Most nodes of the tree.
    pub nodes: u32,
    /// Most `=` bytes, an upper bound of attributes: looking for duplicates is quadratic per element.
    pub equals: usize,
}

/// For signatures: X-Road's are about 11 kB; chains with many certificates and responses still fit.
pub const SIGNATURE: Limits = Limits {
    bytes: 2 << 20,
    nodes: 20_000,
    equals: 10_000,
};
/// For hash chains: depth of the tree times two values, or up to a thousand parts of one message.
pub const HASH_CHAIN: Limits = Limits {
    bytes: 1 << 20,
    nodes: 20_000,
    equals: 10_000,
};
/// For the global configuration, which its authority signed: tens of thousands of members.
pub const CONFIGURATION: Limits = Limits {
    bytes: 64 << 20,
    nodes: 8_000_000,
    equals: 8_000_000,
};

/// Deepest nesting; real signatures have about twelve levels.
pub const DEPTH_MAX: usize = 100;
/// Most namespaces in scope of one element; X-Road's signatures have four.
pub const NAMESPACES_MAX: usize = 64;

/// The document was refused before anybody interpreted it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Larger than the limits allow.
    #[error("XML document exceeds a limit: {0}")]
    TooLarge(&'static str),
    /// Not UTF-8, or declared as something else.
    #[error("XML document is not UTF-8")]
    Encoding,
    /// Not well formed, or with a document type.
    #[error("XML document is not accepted: {0}")]
    Syntax(String),
}

/// The text of a document: bounded, UTF-8, without byte order mark, line ends normalised.
pub fn text(bytes: &[u8], limits: Limits) -> Result<Cow<'_, str>, XmlError> {
    if bytes.len() > limits.bytes {
        return Err(XmlError::TooLarge("bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !declared_utf8(text) {
        return Err(XmlError::Encoding);
    }
    Ok(if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    })
}

fn declared_utf8(text: &str) -> bool {
    let Some(declaration) = text
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split("?>").next())
    else {
        return true;
    };
    let Some((_, after)) = declaration.split_once("encoding") else {
        return true;
    };
    let value = after.trim_start_matches([' ', '\t', '\r', '\n', '=']);
    let name = value
        .trim_start_matches(['"', '\''])
        .split(['"', '\''])
        .next()
        .unwrap_or_default();
    name.eq_ignore_ascii_case("utf-8")
}

/// The tree over a text that [`text`] made.
pub fn tree(text: &str, limits: Limits) -> Result<Document<'_>, XmlError> {
    if text.bytes().filter(|byte| *byte == b'=').count() > limits.equals {
        return Err(XmlError::TooLarge("attributes"));
    }
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: limits.nodes,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| XmlError::Syntax(error.to_string()))?;
    check_shape(&document)?;
    Ok(document)
}

fn check_shape(document: &Document<'_>) -> Result<(), XmlError> {
    let mut depth = 0_usize;
    let mut node = document.root();
    loop {
        check_namespaces(node)?;
        if let Some(child) = node.first_child() {
            node = child;
            depth += 1;
            if depth > DEPTH_MAX {
                return Err(XmlError::TooLarge("depth"));
            }
            continue;
        }
        while node.next_sibling().is_none() {
            let Some(parent) = node.parent() else {
                return Ok(());
            };
            node = parent;
            depth -= 1;
        }
        node = node
            .next_sibling()
            .expect("the loop above ends at a node with a sibling");
    }
}

fn check_namespaces(node: Node<'_, '_>) -> Result<(), XmlError> {
    if !node.is_element() {
        return Ok(());
    }
    if node.namespaces().len() > NAMESPACES_MAX {
        return Err(XmlError::TooLarge("namespaces"));
    }
    let mut defaults = 0;
    for namespace in node.namespaces() {
        match namespace.name() {
            None => defaults += 1,
            Some(_) if namespace.uri().is_empty() => {
                return Err(XmlError::Syntax("a prefix bound to nothing".into()));
            }
            Some(_) => {}
        }
    }
    if defaults > 1 {
        return Err(XmlError::Syntax(
            "the default namespace declared twice".into(),
        ));
    }
    Ok(())
}

/// The only child element with this name, if there is exactly one.
pub fn only_child<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &str,
    name: &str,
) -> Option<Node<'a, 'i>> {
    let mut found = children(parent, namespace, name);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The child elements with this name, in order.
pub fn children<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &str,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    parent
        .children()
        .filter(move |node| is(*node, namespace, name))
}

/// Whether this is the element `name` of `namespace`.
pub fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element()
        && node.tag_name().name() == name
        && node.tag_name().namespace().unwrap_or_default() == namespace
}

/// The text of an element that holds nothing but text (comments are skipped); `None` if it has child elements.
pub fn content<'a>(node: Node<'a, '_>) -> Option<Cow<'a, str>> {
    let mut joined: Option<Cow<'a, str>> = None;
    for child in node.children() {
        if child.is_element() {
            return None;
        }
        if child.is_text() {
            let part = child.text().unwrap_or_default();
            joined = Some(match joined {
                None => Cow::Borrowed(part),
                Some(before) => Cow::Owned(before.into_owned() + part),
            });
        }
    }
    Some(joined.unwrap_or_default())
}

/// Base64 with white space anywhere, as XML Schema's `base64Binary` allows.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let squeezed: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    data_encoding::BASE64.decode(&squeezed).ok()
}

/// The bytes of an element that holds base64 text.
pub fn binary(node: Node<'_, '_>) -> Option<Vec<u8>> {
    base64(&content(node)?)
}

/// Appends character data as Canonical XML writes it.
pub fn push_text(out: &mut String, text: &str) {
    push_escaped(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Appends an attribute's value as Canonical XML writes it, without the quotes.
pub fn push_attribute(out: &mut String, text: &str) {
    push_escaped(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

fn push_escaped(out: &mut String, text: &str, escape: impl Fn(u8) -> Option<&'static str>) {
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(instead) = escape(byte) {
            out.push_str(&text[plain_from..at]);
            out.push_str(instead);
            plain_from = at + 1;
        }
    }
    out.push_str(&text[plain_from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(xml: &str) -> XmlError {
        let text = match text(xml.as_bytes(), SIGNATURE) {
            Ok(text) => text,
            Err(error) => return error,
        };
        tree(&text, SIGNATURE).expect_err("must be refused")
    }

    #[test]
    fn document_types_bombs_and_foreign_encodings_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(101), "</a>".repeat(101));
        let wide: String = (0..65).map(|n| format!(" xmlns:p{n}='u:{n}'")).collect();
        for xml in [
            "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            "<!DOCTYPE a><a/>",
            "<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
            "<a xmlns='u:1' xmlns='u:2'/>",
            "<a xmlns:p='u:1'><b xmlns:p=''/></a>",
            "<a>&unknown;</a>",
            "<a/><b/>",
            &deep,
            &format!("<a{wide}/>"),
            &format!("<a>{}</a>", "=".repeat(10_001)),
        ] {
            refused(xml);
        }
        assert!(matches!(
            text(&vec![b' '; SIGNATURE.bytes + 1], SIGNATURE),
            Err(XmlError::TooLarge(_))
        ));
        assert_eq!(text(b"\xff<a/>", SIGNATURE), Err(XmlError::Encoding));
    }

    #[test]
    fn line_ends_are_normalised_but_references_stay() {
        let text = text(b"<a>1\r\n2\r3&#13;4</a>", SIGNATURE).unwrap();
        let document = tree(&text, SIGNATURE).unwrap();
        assert_eq!(document.root_element().text(), Some("1\n2\n3\r4"));
    }
}
