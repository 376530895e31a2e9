//! The side of the body's own information systems: plain REST under `/r1/...`, as X-Road's clients send it (PR-REST).
//!
//! A system sends its request here; it goes out over the same path as every question of the house, and the provider's
//! response comes back with X-Road's headers. Errors are told in JSON or XML with `X-Road-Error`. It refuses clients
//! that are not subsystems of this body, and, where the settings list certificates for a subsystem, whoever shows none.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kernel::SubsystemId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::ask::{Answered, AskError, Behalf, Outgoing};
use crate::domain::codes::{Code, Leaf, Origin, Report, wants_xml};
use crate::domain::message::{self, Header, METHODS, RequestPart};
use crate::source::FactQuestion;
use crate::wire::{self, Serving};
use crate::{Exchange, Verified};

/// Most systems of a body at the same time; a body has a handful.
const CONNECTIONS_MAX: usize = 200;
/// Largest header section of a system's request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long a stop waits for running requests.
const FAREWELL: Duration = Duration::from_secs(10);

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

struct Refusal {
    code: String,
    status: u16,
    message: String,
}

impl Refusal {
    fn new(code: Code, message: impl std::fmt::Display) -> Self {
        Self {
            code: code.to_string(),
            status: code.status(),
            message: message.to_string(),
        }
    }

    fn own(leaf: Leaf, message: impl std::fmt::Display) -> Self {
        Self::new(Code::asking(leaf), message)
    }

    fn of_sender(leaf: Leaf, message: impl std::fmt::Display) -> Self {
        Self::new(
            Code {
                origin: Origin::Client,
                service_failed: false,
                leaf,
            },
            message,
        )
    }
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        let code = error.code();
        let status = Code::parse(&code).map_or(500, Code::status);
        let message = match &error {
            AskError::Own(_) => "this node failed".to_owned(),
            other => other.to_string(),
        };
        Self {
            code,
            status,
            message,
        }
    }
}

