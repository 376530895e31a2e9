//! Form fields with label, hint and error tied together (WCAG 1.3.1, 3.3.1, 3.3.2).
//!
//! `field("ruc", "RUC").hint("Once cifras").value(&typed).error(message).digits().show()`; a `Field` is also `maud::Render`,
//! so it can stand in markup as `(field(..).hint(..))`.

use maud::{Markup, Render, html};

use crate::Visit;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input(&'static str),
    Area,
}

/// One field in the making.
#[derive(Clone)]
pub struct Field {
    kind: Kind,
    name: String,
    label: String,
    hint: Option<String>,
    error: Option<String>,
    value: String,
    autocomplete: Option<&'static str>,
    inputmode: Option<&'static str>,
    accept: Option<String>,
    chars_max: Option<usize>,
    range: (Option<String>, Option<String>),
    width: &'static str,
    required: bool,
    multiple: bool,
}

/// A text field.
pub fn field(name: &str, label: &str) -> Field {
    Field::new(Kind::Input("text"), name, label)
}

/// A field for an e-mail address.
pub fn email(name: &str, label: &str) -> Field {
    Field::new(Kind::Input("email"), name, label).autocomplete("email")
}

/// A field for a number that one reckons with; for numbers that name something use `field(..).digits()`.
pub fn number(name: &str, label: &str) -> Field {
    let mut field = Field::new(Kind::Input("text"), name, label);
    field.inputmode = Some("decimal");
    field.width = "c10";
    field
}

/// A date; the browser's own picker, or `YYYY-MM-DD` by hand.
pub fn date(name: &str, label: &str) -> Field {
    let mut field = Field::new(Kind::Input("date"), name, label);
    field.width = "c10";
    field
}

/// A file; its form needs `enctype="multipart/form-data"`.
pub fn file(name: &str, label: &str) -> Field {
    Field::new(Kind::Input("file"), name, label)
}

/// Several lines of text.
pub fn textarea(name: &str, label: &str) -> Field {
    Field::new(Kind::Area, name, label)
}

impl Field {
    fn new(kind: Kind, name: &str, label: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            label: label.to_owned(),
            hint: None,
            error: None,
            value: String::new(),
            autocomplete: None,
            inputmode: None,
            accept: None,
            chars_max: None,
            range: (None, None),
            width: "",
            required: false,
            multiple: false,
        }
    }

    /// A line under the label that says what is wanted.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into()).filter(|text| !text.is_empty());
        self
    }

    /// What is wrong, if anything.
    #[must_use]
    pub fn error(mut self, error: Option<impl Into<String>>) -> Self {
        self.error = error.map(Into::into);
        self
    }

    /// What stands in the field.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// The HTML `autocomplete` word, such as `name` or `tel` (WCAG 1.3.5).
    #[must_use]
    pub fn autocomplete(mut self, word: &'static str) -> Self {
        self.autocomplete = Some(word);
        self
    }

    /// Digits only: a phone shows its number keys.
    #[must_use]
    pub fn digits(mut self) -> Self {
        self.inputmode = Some("numeric");
        self.width = "c20";
        self
    }

    /// Longest text in characters.
    #[must_use]
    pub fn chars_max(mut self, chars: usize) -> Self {
        self.chars_max = Some(chars);
        self
    }

    /// Kinds of file that the browser offers, for example `.pdf,image/*`.
    #[must_use]
    pub fn accept(mut self, kinds: impl Into<String>) -> Self {
        self.accept = Some(kinds.into());
        self
    }

    /// Several files at once.
    #[must_use]
    pub fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    /// The least and the greatest value (dates).
    #[must_use]
    pub fn range(mut self, least: Option<String>, greatest: Option<String>) -> Self {
        self.range = (least, greatest);
        self
    }

    /// A field as wide as about four characters.
    #[must_use]
    pub fn short(mut self) -> Self {
        self.width = "c4";
        self
    }

    /// A field as wide as about ten characters.
    #[must_use]
    pub fn medium(mut self) -> Self {
        self.width = "c10";
        self
    }

    /// A field as wide as about twenty characters.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.width = "c20";
        self
    }

    /// Must be filled. The server checks; the browser only tells a screen reader.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The markup.
    pub fn show(&self) -> Markup {
        let (id, about) = (
            field_id(&self.name),
            described_by(&self.name, &self.hint, &self.error),
        );
        let class = format!("in {}", self.width);
        let invalid = self.error.as_ref().map(|_| "true");
        let required = self.required.then_some("true");
        html! {
            div.f .has[self.error.is_some()] {
                label for=(id) { (self.label) }
                (notes(&self.name, &self.hint, &self.error))
                @match self.kind {
                    Kind::Input(kind) => input class=(class.trim()) type=(kind) id=(id) name=(self.name)
                        value=[(kind != "file").then_some(&self.value)] aria-describedby=[about]
                        aria-invalid=[invalid] aria-required=[required] autocomplete=[self.autocomplete]
                        inputmode=[self.inputmode] maxlength=[self.chars_max] accept=[&self.accept]
                        min=[&self.range.0] max=[&self.range.1] multiple[self.multiple];,
                    Kind::Area => textarea.in id=(id) name=(self.name) aria-describedby=[about]
                        aria-invalid=[invalid] aria-required=[required] maxlength=[self.chars_max] rows="5" {
                        (self.value)
                    }
                }
            }
        }
    }
}

impl Render for Field {
    fn render(&self) -> Markup {
        self.show()
    }
}

/// One thing to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
    /// A line that explains it; may be empty.
    pub hint: String,
}

