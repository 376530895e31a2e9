//! Addresses of what the body offers and to whom, for officials with the right `exchange.manage`.
//!
//! Every address names codes of this body alone, so none reaches another's service. Handlers decide nothing.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use kernel::party::encode_part;
use kernel::{Actor, Fault, FaultKind, ServiceId};
use serde::Deserialize;
use web::{Audience, Failure, Fields, Form, Page, Routes, Visit};

use crate::Exchange;
use crate::domain::rights::AccessRight;
use crate::pages::services as pages;
use crate::services::change::Draft;

/// The right to change what the body offers and to whom.
pub const MANAGE: &str = "exchange.manage";

type Here = State<Exchange>;
type Named = Path<(String, String)>;

pub(super) fn routes() -> Routes<Exchange> {
    Routes::new()
        .only(Audience::Right(MANAGE))
        .get("/exchange/services", list)
        .get("/exchange/service-offer", blank)
        .post("/exchange/service-offer", offer)
        .get("/exchange/services/{subsystem}/{code}", one)
        .post("/exchange/services/{subsystem}/{code}", change)
        .get("/exchange/services/{subsystem}/{code}/change", filled)
        .get("/exchange/services/{subsystem}/{code}/grant", seek)
        .post("/exchange/services/{subsystem}/{code}/grant", grant)
        .get("/exchange/groups", groups)
        .post("/exchange/groups", change_groups)
}

fn official(visit: &Visit) -> Result<&Actor, Failure> {
    Ok(visit.official(MANAGE)?)
}

fn to(place: &str) -> Page {
    Ok(Redirect::to(place).into_response())
}

/// Where the page of a service is.
pub fn place(service: &ServiceId) -> String {
    let (subsystem, code) = (&service.subsystem.code, &service.code);
    let (subsystem, code) = (encode_part(subsystem), encode_part(code));
    format!("/exchange/services/{subsystem}/{code}")
}

async fn list(visit: Visit, State(exchange): Here) -> Page {
    let held = exchange.held_services().await?;
    let view = exchange.directory();
    let groups = exchange.held_groups().await?;
    let names = pages::Names::new(view.as_deref(), &groups);
    Ok(pages::list(&visit, &names, &held))
}

async fn blank(visit: Visit, State(exchange): Here) -> Page {
    let own = exchange.own_subsystems().await?;
    Ok(pages::offer(&visit, &own, &Fields::default(), None))
}

