//! The register's API: what the desk's pages do, for programs with a token (`Authorization: Bearer NAME.SECRET`).
//!
//! JSON both ways. An act is an object with the names that the page's form has, and goes the same way as the form. A session
//! counts for nothing here, so no page of another site can act through somebody's browser.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kernel::{Actor, Fault, FaultKind};
use serde_json::{Map, Value, json};
use web::{Failure, Fields, Page, Visit};

use super::desk::{self, Paging};
use crate::Register;
use crate::domain::compared;
use crate::members::Member;
use crate::sql::application::ApplicationRow;

type Here = State<Register>;

/// Longest act, in bytes: a certificate in PEM is the longest value.
const ACT_BYTES_MAX: usize = 64 * 1024;

/// Whose token came with the request. Wrong ones are counted against the sender's address.
async fn program(register: &Register, visit: &Visit, headers: &HeaderMap) -> Result<Actor, Fault> {
    let shown = headers.get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match register.program(shown.unwrap_or("")).await {
        Err(fault)
            if fault.kind == FaultKind::Unauthenticated
                && !register.inner.limits.0.take(&visit.client, visit.now) =>
        {
            Err(Fault::new(FaultKind::TooMany, "fault-registry-often"))
        }
        other => other,
    }
}

/// A flat object of texts, and lists of texts, as a form would send it.
fn fields(body: &Bytes) -> Result<Fields, Fault> {
    let wrong = || Fault::invalid("fault-registry-shape");
    if body.len() > ACT_BYTES_MAX {
        return Err(Fault::new(FaultKind::TooLarge, "fault-too-large"));
    }
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(|_| wrong())?;
    let mut fields = Vec::new();
    for (name, value) in object {
        match value {
            Value::String(text) => fields.push((name, text)),
            Value::Array(list) => {
                for one in list {
                    let text = one.as_str().ok_or_else(wrong)?;
                    fields.push((name.clone(), text.to_owned()));
                }
            }
            _ => return Err(wrong()),
        }
    }
    Ok(Fields(fields))
}

fn told(value: Value) -> Page {
    Ok(Json(value).into_response())
}

/// An error is told in JSON, whatever the client says that it accepts: no way leads to a sign-in page from here.
fn answer(done: Result<Value, Fault>) -> Page {
    match done {
        Ok(value) => told(value),
        Err(fault) if fault.kind == FaultKind::Unauthenticated => {
            let body = Json(json!({ "error": fault.key }));
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            let refused: Response =
                (axum::http::StatusCode::UNAUTHORIZED, challenge, body).into_response();
            Ok(refused)
        }
        Err(fault) => Err(Failure::from(fault)),
    }
}

/// Everything that one request needs: register, who asks, and where.
pub struct Call {
    register: Register,
    by: Actor,
}

async fn call(register: Register, visit: &Visit, headers: &HeaderMap) -> Result<Call, Fault> {
    let by = program(&register, visit, headers).await?;
    Ok(Call { register, by })
}

pub async fn applications(visit: Visit, State(register): Here, headers: HeaderMap) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            let rows = call.register.waiting().await?;
            Ok(json!({ "applications": rows.iter().map(application_json).collect::<Vec<_>>() }))
        }
        .await,
    )
}

pub async fn application(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    Path(number): Path<String>,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            let row = call.register.application(&number).await?;
            Ok(application_json(&row))
        }
        .await,
    )
}

fn application_json(row: &ApplicationRow) -> Value {
    json!({
        "number": row.number, "kind": row.kind, "server": row.server, "state": row.state.text(),
        "fingerprint": compared(&row.digest), "made_at": row.made_at.iso_seconds(),
        "decided_at": row.decided_at.map(|at| at.iso_seconds()), "decided_by": row.decided_by, "why": row.why,
    })
}

/// Approving needs the fingerprint that the applicant's screen shows: what the page asks a person to compare.
pub async fn decide(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    Path(number): Path<String>,
    body: Bytes,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            let mut fields = fields(&body)?;
            let row = call.register.application(&number).await?;
            if fields.text("fingerprint") == compared(&row.digest) {
                fields.0.push(("compared".to_owned(), "yes".to_owned()));
            }
            desk::decided(&call.register, &call.by, &number, &fields).await?;
            Ok(application_json(&call.register.application(&number).await?))
        }
        .await,
    )
}

