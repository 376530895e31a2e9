//! The portal: where citizens find, fill in, file and follow procedures, and officials handle them.
//!
//! Built by `tambo` with [`Portal::new`], plugged in with [`Portal::room`]. It promises that nothing a registry knows is
//! asked, nothing typed is lost, and every page works by keyboard and without script. It refuses to decide: rights,
//! deadlines and states are `workflow`'s, signatures are `documents`' and `exchange`'s.

mod catalogue;
mod checking;
mod deciding;
mod domain;
mod files;
mod filling;
mod following;
mod http;
mod kept;
mod looks;
mod pages;
mod questions;
mod sql;
#[cfg(test)]
mod tests;
mod views;

use documents::Documents;
use exchange::Exchange;
use kernel::Locale;
use store::Store;
use web::Room;
use workflow::Workflow;

pub use looks::Watched;
pub use sql::MIGRATIONS;

/// The portal's texts.
pub const TEXTS: &[(Locale, &str)] = &[
    (Locale::Es, include_str!("../texts/es.ftl")),
    (Locale::Qu, include_str!("../texts/qu.ftl")),
    (Locale::En, include_str!("../texts/en.ftl")),
];

/// What a body sets about its portal.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The site's address as people outside reach it, without a slash at the end; stands in QR codes.
    pub address: String,
    /// The sign before amounts of money, for example `S/`.
    pub currency: String,
    /// Registries whose own lists 'who looked at my data' shows.
    pub watched: Vec<Watched>,
}

/// The portal of one body. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    store: Store,
    workflow: Workflow,
    documents: Documents,
    exchange: Option<Exchange>,
    settings: std::sync::Arc<Settings>,
}

impl Portal {
    /// A portal over the body's workflow and documents; without `exchange` the list of looks stays empty.
    pub fn new(
        store: Store,
        workflow: Workflow,
        documents: Documents,
        exchange: Option<Exchange>,
        settings: Settings,
    ) -> Self {
        Self {
            store,
            workflow,
            documents,
            exchange,
            settings: std::sync::Arc::new(settings),
        }
    }

    /// What the portal brings to a house.
    pub fn room(&self) -> Room {
        http::room(self.clone())
    }
}
