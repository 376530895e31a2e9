//! My cases: drafts first, then what waits for me, then the rest.

use maud::html;
use web::parts::{Tone, link_button, link_quiet, notice};
use web::{Page, Visit};

use super::parts;
use crate::views::{CaseCard, Stage};

/// The list of a person's cases; `saved` tells that a form was just put aside, `older` leads to the ones before.
pub fn cases(visit: &Visit, cards: &[CaseCard], saved: bool, older: Option<&str>) -> Page {
    let group = |want: fn(Stage) -> bool| {
        cards
            .iter()
            .filter(move |card| want(card.stage))
            .collect::<Vec<_>>()
    };
    let groups = [
        (
            "portal-cases-yours",
            group(|stage| matches!(stage, Stage::Draft | Stage::Observed)),
        ),
        (
            "portal-cases-ours",
            group(|stage| matches!(stage, Stage::Filed | Stage::Received | Stage::Review)),
        ),
        ("portal-cases-done", group(|stage| stage >= Stage::Granted)),
    ];
    let body = html! {
        @if saved { div role="status" { (notice(Tone::Good, "", html! { p { (visit.t("portal-saved-later")) } })) } }
        @if cards.is_empty() {
            p.lead { (visit.t("portal-cases-none")) }
            p { (link_button("/procedures", &visit.t("portal-home-start"))) }
        }
        @for (title, cards) in &groups {
            @if !cards.is_empty() {
                h2 { (visit.t(title)) }
                ul.list { @for card in cards { (parts::case_line(visit, card, false)) } }
            }
        }
        @if let Some(older) = older { p.actions { (link_quiet(older, &visit.t("portal-cases-older"))) } }
    };
    Ok(web::page(visit, &visit.t("portal-cases-title"), body))
}
