//! Answers of a form: what is wrong with them, told by field, and their plain form.
//!
//! Read by the pages while a person types and by filing, which checks everything again. It promises that answers
//! without errors are in plain form (trimmed, numbers without grouping, national numbers without hyphens) and hold
//! only what was asked. It refuses answers to what a registry states: nobody can type another person's name in.

use jiff::civil::Date;
use kernel::scheme::BadNumber;
use kernel::{Id, Scheme};

use crate::procedure::{Answers, Field, FieldKind, Procedure, Step};

/// Most characters of any single answer, before its own limit is looked at.
pub const ANSWER_CHARS_MAX: usize = 8_000;
/// Most characters of an address line or text whose field sets no limit.
const LINE_CHARS_MAX: u32 = 200;

/// Something wrong with one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's key.
    pub field: String,
    /// Key of the text that says what is wrong and how to mend it.
    pub key: &'static str,
    /// Arguments of the text.
    pub args: Vec<(&'static str, String)>,
}

/// Answers after checking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// In plain form; wrong answers as they were typed, so that nothing is lost.
    pub answers: Answers,
    /// What is wrong, in the order of the fields.
    pub errors: Vec<FieldError>,
}

/// Checks the answers of one step. `answers` holds those of all steps so far, because they decide what is asked.
pub fn check_step(
    procedure: &Procedure,
    step: &Step,
    schemes: &[Scheme],
    answers: &Answers,
) -> Checked {
    let mut checked = Checked {
        answers: answers.clone(),
        errors: Vec::new(),
    };
    for field in step.fields.iter().filter(|field| field.is_asked()) {
        // Asked anew for each field: an answer above may bring a question below into view.
        if procedure
            .visible_fields(step, &checked.answers)
            .any(|shown| shown.key == field.key)
        {
            check_into(&mut checked, field, schemes);
        }
    }
    checked
}

/// Checks everything before filing, and drops what was not asked: unknown keys, facts, answers to hidden questions.
pub fn check_all(procedure: &Procedure, schemes: &[Scheme], answers: &Answers) -> Checked {
    let mut checked = Checked {
        answers: Answers::new(),
        errors: Vec::new(),
    };
    for step in &procedure.steps {
        for field in step.fields.iter().filter(|field| field.is_asked()) {
            let asked = procedure
                .visible_fields(step, &checked.answers)
                .any(|f| f.key == field.key);
            if !asked {
                continue;
            }
            if let Some(answer) = answers.get(&field.key) {
                checked.answers.insert(field.key.clone(), answer.clone());
            }
            check_into(&mut checked, field, schemes);
        }
    }
    checked
}

fn check_into(checked: &mut Checked, field: &Field, schemes: &[Scheme]) {
    let typed = checked.answers.get(&field.key).map_or("", String::as_str);
    match check(field, schemes, typed) {
        Ok(plain) if plain.is_empty() => drop(checked.answers.remove(&field.key)),
        Ok(plain) => drop(checked.answers.insert(field.key.clone(), plain)),
        Err((key, args)) => {
            checked.errors.push(FieldError {
                field: field.key.clone(),
                key,
                args,
            });
        }
    }
}

type Wrong = (&'static str, Vec<(&'static str, String)>);

fn wrong<T>(key: &'static str) -> Result<T, Wrong> {
    Err((key, Vec::new()))
}

/// One answer in plain form.
fn check(field: &Field, schemes: &[Scheme], typed: &str) -> Result<String, Wrong> {
    if typed.chars().count() > ANSWER_CHARS_MAX {
        return Err(too_long(ANSWER_CHARS_MAX));
    }
    let text = typed.trim();
    if text.is_empty() {
        return if field.required {
            wrong(missing(field.kind))
        } else {
            Ok(String::new())
        };
    }
    match field.kind {
        FieldKind::Text | FieldKind::Address => line(field, text),
        FieldKind::LongText => lines(field, text),
        FieldKind::Number => number(field, text),
        FieldKind::Choice => choice(field, text),
        FieldKind::Date => date(text),
        FieldKind::Ubigeo => ubigeo(field, text),
        FieldKind::Identifier => identifier(field, schemes, text),
        FieldKind::Phone => phone(text),
        FieldKind::Email => email(text),
        FieldKind::YesNo => yes_no(text),
        FieldKind::Declaration => declaration(text),
        FieldKind::File => file(text),
    }
}

fn missing(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Choice | FieldKind::YesNo => "workflow-error-choose",
        FieldKind::Declaration => "workflow-error-declare",
        FieldKind::File => "workflow-error-file-missing",
        _ => "workflow-error-required",
    }
}

fn too_long(max: usize) -> Wrong {
    ("workflow-error-too-long", vec![("max", max.to_string())])
}

fn lines(field: &Field, text: &str) -> Result<String, Wrong> {
    let max = usize::try_from(field.chars_max.unwrap_or(LINE_CHARS_MAX)).unwrap_or(usize::MAX);
    if text.chars().count() > max {
        return Err(too_long(max));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return wrong("workflow-error-characters");
    }
    Ok(text.to_owned())
}

