//! Making a connection: the race of several addresses, TLS 1.3 first, X-Road's suites for a peer that refuses it.
//!
//! Somebody on the way can answer in a peer's stead with 'wrong version'. It changes nothing: in TLS 1.2 the caller says
//! that it fell back (`domain/hello.rs`), within what the handshake protects, and a peer that speaks TLS 1.3 refuses.
//! A peer that once spoke TLS 1.3 is besides not spoken to in TLS 1.2 for a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select_ok;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, PeerIncompatible};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use trust::Certificate;

use super::TlsSetup;
use super::caller::WireError;
use super::shared::SharedLine;
use super::stream::Outbound;
use crate::body::SpoolRoom;
use crate::domain::shared_line::PROTOCOL;

/// Longest wait for a connection; a satellite line needs two to three seconds with TLS.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// Most bytes of a response's header section, whose headers are few and short; a line's read buffer grows no larger, and
/// a record of TLS is no larger either.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a peer that spoke TLS 1.3 is held to it.
const HELD_TO_TLS13: Duration = Duration::from_secs(24 * 3_600);
/// How long a peer that needed TLS 1.2 is spoken to in it before TLS 1.3 is tried again; X-Road servers are updated at
/// night.
const HELD_TO_LEGACY: Duration = Duration::from_secs(3_600);
/// Most addresses remembered; an instance has a few thousand servers.
const REMEMBERED_MAX: usize = 10_000;

/// Which kind of TLS a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// TLS 1.3: a node of our own kind.
    Tls13,
    /// TLS 1.2 with X-Road's suites.
    Legacy,
}

/// A connection whose peer was judged.
pub(super) struct Dialled {
    pub talk: Talk,
    pub peer: Certificate,
    pub speech: Speech,
}

/// What is spoken over a connection.
pub(super) enum Talk {
    /// HTTP, one call at a time.
    Http(SendRequest<Outbound>),
    /// Many calls at once.
    Shared(SharedLine),
}

/// Makes connections; cloning shares the memory of who speaks what.
#[derive(Clone)]
pub(super) struct Dialler {
    setup: TlsSetup,
    stall: Duration,
    room: SpoolRoom,
    known: Arc<Mutex<HashMap<String, (Speech, Instant)>>>,
}

/// Why a TLS 1.3 handshake gave no line.
enum Failed {
    /// The peer refuses the version.
    Version,
    /// Anything else.
    Otherwise(WireError),
}

fn unreachable(cause: impl std::fmt::Display) -> WireError {
    WireError::Unreachable(cause.to_string())
}

impl Dialler {
    /// Lines that carry many calls break after `stall` of silence in the middle of an answer, and put bodies into `room`.
    pub(super) fn new(setup: TlsSetup, stall: Duration, room: SpoolRoom) -> Self {
        Self {
            setup,
            stall,
            room,
            known: Arc::default(),
        }
    }

    /// A connection to `address`, over `tcp` if it is already connected; with `shares` one that carries many calls, if the
    /// node there knows how.
    pub(super) async fn dial(
        &self,
        address: &str,
        tcp: Option<TcpStream>,
        shares: bool,
    ) -> Result<Dialled, WireError> {
        timeout(CONNECT, self.dial_now(address, tcp, shares))
            .await
            .map_err(|_| unreachable("no connection in time"))?
    }

    async fn dial_now(
        &self,
        address: &str,
        tcp: Option<TcpStream>,
        shares: bool,
    ) -> Result<Dialled, WireError> {
        let tcp = match tcp {
            Some(tcp) => tcp,
            None => connect(address).await?,
        };
        let known = self.known(address);
        if known == Some(Speech::Legacy) {
            return match self.legacy(address, tcp).await {
                Ok(dialled) => Ok(dialled),
                // It may have learned TLS 1.3 meanwhile; then it wants to be spoken to in nothing less.
                Err(error) => self.learned(address).await.ok_or(error),
            };
        }
        match self.modern(tcp, shares).await {
            Ok(dialled) => {
                self.remember(address, Speech::Tls13);
                Ok(dialled)
            }
            Err(Failed::Version) if known.is_none() && self.setup.legacy.is_some() => {
                let dialled = self.legacy(address, connect(address).await?).await?;
                self.remember(address, Speech::Legacy);
                Ok(dialled)
            }
            Err(Failed::Version) => Err(unreachable("the node does not speak TLS 1.3")),
            Err(Failed::Otherwise(error)) => Err(error),
        }
    }