impl Choice {
    /// A choice without explanation.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            hint: String::new(),
        }
    }

    /// Adds a line that explains it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// What is chosen, hinted and wrong in a group: `Picked::one(&value).hint("..").error(error)`.
#[derive(Clone, Debug, Default)]
pub struct Picked {
    values: Vec<String>,
    hint: Option<String>,
    error: Option<String>,
}

impl Picked {
    /// One chosen value; empty text for none.
    pub fn one(value: impl Into<String>) -> Self {
        Self {
            values: vec![value.into()],
            ..Self::default()
        }
    }

    /// Several chosen values.
    pub fn several(values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            values: values.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// A line that says what is wanted.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into()).filter(|text| !text.is_empty());
        self
    }

    /// What is wrong, if anything.
    #[must_use]
    pub fn error(mut self, error: Option<impl Into<String>>) -> Self {
        self.error = error.map(Into::into);
        self
    }

    fn has(&self, value: &str) -> bool {
        self.values.iter().any(|picked| picked == value)
    }
}

/// One of a few: all can be seen at once.
pub fn radios(name: &str, legend: &str, choices: &[Choice], picked: &Picked) -> Markup {
    options("radio", name, legend, choices, picked)
}

/// Any of a few.
pub fn checkboxes(name: &str, legend: &str, choices: &[Choice], picked: &Picked) -> Markup {
    options("checkbox", name, legend, choices, picked)
}

/// One box to tick; sends `name=yes`.
pub fn checkbox(name: &str, label: &str, ticked: bool, error: Option<&str>) -> Markup {
    let id = field_id(name);
    let error = error.map(str::to_owned);
    html! {
        div.f .has[error.is_some()] {
            (notes(name, &None, &error))
            label.op for=(id) {
                input type="checkbox" id=(id) name=(name) value="yes" checked[ticked]
                    aria-invalid=[error.as_ref().map(|_| "true")]
                    aria-describedby=[described_by(name, &None, &error)];
                span { (label) }
            }
        }
    }
}

/// One of many, in a closed list. Below about eight choices use `radios`.
pub fn select(name: &str, label: &str, choices: &[Choice], picked: &Picked) -> Markup {
    let id = field_id(name);
    html! {
        div.f .has[picked.error.is_some()] {
            label for=(id) { (label) }
            (notes(name, &picked.hint, &picked.error))
            select.in id=(id) name=(name) aria-invalid=[picked.error.as_ref().map(|_| "true")]
                aria-describedby=[described_by(name, &picked.hint, &picked.error)] {
                option value="" { "—" }
                @for choice in choices {
                    option value=(choice.value) selected[picked.has(&choice.value)] { (choice.label) }
                }
            }
        }
    }
}

/// The list of all errors above a form; it takes the focus, and each line leads to its field.
/// `errors` are pairs of field name and message.
pub fn error_summary(visit: &Visit, errors: &[(String, String)]) -> Markup {
    html! {
        @if !errors.is_empty() {
            div.n.bad role="alert" tabindex="-1" data-error-summary autofocus aria-labelledby="errors" {
                h2 #errors { (visit.t("web-error-summary")) }
                ul {
                    @for (name, message) in errors {
                        li { a href={ "#" (field_id(name)) } { (message) } }
                    }
                }
            }
        }
    }
}

fn options(kind: &str, name: &str, legend: &str, choices: &[Choice], picked: &Picked) -> Markup {
    let about = described_by(name, &picked.hint, &picked.error);
    html! {
        div.f .has[picked.error.is_some()] {
            fieldset aria-describedby=[about] {
                legend { (legend) }
                (notes(name, &picked.hint, &picked.error))
                @for (place, choice) in choices.iter().enumerate() {
                    label.op {
                        input type=(kind) name=(name) value=(choice.value) checked[picked.has(&choice.value)]
                            id=[(place == 0).then(|| field_id(name))];
                        span {
                            (choice.label)
                            @if !choice.hint.is_empty() { span.hint { (choice.hint) } }
                        }
                    }
                }
            }
        }
    }
}

/// The id of the field `name`, for links that lead to it.
fn field_id(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("f-{}", name.chars().map(plain).collect::<String>())
}

fn described_by(name: &str, hint: &Option<String>, error: &Option<String>) -> Option<String> {
    let id = field_id(name);
    let ids: Vec<String> = [(hint, "hint"), (error, "error")]
        .iter()
        .filter(|(text, _)| text.is_some())
        .map(|(_, what)| format!("{id}-{what}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn notes(name: &str, hint: &Option<String>, error: &Option<String>) -> Markup {
    let id = field_id(name);
    html! {
        @if let Some(hint) = hint { p.hint id={ (id) "-hint" } { (hint) } }
        @if let Some(error) = error {
            p.err id={ (id) "-error" } { span aria-hidden="true" { "✕ " } (error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_hint_and_error_are_tied_to_the_field_and_text_is_escaped() {
        let shown = field("a.b", "Label <b>")
            .hint("Hint")
            .error(Some("Wrong"))
            .value("\"><script>")
            .show()
            .into_string();
        assert!(shown.contains("label for=\"f-a-b\">Label &lt;b&gt;"));
        assert!(shown.contains("aria-describedby=\"f-a-b-hint f-a-b-error\""));
        assert!(shown.contains("aria-invalid=\"true\"") && !shown.contains("<script>"));
    }

    #[test]
    fn an_error_leads_to_the_first_of_a_group() {
        let choices = [Choice::new("a", "A"), Choice::new("b", "B")];
        let shown = radios("kind", "Kind", &choices, &Picked::one("b")).into_string();
        assert_eq!(shown.matches("id=\"f-kind\"").count(), 1);
        assert!(shown.contains("value=\"b\" checked"));
    }
}
