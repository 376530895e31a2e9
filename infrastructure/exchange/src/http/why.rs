//! Addresses of 'why did this fail': a form for a number, and the way of one message.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use kernel::party::encode_part;
use serde::Deserialize;
use web::{Audience, Page, Routes, Visit};

use super::READ;
use crate::Exchange;
use crate::pages::why as pages;

pub(super) fn routes() -> Routes<Exchange> {
    Routes::new()
        .only(Audience::Right(READ))
        .get("/exchange/why", sought)
        .get("/exchange/why/{number}", one)
}

#[derive(Deserialize)]
struct Sought {
    #[serde(default)]
    number: String,
}

async fn sought(visit: Visit, Query(query): Query<Sought>) -> Page {
    let number = query.number.trim();
    if number.is_empty() {
        return Ok(pages::blank(&visit));
    }
    let place = format!("/exchange/why/{}", encode_part(number));
    Ok(Redirect::to(&place).into_response())
}

async fn one(visit: Visit, State(exchange): State<Exchange>, Path(number): Path<String>) -> Page {
    let trail = exchange.why(&number).await?;
    let directory = exchange.directory();
    Ok(pages::one(
        &visit,
        directory.as_deref(),
        &number,
        trail.as_ref(),
    ))
}