fn line(field: &Field, text: &str) -> Result<String, Wrong> {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    lines(field, &joined)
}

fn number(field: &Field, text: &str) -> Result<String, Wrong> {
    let grouping = |c: &char| matches!(c, ' ' | '\u{a0}' | '\u{202f}');
    let plain: String = text.chars().filter(|c| !grouping(c)).collect();
    let Ok(number) = plain.parse::<i64>() else {
        return wrong("workflow-error-number");
    };
    let (min, max) = (field.min.unwrap_or(i64::MIN), field.max.unwrap_or(i64::MAX));
    if number < min || number > max {
        let args = vec![("min", min.to_string()), ("max", max.to_string())];
        return Err(("workflow-error-range", args));
    }
    Ok(number.to_string())
}

fn choice(field: &Field, text: &str) -> Result<String, Wrong> {
    match field.choices.iter().any(|choice| choice.value == text) {
        true => Ok(text.to_owned()),
        false => wrong("workflow-error-choose"),
    }
}

fn date(text: &str) -> Result<String, Wrong> {
    let plain = text.len() == 10 && text.is_ascii();
    match text.parse::<Date>() {
        Ok(date) if plain => Ok(date.to_string()),
        _ => wrong("workflow-error-date"),
    }
}

fn ubigeo(field: &Field, text: &str) -> Result<String, Wrong> {
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return wrong("workflow-error-place");
    }
    match field
        .within
        .as_deref()
        .is_none_or(|prefix| text.starts_with(prefix))
    {
        true => Ok(text.to_owned()),
        false => wrong("workflow-error-place-outside"),
    }
}

fn identifier(field: &Field, schemes: &[Scheme], text: &str) -> Result<String, Wrong> {
    let name = field.scheme.as_deref().unwrap_or("");
    // A procedure that names a scheme this country lacks is refused when the workflow is made.
    let Some(scheme) = schemes.iter().find(|scheme| scheme.name == name) else {
        return wrong("workflow-error-number");
    };
    let args = || {
        vec![
            ("name", name.to_owned()),
            ("digits", (scheme.digits + 1).to_string()),
        ]
    };
    scheme.parse(text).map_err(|bad| match bad {
        BadNumber::Shape => ("workflow-error-identifier-shape", args()),
        BadNumber::Prefix => ("workflow-error-identifier-prefix", args()),
        BadNumber::Check => ("workflow-error-identifier-check", args()),
    })
}

