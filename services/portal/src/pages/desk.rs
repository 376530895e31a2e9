//! The official's desk: cases by deadline, each with its cord, and filters.

use maud::{Markup, html};
use web::parts::pages;
use web::{Page, Visit};

use super::parts;
use crate::views::DeskPage;

/// The desk.
pub fn desk(visit: &Visit, view: &DeskPage) -> Page {
    let body = html! {
        (filters(visit, view))
        @if view.late > 0 {
            div.n.bad { p { strong { (visit.tt("portal-desk-late", &[("count", view.late.into())])) } } }
        }
        @if view.cards.is_empty() { p.lead { (visit.t("portal-desk-none")) } }
        @else {
            h2.vh { (visit.t("portal-desk-list")) }
            p.soft { (visit.t("portal-desk-order")) }
            ul.list { @for card in &view.cards { (parts::case_line(visit, card, true)) } }
        }
        (pages(visit, None, view.next.as_deref()))
    };
    Ok(web::page(visit, &visit.t("portal-desk-title"), body))
}

fn filters(visit: &Visit, view: &DeskPage) -> Markup {
    html! {
        nav.picks aria-label=(visit.t("portal-desk-filters")) {
            @for (filter, count) in &view.counts {
                a href=(format!("/desk?show={}", filter.word()))
                    aria-current=[(*filter == view.filter).then_some("page")] {
                    (visit.t(&format!("portal-desk-{}", filter.word()))) " " span.tag { (visit.number(*count)) }
                }
            }
        }
    }
}
