//! What nodes ask: the card, an application, how far it is. Every answer is sealed for the asker's own number.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use kernel::{Fault, FaultKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use web::{Failure, Page, Visit};

use crate::Register;
use crate::domain::sealed;
use crate::join::Card;
use crate::sql::member::MemberRow;

/// The asker's own number, which the answer must name.
#[derive(Deserialize)]
pub struct Asked {
    nonce: String,
}

pub async fn card(State(register): State<Register>, Query(asked): Query<Asked>) -> Page {
    let parts = &register.inner.parts;
    let mut tx = register.read().await?;
    let card = Card {
        instance: parts.founding.owner.instance.clone(),
        name: parts.founding.name.clone(),
        services: parts.founding.services.clone(),
        root: parts.trust.certificate().pem(),
        pins: register.pins(),
        classes: register.rules(&mut tx).await?.classes,
        now: register.now(),
    };
    sealed_for(&register, &asked, &card)
}

pub async fn apply(
    visit: Visit,
    State(register): State<Register>,
    Query(asked): Query<Asked>,
    body: Bytes,
) -> Page {
    if !register.inner.limits.0.take(&visit.client, visit.now) {
        return Err(Fault::new(FaultKind::TooMany, "fault-registry-often").into());
    }
    nonce(&asked)?;
    let receipt = register.receive(&body).await?;
    sealed_for(&register, &asked, &receipt)
}

pub async fn standing(
    State(register): State<Register>,
    Path(number): Path<String>,
    Query(asked): Query<Asked>,
) -> Page {
    let receipt = register.standing(&number).await?;
    sealed_for(&register, &asked, &receipt)
}

fn nonce(asked: &Asked) -> Result<&str, Failure> {
    match sealed::is_nonce(&asked.nonce) {
        true => Ok(&asked.nonce),
        false => Err(Fault::invalid("fault-registry-shape").into()),
    }
}

fn sealed_for(register: &Register, asked: &Asked, body: &impl Serialize) -> Page {
    let sealed = sealed::seal(&register.inner.parts.key, nonce(asked)?, body)?;
    Ok(Json(sealed).into_response())
}

/// Members as open data.
pub fn members_json(instance: &str, rows: &[MemberRow], next: Option<&str>) -> Response {
    let members: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "name": row.name, "active": row.active,
                "since": row.since.iso_seconds(),
                "until": row.ended_at.map(|at| at.iso_seconds()),
            })
        })
        .collect();
    Json(json!({ "instance": instance, "members": members, "next": next })).into_response()
}
