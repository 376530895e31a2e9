//! Codes at the desk: an official has seen the person and hands over a one-time code.

use http::StatusCode;
use kernel::Fault;
use maud::html;
use web::parts::{self, Tone};
use web::{Fields, Page, Sheet, Visit};

use super::{message, summary};
use crate::codes::IssuedCode;
use crate::domain::show_code;

pub(crate) fn codes(
    visit: &Visit,
    fields: &Fields,
    issued: Option<&IssuedCode>,
    fault: Option<&Fault>,
) -> Page {
    let typed = if issued.is_some() {
        &Fields::default()
    } else {
        fields
    };
    let body = html! {
        (summary(visit, fault))
        @if let Some(issued) = issued {
            (parts::notice(Tone::Good, &visit.t("identity-codes-issued"), html! {
                p.lead { b.code { (show_code(&issued.code)) } }
                p { (visit.tt("identity-codes-until", &[("when", visit.date_time(issued.expires_at).into())])) }
            }))
        }
        p.lead { (visit.t("identity-codes-words")) }
        form method="post" action="/codes" {
            (web::csrf_field(visit))
            (parts::field("number", &visit.t("identity-number")).digits()
                .value(typed.text("number")).error(message(visit, fault, "number")))
            (parts::field("name", &visit.t("identity-codes-name"))
                .hint(visit.t("identity-codes-name-hint"))
                .value(typed.text("name")).error(message(visit, fault, "name")))
            (parts::button(&visit.t("identity-codes-button")))
        }
    };
    let status = fault.map_or(StatusCode::OK, |fault| web::failure::status(fault.kind));
    Ok(Sheet::new(visit, &visit.t("identity-codes-title"))
        .narrow()
        .status(status)
        .show(body))
}
