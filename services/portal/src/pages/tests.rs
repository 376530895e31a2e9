//! Every page in every language: it renders, it is sound HTML for a screen reader, and it fits the first flight.
//!
//! With `TAMBO_PAGES=<folder>` the pages are also written there, to be looked at.

use std::io::Write;

use http_body_util::BodyExt;
use kernel::{Actor, Assurance, Locale, Role};
use web::{Page, Room, Visit};

use super::samples;
use crate::views::Stage;

/// A first flight of ten segments holds about this much after TLS and headers.
const FIRST_FLIGHT_BYTES: usize = 13_000;

fn room() -> Room {
    Room::new("portal").texts(crate::TEXTS).menu(
        "/procedures",
        "portal-menu-procedures",
        web::Audience::Everybody,
    )
}

fn actor(official: bool) -> Actor {
    let rights = vec!["case.read".to_owned(), "case.decide".to_owned()];
    Actor {
        account: "a".into(),
        subject: "99000011".into(),
        name: "Rosa Quispe Mamani".into(),
        role: if official {
            Role::Official {
                post: "licencias".into(),
                rights,
            }
        } else {
            Role::Person
        },
        assurance: Assurance::High,
    }
}

type Render = fn(&Visit) -> Page;

const PAGES: [(&str, bool, Render); 15] = [
    ("home", false, |visit| {
        super::home::home(visit, &[samples::card()])
    }),
    ("home-official", true, |visit| super::home::home(visit, &[])),
    ("catalogue", false, |visit| {
        super::catalogue::catalogue(visit, &[samples::card()])
    }),
    ("procedure", false, |visit| {
        super::procedure::procedure(visit, &samples::procedure())
    }),
    ("step", false, |visit| {
        super::form::form(visit, &samples::step())
    }),
    ("check", false, |visit| {
        super::check::check(visit, &samples::check())
    }),
    ("receipt", false, |visit| {
        super::receipt::receipt(visit, &samples::receipt())
    }),
    ("cases", false, |visit| {
        super::cases::cases(visit, &samples::cards(), true, Some("/cases?before=01"))
    }),
    ("cases-none", false, |visit| {
        super::cases::cases(visit, &[], false, None)
    }),
    ("case-observed", false, |visit| {
        super::case::case(visit, &samples::case(Stage::Observed))
    }),
    ("case-granted", false, |visit| {
        super::case::case(visit, &samples::case(Stage::Granted))
    }),
    ("my-data", false, |visit| {
        super::my_data::my_data(visit, &samples::looks())
    }),
    ("desk", true, |visit| {
        super::desk::desk(visit, &samples::desk(samples::cards()))
    }),
    ("desk-none", true, |visit| {
        super::desk::desk(visit, &samples::desk(Vec::new()))
    }),
    ("desk-case", true, |visit| {
        super::desk_case::desk_case(visit, &samples::desk_case())
    }),
];

async fn render(render: Render, official: bool, locale: Locale) -> String {
    let visit = web::testing::visit(&[room()], locale, Some(actor(official)));
    let response = render(&visit).expect("a sample has no fault");
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body in memory")
        .to_bytes();
    String::from_utf8(body.to_vec()).expect("pages are UTF-8")
}

#[tokio::test]
async fn who_was_asked_about_reads_the_law_that_allows_it() {
    let shown: Render = |visit| super::my_data::my_data(visit, &samples::looks());
    for (locale, words) in [
        (Locale::Es, "Lo permite: Ley 28976, art. 8"),
        (Locale::En, "Allowed by: Ley 28976, art. 8"),
    ] {
        let page = render(shown, false, locale).await;
        assert!(page.contains(words), "{page}");
    }
}

fn compressed(text: &str) -> usize {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder
        .write_all(text.as_bytes())
        .expect("writes to memory");
    encoder.finish().expect("writes to memory").len()
}

#[tokio::test]
async fn every_page_renders_in_every_language_and_fits_the_first_flight() {
    let folder = std::env::var("TAMBO_PAGES").ok();
    for (name, official, page) in PAGES {
        for locale in Locale::ALL {
            let text = render(page, official, locale).await;
            let bytes = compressed(&text);
            assert!(
                bytes <= FIRST_FLIGHT_BYTES,
                "{name} in {locale}: {bytes} bytes compressed"
            );
            assert_eq!(text.matches("<h1").count(), 1, "{name}: one h1");
            assert!(
                !text.contains(" style=\""),
                "{name}: the content policy refuses style attributes"
            );
            assert!(
                !text.contains("portal-"),
                "{name} in {locale}: a text key is shown"
            );
            ids_are_unique(name, &text);
            if let Some(folder) = &folder {
                std::fs::write(format!("{folder}/{name}.{locale}.html"), &text).expect("writes");
                println!("{name}.{locale}: {} bytes, {bytes} compressed", text.len());
            }
        }
    }
}

fn ids_are_unique(name: &str, text: &str) {
    let mut seen = std::collections::BTreeSet::new();
    for id in text
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(seen.insert(id), "{name}: the id {id} is there twice");
    }
    for target in text
        .split(" for=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(
            seen.contains(target),
            "{name}: a label for {target}, which is not there"
        );
    }
}

#[tokio::test]
async fn a_wrong_answer_is_told_first_and_in_the_title() {
    let text = render(
        |visit| super::form::form(visit, &samples::step()),
        false,
        Locale::Es,
    )
    .await;
    assert!(text.contains("<title>Error: El local"));
    assert!(text.contains("href=\"#f-area\"") && text.contains("aria-invalid=\"true\""));
    assert!(text.contains("value=\"ochenta\""), "what was typed stays");
    let kept = text.find("guardamos lo que escribió").expect("the notice");
    assert!(text.find("data-error-summary").expect("the summary") < kept);
}

#[tokio::test]
async fn a_refused_fact_is_never_shown_as_stated() {
    let text = render(
        |visit| super::desk_case::desk_case(visit, &samples::desk_case()),
        true,
        Locale::Es,
    )
    .await;
    assert!(text.contains("1 dato rechazado") && text.contains("Respuesta rechazada"));
    assert!(text.contains("class=\"tag bad\""));
}

#[test]
fn all_languages_hold_the_same_texts() {
    web::texts::check("portal", crate::TEXTS).expect("same keys");
}
