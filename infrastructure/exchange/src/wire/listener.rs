//! Calls from other nodes: accepts, shakes hands, reads whole messages within limits, hands them to one handler.
//!
//! Each connection costs bounded memory and each wait has an end: handshake, header section, every piece of a body,
//! the whole message. A peer over a limit gets a fault if it can still be told, and loses its connection.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use trust::Certificate;

use super::legacy;
use super::shared::{Calls, answer_on};
use super::stream::{BadStream, Inbound, Outbound, Pace, linger, outbound};
use super::{HASH_ALGORITHM, TlsSetup, content_type};
use crate::body::SpoolRoom;
use crate::domain::hello::{self, Offer};
use crate::domain::multipart::{self, BadEnvelope, Direction, Envelope};
use crate::domain::shared_line::PROTOCOL;

/// Longest handshake; a satellite line needs two to three seconds.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause between two looks at a ClientHello that has not come whole; one packet nearly always holds it.
const PEEK_PAUSE: Duration = Duration::from_millis(20);
/// Largest header section of a call; ours have seven short headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most headers of a call.
const HEADERS_MAX: usize = 32;
/// How long a stop waits for running calls before it cuts them.
const FAREWELL: Duration = Duration::from_secs(10);

/// A message as it arrived.
pub struct Arrived {
    /// The certificate at the other end of the line.
    pub peer: Certificate,
    /// The `x-road-request-id` of the transport.
    pub request_id: String,
    /// The parts, or why the bytes are not a message.
    pub message: Result<Envelope, BadArrival>,
}

/// Why no message arrived.
#[derive(Debug, thiserror::Error)]
pub enum BadArrival {
    /// Not the framing of the protocol.
    #[error("{0}")]
    Envelope(#[from] BadEnvelope),
    /// The sender stood still or went away.
    #[error("the sender stood still or went away")]
    Stalled,
    /// This node has no room for the body.
    #[error("this node has no room for the body")]
    NoRoom,
    /// The call is not a POST of a multipart message.
    #[error("not a POST of a multipart/mixed message")]
    Kind,
}

/// What goes back.
pub enum Departing {
    /// A signed message.
    Message {
        /// The frame's boundary, where it is framed.
        boundary: String,
        /// The message.
        envelope: Envelope,
    },
    /// A SOAP fault.
    Fault(String),
    /// What no honest node says.
    #[cfg(test)]
    Raw {
        /// The frame's boundary.
        boundary: String,
        /// The bytes.
        frame: crate::domain::multipart::Framed,
    },
}

/// Decides on each message.
pub type Handler = Arc<dyn Fn(Arrived) -> BoxFuture<'static, Departing> + Send + Sync>;

/// What one listener may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most connections at the same time, and most calls in work on those that carry many.
    pub connections: usize,
    /// Whether a line may carry many calls at once, if the caller knows how.
    pub shares: bool,
    /// Longest silence within a message.
    pub stall: Duration,
    /// Longest time for a message to arrive, besides what its size allows.
    pub whole: Duration,
    /// Where bodies go, and how large they may be.
    pub room: SpoolRoom,
}

/// A running listener. Dropping it does not stop it; [`Serving::stop`] does, gracefully.
pub struct Serving {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    pub(crate) fn new(stop: watch::Sender<bool>, task: tokio::task::JoinHandle<()>) -> Self {
        Self { stop, task }
    }

    /// Takes no more calls, lets running ones end, and returns.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }

    /// Cuts everything at once, as a power failure would; for tests of what survives.
    pub fn cut(self) {
        self.task.abort();
    }
}

/// Serves `listener` until it is stopped.
pub fn serve(listener: TcpListener, setup: &TlsSetup, limits: Limits, handler: Handler) -> Serving {
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(accept(listener, setup.clone(), limits, handler, stopped));
    Serving { stop, task }
}

async fn accept(
    listener: TcpListener,
    setup: TlsSetup,
    limits: Limits,
    handler: Handler,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let calls = Calls {
        places: Arc::new(Semaphore::new(limits.connections)),
        limits,
        handler,
    };
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
            // Out of file descriptors: waiting frees some.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let connection = Connection {
            calls: calls.clone(),
            stopped: stopped.clone(),
        };
        let setup = setup.clone();
        connections.spawn(async move {
            let _place = place;
            connection.run(setup, tcp).await;
        });
    }
    drop(listener);
    let _ = timeout(FAREWELL, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}

struct Connection {
    calls: Calls,
    stopped: watch::Receiver<bool>,
}

impl Connection {
    async fn run(mut self, setup: TlsSetup, tcp: TcpStream) {
        let _ = tcp.set_nodelay(true);
        let shares = self.calls.limits.shares;
        let handshake = tokio::select! {
            shaken = timeout(HANDSHAKE, shake(&setup, tcp, shares)) => shaken,
            // Nothing was asked yet.
            _ = self.stopped.changed() => return,
        };
        match handshake {
            Ok(Ok(Shaken::Modern(tls, peer))) if is_shared(&tls) => {
                answer_on(*tls, peer, self.calls, self.stopped).await;
            }
            Ok(Ok(Shaken::Modern(tls, peer))) => self.talk(*tls, peer).await,
            Ok(Ok(Shaken::Legacy(tls, peer))) => self.talk(*tls, peer).await,
            Ok(Err(error)) => tracing::info!(%error, "a node was refused in the handshake"),
            Err(_) => tracing::info!("a node did not finish the handshake"),
        }
    }

