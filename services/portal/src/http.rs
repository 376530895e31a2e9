//! The portal's addresses: parse, call the story, show the page.

use ::http::header;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{Actor, Fault, FaultKind};
use serde::Deserialize;
use web::{Audience, Failure, Fields, Form, Page, Room, Routes, Upload, Visit};

use crate::checking::{Checking, Filed};
use crate::deciding::Act;
use crate::filling::Answered;
use crate::following::case_id;
use crate::views::Filter;
use crate::{Portal, TEXTS, kept, pages, sql};

/// The right that opens the desk.
const DESK: Audience = Audience::Right(workflow::access::READ);

/// What the portal brings to a house.
pub(crate) fn room(portal: Portal) -> Room {
    let routes = Routes::new()
        .get("/", home)
        .get("/procedures", catalogue)
        .get("/procedures/{id}", procedure)
        .get("/receipts/{code}", verify_receipt)
        // Everybody may send what takes long to write: what comes after the session ended is kept, not lost, and
        // nothing is done. The handlers ask for the person or the official themselves, and `workflow` asks again.
        .post("/procedures/{id}/form/{step}", answer_step)
        .post("/cases/{case}/answer", answer)
        .post("/desk/{case}/{act}", act)
        .only(Audience::Person)
        .post("/procedures/{id}/start", start)
        .get("/procedures/{id}/start", start)
        .get("/procedures/{id}/form", resume)
        .get("/procedures/{id}/form/{step}", step)
        .get("/procedures/{id}/check", check)
        .post("/procedures/{id}/file", file)
        .get("/procedures/{id}/file", resume)
        .get("/cases", cases)
        .get("/cases/{case}", case)
        .get("/cases/{case}/receipt", receipt)
        .get("/cases/{case}/answer", to_case)
        .get("/my-data", my_data)
        .only(DESK)
        .get("/desk", desk)
        .get("/desk/{case}", desk_case)
        .get("/desk/{case}/{act}", to_desk_case)
        .with_state(portal);
    Room::new("portal")
        .migrations(sql::MIGRATIONS)
        .routes(routes)
        .texts(TEXTS)
        .menu("/procedures", "portal-menu-procedures", Audience::Everybody)
        .menu("/cases", "portal-menu-cases", Audience::Person)
        .menu("/my-data", "portal-menu-looks", Audience::Person)
        .menu("/desk", "portal-menu-desk", DESK)
}

/// The fields of a form with or without files: a step's form has files only if it asks for one.
struct Sent(Upload);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let with_files = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
        if with_files {
            return Upload::from_request(request, state).await.map(Self);
        }
        let Form(fields) = Form::<Fields>::from_request(request, state).await?;
        Ok(Self(Upload {
            fields,
            files: Vec::new(),
        }))
    }
}

fn to(place: &str) -> Response {
    Redirect::to(place).into_response()
}

async fn home(visit: Visit, State(portal): State<Portal>) -> Page {
    pages::home::home(&visit, &portal.catalogue(visit.locale))
}

async fn catalogue(visit: Visit, State(portal): State<Portal>) -> Page {
    pages::catalogue::catalogue(&visit, &portal.catalogue(visit.locale))
}

async fn procedure(visit: Visit, State(portal): State<Portal>, Path(id): Path<String>) -> Page {
    pages::procedure::procedure(&visit, &portal.describe(&visit, &id).await?)
}

/// Beginning needs nothing but a place to begin; signing in leads back here by GET.
async fn start(visit: Visit, State(portal): State<Portal>, Path(id): Path<String>) -> Page {
    Ok(to(&portal.resume(visit.person()?, &id).await?))
}

async fn resume(visit: Visit, State(portal): State<Portal>, Path(id): Path<String>) -> Page {
    Ok(to(&portal.resume(visit.person()?, &id).await?))
}

#[derive(Deserialize)]
struct Then {
    #[serde(default)]
    then: String,
}

async fn step(
    visit: Visit,
    State(portal): State<Portal>,
    Path((id, step)): Path<(String, String)>,
    Query(Then { then }): Query<Then>,
) -> Page {
    let view = portal
        .step(&visit, visit.person()?, &id, &step, &then)
        .await?;
    pages::form::form(&visit, &view)
}

async fn answer_step(
    visit: Visit,
    State(portal): State<Portal>,
    Path((id, step)): Path<(String, String)>,
    Sent(sent): Sent,
) -> Page {
    let Some(actor) = &visit.actor else {
        return kept_aside(&portal, &visit, &visit.path, &sent.fields).await;
    };
    match portal
        .answer_step(&visit, actor, (&id, &step), sent)
        .await?
    {
        Answered::Next(place) => Ok(to(&place)),
        Answered::Wrong(view) => pages::form::form(&visit, &view),
    }
}

