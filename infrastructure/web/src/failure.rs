//! The one mapping from faults to HTTP. Read by every handler through `?`.
//!
//! A handler ends with a `Failure`; the outer layer finds it in the response and makes the page (or JSON) from it, in the
//! reader's language, with the reference number. Promises: detail goes to the log only.

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use kernel::{Fault, FaultKind};
use maud::html;

use crate::{Sheet, Value, Visit};

/// What every page handler gives back.
pub type Page = Result<Response, Failure>;

/// A fault on its way to the reader.
#[derive(Clone, Debug)]
pub struct Failure(pub Box<Fault>);

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The HTTP status of a kind of fault.
pub const fn status(kind: FaultKind) -> StatusCode {
    match kind {
        FaultKind::Invalid => StatusCode::BAD_REQUEST,
        FaultKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        FaultKind::Denied => StatusCode::FORBIDDEN,
        FaultKind::Missing => StatusCode::NOT_FOUND,
        FaultKind::Conflict => StatusCode::CONFLICT,
        FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FaultKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        FaultKind::Upstream => StatusCode::BAD_GATEWAY,
        FaultKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FaultKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The text of a fault in the reader's language.
pub fn told(visit: &Visit, fault: &Fault) -> String {
    let args: Vec<(&str, Value)> = fault
        .args
        .iter()
        .map(|(name, value)| (name.as_ref(), value.clone().into()))
        .collect();
    visit.tt(&fault.key, &args)
}

/// Writes the fault to the log: our own faults loudly, the reader's quietly.
pub(crate) fn log(visit: &Visit, fault: &Fault) {
    let (reference, trace) = (visit.reference(), &visit.trace);
    match fault.kind {
        FaultKind::Internal | FaultKind::Unavailable => {
            tracing::error!(%reference, %trace, key = %fault.key, detail = %fault.detail, "fault");
        }
        FaultKind::Upstream => {
            tracing::warn!(%reference, %trace, key = %fault.key, detail = %fault.detail, "fault");
        }
        _ => tracing::info!(%reference, %trace, key = %fault.key, detail = %fault.detail, "fault"),
    }
}

/// The answer that tells the fault: a page, a way to the sign-in page, or JSON for a machine.
pub(crate) fn answer(visit: &Visit, fault: &Fault) -> Response {
    let status = status(fault.kind);
    if visit.json {
        let body = serde_json::json!({
            "error": fault.key, "message": told(visit, fault), "reference": visit.reference(),
        });
        return (status, axum::Json(body)).into_response();
    }
    if fault.kind == FaultKind::Unauthenticated {
        return Redirect::to(&sign_in_place(&visit.place)).into_response();
    }
    error_page(visit, fault, status)
}

/// The sign-in address that leads back to `place`.
pub fn sign_in_place(place: &str) -> String {
    format!("/sign-in?next={}", percent(place))
}

fn error_page(visit: &Visit, fault: &Fault, status: StatusCode) -> Response {
    let title = visit.t(title_key(fault.kind));
    let body = html! {
        p.lead { (told(visit, fault)) }
        p { (visit.tt("web-error-reference", &[("reference", visit.reference().into())])) }
        @if !visit.body().contact.is_empty() {
            p { (visit.tt("web-error-contact", &[("contact", visit.body().contact.clone().into())])) }
        }
        p { a href="/" { (visit.t("web-error-home")) } }
    };
    Sheet::new(visit, &title).status(status).show(body)
}

const fn title_key(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Invalid => "web-error-invalid",
        FaultKind::Unauthenticated => "web-error-sign-in",
        FaultKind::Denied => "web-error-denied",
        FaultKind::Missing => "web-error-missing",
        FaultKind::Conflict => "web-error-conflict",
        FaultKind::TooLarge => "web-error-too-large",
        FaultKind::TooMany => "web-error-too-many",
        FaultKind::Upstream => "web-error-upstream",
        FaultKind::Unavailable => "web-error-unavailable",
        FaultKind::Internal => "web-error-internal",
    }
}

/// Percent-encodes everything but unreserved characters and `/` (RFC 3986, section 2.3).
pub(crate) fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
