//! Questions of a procedure's form as form fields.

use maud::{Markup, html};
use web::Visit;
use web::parts::{self, Choice, Picked};

use crate::domain::{Ask, Holds, Question};

/// Most characters of a free text that an official or applicant writes about a case.
pub const FREE_TEXT_MAX: usize = 4_000;

/// The errors of a page, first of all and with links to the fields, or nothing.
pub fn errors(visit: &Visit, questions: &[&Question]) -> Markup {
    let wrong: Vec<(String, String)> = questions
        .iter()
        .filter_map(|question| Some((question.name.clone(), question.error.clone()?)))
        .collect();
    parts::error_summary(visit, &wrong)
}

/// One question.
pub fn question(visit: &Visit, question: &Question) -> Markup {
    let label = label(visit, question);
    let value = question.answer.first().cloned().unwrap_or_default();
    let picked = || {
        Picked::several(&question.answer)
            .hint(&question.hint)
            .error(question.error.as_ref())
    };
    let dressed = |field: parts::Field| {
        let field = field
            .hint(&question.hint)
            .error(question.error.as_ref())
            .value(&value);
        if question.optional {
            field
        } else {
            field.required()
        }
    };
    let name = question.name.as_str();
    match &question.ask {
        Ask::One(options) => parts::radios(name, &label, &choices(options), &picked()),
        Ask::Pick(options) => parts::select(name, &label, &choices(options), &picked()),
        Ask::YesNo => {
            let yes_no = [
                Choice::new("yes", visit.t("portal-yes")),
                Choice::new("no", visit.t("portal-no")),
            ];
            parts::radios(name, &label, &yes_no, &picked())
        }
        Ask::Sworn => parts::checkbox(name, &label, value == "yes", question.error.as_deref()),
        Ask::Date => dressed(parts::date(name, &label)).show(),
        Ask::Lines { max } => dressed(parts::textarea(name, &label))
            .chars_max(*max)
            .show(),
        Ask::Line { max, holds } => line(dressed(parts::field(name, &label)), *holds, *max),
        Ask::File { accept } => file_field(visit, question, &label, accept),
    }
}

fn label(visit: &Visit, question: &Question) -> String {
    match question.optional {
        true => format!("{} {}", question.label, visit.t("portal-optional")),
        false => question.label.clone(),
    }
}

fn choices(options: &[(String, String)]) -> Vec<Choice> {
    options
        .iter()
        .map(|(code, label)| Choice::new(code, label))
        .collect()
}

fn line(field: parts::Field, holds: Holds, max: usize) -> Markup {
    let field = match holds {
        Holds::Words => field,
        Holds::Digits => field.digits(),
        Holds::Amount => field.digits().medium(),
        Holds::Phone => field.digits().autocomplete("tel"),
        Holds::Email => field.wide().autocomplete("email"),
    };
    field.chars_max(max).show()
}

fn file_field(visit: &Visit, question: &Question, label: &str, accept: &str) -> Markup {
    html! {
        (parts::file(&question.name, label).hint(&question.hint).error(question.error.as_ref()).accept(accept))
        @if let Some(name) = question.answer.first() {
            p { (visit.t("portal-file-have")) " " strong { (name) } }
        }
    }
}

/// A free text outside a procedure's form.
pub fn lines(name: &str, label: &str, typed: &str, error: Option<&str>) -> Markup {
    parts::textarea(name, label)
        .chars_max(FREE_TEXT_MAX)
        .value(typed)
        .error(error)
        .show()
}
