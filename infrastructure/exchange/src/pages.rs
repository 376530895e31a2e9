//! Pages of the exchange for officials: what happened to a message, and which agreements are held.
//!
//! They show who asked whom, when, for what and how it ended; never about whom, which only the container tells.

pub mod agreements;
pub mod registries;
pub mod reports;
pub mod services;
pub mod why;

pub mod deliver;

use axum::response::Response;
use kernel::party::encode_part;
use maud::{Markup, html};
use web::parts::{self, Event, Row, Tone};
use web::{Visit, page};

use crate::sql::{QuestionRow, Side};

fn tone(outcome: &str) -> Tone {
    match outcome {
        "answered" => Tone::Good,
        "asked" => Tone::Todo,
        "bad-signature" => Tone::Bad,
        _ => Tone::Warn,
    }
}

fn outcome(visit: &Visit, row: &QuestionRow) -> Markup {
    parts::tag(
        tone(&row.outcome),
        &visit.t(&format!("exchange-outcome-{}", row.outcome)),
    )
}

/// The journal, newest first.
pub fn messages(visit: &Visit, rows: &[QuestionRow], page_rows: usize) -> Response {
    let heads = [
        "number", "when", "asked-by", "service", "purpose", "outcome",
    ]
    .map(|word| visit.t(&format!("exchange-{word}")));
    let cells: Vec<Vec<Markup>> = rows.iter().map(|row| line(visit, row)).collect();
    let older = rows.last().filter(|_| rows.len() == page_rows);
    let older = older.map(|row| format!("/exchange/messages?before={}", row.id));
    let title = visit.t("exchange-messages-title");
    let body = html! {
        p { (visit.t("exchange-messages-lead")) }
        p {
            a href="/exchange/agreements" { (visit.t("exchange-agreements-title")) } " · "
            a href="/exchange/deliveries" { (visit.t("exchange-deliveries-title")) } " · "
            a href="/exchange/why" { (visit.t("exchange-why-title")) } " · "
            a href="/exchange/reports" { (visit.t("exchange-reports-title")) }
        }
        @if rows.is_empty() { p { (visit.t("exchange-none")) } }
        @else { (parts::table(&title, &heads, &cells)) }
        (parts::pages(visit, None, older.as_deref()))
    };
    page(visit, &title, body)
}

fn line(visit: &Visit, row: &QuestionRow) -> Vec<Markup> {
    let place = format!("/exchange/messages/{}", encode_part(&row.number));
    vec![
        html! { a.code href=(place) { (row.number) } },
        visit.time(row.asked_at),
        html! { (row.client) },
        html! { (row.service) },
        html! { (row.purpose.as_deref().unwrap_or("")) },
        outcome(visit, row),
    ]
}

/// One message, on each side that this node had in it.
pub fn message(visit: &Visit, rows: &[QuestionRow]) -> Response {
    let body = html! { @for row in rows { (one(visit, row)) } };
    page(visit, &visit.t("exchange-message-title"), body)
}

fn one(visit: &Visit, row: &QuestionRow) -> Markup {
    let advice = visit.t(&format!("exchange-advice-{}", row.outcome));
    let place = format!("/exchange/messages/{}", encode_part(&row.number));
    html! {
        (parts::notice(tone(&row.outcome), &visit.t(&format!("exchange-outcome-{}", row.outcome)), html! { p { (advice) } }))
        p { (parts::link_quiet(&format!("/exchange/why/{}", encode_part(&row.number)), &visit.t(why_key(&row.outcome)))) }
        (parts::summary_list(visit, &facts(visit, row)))
        h2 { (visit.t("exchange-steps")) }
        (parts::timeline(&steps(visit, row)))
        h2 { (visit.t("exchange-evidence")) }
        p { (visit.t("exchange-download-warning")) }
        p { (parts::link_quiet(&format!("{place}/request.asice"), &visit.t("exchange-download-request"))) }
        @if row.outcome == "answered" {
            p { (parts::link_quiet(&format!("{place}/response.asice"), &visit.t("exchange-download-response"))) }
        }
    }
}

/// A message that went well has a way to look at too.
fn why_key(outcome: &str) -> &'static str {
    match outcome {
        "answered" | "asked" => "exchange-steps",
        _ => "exchange-why-link",
    }
}

fn facts(visit: &Visit, row: &QuestionRow) -> Vec<Row> {
    let direction = match row.side {
        Side::Client => "exchange-direction-client",
        Side::Provider => "exchange-direction-provider",
    };
    let mut rows = vec![
        Row::text(visit.t("exchange-number"), &row.number),
        Row::text(visit.t("exchange-direction"), &visit.t(direction)),
        Row::text(visit.t("exchange-asked-by"), &row.client),
        Row::text(visit.t("exchange-service"), &row.service),
    ];
    let optional = [
        ("exchange-purpose", &row.purpose),
        ("exchange-case", &row.case),
        ("exchange-agreement", &row.agreement),
        ("exchange-fields", &row.fields),
        ("exchange-code", &row.code),
        ("exchange-log-entry", &row.log_entry),
        ("exchange-trace", &row.trace),
    ];
    let present = optional
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)));
    rows.extend(present.map(|(key, value)| Row::text(visit.t(key), value)));
    rows
}

fn steps(visit: &Visit, row: &QuestionRow) -> Vec<Event> {
    let first = match row.side {
        Side::Client => "exchange-step-asked",
        Side::Provider => "exchange-step-received",
    };
    let mut steps = vec![Event::new(visit, Tone::Good, visit.t(first), row.asked_at)];
    if let Some(at) = row.answered_at {
        let title = visit.t(&format!("exchange-outcome-{}", row.outcome));
        steps.push(Event::new(visit, tone(&row.outcome), title, at));
    }
    steps
}
