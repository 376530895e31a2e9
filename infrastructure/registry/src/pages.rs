//! Pages of the register. They show and ask; what happens is decided in the stories.

pub mod application;
pub mod draw;
pub mod lists;
pub mod member;

use axum::response::Response;
use kernel::Fault;
use maud::{Markup, html};
use web::parts::{self, Tone};
use web::{Sheet, Visit, page};

use crate::domain::{Envelope, Wish, compared};
use crate::look::Drawing;
use crate::sql::application::{ApplicationRow, State};
use crate::sql::link::LinkRow;
use crate::{Founding, Register, sql};

/// What stands on the desk.
pub struct Desk {
    waiting: Vec<ApplicationRow>,
    decided: Vec<ApplicationRow>,
    links: Vec<LinkRow>,
    drawing: Drawing,
}

impl Desk {
    /// Reads it; `before` is where the list of decided applications goes on.
    ///
    /// # Errors
    /// The store failed.
    pub async fn read(register: &Register, before: Option<&str>) -> Result<Self, Fault> {
        let links = register.open_links().await?;
        let drawing = register.drawing().await?;
        let mut tx = register.read().await?;
        Ok(Self {
            waiting: sql::application::waiting(&mut tx).await?,
            decided: sql::application::decided(&mut tx, before.unwrap_or("~")).await?,
            links,
            drawing,
        })
    }
}

/// The name that an application gives, or the server's code.
fn name_of(row: &ApplicationRow) -> String {
    let heard = Envelope::parse(row.envelope.as_bytes()).and_then(|envelope| envelope.hear());
    match heard.map(|heard| heard.application.wish) {
        Ok(Wish::Join { name, .. }) => name,
        _ => row.server.to_string(),
    }
}

/// A state's tone.
pub(crate) const fn tone(state: State) -> Tone {
    match state {
        State::Waiting => Tone::Warn,
        State::Approved => Tone::Good,
        State::Refused => Tone::Bad,
        State::Withdrawn => Tone::Todo,
    }
}

/// The other pages of the register.
fn picks(visit: &Visit) -> Markup {
    let places = [
        ("/registry/members", "registry-members"),
        ("/registry/groups", "registry-groups"),
        ("/registry/services", "registry-services"),
        ("/registry/settings", "registry-settings"),
    ];
    html! {
        nav.picks aria-label=(visit.t("registry-title")) {
            @for (place, key) in places { a href=(place) { (visit.t(key)) } }
        }
    }
}

/// The desk.
pub fn front(visit: &Visit, desk: &Desk) -> Response {
    let older = desk.decided.last();
    let older = older.filter(|_| desk.decided.len() == sql::PAGE_ROWS);
    let older = older.map(|row| format!("/registry?after={}", row.number));
    let body = html! {
        (draw::quipu(visit, &desk.drawing))
        h2 { (visit.t("registry-waiting")) }
        @if desk.waiting.is_empty() { p.soft { (visit.t("registry-waiting-none")) } }
        ul.list { @for row in &desk.waiting { (card(visit, row)) } }
        (picks(visit))
        (links(visit, &desk.links))
        @if !desk.decided.is_empty() {
            h2 { (visit.t("registry-decided")) }
            ul.list { @for row in &desk.decided { (card(visit, row)) } }
        }
        (parts::pages(visit, None, older.as_deref()))
    };
    page(visit, &visit.t("registry-title"), body)
}

fn card(visit: &Visit, row: &ApplicationRow) -> Markup {
    let place = format!("/registry/applications/{}", row.number);
    html! {
        li.card {
            div.head {
                h3 { a href=(place) { (name_of(row)) } }
                (parts::tag(tone(row.state), &visit.t(&format!("registry-state-{}", row.state.text()))))
            }
            p { (visit.t(&format!("registry-kind-{}", row.kind))) " · " (visit.time(row.made_at)) }
            p.code { (compared(&row.digest)) }
        }
    }
}

fn links(visit: &Visit, links: &[LinkRow]) -> Markup {
    html! {
        h2 { (visit.t("registry-links")) }
        p { (visit.t("registry-links-lead")) }
        form method="post" action="/registry/links" {
            (web::csrf_field(visit))
            (parts::button(&visit.t("registry-link-make")))
        }
        ul.list {
            @for link in links {
                li.card {
                    h3 { a href={ "/registry/links/" (link.id) } { (visit.t("registry-link")) " " span.code { (link.id) } } }
                    p { (visit.t("registry-link-until")) " " (visit.time(link.until)) }
                    @if let Some(member) = &link.member { p.code { (member) } }
                }
            }
        }
    }
}

/// One link, to be copied or revoked.
pub fn link(visit: &Visit, row: &LinkRow, whole: &str) -> Response {
    let body = html! {
        p.lead { (visit.t("registry-link-lead")) }
        p.card.code { (whole) }
        p { (parts::copy_button(&visit.t("registry-copy"), whole, &visit.t("registry-copied"))) }
        p { (visit.t("registry-link-until")) " " (visit.time(row.until)) ". " (visit.t("registry-link-once")) }
        form method="post" action={ "/registry/links/" (row.id) } {
            (web::csrf_field(visit))
            (parts::button_bad(&visit.t("registry-link-revoke")))
        }
    };
    Sheet::new(visit, &visit.t("registry-link"))
        .narrow()
        .back("/registry")
        .show(body)
}

/// What to do with a link that somebody opened in a browser. The link's own part never reaches this server.
pub fn join(visit: &Visit, founding: &Founding) -> Response {
    let name = visit.tt(
        "registry-join-lead",
        &[("name", founding.name.clone().into())],
    );
    let body = html! {
        p.lead { (name) }
        ol.way {
            li { (visit.t("registry-join-1")) }
            li { (visit.t("registry-join-2")) p.code { "tambo init --join '…' /srv/tambo" } }
            li { (visit.t("registry-join-3")) }
            li { (visit.t("registry-join-4")) p.code { "tambo serve --config /srv/tambo/settings.toml" } }
        }
        (parts::notice(Tone::Info, "", html! { p { (visit.t("registry-join-safe")) } }))
    };
    Sheet::new(visit, &visit.t("registry-join"))
        .narrow()
        .show(body)
}
