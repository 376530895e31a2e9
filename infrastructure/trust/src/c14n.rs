//! Canonical XML over a whole document or over one element's subtree, for the signature code.
//!
//! It promises the octets of Canonical XML 1.0 (W3C REC-xml-c14n-20010315), 1.1 (REC-xml-c14n11) and Exclusive XML
//! Canonicalization 1.0 (REC-xml-exc-c14n), each with or without comments, over trees that [`crate::xml`] accepted.
//! Prefixes are read from the source text, since the tree keeps only names. It refuses arbitrary node sets, output
//! beyond [`OUTPUT_MAX`], and under 1.1 an `xml:base` that a subtree would inherit.

use std::borrow::Cow;

use roxmltree::{Document, Node};

use crate::xml::{push_attribute, push_text};

/// Longest canonical form in bytes: exclusive form repeats namespace names, so it can be longer than its input.
pub const OUTPUT_MAX: usize = 16 << 20;

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// Which canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Canonical XML 1.0: namespaces and `xml:` attributes of ancestors count.
    Inclusive10,
    /// Canonical XML 1.1: as 1.0, but `xml:id` is not inherited.
    Inclusive11,
    /// Exclusive: only the namespaces that are visibly used.
    Exclusive10,
}

/// A canonicalisation method with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The form.
    pub form: Form,
    /// Whether comments stay.
    pub comments: bool,
    /// For the exclusive form: prefixes treated as in the inclusive one; the empty text is the default namespace.
    pub inclusive_prefixes: Vec<String>,
}

/// The octets can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum C14nError {
    /// Longer than [`OUTPUT_MAX`].
    #[error("canonical form is too long")]
    TooLong,
    /// Canonical XML 1.1 would have to join inherited `xml:base` values.
    #[error("inherited xml:base is not supported")]
    InheritedBase,
}

impl Method {
    /// `form` without comments or prefix list.
    pub fn plain(form: Form) -> Self {
        Self {
            form,
            comments: false,
            inclusive_prefixes: Vec::new(),
        }
    }

