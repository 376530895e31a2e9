//! The listeners for the body's own systems: HTTP, or HTTPS on which a system may show a certificate.
//!
//! Read by `systems`. It bounds connections, header sections, silence and the requests in work, and knows nothing of
//! messages. A line whose request waits, or that rests, costs buffers alone: what works on a request is made when the
//! request has a place.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Shown;
use crate::Exchange;
use crate::domain::message;
use crate::places::Crowded;
use crate::wire::{self, Counted, Serving};

/// Most connections of systems at the same time; the busiest body has some hundred workers in its systems.
const CONNECTIONS_MAX: usize = 1_000;
/// Largest header section of a system's request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long a stop waits for running requests.
const FAREWELL: Duration = Duration::from_secs(10);

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
        let door = acceptor.map_or(Door::Plain, Door::Tls);
        Ok(self.open(listener, door))
    }

    /// Tells load balancers on `listener` whether this node works: any path, as X-Road's health check.
    pub fn serve_health(&self, listener: TcpListener) -> Serving {
        self.open(listener, Door::Health)
    }

    fn open(&self, listener: TcpListener, door: Door) -> Serving {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(self.clone(), listener, door, stopped));
        Serving::new(stop, task)
    }
}

/// What stands behind a listener.
#[derive(Clone)]
enum Door {
    /// Systems over HTTP.
    Plain,
    /// Systems over HTTPS.
    Tls(TlsAcceptor),
    /// Whoever watches the node.
    Health,
}

/// Who speaks on a connection.
#[derive(Clone)]
enum Caller {
    System(Shown),
    Watcher,
}

async fn accept(
    exchange: Exchange,
    listener: TcpListener,
    door: Door,
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
        let (exchange, door, stopped) = (exchange.clone(), door.clone(), stopped.clone());
        connections.spawn(async move {
            let _place = place;
            connect(exchange, door, tcp, stopped).await;
        });
    }
    drop(listener);
    let _ = timeout(FAREWELL, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}

async fn connect(exchange: Exchange, door: Door, tcp: TcpStream, stopped: watch::Receiver<bool>) {
    let _ = tcp.set_nodelay(true);
    match door {
        Door::Plain => converse(exchange, tcp, Caller::System(Shown::Plain), stopped).await,
        Door::Health => converse(exchange, tcp, Caller::Watcher, stopped).await,
        // In a box of its own: a line without TLS should not be as large as one with it.
        Door::Tls(acceptor) => Box::pin(secure(exchange, acceptor, tcp, stopped)).await,
    }
}

async fn secure(
    exchange: Exchange,
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    mut stopped: watch::Receiver<bool>,
) {
    let shaken = tokio::select! {
        shaken = timeout(exchange.inner.settings.stall(), acceptor.accept(tcp)) => shaken,
        // Nothing was asked yet.
        _ = stopped.changed() => return,
    };
    if let Ok(Ok(tls)) = shaken {
        let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let shown = match shown {
            Some(der) => Shown::Certificate(crate::directory::sha256_hex(der).into()),
            None => Shown::Tls,
        };
        converse(exchange, tls, Caller::System(shown), stopped).await;
    }
}

/// Answers a system's request once there is a place for it.
async fn placed(
    exchange: &Exchange,
    mut request: Request<Incoming>,
    shown: &Shown,
) -> Response<Counted> {
    let places = &exchange.inner.places;
    let place = match places.try_enter() {
        Some(place) => place,
        None => {
            request = apart(request);
            match places.enter().await {
                Ok(place) => place,
                Err(Crowded) => return Box::pin(exchange.turn_away(request)).await,
            }
        }
    };
    place
        .during(Box::pin(exchange.system_request(request, shown)))
        .await
}

/// The same request without the buffer that it was read into, which is larger by far than what it says.
fn apart(request: Request<Incoming>) -> Request<Incoming> {
    let (mut head, body) = request.into_parts();
    for value in head.headers.values_mut() {
        if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = own;
        }
    }
    if let Ok(own) = Uri::try_from(head.uri.to_string()) {
        head.uri = own;
    }
    Request::from_parts(head, body)
}

async fn converse(
    exchange: Exchange,
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    caller: Caller,
    mut stopped: watch::Receiver<bool>,
) {
    let stall = exchange.inner.settings.stall();
    let service = service_fn(move |request| {
        let (exchange, caller) = (exchange.clone(), caller.clone());
        async move {
            Ok::<_, Infallible>(match caller {
                Caller::System(shown) => placed(&exchange, request, &shown).await,
                Caller::Watcher => Box::pin(exchange.tell_health())
                    .await
                    .map(|text| Counted::new(Some(&text.into()))),
            })
        }
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
