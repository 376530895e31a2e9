//! The front page of a body that has no office: what it is, and where its public pages are.

use maud::html;
use web::{Page, Room, Routes, Visit};

const TEXTS: &[(kernel::Locale, &str)] = &[
    (kernel::Locale::Es, include_str!("../texts/es.ftl")),
    (kernel::Locale::Qu, include_str!("../texts/qu.ftl")),
    (kernel::Locale::En, include_str!("../texts/en.ftl")),
];

/// The room.
pub fn room() -> Room {
    Room::new("front")
        .routes(Routes::new().get("/", front).with_state(()))
        .texts(TEXTS)
}

async fn front(visit: Visit) -> Page {
    let name = visit.body().name.clone();
    let body = html! {
        p { (visit.t("tambo-front-lead")) }
        ul {
            li { a href="/verify" { (visit.t("tambo-front-verify")) } }
            li { a href="/log/checkpoint" { (visit.t("tambo-front-log")) } }
            li { a href="/sign-in" { (visit.t("tambo-front-sign-in")) } }
        }
    };
    Ok(web::page(&visit, &name, body))
}
