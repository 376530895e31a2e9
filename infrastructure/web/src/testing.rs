//! A browser without a window, for the tests of every crate with pages.
//!
//! `Tester::new(vec![room]).actor(actor)`, then `.get("/path").await` and `.post("/path", &[("name", "value")]).await`.
//! It keeps cookies and puts the form token in by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use kernel::{Actor, Chance, Clock, Locale, Moment, SeededChance, SetClock};
use tower::ServiceExt;

use crate::failure::percent;
use crate::form::CSRF_FIELD;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outer::ActorOf;
use crate::site::{BodyFace, FormTokens, Site};
use crate::{OuterSettings, Room, Visit, gather, outer};

/// When tests begin if they don't say: 2026-11-23 08:24 in Lima.
pub const TEST_START: Moment = Moment::from_seconds(1_795_440_240);

/// Key of form tokens in tests.
const SECRET: [u8; 32] = [7; 32];

/// A browser that talks to a router in this process.
#[derive(Clone)]
pub struct Tester {
    router: Router,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
    headers: HeaderMap,
}

/// What came back.
#[derive(Debug)]
pub struct Got {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Body as bytes.
    pub bytes: bytes::Bytes,
}

impl Got {
    /// Where a redirect leads, or empty text.
    pub fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }
}

/// The face of a body in tests.
pub fn face() -> BodyFace {
    BodyFace {
        code: "prueba".to_owned(),
        name: "Municipalidad Distrital de Ollantaytambo".to_owned(),
        place: "Urubamba, Cusco".to_owned(),
        contact: "Plaza de Armas s/n".to_owned(),
        time_zone: "America/Lima".to_owned(),
        locale: Locale::Es,
        simulated: true,
    }
}

/// Settings of an outer layer for tests of these rooms.
pub fn settings(rooms: &[Room], clock: Arc<dyn Clock>, actor_of: ActorOf) -> OuterSettings {
    let gathered = gather(rooms).expect("the rooms' texts are well");
    OuterSettings {
        face: face(),
        texts: gathered.texts,
        menu: gathered.menu,
        clock,
        chance: Arc::new(SeededChance::new(1)),
        secret: SECRET,
        tls: false,
        behind_proxy: false,
        actor_of,
        metrics: Metrics::new(),
        limits: Limits::default(),
    }
}

/// A visit that came through no router, for tests of markup.
pub fn visit(rooms: &[Room], locale: Locale, actor: Option<Actor>) -> Visit {
    let gathered = gather(rooms).expect("the rooms' texts are well");
    let site = Site::new(face(), gathered.texts, gathered.menu, false, &SECRET);
    let chance = SeededChance::new(2);
    let visitor = chance.token();
    Visit {
        locale,
        actor,
        trace: chance.uuid().replace('-', ""),
        csrf: site.tokens.make(&visitor, &chance),
        path: "/".to_owned(),
        place: "/".to_owned(),
        now: TEST_START,
        visitor,
        client: "test".to_owned(),
        session: None,
        json: false,
        site: Arc::new(site),
    }
}

impl Tester {
    /// A browser for a house with these rooms where nobody is signed in.
    pub fn new(rooms: &[Room]) -> Self {
        Self::with(
            rooms,
            Arc::new(SetClock::at(TEST_START)),
            OuterSettings::nobody(),
        )
    }

    /// A browser whose every request is the actor's.
    pub fn signed_in(rooms: &[Room], actor: Actor) -> Self {
        let actor_of: ActorOf = Arc::new(move |_| {
            let actor = actor.clone();
            Box::pin(async move { Ok(Some(actor)) })
        });
        let tester = Self::with(rooms, Arc::new(SetClock::at(TEST_START)), actor_of);
        tester.cookie("prueba-session", "test-session");
        tester
    }

    /// A browser for a house with its own clock and sessions.
    pub fn with(rooms: &[Room], clock: Arc<dyn Clock>, actor_of: ActorOf) -> Self {
        let routers = rooms.iter().map(|room| room.routes.router());
        let router = routers.fold(Router::new(), Router::merge);
        Self::of(outer(router, settings(rooms, clock, actor_of)))
    }

    /// A browser for a ready router.
    pub fn of(router: Router) -> Self {
        Self {
            router,
            cookies: Arc::default(),
            headers: HeaderMap::new(),
        }
    }

    /// Another browser (other cookies) for the same house.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::of(self.router.clone())
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers
            .insert(name, http::HeaderValue::from_static(value));
        self
    }

    /// Sets a cookie.
    pub fn cookie(&self, name: &str, value: &str) {
        self.jar().insert(name.to_owned(), value.to_owned());
    }

    /// The cookie's value.
    pub fn cookie_value(&self, name: &str) -> Option<String> {
        self.jar().get(name).cloned()
    }

    /// Gets a page.
    pub async fn get(&self, path: &str) -> Got {
        self.send(
            Request::get(path).header(header::ACCEPT, "text/html"),
            Body::empty(),
        )
        .await
    }

    /// Sends a form with its token.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Got {
        let token = self.token().await;
        let mut body = format!("{CSRF_FIELD}={token}");
        for (name, value) in fields {
            body.push_str(&format!("&{}={}", percent(name), percent(value)));
        }
        self.post_raw(path, "application/x-www-form-urlencoded", body)
            .await
    }

    /// Sends a multipart form with its token: fields, then files as (field, file name, media type, content).
    pub async fn upload(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &str, &str, &[u8])],
    ) -> Got {
        let token = self.token().await;
        let mut body = Vec::new();
        let head = |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"");
        for (name, value) in [(CSRF_FIELD, token.as_str())].iter().chain(fields) {
            body.extend(format!("{}\r\n\r\n{value}\r\n", head(name)).into_bytes());
        }
        for (field, name, kind, content) in files {
            let head = format!(
                "{}; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n",
                head(field)
            );
            body.extend(head.into_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b--\r\n");
        self.post_raw(path, "multipart/form-data; boundary=b", body)
            .await
    }

    /// Sends any body.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Got {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, "text/html");
        self.send(request, body.into()).await
    }

    /// A form token of this browser; works for houses made with `settings`, whose key tests know.
    pub async fn token(&self) -> String {
        let name = format!("{}-visit", face().code);
        if self.cookie_value(&name).is_none() {
            self.get("/").await;
        }
        let visitor = self.cookie_value(&name).unwrap_or_default();
        FormTokens::new(&face().code, &SECRET).make(&visitor, &SeededChance::new(3))
    }

    /// Sends any request.
    pub async fn send(&self, request: http::request::Builder, body: Body) -> Got {
        let mut request = request.body(body).expect("a test's request is well formed");
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let jar: Vec<String> = self
            .jar()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if let Ok(value) = jar.join("; ").parse() {
            request.headers_mut().insert(header::COOKIE, value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("routers don't fail");
        self.take_cookies(response.headers());
        let (head, body) = response.into_parts();
        let bytes = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Got {
            status: head.status,
            headers: head.headers,
            text,
            bytes,
        }
    }

    fn take_cookies(&self, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let Some((name, rest)) = value.to_str().ok().and_then(|line| line.split_once('='))
            else {
                continue;
            };
            let value = rest.split(';').next().unwrap_or("");
            match rest.contains("Max-Age=0") {
                true => self.jar().remove(name),
                false => self.jar().insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