impl Exchange {
    /// Serves the body's own systems on `listener`. With `tls` they speak HTTPS and may show a certificate.
    ///
    /// # Errors
    /// The authentication key can't be used for TLS.
    pub fn serve_systems(
        &self,
        listener: TcpListener,
        tls: bool,
    ) -> Result<Serving, kernel::Fault> {
        let acceptor = match tls {
            true => {
                let config =
                    wire::systems_config(&self.inner.keys.auth).map_err(kernel::Fault::internal)?;
                Some(TlsAcceptor::from(Arc::new(config)))
            }
            false => None,
        };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(self.clone(), listener, acceptor, stopped));
        Ok(Serving::new(stop, task))
    }

    async fn system_request(
        &self,
        request: Request<Incoming>,
        certificate: Option<String>,
    ) -> Response<Full<Bytes>> {
        let accept = text(request.headers(), "accept").unwrap_or("").to_owned();
        let is_head = request.method() == Method::HEAD;
        let response = match self.relay(request, certificate).await {
            Ok(answered) => answer(answered.into_inner()),
            Err(refusal) => self.told(refusal, &accept),
        };
        if is_head {
            response.map(|_| Full::new(Bytes::new()))
        } else {
            response
        }
    }

    async fn relay(
        &self,
        request: Request<Incoming>,
        certificate: Option<String>,
    ) -> Result<Verified<Answered>, Refusal> {
        let (head, body) = request.into_parts();
        let limit = self.inner.settings.body_bytes_max;
        let reading = timeout(
            self.inner.settings.timeout(),
            Limited::new(body, limit).collect(),
        );
        let body = match reading.await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return Err(Refusal::of_sender(Leaf::InvalidBody, error)),
            Err(_) => {
                return Err(Refusal::of_sender(
                    Leaf::IoError,
                    "the body came too slowly",
                ));
            }
        };
        let outgoing = self.read_system(&head, body)?;
        self.check_system(&outgoing.client, certificate.as_deref())?;
        Ok(self.send(outgoing).await?)
    }

    /// Reads a system's request into what goes out.
    fn read_system(&self, head: &http::request::Parts, body: Bytes) -> Result<Outgoing, Refusal> {
        if !METHODS.contains(&head.method.as_str()) {
            return Err(Refusal::own(
                Leaf::InvalidHttpMethod,
                "this verb is not taken",
            ));
        }
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned();
        let client = last(&head.headers, message::CLIENT)
            .ok_or_else(|| Refusal::of_sender(Leaf::MissingHeader, "X-Road-Client is missing"))?;
        let client: SubsystemId = client.parse().map_err(|_| {
            Refusal::of_sender(
                Leaf::InvalidClientIdentifier,
                "X-Road-Client is no subsystem",
            )
        })?;
        let part = RequestPart {
            method: head.method.to_string(),
            target,
            headers: Vec::new(),
        };
        let (service, path, query) = part
            .address()
            .map_err(|error| Refusal::of_sender(Leaf::InvalidRequest, error))?;
        let below = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let body = (!body.is_empty()).then(|| body.to_vec());
        let is_facts = part.method == "POST" && path == "/facts";
        let question = if is_facts {
            FactQuestion::parse(body.as_deref()).ok()
        } else {
            None
        };
        let value = |name: &str| last(&head.headers, name).map(str::to_owned);
        let server = match value(SECURITY_SERVER).map(|text| text.parse()).transpose() {
            Ok(server) => server,
            Err(error) => return Err(Refusal::of_sender(Leaf::InvalidRequest, error)),
        };
        Ok(Outgoing {
            client,
            service,
            server,
            method: part.method.clone(),
            below,
            headers: passed(&head.headers),
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
        })
    }

    /// Whether this system may speak for the subsystem: registered, and with one of its certificates if it has any.
    fn check_system(&self, client: &SubsystemId, certificate: Option<&str>) -> Result<(), Refusal> {
        let inner = &self.inner;
        let known = inner.held.any().is_some_and(|view| view.knows(client));
        if client.member != inner.settings.member || !known {
            return Err(Refusal::own(
                Leaf::UnknownMember,
                "the client is no registered subsystem of this body",
            ));
        }
        match inner.settings.systems_certificates.get(&client.code) {
            None => Ok(()),
            Some(listed)
                if certificate.is_some_and(|shown| listed.iter().any(|known| known == shown)) =>
            {
                Ok(())
            }
            Some(_) => Err(Refusal::own(
                Leaf::SslAuthenticationFailed,
                "the client's system must show one of its registered certificates",
            )),
        }
    }

    fn told(&self, refusal: Refusal, accept: &str) -> Response<Full<Bytes>> {
        let spelling = self.inner.settings.spelling;
        let code = Code::parse(&refusal.code).map_or(refusal.code, |code| code.text(spelling));
        let report = Report {
            code,
            message: refusal.message,
            detail: self.inner.chance.uuid(),
        };
        tracing::warn!(code = %report.code, reference = %report.detail, cause = %report.message, "a system was refused");
        let (kind, body) = match wants_xml(accept) {
            true => ("text/xml; charset=UTF-8", report.xml()),
            false => ("application/json", report.json()),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() =
            StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Ok(value) = HeaderValue::from_str(&report.code) {
            response.headers_mut().insert("x-road-error", value);
        }
        response
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The last value of a header: X-Road's rule for repeated ones.
fn last<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(name)
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
}

/// The headers that pass to the provider unchanged.
fn passed(headers: &HeaderMap) -> Vec<Header> {
    let own = |name: &str| REWRITTEN.contains(&name) || message::is_made_by_node(name);
    let mut has_date = false;
    headers
        .iter()
        .filter(|(name, _)| !message::is_dropped(name.as_str()) && !own(name.as_str()))
        .filter(|(name, _)| *name != header::DATE || !std::mem::replace(&mut has_date, true))
        .filter_map(|(name, value)| {
            Some((
                name.as_str().to_owned(),
                String::from_utf8(value.as_bytes().to_vec()).ok()?,
            ))
        })
        .collect()
}

fn answer(answered: Answered) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answered.body.unwrap_or_default())));
    *response.status_mut() =
        StatusCode::from_u16(answered.response.status).unwrap_or(StatusCode::BAD_GATEWAY);
    for (name, value) in &answered.response.headers {
        let pair = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_bytes(value.as_bytes()),
        );
        if let (false, (Ok(name), Ok(value))) = (message::is_dropped(name), pair) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

async fn accept(
    exchange: Exchange,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            break;
        };
        let tcp = tokio::select! {
            tcp = listener.accept() => tcp,
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        let Ok((tcp, _)) = tcp else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (exchange, acceptor, stopped) = (exchange.clone(), acceptor.clone(), stopped.clone());
        connections.spawn(async move {
            let _place = place;
            connect(exchange, acceptor, tcp, stopped).await;
        });
    }
    drop(listener);
    let _ = timeout(FAREWELL, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}

async fn connect(
    exchange: Exchange,
    acceptor: Option<TlsAcceptor>,
    tcp: TcpStream,
    stopped: watch::Receiver<bool>,
) {
    let _ = tcp.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return converse(exchange, tcp, None, stopped).await;
    };
    if let Ok(Ok(tls)) = timeout(exchange.inner.settings.stall(), acceptor.accept(tcp)).await {
        let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let shown = shown.map(|der| crate::directory::sha256_hex(der));
        converse(exchange, tls, shown, stopped).await;
    }
}

async fn converse(
    exchange: Exchange,
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    certificate: Option<String>,
    mut stopped: watch::Receiver<bool>,
) {
    let stall = exchange.inner.settings.stall();
    let service = service_fn(move |request| {
        let (exchange, certificate) = (exchange.clone(), certificate.clone());
        async move { Ok::<_, Infallible>(exchange.system_request(request, certificate).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(stall)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(message::HEADERS_MAX)
        .serve_connection(TokioIo::new(line), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