async fn offer(visit: Visit, State(exchange): Here, Form(fields): Form<Fields>) -> Page {
    let by = &official(&visit)?.account;
    let service = exchange.own_service(fields.text("subsystem"), fields.text("code"));
    let offered = match draft(service.clone(), &fields) {
        Ok(draft) => exchange.offer_new(&draft, by).await,
        Err(fault) => Err(fault),
    };
    match offered {
        Ok(()) => to(&place(&service)),
        Err(fault) if is_for_the_form(&fault) => {
            let own = exchange.own_subsystems().await?;
            Ok(pages::offer(&visit, &own, &fields, Some(&fault)))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// What whoever filled in the form can mend there.
fn is_for_the_form(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Invalid | FaultKind::Conflict)
}

fn draft(service: ServiceId, fields: &Fields) -> Result<Draft, Fault> {
    let wrong = |field: &'static str| Fault::invalid("fault-exchange-offer").arg("field", field);
    let timeout_seconds = match fields.text("timeout_seconds") {
        "" => None,
        text => Some(text.parse().map_err(|_| wrong("timeout_seconds"))?),
    };
    let description_url = fields.text("description_url");
    Ok(Draft {
        service,
        url: fields.text("url").to_owned(),
        timeout_seconds,
        agreement: fields.ticked("agreement"),
        description_url: (!description_url.is_empty()).then(|| description_url.to_owned()),
    })
}

async fn one(visit: Visit, State(exchange): Here, Path((subsystem, code)): Named) -> Page {
    let held = exchange.held_service(&subsystem, &code).await?;
    let view = exchange.directory();
    let groups = exchange.held_groups().await?;
    let names = pages::Names::new(view.as_deref(), &groups);
    Ok(pages::one(&visit, &names, &held))
}

async fn filled(visit: Visit, State(exchange): Here, Path((subsystem, code)): Named) -> Page {
    let held = exchange.held_service(&subsystem, &code).await?;
    Ok(pages::change(&visit, &held, &pages::fields_of(&held), None))
}

async fn change(
    visit: Visit,
    State(exchange): Here,
    Path((subsystem, code)): Named,
    Form(fields): Form<Fields>,
) -> Page {
    let by = &official(&visit)?.account;
    let service = exchange.own_service(&subsystem, &code);
    let here = place(&service);
    match fields.text("act") {
        "change" => {
            let changed = match draft(service, &fields) {
                Ok(draft) => exchange.change_offer(&draft, by).await,
                Err(fault) => Err(fault),
            };
            match changed {
                Err(fault) if is_for_the_form(&fault) => {
                    let held = exchange.held_service(&subsystem, &code).await?;
                    return Ok(pages::change(&visit, &held, &fields, Some(&fault)));
                }
                done => done?,
            }
        }
        "describe" => exchange.describe_again(&service, by).await?,
        "on" => exchange.switch(&service, true, "", by).await?,
        "off" => {
            let notice = fields.text("notice");
            exchange.switch(&service, false, notice, by).await?;
        }
        "revoke" => exchange.revoke(&right(service, &fields)?, by).await?,
        "withdraw" => {
            exchange.withdraw(&service, by).await?;
            return to("/exchange/services");
        }
        _ => return Err(Fault::invalid("fault-form").into()),
    }
    to(&here)
}

fn right(service: ServiceId, fields: &Fields) -> Result<AccessRight, Fault> {
    let wrong = |field: &'static str| Fault::invalid("fault-exchange-offer").arg("field", field);
    let subject = fields.text("subject").parse();
    Ok(AccessRight {
        subject: subject.map_err(|_| wrong("subject"))?,
        service,
        method: fields.text("method").to_owned(),
        path: fields.text("path").to_owned(),
    })
}

#[derive(Deserialize)]
struct Sought {
    #[serde(default)]
    find: String,
}

async fn seek(
    visit: Visit,
    State(exchange): Here,
    Path((subsystem, code)): Named,
    Query(sought): Query<Sought>,
) -> Page {
    let held = exchange.held_service(&subsystem, &code).await?;
    let found = exchange.candidates(&sought.find).await?;
    Ok(pages::grant(&visit, &held, (&sought.find, &found), None))
}

/// The endpoint is one of those listed (`METHOD PATH`), or verb and path as typed.
async fn grant(
    visit: Visit,
    State(exchange): Here,
    Path((subsystem, code)): Named,
    Form(fields): Form<Fields>,
) -> Page {
    let by = &official(&visit)?.account;
    let service = exchange.own_service(&subsystem, &code);
    let here = place(&service);
    let mut fields = fields;
    if let Some((method, path)) = fields.text("endpoint").split_once(' ') {
        let (method, path) = (method.to_owned(), path.to_owned());
        fields
            .0
            .retain(|(name, _)| name != "method" && name != "path");
        fields.0.push(("method".to_owned(), method));
        fields.0.push(("path".to_owned(), path));
    }
    let granted = match right(service, &fields) {
        Ok(right) => exchange.grant(&right, by).await,
        Err(fault) => Err(fault),
    };
    match granted {
        Ok(()) => to(&here),
        Err(fault) if is_for_the_form(&fault) => {
            let held = exchange.held_service(&subsystem, &code).await?;
            let found = exchange.candidates("").await?;
            Ok(pages::grant(&visit, &held, ("", &found), Some(&fault)))
        }
        Err(fault) => Err(fault.into()),
    }
}

async fn groups(visit: Visit, State(exchange): Here) -> Page {
    let view = exchange.directory();
    let groups = exchange.held_groups().await?;
    let names = pages::Names::new(view.as_deref(), &groups);
    Ok(pages::groups(&visit, &names, &groups))
}

async fn change_groups(visit: Visit, State(exchange): Here, Form(fields): Form<Fields>) -> Page {
    let by = &official(&visit)?.account;
    let code = fields.text("code");
    let client = || {
        let client = fields.text("client").parse();
        client.map_err(|_| Fault::invalid("fault-exchange-offer").arg("field", "subject"))
    };
    match fields.text("act") {
        "set" => exchange.set_group(code, fields.text("title"), by).await?,
        "enter" => exchange.change_group(code, &client()?, true, by).await?,
        "leave" => exchange.change_group(code, &client()?, false, by).await?,
        "remove" => exchange.drop_group(code, by).await?,
        _ => return Err(Fault::invalid("fault-form").into()),
    }
    to("/exchange/groups")
}
