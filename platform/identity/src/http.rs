//! The table of addresses of this crate, and its short handlers.

use std::sync::LazyLock;

use axum::Json;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use kernel::{Fault, FaultKind};
use web::assets::Asset;
use web::{Audience, Fields, Form, Page, Routes, Visit};

use crate::domain::{Method, safe_place};
use crate::people::Account;
use crate::{Identity, RIGHT_ISSUE_CODE, pages};

/// The passkey ceremony in the browser. Passkeys need a script by their nature; everything else here works without.
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../assets/passkey.js");
    Asset::new("passkey", "js", "text/javascript; charset=utf-8", bytes)
});

pub(crate) fn routes(identity: &Identity) -> Routes {
    Routes::<Identity>::new()
        .get(&SCRIPT.path, async || SCRIPT.response())
        .get("/sign-in", show_sign_in)
        .post("/sign-in/code", code)
        .post("/sign-in/passkey/begin", begin_sign_in)
        .post("/sign-in/passkey/finish", finish_sign_in)
        .post("/sign-in/practice", practice)
        .post("/sign-out", sign_out)
        .only(Audience::Person)
        .get("/account", show_account)
        .post("/account/passkeys/begin", begin_passkey)
        .post("/account/passkeys", finish_passkey)
        .post("/account/passkeys/remove", remove_passkey)
        .post("/account/sessions/end", end_sessions)
        .post("/account/act", act)
        .only(Audience::Right(RIGHT_ISSUE_CODE))
        .get("/codes", show_codes)
        .post("/codes", issue_code)
        .with_state(identity.clone())
}

type House = axum::extract::State<Identity>;

async fn show_sign_in(house: House, visit: Visit, uri: http::Uri) -> Page {
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri);
    let fields = Fields(query.map(|query| query.0).unwrap_or_default());
    let place = safe_place(fields.text("next"));
    match visit.actor {
        Some(_) if place != "/" => Ok(Redirect::to(place).into_response()),
        _ => pages::sign_in(&house, &visit, &fields, None).await,
    }
}

async fn code(house: House, visit: Visit, Form(fields): Form<Fields>) -> Page {
    let redeemed = house
        .redeem(fields.text("number"), fields.text("code"), &visit.client)
        .await;
    match redeemed {
        Ok(account) => enter(&house, &visit, &account, Method::Code, &fields).await,
        Err(fault) if shown_in_form(&fault) => {
            pages::sign_in(&house, &visit, &fields, Some(&fault)).await
        }
        Err(fault) => Err(fault.into()),
    }
}

async fn begin_sign_in(house: House, visit: Visit, Form(_): Form<Fields>) -> Page {
    Ok(Json(house.begin_sign_in(&visit).await?).into_response())
}

async fn finish_sign_in(house: House, visit: Visit, Form(fields): Form<Fields>) -> Page {
    let (ceremony, credential) = (fields.text("ceremony"), fields.text("credential"));
    match house.finish_sign_in(&visit, ceremony, credential).await {
        Ok((account, method)) => enter(&house, &visit, &account, method, &fields).await,
        Err(fault) if shown_in_form(&fault) => {
            tracing::info!(detail = fault.detail, "passkey refused");
            pages::sign_in(&house, &visit, &fields, Some(&fault)).await
        }
        Err(fault) => Err(fault.into()),
    }
}

async fn practice(house: House, visit: Visit, Form(fields): Form<Fields>) -> Page {
    let account = house.practice_account(fields.text("account")).await?;
    enter(&house, &visit, &account, Method::Practice, &fields).await
}

async fn sign_out(house: House, visit: Visit, Form(_): Form<Fields>) -> Page {
    if let Some(token) = &visit.session {
        house.end_session(token).await?;
    }
    let removed = AppendHeaders([(SET_COOKIE, visit.session_removed())]);
    Ok((removed, Redirect::to("/")).into_response())
}

async fn show_account(house: House, visit: Visit) -> Page {
    pages::account(&house, &visit, None).await
}

async fn begin_passkey(house: House, visit: Visit, Form(_): Form<Fields>) -> Page {
    let account = &visit.person()?.account;
    Ok(Json(house.begin_passkey(&visit, account).await?).into_response())
}

async fn finish_passkey(house: House, visit: Visit, Form(fields): Form<Fields>) -> Page {
    let account = &visit.person()?.account;
    let (ceremony, credential) = (fields.text("ceremony"), fields.text("credential"));
    match house
        .finish_passkey(&visit, account, ceremony, credential, fields.text("label"))
        .await
    {
        Ok(()) => Ok(Redirect::to("/account").into_response()),
        Err(fault) if shown_in_form(&fault) => pages::account(&house, &visit, Some(&fault)).await,
        Err(fault) => Err(fault.into()),
    }
}

async fn remove_passkey(house: House, visit: Visit, Form(fields): Form<Fields>) -> Page {
    house
        .remove_passkey(&visit.person()?.account, fields.text("id"))
        .await?;
    Ok(Redirect::to("/account").into_response())
}

async fn end_sessions(house: House, visit: Visit, Form(_): Form<Fields>) -> Page {
    let token = visit.session.as_deref().unwrap_or("");
    house
        .end_other_sessions(&visit.person()?.account, token)
        .await?;
    Ok(Redirect::to("/account").into_response())
}

async fn act(house: House, visit: Visit, Form(fields): Form<Fields>) -> Page {
    let token = visit.session.as_deref().unwrap_or("");
    let post = Some(fields.text("post")).filter(|post| !post.is_empty());
    let token = house.act_as(token, &visit.person()?.account, post).await?;
    Ok(led(&visit, &token, "/"))
}

async fn show_codes(visit: Visit) -> Page {
    pages::codes(&visit, &Fields::default(), None, None)
}

async fn issue_code(house: House, visit: Visit, Form(fields): Form<Fields>) -> Page {
    let by = visit.official(RIGHT_ISSUE_CODE)?;
    match house
        .enrol(by, fields.text("number"), fields.text("name"))
        .await
    {
        Ok(issued) => pages::codes(&visit, &fields, Some(&issued), None),
        Err(fault) if shown_in_form(&fault) => pages::codes(&visit, &fields, None, Some(&fault)),
        Err(fault) => Err(fault.into()),
    }
}

/// Begins the session and leads to where the person wanted to go.
async fn enter(
    house: &Identity,
    visit: &Visit,
    account: &Account,
    method: Method,
    fields: &Fields,
) -> Page {
    let token = house
        .begin_session(account, method, visit.session.as_deref())
        .await?;
    Ok(led(visit, &token, safe_place(fields.text("next"))))
}

fn led(visit: &Visit, token: &str, place: &str) -> Response {
    (
        AppendHeaders([(SET_COOKIE, visit.session_cookie(token))]),
        Redirect::to(place),
    )
        .into_response()
}

/// What the person can mend is told in the form, and what they typed stays.
fn shown_in_form(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Invalid | FaultKind::TooMany)
}
