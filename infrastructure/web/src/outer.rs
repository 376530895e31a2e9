//! The outer layer that every page request passes, written as one readable stack. Read it to know what happens first.
//!
//! Promises, in this order: trace, client's bucket, concurrency, body size, language, cookies, actor, time, panic caught,
//! faults told as pages, security headers, log line, metrics, gzip. Refuses: personal data and query strings in the log.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use kernel::{Actor, Chance, Clock, Fault, FaultKind, Locale};
use tokio::sync::Semaphore;

use crate::assets::{ICON, SCRIPT};
use crate::limits::{Buckets, Limits};
use crate::metrics::Metrics;
use crate::room::MenuItem;
use crate::site::{BodyFace, Site};
use crate::texts::Texts;
use crate::{Failure, Visit, cookie, failure, frame};

/// Finds the actor that a session token belongs to; `identity` gives this.
pub type ActorOf =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<Option<Actor>, Fault>> + Send + Sync>;

/// What the outer layer needs of one house.
#[derive(Clone)]
pub struct OuterSettings {
    /// What pages say of the body.
    pub face: BodyFace,
    /// All texts; from `gather`.
    pub texts: Texts,
    /// The menu; from `gather`.
    pub menu: Vec<MenuItem>,
    /// The house's clock.
    pub clock: Arc<dyn Clock>,
    /// The house's chance.
    pub chance: Arc<dyn Chance>,
    /// Key of form tokens. Kept over restarts, so that a form which is open meanwhile can still be sent.
    pub secret: [u8; 32],
    /// Whether the listener speaks TLS: cookies become Secure and HSTS is sent.
    pub tls: bool,
    /// Whether the address in `X-Forwarded-For` counts, because a proxy of our own sets it.
    pub behind_proxy: bool,
    /// Finds the actor of a session.
    pub actor_of: ActorOf,
    /// The house's metrics.
    pub metrics: Metrics,
    /// Limits.
    pub limits: Limits,
}

/// Bytes of a body over its limit that are still read: three times the largest upload.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;
/// How long they are read: 64 MB over 10 Mbit/s.
const DRAIN_TIME: Duration = Duration::from_secs(60);
/// How long the sender may pause meanwhile.
const DRAIN_PAUSE: Duration = Duration::from_secs(3);

struct Outer {
    site: Arc<Site>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    behind_proxy: bool,
    actor_of: ActorOf,
    metrics: Metrics,
    limits: Limits,
    buckets: Buckets,
    in_work: Semaphore,
}

impl OuterSettings {
    /// An `actor_of` for houses where nobody signs in.
    pub fn nobody() -> ActorOf {
        Arc::new(|_| Box::pin(async { Ok(None) }))
    }
}

/// Puts the outer layer around the addresses of a house.
pub fn outer(router: Router, settings: OuterSettings) -> Router {
    let OuterSettings {
        face,
        texts,
        menu,
        clock,
        chance,
        secret,
        tls,
        ..
    } = settings;
    let limits = settings.limits;
    let state = Arc::new(Outer {
        site: Arc::new(Site::new(face, texts, menu, tls, &secret)),
        clock,
        chance,
        behind_proxy: settings.behind_proxy,
        actor_of: settings.actor_of,
        metrics: settings.metrics,
        buckets: Buckets::new(limits.burst, limits.per_second),
        in_work: Semaphore::new(limits.concurrency),
        limits,
    });
    router
        .route(&SCRIPT.path, get(|| async { SCRIPT.response() }))
        .route(&ICON.path, get(|| async { ICON.response() }))
        .fallback(|| async { Failure::from(Fault::missing("fault-no-page")) })
        .method_not_allowed_fallback(|| async {
            (
                StatusCode::METHOD_NOT_ALLOWED,
                Failure::from(Fault::invalid("fault-method")),
            )
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(state, pass))
        .layer(tower_http::compression::CompressionLayer::new())
}

/// The way of one request.
async fn pass(State(outer): State<Arc<Outer>>, mut request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let _in_work = outer.metrics.begin();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "(none)".to_owned());

    let (visit, new_visitor) = outer.visit(&request);
    let mut response = match outer.admit(&visit, &mut request).await {
        Ok(visit) => outer.work(visit, request, next).await,
        Err(early) => early.into_response(),
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        response = tell(&visit, &failure, &response);
    }
    finish(&visit, new_visitor, &mut response);

    let (status, took) = (response.status(), started.elapsed());
    outer
        .metrics
        .answered(&route, known_method(&method), status, took);
    let (trace, reference, millis) = (&visit.trace, visit.reference(), took.as_millis());
    tracing::info!(%method, route, status = status.as_u16(), millis, %trace, %reference, "request");
    response
}

