//! What is wrong with a settings file, in words that lead to the mend.

use std::fmt::Display;
use std::path::Path;

/// A problem with settings.
#[derive(Debug, thiserror::Error)]
#[error("{place}{problem}")]
pub struct SettingsError {
    place: String,
    problem: String,
}

impl SettingsError {
    pub(super) fn file(path: &Path, problem: impl Display) -> Self {
        Self {
            place: format!("{}: ", path.display()),
            problem: problem.to_string(),
        }
    }

    pub(super) fn syntax(error: toml::de::Error) -> Self {
        Self {
            place: String::new(),
            problem: format!("not TOML: {error}"),
        }
    }

    pub(super) fn value(key: &str, problem: &str) -> Self {
        Self {
            place: String::new(),
            problem: format!("{key}: {problem}"),
        }
    }

    /// A registry that is not described as it can work.
    pub(super) fn described(error: exchange::source::BadDescription) -> Self {
        Self {
            place: String::new(),
            problem: error.to_string(),
        }
    }

    /// A key that is missing, unknown, or holds another type; for an unknown one the nearest known is named.
    pub(super) fn key(error: toml::de::Error) -> Self {
        let text = error.to_string();
        let mut quoted = text.split('`').skip(1).step_by(2);
        let unknown = quoted.next().unwrap_or("");
        let nearest = quoted.min_by_key(|known| distance(unknown, known));
        let problem = match nearest {
            Some(known) if text.contains("unknown") => {
                format!(
                    "`{unknown}` is not known here; did you mean `{known}`?\n{}",
                    text.trim()
                )
            }
            _ => text.trim().to_owned(),
        };
        Self {
            place: String::new(),
            problem,
        }
    }

    pub(super) fn within(self, path: &Path) -> Self {
        Self {
            place: format!("{}: ", path.display()),
            problem: self.problem,
        }
    }
}

/// Levenshtein distance; both words are keys, so they are short.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let change = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        assert_eq!(distance("listen", "lisen"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