/// The session has ended: keeps what was typed for the page `place`, and leads to signing in.
async fn kept_aside(portal: &Portal, visit: &Visit, place: &str, fields: &Fields) -> Page {
    kept::keep(&portal.store, visit, place, fields).await?;
    Err(Fault::new(FaultKind::Unauthenticated, "fault-sign-in").into())
}

async fn check(visit: Visit, State(portal): State<Portal>, Path(id): Path<String>) -> Page {
    match portal.check(&visit, visit.person()?, &id).await? {
        Checking::Page(view) => pages::check::check(&visit, &view),
        Checking::Incomplete(place) => Ok(to(&place)),
    }
}

async fn file(
    visit: Visit,
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Page {
    match portal.file(&visit, visit.person()?, &id, &fields).await? {
        Filed::Case(case) => Ok(to(&format!("/cases/{case}/receipt"))),
        Filed::Wrong(view) => pages::check::check(&visit, &view),
    }
}

#[derive(Deserialize)]
struct Listed {
    saved: Option<String>,
    before: Option<String>,
}

async fn cases(
    visit: Visit,
    State(portal): State<Portal>,
    Query(Listed { saved, before }): Query<Listed>,
) -> Page {
    let actor = visit.person()?;
    if actor.is_official() {
        return Ok(to("/desk"));
    }
    let before = before.as_deref().map(case_id).transpose()?;
    let (cards, older) = portal.cases(&visit, actor, before).await?;
    pages::cases::cases(&visit, &cards, saved.is_some(), older.as_deref())
}

async fn case(visit: Visit, State(portal): State<Portal>, Path(id): Path<String>) -> Page {
    let view = portal.case(&visit, visit.person()?, case_id(&id)?).await?;
    pages::case::case(&visit, &view)
}

async fn receipt(visit: Visit, State(portal): State<Portal>, Path(id): Path<String>) -> Page {
    let view = portal
        .receipt(&visit, visit.person()?, case_id(&id)?)
        .await?;
    pages::receipt::receipt(&visit, &view)
}

async fn verify_receipt(
    visit: Visit,
    State(portal): State<Portal>,
    Path(code): Path<String>,
) -> Page {
    pages::receipt::verified(&visit, &portal.verify_receipt(&visit, &code).await?)
}

async fn answer(
    visit: Visit,
    State(portal): State<Portal>,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Page {
    let case = case_id(&id)?;
    let Some(actor) = &visit.actor else {
        return kept_aside(&portal, &visit, &format!("/cases/{case}"), &sent.fields).await;
    };
    match portal.answer(&visit, actor, case, &sent).await {
        Ok(()) => Ok(to(&format!("/cases/{case}"))),
        Err(fault) if matches!(fault.kind, FaultKind::Invalid | FaultKind::TooLarge) => {
            let mut view = portal.case(&visit, actor, case).await?;
            if let Some(observation) = &mut view.observation {
                observation.error = Some(web::failure::told(&visit, &fault));
                observation.typed = sent.fields.text("text").to_owned();
            }
            pages::case::case(&visit, &view)
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Where a form was sent to and the session had ended: signing in leads here by GET.
async fn to_case(Path(id): Path<String>) -> Page {
    Ok(to(&format!("/cases/{}", case_id(&id)?)))
}

async fn my_data(visit: Visit, State(portal): State<Portal>) -> Page {
    pages::my_data::my_data(&visit, &portal.looks(&visit, visit.person()?).await?)
}

#[derive(Deserialize)]
struct Show {
    #[serde(default)]
    show: String,
    after: Option<String>,
}

async fn desk(visit: Visit, State(portal): State<Portal>, Query(show): Query<Show>) -> Page {
    let filter = Filter::parse(&show.show);
    let view = portal
        .desk(&visit, official(&visit)?, filter, show.after)
        .await?;
    pages::desk::desk(&visit, &view)
}

async fn desk_case(visit: Visit, State(portal): State<Portal>, Path(id): Path<String>) -> Page {
    let view = portal
        .desk_case(&visit, official(&visit)?, case_id(&id)?, None)
        .await?;
    pages::desk_case::desk_case(&visit, &view)
}

async fn act(
    visit: Visit,
    State(portal): State<Portal>,
    Path((id, act)): Path<(String, String)>,
    Form(fields): Form<Fields>,
) -> Page {
    let (case, act) = (case_id(&id)?, Act::parse(&act)?);
    if visit.actor.is_none() {
        return kept_aside(&portal, &visit, &format!("/desk/{case}"), &fields).await;
    }
    match portal
        .act(&visit, official(&visit)?, case, act, &fields)
        .await?
    {
        None => Ok(to(&format!("/desk/{case}"))),
        Some(view) => pages::desk_case::desk_case(&visit, &view),
    }
}

async fn to_desk_case(Path((id, _)): Path<(String, String)>) -> Page {
    Ok(to(&format!("/desk/{}", case_id(&id)?)))
}

fn official(visit: &Visit) -> Result<&Actor, Fault> {
    visit.official(workflow::access::READ)
}
