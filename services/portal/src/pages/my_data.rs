//! Who looked at my data: every question that was asked about the reader, by whom, why, when, and its proof.

use maud::{Markup, html};
use web::{Page, Visit};

use super::parts;
use crate::views::{LookView, LooksView};

/// The list of questions asked about the reader.
pub fn my_data(visit: &Visit, view: &LooksView) -> Page {
    let body = html! {
        p.lead { (visit.t("portal-looks-lead")) }
        @if !view.silent.is_empty() {
            div.n.warn { p { (visit.tt("portal-looks-silent", &[("names", view.silent.join(", ").into())])) } }
        }
        @if view.looks.is_empty() { p { (visit.t("portal-looks-none")) } }
        @else {
            p { strong { (visit.tt("portal-looks-count", &[("count", parts::count(view.looks.len()))])) } }
            ol.list { @for look in &view.looks { (line(visit, look)) } }
        }
        details {
            summary { (visit.t("portal-looks-proof")) }
            p { (visit.t("portal-looks-proof-how")) }
        }
        details {
            summary { (visit.t("portal-looks-wrong")) }
            p { (visit.t("portal-looks-wrong-how")) }
        }
    };
    Ok(web::page(visit, &visit.t("portal-looks-title"), body))
}

fn line(visit: &Visit, look: &LookView) -> Markup {
    html! {
        li.card {
            p.way-of {
                strong { (look.asked_by) } " " span aria-hidden="true" { "→" }
                " " span.vh { (visit.t("portal-looks-asked")) } " " strong { (look.answered_by) }
            }
            @if let Some(number) = &look.about {
                p { (visit.tt("portal-looks-about", &[("number", number.clone().into())])) }
            }
            p { (visit.t("portal-looks-why")) ": " (look.purpose)
                @if let Some(number) = &look.case { " · " (number) }
            }
            @if let Some(ground) = &look.legal_ground { p { (visit.t("portal-looks-ground")) ": " (ground) } }
            @if !look.fields.is_empty() { p { (visit.t("portal-looks-what")) ": " (look.fields.join(", ")) } }
            p.soft.small {
                (visit.time(look.at)) " · " (visit.t("portal-fact-evidence")) " " (parts::evidence_number(visit, &look.evidence))
                @if let Some(entry) = &look.entry { " · " (visit.t("portal-looks-entry")) " " a.code href={ "/log/proof/" (entry) } { (entry) } }
                @if look.both_sides { " · " (visit.t("portal-looks-both")) }
                @if !look.answered { " · " strong { (visit.t("portal-looks-refused")) } }
            }
        }
    }
}
