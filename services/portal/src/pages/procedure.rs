//! One procedure before it begins: what it is for, what is needed, what nobody will ask for again.

use maud::{Markup, html};
use web::{Page, Visit, csrf_field};

use super::{catalogue, parts};
use crate::views::{ProcedureView, SilenceView};

/// The page of one procedure.
pub fn procedure(visit: &Visit, view: &ProcedureView) -> Page {
    let body = html! {
        p.lead { (view.card.purpose) }
        (figures(visit, view))
        (begin(visit, view))
        h2 { (visit.t("portal-procedure-no-papers")) }
        div.halves {
            section.known {
                h3 { (visit.t("portal-procedure-known")) }
                @for (authority, items) in &view.known {
                    p { strong { (authority) } }
                    ul.ticks { @for item in items { li { (item) } } }
                }
            }
            section {
                h3 { (visit.t("portal-procedure-asked")) }
                ul { @for item in &view.asked { li { (item) } } }
                @if !view.needs.is_empty() {
                    h3 { (visit.t("portal-procedure-needs")) }
                    ul { @for item in &view.needs { li { (item) } } }
                }
            }
        }
        h2 { (visit.t("portal-procedure-result")) }
        p { (view.result) }
        @if !view.rights.is_empty() {
            h2 { (visit.t("portal-procedure-rights")) }
            ul.ticks { @for right in &view.rights { li { (right) } } }
        }
        h2 { (visit.t("portal-procedure-steps")) }
        ol.way { @for step in &view.steps { li { (step) } } }
        h2 { (visit.t("portal-procedure-silence")) }
        p { (parts::silence(visit, view.silence)) }
        h2 { (visit.t("portal-procedure-law")) }
        dl.law { @for (norm, says) in &view.law { div { dt { (norm) } dd { (says) } } } }
        (begin(visit, view))
    };
    Ok(web::page(visit, &view.card.title, body))
}

fn figures(visit: &Visit, view: &ProcedureView) -> Markup {
    let silence = match view.silence {
        SilenceView::Positive => "portal-silence-positive-short",
        SilenceView::Negative => "portal-silence-negative-short",
    };
    html! {
        dl.figs {
            div { dt { (visit.t("portal-figure-time")) } dd { (catalogue::days(visit, view.card.days)) } }
            div { dt { (visit.t("portal-figure-cost")) } dd { (catalogue::cost(visit, &view.card)) } }
            div { dt { (visit.t("portal-figure-silence")) } dd { (visit.t(silence)) } }
            div { dt { (visit.t("portal-figure-body")) } dd { (view.decided_by) } }
        }
    }
}

fn begin(visit: &Visit, view: &ProcedureView) -> Markup {
    html! {
        @if let Some(draft) = &view.draft {
            p { (web::parts::link_button(draft, &visit.t("portal-continue"))) }
        } @else {
            form method="post" action=(format!("/procedures/{}/start", view.card.code)) {
                (csrf_field(visit))
                (web::parts::button(&visit.t("portal-start")))
                @if visit.actor.is_none() { p.soft { (visit.t("portal-start-sign-in")) } }
            }
        }
    }
}
