//! Texts that a person reads: every language of a crate holds the same keys with the same arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::files;

type Keys = BTreeMap<String, BTreeSet<String>>;

/// Keys or arguments that one language has and another lacks.
pub fn findings(root: &Path) -> Vec<String> {
    let mut crates: BTreeMap<String, BTreeMap<String, Keys>> = BTreeMap::new();
    for file in files(root, &[".ftl"]) {
        let (folder, language) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        crates
            .entry(folder.to_owned())
            .or_default()
            .insert(language.to_owned(), keys(&file.text));
    }
    let mut all = Vec::new();
    for (folder, languages) in &crates {
        for language in ["en.ftl", "es.ftl", "qu.ftl"] {
            let Some(held) = languages.get(language) else {
                all.push(format!("{folder}/{language}: missing"));
                continue;
            };
            for (other, wanted) in languages.iter().filter(|(other, _)| *other != language) {
                differences(
                    &format!("{folder}/{language}"),
                    held,
                    other,
                    wanted,
                    &mut all,
                );
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

fn differences(path: &str, held: &Keys, other: &str, wanted: &Keys, all: &mut Vec<String>) {
    for (key, arguments) in wanted {
        match held.get(key) {
            None => all.push(format!("{path}: key {key:?} of {other} is missing")),
            Some(own) if own != arguments => {
                all.push(format!(
                    "{path}: {key:?} has other arguments than in {other}"
                ));
            }
            Some(_) => {}
        }
    }
}

fn keys(text: &str) -> Keys {
    let mut found = Keys::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some((key, _)) = line.split_once(" =")
            && !line.starts_with([' ', '#'])
        {
            current = key.to_owned();
            found.entry(current.clone()).or_default();
        }
        for part in line.split('$').skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
                .collect();
            found.entry(current.clone()).or_default().insert(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_arguments_are_read() {
        let found = keys("a = x { $n }\n    more { $m }\n# c = d\nb = y\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found["a"].len(), 2);
    }

    #[test]
    fn every_language_says_the_same_things() {
        assert_eq!(findings(&crate::root()), Vec::<String>::new());
    }
}
