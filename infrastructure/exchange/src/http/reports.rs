//! Addresses of the daily figures that members sent to this body as the authority.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::IntoResponse;
use kernel::Moment;
use serde::Deserialize;
use web::{Audience, Page, Routes, Visit};

use super::READ;
use crate::Exchange;
use crate::pages::reports as pages;

pub(super) fn routes() -> Routes<Exchange> {
    Routes::new()
        .only(Audience::Right(READ))
        .get("/exchange/reports", page)
        .get("/exchange/reports.json", machine)
}

#[derive(Deserialize)]
struct Days {
    from: Option<String>,
    until: Option<String>,
}

/// Days that are shown if none are named.
const SHOWN_DAYS: i64 = 7;

impl Days {
    fn of(self, now: Moment) -> (String, String) {
        let day = |back: i64| now.plus_seconds(-back * 86_400).iso()[..10].to_owned();
        (
            self.from.unwrap_or_else(|| day(SHOWN_DAYS)),
            self.until.unwrap_or_else(|| day(0)),
        )
    }
}

async fn page(visit: Visit, State(exchange): State<Exchange>, Query(days): Query<Days>) -> Page {
    let (from, until) = days.of(exchange.inner.clock.now());
    let reports = exchange.reports(&from, &until).await?;
    let directory = exchange.directory();
    Ok(pages::reports(
        &visit,
        directory.as_deref(),
        (&from, &until),
        &reports,
    ))
}

/// The reports as the members sent them, for programs.
async fn machine(State(exchange): State<Exchange>, Query(days): Query<Days>) -> Page {
    let (from, until) = days.of(exchange.inner.clock.now());
    let reports = exchange.reports(&from, &until).await?;
    Ok(
        Json(serde_json::json!({ "from": from, "until": until, "reports": reports }))
            .into_response(),
    )
}
