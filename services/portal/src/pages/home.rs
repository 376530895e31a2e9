//! The first page: what one can do here, as few and large choices.

use maud::{Markup, html};
use web::parts::card;
use web::{Page, Visit};

use crate::views::ProcedureCard;

/// The first page. An official sees the way to the desk first.
pub fn home(visit: &Visit, procedures: &[ProcedureCard]) -> Page {
    let official = visit
        .actor
        .as_ref()
        .is_some_and(|actor| actor.may("case.read"));
    let body = html! {
        p.lead { (visit.t("portal-home-lead")) }
        h2.vh { (visit.t("portal-home-choices")) }
        ul.grid.two {
            @if official { (choice(visit, "/desk", "portal-home-desk", "portal-home-desk-why")) }
            (choice(visit, "/procedures", "portal-home-start", "portal-home-start-why"))
            (choice(visit, "/cases", "portal-home-cases", "portal-home-cases-why"))
            (choice(visit, "/my-data", "portal-home-looks", "portal-home-looks-why"))
            (choice(visit, "/verify", "portal-home-verify", "portal-home-verify-why"))
        }
        @if !procedures.is_empty() {
            h2 { (visit.t("portal-home-often")) }
            (super::catalogue::list(visit, procedures))
        }
        h2 { (visit.t("portal-home-how")) }
        ol.way {
            @for step in ["portal-home-how-1", "portal-home-how-2", "portal-home-how-3", "portal-home-how-4"] {
                li { (visit.t(step)) }
            }
        }
    };
    Ok(web::page(visit, &visit.t("portal-home-title"), body))
}

fn choice(visit: &Visit, path: &str, title: &str, why: &str) -> Markup {
    card(path, &visit.t(title), html! { p { (visit.t(why)) } })
}
