//! Canonical forms against libxml2, which shares no line with this code, over documents made from seeds.

use std::process::Command;

use kernel::{Chance, SeededChance};

use super::*;
use crate::{testing, xml};

/// Documents of the comparison with `xmllint`.
const DOCUMENTS: u64 = 1_200;

/// Writes documents that are well formed and as awkward as documents without a DTD can be.
///
/// Namespace names hold no `&`: libxml2 writes them unescaped, which is no XML.
struct Author {
    chance: SeededChance,
    out: String,
}

impl Author {
    fn write(seed: u64) -> String {
        let mut author = Self {
            chance: SeededChance::new(seed),
            out: String::new(),
        };
        if author.one_in(2) {
            author
                .out
                .push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n");
        }
        author.misc();
        author.element(0, &mut vec![("xml", XML_NAMESPACE.to_owned())]);
        author.misc();
        author.out.push_str(&format!("<?end {seed}?>"));
        author.out
    }

    fn one_in(&self, n: u32) -> bool {
        self.chance.below(n) == 0
    }

    fn pick<'t>(&self, options: &[&'t str]) -> &'t str {
        options[self.chance.below(options.len() as u32) as usize]
    }

    fn misc(&mut self) {
        for _ in 0..self.chance.below(3) {
            let text = self.pick(&[
                "<!-- a\r\nb\rc -->",
                "<?pi?>",
                "<?pi   x  y\r\nz ?>",
                "\r\n",
                " ",
                "<!---->",
            ]);
            self.out.push_str(text);
        }
    }

    fn element(&mut self, depth: u32, scope: &mut Vec<(&'static str, String)>) {
        let outer = scope.len();
        let mut declarations = String::new();
        for prefix in ["", "a", "b", "c"] {
            if self.one_in(3) {
                let uri =
                    match self.pick(&["urn:1", "urn:2", "urn:3?a=1;b=2", "urn:q%22&#x41;", ""]) {
                        "" if !prefix.is_empty() => "urn:4",
                        uri => uri,
                    };
                let quote = self.pick(&["'", "\""]);
                let colon = if prefix.is_empty() { "" } else { ":" };
                declarations.push_str(&format!(" xmlns{colon}{prefix}={quote}{uri}{quote}"));
                scope.push((prefix, uri.to_owned()));
            }
        }
        let name = self.name(scope);
        self.out.push_str(&format!("<{name}"));
        let attributes = self.attributes(scope);
        let parts = if self.one_in(2) {
            [declarations, attributes]
        } else {
            [attributes, declarations]
        };
        self.out.push_str(&parts.concat());
        self.out.push_str(self.pick(&["", " ", "\r\n  "]));
        if depth > 5 || self.one_in(6) {
            self.out.push_str("/>");
        } else {
            self.out.push('>');
            for _ in 0..self.chance.below(6) {
                self.content(depth, scope);
            }
            self.out.push_str(&format!("</{name} >"));
        }
        scope.truncate(outer);
    }

    fn name(&self, scope: &[(&'static str, String)]) -> String {
        let (prefix, _) = scope[self.chance.below(scope.len() as u32) as usize];
        let local = self.pick(&["e", "f", "long-name.x_1", "ñandú", "e"]);
        if prefix.is_empty() || prefix == "xml" {
            local.to_owned()
        } else {
            format!("{prefix}:{local}")
        }
    }

    fn attributes(&self, scope: &[(&'static str, String)]) -> String {
        let mut out = String::new();
        let mut names: Vec<(String, &str)> = Vec::new();
        for _ in 0..self.chance.below(5) {
            let (prefix, _) = scope[self.chance.below(scope.len() as u32) as usize];
            let bound = scope.iter().rev().find(|(other, _)| *other == prefix);
            let uri = if prefix.is_empty() {
                String::new()
            } else {
                bound.map_or(String::new(), |(_, uri)| uri.clone())
            };
            let local = match prefix {
                "xml" => self.pick(&["lang", "space"]),
                _ => self.pick(&["z", "y", "Z", "é", "id"]),
            };
            if names.contains(&(uri.clone(), local)) {
                continue;
            }
            names.push((uri, local));
            let value = match (prefix, local) {
                ("xml", "space") => self.pick(&["preserve", "default"]),
                _ => self.pick(&[
                    "",
                    "plain",
                    "a\tb\nc\r\nd",
                    "&lt;&amp;&quot;&apos;>",
                    "&#9;&#10;&#13;&#x20AC;",
                    " two  spaces ",
                    "ü€😀",
                    "'",
                ]),
            };
            let colon = if prefix.is_empty() { "" } else { ":" };
            out.push_str(&format!(
                "{}{prefix}{colon}{local} = \"{value}\"",
                self.pick(&[" ", "\r\n\t"])
            ));
        }
        out
    }

    fn content(&mut self, depth: u32, scope: &mut Vec<(&'static str, String)>) {
        match self.chance.below(10) {
            0..=3 => self.element(depth + 1, scope),
            4 => self.misc(),
            5 => self.out.push_str(self.pick(&[
                "<![CDATA[<&>]]>",
                "<![CDATA[a\r\nb\rc]]>",
                "<![CDATA[]]>",
                "<![CDATA[ ]] ]]>",
                "<![CDATA[x]]><![CDATA[y\r]]>",
            ])),
            _ => self.out.push_str(self.pick(&[
                "text",
                "\r\n\t",
                "a\rb\r\nc\n",
                "&amp;&lt;&gt;&quot;&apos;",
                "&#13;\r\n&#xD;&#10;",
                "tab\there",
                "ñ€😀",
                "]]&gt;",
                "&#13;x\ry",
            ])),
        }
    }
}

fn canonical(source: &str, method: &Method) -> String {
    let text = xml::text(source.as_bytes(), xml::SIGNATURE).unwrap();
    method
        .document(&xml::tree(&text, xml::SIGNATURE).unwrap())
        .unwrap()
}

fn with_comments(form: Form) -> Method {
    Method {
        comments: true,
        ..Method::plain(form)
    }
}

/// One call for many files: each document ends with an instruction that marks where its canonical form ends.
fn xmllint(mode: &str, folder: &std::path::Path, names: &[String]) -> Option<Vec<String>> {
    let output = Command::new("xmllint")
        .arg(mode)
        .args(names)
        .current_dir(folder)
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("<?end ") {
        let end = at + rest[at..].find("?>").unwrap() + 2;
        found.push(rest[..end].to_owned());
        rest = &rest[end..];
    }
    Some(found)
}

/// Real documents: X-Road's hash chains, configurations, and what is inside its containers.
fn real_documents() -> Vec<String> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/fixtures/xroad"
    );
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            match path.extension().and_then(std::ffi::OsStr::to_str) {
                Some("xml") => found.push(bytes),
                Some("asice") => found.extend(
                    crate::zip::read(&bytes, crate::zip::CONTAINER)
                        .unwrap()
                        .entries
                        .into_iter()
                        .map(|entry| entry.bytes),
                ),
                _ => {}
            }
        }
    }
    let texts = found
        .into_iter()
        .filter_map(|bytes| String::from_utf8(bytes).ok());
    texts.filter(|text| text.starts_with("<?xml")).collect()
}

#[test]
fn whole_documents_equal_libxml2() {
    let folder = tempfile::tempdir().unwrap();
    let mut documents: Vec<String> = (0..DOCUMENTS).map(Author::write).collect();
    documents.extend(
        real_documents()
            .into_iter()
            .map(|text| text + "<?end real?>"),
    );
    let names: Vec<String> = (0..documents.len())
        .map(|seed| format!("{seed}.xml"))
        .collect();
    for (name, document) in names.iter().zip(&documents) {
        std::fs::write(folder.path().join(name), document).unwrap();
    }
    let mut compared = 0;
    for (mode, form) in [
        ("--c14n", Form::Inclusive10),
        ("--c14n11", Form::Inclusive11),
        ("--exc-c14n", Form::Exclusive10),
    ] {
        let Some(expected) = xmllint(mode, folder.path(), &names) else {
            println!("not run: xmllint missing");
            return;
        };
        assert_eq!(expected.len(), documents.len());
        for (document, expected) in documents.iter().zip(expected) {
            assert_eq!(
                canonical(document, &with_comments(form)),
                expected,
                "{mode} of {document:?}"
            );
            compared += 1;
        }
    }
    println!("{compared} canonical forms equal libxml2's");
}

/// Exclusive subtrees, with and without comments, with a prefix list. lxml makes the element a document of its own,
/// which spoils its inclusive form: there it writes `xmlns=""` where a default namespace is in scope.
const LXML: &str = r#"
import sys, glob, lxml.etree as e
for name in sorted(glob.glob("*.xml"), key=lambda n: int(n[:-4])):
    root = e.parse(name).getroot()
    for at, element in enumerate(root.iter("{*}e")):
        for exclusive, comments, prefixes in [(1, 0, None), (1, 1, ["a", "c"])]:
            out = e.tostring(element, method="c14n", exclusive=bool(exclusive), with_comments=bool(comments),
                             inclusive_ns_prefixes=prefixes, with_tail=False)
            sys.stdout.write("%s %d %d " % (name[:-4], at, len(out)) + out.hex() + "\n")
"#;

#[test]
fn subtrees_equal_lxml() {
    let python = testing::python();
    let folder = tempfile::tempdir().unwrap();
    let documents: Vec<String> = (0..300).map(|seed| Author::write(90_000 + seed)).collect();
    for (seed, document) in documents.iter().enumerate() {
        // Inherited xml: attributes are outside of what lxml's copy of an element shows.
        let without = document
            .replace("xml:lang", "lang")
            .replace("xml:space", "space");
        std::fs::write(folder.path().join(format!("{seed}.xml")), without).unwrap();
    }
    let output = Command::new(&python)
        .args(["-c", LXML])
        .current_dir(folder.path())
        .output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        println!("not run: Python with lxml is missing");
        return;
    };
    let listed = Method {
        inclusive_prefixes: vec!["a".into(), "c".into()],
        ..with_comments(Form::Exclusive10)
    };
    let methods = [Method::plain(Form::Exclusive10), listed];
    let text = String::from_utf8(output.stdout).unwrap();
    for (line, method) in text.lines().zip(methods.iter().cycle()) {
        let fields: Vec<&str> = line.split(' ').collect();
        let (seed, at): (usize, usize) = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        let source = std::fs::read(folder.path().join(format!("{seed}.xml"))).unwrap();
        let text = xml::text(&source, xml::SIGNATURE).unwrap();
        let tree = xml::tree(&text, xml::SIGNATURE).unwrap();
        let element = tree
            .descendants()
            .filter(|node| node.tag_name().name() == "e")
            .nth(at)
            .unwrap();
        let expected = data_encoding::HEXLOWER
            .decode(fields[3].as_bytes())
            .unwrap();
        assert_eq!(
            method.element(element).unwrap(),
            String::from_utf8(expected).unwrap(),
            "{method:?} of {text:?}"
        );
    }
    println!("{} subtrees equal lxml's", text.lines().count());
}

