//! The catalogue: every procedure of this body, with what one wants to know before choosing.

use maud::{Markup, html};
use web::{Page, Visit, parts};

use crate::views::ProcedureCard;

/// The catalogue.
pub fn catalogue(visit: &Visit, procedures: &[ProcedureCard]) -> Page {
    let body = html! {
        p.lead { (visit.t("portal-catalogue-lead")) }
        @if procedures.is_empty() { p { (visit.t("portal-catalogue-empty")) } }
        h2.vh { (visit.t("portal-catalogue-list")) }
        (list(visit, procedures))
    };
    Ok(web::page(visit, &visit.t("portal-catalogue-title"), body))
}

/// Procedures as a list of links.
pub fn list(visit: &Visit, procedures: &[ProcedureCard]) -> Markup {
    html! {
        ul.grid.two { @for card in procedures {
            (parts::card(&format!("/procedures/{}", card.code), &card.title, html! {
                p { (card.purpose) }
                p.soft.small { (days(visit, card.days)) " · " (cost(visit, card)) }
            }))
        } }
    }
}

/// `Se resuelve en 15 días hábiles`, or from so many to so many.
pub fn days(visit: &Visit, (least, most): (u32, u32)) -> String {
    let args = [
        ("least", i64::from(least).into()),
        ("days", i64::from(most).into()),
    ];
    visit.tt(
        if least == most {
            "portal-days"
        } else {
            "portal-days-range"
        },
        &args,
    )
}

/// The fee, or that it costs nothing.
pub fn cost(visit: &Visit, card: &ProcedureCard) -> String {
    match &card.cost {
        None => visit.t("portal-free"),
        Some((least, most)) if least == most => least.clone(),
        Some((least, most)) => visit.tt(
            "portal-cost-range",
            &[
                ("least", least.clone().into()),
                ("most", most.clone().into()),
            ],
        ),
    }
}
