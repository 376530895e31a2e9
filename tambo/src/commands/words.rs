//! What a command tells of a fault: the text that says what to do, in the reader's language, and the reference.
//!
//! The texts are those of the pages. Whoever stands at the machine is an operator, so the reference has the detail that a
//! page keeps from strangers. The language comes from `--lang`, or from the environment as for every other program.

use kernel::{Fault, Locale};
use web::{Texts, Value};

/// The option of every command that names the language.
const OPTION: &str = "--lang";
/// Where programs look for the language, the first that is set first (POSIX, section 8.2).
const VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// The language of whoever typed the command; English if nothing is said.
pub fn language() -> Locale {
    chosen(std::env::args(), |name| std::env::var(name).ok())
}

fn chosen(line: impl Iterator<Item = String>, variable: impl Fn(&str) -> Option<String>) -> Locale {
    let words: Vec<String> = line.take_while(|word| word != "--").collect();
    let apart = words.windows(2).rev().find(|pair| pair[0] == OPTION);
    let joined = words
        .iter()
        .rev()
        .find_map(|word| word.strip_prefix(OPTION)?.strip_prefix('='));
    let asked = joined.or(apart.map(|pair| pair[1].as_str()));
    let asked = asked.and_then(Locale::parse);
    let set = || {
        let values = VARIABLES.iter().filter_map(|name| variable(name));
        let first = values.into_iter().find(|value| !value.is_empty());
        first.and_then(|value| Locale::parse(&value))
    };
    asked.or_else(set).unwrap_or(Locale::En)
}

/// The fault as a command tells it.
pub fn told(fault: &Fault) -> String {
    told_in(fault, language())
}

fn told_in(fault: &Fault, locale: Locale) -> String {
    let reference = match fault.detail.is_empty() {
        true => fault.key.to_string(),
        false => format!("{}: {}", fault.key, fault.detail),
    };
    let Ok(texts) = texts() else {
        return reference;
    };
    let args: Vec<(&str, Value)> = fault
        .args
        .iter()
        .map(|(name, value)| (name.as_ref(), value.clone().into()))
        .collect();
    let text = texts.say(locale, &fault.key, &args);
    let named = [("reference", reference.into())];
    format!("{text}\n{}", texts.say(locale, "web-error-code", &named))
}

/// The texts of every room whose faults a command can meet.
pub fn texts() -> Result<Texts, web::texts::TextError> {
    Texts::new([
        ("web", web::TEXTS),
        ("exchange", exchange::http::TEXTS),
        ("registry", registry::http::TEXTS),
        ("identity", identity::TEXTS),
        ("documents", documents::TEXTS),
        ("workflow", workflow::TEXTS),
        ("portal", portal::TEXTS),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables with their values.
    type Set = &'static [(&'static str, &'static str)];

    #[test]
    fn the_line_comes_before_the_environment() {
        let cases: [(&[&str], Set, Locale); 9] = [
            (&[], &[], Locale::En),
            (&[], &[("LANG", "es_PE.UTF-8")], Locale::Es),
            (
                &[],
                &[("LANG", "es_PE.UTF-8"), ("LC_ALL", "qu_PE")],
                Locale::Qu,
            ),
            (&[], &[("LC_ALL", ""), ("LANG", "es")], Locale::Es),
            (&[], &[("LC_ALL", "C"), ("LANG", "es")], Locale::En),
            (&["--lang", "qu"], &[("LANG", "es")], Locale::Qu),
            (&["--lang=qu"], &[("LANG", "es")], Locale::Qu),
            (&["--lang", "xx"], &[("LANG", "es")], Locale::Es),
            (&["--", "--lang", "qu"], &[("LANG", "es")], Locale::Es),
        ];
        for (line, set, expected) in cases {
            let line = line.iter().map(|word| (*word).to_owned());
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(chosen(line, variable), expected, "{set:?}");
        }
    }

    #[test]
    fn a_fault_says_what_to_do_and_keeps_its_reference() {
        let fault = Fault::missing("fault-exchange-agreement-missing").detail("CONV-9");
        for (locale, words) in [
            (
                Locale::Es,
                "Esta entidad no tiene un acuerdo con ese número.",
            ),
            (Locale::En, "This body has no agreement with that number."),
        ] {
            let text = told_in(&fault, locale);
            assert!(text.starts_with(words), "{text}");
            assert!(
                text.contains("fault-exchange-agreement-missing: CONV-9"),
                "{text}"
            );
        }
    }

    #[test]
    fn every_fault_of_the_house_has_a_text_here() {
        let texts = texts().expect("texts fit together");
        let sources = [
            exchange::http::TEXTS,
            registry::http::TEXTS,
            identity::TEXTS,
        ];
        for (_, source) in sources.iter().flat_map(|texts| texts.iter()) {
            let keys = source.lines().filter_map(|line| line.split_once(" = "));
            for (key, text) in keys.filter(|(key, _)| key.starts_with("fault-")) {
                let named = text.split("{ $").skip(1);
                let args: Vec<_> = named
                    .filter_map(|rest| Some((rest.split_once(' ')?.0, "x".into())))
                    .collect();
                for locale in Locale::ALL {
                    assert!(!texts.say(locale, key, &args).is_empty(), "{key}");
                }
            }
        }
    }
}