fn phone(text: &str) -> Result<String, Wrong> {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.'))
        .collect();
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    let fits = (6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fits {
        Ok(plain)
    } else {
        wrong("workflow-error-phone")
    }
}

fn email(text: &str) -> Result<String, Wrong> {
    let fits = text.split_once('@').is_some_and(|(name, host)| {
        let inner = host.trim_matches('.');
        !name.is_empty() && inner == host && host.contains('.') && !host.contains("..")
    });
    let odd = text.len() > 254 || text.chars().any(|c| c.is_whitespace() || c.is_control());
    let one_sign = text.matches('@').count() == 1;
    if fits && one_sign && !odd {
        Ok(text.to_owned())
    } else {
        wrong("workflow-error-email")
    }
}

fn yes_no(text: &str) -> Result<String, Wrong> {
    if matches!(text, "yes" | "no") {
        Ok(text.to_owned())
    } else {
        wrong("workflow-error-choose")
    }
}

fn declaration(text: &str) -> Result<String, Wrong> {
    if text == "yes" {
        Ok(text.to_owned())
    } else {
        wrong("workflow-error-declare")
    }
}

/// An uploaded file stands in the answers by the identifier that `documents` gave it.
fn file(text: &str) -> Result<String, Wrong> {
    match text.parse::<Id>() {
        Ok(id) => Ok(id.to_string()),
        Err(_) => wrong("workflow-error-file-missing"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::procedure::Risk;

    #[derive(Deserialize)]
    struct Schemes {
        scheme: Vec<Scheme>,
    }

    fn schemes() -> Vec<Scheme> {
        let text = include_str!("../../../country/pe/identifiers.toml");
        toml::from_str::<Schemes>(text)
            .expect("the country's numbers")
            .scheme
    }

    fn licence() -> Procedure {
        let text = include_str!("../../../country/pe/procedures/licencia-de-funcionamiento.toml");
        Procedure::parse(text).expect("the country's procedure")
    }

    fn answers(pairs: &[(&str, &str)]) -> Answers {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Field, what is typed, and either `=` and the plain form or the key of the error.
    const TABLE: [(&str, &str, &str); 27] = [
        ("ruc", "20131380951", "=20131380951"),
        ("ruc", " 20-13138095-1 ", "=20131380951"),
        ("ruc", "20131380952", "workflow-error-identifier-check"),
        ("ruc", "30131380951", "workflow-error-identifier-prefix"),
        ("ruc", "2013138095", "workflow-error-identifier-shape"),
        ("ruc", "", "workflow-error-required"),
        ("holder", "firm", "=firm"),
        ("holder", "somebody", "workflow-error-choose"),
        ("trade-name", "  Sumaq   Mikhuna ", "=Sumaq Mikhuna"),
        ("trade-name", "a\u{7}b", "workflow-error-characters"),
        ("area", "1 200", "=1200"),
        ("area", "0", "workflow-error-range"),
        ("area", "80.5", "workflow-error-number"),
        ("area", "99999999999999999999", "workflow-error-number"),
        ("phone", "+51 984 000 111", "=+51984000111"),
        ("phone", "984-000", "=984000"),
        ("phone", "nine", "workflow-error-phone"),
        ("phone", "", "="),
        ("email", "rosa@example.org", "=rosa@example.org"),
        ("email", "rosa@example", "workflow-error-email"),
        ("email", "ro sa@example.org", "workflow-error-email"),
        ("email", "a@b@example.org", "workflow-error-email"),
        ("monument", "maybe", "workflow-error-choose"),
        ("truth-declaration", "no", "workflow-error-declare"),
        ("truth-declaration", "", "workflow-error-declare"),
        ("floor-plan", "", "workflow-error-file-missing"),
        (
            "floor-plan",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "=01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ),
    ];

    #[test]
    fn answers_are_checked_one_by_one() {
        let (procedure, schemes) = (licence(), schemes());
        for (key, typed, expected) in TABLE {
            let field = procedure.field(key).expect(key);
            let got = match check(field, &schemes, typed) {
                Ok(plain) => format!("={plain}"),
                Err((key, _)) => key.to_owned(),
            };
            assert_eq!(got, expected, "{key} {typed:?}");
        }
        let long = check(
            procedure.field("trade-name").expect("there"),
            &schemes,
            &"ñ".repeat(81),
        );
        assert_eq!(
            long,
            Err(("workflow-error-too-long", vec![("max", "80".to_owned())]))
        );
    }

    #[test]
    fn days_and_places_are_exact() {
        assert_eq!(date("2026-02-28"), Ok("2026-02-28".to_owned()));
        assert!(date("2026-02-30").is_err() && date("28/02/2026").is_err());
        let mut field = licence().field("area").expect("there").clone();
        field.within = Some("0813".into());
        assert_eq!(ubigeo(&field, "081306"), Ok("081306".to_owned()));
        assert_eq!(
            ubigeo(&field, "080101").map_err(|e| e.0),
            Err("workflow-error-place-outside")
        );
        assert_eq!(
            ubigeo(&field, "8130").map_err(|e| e.0),
            Err("workflow-error-place")
        );
    }

    fn whole() -> Answers {
        answers(&[
            ("holder", "firm"),
            ("ruc", "20131380951"),
            ("trade-name", "Sumaq Mikhuna"),
            ("activity", "restaurante"),
            ("area", "80"),
            ("floors", "1"),
            ("capacity", "30"),
            ("place-address", "Calle del Medio s/n"),
            ("place-tenure", "rented"),
            ("monument", "no"),
            ("safety-declaration", "yes"),
            ("truth-declaration", "yes"),
        ])
    }

    #[test]
    fn a_whole_application_passes_and_foreign_answers_are_dropped() {
        let procedure = licence();
        let mut typed = whole();
        typed.insert("applicant-name".into(), "Somebody Else".into());
        typed.insert("nonsense".into(), "x".into());
        typed.insert("floor-plan".into(), "not asked at this risk".into());
        let checked = check_all(&procedure, &schemes(), &typed);
        assert_eq!(checked.errors, []);
        assert_eq!(checked.answers, whole());
        assert_eq!(procedure.risk_of(&checked.answers), Risk::Medium);
    }

    #[test]
    fn a_higher_risk_asks_for_papers() {
        let mut typed = whole();
        typed.insert("capacity".into(), "51".into());
        let checked = check_all(&licence(), &schemes(), &typed);
        let fields: Vec<&str> = checked
            .errors
            .iter()
            .map(|error| error.field.as_str())
            .collect();
        assert_eq!(fields, ["floor-plan", "safety-plan"]);
        assert!(!checked.answers.contains_key("safety-declaration"));
    }

    #[test]
    fn a_step_keeps_what_was_typed() {
        let procedure = licence();
        let step = procedure.step("business").expect("there");
        let typed = answers(&[("trade-name", " Sumaq  Mikhuna"), ("area", "big")]);
        let checked = check_step(&procedure, step, &schemes(), &typed);
        assert_eq!(checked.answers["area"], "big");
        assert_eq!(checked.answers["trade-name"], "Sumaq Mikhuna");
        let keys: Vec<&str> = checked
            .errors
            .iter()
            .map(|error| error.field.as_str())
            .collect();
        assert_eq!(keys, ["activity", "area", "floors", "capacity"]);
    }
}
