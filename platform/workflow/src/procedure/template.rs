//! Texts of documents with placeholders: `{case.number}`, `{field-key}`. What they are filled with is plain text.

use std::collections::BTreeMap;

use kernel::Locale;
use serde::Deserialize;

use super::Text;

/// Values of a case that every template may use besides the procedure's fields.
pub const CASE_VALUES: [&str; 14] = [
    "body.name",
    "body.place",
    "case.number",
    "case.presented",
    "case.received",
    "case.counted",
    "case.deadline",
    "case.days",
    "case.risk",
    "case.silence",
    "document.number",
    "document.date",
    "applicant.number",
    "decision.reasons",
];

/// A document that a procedure issues.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Identifier: `resolution-granted`, `resolution-denied`, `silence`, `receipt`, `reception`, `observation`.
    pub id: String,
    /// The series its number is taken from, for example `RG`; absent if it carries the case's number only.
    #[serde(default)]
    pub series: Option<String>,
    /// Its title.
    pub title: Text,
    /// Its content.
    pub blocks: Vec<Block>,
}

/// A part of the content.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// How it is set.
    #[serde(rename = "type", default)]
    pub kind: BlockKind,
    /// The text with placeholders.
    pub text: Text,
    /// For [`BlockKind::Row`]: the value beside the label.
    #[serde(default)]
    pub value: Option<String>,
}

/// How a part is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    /// Running text.
    #[default]
    Paragraph,
    /// A heading.
    Heading,
    /// An item of a list.
    Item,
    /// A label and a value; left out if the value is empty.
    Row,
}

/// A part with its placeholders filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// How it is set.
    pub kind: BlockKind,
    /// The text, or the label of a row.
    pub text: String,
    /// The value of a row.
    pub value: Option<String>,
}

impl Template {
    /// The content in `locale` with `values` in place of the placeholders. What has no value becomes a dash in text,
    /// and a row without value is left out: a document never shows a placeholder.
    pub fn fill(&self, locale: Locale, values: &BTreeMap<String, String>) -> Vec<Filled> {
        let filled = |block: &Block| {
            let value = match &block.value {
                None => None,
                Some(value) => Some(fill(value, values, "")).filter(|v| !v.trim().is_empty()),
            };
            let empty_row = block.kind == BlockKind::Row && value.is_none();
            let text = fill(block.text.get(locale), values, "–");
            (!empty_row).then_some(Filled {
                kind: block.kind,
                text,
                value,
            })
        };
        self.blocks.iter().filter_map(filled).collect()
    }

    /// Every placeholder it uses.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &str> {
        let blocks = self.blocks.iter().flat_map(|block| {
            languages(&block.text)
                .into_iter()
                .chain(block.value.as_deref())
        });
        languages(&self.title)
            .into_iter()
            .chain(blocks)
            .flat_map(names)
    }
}

fn languages(text: &Text) -> [&str; 3] {
    [&text.es, &text.en, &text.qu]
}

/// The names between braces.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// `text` with each `{name}` replaced by its value, or by `missing`.
pub fn fill(text: &str, values: &BTreeMap<String, String>, missing: &str) -> String {
    let mut parts = text.split('{');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        match part.split_once('}') {
            None => out.push_str(part),
            Some((name, rest)) => {
                let value = values
                    .get(name)
                    .map(String::as_str)
                    .filter(|value| !value.is_empty());
                out.push_str(value.unwrap_or(missing));
                out.push_str(rest);
            }
        }
    }
    out
}
