//! Conditions over answers, and the small decision table that gives the risk class.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Risk;

/// Answers by field key, as text in its plain form: numbers without grouping, days in ISO 8601, `yes`/`no`.
pub type Answers = BTreeMap<String, String>;

/// In a condition, stands for the risk class instead of a field.
pub const RISK_KEY: &str = "risk";

/// Something that must hold of one answer. All tests that are given must hold; a missing answer holds none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The field, or [`RISK_KEY`].
    pub key: String,
    /// The answer is this.
    #[serde(default)]
    pub is: Option<String>,
    /// The answer is one of these.
    #[serde(default)]
    pub any_of: Vec<String>,
    /// The number is larger than this.
    #[serde(default)]
    pub above: Option<i64>,
    /// The number is this or smaller.
    #[serde(default)]
    pub at_most: Option<i64>,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRule {
    /// The class if all conditions hold.
    pub class: Risk,
    /// The conditions.
    pub when: Vec<Condition>,
    /// Where the line comes from.
    pub source: String,
}

/// The decision table: the highest class among the lines that hold, else `otherwise`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskTable {
    /// The class if no line holds.
    pub otherwise: Risk,
    /// The lines; their order does not matter.
    #[serde(default)]
    pub rules: Vec<RiskRule>,
}

impl Condition {
    /// Whether it holds of `answers`; `risk` is only computed if the condition is about it.
    pub fn holds(&self, answers: &Answers, risk: impl FnOnce() -> Risk) -> bool {
        if self.key == RISK_KEY {
            return self.holds_of(risk().code());
        }
        answers
            .get(&self.key)
            .is_some_and(|answer| self.holds_of(answer.trim()))
    }

    /// Whether anything is tested at all.
    pub(super) fn is_empty(&self) -> bool {
        self.is.is_none() && self.any_of.is_empty() && !self.is_numeric()
    }

    /// Whether it compares numbers.
    pub(super) fn is_numeric(&self) -> bool {
        self.above.is_some() || self.at_most.is_some()
    }

    fn holds_of(&self, answer: &str) -> bool {
        let number = answer.parse::<i64>().ok();
        self.is.as_deref().is_none_or(|wanted| wanted == answer)
            && (self.any_of.is_empty() || self.any_of.iter().any(|wanted| wanted == answer))
            && self
                .above
                .is_none_or(|limit| number.is_some_and(|number| number > limit))
            && self
                .at_most
                .is_none_or(|limit| number.is_some_and(|number| number <= limit))
    }
}

impl RiskTable {
    /// The class that `answers` give. With several lines that hold, the highest class counts: safety first.
    pub fn classify(&self, answers: &Answers) -> Risk {
        let holds = |rule: &&RiskRule| {
            // A line can't depend on the class it gives; parsing refuses that, so the closure is never asked.
            rule.when
                .iter()
                .all(|condition| condition.holds(answers, || self.otherwise))
        };
        self.rules
            .iter()
            .filter(holds)
            .map(|rule| rule.class)
            .max()
            .unwrap_or(self.otherwise)
    }
}
