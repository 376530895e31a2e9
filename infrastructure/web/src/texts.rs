//! What people read, in their language: Fluent sources of all rooms, put together once per house.
//!
//! Promises: all languages hold the same keys, or the house doesn't start; a text found nowhere panics in debug builds
//! (so tests find it) and shows its key in release. Refuses: text in code.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use kernel::Locale;

/// An argument of a text: text or number.
pub type Value = FluentValue<'static>;

/// Texts of all rooms in all languages. Cheap to clone.
#[derive(Clone)]
pub struct Texts {
    bundles: Arc<BTreeMap<&'static str, FluentBundle<FluentResource>>>,
}

/// Why texts can't be put together.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A source doesn't parse.
    #[error("texts of {room} in {locale}: {cause}")]
    Syntax {
        /// The room.
        room: String,
        /// The language.
        locale: Locale,
        /// What the parser says.
        cause: String,
    },
    /// A key is there twice.
    #[error("texts of {room} in {locale}: the key {key} is there already")]
    Twice {
        /// The room.
        room: String,
        /// The language.
        locale: Locale,
        /// The key.
        key: String,
    },
    /// A language lacks keys that another one has.
    #[error("texts of {room}: {locale} lacks {keys}")]
    Lacks {
        /// The room.
        room: String,
        /// The language.
        locale: Locale,
        /// The keys, separated by commas.
        keys: String,
    },
}

impl Texts {
    /// Puts the sources of the rooms together.
    ///
    /// # Errors
    /// See `TextError`; every kind is a mistake in a source file.
    pub fn new<'r>(
        rooms: impl IntoIterator<Item = (&'r str, &'r [(Locale, &'r str)])>,
    ) -> Result<Self, TextError> {
        let mut bundles: BTreeMap<_, _> = Locale::ALL
            .into_iter()
            .map(|locale| (locale.tag(), empty_bundle(locale)))
            .collect();
        for (room, sources) in rooms {
            check(room, sources)?;
            for &(locale, source) in sources {
                let resource = parse(room, locale, source)?;
                let bundle = bundles
                    .get_mut(locale.tag())
                    .expect("every language has a bundle");
                bundle
                    .add_resource(resource)
                    .map_err(|errors| TextError::Twice {
                        room: room.to_owned(),
                        locale,
                        key: format!("{:?}", errors.first()),
                    })?;
            }
        }
        Ok(Self {
            bundles: Arc::new(bundles),
        })
    }

    /// Whether there is a text `key`.
    pub fn has(&self, key: &str) -> bool {
        self.bundles.values().any(|bundle| bundle.has_message(key))
    }

    /// The text `key` with arguments.
    pub fn say(&self, locale: Locale, key: &str, args: &[(&str, Value)]) -> String {
        match self
            .find(locale, key, args)
            .or_else(|| self.find(Locale::Es, key, args))
        {
            Some(text) => text,
            None if cfg!(debug_assertions) => panic!("no text has the key {key:?}"),
            None => key.to_owned(),
        }
    }

    fn find(&self, locale: Locale, key: &str, args: &[(&str, Value)]) -> Option<String> {
        let bundle = self.bundles.get(locale.tag())?;
        let pattern = bundle.get_message(key)?.value()?;
        let mut named = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            named.set(Cow::Owned((*name).to_owned()), value.clone());
        }
        let mut errors = Vec::new();
        let text = bundle
            .format_pattern(pattern, Some(&named), &mut errors)
            .into_owned();
        debug_assert!(errors.is_empty(), "text {key} in {locale}: {errors:?}");
        Some(text)
    }
}

/// Checks that all languages of one room hold the same keys; for each crate's tests, and run by `Texts::new`.
///
/// # Errors
/// `Syntax` or `Lacks`.
pub fn check(room: &str, sources: &[(Locale, &str)]) -> Result<(), TextError> {
    let keys = sources
        .iter()
        .map(|&(locale, source)| Ok((locale, keys_of(&parse(room, locale, source)?))))
        .collect::<Result<Vec<_>, TextError>>()?;
    let all: BTreeSet<&String> = keys.iter().flat_map(|(_, keys)| keys).collect();
    for (locale, keys) in &keys {
        let lacking: Vec<&str> = all
            .iter()
            .filter(|key| !keys.contains(**key))
            .map(|key| key.as_str())
            .collect();
        if !lacking.is_empty() {
            return Err(TextError::Lacks {
                room: room.to_owned(),
                locale: *locale,
                keys: lacking.join(", "),
            });
        }
    }
    Ok(())
}

fn keys_of(resource: &FluentResource) -> BTreeSet<String> {
    resource
        .source()
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()))
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.trim().to_owned())
        .collect()
}

fn parse(room: &str, locale: Locale, source: &str) -> Result<FluentResource, TextError> {
    FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| TextError::Syntax {
        room: room.to_owned(),
        locale,
        cause: errors.first().map(ToString::to_string).unwrap_or_default(),
    })
}

fn empty_bundle(locale: Locale) -> FluentBundle<FluentResource> {
    let tag = locale.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // Isolation marks protect mixed-direction text; all our languages run left to right, and the marks break searching.
    bundle.set_use_isolating(false);
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_texts_hold_the_same_keys_in_all_languages() {
        check("web", crate::TEXTS).unwrap();
    }

    #[test]
    fn a_missing_key_is_named_with_its_language() {
        let error = check(
            "x",
            &[
                (Locale::Es, "x-a = a\nx-b = b\n"),
                (Locale::Qu, "x-a = a\n"),
            ],
        );
        assert_eq!(error.unwrap_err().to_string(), "texts of x: qu lacks x-b");
    }

    #[test]
    fn arguments_and_plurals_work() {
        let source = "x-days = { $n ->\n    [one] { $n } día\n   *[other] { $n } días\n }\n";
        let texts = Texts::new([("x", [(Locale::Es, source)].as_slice())]).unwrap();
        let say = |n: i64| texts.say(Locale::Es, "x-days", &[("n", n.into())]);
        assert_eq!((say(1), say(5)), ("1 día".to_owned(), "5 días".to_owned()));
    }
}
