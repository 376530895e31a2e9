//! My account: who I am here, my passkeys, my sessions.

use http::StatusCode;
use kernel::{Actor, Assurance, Fault, Role};
use maud::{Markup, html};
use web::parts::{self, Row, Tone};
use web::{Page, Sheet, Visit};

use super::{passkey_form, summary};
use crate::Identity;
use crate::domain::{Method, Post};
use crate::http::SCRIPT;
use crate::passkeys::KeyLine;
use crate::sessions::Session;

pub(crate) async fn account(house: &Identity, visit: &Visit, fault: Option<&Fault>) -> Page {
    let actor = visit.person()?;
    let keys = house.passkeys_of(&actor.account).await?;
    let token = visit.session.as_deref().unwrap_or("");
    let sessions = house.sessions_of(&actor.account, token).await?;
    let posts = house.posts(&actor.account).await?;
    let body = html! {
        (summary(visit, fault))
        (parts::summary_list(visit, &who(visit, actor, &posts, &sessions)))
        @if !posts.is_empty() { (roles(visit, actor, &posts)) }
        h2 { (visit.t("identity-keys-title")) }
        p { (visit.t("identity-keys-words")) }
        @if keys.is_empty() {
            (parts::notice(Tone::Info, "", html! { p { (visit.t("identity-keys-none")) } }))
        } @else { (key_list(visit, &keys)) }
        (add_key(visit))
        h2 { (visit.t("identity-sessions-title")) }
        (session_list(visit, &sessions))
    };
    let status = fault.map_or(StatusCode::OK, |fault| web::failure::status(fault.kind));
    let sheet = Sheet::new(visit, &visit.t("identity-account-title"))
        .narrow()
        .status(status);
    Ok(sheet.script(&SCRIPT.path).show(body))
}

fn who(visit: &Visit, actor: &Actor, posts: &[Post], sessions: &[Session]) -> Vec<Row> {
    let picked = sessions
        .iter()
        .any(|session| session.this && session.method == Method::Practice);
    let (tone, key) = match actor.assurance {
        _ if picked => (Tone::Info, "identity-method-practice"),
        Assurance::High => (Tone::Good, "identity-sure-high"),
        Assurance::Substantial => (Tone::Good, "identity-sure-substantial"),
        Assurance::Low => (Tone::Warn, "identity-sure-low"),
    };
    let mut rows = vec![
        Row::text(visit.t("identity-name"), &actor.name),
        Row::text(visit.t("identity-number"), &actor.subject),
        Row::markup(visit.t("identity-sure"), parts::tag(tone, &visit.t(key))),
    ];
    if let Role::Official { post, .. } = &actor.role {
        let name = posts
            .iter()
            .find(|held| held.code == *post)
            .map_or(post, |held| &held.name);
        rows.push(Row::text(visit.t("identity-post"), name));
    }
    rows
}

fn roles(visit: &Visit, actor: &Actor, posts: &[Post]) -> Markup {
    let now = match &actor.role {
        Role::Official { post, .. } => post.as_str(),
        Role::Person | Role::System => "",
    };
    html! {
        form method="post" action="/account/act" {
            (web::csrf_field(visit))
            @for post in posts.iter().filter(|post| post.code != now) {
                (parts::button_named(Tone::Info, "post", &post.code,
                    &visit.tt("identity-act-post", &[("post", post.name.clone().into())])))
            }
            @if !now.is_empty() {
                (parts::button_named(Tone::Info, "post", "", &visit.t("identity-act-person")))
            }
        }
    }
}

fn key_list(visit: &Visit, keys: &[KeyLine]) -> Markup {
    html! {
        ul.grid {
            @for key in keys {
                li.card {
                    h3 { (key.label) }
                    p.small.soft {
                        (visit.tt("identity-key-added", &[("when", visit.date(key.created_at).into())]))
                        @if let Some(used) = key.used_at {
                            br; (visit.tt("identity-key-used", &[("when", visit.date_time(used).into())]))
                        }
                    }
                    form method="post" action="/account/passkeys/remove" {
                        (web::csrf_field(visit))
                        button.btn.quiet name="id" value=(key.id) {
                            (visit.t("identity-key-remove")) span.vh { " " (key.label) }
                        }
                    }
                }
            }
        }
    }
}

fn add_key(visit: &Visit) -> Markup {
    let inner = html! {
        (parts::field("label", &visit.t("identity-key-label"))
            .hint(visit.t("identity-key-label-hint")).wide().chars_max(60))
        (parts::button(&visit.t("identity-key-add")))
    };
    let absent = visit.t("identity-passkey-absent");
    passkey_form(
        visit,
        "/account/passkeys/begin",
        "/account/passkeys",
        inner,
        &absent,
    )
}

fn session_list(visit: &Visit, sessions: &[Session]) -> Markup {
    html! {
        ol.tl {
            @for session in sessions {
                li .good[session.this] {
                    b { (visit.t(method_key(session.method))) @if session.this { " – " (visit.t("identity-session-this")) } }
                    span.soft.small {
                        (visit.tt("identity-session-when", &[
                            ("began", visit.date_time(session.created_at).into()),
                            ("used", visit.date_time(session.used_at).into())]))
                    }
                }
            }
        }
        @if sessions.len() > 1 {
            form method="post" action="/account/sessions/end" {
                (web::csrf_field(visit))
                (parts::button_quiet(&visit.t("identity-sessions-end")))
            }
        }
    }
}

const fn method_key(method: Method) -> &'static str {
    match method {
        Method::Code => "identity-method-code",
        Method::Passkey | Method::PasskeyTouch => "identity-method-passkey",
        Method::Practice => "identity-method-practice",
    }
}
