//! A procedure as data: what is asked, where each fact comes from, how long the body has, who decides, what is issued.
//!
//! Read by pages, stories and documents. It promises that what was parsed is whole: every key that a condition, a
//! check or a template names exists, every risk class has a time limit, and every text is there in all languages. It
//! refuses unknown keys and names the nearest known one. No procedure of any country is in code.

mod condition;
mod parse;
mod template;
#[cfg(test)]
mod tests;

use kernel::Locale;
use serde::{Deserialize, Serialize};

pub use condition::{Answers, Condition, RISK_KEY, RiskRule, RiskTable};
pub use parse::ProcedureError;
pub use template::{Block, BlockKind, Filled, Template, fill};

/// A text in every language of the pages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Spanish.
    pub es: String,
    /// English.
    pub en: String,
    /// Southern Quechua.
    pub qu: String,
}

/// A procedure of a body.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Procedure {
    /// Stable identifier, also the purpose that each question to a registry carries.
    pub id: String,
    /// Grows with every change that touches running cases.
    pub version: u32,
    /// The name that a person reads.
    pub title: Text,
    /// What it is for, in one or two sentences.
    pub summary: Text,
    /// What the applicant holds in the end.
    pub result: Text,
    /// Whether the body evaluates before it grants.
    pub kind: Kind,
    /// What silence means.
    pub silence: Silence,
    /// The desk that evaluates.
    pub post: String,
    /// The right that an official needs to decide.
    #[serde(default = "decide_right")]
    pub right: String,
    /// Business days to notify the decision.
    pub notification_days: u32,
    /// Business days to cure what was observed.
    pub cure_days: u32,
    /// The field whose answer names the place on lists, for example the trade name.
    pub subject: String,
    /// The norms it rests on.
    pub sources: Vec<Source>,
    /// The body's time limit per risk class.
    pub limits: Vec<Limit>,
    /// What it costs per risk class.
    #[serde(default)]
    pub fees: Vec<Fee>,
    /// What the applicant may rely on.
    #[serde(default)]
    pub rights: Vec<Text>,
    /// How the risk class follows from the answers.
    pub risk: RiskTable,
    /// The pages of the form, in order.
    pub steps: Vec<Step>,
    /// What must hold between facts and applicant, shown to the official.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// The documents it issues.
    pub templates: Vec<Template>,
}

/// Whether there is something to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The body evaluates before it grants (TUO LPAG art. 38-39 [34-35]).
    Evaluation,
    /// Filing grants (TUO LPAG art. 33 [31]).
    Automatic,
}

/// What it means when the body lets its time limit pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// Granted.
    Positive,
    /// The applicant may appeal; the body must still decide.
    Negative,
}

/// How dangerous the activity is, which decides the time limit and what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Very high.
    VeryHigh,
}

/// A norm.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its official name and number.
    pub law: String,
    /// The articles that matter here.
    pub articles: String,
    /// What they say, for people.
    pub says: Text,
}

/// The body's time limit for a risk class.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The class.
    pub risk: Risk,
    /// Business days.
    pub days: u32,
    /// The norm.
    pub source: String,
}

/// A fee.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// The class.
    pub risk: Risk,
    /// Hundredths of the country's currency.
    pub cents: u32,
    /// The norm or table of fees.
    pub source: String,
}

/// One page of the form.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Identifier, used in addresses.
    pub id: String,
    /// The page's title.
    pub title: Text,
    /// Help above the fields.
    #[serde(default)]
    pub help: Option<Text>,
    /// Shown only if all of these hold.
    #[serde(default)]
    pub show_when: Vec<Condition>,
    /// What is asked or shown.
    pub fields: Vec<Field>,
}

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Identifier, unique within the procedure; letters, digits, `-`, `_`.
    pub key: String,
    /// What kind of answer.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// The question.
    pub label: Text,
    /// Help below the question.
    #[serde(default)]
    pub hint: Option<Text>,
    /// Whether it may be left empty.
    #[serde(default = "yes")]
    pub required: bool,
    /// Asked only if all of these hold.
    #[serde(default)]
    pub show_when: Vec<Condition>,
    /// Where the answer comes from if a registry knows it; then nobody is asked.
    #[serde(default)]
    pub fact: Option<FactOrigin>,
    /// Most characters of a text.
    #[serde(default)]
    pub chars_max: Option<u32>,
    /// Smallest number, in units.
    #[serde(default)]
    pub min: Option<i64>,
    /// Largest number, in units.
    #[serde(default)]
    pub max: Option<i64>,
    /// The unit of a number.
    #[serde(default)]
    pub unit: Option<String>,
    /// The options of a choice.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// The national number's scheme, for example `RUC`.
    #[serde(default)]
    pub scheme: Option<String>,
    /// Media types that a file may have.
    #[serde(default)]
    pub accept: Vec<String>,
    /// Largest file, in bytes.
    #[serde(default)]
    pub bytes_max: Option<u64>,
    /// Only places whose code begins so, for example the district's own code.
    #[serde(default)]
    pub within: Option<String>,
}

