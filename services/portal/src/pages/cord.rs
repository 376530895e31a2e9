//! The law's clock drawn as a knotted cord: a knot for each business day, as the quipus kept counts.
//!
//! Read by the receipt, the case pages and the desk. It promises a picture with its words beside it, so that nothing is
//! told by colour or form alone; it needs no script and no style attribute.

use maud::{Markup, html};
use web::Visit;

use crate::domain::{ClockView, Knot, Urgency};

/// A day's share of the drawing, in its own units; even, so that a knot sits in the middle.
const STEP: usize = 2;

/// The cord with its words: days left, presented on, decided until.
pub fn cord(visit: &Visit, clock: &ClockView) -> Markup {
    html! {
        figure.cord data-urgency=(word(clock.urgency())) {
            figcaption { strong { (left(visit, clock)) } }
            (drawing(clock))
            div.ends {
                span { (visit.t("portal-cord-presented")) br; (visit.date(clock.presented)) }
                @if !clock.paused && !clock.over {
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
        Urgency::Over => visit.tt(
            "portal-cord-over",
            &[
                ("used", i64::from(clock.used).into()),
                ("days", i64::from(clock.days).into()),
            ],
        ),
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
    // Knots of one kind share one path, which keeps a page with fifty cords small.
    let path = |kind| path(&knots, kind);
    let (past, ahead, today) = (path(Knot::Past), path(Knot::Ahead), path(Knot::Today));
    let width = knots.len() * STEP;
    // The drawing stretches to the width of the page; strokes keep their size, so that knots stay round.
    html! {
        svg viewBox=(format!("0 0 {width} 2")) preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            path d=(format!("M0 1H{width}")) {}
            @if !past.is_empty() { path.past d=(past) {} }
            @if !ahead.is_empty() { path.ahead d=(ahead) {} }
            @if !today.is_empty() { path.today d=(today) {} }
        }
    }
}

/// A zero-length stroke with a round cap is a dot: `M1 1h0` for each knot, in the middle of its day.
fn path(knots: &[Knot], kind: Knot) -> String {
    let mut path = String::new();
    for (at, _) in knots.iter().enumerate().filter(|(_, knot)| **knot == kind) {
        path.push_str(&format!("M{} 1h0", at * STEP + STEP / 2));
    }
    path
}
