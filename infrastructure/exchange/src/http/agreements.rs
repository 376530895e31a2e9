//! Addresses of agreements: read them, propose, decide, and take the signed evidence away.
//!
//! Reading needs `exchange.read`, deciding `exchange.agree`. Handlers decide nothing.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::party::encode_part;
use kernel::{Fault, Id, Moment};
use serde::Deserialize;
use web::{Audience, Fields, Form, Page, Routes, Visit};

use super::{PAGE_ROWS, READ};
use crate::agreements::{Held, State as Stand};
use crate::pages::agreements as pages;
use crate::{Agreement, Exchange};

/// The right to propose, accept, refuse and end agreements in the body's name.
pub const AGREE: &str = "exchange.agree";

pub(super) fn routes() -> Routes<Exchange> {
    Routes::new()
        .only(Audience::Right(READ))
        .get("/exchange/agreements", list)
        .get("/exchange/agreements.json", machine)
        .get("/exchange/agreements/{number}", one)
        .get("/exchange/agreements/{number}/signed/{file}", signed)
        .only(Audience::Right(AGREE))
        .get("/exchange/agreement-proposal", blank)
        .post("/exchange/agreement-proposal", propose)
        .post("/exchange/agreements/{number}/{act}", decide)
}

#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    after: String,
}

async fn list(
    visit: Visit,
    State(exchange): State<Exchange>,
    Query(paging): Query<Paging>,
) -> Page {
    let rows = exchange.agreements_after(&paging.after, PAGE_ROWS).await?;
    let offered = match paging.after.is_empty() {
        true => exchange.agreements_in(Stand::Offered, PAGE_ROWS).await?,
        false => Vec::new(),
    };
    let now = exchange.inner.clock.now();
    let view = exchange.directory();
    Ok(pages::list(
        &visit,
        &pages::Names(view.as_deref()),
        &rows,
        &offered,
        now,
        PAGE_ROWS,
    ))
}

/// The same for machines: numbers, terms and states, nothing else.
async fn machine(State(exchange): State<Exchange>, Query(paging): Query<Paging>) -> Page {
    let rows = exchange.agreements_after(&paging.after, PAGE_ROWS).await?;
    let list: Vec<serde_json::Value> = rows.iter().map(as_json).collect();
    Ok(Json(serde_json::json!({ "agreements": list })).into_response())
}

fn as_json(held: &Held) -> serde_json::Value {
    let terms: serde_json::Value = serde_json::from_str(&held.text).unwrap_or_default();
    serde_json::json!({
        "terms": terms, "digest": held.digest, "state": held.state.word(), "since": held.since.iso_seconds(),
    })
}

async fn one(visit: Visit, State(exchange): State<Exchange>, Path(number): Path<String>) -> Page {
    let versions = exchange.agreement_versions(&number).await?;
    if versions.is_empty() {
        return Err(Fault::missing("fault-exchange-agreement-missing").into());
    }
    let history = exchange.agreement_history(&number).await?;
    let counted = exchange.agreement_counted(&number).await?;
    let view = exchange.directory();
    let shown = pages::One {
        names: pages::Names(view.as_deref()),
        we: &exchange.settings().member,
        versions: &versions,
        history: &history,
        counted,
        now: exchange.inner.clock.now(),
        may_decide: visit.official(AGREE).is_ok(),
    };
    Ok(pages::one(&visit, &shown))
}

async fn signed(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path((number, file)): Path<(String, String)>,
) -> Page {
    visit.official(READ)?;
    let missing = || Fault::missing("fault-missing");
    let act: Id = file
        .strip_suffix(".asice")
        .and_then(|id| id.parse().ok())
        .ok_or_else(missing)?;
    let bytes = exchange
        .agreement_container(&number, act)
        .await?
        .ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, trust::asic::MIME_TYPE.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"agreement-{act}.asice\""),
        ),
    ];
    Ok((headers, bytes).into_response())
}

#[derive(Deserialize)]
struct Renewal {
    #[serde(default)]
    renew: String,
}

async fn blank(
    visit: Visit,
    State(exchange): State<Exchange>,
    Query(query): Query<Renewal>,
) -> Page {
    let held = exchange
        .agreement_versions(&query.renew)
        .await?
        .into_iter()
        .next();
    let now = exchange.inner.clock.now();
    let fields = match held {
        Some(held) => pages::filled(&held, now),
        None => pages::empty(&exchange, now),
    };
    Ok(pages::proposal(&visit, &fields, None))
}

async fn propose(
    visit: Visit,
    State(exchange): State<Exchange>,
    Form(fields): Form<Fields>,
) -> Page {
    let account = visit.official(AGREE)?.account.clone();
    let wrong =
        |term: &str| Fault::invalid("fault-exchange-agreement-terms").arg("term", term.to_owned());
    let proposed = match agreement(&fields) {
        Ok(agreement) => {
            exchange
                .propose_agreement(agreement, fields.text("purpose_text"), &account)
                .await
        }
        Err(term) => Err(wrong(term)),
    };
    match proposed {
        Ok(terms) => Ok(to(&terms.agreement.number)),
        Err(fault) if fault.kind == kernel::FaultKind::Invalid => {
            Ok(pages::proposal(&visit, &fields, Some(&fault)))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// The terms of a form, or which of them can't be read.
fn agreement(fields: &Fields) -> Result<Agreement, &'static str> {
    let day = |name| Moment::parse_iso(&format!("{}T00:00:00Z", fields.text(name)));
    let limit = match fields.text("daily_limit") {
        "" => None,
        text => Some(text.parse().map_err(|_| "daily limit")?),
    };
    let listed = fields.text("fields").split([',', '\n', '\r']);
    Ok(Agreement {
        number: fields.text("number").to_owned(),
        client: fields.text("client").parse().map_err(|_| "parties")?,
        service: fields.text("service").parse().map_err(|_| "parties")?,
        purpose: fields.text("purpose").to_owned(),
        fields: listed
            .map(|field| field.trim().to_owned())
            .filter(|field| !field.is_empty())
            .collect(),
        valid_from: day("valid_from").ok_or("time")?,
        until: day("until").ok_or("time")?,
        legal_ground: fields.text("legal_ground").to_owned(),
        daily_limit: limit,
    })
}

async fn decide(
    visit: Visit,
    State(exchange): State<Exchange>,
    Path((number, act)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Page {
    let account = &visit.official(AGREE)?.account;
    let reason = fields.text("reason");
    match act.as_str() {
        "accept" => exchange.accept_agreement(&number, account).await?,
        "refuse" => exchange.refuse_agreement(&number, reason, account).await?,
        "end" => exchange.end_agreement(&number, reason, account).await?,
        _ => return Err(Fault::missing("fault-missing").into()),
    };
    Ok(to(&number))
}

fn to(number: &str) -> Response {
    Redirect::to(&format!("/exchange/agreements/{}", encode_part(number))).into_response()
}
