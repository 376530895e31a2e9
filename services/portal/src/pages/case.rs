//! A case as its applicant sees it: where it stands, what waits for them, what happened, what can be kept.

use maud::{Markup, html};
use web::parts::{Row, Tone, button, file, notice, summary_list};
use web::{Page, Sheet, Visit, csrf_field};

use super::{cord, parts};
use crate::kept::WHOSE_FIELD;
use crate::views::{CaseView, ObservationView, Stage};

/// The applicant's page of a case.
pub fn case(visit: &Visit, view: &CaseView) -> Page {
    let body = html! {
        p { (parts::stage(visit, view.card.stage)) " " span.code { (view.card.number) } }
        @if let Some(observation) = &view.observation { (answer_form(visit, view, observation)) }
        (outcome(visit, view))
        @if let Some(clock) = &view.card.clock { (cord::cord(visit, clock)) }
        @if matches!(view.card.stage, Stage::Filed | Stage::Received | Stage::Review) {
            p.soft { (parts::silence(visit, view.silence)) }
        }
        @if !view.files.is_empty() {
            h2 { (visit.t("portal-case-files")) }
            (parts::files(visit, &view.files))
        }
        h2 { (visit.t("portal-case-events")) }
        (parts::events(visit, &view.events))
        h2 { (visit.t("portal-case-filed")) }
        (what_was_filed(visit, view))
    };
    Ok(Sheet::new(visit, &view.card.procedure)
        .back("/cases")
        .show(body))
}

/// Facts and answers of a case: the same for applicant and official.
pub fn what_was_filed(visit: &Visit, view: &CaseView) -> Markup {
    html! {
        @if !view.facts.is_empty() {
            h3 { (visit.t("portal-facts-title")) }
            (parts::facts(visit, &view.facts))
        }
        @if !view.answers.is_empty() {
            h3 { (visit.t("portal-answers-title")) }
            (summary_list(visit, &view.answers.iter().map(|(label, answer)| Row::text(label, answer)).collect::<Vec<_>>()))
        }
    }
}

fn outcome(visit: &Visit, view: &CaseView) -> Markup {
    let key = match view.card.stage {
        Stage::Granted => "portal-outcome-granted",
        Stage::Silence => "portal-outcome-silence",
        Stage::Denied => "portal-outcome-denied",
        Stage::Closed => "portal-outcome-closed",
        Stage::Draft | Stage::Filed | Stage::Received | Stage::Review | Stage::Observed => {
            return html! {};
        }
    };
    let tone = if matches!(view.card.stage, Stage::Granted | Stage::Silence) {
        Tone::Good
    } else {
        Tone::Bad
    };
    html! { (notice(tone, "", html! { p { strong { (visit.t(key)) } } })) }
}

fn answer_form(visit: &Visit, view: &CaseView, observation: &ObservationView) -> Markup {
    html! {
        section.n.warn aria-labelledby="observed" {
            h2 #observed { (visit.t("portal-observed-title")) }
            p { (observation.text) }
            p { strong { (visit.tt("portal-observed-until", &[("date", visit.weekday_date(observation.until).into())])) } }
            p.soft { (visit.t("portal-observed-keeps")) }
            form method="post" action=(format!("{}/answer", view.address)) enctype="multipart/form-data" {
                (csrf_field(visit))
                input type="hidden" name=(WHOSE_FIELD) value=(observation.whose);
                @if observation.kept { p role="status" { strong { (visit.t("portal-kept")) } } }
                (super::field::lines("text", &visit.t("portal-observed-answer"), &observation.typed, observation.error.as_deref()))
                (file("file", &visit.t("portal-observed-file")).hint(visit.t("portal-observed-file-hint")).accept(".pdf,.jpg,.jpeg,.png"))
                (button(&visit.t("portal-observed-send")))
            }
        }
    }
}
