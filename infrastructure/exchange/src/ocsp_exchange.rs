//! Port 5577: servers hand each other the OCSP responses for their own certificates, over plain HTTP.
//!
//! An X-Road server asks here before it believes our TLS certificate, and we ask there before we believe its own; our
//! nodes among themselves ask the authority. The responses are signed, so the line needs no secrecy; whoever receives
//! them checks them like any others. It promises that nobody can make this node ask the authority more often than its
//! own clock does, nor hold it up: a few connections, short waits, a rate for each address.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use trust::Certificate;
use web::client::{Http, HttpLimits};

use crate::Exchange;
use crate::domain::ocsp_parts::{self, ANSWER_BYTES_MAX, BadExchange, Name};
use crate::wire::{Serving, new_boundary};

/// Most connections at the same time; each is one short question.
const CONNECTIONS_MAX: usize = 64;
/// Longest time for a question with its answer.
const WHOLE: Duration = Duration::from_secs(10);
/// Longest wait for a header section.
const HEAD_WAIT: Duration = Duration::from_secs(3);
/// Largest header section; a question with five certificates takes 1 KiB. (8 KiB is the least that hyper reads with.)
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Most headers of a question.
const HEADERS_MAX: usize = 32;
/// Questions from one address in [`RATE_PERIOD`]; an X-Road server keeps an answer for many minutes.
const RATE_MAX: u32 = 60;
/// The period of [`RATE_MAX`].
const RATE_PERIOD: Duration = Duration::from_secs(60);
/// Most addresses that are counted; beyond it all start anew.
const RATE_ADDRESSES_MAX: usize = 4_096;
/// Limits towards a peer's responder: a satellite line answers within this, and there is the authority to ask besides.
const ASKING: HttpLimits = HttpLimits {
    connect: Duration::from_secs(3),
    total: Duration::from_secs(6),
    answer_bytes: ANSWER_BYTES_MAX,
};

/// Asks the server at `host` for the OCSP responses of its own certificates.
///
/// # Errors
/// It does not answer, or not in the protocol's form; the text is for the log.
pub(crate) async fn from_peer(
    http: &Http,
    host: &str,
    port: u16,
    certificates: &[&Certificate],
) -> Result<Vec<Vec<u8>>, String> {
    let named: Vec<(Name, [u8; 32])> = certificates
        .iter()
        .map(|certificate| (certificate.sha1(), certificate.sha256()))
        .collect();
    let url = format!("http://{host}:{port}/?{}", ocsp_parts::query(&named));
    let http = http.clone().limits(ASKING);
    let answer = http.get(&url).await.map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!(
            "{host}:{port} answers with status {}",
            answer.status
        ));
    }
    let kind = answer.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or("");
    ocsp_parts::read(kind, &answer.body).map_err(|error| error.to_string())
}

impl Exchange {
    /// Serves this node's own OCSP responses on `listener` (X-Road's port is 5577) until the returned value is told to
    /// stop.
    pub fn serve_ocsp(&self, listener: TcpListener) -> Serving {
        let (stop, stopped) = watch::channel(false);
        let responder = Responder {
            exchange: self.clone(),
            rates: Arc::default(),
        };
        Serving::new(stop, tokio::spawn(accept(listener, responder, stopped)))
    }
}

#[derive(Clone)]
struct Responder {
    exchange: Exchange,
    rates: Arc<Mutex<HashMap<IpAddr, (u32, Instant)>>>,
}

async fn accept(listener: TcpListener, responder: Responder, mut stopped: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let Ok((tcp, from)) = accepted else {
            // Out of file descriptors: waiting frees some.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let responder = responder.clone();
        tokio::spawn(async move {
            let _place = place;
            let _ = timeout(WHOLE, responder.talk(tcp, from.ip())).await;
        });
    }
}

/// Where in `own` the certificates of a query stand. X-Road's clients name each by SHA-1 and by SHA-256, and its
/// servers go by the first; who names them by SHA-256 alone is answered too.
fn places(query: &str, own: &[&Certificate]) -> Result<Vec<usize>, String> {
    let place = |name: &[u8], is_it: &dyn Fn(&Certificate) -> bool| {
        let at = own.iter().position(|certificate| is_it(certificate));
        at.ok_or_else(|| unknown(name))
    };
    match ocsp_parts::names(query) {
        Err(BadExchange::NoName) => ocsp_parts::long_names(query)
            .map_err(|error| error.to_string())?
            .iter()
            .map(|name| place(name, &|certificate| certificate.sha256() == *name))
            .collect(),
        names => names
            .map_err(|error| error.to_string())?
            .iter()
            .map(|name| place(name, &|certificate| certificate.sha1() == *name))
            .collect(),
    }
}

fn unknown(name: &[u8]) -> String {
    let name = HEXLOWER.encode(name);
    format!("no OCSP response is held for certificate {name}")
}

impl Responder {
    async fn talk(self, tcp: TcpStream, from: IpAddr) {
        let service = service_fn(|request: Request<Incoming>| {
            let responder = self.clone();
            async move { Ok::<_, Infallible>(responder.answer(&request, from).await) }
        });
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WAIT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .keep_alive(false)
            .serve_connection(TokioIo::new(tcp), service)
            .await;
    }

    async fn answer(&self, request: &Request<Incoming>, from: IpAddr) -> Response<Full<Bytes>> {
        if !self.has_right(from) {
            return told(
                StatusCode::TOO_MANY_REQUESTS,
                "too many questions".to_owned(),
            );
        }
        let query = request.uri().query().unwrap_or("");
        let result = match *request.method() {
            Method::HEAD => return Response::new(Full::default()),
            Method::GET => self.responses(query).await,
            _ => Err("only GET and HEAD are answered here".to_owned()),
        };
        match result {
            Err(why) => told(StatusCode::INTERNAL_SERVER_ERROR, why),
            Ok(responses) => {
                let boundary = new_boundary(&*self.exchange.inner.chance);
                let body = ocsp_parts::write(&responses, &boundary);
                let mut response = Response::new(Full::new(body.into()));
                let kind = header::HeaderValue::from_str(&ocsp_parts::content_type(&boundary));
                if let Ok(kind) = kind {
                    response.headers_mut().insert(header::CONTENT_TYPE, kind);
                }
                response
            }
        }
    }

    /// The responses for the certificates that the query names, which must be our own.
    async fn responses(&self, query: &str) -> Result<Vec<Vec<u8>>, String> {
        let inner = &self.exchange.inner;
        let keys = &inner.keys;
        let own: Vec<&Certificate> = keys.auth.chain().iter().chain(&keys.sign_chain).collect();
        let places = places(query, &own)?;
        let held = inner.statuses.own(keys).await.map_err(|error| {
            tracing::warn!(%error, "a server asked for OCSP responses that are not to be had");
            "the authority's OCSP responses are not to be had now".to_owned()
        })?;
        let held: Vec<&Vec<u8>> = held.auth.iter().chain(&held.sign).collect();
        let chosen = places
            .iter()
            .map(|&at| held.get(at).map(|one| (*one).clone()));
        chosen.collect::<Option<_>>().ok_or_else(|| unknown(b""))
    }

    fn has_right(&self, from: IpAddr) -> bool {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() >= RATE_ADDRESSES_MAX && !rates.contains_key(&from) {
            rates.clear();
        }
        let now = Instant::now();
        let (count, since) = rates.entry(from).or_insert((0, now));
        if since.elapsed() >= RATE_PERIOD {
            (*count, *since) = (0, now);
        }
        *count += 1;
        *count <= RATE_MAX
    }
}

fn told(status: StatusCode, why: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(why.into()));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
