//! Fields that are computed, so that less leaves: 'over 18' instead of the date of birth.
//!
//! Read by every kind of source. It promises pure decisions on one record; it refuses to guess: what can't be computed
//! is nothing on record.

use kernel::fact::value::Value;
use serde::{Deserialize, Serialize};

/// A field that is computed from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Derived {
    /// Whether at least so many years have passed since the date in a field.
    YearsSince {
        /// Name of the computed field, for example `over18`.
        name: String,
        /// The field with a date, `YYYY-MM-DD`.
        field: String,
        /// How many years.
        years: i32,
    },
    /// Whether a field holds this text.
    Equals {
        /// Name of the computed field.
        name: String,
        /// The field.
        field: String,
        /// The text.
        value: String,
    },
    /// Whether a field holds anything.
    Present {
        /// Name of the computed field.
        name: String,
        /// The field.
        field: String,
    },
}

impl Derived {
    /// Name of the computed field.
    pub fn name(&self) -> &str {
        match self {
            Self::YearsSince { name, .. }
            | Self::Equals { name, .. }
            | Self::Present { name, .. } => name,
        }
    }

    /// The field that it is computed from.
    pub fn base(&self) -> &str {
        match self {
            Self::YearsSince { field, .. }
            | Self::Equals { field, .. }
            | Self::Present { field, .. } => field,
        }
    }

    pub(crate) fn value(
        &self,
        record: &serde_json::Map<String, serde_json::Value>,
        today: &str,
    ) -> Value {
        let text = |field: &str| record.get(field).and_then(serde_json::Value::as_str);
        match self {
            Self::YearsSince { field, years, .. } => text(field)
                .and_then(|date| has_passed(date, *years, today))
                .map_or(Value::None, Value::Bool),
            Self::Equals { field, value, .. } => {
                text(field).map_or(Value::None, |held| Value::Bool(held == value))
            }
            Self::Present { field, .. } => {
                Value::Bool(record.get(field).is_some_and(|held| !held.is_null()))
            }
        }
    }
}

/// Whether `years` have passed between two dates `YYYY-MM-DD`. Someone born on 29 February comes of age on 1 March.
fn has_passed(date: &str, years: i32, today: &str) -> Option<bool> {
    let (year, rest) = split_date(date)?;
    let (now, day) = split_date(today)?;
    let passed = now - year;
    Some(passed > years || (passed == years && day >= rest))
}

fn split_date(date: &str) -> Option<(i32, &str)> {
    let (year, rest) = date.split_once('-')?;
    let plain = date.len() == 10 && rest.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if plain {
        Some((year.parse().ok()?, rest))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn birthdays_are_counted_by_the_calendar() {
        for (date, today, yes) in [
            ("2008-11-23", "2026-11-23", Some(true)),
            ("2008-11-24", "2026-11-23", Some(false)),
            ("2008-02-29", "2026-02-28", Some(false)),
            ("2008-02-29", "2026-03-01", Some(true)),
            ("1990-01-01", "2026-01-01", Some(true)),
            ("unknown", "2026-01-01", None),
            ("2008", "2026-01-01", None),
        ] {
            assert_eq!(has_passed(date, 18, today), yes, "{date} {today}");
        }
    }
}
