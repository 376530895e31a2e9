//! The side of the body's own information systems: plain REST under `/r1/...`, as X-Road's clients send it (PR-REST).
//!
//! A system sends its request here; it goes out over the same path as every question of the house, and the provider's
//! response comes back with X-Road's headers. Errors are told in JSON or XML with `X-Road-Error`. It refuses clients
//! that are not this body or a subsystem of it, and systems that do not show what the client's setting asks for.

mod evidence;
mod listener;
mod refusal;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use kernel::{Party, ServerId, ServiceId};

use self::refusal::Refusal;
use crate::Exchange;
use crate::ask::{Answered, Behalf, Outgoing};
use crate::body::{Body, SpoolError};
use crate::deliver;
use crate::directory::View;
use crate::domain::codes::Leaf;
use crate::domain::description::{ClientList, ClientNote, wants_json};
use crate::domain::message::{self, Header, METHODS, RequestPart, TARGET_BYTES_MAX, header_text};
use crate::refusals::Attempt;
use crate::settings::{Authentication, SystemAccess};
use crate::source::FactQuestion;
use crate::why::Noticed;
use crate::wire::{Counted, Gone, Pace, linger};

/// Headers that the node writes itself from what it read.
const REWRITTEN: [&str; 7] = [
    message::CLIENT,
    message::ID,
    message::USER_ID,
    message::ISSUE,
    message::PURPOSE,
    message::AGREEMENT,
    message::TRACE,
];
/// Which server of the provider is wanted.
const SECURITY_SERVER: &str = "x-road-security-server";
/// For whom the client asks: `[CLASS/]CODE`.
const REPRESENTED_PARTY: &str = "x-road-represented-party";
/// Where the members of the instance are listed.
const LIST_CLIENTS: &str = "/listClients";

/// What a system showed of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It came over plain HTTP.
    Plain,
    /// It came over HTTPS without a certificate.
    Tls,
    /// It came over HTTPS and holds the key of the certificate with this SHA-256.
    Certificate(Arc<str>),
}

impl Exchange {
    pub(crate) async fn system_request(
        &self,
        mut request: Request<Incoming>,
        shown: &Shown,
    ) -> Response<Counted> {
        let accept = accepted(request.headers());
        let attempt = self.numbered(&mut request);
        let is_head = request.method() == Method::HEAD;
        if let Some(given) = self.evidence(request.method(), request.uri(), shown).await {
            let shown = |body: Bytes| Some(Body::from(body)).filter(|_| !is_head);
            return given.map(|body| Counted::new(shown(body).as_ref()));
        }
        let response = if request.uri().path() == LIST_CLIENTS {
            self.list_clients(request.method(), request.uri().query(), &accept)
        } else {
            self.relay(request, shown).await
        };
        let response = match response {
            Ok(response) => response,
            Err(refusal) => self.refused(refusal, attempt, &accept).await,
        };
        response.map(|body| Counted::new(body.as_ref().filter(|_| !is_head)))
    }

    /// Tells a system that this node has too much to do.
    pub(crate) async fn turn_away(&self, mut request: Request<Incoming>) -> Response<Counted> {
        let accept = accepted(request.headers());
        let attempt = self.numbered(&mut request);
        let is_head = request.method() == Method::HEAD;
        let why = "this node has too much to do now; nothing was asked";
        let refusal = Refusal::own(Leaf::InternalError, why);
        let response = self.refused(refusal, attempt, &accept).await;
        linger(request.into_body());
        response.map(|body| Counted::new(body.as_ref().filter(|_| !is_head)))
    }

    /// Keeps why a system was refused, and tells it with the number under which `why` finds it, also if it gave none.
    async fn refused(
        &self,
        refusal: Refusal,
        attempt: Attempt,
        accept: &str,
    ) -> Response<Option<Body>> {
        let reference = self.inner.chance.uuid();
        let number = attempt.number.clone();
        let (code, cause) = refusal.told();
        self.note_refusal(&reference, Noticed::Before, attempt, code, cause)
            .await;
        let mut response = self.told(refusal, reference, accept);
        if let Some(Ok(number)) = number.as_deref().map(HeaderValue::from_str) {
            response.headers_mut().insert(message::ID, number);
        }
        response.map(|bytes| Some(bytes.into()))
    }

