//! Reads a procedure and refuses what would fail later: unknown keys, dangling names, missing limits, empty texts.

use std::collections::BTreeSet;

use super::template::CASE_VALUES;
use super::{APPLICANT, Condition, Field, FieldKind, Procedure, RISK_KEY, Risk, Text};

/// Longest text of a procedure, so that a page stays within its byte budget.
const TEXT_CHARS_MAX: usize = 1_200;
/// Most fields on one page: more is a wall.
const STEP_FIELDS_MAX: usize = 12;
/// Most steps of a procedure.
const STEPS_MAX: usize = 20;
/// The documents that every procedure must be able to issue.
const TEMPLATES_NEEDED: [&str; 4] = [
    "receipt",
    "resolution-granted",
    "resolution-denied",
    "silence",
];

/// A procedure's file is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcedureError {
    /// The text is not such a file; the message has line, column and, for an unknown key, the nearest known one.
    #[error("{0}")]
    Syntax(String),
    /// Something in it does not fit; `at` says where.
    #[error("{at}: {problem}")]
    Meaning {
        /// The place, for example `steps.place.area`.
        at: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

type Checked = Result<(), ProcedureError>;

fn wrong<T>(at: impl Into<String>, problem: impl Into<String>) -> Result<T, ProcedureError> {
    Err(ProcedureError::Meaning {
        at: at.into(),
        problem: problem.into(),
    })
}

impl Procedure {
    /// Reads a procedure's TOML.
    ///
    /// # Errors
    /// The text has an unknown or missing key or a wrong type, or its parts don't fit together.
    pub fn parse(text: &str) -> Result<Self, ProcedureError> {
        let procedure: Self = toml::from_str(text).map_err(|error| syntax(&error.to_string()))?;
        procedure.check()?;
        Ok(procedure)
    }

    fn check(&self) -> Checked {
        identifier("id", &self.id)?;
        self.check_shape()?;
        self.check_limits()?;
        let mut known = BTreeSet::new();
        for step in &self.steps {
            let at = format!("steps.{}", step.id);
            self.check_conditions(&at, &step.show_when, &known)?;
            for field in &step.fields {
                let at = format!("{at}.{}", field.key);
                identifier(&at, &field.key)?;
                if field.key == RISK_KEY || field.key == APPLICANT {
                    return wrong(at, "this key is reserved");
                }
                self.check_conditions(&at, &field.show_when, &known)?;
                check_field(&at, field)?;
                check_origin(&at, field, self)?;
                if !known.insert(field.key.as_str()) {
                    return wrong(at, "this key is used twice");
                }
            }
        }
        self.check_risk(&known)?;
        self.check_names(&known)?;
        self.check_texts()
    }

    fn check_shape(&self) -> Checked {
        if self.steps.is_empty() || self.steps.len() > STEPS_MAX {
            return wrong("steps", format!("a procedure has 1 to {STEPS_MAX} steps"));
        }
        let mut ids = BTreeSet::new();
        for step in &self.steps {
            identifier("steps.id", &step.id)?;
            if !ids.insert(&step.id) {
                return wrong(format!("steps.{}", step.id), "this step is there twice");
            }
            if step.fields.is_empty() || step.fields.len() > STEP_FIELDS_MAX {
                let problem = format!("a step has 1 to {STEP_FIELDS_MAX} fields; split it");
                return wrong(format!("steps.{}", step.id), problem);
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Checked {
        for risk in Risk::ALL {
            let count = self
                .limits
                .iter()
                .filter(|limit| limit.risk == risk)
                .count();
            let at = format!("limits.{}", risk.code());
            match (count, self.kind) {
                (1, _) | (0, super::Kind::Automatic) => {}
                (0, _) => return wrong(at, "this class has no time limit"),
                _ => return wrong(at, "this class has two time limits"),
            }
        }
        match self.limits.iter().find(|limit| limit.days == 0) {
            Some(limit) => wrong(
                format!("limits.{}", limit.risk.code()),
                "at least one business day",
            ),
            None => Ok(()),
        }
    }

    /// A condition names the risk class, or a field that is asked before: a page never changes by a later answer.
    fn check_conditions(&self, at: &str, all: &[Condition], known: &BTreeSet<&str>) -> Checked {
        for condition in all {
            if condition.is_empty() {
                return wrong(at, "a condition needs one of: is, any_of, above, at_most");
            }
            if condition.key != RISK_KEY && !known.contains(condition.key.as_str()) {
                let near = nearest(&condition.key, known.iter().copied().chain([RISK_KEY]));
                return wrong(
                    at,
                    format!(
                        "the condition's key {:?} is not an earlier field{near}",
                        condition.key
                    ),
                );
            }
            self.check_condition_values(at, condition)?;
        }
        Ok(())
    }

    fn check_condition_values(&self, at: &str, condition: &Condition) -> Checked {
        let field = self.field(&condition.key);
        let values: Vec<&str> = match field {
            None => Risk::ALL.map(Risk::code).to_vec(),
            Some(field) => match field.kind {
                FieldKind::Choice => field.choices.iter().map(|c| c.value.as_str()).collect(),
                FieldKind::YesNo | FieldKind::Declaration => vec!["yes", "no"],
                FieldKind::Number => Vec::new(),
                _ if condition.is_numeric() => return wrong(at, "only numbers can be compared"),
                _ => Vec::new(),
            },
        };
        let tested = condition.is.iter().chain(&condition.any_of);
        let mut strange =
            tested.filter(|value| !values.is_empty() && !values.contains(&value.as_str()));
        if let Some(value) = strange.next() {
            let near = nearest(value, values.iter().copied());
            let problem = format!("{value:?} can't be an answer to {:?}{near}", condition.key);
            return wrong(at, problem);
        }
        Ok(())
    }

    fn check_risk(&self, known: &BTreeSet<&str>) -> Checked {
        for (index, rule) in self.risk.rules.iter().enumerate() {
            let at = format!("risk.rules[{index}]");
            if rule.when.is_empty() {
                return wrong(at, "a rule needs a condition; use otherwise for the rest");
            }
            if rule.when.iter().any(|condition| condition.key == RISK_KEY) {
                return wrong(at, "a rule can't depend on the class it gives");
            }
            self.check_conditions(&at, &rule.when, known)?;
        }
        Ok(())
    }

    fn check_names(&self, known: &BTreeSet<&str>) -> Checked {
        if !known.contains(self.subject.as_str()) {
            let near = nearest(&self.subject, known.iter().copied());
            return wrong("subject", format!("no field {:?}{near}", self.subject));
        }
        for check in &self.checks {
            if self
                .field(&check.field)
                .is_none_or(|field| field.fact.is_none())
            {
                let facts = self
                    .fields()
                    .filter(|field| field.fact.is_some())
                    .map(|f| f.key.as_str());
                let near = nearest(&check.field, facts);
                return wrong(
                    format!("checks.{}", check.id),
                    format!("no fact {:?}{near}", check.field),
                );
            }
        }
        for template in &self.templates {
            let names = || known.iter().copied().chain(CASE_VALUES);
            if let Some(name) = template
                .placeholders()
                .find(|name| !names().any(|known| known == *name))
            {
                let near = nearest(name, names());
                return wrong(
                    format!("templates.{}", template.id),
                    format!("unknown placeholder {{{name}}}{near}"),
                );
            }
        }
        let missing = TEMPLATES_NEEDED
            .iter()
            .find(|id| self.template(id).is_none());
        missing.map_or(Ok(()), |id| {
            wrong("templates", format!("the template {id:?} is missing"))
        })
    }

    fn check_texts(&self) -> Checked {
        check_text("title", &self.title)?;
        check_text("summary", &self.summary)?;
        check_text("result", &self.result)?;
        for step in &self.steps {
            check_text(&format!("steps.{}", step.id), &step.title)?;
            step.help
                .iter()
                .try_for_each(|help| check_text(&format!("steps.{}.help", step.id), help))?;
            for field in &step.fields {
                let at = format!("steps.{}.{}", step.id, field.key);
                check_text(&at, &field.label)?;
                field
                    .hint
                    .iter()
                    .try_for_each(|hint| check_text(&at, hint))?;
                field
                    .choices
                    .iter()
                    .try_for_each(|choice| check_text(&at, &choice.label))?;
            }
        }
        for template in &self.templates {
            let at = format!("templates.{}", template.id);
            check_text(&at, &template.title)?;
            template
                .blocks
                .iter()
                .try_for_each(|block| check_text(&at, &block.text))?;
        }
        Ok(())
    }
}

fn check_text(at: &str, text: &Text) -> Checked {
    for (language, words) in [("es", &text.es), ("en", &text.en), ("qu", &text.qu)] {
        if words.trim().is_empty() || words.chars().count() > TEXT_CHARS_MAX {
            return wrong(
                at,
                format!("the {language} text has 1 to {TEXT_CHARS_MAX} characters"),
            );
        }
    }
    Ok(())
}

fn identifier(at: &str, text: &str) -> Checked {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return wrong(at, format!("{text:?}: 1 to 64 of a-z, 0-9, '-' and '_'"));
    }
    Ok(())
}

/// Each kind of field has its limits, and only those.
fn check_field(at: &str, field: &Field) -> Checked {
    use FieldKind as K;
    let need = |given: bool, name: &str| {
        if given {
            Ok(())
        } else {
            wrong(at, format!("{name} is missing"))
        }
    };
    match field.kind {
        _ if field.fact.is_some() => {}
        K::Text | K::LongText | K::Address => need(field.chars_max.is_some(), "chars_max")?,
        K::Number => need(field.min.is_some() && field.max.is_some(), "min or max")?,
        K::Choice => need(field.choices.len() >= 2, "a second choice")?,
        K::Identifier => need(field.scheme.is_some(), "scheme")?,
        K::File => need(
            !field.accept.is_empty() && field.bytes_max.is_some(),
            "accept or bytes_max",
        )?,
        K::Declaration if !field.required => {
            return wrong(at, "a sworn declaration is always required");
        }
        K::Declaration | K::Date | K::Ubigeo | K::Phone | K::Email | K::YesNo => {}
    }
    if field.min.zip(field.max).is_some_and(|(min, max)| min > max) {
        return wrong(at, "min is larger than max");
    }
    let mut values = BTreeSet::new();
    match field
        .choices
        .iter()
        .find(|choice| !values.insert(&choice.value))
    {
        Some(choice) => wrong(at, format!("the choice {:?} is there twice", choice.value)),
        None => Ok(()),
    }
}

fn check_origin(at: &str, field: &Field, procedure: &Procedure) -> Checked {
    let Some(origin) = &field.fact else {
        return Ok(());
    };
    if origin.about == APPLICANT {
        return Ok(());
    }
    let numbers = || {
        procedure
            .fields()
            .filter(|field| field.kind == FieldKind::Identifier)
    };
    if numbers().any(|number| number.key == origin.about) {
        return Ok(());
    }
    let near = nearest(
        &origin.about,
        numbers().map(|field| field.key.as_str()).chain([APPLICANT]),
    );
    wrong(
        at,
        format!(
            "about = {:?} is neither \"applicant\" nor an identifier field{near}",
            origin.about
        ),
    )
}

/// ` (did you mean "x"?)` with the closest of `known`, or nothing if none is close.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let close = known.map(|other| (distance(word, other), other)).min();
    match close {
        Some((far, other)) if far <= word.len().div_ceil(2) => {
            format!(" (did you mean {other:?}?)")
        }
        _ => String::new(),
    }
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = change.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Adds the nearest known key to the parser's message about an unknown one.
fn syntax(message: &str) -> ProcedureError {
    let quoted: Vec<&str> = message
        .lines()
        .find(|line| line.contains("unknown field"))
        .map(|line| line.split('`').skip(1).step_by(2).collect())
        .unwrap_or_default();
    let near = quoted.split_first().map_or(String::new(), |(word, known)| {
        nearest(word, known.iter().copied())
    });
    ProcedureError::Syntax(format!("{}{near}", message.trim_end()))
}
