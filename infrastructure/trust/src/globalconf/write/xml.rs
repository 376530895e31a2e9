//! XML as it is written here: one element a line, text escaped, no attribute but what is asked for.

use super::{GlobalConfError, unwritable};
use crate::xml;

/// A document that grows.
pub(super) struct Document {
    out: String,
    depth: usize,
}

impl Document {
    pub(super) fn new() -> Self {
        Self {
            out: "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n".to_owned(),
            depth: 0,
        }
    }

    /// An element with what `inside` writes; `start` is the tag with its attributes.
    pub(super) fn element(
        &mut self,
        start: &str,
        inside: impl FnOnce(&mut Self) -> Result<(), GlobalConfError>,
    ) -> Result<(), GlobalConfError> {
        self.indent();
        self.out.extend(["<", start, ">\n"]);
        self.depth += 1;
        inside(self)?;
        self.depth -= 1;
        self.indent();
        let name = start.split(' ').next().unwrap_or_default();
        self.out.extend(["</", name, ">\n"]);
        Ok(())
    }

    /// An element with text.
    pub(super) fn text(&mut self, name: &str, text: &str) -> Result<(), GlobalConfError> {
        let unsayable = |letter: char| {
            matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}')
                || matches!(letter, '\u{fffe}' | '\u{ffff}')
        };
        if text.contains(unsayable) {
            return Err(unwritable(format!("{name} has a letter that XML has not")));
        }
        self.indent();
        self.out.extend(["<", name, ">"]);
        xml::push_text(&mut self.out, text);
        self.out.extend(["</", name, ">\n"]);
        Ok(())
    }

    /// An element with text, if there is one.
    pub(super) fn maybe(&mut self, name: &str, text: Option<&str>) -> Result<(), GlobalConfError> {
        text.map_or(Ok(()), |text| self.text(name, text))
    }

    /// An element with bytes.
    pub(super) fn binary(&mut self, name: &str, bytes: &[u8]) -> Result<(), GlobalConfError> {
        self.text(name, &data_encoding::BASE64.encode(bytes))
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.out.push_str("    ");
        }
    }
}
