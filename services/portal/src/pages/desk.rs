//! The official's desk: cases by deadline, each with its cord, and filters.

use maud::{Markup, html};
use web::{Page, Visit};

use super::parts;
use crate::views::{CaseCard, Filter};

/// The desk.
pub fn desk(visit: &Visit, filter: Filter, cards: &[CaseCard]) -> Page {
    let shown: Vec<&CaseCard> = cards
        .iter()
        .filter(|card| filter.shows(card.stage))
        .collect();
    let body = html! {
        (filters(visit, filter, cards))
        @if shown.is_empty() { p.lead { (visit.t("portal-desk-none")) } }
        @else {
            p.soft { (visit.t("portal-desk-order")) }
            ul.list { @for card in shown { (parts::case_line(visit, card, true)) } }
        }
    };
    Ok(web::page(visit, &visit.t("portal-desk-title"), body))
}

fn filters(visit: &Visit, now: Filter, cards: &[CaseCard]) -> Markup {
    html! {
        nav.picks aria-label=(visit.t("portal-desk-filters")) {
            @for filter in Filter::ALL {
                @let count = cards.iter().filter(|card| filter.shows(card.stage)).count();
                a href=(format!("/desk?show={}", filter.word()))
                    aria-current=[(filter == now).then_some("page")] {
                    (visit.t(&format!("portal-desk-{}", filter.word()))) " " span.tag { (count) }
                }
            }
        }
    }
}