/// The kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// One line.
    Text,
    /// Several lines.
    LongText,
    /// A whole number.
    Number,
    /// One of a few options.
    Choice,
    /// A day.
    Date,
    /// Street, number, reference: one line.
    Address,
    /// A place by its code in the country's list.
    Ubigeo,
    /// A national number with its check digit.
    Identifier,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// Yes or no.
    YesNo,
    /// A sworn declaration: can only be affirmed.
    Declaration,
    /// A document.
    File,
}

/// An option of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is stored.
    pub value: String,
    /// What is read.
    pub label: Text,
}

/// Which registry states a fact, about whom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactOrigin {
    /// The registry's service code, for example `persona`.
    pub service: String,
    /// The field in the registry's answer.
    pub field: String,
    /// [`APPLICANT`], or the key of the identifier field whose answer is the subject's number.
    pub about: String,
    /// How old the evidence may be when the case is filed, in hours; older is asked again.
    #[serde(default = "fresh_hours")]
    pub fresh_hours: u32,
}

/// A subject of facts: the person who applies, by their own number.
pub const APPLICANT: &str = "applicant";

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Identifier.
    pub id: String,
    /// The fact's field key.
    pub field: String,
    /// The values that are right; [`APPLICANT`] stands for the applicant's number.
    pub any_of: Vec<String>,
    /// What is wrong if it does not hold, and what to do.
    pub problem: Text,
}

fn yes() -> bool {
    true
}

fn fresh_hours() -> u32 {
    24
}

fn decide_right() -> String {
    "case.decide".to_owned()
}

impl Text {
    /// The text in `locale`.
    pub fn get(&self, locale: Locale) -> &str {
        match locale {
            Locale::Es => &self.es,
            Locale::En => &self.en,
            Locale::Qu => &self.qu,
        }
    }
}

impl Risk {
    /// All classes from low to very high.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::VeryHigh];

    /// The code in data and texts.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::VeryHigh => "very-high",
        }
    }

    /// The class with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|risk| risk.code() == code)
    }
}

impl Procedure {
    /// The step with this identifier.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// All fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.steps.iter().flat_map(|step| &step.fields)
    }

    /// The field with this key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields().find(|field| field.key == key)
    }

    /// The risk class that the answers give.
    pub fn risk_of(&self, answers: &Answers) -> Risk {
        self.risk.classify(answers)
    }

    /// Business days to decide for `risk`.
    pub fn days(&self, risk: Risk) -> u32 {
        self.limits
            .iter()
            .find(|limit| limit.risk == risk)
            .map_or(0, |limit| limit.days)
    }

    /// The fee for `risk`, in hundredths of the currency.
    pub fn fee_cents(&self, risk: Risk) -> u32 {
        self.fees
            .iter()
            .find(|fee| fee.risk == risk)
            .map_or(0, |fee| fee.cents)
    }

    /// The steps that these answers call for, in order.
    pub fn visible_steps<'a>(&'a self, answers: &'a Answers) -> impl Iterator<Item = &'a Step> {
        self.steps.iter().filter(|step| {
            self.holds(&step.show_when, answers)
                && step
                    .fields
                    .iter()
                    .any(|field| self.holds(&field.show_when, answers))
        })
    }

    /// The fields of `step` that these answers call for.
    pub fn visible_fields<'a>(
        &'a self,
        step: &'a Step,
        answers: &'a Answers,
    ) -> impl Iterator<Item = &'a Field> {
        step.fields.iter().filter(|field| {
            self.holds(&step.show_when, answers) && self.holds(&field.show_when, answers)
        })
    }

    /// Every field that these answers call for.
    pub fn asked<'a>(&'a self, answers: &'a Answers) -> impl Iterator<Item = &'a Field> {
        self.steps
            .iter()
            .flat_map(|step| self.visible_fields(step, answers))
    }

    /// The template with this identifier.
    pub fn template(&self, id: &str) -> Option<&Template> {
        self.templates.iter().find(|template| template.id == id)
    }

    fn holds(&self, conditions: &[Condition], answers: &Answers) -> bool {
        conditions
            .iter()
            .all(|condition| condition.holds(answers, || self.risk_of(answers)))
    }
}

impl Field {
    /// The label of a choice's value; the value itself if it is none of the options.
    pub fn choice_label<'a>(&'a self, value: &'a str, locale: Locale) -> &'a str {
        self.choices
            .iter()
            .find(|c| c.value == value)
            .map_or(value, |c| c.label.get(locale))
    }

    /// Whether the applicant answers it, as opposed to a registry.
    pub fn is_asked(&self) -> bool {
        self.fact.is_none()
    }
}