    /// Gives a request its number here, if its system gave none, so that a refusal can be found under it too.
    fn numbered(&self, request: &mut Request<Incoming>) -> Attempt {
        let headers = request.headers_mut();
        if !headers.contains_key(message::ID)
            && let Ok(value) = HeaderValue::from_str(&self.inner.new_number())
        {
            headers.insert(message::ID, value);
        }
        let value = |name: &str| {
            let value = request.headers().get_all(name).iter().next_back();
            value.map(|value| header_text(value.as_bytes()))
        };
        let service = request.uri().path().strip_prefix("/r1/");
        Attempt {
            side: "system",
            peer: None,
            client: value(message::CLIENT),
            service: service.map(|path| path.split('/').take(5).collect::<Vec<_>>().join("/")),
            number: value(message::ID),
        }
    }

    async fn relay(
        &self,
        request: Request<Incoming>,
        shown: &Shown,
    ) -> Result<Response<Option<Body>>, Refusal> {
        let (head, mut body) = request.into_parts();
        let relayed = if deliver::is_here(head.uri.path()) {
            self.relay_deliver(&head, &mut body, shown).await
        } else {
            self.relay_parts(&head, &mut body, shown).await
        };
        if relayed.is_err() {
            linger(body);
        }
        relayed
    }

    async fn relay_parts(
        &self,
        head: &http::request::Parts,
        body: &mut Incoming,
        shown: &Shown,
    ) -> Result<Response<Option<Body>>, Refusal> {
        let call = SystemCall::read(head)?;
        let is_later = deliver::wants_later(&head.headers);
        self.check_system(&call.client, shown)?;
        if !is_later {
            self.check_provider(&call.service, call.server.as_ref())?;
        }
        let outgoing = call.outgoing(&head.headers, self.taken(body).await?);
        if is_later {
            let told = self.accept_later(outgoing, &head.headers).await;
            return Ok(told.map(|bytes| Some(bytes.into())));
        }
        Ok(answer(self.send(outgoing).await?.into_inner()))
    }

    /// What systems ask about deliveries and topics.
    async fn relay_deliver(
        &self,
        head: &http::request::Parts,
        body: &mut Incoming,
        shown: &Shown,
    ) -> Result<Response<Option<Body>>, Refusal> {
        let client = client(&head.headers)?;
        self.check_system(&client, shown)?;
        let request = deliver::SystemRequest {
            client: &client,
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query(),
            headers: &head.headers,
            body: self.taken(body).await?,
        };
        Ok(self.tell(&request).await.map(|bytes| Some(bytes.into())))
    }

    /// Takes the body of a system's request.
    async fn taken(&self, body: &mut Incoming) -> Result<Body, Refusal> {
        let settings = &self.inner.settings;
        let mut pace = Pace::new(settings.stall(), settings.timeout());
        let mut spool = self.inner.spool.spool();
        loop {
            match pace.piece(body).await {
                Ok(Some(piece)) => spool.push(&piece).await.map_err(no_room)?,
                Ok(None) => return spool.finish().await.map_err(no_room),
                Err(gone) => {
                    let why = match gone {
                        Gone::Slow => "the body came too slowly",
                        Gone::Broken => "the body broke off",
                    };
                    return Err(Refusal::of_sender(Leaf::IoError, why));
                }
            }
        }
    }

