//! A case as the official sees it: what was stated and by whom, what was refused, and the three acts with their reasons.

use maud::{Markup, html};
use web::{Page, Sheet, Visit, csrf_field};

use super::{case, cord, field, parts};
use crate::domain::FactState;
use crate::views::{ActTry, DeskView};

/// The official's page of a case.
pub fn desk_case(visit: &Visit, view: &DeskView) -> Page {
    let card = &view.case.card;
    let body = html! {
        p { (parts::stage(visit, card.stage)) " " span.code { (card.number) } }
        p.lead { (card.applicant) @if !card.about.is_empty() { " · " (card.about) } }
        @if let Some(clock) = &card.clock { (cord::cord(visit, clock)) }
        (warnings(visit, view))
        (case::what_was_filed(visit, &view.case))
        @if !view.case.files.is_empty() {
            h2 { (visit.t("portal-case-files")) }
            (parts::files(visit, &view.case.files))
        }
        (acts(visit, view))
        h2 { (visit.t("portal-case-events")) }
        (parts::events(visit, &view.case.events))
    };
    Ok(Sheet::new(visit, &card.procedure).back("/desk").show(body))
}

fn warnings(visit: &Visit, view: &DeskView) -> Markup {
    let refused = view
        .case
        .facts
        .iter()
        .filter(|fact| matches!(fact.state, FactState::Refused { .. }))
        .count();
    let waiting = view
        .case
        .facts
        .iter()
        .filter(|fact| fact.state == FactState::Waiting)
        .count();
    let count = |number: usize| [("count", parts::count(number))];
    html! {
        @if refused > 0 {
            div.n.bad role="alert" { p { strong { (visit.tt("portal-desk-refused", &count(refused))) } " " (visit.t("portal-desk-refused-how")) } }
        }
        @if waiting > 0 { div.n.warn { p { (visit.tt("portal-desk-waiting", &count(waiting))) } } }
        @if !view.problems.is_empty() {
            div.n.warn {
                h2 { (visit.t("portal-desk-problems")) }
                ul { @for problem in &view.problems { li { (problem) } } }
            }
        }
    }
}

fn acts(visit: &Visit, view: &DeskView) -> Markup {
    html! {
        @if view.acts.observe || view.acts.decide {
            h2 #acts { (visit.t("portal-desk-acts")) }
            @if view.acts.decide && !view.preview.is_empty() {
                details {
                    summary { (visit.t("portal-desk-preview")) }
                    div.card { @for paragraph in &view.preview { p { (paragraph) } } }
                }
            }
            div.acts {
                @if view.acts.observe { (act(visit, view, "observe", "btn quiet")) }
                @if view.acts.decide {
                    (act(visit, view, "grant", "btn"))
                    (act(visit, view, "deny", "btn bad"))
                }
            }
        } @else { p.soft { (visit.t("portal-desk-no-acts")) } }
    }
}

fn act(visit: &Visit, view: &DeskView, name: &str, class: &str) -> Markup {
    let none = ActTry::default();
    let again = view
        .again
        .as_ref()
        .filter(|again| again.act == name)
        .unwrap_or(&none);
    let error = (!again.error.is_empty()).then_some(again.error.as_str());
    let word = |what: &str| visit.t(&format!("portal-desk-{name}{what}"));
    html! {
        details.act open[error.is_some()] {
            summary { (word("")) }
            form method="post" action=(format!("/desk/{}/{name}", view.id)) {
                (csrf_field(visit))
                p { (word("-what")) }
                (field::lines(&format!("{name}-text"), &word("-why"), &again.text, error))
                button class=(class) type="submit" { (word("-do")) }
            }
        }
    }
}