    async fn learned(&self, address: &str) -> Option<Dialled> {
        let dialled = self.modern(connect(address).await.ok()?, false);
        let dialled = dialled.await.ok()?;
        self.remember(address, Speech::Tls13);
        Some(dialled)
    }

    async fn modern(&self, tcp: TcpStream, shares: bool) -> Result<Dialled, Failed> {
        let otherwise = |cause: &dyn std::fmt::Display| Failed::Otherwise(unreachable(cause));
        let name = ServerName::try_from("node.invalid").map_err(|e| otherwise(&e))?;
        let config = match shares {
            true => &self.setup.sharing_client,
            false => &self.setup.client,
        };
        let connector = TlsConnector::from(config.clone());
        let tls = connector.connect(name, tcp).await.map_err(|error| {
            if refuses_version(&error) {
                Failed::Version
            } else {
                otherwise(&error)
            }
        })?;
        let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let shown = shown.ok_or_else(|| otherwise(&"the node showed no certificate"))?;
        let peer = self.setup.met.read(shown).map_err(|e| otherwise(&e))?;
        let talk = match tls.get_ref().1.alpn_protocol() {
            Some(PROTOCOL) => Talk::Shared(SharedLine::start(tls, self.stall, self.room.clone())),
            _ => Talk::Http(start(tls).await.map_err(Failed::Otherwise)?),
        };
        Ok(Dialled {
            talk,
            peer,
            speech: Speech::Tls13,
        })
    }

    async fn legacy(&self, address: &str, tcp: TcpStream) -> Result<Dialled, WireError> {
        let stack = self.setup.legacy.as_ref();
        let stack = stack.ok_or_else(|| unreachable("TLS 1.2 is switched off"))?;
        let (tls, peer) = stack.connect(tcp).await.map_err(|error| {
            self.forget(address);
            unreachable(error)
        })?;
        Ok(Dialled {
            talk: Talk::Http(start(tls).await?),
            peer,
            speech: Speech::Legacy,
        })
    }

    fn known(&self, address: &str) -> Option<Speech> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (speech, since) = *known.get(address)?;
        let held = match speech {
            Speech::Tls13 => HELD_TO_TLS13,
            Speech::Legacy => HELD_TO_LEGACY,
        };
        (since.elapsed() < held).then_some(speech)
    }

    fn remember(&self, address: &str, speech: Speech) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX && !known.contains_key(address) {
            known.clear();
        }
        known.insert(address.to_owned(), (speech, Instant::now()));
    }

    fn forget(&self, address: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(address);
    }
}

/// Connects to whichever of `addresses` answers first; the others are let go.
pub(super) async fn race<'a>(addresses: &[&'a str]) -> Result<(&'a str, TcpStream), WireError> {
    if addresses.is_empty() {
        return Err(unreachable("no address"));
    }
    let runners = addresses.iter().map(|&address| {
        Box::pin(async move {
            let connected = timeout(CONNECT, connect(address)).await;
            let tcp = connected.map_err(|_| unreachable("no connection in time"))??;
            Ok::<_, WireError>((address, tcp))
        })
    });
    let (won, _) = select_ok(runners).await?;
    Ok(won)
}

async fn connect(address: &str) -> Result<TcpStream, WireError> {
    let tcp = TcpStream::connect(address).await.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    Ok(tcp)
}

async fn start<S>(tls: S) -> Result<SendRequest<Outbound>, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(tls))
        .await
        .map_err(unreachable)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Whether a peer said that it does not speak TLS 1.3: the alert that RFC 8446 section 6.2 demands, the one that servers
/// send who look at the suites first, or an answer in an older version.
fn refuses_version(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        inner,
        Some(
            rustls::Error::AlertReceived(
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure
            ) | rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                    | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            )
        )
    )
}