#[test]
fn the_canonical_form_of_a_subtree_is_its_own_canonical_form() {
    for seed in 0..300 {
        let source = Author::write(50_000 + seed);
        let text = xml::text(source.as_bytes(), xml::SIGNATURE).unwrap();
        let tree = xml::tree(&text, xml::SIGNATURE).unwrap();
        for element in tree.descendants().filter(Node::is_element) {
            for method in [
                Method::plain(Form::Inclusive10),
                with_comments(Form::Inclusive11),
                Method::plain(Form::Exclusive10),
            ] {
                let once = method.element(element).unwrap();
                assert_eq!(canonical(&once, &method), once, "{method:?} of {source:?}");
            }
        }
    }
}

#[test]
fn a_subtree_inherits_xml_attributes_only_in_the_inclusive_forms() {
    let source =
        "<a xml:lang='es' xml:id='i' xml:space='preserve'><b xml:lang='qu'><c x='1'/></b></a>";
    let tree = xml::tree(source, xml::SIGNATURE).unwrap();
    let inner = tree
        .descendants()
        .find(|node| node.tag_name().name() == "c")
        .unwrap();
    for (form, expected) in [
        (
            Form::Inclusive10,
            "<c x=\"1\" xml:id=\"i\" xml:lang=\"qu\" xml:space=\"preserve\"></c>",
        ),
        (
            Form::Inclusive11,
            "<c x=\"1\" xml:lang=\"qu\" xml:space=\"preserve\"></c>",
        ),
        (Form::Exclusive10, "<c x=\"1\"></c>"),
    ] {
        assert_eq!(Method::plain(form).element(inner).unwrap(), expected);
    }
    let based = xml::tree("<a xml:base='u:x'><c/></a>", xml::SIGNATURE).unwrap();
    let inner = based.root_element().first_child().unwrap();
    assert_eq!(
        Method::plain(Form::Inclusive11).element(inner),
        Err(C14nError::InheritedBase)
    );
}

#[test]
fn repeating_long_names_stops_at_the_limit() {
    let uri = "u".repeat(1 << 20);
    let source = format!("<a xmlns:p='{uri}'>{}</a>", "<p:b/>".repeat(20));
    let tree = xml::tree(&source, xml::SIGNATURE).unwrap();
    assert_eq!(
        Method::plain(Form::Exclusive10).document(&tree),
        Err(C14nError::TooLong)
    );
}