/// An early end: a fault, or a response such as a redirect.
enum Early {
    Fault(Fault),
    Response(Response),
}

impl From<Fault> for Early {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl IntoResponse for Early {
    fn into_response(self) -> Response {
        match self {
            Self::Fault(fault) => Failure::from(fault).into_response(),
            Self::Response(response) => response,
        }
    }
}

impl Outer {
    /// What is known of the request before anybody is asked; and whether the visitor's cookie is new.
    fn visit(&self, request: &Request) -> (Visit, bool) {
        let headers = request.headers();
        let names = &self.site.cookies;
        let known = cookie::read(headers, &names.visit).filter(|value| value.len() >= 32);
        let visitor = known.map_or_else(|| self.chance.token(), str::to_owned);
        let path = request.uri().path().to_owned();
        let visit = Visit {
            locale: self.locale(headers),
            actor: None,
            trace: trace_of(headers).unwrap_or_else(|| self.chance.uuid().replace('-', "")),
            csrf: self.site.tokens.make(&visitor, &*self.chance),
            place: place_of(request, &path),
            path,
            now: self.clock.now(),
            visitor,
            client: self.client(request),
            session: cookie::read(headers, &names.session).map(str::to_owned),
            json: wants_json(headers),
            site: Arc::clone(&self.site),
        };
        (visit, known.is_none())
    }

    fn locale(&self, headers: &HeaderMap) -> Locale {
        let chosen = cookie::read(headers, &self.site.cookies.language).and_then(Locale::parse);
        let accepted = || {
            let header = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            Locale::accepted(header)
        };
        chosen.or_else(accepted).unwrap_or(self.site.face.locale)
    }

    fn client(&self, request: &Request) -> String {
        let forwarded = || {
            request
                .headers()
                .get("x-forwarded-for")?
                .to_str()
                .ok()?
                .rsplit(',')
                .next()
        };
        if self.behind_proxy
            && let Some(address) = forwarded()
        {
            return address.trim().chars().take(64).collect();
        }
        let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
        info.map_or_else(|| "unknown".to_owned(), |info| info.0.ip().to_string())
    }

    /// Lets the request in: bucket, origin, size, language choice, actor.
    async fn admit(&self, visit: &Visit, request: &mut Request) -> Result<Visit, Early> {
        if visit.path.starts_with("/assets/") {
            return Ok(visit.clone());
        }
        if !self.buckets.take(&visit.client, visit.now) {
            return Err(Fault::new(FaultKind::TooMany, "fault-too-many").into());
        }
        refuse_foreign_origin(request)?;
        if let Err(fault) = self.limit_body(request) {
            drain(std::mem::take(request.body_mut())).await;
            return Err(fault.into());
        }
        if let Some(answer) = language_choice(visit, request) {
            return Err(Early::Response(answer));
        }
        let mut visit = visit.clone();
        if let Some(token) = visit.session.clone() {
            visit.actor = (self.actor_of)(token).await?;
        }
        Ok(visit)
    }

    /// Refuses a body that says it is too large, and cuts one that turns out to be.
    fn limit_body(&self, request: &mut Request) -> Result<(), Fault> {
        let headers = request.headers();
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let limit = match kind {
            Some(kind) if kind.starts_with("multipart/form-data") => self.limits.upload_bytes,
            _ => self.limits.body_bytes,
        };
        let told = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        if told
            .and_then(|value| value.parse::<usize>().ok())
            .is_some_and(|bytes| bytes > limit)
        {
            return Err(Fault::new(FaultKind::TooLarge, "fault-too-large"));
        }
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(http_body_util::Limited::new(body, limit));
        Ok(())
    }

    /// Runs the handler within its time, and catches its panic.
    async fn work(&self, visit: Visit, mut request: Request, next: Next) -> Response {
        let Ok(_permit) = self.in_work.try_acquire() else {
            return Failure::from(Fault::new(FaultKind::Unavailable, "fault-busy")).into_response();
        };
        request.extensions_mut().insert(visit);
        let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(self.limits.time, handler).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => Failure::from(Fault::internal(panic_text(&*panic))).into_response(),
            Err(_) => {
                let fault =
                    Fault::new(FaultKind::Unavailable, "fault-slow").detail("over the time limit");
                Failure::from(fault).into_response()
            }
        }
    }
}

