//! The addresses at which the authority gives out the configuration (PR-GCONF section 2.7), and its anchors.

use std::sync::PoisonError;
use std::time::Duration;

use axum::extract::Query;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use trust::globalconf::Version;
use trust::globalconf::write::CONTENT_TYPE;
use web::{Room, Routes, Timer};

use super::Authority;

/// How often the configuration is signed anew; it holds for a day, so a night without the authority does no harm.
const PUBLISH_EVERY: Duration = Duration::from_secs(3_600);
/// Content type of files and anchors.
const XML: &str = "text/xml;charset=utf-8";
/// The folders of files, one for each version.
const FOLDERS: [&str; 5] = [
    "/V2/{edition}/{file}",
    "/V3/{edition}/{file}",
    "/V4/{edition}/{file}",
    "/V5/{edition}/{file}",
    "/V6/{edition}/{file}",
];

#[derive(Deserialize)]
struct Wish {
    version: Option<u64>,
}

impl Authority {
    /// What the authority brings to its house besides its log's witness.
    pub fn rooms(&self) -> Vec<Room> {
        let publishing = self.clone();
        let timer = Timer::new("authority.publish", PUBLISH_EVERY, move || {
            let authority = publishing.clone();
            async move { authority.publish().await }
        });
        vec![
            trust::http::room(self.trust.clone()),
            self.register.room(),
            Room::new("authority")
                .routes(self.routes().with_state(()))
                .timer(timer),
        ]
    }

    fn routes(&self) -> Routes<()> {
        let [internal, external] = [self.clone(), self.clone()];
        let [own, outer] = [self.clone(), self.clone()];
        let mut routes = Routes::new()
            .get("/internalconf", async move |wish: Query<Wish>| {
                internal.directory(false, &wish)
            })
            .get("/externalconf", async move |wish: Query<Wish>| {
                external.directory(true, &wish)
            })
            .get("/configuration-anchor.xml", async move || {
                given(XML, own.anchor().into())
            })
            .get("/external-configuration-anchor.xml", async move || {
                given(XML, outer.external_anchor().into())
            });
        for folder in FOLDERS {
            let files = self.clone();
            routes = routes.get(folder, async move |uri: Uri| files.file(uri.path()));
        }
        routes
    }

    /// A version that is not known is not found; without one the oldest is given, as to readers that know no other.
    fn directory(&self, external: bool, wish: &Wish) -> Response {
        let version = wish.version.map(Version::of);
        if version == Some(None) {
            return StatusCode::NOT_FOUND.into_response();
        }
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let found = held.directory(external, version.flatten());
        found.map_or_else(missing, |bytes| given(CONTENT_TYPE, bytes))
    }

    fn file(&self, path: &str) -> Response {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.file(path)
            .map_or_else(missing, |bytes| given(XML, bytes))
    }
}

fn missing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

fn given(kind: &'static str, bytes: bytes::Bytes) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}