    async fn talk<S>(mut self, tls: S, peer: Certificate)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Calls {
            limits, handler, ..
        } = self.calls;
        let stall = limits.stall;
        let service = service_fn(move |request| {
            let (handler, peer, limits) = (handler.clone(), peer.clone(), limits.clone());
            async move {
                Ok::<_, std::convert::Infallible>(receive(request, peer, &limits, &handler).await)
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(stall)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(tls), service);
        tokio::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = self.stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

/// A finished handshake with the caller's certificate, which counts.
enum Shaken {
    Modern(Box<TlsStream<TcpStream>>, Certificate),
    Legacy(Box<legacy::Stream>, Certificate),
}

/// Whether both sides know how to share a line.
fn is_shared(tls: &TlsStream<TcpStream>) -> bool {
    tls.get_ref().1.alpn_protocol() == Some(PROTOCOL)
}

/// Hands the socket to the stack that speaks the caller's version.
async fn shake(
    setup: &TlsSetup,
    tcp: TcpStream,
    shares: bool,
) -> Result<Shaken, Box<dyn Error + Send + Sync>> {
    if let Some(legacy) = &setup.legacy {
        match offered(&tcp).await? {
            Offer::FellBack if !setup.plays_old() => return Err(fell_back(tcp).await),
            Offer::FellBack | Offer::Older => {
                let (tls, peer) = legacy.accept(tcp).await?;
                return Ok(Shaken::Legacy(Box::new(tls), peer));
            }
            Offer::Tls13 | Offer::Unknown | Offer::Unfinished => {}
        }
    }
    let config = match shares {
        true => &setup.sharing_server,
        false => &setup.server,
    };
    let tls = TlsAcceptor::from(config.clone()).accept(tcp).await?;
    let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = setup.met.read(shown.ok_or("no certificate was shown")?)?;
    Ok(Shaken::Modern(Box::new(tls), peer))
}

/// Ends a line whose caller speaks TLS 1.3 and was told by somebody on the way that this node does not.
async fn fell_back(mut tcp: TcpStream) -> Box<dyn Error + Send + Sync> {
    let _ = tcp.write_all(&hello::INAPPROPRIATE).await;
    "the caller was made to fall back from TLS 1.3 by somebody on the way".into()
}

/// Looks at the first bytes without taking them.
async fn offered(tcp: &TcpStream) -> std::io::Result<Offer> {
    let mut seen = vec![0; hello::HELLO_BYTES_MAX];
    loop {
        let count = tcp.peek(&mut seen).await?;
        match hello::offer(&seen[..count]) {
            // What was seen stays readable, so that nothing wakes us when more comes.
            Offer::Unfinished if count > 0 => tokio::time::sleep(PEEK_PAUSE).await,
            offer => return Ok(offer),
        }
    }
}

async fn receive(
    request: Request<Incoming>,
    peer: Certificate,
    limits: &Limits,
    handler: &Handler,
) -> Response<Outbound> {
    let text = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    };
    let request_id = text("x-road-request-id").to_owned();
    let boundary = multipart::boundary(text("content-type"));
    let is_post = request.method() == Method::POST && request.uri().path() == "/";
    let mut body = request.into_body();
    let message = match boundary.filter(|_| is_post) {
        None => Err(BadArrival::Kind),
        Some(boundary) => {
            let inbound = Inbound::new(&boundary, Direction::Request, &limits.room);
            let pace = Pace::new(limits.stall, limits.whole);
            let read = inbound.read(&mut body, pace).await;
            read.map_err(BadArrival::from)
        }
    };
    let is_whole = message.is_ok();
    let mut response = respond(
        handler(Arrived {
            peer,
            request_id,
            message,
        })
        .await,
    );
    if !is_whole {
        // The rest of a bad message is not worth keeping.
        linger(body);
        response.headers_mut().insert(
            header::CONNECTION,
            header::HeaderValue::from_static("close"),
        );
    }
    response
}

impl From<BadStream> for BadArrival {
    fn from(error: BadStream) -> Self {
        match error {
            BadStream::Envelope(bad) => Self::Envelope(bad),
            BadStream::Gone(_) => Self::Stalled,
            BadStream::Room(error) => {
                tracing::error!(%error, "there is no room for a body");
                Self::NoRoom
            }
        }
    }
}

fn respond(departing: Departing) -> Response<Outbound> {
    let (kind, frame) = match departing {
        Departing::Message { boundary, envelope } => {
            let frame = multipart::write(&envelope, Direction::Response, &boundary);
            (content_type(&boundary), frame)
        }
        #[cfg(test)]
        Departing::Raw { boundary, frame } => (content_type(&boundary), frame),
        Departing::Fault(text) => (
            "text/xml; charset=UTF-8".to_owned(),
            Bytes::from(text).into(),
        ),
    };
    let mut response = Response::new(outbound(&frame));
    if let Ok(value) = header::HeaderValue::from_str(&kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    let algorithm = header::HeaderValue::from_static(HASH_ALGORITHM.1);
    response.headers_mut().insert(HASH_ALGORITHM.0, algorithm);
    response
}
