//! The law's clock drawn as a knotted cord: a knot for each business day, as the quipus kept counts.
//!
//! Read by the receipt, the case pages and the desk. It promises a picture with its words beside it, so that nothing is
//! told by colour or form alone; it needs no script and no style attribute.

use maud::{Markup, html};
use web::Visit;

use crate::domain::{ClockView, Knot, Urgency};

/// Distance between two knots in the drawing's own units.
const STEP: usize = 20;

/// The cord with its words: days left, presented on, decided until.
pub fn cord(visit: &Visit, clock: &ClockView) -> Markup {
    html! {
        figure.cord data-urgency=(word(clock.urgency())) {
            figcaption { strong { (left(visit, clock)) } }
            (drawing(clock))
            div.ends {
                span { (visit.t("portal-cord-presented")) br; (visit.date(clock.presented)) }
                @if !clock.paused {
                    span { (visit.t("portal-cord-due")) br; strong { (visit.weekday_date(clock.due)) } }
                }
            }
        }
    }
}

/// The small cord of a list, with its words.
pub fn meter(visit: &Visit, clock: &ClockView) -> Markup {
    html! {
        div.strip data-urgency=(word(clock.urgency())) { (drawing(clock)) span { (left(visit, clock)) } }
    }
}

/// How many days are left, in words.
pub fn left(visit: &Visit, clock: &ClockView) -> String {
    match clock.urgency() {
        Urgency::Over => visit.t("portal-cord-over"),
        Urgency::Paused => visit.t("portal-cord-paused"),
        Urgency::Late => visit.t("portal-cord-late"),
        Urgency::Soon | Urgency::Calm => visit.tt(
            "portal-cord-left",
            &[
                ("left", clock.left().into()),
                ("days", i64::from(clock.days).into()),
            ],
        ),
    }
}

const fn word(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Calm => "calm",
        Urgency::Soon => "soon",
        Urgency::Late => "late",
        Urgency::Paused => "paused",
        Urgency::Over => "over",
    }
}

fn drawing(clock: &ClockView) -> Markup {
    let knots = clock.knots();
    let width = knots.len() * STEP + STEP;
    // Knots of one kind share one path, which keeps a page with fifty cords small.
    let past = path(&knots, Knot::Past);
    let ahead = path(&knots, Knot::Ahead);
    let today = path(&knots, Knot::Today);
    html! {
        svg viewBox=(format!("0 0 {width} 24")) aria-hidden="true" focusable="false" {
            path.line d=(format!("M0 12H{width}")) {}
            @if !past.is_empty() { path.past d=(past) {} }
            @if !ahead.is_empty() { path.ahead d=(ahead) {} }
            @if !today.is_empty() { path.today d=(today) {} }
        }
    }
}

/// A zero-length stroke with a round cap is a dot: `M10 12h0` for each knot.
fn path(knots: &[Knot], kind: Knot) -> String {
    let mut path = String::new();
    for (at, _) in knots.iter().enumerate().filter(|(_, knot)| **knot == kind) {
        path.push_str(&format!("M{} 12h0", STEP + at * STEP));
    }
    path
}
