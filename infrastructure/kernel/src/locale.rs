//! The languages that pages and documents speak.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A language of the pages. Texts live in `texts/{es,en,qu}.ftl` of each crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    En,
    /// Spanish, the default.
    #[default]
    Es,
    /// Southern Quechua.
    Qu,
}

impl Locale {
    /// All languages in the order of the switch on every page.
    pub const ALL: [Self; 3] = [Self::Es, Self::Qu, Self::En];

    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
            Self::Qu => "qu",
        }
    }

    /// The language's own name.
    pub const fn endonym(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Es => "Español",
            Self::Qu => "Runasimi",
        }
    }

    /// Reads a tag such as `es`, `es-PE` or `qu`.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_', ';']).next().unwrap_or("");
        Self::ALL
            .into_iter()
            .find(|locale| locale.tag().eq_ignore_ascii_case(primary))
    }

    /// The first language of an `Accept-Language` header that the pages speak.
    pub fn accepted(header: &str) -> Option<Self> {
        header.split(',').take(16).find_map(Self::parse)
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_choose_the_first_known_language() {
        assert_eq!(
            Locale::accepted("ay, qu-PE;q=0.9, es;q=0.8"),
            Some(Locale::Qu)
        );
        assert_eq!(Locale::accepted("ko"), None);
    }
}