    /// Whether this system may speak for the client: registered, and shown as the client's setting asks.
    fn check_system(&self, client: &Party, shown: &Shown) -> Result<(), Refusal> {
        let settings = &self.inner.settings;
        let view = self.inner.held.any();
        let known = view.is_some_and(|view| view.knows_client(client));
        if *client.member() != settings.member || !known {
            let why = "the client is not this body or a registered subsystem of it";
            return Err(Refusal::own(Leaf::UnknownMember, why));
        }
        let nothing = SystemAccess::default();
        let access = match client {
            Party::Member(_) => settings.member_systems.as_ref(),
            Party::Subsystem(id) => settings.systems.get(&id.code),
        };
        admit(access.unwrap_or(&nothing), shown)
            .map_err(|why| Refusal::own(Leaf::SslAuthenticationFailed, why))
    }

    /// Whether there is a server for the service, and the one that is wanted hosts it.
    fn check_provider(
        &self,
        service: &ServiceId,
        wanted: Option<&ServerId>,
    ) -> Result<(), Refusal> {
        let view = self.current_view()?;
        let mut servers = view.servers_of(&service.subsystem).peekable();
        if servers.peek().is_none() {
            let why = "no server is registered for the service's subsystem";
            return Err(Refusal::own(Leaf::UnknownMember, why));
        }
        match wanted {
            Some(wanted) if !servers.any(|server| server.id == *wanted) => Err(Refusal::own(
                Leaf::InvalidSecurityServer,
                "the security server is not one of the service's",
            )),
            _ => Ok(()),
        }
    }

    fn current_view(&self) -> Result<Arc<View>, Refusal> {
        let view = self.inner.held.current(self.inner.clock.now());
        view.ok_or_else(|| {
            let why = "the directory of the instance is missing or has expired";
            Refusal::own(Leaf::GlobalConfOutdated, why)
        })
    }

    /// Members and subsystems of an instance, this one's if the query names none.
    fn list_clients(
        &self,
        method: &Method,
        query: Option<&str>,
        accept: &str,
    ) -> Result<Response<Option<Body>>, Refusal> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let why = "listClients is read with GET";
            return Err(Refusal::own(Leaf::InvalidHttpMethod, why));
        }
        let view = self.current_view()?;
        let instance =
            wanted_instance(query.unwrap_or("")).unwrap_or_else(|| view.instance().to_owned());
        if instance != view.instance() {
            let why = "the instance is not known here";
            return Err(Refusal::own(Leaf::InternalError, why));
        }
        let list = clients(&view);
        let (kind, body) = match wants_json(accept) {
            true => (
                "application/json;charset=utf-8",
                serde_json::to_string(&list).expect("texts alone always become JSON"),
            ),
            false => ("text/xml;charset=utf-8", list.xml()),
        };
        let mut response = Response::new(Some(Body::from(Bytes::from(body))));
        let kind = HeaderValue::from_static(kind);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(response)
    }
}

fn no_room(error: SpoolError) -> Refusal {
    match error {
        SpoolError::TooLarge => Refusal::of_sender(Leaf::InvalidBody, error),
        SpoolError::NoRoom(cause) => {
            tracing::error!(%cause, "there is no room for a body");
            Refusal::own(Leaf::IoError, "this node has no room for the body now")
        }
    }
}

/// All `Accept` headers as one list.
fn accepted(headers: &HeaderMap) -> String {
    let all = headers.get_all(header::ACCEPT);
    let all: Vec<&str> = all.iter().filter_map(|value| value.to_str().ok()).collect();
    all.join(",")
}

fn wanted_instance(query: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| *name == "xRoadInstance");
    kernel::party::decode_part(named.next()?.1)
}

fn clients(view: &View) -> ClientList {
    let mut list = Vec::new();
    for member in &view.params().members {
        list.push(ClientNote::new(&member.id, &member.name, None));
        for one in &member.subsystems {
            let named = Some((one.code.as_str(), one.name.as_deref()));
            list.push(ClientNote::new(&member.id, &member.name, named));
        }
    }
    ClientList { member: list }
}

