//! The pages of this crate: sign in, my account, codes at the desk.

mod account;
mod codes;
mod sign_in;

pub(crate) use account::account;
pub(crate) use codes::codes;
pub(crate) use sign_in::sign_in;

use kernel::Fault;
use maud::{Markup, html};
use web::Visit;

/// Name of the field that a fault is about, so that its message stands there.
fn field_of(fault: &Fault) -> &'static str {
    match fault.key.as_ref() {
        "fault-identity-number" | "fault-identity-nobody" => "number",
        "fault-identity-name" => "name",
        "fault-identity-code" | "fault-identity-tries" => "code",
        _ => "passkey",
    }
}

/// The message for `field`, if the fault is about it.
fn message(visit: &Visit, fault: Option<&Fault>, field: &str) -> Option<String> {
    fault
        .filter(|fault| field_of(fault) == field)
        .map(|fault| web::failure::told(visit, fault))
}

/// The summary of errors above the forms.
fn summary(visit: &Visit, fault: Option<&Fault>) -> Markup {
    let errors: Vec<_> = fault
        .map(|fault| (field_of(fault).to_owned(), web::failure::told(visit, fault)))
        .into_iter()
        .collect();
    web::parts::error_summary(visit, &errors)
}

/// A form that carries a passkey ceremony: the script runs it and sends the form. Without script it stays hidden, and
/// `no_script` is read instead.
fn passkey_form(
    visit: &Visit,
    begin: &str,
    finish: &str,
    inner: Markup,
    no_script: &str,
) -> Markup {
    html! {
        form #f-passkey tabindex="-1" method="post" action=(finish) data-passkey=(begin) hidden
            data-failed=(visit.t("identity-passkey-failed")) data-absent=(no_script) {
            (web::csrf_field(visit))
            input type="hidden" name="ceremony";
            input type="hidden" name="credential";
            (inner)
            p.err role="status" data-passkey-status {}
        }
        noscript { p.soft { (no_script) } }
    }
}