pub async fn members(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    Query(paging): Query<Paging>,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            let rows = call.register.members(paging.after()).await?;
            let full = rows.len() == crate::sql::PAGE_ROWS;
            let next = rows.last().filter(|_| full).map(|row| row.id.to_string());
            let list: Vec<Value> = rows
                .iter()
                .map(|row| json!({ "id": row.id, "name": row.name, "active": row.active }))
                .collect();
            Ok(json!({ "members": list, "next": next }))
        }
        .await,
    )
}

pub async fn member(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    Path((class, code)): Path<(String, String)>,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            Ok(member_json(&call.register.member(&class, &code).await?))
        }
        .await,
    )
}

fn member_json(member: &Member) -> Value {
    let servers = member.servers.iter().map(|(server, clients, certificates)| {
        let certificates = certificates.iter().map(|one| {
            json!({ "purpose": one.purpose, "serial": one.serial, "sha256": one.sha256, "until": one.not_after.iso_seconds() })
        });
        json!({
            "id": server.id, "address": server.address, "maintenance": server.maintenance, "notice": server.notice,
            "subsystems": clients, "certificates": certificates.collect::<Vec<_>>(),
        })
    });
    json!({
        "id": member.row.id, "name": member.row.name, "active": member.row.active, "why": member.row.why,
        "subsystems": member.subsystems, "servers": servers.collect::<Vec<_>>(),
    })
}

pub async fn change_member(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    Path((class, code)): Path<(String, String)>,
    body: Bytes,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            let fields = fields(&body)?;
            desk::member_changed(&call.register, &call.by, (&class, &code), &fields).await?;
            Ok(member_json(&call.register.member(&class, &code).await?))
        }
        .await,
    )
}

pub async fn groups(visit: Visit, State(register): Here, headers: HeaderMap) -> Page {
    answer(async { call(register, &visit, &headers).await?.groups().await }.await)
}

pub async fn change_groups(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    body: Bytes,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            desk::groups_changed(&call.register, &call.by, &fields(&body)?).await?;
            call.groups().await
        }
        .await,
    )
}

pub async fn services(visit: Visit, State(register): Here, headers: HeaderMap) -> Page {
    answer(async { call(register, &visit, &headers).await?.services().await }.await)
}

pub async fn change_services(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    body: Bytes,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            desk::services_changed(&call.register, &call.by, &fields(&body)?).await?;
            call.services().await
        }
        .await,
    )
}

pub async fn settings(visit: Visit, State(register): Here, headers: HeaderMap) -> Page {
    answer(async { call(register, &visit, &headers).await?.settings().await }.await)
}

pub async fn change_settings(
    visit: Visit,
    State(register): Here,
    headers: HeaderMap,
    body: Bytes,
) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            desk::settings_changed(&call.register, &call.by, &fields(&body)?).await?;
            call.settings().await
        }
        .await,
    )
}

/// Makes a join link (`member` for one that lost its server), or revokes one (`revoke`: its first part).
pub async fn links(visit: Visit, State(register): Here, headers: HeaderMap, body: Bytes) -> Page {
    answer(
        async {
            let call = call(register, &visit, &headers).await?;
            let fields = fields(&body)?;
            let id = fields.text("revoke");
            if !id.is_empty() {
                call.register.revoke_link(&call.by, id).await?;
                return Ok(json!({ "revoked": id }));
            }
            let link = desk::link_made(&call.register, &call.by, &fields).await?;
            Ok(json!({ "id": link.id, "link": link.to_string() }))
        }
        .await,
    )
}

impl Call {
    async fn groups(&self) -> Result<Value, Fault> {
        let rows = self.register.groups().await?;
        let groups = rows
            .iter()
            .map(|row| json!({ "code": row.code, "name": row.name, "members": row.members }));
        Ok(json!({ "groups": groups.collect::<Vec<_>>() }))
    }

    async fn services(&self) -> Result<Value, Fault> {
        let rows = self.register.services().await?;
        let services = rows.iter().map(|row| {
            let since = row.since.iso_seconds();
            json!({ "id": row.id, "kind": row.kind, "name": row.name, "url": row.url, "profile": row.profile, "since": since })
        });
        Ok(json!({ "services": services.collect::<Vec<_>>() }))
    }

    async fn settings(&self) -> Result<Value, Fault> {
        let mut tx = self.register.read().await?;
        let rules = self.register.rules(&mut tx).await?;
        Ok(json!({ "granted": rules.granted, "classes": rules.classes.join(" ") }))
    }
}