/// Whether what a system showed is what its subsystem asks for; else what is missing.
fn admit(access: &SystemAccess, shown: &Shown) -> Result<(), &'static str> {
    match (access.authentication, shown) {
        (Authentication::Http, _) => Ok(()),
        (Authentication::Https, Shown::Tls | Shown::Certificate(_)) => Ok(()),
        (Authentication::Https | Authentication::Mutual, Shown::Plain) => {
            Err("the client's systems must come over HTTPS")
        }
        (Authentication::Mutual, Shown::Certificate(shown)) => {
            let listed = access.certificates.iter();
            match listed
                .filter(|known| known.eq_ignore_ascii_case(shown))
                .count()
            {
                0 => Err("the certificate is not one of the client's systems"),
                _ => Ok(()),
            }
        }
        (Authentication::Mutual, Shown::Tls) => Err("the client's system must show a certificate"),
    }
}

/// A system's request as far as its head tells.
struct SystemCall {
    method: String,
    client: Party,
    service: ServiceId,
    server: Option<ServerId>,
    /// The raw path below the service with the query, and whether facts are asked there.
    below: String,
    is_facts: bool,
}

impl SystemCall {
    fn read(head: &http::request::Parts) -> Result<Self, Refusal> {
        if !METHODS.contains(&head.method.as_str()) {
            let why = "this verb is not taken";
            return Err(Refusal::own(Leaf::InvalidHttpMethod, why));
        }
        let (service, path, query) = address(&head.uri)?;
        let client = client(&head.headers)?;
        check_represented(&head.headers)?;
        let server = last(&head.headers, SECURITY_SERVER).map(|text| text.parse::<ServerId>());
        let server = server
            .transpose()
            .map_err(|error| Refusal::own(Leaf::InvalidSecurityServer, error))?;
        let below = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        Ok(Self {
            is_facts: head.method == Method::POST && path == "/facts",
            method: head.method.to_string(),
            client,
            service,
            server,
            below,
        })
    }

    fn outgoing(self, headers: &HeaderMap, body: Body) -> Outgoing {
        let body = (!body.is_empty()).then_some(body);
        let question = match self.is_facts {
            true => FactQuestion::parse(body.as_ref().and_then(Body::in_memory)).ok(),
            false => None,
        };
        let value = |name: &str| last(headers, name).filter(|value| !value.is_empty());
        Outgoing {
            client: self.client,
            service: self.service,
            server: self.server,
            method: self.method,
            below: self.below,
            headers: passed(headers),
            body,
            number: value(message::ID),
            subject: question.as_ref().map(|question| question.subject.clone()),
            fields: question.map(|question| question.fields).unwrap_or_default(),
            purpose: value(message::PURPOSE),
            case: value(message::ISSUE),
            behalf: Behalf {
                user: value(message::USER_ID),
                trace: value(message::TRACE),
            },
        }
    }
}

/// The service, the raw path below it and the raw query.
fn address(uri: &http::Uri) -> Result<(ServiceId, String, Option<String>), Refusal> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    if target.len() > TARGET_BYTES_MAX {
        let why = "the address is too long; what is long belongs into the body";
        return Err(Refusal::own(Leaf::InvalidRequest, why));
    }
    let version = target
        .split('/')
        .nth(1)
        .and_then(|first| first.strip_prefix('r'));
    let version = version.filter(|digits| digits.len() == 1 && *digits != "1");
    if version.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        let why = "only version r1 of the protocol is spoken here";
        return Err(Refusal::own(Leaf::InvalidProtocolVersion, why));
    }
    let part = RequestPart {
        method: String::new(),
        target: target.to_owned(),
        headers: Vec::new(),
    };
    let address = part.address();
    let (service, path, query) =
        address.map_err(|error| Refusal::own(Leaf::InvalidRequest, error))?;
    Ok((service, path.to_owned(), query.map(str::to_owned)))
}

/// Who asks, a subsystem or the member itself; of several headers the last counts.
fn client(headers: &HeaderMap) -> Result<Party, Refusal> {
    let bad = |why: &str| Refusal::own(Leaf::InvalidClientIdentifier, why);
    let text = last(headers, message::CLIENT).ok_or_else(|| bad("X-Road-Client is missing"))?;
    text.parse().map_err(|_| {
        bad("X-Road-Client: expected INSTANCE/CLASS/MEMBER or INSTANCE/CLASS/MEMBER/SUBSYSTEM")
    })
}

