//! The country's procedure reads as intended, and each kind of mistake in such a file is named.

use std::collections::BTreeMap;

use super::*;

pub const LICENCE: &str =
    include_str!("../../../../country/pe/procedures/licencia-de-funcionamiento.toml");

fn licence() -> Procedure {
    Procedure::parse(LICENCE).expect("the country's procedure")
}

fn answers(pairs: &[(&str, &str)]) -> Answers {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn business(activity: &str, area: &str, floors: &str, capacity: &str) -> Answers {
    answers(&[
        ("activity", activity),
        ("area", area),
        ("floors", floors),
        ("capacity", capacity),
    ])
}

#[test]
fn risk_follows_the_table() {
    let procedure = licence();
    let table = [
        (business("bodega", "50", "1", "20"), Risk::Low),
        (business("bodega", "51", "1", "20"), Risk::Medium),
        (business("bodega", "50", "2", "20"), Risk::Medium),
        (business("restaurante", "80", "1", "50"), Risk::Medium),
        (business("restaurante", "80", "1", "51"), Risk::High),
        (business("oficina", "40", "5", "10"), Risk::High),
        (business("artesania", "751", "1", "10"), Risk::High),
        (business("discoteca", "40", "1", "10"), Risk::VeryHigh),
        (business("bodega", "no number", "1", "20"), Risk::Medium),
        (Answers::new(), Risk::Medium),
    ];
    for (answers, expected) in table {
        assert_eq!(procedure.risk_of(&answers), expected, "{answers:?}");
    }
    assert_eq!(Risk::ALL.map(|risk| procedure.days(risk)), [2, 2, 8, 8]);
}

#[test]
fn what_is_asked_depends_on_earlier_answers() {
    let procedure = licence();
    let asks =
        |answers: &Answers, key: &str| procedure.asked(answers).any(|field| field.key == key);
    let own = answers(&[("holder", "self")]);
    let firm = answers(&[("holder", "firm")]);
    assert!(!asks(&own, "power-representative") && asks(&firm, "power-representative"));
    let calm = business("artesania", "40", "1", "10");
    let risky = business("discoteca", "40", "1", "10");
    assert!(asks(&calm, "safety-declaration") && !asks(&calm, "floor-plan"));
    assert!(!asks(&risky, "safety-declaration") && asks(&risky, "floor-plan"));
}

#[test]
fn nothing_that_a_registry_states_is_asked() {
    let procedure = licence();
    let facts: Vec<&FactOrigin> = procedure.fields().filter_map(|f| f.fact.as_ref()).collect();
    let services = ["persona", "contribuyente", "vigencia-de-poder"];
    assert!(
        services
            .iter()
            .all(|code| facts.iter().any(|origin| origin.service == *code))
    );
    let asked: Vec<&str> = procedure
        .fields()
        .filter(|f| f.is_asked())
        .map(|f| f.key.as_str())
        .collect();
    assert!(
        !asked
            .iter()
            .any(|key| key.starts_with("applicant-") || key.starts_with("firm-"))
    );
}

/// What is replaced in the real file, by what, and what the error must say.
const MISTAKES: [(&str, &str, &str); 14] = [
    (
        "notification_days = 5",
        "notificaton_days = 5",
        "did you mean \"notification_days\"?",
    ),
    (
        "chars_max = 80",
        "chars_mx = 80",
        "did you mean \"chars_max\"?",
    ),
    (
        "key = \"area\", above = 750",
        "key = \"aera\", above = 750",
        "did you mean \"area\"?",
    ),
    (
        "is = \"hospedaje\"",
        "is = \"hospedage\"",
        "did you mean \"hospedaje\"?",
    ),
    (
        "subject = \"trade-name\"",
        "subject = \"tradename\"",
        "did you mean \"trade-name\"?",
    ),
    (
        "about = \"ruc\"",
        "about = \"ruk\"",
        "did you mean \"ruc\"?",
    ),
    (
        "field = \"power-state\"",
        "field = \"power-stat\"",
        "did you mean \"power-state\"?",
    ),
    (
        "value = \"{case.number}\"",
        "value = \"{case.nummer}\"",
        "did you mean \"case.number\"?",
    ),
    (
        "id = \"silence\"",
        "id = \"silense\"",
        "the template \"silence\" is missing",
    ),
    (
        "risk = \"high\"\ndays = 8",
        "risk = \"low\"\ndays = 8",
        "two time limits",
    ),
    ("\ndays = 2", "\ndays = 0", "at least one business day"),
    ("key = \"floors\"\n", "key = \"area\"\n", "used twice"),
    ("qu = \"Qanmanta\"", "qu = \" \"", "the qu text"),
    ("key = \"phone\"", "key = \"Phone\"", "a-z"),
];

#[test]
fn mistakes_are_named() {
    for (right, mistake, expected) in MISTAKES {
        assert!(LICENCE.contains(right), "the table is out of date: {right}");
        let parsed = Procedure::parse(&LICENCE.replacen(right, mistake, 1)).map(drop);
        let error = parsed.expect_err(mistake);
        assert!(error.to_string().contains(expected), "{mistake}: {error}");
    }
}

#[test]
fn a_condition_may_not_look_ahead() {
    let text = LICENCE.replacen(
        "key = \"ruc\"\n",
        "key = \"ruc\"\nshow_when = [{ key = \"area\", above = 1 }]\n",
        1,
    );
    let error = Procedure::parse(&text)
        .map(drop)
        .expect_err("area is asked later");
    assert!(
        error.to_string().contains("not an earlier field"),
        "{error}"
    );
}

#[test]
fn documents_never_show_a_placeholder() {
    let procedure = licence();
    let values: BTreeMap<String, String> = [
        ("case.number", "0001-2026"),
        ("trade-name", "Sumaq {Mikhuna}"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    for template in &procedure.templates {
        for locale in Locale::ALL {
            let filled = template.fill(locale, &values);
            assert!(!filled.is_empty(), "{}", template.id);
            let shown = filled
                .iter()
                .map(|part| part.text.clone() + part.value.as_deref().unwrap_or(""));
            let text = shown.collect::<String>().replace("Sumaq {Mikhuna}", "");
            assert!(!text.contains(['{', '}']), "{}: {text}", template.id);
        }
    }
    let receipt = procedure
        .template("receipt")
        .expect("there")
        .fill(Locale::Es, &values);
    assert!(
        receipt
            .iter()
            .any(|part| part.value.as_deref() == Some("Sumaq {Mikhuna}"))
    );
    assert!(
        !receipt
            .iter()
            .any(|part| part.text == "Dirección del local"),
        "an empty row is left out"
    );
}