    /// The method that an algorithm identifier names; `None` if it is not a canonicalisation.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let (form, comments) = match uri {
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315" => (Form::Inclusive10, false),
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments" => {
                (Form::Inclusive10, true)
            }
            "http://www.w3.org/2006/12/xml-c14n11" => (Form::Inclusive11, false),
            "http://www.w3.org/2006/12/xml-c14n11#WithComments" => (Form::Inclusive11, true),
            "http://www.w3.org/2001/10/xml-exc-c14n#" => (Form::Exclusive10, false),
            "http://www.w3.org/2001/10/xml-exc-c14n#WithComments" => (Form::Exclusive10, true),
            _ => return None,
        };
        Some(Self {
            form,
            comments,
            inclusive_prefixes: Vec::new(),
        })
    }

    /// The canonical form of a whole document.
    pub fn document(&self, document: &Document<'_>) -> Result<String, C14nError> {
        let mut writer = Writer::new(self, document.input_text());
        let mut seen_root = false;
        for node in document.root().children() {
            if node.is_element() {
                writer.element(node)?;
                seen_root = true;
            } else if node.is_pi() || (node.is_comment() && self.comments) {
                if seen_root {
                    writer.out.push('\n');
                }
                writer.leaf(node);
                if !seen_root {
                    writer.out.push('\n');
                }
            }
        }
        writer.finish()
    }

    /// The canonical form of the subtree whose top is `apex`, an element.
    pub fn element(&self, apex: Node<'_, '_>) -> Result<String, C14nError> {
        let mut writer = Writer::new(self, apex.document().input_text());
        writer.inherited = self.inherited(apex)?;
        writer.element(apex)?;
        writer.finish()
    }

    /// The `xml:` attributes that the apex takes over from ancestors outside the subset.
    fn inherited<'a>(&self, apex: Node<'a, '_>) -> Result<Vec<(String, &'a str)>, C14nError> {
        let mut found: Vec<(String, &'a str)> = Vec::new();
        if self.form == Form::Exclusive10 {
            return Ok(found);
        }
        for ancestor in apex.ancestors().skip(1) {
            for attribute in ancestor.attributes() {
                let name = attribute.name();
                if attribute.namespace() != Some(XML_NAMESPACE)
                    || apex.has_attribute((XML_NAMESPACE, name))
                    || found.iter().any(|(known, _)| known == name)
                {
                    continue;
                }
                match (self.form, name) {
                    (Form::Inclusive11, "base") => return Err(C14nError::InheritedBase),
                    (Form::Inclusive11, "lang" | "space") | (Form::Inclusive10, _) => {
                        found.push((name.to_owned(), attribute.value()));
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }
}

/// One binding of a prefix (empty for the default namespace) to a namespace name.
type Binding<'a> = (&'a str, &'a str);

struct Writer<'a> {
    method: &'a Method,
    source: &'a str,
    out: String,
    /// What the output's nearest ancestors have declared.
    rendered: Vec<Binding<'a>>,
    /// For the apex only.
    inherited: Vec<(String, &'a str)>,
}

impl<'a> Writer<'a> {
    fn new(method: &'a Method, source: &'a str) -> Self {
        let out = String::with_capacity(source.len().min(OUTPUT_MAX));
        Self {
            method,
            source,
            out,
            rendered: Vec::new(),
            inherited: Vec::new(),
        }
    }

    fn finish(self) -> Result<String, C14nError> {
        if self.out.len() > OUTPUT_MAX {
            Err(C14nError::TooLong)
        } else {
            Ok(self.out)
        }
    }

    /// Recursion is bounded: trees deeper than [`crate::xml::DEPTH_MAX`] never get here.
    fn element(&mut self, node: Node<'a, '_>) -> Result<(), C14nError> {
        let name = self.element_name(node);
        self.out.push('<');
        self.out.push_str(name);
        let undo = self.namespaces(node, name);
        self.attributes(node);
        self.out.push('>');
        for child in node.children() {
            if child.is_element() {
                self.element(child)?;
            } else {
                self.leaf(child);
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.undo(undo);
        if self.out.len() > OUTPUT_MAX {
            Err(C14nError::TooLong)
        } else {
            Ok(())
        }
    }

    fn leaf(&mut self, node: Node<'a, '_>) {
        if node.is_text() {
            push_text(&mut self.out, node.text().unwrap_or_default());
        } else if node.is_comment() && self.method.comments {
            self.out.push_str("<!--");
            self.out.push_str(node.text().unwrap_or_default());
            self.out.push_str("-->");
        } else if let Some(instruction) = node.pi() {
            self.out.push_str("<?");
            self.out.push_str(instruction.target);
            if let Some(value) = instruction.value.filter(|value| !value.is_empty()) {
                self.out.push(' ');
                self.out.push_str(value);
            }
            self.out.push_str("?>");
        }
    }

    /// The name as written, with its prefix.
    fn element_name(&self, node: Node<'a, '_>) -> &'a str {
        let after = &self.source[node.range().start + 1..];
        let end = after
            .find([' ', '\t', '\n', '\r', '/', '>'])
            .unwrap_or(after.len());
        &after[..end]
    }

    /// Writes the declarations this element needs and returns what to put back afterwards.
    fn namespaces(&mut self, node: Node<'a, '_>, name: &'a str) -> Vec<(usize, Option<&'a str>)> {
        let mut declare: Vec<Binding<'a>> = match self.method.form {
            Form::Exclusive10 => self.visibly_used(node, name),
            Form::Inclusive10 | Form::Inclusive11 => in_scope(node).collect(),
        };
        declare.retain(|(prefix, uri)| {
            let known = self
                .rendered
                .iter()
                .find(|(other, _)| other == prefix)
                .map(|(_, uri)| *uri);
            known.unwrap_or_default() != *uri
        });
        declare.sort_unstable();
        let mut undo = Vec::with_capacity(declare.len());
        for (prefix, uri) in declare {
            self.out.push_str(if prefix.is_empty() {
                " xmlns"
            } else {
                " xmlns:"
            });
            self.out.push_str(prefix);
            self.out.push_str("=\"");
            push_attribute(&mut self.out, uri);
            self.out.push('"');
            match self.rendered.iter().position(|(other, _)| *other == prefix) {
                Some(at) => {
                    undo.push((at, Some(self.rendered[at].1)));
                    self.rendered[at].1 = uri;
                }
                None => {
                    undo.push((self.rendered.len(), None));
                    self.rendered.push((prefix, uri));
                }
            }
        }
        undo
    }

    fn undo(&mut self, undo: Vec<(usize, Option<&'a str>)>) {
        for (at, before) in undo.into_iter().rev() {
            match before {
                Some(uri) => self.rendered[at].1 = uri,
                None => self.rendered.truncate(at),
            }
        }
    }

    /// Exclusive form: the prefixes of the element and its attributes, and those on the prefix list.
    fn visibly_used(&self, node: Node<'a, '_>, name: &'a str) -> Vec<Binding<'a>> {
        let mut used: Vec<&'a str> = vec![prefix_of(name)];
        for attribute in node.attributes() {
            let prefix = prefix_of(&self.source[attribute.range_qname()]);
            if !prefix.is_empty() && !used.contains(&prefix) {
                used.push(prefix);
            }
        }
        let listed = |prefix: &str| {
            self.method
                .inclusive_prefixes
                .iter()
                .any(|other| other == prefix)
        };
        let mut bindings: Vec<Binding<'a>> = in_scope(node)
            .filter(|(prefix, _)| used.contains(prefix) || listed(prefix))
            .collect();
        let default_used = used[0].is_empty() || listed("");
        if default_used && !bindings.iter().any(|(prefix, _)| prefix.is_empty()) {
            bindings.push(("", ""));
        }
        bindings
    }

    fn attributes(&mut self, node: Node<'a, '_>) {
        let inherited = std::mem::take(&mut self.inherited);
        if inherited.is_empty() && node.attributes().len() == 0 {
            return;
        }
        let own = node.attributes().map(|attribute| {
            let key = (attribute.namespace().unwrap_or_default(), attribute.name());
            let name = Cow::Borrowed(&self.source[attribute.range_qname()]);
            (key, name, attribute.value())
        });
        let mut all: Vec<_> = own.collect();
        for (name, value) in &inherited {
            let key = (XML_NAMESPACE, name.as_str());
            all.push((key, Cow::Owned(format!("xml:{name}")), value));
        }
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (_, name, value) in &all {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            push_attribute(&mut self.out, value);
            self.out.push('"');
        }
    }
}

fn in_scope<'a>(node: Node<'a, '_>) -> impl Iterator<Item = Binding<'a>> {
    let node_namespaces = node.namespaces();
    node_namespaces
        .filter(|namespace| namespace.name() != Some("xml"))
        .map(|namespace| (namespace.name().unwrap_or_default(), namespace.uri()))
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

#[cfg(test)]
mod tests;
