//! One application: who applies for what, the fingerprint to compare, and the two ways to decide.

use axum::response::Response;
use maud::{Markup, html};
use web::parts::{self, Row, Tone};
use web::{Sheet, Visit};

use super::{name_of, tone};
use crate::domain::{Envelope, Wish, compared, names};
use crate::sql::application::{ApplicationRow, State};
use crate::sql::member::MemberRow;

/// The page.
pub fn show(
    visit: &Visit,
    row: &ApplicationRow,
    warnings: &[&'static str],
    member: Option<&MemberRow>,
) -> Response {
    let state = visit.t(&format!("registry-state-{}", row.state.text()));
    let body = html! {
        p { (parts::tag(tone(row.state), &state)) " " (visit.t(&format!("registry-kind-{}", row.kind))) }
        @for warning in warnings {
            (parts::notice(Tone::Warn, "", html! { p { (visit.t(warning)) } }))
        }
        (fingerprint(visit, row))
        (parts::summary_list(visit, &facts(visit, row, member)))
        @if row.state == State::Waiting { (decision(visit, row)) } @else { (decided(visit, row)) }
    };
    Sheet::new(visit, &name_of(row))
        .back("/registry")
        .show(body)
}

fn fingerprint(visit: &Visit, row: &ApplicationRow) -> Markup {
    html! {
        section.card aria-label=(visit.t("registry-fingerprint")) {
            p { (visit.t("registry-fingerprint")) }
            p.big.code { (compared(&row.digest)) }
            @if row.state == State::Waiting { p.soft { (visit.t("registry-fingerprint-compare")) } }
        }
    }
}

fn facts(visit: &Visit, row: &ApplicationRow, member: Option<&MemberRow>) -> Vec<Row> {
    let line = |key: &str, value: &str| Row::text(visit.t(key), value);
    let mut rows = vec![
        line("registry-number", &row.number.to_string()),
        line("registry-server", &row.server.to_string()),
    ];
    if let Some(member) = member {
        rows.push(line("registry-member", &member.name));
    }
    let heard = Envelope::parse(row.envelope.as_bytes()).and_then(|envelope| envelope.hear());
    match heard.map(|heard| heard.application.wish) {
        Ok(Wish::Join {
            address,
            subsystems,
            ..
        }) => {
            rows.push(line("registry-address", &address));
            rows.push(line("registry-subsystems", &subsystems.join(", ")));
        }
        Ok(Wish::Address { address }) => rows.push(line("registry-address", &address)),
        Ok(Wish::Subsystem { code } | Wish::SubsystemRemoval { code }) => {
            rows.push(line("registry-subsystems", &code));
        }
        Ok(Wish::Maintenance { notice, .. }) => rows.push(line("registry-notice", &notice)),
        _ => {}
    }
    rows.push(Row::markup(
        visit.t("registry-when"),
        visit.time(row.made_at),
    ));
    rows
}

fn decision(visit: &Visit, row: &ApplicationRow) -> Markup {
    let place = format!("/registry/applications/{}", row.number);
    html! {
        h2 { (visit.t("registry-decision")) }
        div.acts {
            details open {
                summary { (visit.t("registry-approve")) }
                form method="post" action=(place) {
                    (web::csrf_field(visit))
                    (parts::checkbox("compared", &visit.t("registry-compared"), false, None))
                    (parts::button_named(Tone::Good, "decision", "approve", &visit.t("registry-approve")))
                }
            }
            details {
                summary { (visit.t("registry-refuse")) }
                form method="post" action=(place) {
                    (web::csrf_field(visit))
                    (parts::textarea("why", &visit.t("registry-why")).hint(visit.t("registry-why-hint")).chars_max(names::WHY_CHARS_MAX).required())
                    (parts::button_named(Tone::Bad, "decision", "refuse", &visit.t("registry-refuse")))
                }
            }
        }
    }
}

fn decided(visit: &Visit, row: &ApplicationRow) -> Markup {
    let state = visit.t(&format!("registry-state-{}", row.state.text()));
    html! {
        (parts::notice(tone(row.state), &state, html! {
            @if let Some(at) = row.decided_at { p { (visit.time(at)) " · " (row.decided_by.as_deref().unwrap_or("")) } }
            @if let Some(why) = &row.why { p { (why) } }
        }))
    }
}
