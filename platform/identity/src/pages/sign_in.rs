//! The sign-in page: passkey, one-time code, and in a practice country the people to pick from.

use http::StatusCode;
use kernel::Fault;
use maud::{Markup, html};
use web::{Fields, Page, Sheet, Visit, parts};

use super::{message, passkey_form, summary};
use crate::Identity;
use crate::domain::safe_place;
use crate::http::SCRIPT;
use crate::people::Listed;

pub(crate) async fn sign_in(
    house: &Identity,
    visit: &Visit,
    fields: &Fields,
    fault: Option<&Fault>,
) -> Page {
    let place = safe_place(fields.text("next"));
    let people = if house.practises() {
        house.people().await?
    } else {
        Vec::new()
    };
    let body = html! {
        (summary(visit, fault))
        @if place != "/" { p.lead { (visit.t("identity-sign-in-next")) } }
        section.card aria-labelledby="passkey" {
            h2 #passkey { (visit.t("identity-passkey-title")) }
            p { (visit.t("identity-passkey-words")) }
            (passkey(visit, place))
        }
        section.card aria-labelledby="code" {
            h2 #code { (visit.t("identity-code-title")) }
            p { (visit.t("identity-code-words")) }
            (code(visit, fields, place, fault))
        }
        @if !people.is_empty() { (practice(visit, place, &people)) }
    };
    let status = fault.map_or(StatusCode::OK, |fault| web::failure::status(fault.kind));
    let sheet = Sheet::new(visit, &visit.t("identity-sign-in-title"))
        .narrow()
        .status(status);
    Ok(sheet.script(&SCRIPT.path).show(body))
}

fn next(place: &str) -> Markup {
    html! { input type="hidden" name="next" value=(place); }
}

fn passkey(visit: &Visit, place: &str) -> Markup {
    let inner = html! { (next(place)) (parts::button(&visit.t("identity-passkey-button"))) };
    let absent = visit.t("identity-passkey-absent");
    passkey_form(
        visit,
        "/sign-in/passkey/begin",
        "/sign-in/passkey/finish",
        inner,
        &absent,
    )
}

fn code(visit: &Visit, fields: &Fields, place: &str, fault: Option<&Fault>) -> Markup {
    html! {
        form method="post" action="/sign-in/code" {
            (web::csrf_field(visit))
            (next(place))
            (parts::field("number", &visit.t("identity-number"))
                .hint(visit.t("identity-number-hint")).digits().autocomplete("username")
                .value(fields.text("number")).error(message(visit, fault, "number")))
            (parts::field("code", &visit.t("identity-code"))
                .hint(visit.t("identity-code-hint")).digits().autocomplete("one-time-code")
                .error(message(visit, fault, "code")))
            (parts::button_quiet(&visit.t("identity-code-button")))
        }
    }
}

fn practice(visit: &Visit, place: &str, people: &[Listed]) -> Markup {
    html! {
        section aria-labelledby="practice" {
            h2 #practice { (visit.t("identity-practice-title")) }
            p { (visit.t("identity-practice-words")) }
            form method="post" action="/sign-in/practice" {
                (web::csrf_field(visit))
                (next(place))
                ul.grid {
                    @for person in people {
                        li.card {
                            button.btn.quiet name="account" value=(person.account) { (person.name) }
                            p.small {
                                @match &person.post {
                                    Some(post) => { (parts::tag(parts::Tone::Info, post)) }
                                    None => span.soft { (visit.t("identity-practice-person")) }
                                }
                                " " span.code { (person.subject) }
                            }
                        }
                    }
                }
            }
        }
    }
}
