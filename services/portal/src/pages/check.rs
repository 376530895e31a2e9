//! Check your answers: everything on one page, each with its way to change it, then the oaths, then filing.

use http::StatusCode;
use maud::{Markup, html};
use web::parts::{Row, Tone, button, notice, summary_list};
use web::{Page, Sheet, Visit, csrf_field};

use super::{field, parts};
use crate::domain::Question;
use crate::views::{CheckSection, CheckView};

/// The check-answers page.
pub fn check(visit: &Visit, view: &CheckView) -> Page {
    let questions: Vec<&Question> = view
        .sections
        .iter()
        .flat_map(|section| section.answers.iter().map(|(question, _)| question))
        .collect();
    let wrong = questions.iter().any(|question| question.error.is_some());
    let body = html! {
        p.soft { (view.procedure) }
        (field::errors(visit, &questions))
        p.lead { (visit.t("portal-check-lead")) }
        @for section in &view.sections { (part(visit, section)) }
        form method="post" action=(view.address) novalidate {
            (csrf_field(visit))
            input type="hidden" name="token" value=(view.token);
            p { (visit.tt("portal-check-who", &[("name", view.applicant.clone().into())])) }
            (notice(Tone::Info, "", html! { p { (visit.t("portal-check-what-happens")) } }))
            (button(&visit.t("portal-file")))
        }
    };
    let sheet = Sheet::new(visit, &visit.t("portal-check-title")).narrow();
    let sheet = if wrong {
        sheet.status(StatusCode::UNPROCESSABLE_ENTITY)
    } else {
        sheet
    };
    Ok(sheet.show(body))
}

fn part(visit: &Visit, section: &CheckSection) -> Markup {
    html! {
        h2 { (section.title) }
        @if !section.facts.is_empty() { (parts::facts(visit, &section.facts)) }
        @if !section.answers.is_empty() {
            (summary_list(visit, &rows(visit, section)))
        }
    }
}

fn rows(visit: &Visit, section: &CheckSection) -> Vec<Row> {
    let row = |(question, words): &(Question, String)| {
        let shown = html! {
            @if words.is_empty() { span.soft { (visit.t("portal-no-answer")) } } @else { (words) }
            @if let Some(error) = &question.error { p.err { (error) } }
        };
        Row::markup(&question.label, shown).action(&section.change, visit.t("portal-change"))
    };
    section.answers.iter().map(row).collect()
}
