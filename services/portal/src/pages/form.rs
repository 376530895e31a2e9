//! One page of a form: what registries state comes filled, only the rest is asked.

use http::StatusCode;
use maud::html;
use web::parts::{Tone, button, button_named, notice};
use web::{Page, Sheet, Visit, csrf_field};

use super::{field, parts};
use crate::domain::{Ask, Question};
use crate::kept::WHOSE_FIELD;
use crate::views::StepView;

/// Seconds after which a page that waits for a registry is asked again by the browser.
const WAIT_SECONDS: u32 = 4;

/// A page of a form.
pub fn form(visit: &Visit, view: &StepView) -> Page {
    let questions: Vec<&Question> = view.questions.iter().collect();
    let wrong = questions.iter().any(|question| question.error.is_some());
    let files = questions
        .iter()
        .any(|question| matches!(question.ask, Ask::File { .. }));
    let (now, all) = view.place;
    let place = [("now", parts::count(now)), ("all", parts::count(all))];
    let body = html! {
        p.soft { (view.procedure) " · " (visit.tt("portal-step", &place)) }
        h1 { (view.title) }
        (field::errors(visit, &questions))
        @if view.kept { div role="status" { (notice(Tone::Good, "", html! { p { (visit.t("portal-kept")) } })) } }
        @if !view.intro.is_empty() { p.lead { (view.intro) } }
        @if !view.facts.is_empty() {
            h2 { (visit.t("portal-facts-title")) }
            p { (visit.t("portal-facts-why")) }
            (parts::facts(visit, &view.facts))
            (parts::not_right(visit, &view.facts))
        }
        form method="post" action=(view.address) enctype=[files.then_some("multipart/form-data")] novalidate {
            (csrf_field(visit))
            input type="hidden" name=(WHOSE_FIELD) value=(view.whose);
            @if !view.then.is_empty() { input type="hidden" name="then" value=(view.then); }
            @if !view.questions.is_empty() && !view.facts.is_empty() { h2 { (visit.t("portal-asked-title")) } }
            @for question in &view.questions { (field::question(visit, question)) }
            (button(&visit.t("portal-next")))
            (button_named(Tone::Info, "later", "yes", &visit.t("portal-later")))
        }
    };
    let title = match wrong {
        true => visit.tt(
            "portal-title-error",
            &[("title", view.title.clone().into())],
        ),
        false => view.title.clone(),
    };
    let sheet = Sheet::new(visit, &title)
        .without_heading()
        .narrow()
        .back(view.back.clone());
    let sheet = if wrong {
        sheet.status(StatusCode::UNPROCESSABLE_ENTITY)
    } else {
        sheet
    };
    // A page with questions isn't refreshed: what is being typed would be lost.
    let sheet = if view.waits() && view.questions.is_empty() {
        sheet.refresh(WAIT_SECONDS)
    } else {
        sheet
    };
    Ok(sheet.show(body))
}
