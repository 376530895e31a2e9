//! The addresses of the register: signed answers for machines, open data for everybody, pages for officials.
//!
//! Handlers decide nothing. What machines send is signed in itself and needs no session; what they get is sealed with the
//! key that links pin. Rights: `registry.manage` for everything that changes something.

mod api;
mod desk;
mod machines;

use web::limits::Buckets;
use web::{Audience, Room, Routes};

use crate::Register;

pub use machines::members_json;

/// The right to decide who is a member, and everything else of the register.
pub const MANAGE: &str = "registry.manage";

/// Applications that one client address may send at once, and one more each second: a hosting centre joins a hundred
/// bodies from one address, and a guesser gets nowhere with it.
const APPLICATIONS_BURST: u32 = 30;

/// This crate's texts.
pub const TEXTS: &[(kernel::Locale, &str)] = &[
    (kernel::Locale::Es, include_str!("../texts/es.ftl")),
    (kernel::Locale::Qu, include_str!("../texts/qu.ftl")),
    (kernel::Locale::En, include_str!("../texts/en.ftl")),
];

/// How often each client may apply.
pub(crate) struct Attempts(pub Buckets);

impl Default for Attempts {
    fn default() -> Self {
        Self(Buckets::new(APPLICATIONS_BURST, 1))
    }
}

impl Register {
    /// What the register brings to the authority's house.
    pub fn room(&self) -> Room {
        Room::new("registry")
            .migrations(crate::MIGRATIONS)
            .texts(TEXTS)
            .routes(routes(self.clone()))
            .menu("/registry", "registry-menu", Audience::Right(MANAGE))
            .menu(
                "/registry/members",
                "registry-menu-members",
                Audience::Everybody,
            )
    }
}

fn routes(register: Register) -> Routes {
    Routes::new()
        .get("/registry/v1/card", machines::card)
        .post("/registry/v1/applications", machines::apply)
        .get("/registry/v1/applications/{number}", machines::standing)
        .get("/registry/api/applications", api::applications)
        .get("/registry/api/applications/{number}", api::application)
        .post("/registry/api/applications/{number}", api::decide)
        .get("/registry/api/members", api::members)
        .get("/registry/api/members/{class}/{code}", api::member)
        .post("/registry/api/members/{class}/{code}", api::change_member)
        .get("/registry/api/groups", api::groups)
        .post("/registry/api/groups", api::change_groups)
        .get("/registry/api/services", api::services)
        .post("/registry/api/services", api::change_services)
        .get("/registry/api/settings", api::settings)
        .post("/registry/api/settings", api::change_settings)
        .post("/registry/api/links", api::links)
        .get("/join", desk::join)
        .get("/registry/members", desk::members)
        .get("/registry/members/{class}/{code}", desk::member)
        .only(Audience::Right(MANAGE))
        .get("/registry", desk::front)
        .post("/registry/links", desk::make_link)
        .get("/registry/links/{id}", desk::link)
        .post("/registry/links/{id}", desk::revoke_link)
        .get("/registry/applications/{number}", desk::application)
        .post("/registry/applications/{number}", desk::decide)
        .post("/registry/members/{class}/{code}", desk::change_member)
        .get("/registry/groups", desk::groups)
        .post("/registry/groups", desk::change_groups)
        .get("/registry/services", desk::services)
        .post("/registry/services", desk::change_services)
        .get("/registry/settings", desk::settings)
        .post("/registry/settings", desk::change_settings)
        .with_state(register)
}
