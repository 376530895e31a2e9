//! The page of what waits: deliveries with their age, topics with what each subscriber lacks. Never about whom.

use axum::response::Response;
use kernel::Moment;
use maud::{Markup, html};
use web::parts::{self, Bar, Row, Tone};
use web::{Visit, page};

use crate::deliver::{Overview, SHOWN_MAX};
use crate::sql::outgoing::OutgoingRow;
use crate::sql::topic::SubscriptionRow;

/// A delivery older than this, in seconds, is drawn as a warning.
const OLD_SECONDS: i64 = 3_600;

/// What waits now.
pub fn deliveries(visit: &Visit, overview: &Overview, now: Moment) -> Response {
    let title = visit.t("exchange-deliveries-title");
    let next = overview
        .rows
        .last()
        .filter(|_| overview.rows.len() == SHOWN_MAX);
    let next = next.map(|row| format!("/exchange/deliveries?after={}", row.id));
    let body = html! {
        p { (visit.t("exchange-deliveries-lead")) }
        (summary(visit, overview, now))
        (undecided(visit, overview))
        (waiting(visit, overview, now))
        (parts::pages(visit, None, next.as_deref()))
        (published(visit, overview))
        (received(visit, overview))
    };
    page(visit, &title, body)
}

fn age(visit: &Visit, seconds: i64) -> String {
    let (key, count) = match seconds.max(0) {
        seconds if seconds < 120 => ("exchange-seconds", seconds),
        seconds if seconds < 7_200 => ("exchange-minutes", seconds / 60),
        seconds if seconds < 172_800 => ("exchange-hours", seconds / 3_600),
        seconds => ("exchange-days", seconds / 86_400),
    };
    visit.tt(key, &[("count", count.into())])
}

fn summary(visit: &Visit, overview: &Overview, now: Moment) -> Markup {
    let oldest = overview.oldest.map_or_else(
        || visit.t("exchange-nothing-waits"),
        |oldest| age(visit, now.seconds_since(oldest)),
    );
    let rows = [
        Row::text(visit.t("exchange-waiting"), &visit.number(overview.waiting)),
        Row::text(visit.t("exchange-oldest"), &oldest),
    ];
    parts::summary_list(visit, &rows)
}

/// Those of unknown fate come first: they wait for a person.
fn undecided(visit: &Visit, overview: &Overview) -> Markup {
    let unknown: Vec<&OutgoingRow> = overview
        .rows
        .iter()
        .filter(|row| row.state == "unknown")
        .collect();
    if unknown.is_empty() {
        return html! {};
    }
    parts::notice(
        Tone::Warn,
        &visit.t("exchange-unknown-title"),
        html! {
            p { (visit.t("exchange-unknown-lead")) }
            ul { @for row in unknown {
                li {
                    b { (row.number) } " · " (overview.name(&row.provider))
                    br; small { (row.cause.as_deref().unwrap_or("")) }
                }
            } }
        },
    )
}

/// How many wait for each body, and folded up, each message.
fn waiting(visit: &Visit, overview: &Overview, now: Moment) -> Markup {
    let bars: Vec<Bar> = overview
        .bodies
        .iter()
        .map(|(provider, count, oldest)| {
            let seconds = now.seconds_since(*oldest);
            let words = [
                ("count", (*count).into()),
                ("age", age(visit, seconds).into()),
            ];
            Bar {
                label: overview.name(provider).to_owned(),
                value: u64::try_from(*count).unwrap_or(0),
                words: visit.tt("exchange-waiting-words", &words),
                tone: if seconds > OLD_SECONDS {
                    Tone::Warn
                } else {
                    Tone::Info
                },
            }
        })
        .collect();
    if bars.is_empty() {
        return html! {};
    }
    let each = overview.rows.iter().filter(|row| row.state != "unknown");
    html! {
        (parts::bars(&visit.t("exchange-waiting-title"), &bars))
        (parts::details(&visit.t("exchange-waiting-each"), html! {
            ul { @for row in each {
                li {
                    b { (row.number) } " → " (overview.name(&row.provider)) ": "
                    (age(visit, now.seconds_since(row.accepted_at))) ", "
                    (visit.tt("exchange-attempts", &[("count", row.attempts.into())]))
                    @if let Some(cause) = row.cause.as_deref().filter(|cause| !cause.is_empty()) {
                        br; small { (cause) }
                    }
                }
            } }
        }))
    }
}

fn lag_bar(visit: &Visit, overview: &Overview, row: &SubscriptionRow) -> Bar {
    let lag = overview.lag(row);
    let words = match lag {
        0 => visit.t("exchange-lag-none"),
        lag => visit.tt("exchange-lag", &[("count", lag.into())]),
    };
    let is_away = lag > 0 && !row.cause.is_empty();
    Bar {
        label: overview.name(&row.subscriber).to_owned(),
        value: u64::try_from(lag).unwrap_or(0),
        words: match is_away {
            true => format!("{words}. {}", visit.t("exchange-lag-away")),
            false => words,
        },
        tone: match (lag, is_away) {
            (0, _) => Tone::Good,
            (_, false) => Tone::Info,
            (_, true) => Tone::Warn,
        },
    }
}

/// The last part of a topic's name: what people call it within its body.
fn short(topic: &str) -> &str {
    topic.rsplit('/').next().unwrap_or(topic)
}

fn published(visit: &Visit, overview: &Overview) -> Markup {
    if overview.topics.is_empty() {
        return html! {};
    }
    html! {
        h2 { (visit.t("exchange-topics-title")) }
        @for (topic, row) in &overview.topics {
            @let bars: Vec<Bar> = overview
                .out
                .iter()
                .filter(|one| one.topic == *topic)
                .map(|one| lag_bar(visit, overview, one))
                .collect();
            @if bars.is_empty() {
                p { b { (short(topic)) } " · " (visit.t("exchange-no-subscriber")) }
            } @else {
                (parts::bars(&visit.tt("exchange-topic-head", &[("topic", short(topic).to_owned().into()), ("count", row.head.into())]), &bars))
            }
        }
    }
}

fn received(visit: &Visit, overview: &Overview) -> Markup {
    if overview.received.is_empty() {
        return html! {};
    }
    html! {
        h2 { (visit.t("exchange-received-title")) }
        ul { @for (row, poisoned) in &overview.received {
            li {
                b { (short(&row.topic)) } ", " (overview.name(&row.topic)) " · "
                (visit.tt("exchange-received-last", &[("count", row.acked.into())]))
                @if row.gap.1 > 0 {
                    " " (parts::tag(Tone::Bad, &visit.tt("exchange-gap", &[("from", row.gap.0.into()), ("to", row.gap.1.into())])))
                }
                @if *poisoned > 0 {
                    " " (parts::tag(Tone::Warn, &visit.tt("exchange-poison", &[("count", (*poisoned).into())])))
                }
            }
        } }
    }
}
