//! The page of what waits, and the timers that carry it.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;
use web::{Page, Room, Routes, Timer, Visit};

use crate::{Exchange, pages};

/// Shortest pause between two looks for what is due; each look waits by itself until something is.
const DELIVER: Duration = Duration::from_millis(50);
/// How often events and deliveries whose time is over are removed.
const FORGET: Duration = Duration::from_secs(600);
/// How often the message log is archived, if the settings name a folder; X-Road's own pause.
const ARCHIVE: Duration = Duration::from_secs(6 * 3_600);
/// How often records of monitoring are written: a busy node then holds a second of them, an idle one writes nothing.
const RECORD: Duration = Duration::from_secs(1);
/// How often the figures of what waits are taken.
const NOTE: Duration = Duration::from_secs(15);

pub(super) fn routes() -> Routes<Exchange> {
    Routes::new()
        .only(web::Audience::Right(super::READ))
        .get("/exchange/deliveries", deliveries)
        .get("/exchange/operations", operations)
}

/// Adds the timers.
pub(super) fn timers(room: Room, exchange: &Exchange) -> Room {
    let [carrying, forgetting, noting, archiving, recording] =
        std::array::from_fn(|_| exchange.clone());
    room.timer(Timer::new("exchange-deliver", DELIVER, move || {
        let exchange = carrying.clone();
        async move { exchange.deliver_when_due().await }
    }))
    .timer(Timer::new("exchange-forget", FORGET, move || {
        let exchange = forgetting.clone();
        async move {
            exchange.forget_events().await?;
            exchange.forget_deliveries().await?;
            exchange.forget_operations().await.map(drop)
        }
    }))
    .timer(Timer::new("exchange-archive", ARCHIVE, move || {
        let exchange = archiving.clone();
        async move { exchange.archive_by_settings().await.map(drop) }
    }))
    .timer(Timer::new("exchange-operations", RECORD, move || {
        let exchange = recording.clone();
        async move { exchange.write_operations().await.map(drop) }
    }))
    .timer(Timer::new("exchange-waiting", NOTE, move || {
        let exchange = noting.clone();
        async move { exchange.note_waiting().await }
    }))
}

#[derive(Deserialize)]
struct Span {
    #[serde(default)]
    from: i64,
    to: Option<i64>,
}

/// Records of monitoring as JSON, in X-Road's form: `recordsFrom` and `recordsTo` are seconds of Unix time.
async fn operations(State(exchange): State<Exchange>, Query(span): Query<Span>) -> Page {
    let to = span.to.unwrap_or(i64::MAX);
    let (records, next) = exchange.operations(span.from, to).await?;
    let next = next.map_or(String::new(), |next| format!(",\"nextRecordsFrom\":{next}"));
    let body = format!(
        "{{\"records\":[{}],\"recordsCount\":{}{next}}}",
        records.join(","),
        records.len()
    );
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: String,
}

async fn deliveries(
    visit: Visit,
    State(exchange): State<Exchange>,
    Query(paging): Query<After>,
) -> Page {
    let overview = exchange.overview(&paging.after).await?;
    let now = exchange.inner.clock.now();
    Ok(pages::deliver::deliveries(&visit, &overview, now))
}
