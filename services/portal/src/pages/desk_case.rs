//! A case as the official sees it: what was stated and by whom, what was refused, and the three acts with their reasons.

use http::StatusCode;
use maud::{Markup, html};
use web::parts::{Tone, button_quiet, details, notice};
use web::{Page, Sheet, Visit, csrf_field};

use super::{case, cord, field, parts};
use crate::deciding::Act;
use crate::domain::FactState;
use crate::kept::WHOSE_FIELD;
use crate::views::{ActTry, DeskView};

/// The official's page of a case.
pub fn desk_case(visit: &Visit, view: &DeskView) -> Page {
    let card = &view.case.card;
    let body = html! {
        p { (parts::stage(visit, card.stage)) " " span.code { (card.number) } }
        p.lead { (card.applicant) @if !card.about.is_empty() { " · " (card.about) } }
        @if let Some(clock) = &card.clock { (cord::cord(visit, clock)) }
        (warnings(visit, view))
        h2 { (visit.t("portal-case-filed")) }
        (case::what_was_filed(visit, &view.case))
        @if !view.case.files.is_empty() {
            h2 { (visit.t("portal-case-files")) }
            (parts::files(visit, &view.case.files))
        }
        (acts(visit, view))
        h2 { (visit.t("portal-case-events")) }
        (parts::events(visit, &view.case.events))
    };
    let sheet = Sheet::new(visit, &card.procedure).back("/desk");
    let sheet = if view
        .again
        .as_ref()
        .is_some_and(|again| !again.error.is_empty())
    {
        sheet.status(StatusCode::UNPROCESSABLE_ENTITY)
    } else {
        sheet
    };
    Ok(sheet.show(body))
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
        @if view.acts.any() {
            h2 #acts { (visit.t("portal-desk-acts")) }
            @if view.acts.decide && !view.preview.is_empty() {
                (details(&visit.t("portal-desk-preview"), html! {
                    div { @for paragraph in &view.preview { p { (paragraph) } } }
                }))
            }
            @if view.acts.receive { (simple(visit, view, Act::Receive)) }
            @if view.acts.evaluate { (simple(visit, view, Act::Evaluate)) }
            @if view.acts.ask { (simple(visit, view, Act::Ask)) }
            div.acts {
                @if view.acts.observe { (act(visit, view, Act::Observe, "btn quiet")) }
                @if view.acts.decide {
                    (act(visit, view, Act::Grant, "btn"))
                    (act(visit, view, Act::Deny, "btn bad"))
                }
            }
        } @else { p.soft { (visit.t("portal-desk-no-acts")) } }
    }
}

/// What went wrong with this act just now.
fn again(view: &DeskView, act: Act) -> Option<&ActTry> {
    view.again.as_ref().filter(|again| again.act == act.word())
}

/// An act that needs no words.
fn simple(visit: &Visit, view: &DeskView, act: Act) -> Markup {
    html! {
        @if let Some(again) = again(view, act) { (notice(Tone::Bad, "", html! { p { (again.error) } })) }
        form method="post" action=(format!("/desk/{}/{}", view.id, act.word())) {
            (csrf_field(visit))
            (button_quiet(&visit.t(&format!("portal-desk-{}-do", act.word()))))
        }
    }
}

/// An act with its reasons, closed until it is wanted.
fn act(visit: &Visit, view: &DeskView, act: Act, class: &str) -> Markup {
    let name = act.word();
    let again = again(view, act);
    let typed = again.map_or("", |again| again.text.as_str());
    let error = again
        .map(|again| again.error.as_str())
        .filter(|error| !error.is_empty());
    let word = |what: &str| visit.t(&format!("portal-desk-{name}{what}"));
    html! {
        details open[again.is_some()] {
            summary { (word("")) }
            form method="post" action=(format!("/desk/{}/{name}", view.id)) {
                (csrf_field(visit))
                input type="hidden" name=(WHOSE_FIELD) value=(view.whose);
                input type="hidden" name="revision" value=(view.revision);
                @if again.is_some() && error.is_none() {
                    p role="status" { strong { (visit.t("portal-kept")) } }
                }
                p { (word("-what")) }
                (field::lines(&format!("{name}-text"), &word("-why"), typed, error))
                button class=(class) type="submit" { (word("-do")) }
            }
        }
    }
}
