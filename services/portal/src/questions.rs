//! From a procedure's fields to questions on a page, and from answers to the words that show them.

use kernel::{Locale, Moment};
use web::Visit;
use workflow::FieldError;
use workflow::procedure::{Answers, Field, FieldKind};

use crate::domain::{Ask, Holds, Question};

/// Options that a reader takes in at a glance as a list of buttons; more become a list that opens.
const RADIOS_MAX: usize = 12;
/// Most characters of a line whose field sets no limit.
const LINE_CHARS: usize = 200;

/// The question that `field` asks, with what was answered so far and what is wrong with it.
pub fn question(
    visit: &Visit,
    field: &Field,
    answers: &Answers,
    errors: &[FieldError],
) -> Question {
    let locale = visit.locale;
    let error = errors.iter().find(|error| error.field == field.key);
    let answer = answers.get(&field.key).filter(|answer| !answer.is_empty());
    Question {
        name: field.key.clone(),
        label: label(field, locale),
        hint: field
            .hint
            .as_ref()
            .map(|hint| hint.get(locale).to_owned())
            .unwrap_or_default(),
        ask: ask(field, locale),
        answer: answer.cloned().into_iter().collect(),
        error: error.map(|error| told(visit, error)),
        optional: !field.required,
    }
}

/// What is wrong with an answer, in words.
pub fn told(visit: &Visit, error: &FieldError) -> String {
    let args: Vec<(&str, web::Value)> = error
        .args
        .iter()
        .map(|(name, value)| (*name, value.clone().into()))
        .collect();
    visit.tt(error.key, &args)
}

/// The answer in words: labels of choices, yes or no, dates as people write them.
pub fn words(visit: &Visit, field: &Field, answer: &str) -> String {
    match field.kind {
        FieldKind::Choice => field.choice_label(answer, visit.locale).to_owned(),
        FieldKind::YesNo | FieldKind::Declaration => match answer {
            "" => String::new(),
            "yes" => visit.t("portal-yes"),
            _ => visit.t("portal-no"),
        },
        FieldKind::Date => {
            // Noon anywhere in the Americas and Europe falls on the same day here.
            let noon = Moment::parse_iso(&format!("{answer}T12:00:00Z"));
            noon.map_or_else(|| answer.to_owned(), |noon| visit.date(noon))
        }
        FieldKind::Number => match &field.unit {
            Some(unit) if !answer.is_empty() => format!("{answer} {unit}"),
            _ => answer.to_owned(),
        },
        _ => answer.to_owned(),
    }
}

fn label(field: &Field, locale: Locale) -> String {
    let label = field.label.get(locale);
    match (&field.unit, field.kind) {
        (Some(unit), FieldKind::Number) => format!("{label} ({unit})"),
        _ => label.to_owned(),
    }
}

fn ask(field: &Field, locale: Locale) -> Ask {
    let max = field
        .chars_max
        .and_then(|max| usize::try_from(max).ok())
        .unwrap_or(LINE_CHARS);
    let line = |holds: Holds, max: usize| Ask::Line { max, holds };
    match field.kind {
        FieldKind::Text | FieldKind::Address => line(Holds::Words, max),
        FieldKind::LongText => Ask::Lines { max },
        FieldKind::Number => line(Holds::Amount, 15),
        FieldKind::Identifier | FieldKind::Ubigeo => line(Holds::Digits, 20),
        FieldKind::Phone => line(Holds::Phone, 24),
        FieldKind::Email => line(Holds::Email, 254),
        FieldKind::Date => Ask::Date,
        FieldKind::YesNo => Ask::YesNo,
        FieldKind::Declaration => Ask::Sworn,
        FieldKind::Choice => {
            let options = field.choices.iter();
            let options: Vec<(String, String)> = options
                .map(|choice| (choice.value.clone(), choice.label.get(locale).to_owned()))
                .collect();
            if options.len() <= RADIOS_MAX {
                Ask::One(options)
            } else {
                Ask::Pick(options)
            }
        }
        FieldKind::File => Ask::File {
            accept: field.accept.join(","),
        },
    }
}
