//! What people see and do: the official's desk, and the public list of members.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use kernel::{Actor, Fault, ServerId, SubsystemId};
use serde::Deserialize;
use web::{Failure, Fields, Form, Page, Visit};

use super::{MANAGE, members_json};
use crate::members::Member;
use crate::rules::KINDS;
use crate::{Register, pages};

type Here = State<Register>;

fn official(visit: &Visit) -> Result<Actor, Failure> {
    Ok(visit.official(MANAGE)?.clone())
}

fn to(place: &str) -> Page {
    Ok(Redirect::to(place).into_response())
}

fn field(name: &'static str) -> Fault {
    Fault::invalid("fault-registry-field").arg("field", name)
}

/// From where a list goes on.
#[derive(Deserialize)]
pub struct Paging {
    after: Option<String>,
}

pub async fn join(visit: Visit, State(register): Here) -> Page {
    Ok(pages::join(&visit, register.founding()))
}

pub async fn front(visit: Visit, State(register): Here, Query(paging): Query<Paging>) -> Page {
    let desk = pages::Desk::read(&register, paging.after.as_deref()).await?;
    Ok(pages::front(&visit, &desk))
}

pub async fn make_link(visit: Visit, State(register): Here, Form(fields): Form<Fields>) -> Page {
    let text = fields.text("member");
    let member = match text.is_empty() {
        true => None,
        false => Some(text.parse().map_err(|_| field("member"))?),
    };
    let link = register
        .make_link(&official(&visit)?, member.as_ref())
        .await?;
    to(&format!("/registry/links/{}", link.id))
}

pub async fn link(visit: Visit, State(register): Here, Path(id): Path<String>) -> Page {
    let row = register.open_link_row(&id).await?;
    let link = register.link_of(&row);
    Ok(pages::link(&visit, &row, &link.to_string()))
}

pub async fn revoke_link(
    visit: Visit,
    State(register): Here,
    Path(id): Path<String>,
    Form(_): Form<Fields>,
) -> Page {
    register.revoke_link(&official(&visit)?, &id).await?;
    to("/registry")
}

pub async fn application(visit: Visit, State(register): Here, Path(number): Path<String>) -> Page {
    let row = register.application(&number).await?;
    let (warnings, member) = register.before_deciding(&row).await?;
    Ok(pages::application::show(
        &visit,
        &row,
        &warnings,
        member.as_ref(),
    ))
}

pub async fn decide(
    visit: Visit,
    State(register): Here,
    Path(number): Path<String>,
    Form(fields): Form<Fields>,
) -> Page {
    let by = official(&visit)?;
    match fields.text("decision") {
        "approve" if !fields.ticked("compared") => {
            return Err(Fault::invalid("fault-registry-compare").into());
        }
        "approve" => register.approve(&by, &number).await?,
        "refuse" => register.refuse(&by, &number, fields.text("why")).await?,
        _ => return Err(field("decision").into()),
    }
    to(&format!("/registry/applications/{number}"))
}

pub async fn members(visit: Visit, State(register): Here, Query(paging): Query<Paging>) -> Page {
    let rows = register
        .members(paging.after.as_deref().unwrap_or(""))
        .await?;
    let full = rows.len() == crate::sql::PAGE_ROWS;
    let next = rows.last().filter(|_| full).map(|row| row.id.to_string());
    if visit.wants_json() {
        let instance = &register.founding().owner.instance;
        return Ok(members_json(instance, &rows, next.as_deref()));
    }
    let drawing = register.drawing().await?;
    Ok(pages::member::list(
        &visit,
        &rows,
        &drawing,
        next.as_deref(),
    ))
}

pub async fn member(
    visit: Visit,
    State(register): Here,
    Path((class, code)): Path<(String, String)>,
) -> Page {
    let member = register.member(&class, &code).await?;
    let own = member.row.id == register.founding().owner;
    Ok(pages::member::show(&visit, &member, own))
}

pub async fn change_member(
    visit: Visit,
    State(register): Here,
    Path((class, code)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Page {
    let by = official(&visit)?;
    let member = register.member(&class, &code).await?;
    let server = || server_of(&member, fields.text("server"));
    let (what, why) = (fields.text("subsystem"), fields.text("why"));
    match fields.text("act") {
        "add-subsystem" => register.add_subsystem(&by, &server()?, what).await?,
        "remove-subsystem" => register.remove_subsystem(&by, &server()?, what).await?,
        "maintenance-on" => register.maintain(&by, &server()?, true, why).await?,
        "maintenance-off" => register.maintain(&by, &server()?, false, "").await?,
        "delete-server" => register.delete_server(&by, &server()?, why).await?,
        "revoke" => register.revoke_member(&by, &member.row.id, why).await?,
        _ => return Err(field("act").into()),
    }
    to(&pages::member::place(&member.row.id))
}

/// The member's own server with this code: a form can't reach another's.
fn server_of(member: &Member, code: &str) -> Result<ServerId, Fault> {
    let found = member.servers.iter().find(|(row, ..)| row.id.code == code);
    found
        .map(|(row, ..)| row.id.clone())
        .ok_or_else(|| Fault::missing("fault-registry-server"))
}

pub async fn groups(visit: Visit, State(register): Here) -> Page {
    Ok(pages::lists::groups(&visit, &register.groups().await?))
}

pub async fn change_groups(
    visit: Visit,
    State(register): Here,
    Form(fields): Form<Fields>,
) -> Page {
    let (by, code) = (official(&visit)?, fields.text("code"));
    let subsystem = || -> Result<SubsystemId, Fault> {
        let text = fields.text("subsystem");
        text.parse().map_err(|_| field("subsystem"))
    };
    match fields.text("act") {
        "put" => register.put_group(&by, code, fields.text("name")).await?,
        "remove" => register.remove_group(&by, code).await?,
        "join" => register.join_group(&by, code, &subsystem()?).await?,
        "leave" => register.leave_group(&by, code, &subsystem()?).await?,
        _ => return Err(field("act").into()),
    }
    to("/registry/groups")
}

pub async fn services(visit: Visit, State(register): Here) -> Page {
    Ok(pages::lists::services(&visit, &register.services().await?))
}

pub async fn change_services(
    visit: Visit,
    State(register): Here,
    Form(fields): Form<Fields>,
) -> Page {
    let by = official(&visit)?;
    match fields.text("act") {
        "approve" => {
            let kind = (fields.text("kind"), fields.text("profile"));
            let named = (fields.text("name"), fields.text("url"));
            let pem = fields.text("certificate");
            register.approve_service(&by, kind, named, pem).await?;
        }
        "retire" => register.retire_service(&by, fields.text("id")).await?,
        _ => return Err(field("act").into()),
    }
    to("/registry/services")
}

pub async fn settings(visit: Visit, State(register): Here) -> Page {
    let mut tx = register.read().await?;
    let rules = register.rules(&mut tx).await?;
    Ok(pages::lists::settings(&visit, &rules))
}

pub async fn change_settings(
    visit: Visit,
    State(register): Here,
    Form(fields): Form<Fields>,
) -> Page {
    let by = official(&visit)?;
    let ticked: Vec<&str> = fields.all("granted").collect();
    let kinds = KINDS.iter().map(|(kind, _)| *kind);
    let granted: Vec<&str> = kinds.filter(|kind| ticked.contains(kind)).collect();
    register
        .set_rules(&by, &granted, fields.text("classes"))
        .await?;
    to("/registry/settings")
}
