//! National numbers as data: length, alphabet, check digit. No country's rule is in code.
//!
//! A scheme describes a weighted sum: `weights[i] * digit[i]`, modulo `modulus`, then a lookup in `keys`. Peru's DNI
//! and RUC, and most national numbers of Latin America and Europe, fit it. The description comes from a country file.

use serde::Deserialize;

/// Longest number that any scheme may describe; bounds the work on foreign input.
pub const NUMBER_CHARS_MAX: usize = 32;

/// How a national number is checked.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// Short name of the number, for example `DNI`.
    pub name: String,
    /// Count of digits before the check character.
    pub digits: usize,
    /// A weight for each digit.
    pub weights: Vec<u32>,
    /// The modulus of the weighted sum.
    pub modulus: u32,
    /// For each remainder, the check characters that are right (some schemes allow a digit or a letter).
    pub keys: Vec<String>,
    /// Prefixes allowed; empty means any.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Whether people write the check character at all times; if not, the bare digits are accepted too.
    #[serde(default)]
    pub check_optional: bool,
    /// Legal or technical source of the rule.
    pub source: String,
}

/// Why a number is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// Not the right count of characters, or characters that are not digits.
    #[error("the number has the wrong length or holds characters that are not digits")]
    Shape,
    /// The prefix is not one that this scheme allows.
    #[error("the number begins with digits that this scheme doesn't use")]
    Prefix,
    /// The check character does not fit the digits.
    #[error("the check digit does not fit: look for a mistyped or swapped digit")]
    Check,
}

impl Scheme {
    /// Checks `text` and gives its plain form (spaces and hyphens removed, letters in upper case).
    pub fn parse(&self, text: &str) -> Result<String, BadNumber> {
        if text.len() > 2 * NUMBER_CHARS_MAX {
            return Err(BadNumber::Shape);
        }
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '.'))
            .collect::<String>()
            .to_uppercase();
        let (body, check) = match plain.char_indices().nth(self.digits) {
            None => (plain.as_str(), None),
            Some((at, check)) if plain[at + check.len_utf8()..].is_empty() => {
                (&plain[..at], Some(check))
            }
            Some(_) => return Err(BadNumber::Shape),
        };
        if body.len() != self.digits || !body.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadNumber::Shape);
        }
        if !self.prefixes.is_empty() && !self.prefixes.iter().any(|p| body.starts_with(p.as_str()))
        {
            return Err(BadNumber::Prefix);
        }
        match check {
            None if self.check_optional => Ok(plain),
            None => Err(BadNumber::Shape),
            Some(check) if self.check_characters(body).contains(check) => Ok(plain),
            Some(_) => Err(BadNumber::Check),
        }
    }

    /// The check characters that fit `body`; the first one is the usual form. Empty if the scheme has none for it.
    pub fn check_characters(&self, body: &str) -> &str {
        let sum: u32 = body
            .bytes()
            .zip(&self.weights)
            .map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight)
            .sum();
        let remainder = usize::try_from(sum % self.modulus.max(1)).unwrap_or(0);
        self.keys.get(remainder).map_or("", String::as_str)
    }

    /// The full number for `body`, with its usual check character.
    pub fn complete(&self, body: &str) -> String {
        let check: String = self.check_characters(body).chars().take(1).collect();
        format!("{body}{check}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn eleven() -> Scheme {
        Scheme {
            name: "RUC".into(),
            digits: 10,
            weights: vec![5, 4, 3, 2, 7, 6, 5, 4, 3, 2],
            modulus: 11,
            keys: ["1", "0", "9", "8", "7", "6", "5", "4", "3", "2", "1"]
                .map(String::from)
                .to_vec(),
            prefixes: vec!["10".into(), "20".into()],
            check_optional: false,
            source: "test".into(),
        }
    }

    #[test]
    fn real_numbers_of_public_bodies_pass_and_a_swap_fails() {
        // RUCs published by the bodies themselves: SUNAT, RENIEC, Presidencia del Consejo de Ministros.
        for number in ["20131312955", "20295613620", "20168999926"] {
            assert_eq!(eleven().parse(number), Ok(number.to_owned()));
        }
        assert_eq!(eleven().parse("20131312995"), Err(BadNumber::Check));
        assert_eq!(eleven().parse("99131312955"), Err(BadNumber::Prefix));
        assert_eq!(eleven().parse("2013131295"), Err(BadNumber::Shape));
        assert_eq!(eleven().parse("2013131295x5"), Err(BadNumber::Shape));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_found(body in "20[0-9]{8}", at in 2_usize..10, add in 1_u8..10) {
            let full = eleven().complete(&body);
            prop_assert!(eleven().parse(&full).is_ok());
            let mut bytes = full.into_bytes();
            bytes[at] = b'0' + (bytes[at] - b'0' + add) % 10;
            let wrong = String::from_utf8(bytes).expect("digits");
            // Remainders 0 and 10 share the key 1, and 1 alone has 0: the scheme itself cannot tell these apart.
            let same = eleven().check_characters(&wrong[..10]) == &wrong[10..];
            prop_assert_eq!(eleven().parse(&wrong).is_ok(), same);
        }

        #[test]
        fn garbage_never_panics(text in "\\PC{0,80}") {
            let _ = eleven().parse(&text);
        }
    }
}
