//! A form that came after its sender's session had ended: nothing typed is lost.
//!
//! The fields go back to the browser in a page that can send them once more, after signing in beside it. Promises: nothing
//! is kept on the server, and only a form with this visitor's own token is given back. Refuses: files; browsers don't let
//! a page fill them in.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use kernel::{Fault, FaultKind};
use maud::{Markup, html};

use crate::failure::sign_in_place;
use crate::form::CSRF_FIELD;
use crate::parts::{self, Tone};
use crate::{Failure, Fields, Form, Sheet, Visit};

/// Where the sign-in beside the form leads: a page that everybody who is signed in has.
const AFTER_SIGN_IN: &str = "/account";

/// The answer to a request that `fault` keeps out: the form to send again, or the fault itself.
pub(crate) async fn or_refuse(visit: &Visit, fault: Fault, request: Request) -> Response {
    if fault.kind != FaultKind::Unauthenticated || visit.json || !is_form(&request) {
        return Failure::from(fault).into_response();
    }
    match Form::<Fields>::from_request(request, &()).await {
        Ok(Form(fields)) => {
            let title = visit.t("web-resend-title");
            let sheet = Sheet::new(visit, &title)
                .narrow()
                .status(StatusCode::UNAUTHORIZED);
            sheet.show(body(visit, &fields))
        }
        Err(failure) => failure.into_response(),
    }
}

fn is_form(request: &Request) -> bool {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    request.method() == Method::POST
        && kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn body(visit: &Visit, fields: &Fields) -> Markup {
    let own = fields.0.iter().filter(|(name, _)| name != CSRF_FIELD);
    html! {
        (parts::notice(Tone::Warn, "", html! { p { (visit.t("web-resend-words")) } }))
        ol {
            li {
                p { (visit.t("web-resend-first")) }
                p {
                    a.btn.quiet href=(sign_in_place(AFTER_SIGN_IN)) target="_blank" rel="noopener" {
                        (visit.t("web-sign-in"))
                    }
                }
            }
            li {
                p { (visit.t("web-resend-second")) }
                form method="post" action=(visit.path) {
                    (crate::csrf_field(visit))
                    @for (name, value) in own { input type="hidden" name=(name) value=(value); }
                    (parts::button(&visit.t("web-resend-button")))
                }
            }
        }
    }
}