/// Reads what is too large and throws it away: a browser shows our page only once it could send its whole form. A
/// sender that goes on beyond these limits, or pauses, finds the connection closed.
async fn drain(body: Body) {
    let mut parts = body.into_data_stream();
    let reading = async {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(Ok(part))) = tokio::time::timeout(DRAIN_PAUSE, parts.next()).await {
            match left.checked_sub(part.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Running out of time ends the reading like any other limit.
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

/// Logs the fault and makes the page that tells it. What the handler set beside it (cookies) stays.
fn tell(visit: &Visit, failure: &Failure, bare: &Response) -> Response {
    failure::log(visit, &failure.0);
    let mut answer = failure::answer(visit, &failure.0);
    if bare.status() == StatusCode::METHOD_NOT_ALLOWED {
        *answer.status_mut() = bare.status();
    }
    for name in [header::SET_COOKIE, header::ALLOW] {
        for value in bare.headers().get_all(&name) {
            answer.headers_mut().append(&name, value.clone());
        }
    }
    answer
}

/// Security headers (OWASP Secure Headers), caching, and the visitor's cookie if it is new.
fn finish(visit: &Visit, new_visitor: bool, response: &mut Response) {
    let headers = response.headers_mut();
    let asset = headers.contains_key(header::CACHE_CONTROL);
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.entry(name).or_insert(value);
        }
    };
    put("content-security-policy", frame::content_security_policy());
    put("x-content-type-options", "nosniff");
    put("x-frame-options", "DENY");
    put("referrer-policy", "same-origin");
    put("cross-origin-opener-policy", "same-origin");
    put("cross-origin-resource-policy", "same-origin");
    put("permissions-policy", PERMISSIONS);
    put("cache-control", "no-store");
    put("vary", "Cookie, Accept-Language");
    if visit.tls() {
        put("strict-transport-security", "max-age=31536000");
    }
    if new_visitor && !asset {
        let names = &visit.site.cookies;
        headers.append(
            header::SET_COOKIE,
            names.set(&names.visit, &visit.visitor, None),
        );
    }
}

/// Only passkeys are used of all that a browser offers.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
    publickey-credentials-get=(self), publickey-credentials-create=(self)";

/// `?lang=qu` keeps the choice in a cookie and leads to the same page without it.
fn language_choice(visit: &Visit, request: &Request) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    let query = request.uri().query()?;
    let chosen = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="))?;
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("lang="))
        .collect();
    let place = match rest.is_empty() {
        true => local_path(&visit.path),
        false => format!("{}?{}", local_path(&visit.path), rest.join("&")),
    };
    let mut answer = Redirect::to(&place).into_response();
    if let Some(locale) = Locale::parse(chosen) {
        answer
            .headers_mut()
            .append(header::SET_COOKIE, visit.language_cookie(locale));
    }
    Some(answer)
}

/// A path that can't lead to another host: `//evil` becomes `/evil`.
fn local_path(path: &str) -> String {
    format!("/{}", path.trim_start_matches(['/', '\\']))
}

/// A second defence beside form tokens: browsers say when another site sends (Fetch Metadata, W3C).
fn refuse_foreign_origin(request: &Request) -> Result<(), Fault> {
    if request.method().is_safe() {
        return Ok(());
    }
    let site = request
        .headers()
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    match site {
        Some("cross-site" | "same-site") => {
            Err(Fault::denied("fault-csrf").detail("sent by another site"))
        }
        _ => Ok(()),
    }
}

/// The trace of a W3C `traceparent` header: `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = value.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let well =
        version == "00" && trace.len() == 32 && hex(trace) && trace.bytes().any(|b| b != b'0');
    well.then(|| trace.to_owned())
}

/// Where to come back to after signing in: this page, or for a sent form the page it came from.
fn place_of(request: &Request, path: &str) -> String {
    if request.method().is_safe() {
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        return format!("{}{query}", local_path(path));
    }
    let referer = request
        .headers()
        .get(header::REFERER)
        .and_then(|value| value.to_str().ok());
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let uri = referer.and_then(|referer| referer.parse::<http::Uri>().ok());
    match (uri, host) {
        (Some(uri), Some(host)) if uri.authority().is_some_and(|a| a.as_str() == host) => uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), |place| local_path(place.as_str())),
        _ => "/".to_owned(),
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    accept.contains("application/json") && !accept.contains("text/html")
}

/// Unknown methods count as one, so that nobody can make series without end.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!("panic: {text}")
}
