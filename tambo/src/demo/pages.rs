//! The demo's own page: who is who with one click to act as them, and the country's clock with a control.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use kernel::Clock;
use maud::html;
use serde::Deserialize;
use town::Population;
use web::parts::{Tone, button_named, button_quiet};
use web::{Audience, Form, Page, Room, Routes, Visit, csrf_field};

use super::{Leap, plan};
use crate::house::House;

/// Farthest that one click moves the clock, in days.
const DAYS_MAX: i64 = 60;

const TEXTS: &[(kernel::Locale, &str)] = &[
    (kernel::Locale::Es, include_str!("texts/es.ftl")),
    (kernel::Locale::Qu, include_str!("texts/qu.ftl")),
    (kernel::Locale::En, include_str!("texts/en.ftl")),
];

#[derive(Clone)]
struct Demo {
    identity: identity::Identity,
    leap: Arc<Leap>,
}

/// The room, for the municipality only.
pub fn room(house: &House, leap: &Arc<Leap>) -> Vec<Room> {
    if house.ground.settings.body.code != plan::OFFICE {
        return Vec::new();
    }
    let demo = Demo {
        identity: house.identity.clone(),
        leap: leap.clone(),
    };
    let routes = Routes::new().get("/demo", show).post("/demo/clock", shift);
    let room = Room::new("demo")
        .routes(routes.with_state(demo))
        .texts(TEXTS);
    vec![room.menu("/demo", "demo-menu", Audience::Everybody)]
}

async fn show(visit: Visit, State(demo): State<Demo>) -> Page {
    let population = Population::demo();
    let now = demo.leap.clock.now();
    let accounts: BTreeMap<String, String> = demo
        .identity
        .people()
        .await?
        .into_iter()
        .map(|listed| (listed.subject, listed.account))
        .collect();
    let people = population
        .people
        .iter()
        .filter(|person| person.story.is_some());
    let (officials, citizens): (Vec<_>, Vec<_>) = people.partition(|person| person.post.is_some());
    let card = |person: &town::people::Person| {
        html! {
            li.card {
                h3 { (person.full_name()) }
                p { (visit.t(&format!("demo-story-{}", person.dni))) }
                form method="post" action="/sign-in/practice" {
                    (csrf_field(&visit))
                    input type="hidden" name="account" value=(accounts.get(&person.dni).map_or("", String::as_str));
                    (button_quiet(&visit.tt("demo-enter", &[("name", person.given_names.clone().into())])))
                }
            }
        }
    };
    let body = html! {
        p { (visit.t("demo-lead")) }
        h2 { (visit.t("demo-citizens")) }
        ul.grid { @for person in citizens { (card(person)) } }
        h2 { (visit.t("demo-officials")) }
        ul.grid { @for person in officials { (card(person)) } }
        h2 id="clock" { (visit.t("demo-clock")) }
        p { (visit.t("demo-clock-now")) " " strong { (visit.date_time(now)) } }
        form method="post" action="/demo/clock" {
            (csrf_field(&visit))
            @for days in [1, 3, 10, 30] {
                (button_named(Tone::Info, "days", &days.to_string(), &visit.tt("demo-clock-forward", &[("days", days.into())])))
                " "
            }
        }
        p { (visit.t("demo-clock-why")) }
    };
    Ok(web::page(&visit, &visit.t("demo-title"), body))
}

#[derive(Deserialize)]
struct Shift {
    days: i64,
}

async fn shift(State(demo): State<Demo>, Form(form): Form<Shift>) -> Page {
    demo.leap.by(form.days.clamp(0, DAYS_MAX) * 86_400).await?;
    Ok(Redirect::to("/demo#clock").into_response())
}
