//! What people see and do: the official's desk, and the public list of members.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect};
use kernel::{Actor, Fault, MemberId, ServerId, SubsystemId};
use serde::Deserialize;
use web::{Failure, Fields, Form, Page, Visit};

use super::{MANAGE, members_json};
use crate::members::Member;
use crate::rules::KINDS;
use crate::{Link, Register, pages};

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

impl Paging {
    /// The last one seen; empty for the beginning.
    pub fn after(&self) -> &str {
        self.after.as_deref().unwrap_or("")
    }
}

pub async fn join(visit: Visit, State(register): Here) -> Page {
    Ok(pages::join(&visit, register.founding()))
}

pub async fn front(visit: Visit, State(register): Here, Query(paging): Query<Paging>) -> Page {
    let desk = pages::Desk::read(&register, paging.after.as_deref()).await?;
    Ok(pages::front(&visit, &desk))
}

pub async fn make_link(visit: Visit, State(register): Here, Form(fields): Form<Fields>) -> Page {
    let link = link_made(&register, &official(&visit)?, &fields).await?;
    to(&format!("/registry/links/{}", link.id))
}

/// Makes a link, for one member if the fields name it.
pub async fn link_made(register: &Register, by: &Actor, fields: &Fields) -> Result<Link, Fault> {
    let text = fields.text("member");
    let member = match text.is_empty() {
        true => None,
        false => Some(text.parse().map_err(|_| field("member"))?),
    };
    register.make_link(by, member.as_ref()).await
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
    decided(&register, &official(&visit)?, &number, &fields).await?;
    to(&format!("/registry/applications/{number}"))
}

/// Approves an application whose fingerprint was compared, or refuses it.
pub async fn decided(
    register: &Register,
    by: &Actor,
    number: &str,
    fields: &Fields,
) -> Result<(), Fault> {
    match fields.text("decision") {
        "approve" if !fields.ticked("compared") => Err(Fault::invalid("fault-registry-compare")),
        "approve" => register.approve(by, number).await,
        "refuse" => register.refuse(by, number, fields.text("why")).await,
        _ => Err(field("decision")),
    }
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
    let id = member_changed(&register, &by, (&class, &code), &fields).await?;
    to(&pages::member::place(&id))
}

/// One act on a member or one of its servers.
pub async fn member_changed(
    register: &Register,
    by: &Actor,
    (class, code): (&str, &str),
    fields: &Fields,
) -> Result<MemberId, Fault> {
    let member = register.member(class, code).await?;
    let server = || server_of(&member, fields.text("server"));
    let (what, why) = (fields.text("subsystem"), fields.text("why"));
    match fields.text("act") {
        "add-subsystem" => register.add_subsystem(by, &server()?, what).await?,
        "remove-subsystem" => register.remove_subsystem(by, &server()?, what).await?,
        "maintenance-on" => register.maintain(by, &server()?, true, why).await?,
        "maintenance-off" => register.maintain(by, &server()?, false, "").await?,
        "delete-server" => register.delete_server(by, &server()?, why).await?,
        "revoke" => register.revoke_member(by, &member.row.id, why).await?,
        _ => return Err(field("act")),
    }
    Ok(member.row.id)
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
    groups_changed(&register, &official(&visit)?, &fields).await?;
    to("/registry/groups")
}

/// One act on a group.
pub async fn groups_changed(register: &Register, by: &Actor, fields: &Fields) -> Result<(), Fault> {
    let code = fields.text("code");
    let subsystem = || -> Result<SubsystemId, Fault> {
        let text = fields.text("subsystem");
        text.parse().map_err(|_| field("subsystem"))
    };
    match fields.text("act") {
        "put" => register.put_group(by, code, fields.text("name")).await,
        "remove" => register.remove_group(by, code).await,
        "join" => register.join_group(by, code, &subsystem()?).await,
        "leave" => register.leave_group(by, code, &subsystem()?).await,
        _ => Err(field("act")),
    }
}

pub async fn services(visit: Visit, State(register): Here) -> Page {
    Ok(pages::lists::services(&visit, &register.services().await?))
}

pub async fn change_services(
    visit: Visit,
    State(register): Here,
    Form(fields): Form<Fields>,
) -> Page {
    services_changed(&register, &official(&visit)?, &fields).await?;
    to("/registry/services")
}

/// Approves or retires a trust service.
pub async fn services_changed(
    register: &Register,
    by: &Actor,
    fields: &Fields,
) -> Result<(), Fault> {
    match fields.text("act") {
        "approve" => {
            let kind = (fields.text("kind"), fields.text("profile"));
            let named = (fields.text("name"), fields.text("url"));
            let pem = fields.text("certificate");
            register.approve_service(by, kind, named, pem).await
        }
        "retire" => register.retire_service(by, fields.text("id")).await,
        _ => Err(field("act")),
    }
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
    settings_changed(&register, &official(&visit)?, &fields).await?;
    to("/registry/settings")
}

/// Sets what is granted without a person, and the classes.
pub async fn settings_changed(
    register: &Register,
    by: &Actor,
    fields: &Fields,
) -> Result<(), Fault> {
    let ticked: Vec<&str> = fields.all("granted").collect();
    let kinds = KINDS.iter().map(|(kind, _)| *kind);
    let granted: Vec<&str> = kinds.filter(|kind| ticked.contains(kind)).collect();
    let classes = fields.text("classes");
    register.set_rules(by, &granted, classes).await
}
