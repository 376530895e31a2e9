//! The authority's addresses: OCSP, time stamps, and its certificate.
//!
//! Everybody may ask, over plain HTTP too: every answer is signed in itself. Failures of the protocols are answers of
//! the protocols (status 200), as RFC 6960 and RFC 3161 want it; nothing here has a page.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use web::{Room, Routes};

use crate::authority::Authority;
pub use crate::sql::MIGRATIONS;
use crate::{ocsp, sql, tsp};

/// How often the authority looks whether its own units' certificates end soon.
const RENEW_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Longest OCSP request in an address (RFC 5019 section 5 says 255 bytes; some clients send more).
const ADDRESS_BYTES_MAX: usize = 2 * 1024;

/// The authority as a room of its house.
pub fn room(authority: Authority) -> Room {
    let renewing = authority.clone();
    let renew = web::Timer::new("trust-renew", RENEW_EVERY, move || {
        let authority = renewing.clone();
        async move { Ok(authority.renew().await?) }
    });
    Room::new("trust-authority")
        .migrations(sql::MIGRATIONS)
        .routes(routes(authority))
        .timer(renew)
}

fn routes(authority: Authority) -> Routes {
    Routes::new()
        .post("/ocsp", ocsp_post)
        .get("/ocsp/{*request}", ocsp_get)
        .post("/tsa", tsa_post)
        .get("/ca.crt", ca_der)
        .get("/ca.pem", ca_pem)
        .with_state(authority)
}

fn bytes_as(kind: &'static str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

async fn ocsp_post(State(authority): State<Authority>, body: Bytes) -> Response {
    if body.len() > ocsp::REQUEST_BYTES_MAX {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    bytes_as("application/ocsp-response", authority.ocsp(&body).await)
}

async fn ocsp_get(State(authority): State<Authority>, Path(request): Path<String>) -> Response {
    if request.len() > ADDRESS_BYTES_MAX {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    let decoded = BASE64.decode(request.as_bytes()).unwrap_or_default();
    bytes_as("application/ocsp-response", authority.ocsp(&decoded).await)
}

async fn tsa_post(State(authority): State<Authority>, body: Bytes) -> Response {
    if body.len() > tsp::REQUEST_BYTES_MAX {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    match authority.stamp(&body) {
        Ok(answer) => bytes_as("application/timestamp-reply", answer),
        Err(cause) => {
            tracing::error!(%cause, "time stamp");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn ca_der(State(authority): State<Authority>) -> Response {
    bytes_as(
        "application/pkix-cert",
        authority.certificate().der().to_vec(),
    )
}

async fn ca_pem(State(authority): State<Authority>) -> Response {
    bytes_as(
        "application/x-pem-file",
        authority.certificate().pem().into_bytes(),
    )
}