fn check_represented(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(text) = last(headers, REPRESENTED_PARTY) else {
        return Ok(());
    };
    let parts: Vec<_> = text.split('/').map(kernel::party::decode_part).collect();
    if parts.len() <= 2 && parts.iter().all(Option::is_some) {
        return Ok(());
    }
    let why = "X-Road-Represented-Party is not [CLASS/]CODE";
    Err(Refusal::own(Leaf::InvalidRequest, why))
}

/// The last value of a header: X-Road's rule for repeated ones.
fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(name);
    all.iter()
        .next_back()
        .map(|value| header_text(value.as_bytes()))
}

/// The headers that pass to the provider unchanged.
fn passed(headers: &HeaderMap) -> Vec<Header> {
    let own = |name: &str| REWRITTEN.contains(&name) || message::is_made_by_node(name);
    let mut has_date = false;
    headers
        .iter()
        .filter(|(name, _)| !message::is_dropped(name.as_str()) && !own(name.as_str()))
        .filter(|(name, _)| *name != header::DATE || !std::mem::replace(&mut has_date, true))
        .map(|(name, value)| (name.as_str().to_owned(), header_text(value.as_bytes())))
        .collect()
}

/// The provider's response as the system gets it: `Date` once, everything else as it was signed.
fn answer(answered: Answered) -> Response<Option<Body>> {
    let Answered {
        response: part,
        body,
        ..
    } = answered;
    let mut response = Response::new(body);
    let status = StatusCode::from_u16(part.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.status_mut() = status;
    let own_words = status.canonical_reason() != Some(part.reason.as_str());
    if let (true, Ok(reason)) = (own_words, ReasonPhrase::try_from(part.reason.as_bytes())) {
        response.extensions_mut().insert(reason);
    }
    response.headers_mut().reserve(part.headers.len());
    for (name, value) in &part.headers {
        let pair = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_bytes(value.as_bytes()),
        );
        match pair {
            (Ok(name), Ok(value)) if name == header::DATE => {
                response.headers_mut().insert(name, value);
            }
            (Ok(name), Ok(value)) if !message::is_dropped(name.as_str()) => {
                response.headers_mut().append(name, value);
            }
            _ => {}
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_admits_what_it_says() {
        let listed = Shown::Certificate("ab".into());
        let other = Shown::Certificate("cd".into());
        for (authentication, admitted) in [
            (Authentication::Http, [true, true, true, true]),
            (Authentication::Https, [false, true, true, true]),
            (Authentication::Mutual, [false, false, true, false]),
        ] {
            let access = SystemAccess {
                authentication,
                certificates: vec!["AB".into()],
            };
            let shown = [Shown::Plain, Shown::Tls, listed.clone(), other.clone()];
            let got = shown.map(|shown| admit(&access, &shown).is_ok());
            assert_eq!(got, admitted, "{authentication:?}");
        }
        assert!(admit(&SystemAccess::default(), &listed).is_err());
    }

    #[test]
    fn what_belongs_to_a_connection_or_the_node_stays_here() {
        let mut headers = HeaderMap::new();
        for name in message::DROPPED.into_iter().chain(REWRITTEN).chain([
            "expect",
            "x-road-request-id",
            "x-road-request-hash",
        ]) {
            headers.append(name, HeaderValue::from_static("x"));
        }
        let kept = [
            ("x-road-represented-party", "GOB/1"),
            ("x-road-security-server", "PE/GOB/1/s1"),
            ("content-type", "Text/Plain; Charset=\"x\""),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("date", "Mon, 23 Nov 2026 10:00:00 GMT"),
        ];
        for (name, value) in kept {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.append("date", HeaderValue::from_static("another"));
        let passed = passed(&headers);
        let passed: Vec<_> = passed
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(passed, kept);
    }
}
