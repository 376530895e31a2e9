//! Calls to other nodes: connections that are kept and used again, each call bounded in time and size.
//!
//! A call that surely never left may be repeated on a fresh connection ([`WireError::Unsent`]). One that may have left
//! may not: the peer would take the repetition for a replay.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use trust::Certificate;

use super::dial::{Dialled, Dialler, Speech, Talk, race};
use super::judge::Judge;
use super::meeting::{Meeting, Meetings};
use super::shared::SharedLine;
use super::stream::{BadStream, Gone, Inbound, Outbound, Pace, outbound, time_for};
use super::{Call, HASH_ALGORITHM, MESSAGE_TYPE, PROXY_VERSION, TlsSetup, content_type};
use crate::body::SpoolRoom;
use crate::domain::codes::{FAULT_BYTES_MAX, Report};
use crate::domain::multipart::{self, BadEnvelope, Direction, Envelope, Framed};
use crate::domain::shared_line::fits;

/// How long an unused connection is kept; below the listener's own limit, so that we close first.
pub(super) const IDLE: Duration = Duration::from_secs(8);
/// Most unused connections kept to one address: a handshake costs more CPU than a question does.
const IDLE_MAX: usize = 1_024;

/// Why no reply came.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The peer can't be reached, or is not a server of the instance.
    #[error("can't reach the node: {0}")]
    Unreachable(String),
    /// The peer was reached, but the line broke before the reply was complete.
    #[error("the line broke: {0}")]
    Broken(String),
    /// The peer stood still for too long.
    #[error("the node took too long")]
    Timeout,
    /// The kept connection was closed meanwhile; nothing was sent.
    #[error("the line was closed before anything was sent")]
    Unsent,
    /// The reply is not a message.
    #[error("the reply is not a message: {0}")]
    Malformed(String),
    /// The reply's body is over this node's limit, which is no fault of the peer's.
    #[error("the answer is over this node's limit")]
    TooLarge,
    /// This node has no room for the reply's body.
    #[error("this node has no room for the answer: {0}")]
    NoRoom(String),
}

/// What came back.
#[derive(Debug)]
pub enum Reply {
    /// A message, still unverified.
    Message {
        /// Its parts.
        envelope: Box<Envelope>,
    },
    /// The peer's refusal.
    Fault(Report),
}

/// A connection to a node whose certificate the directory lists.
pub struct Line {
    address: String,
    peer: Certificate,
    speech: Speech,
    way: Way,
}

/// What a line is made of.
enum Way {
    /// HTTP over TLS, free since then.
    Http {
        sender: SendRequest<Outbound>,
        free_since: Instant,
    },
    /// Many calls at once.
    Shared(SharedLine),
    /// A place on a simulated network.
    Simulated,
}

impl Line {
    /// The certificate at the other end.
    pub fn peer(&self) -> &Certificate {
        &self.peer
    }

    /// Which kind of TLS the peer speaks.
    pub fn speech(&self) -> Speech {
        self.speech
    }

    /// The host whose OCSP responder is asked about the peer's certificate: a peer that speaks X-Road's TLS has one, our
    /// own kind relies on the authority.
    pub fn ocsp_host(&self) -> Option<&str> {
        let host = self.address.rsplit_once(':').map(|(host, _)| host);
        host.filter(|_| self.speech == Speech::Legacy)
    }

    /// Where it leads.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn dialled(address: &str, dialled: Dialled) -> Self {
        Self {
            address: address.to_owned(),
            peer: dialled.peer,
            speech: dialled.speech,
            way: match dialled.talk {
                Talk::Http(sender) => Way::Http {
                    sender,
                    free_since: Instant::now(),
                },
                Talk::Shared(line) => Way::Shared(line),
            },
        }
    }

    pub(super) fn simulated(address: &str, peer: Certificate) -> Self {
        Self {
            address: address.to_owned(),
            peer,
            speech: Speech::Tls13,
            way: Way::Simulated,
        }
    }

    /// Whether it carries many calls at once.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.way, Way::Shared(_))
    }

    /// The same line for another call, if it carries many and has room.
    pub(super) fn again(&self) -> Option<Self> {
        match &self.way {
            Way::Shared(shared) if shared.has_room() => Some(Self {
                address: self.address.clone(),
                peer: self.peer.clone(),
                speech: self.speech,
                way: Way::Shared(shared.clone()),
            }),
            _ => None,
        }
    }

    /// Whether it takes no calls any more.
    pub(super) fn is_over(&self) -> bool {
        match &self.way {
            Way::Shared(shared) => shared.is_closed(),
            Way::Http { .. } | Way::Simulated => true,
        }
    }

    /// Whether it may be used again: open, and not idle for too long.
    fn is_fresh(&self) -> bool {
        match &self.way {
            Way::Http { sender, free_since } => sender.is_ready() && free_since.elapsed() < IDLE,
            Way::Shared(_) | Way::Simulated => false,
        }
    }

    /// Whether it is worth keeping.
    fn is_open(&self) -> bool {
        match &self.way {
            Way::Http { sender, free_since } => !sender.is_closed() && free_since.elapsed() < IDLE,
            Way::Shared(_) | Way::Simulated => false,
        }
    }
}

/// Calls other nodes; cloning shares the connections.
#[derive(Clone)]
pub struct Caller {
    dialler: Dialler,
    judge: Judge,
    stall: Duration,
    whole: Duration,
    room: SpoolRoom,
    lines: Arc<Mutex<HashMap<String, Vec<Line>>>>,
    /// Lines that carry many calls; nothing if they are switched off.
    meetings: Option<Arc<Meetings>>,
}

impl Caller {
    /// A caller that waits `whole` for an answer to begin, gives up on a line after `stall` of silence within it, and
    /// takes bodies into `room`. With `shares` its calls share lines with each other where the peer knows how.
    pub fn new(
        setup: TlsSetup,
        judge: Judge,
        (stall, whole): (Duration, Duration),
        room: SpoolRoom,
        shares: bool,
    ) -> Self {
        Self {
            dialler: Dialler::new(setup, stall, room.clone()),
            judge,
            stall,
            whole,
            room,
            lines: Arc::default(),
            meetings: shares.then(Arc::default),
        }
    }

    /// The same caller, whose calls go one at a time over a line.
    #[cfg(test)]
    pub(crate) fn alone(&self) -> Self {
        Self {
            meetings: None,
            ..self.clone()
        }
    }

    pub(super) async fn line(&self, address: &str, fresh: bool) -> Result<Line, WireError> {
        if let Some(meeting) = self.meeting(address) {
            return self.shared_line(&meeting, address, None).await;
        }
        match self.take(address).filter(|_| !fresh) {
            Some(line) => Ok(line),
            None => self.connect(address, None, false).await,
        }
    }

    pub(super) async fn call(&self, mut line: Line, call: &Call) -> Result<Reply, WireError> {
        let sender = match &mut line.way {
            Way::Http { sender, .. } => sender,
            Way::Shared(shared) => {
                if call.envelope.body.as_ref().is_none_or(fits) {
                    return shared.call(call, self.whole).await;
                }
                // A large body would hold up the others.
                return Box::pin(self.call_apart(&line, call)).await;
            }
            Way::Simulated => return Err(WireError::Unsent),
        };
        let frame = call.framed();
        let patience = self.whole + time_for(frame.len());
        let sending = sender.try_send_request(request(call, &frame, &line.address)?);
        let sent = timeout(patience, sending).await;
        match sent.map_err(|_| WireError::Timeout)? {
            Ok(response) => self.read(line, response).await,
            Err(mut failed) => match failed.take_message() {
                Some(_) => Err(WireError::Unsent),
                None => Err(WireError::Broken(failed.error().to_string())),
            },
        }
    }

    /// A kept connection that still looks alive.
    fn take(&self, address: &str) -> Option<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lines.get_mut(address)?;
        while let Some(line) = kept.pop() {
            if line.is_fresh() && self.is_still_good(&line) {
                return Some(line);
            }
        }
        None
    }

    fn keep(&self, mut line: Line) {
        if let Way::Http { free_since, .. } = &mut line.way {
            *free_since = Instant::now();
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = lines.entry(line.address.clone()).or_default();
        kept.retain(Line::is_open);
        if kept.len() < IDLE_MAX {
            kept.push(line);
        }
    }

    /// A new connection, over `tcp` if it is there already.
    pub(super) async fn connect(
        &self,
        address: &str,
        tcp: Option<TcpStream>,
        shares: bool,
    ) -> Result<Line, WireError> {
        // In a box of its own: it is rare, and every question's work would else be as large as a handshake.
        let dialled = Box::pin(self.dialler.dial(address, tcp, shares)).await?;
        Ok(Line::dialled(address, dialled))
    }

    /// The shared lines to an address, if it may have some.
    fn meeting(&self, address: &str) -> Option<Arc<Meeting>> {
        self.meetings.as_ref()?.at(address)
    }

    /// Whether the node at the other end still counts as one.
    pub(super) fn is_still_good(&self, line: &Line) -> bool {
        self.judge.is_still_good(&line.peer)
    }

    /// A call over a line of its own to the node that `judged` leads to, about whose certificate the asker has decided.
    async fn call_apart(&self, judged: &Line, call: &Call) -> Result<Reply, WireError> {
        let line = match self.take(&judged.address) {
            Some(line) => line,
            None => self.connect(&judged.address, None, false).await?,
        };
        if line.peer.der() != judged.peer.der() {
            let cause = "another node answers there than a moment ago".to_owned();
            return Err(WireError::Unreachable(cause));
        }
        Box::pin(self.call(line, call)).await
    }

    pub(super) async fn first_line(
        &self,
        addresses: &[&str],
    ) -> Result<Line, (Option<String>, WireError)> {
        let (address, tcp) = race(addresses).await.map_err(|error| (None, error))?;
        let failed = |error| (Some(address.to_owned()), error);
        if let Some(meeting) = self.meeting(address) {
            let line = self.shared_line(&meeting, address, Some(tcp)).await;
            return line.map_err(failed);
        }
        let line = self.connect(address, Some(tcp), false).await;
        line.map_err(failed)
    }

    async fn read(&self, line: Line, response: Response<Incoming>) -> Result<Reply, WireError> {
        let status = response.status();
        let kind = response.headers().get(http::header::CONTENT_TYPE);
        let kind = kind
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
            .to_owned();
        let mut body = response.into_body();
        let reply = if let (StatusCode::OK, Some(boundary)) = (status, multipart::boundary(&kind)) {
            let inbound = Inbound::new(&boundary, Direction::Response, &self.room);
            let pace = Pace::new(self.stall, self.whole);
            reply(inbound.read(&mut body, pace).await)?
        } else if kind.starts_with("text/xml") {
            fault(&self.read_fault(body).await?)?
        } else {
            return Err(WireError::Malformed(format!(
                "status {status}, content type {kind}"
            )));
        };
        self.keep(line);
        Ok(reply)
    }

    async fn read_fault(&self, mut body: Incoming) -> Result<Vec<u8>, WireError> {
        let mut bytes = Vec::new();
        let mut pace = Pace::new(self.stall, self.whole);
        loop {
            let piece = match pace.piece(&mut body).await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                // As for a message: a fault that is whole was told.
                Err(Gone::Broken) if bytes.trim_ascii_end().ends_with(b"Envelope>") => break,
                Err(gone) => return Err(gone.into()),
            };
            if bytes.len() + piece.len() > FAULT_BYTES_MAX {
                return Err(WireError::Malformed("the fault is too large".to_owned()));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// What a stream of a response gives.
pub(super) fn reply(read: Result<Envelope, BadStream>) -> Result<Reply, WireError> {
    match read {
        Ok(envelope) => Ok(Reply::Message {
            envelope: Box::new(envelope),
        }),
        Err(BadStream::Envelope(BadEnvelope::Fault(bytes))) => fault(&bytes),
        Err(BadStream::Envelope(BadEnvelope::BodyTooLarge)) => Err(WireError::TooLarge),
        Err(BadStream::Envelope(bad)) => Err(WireError::Malformed(bad.to_string())),
        Err(BadStream::Room(error)) => Err(WireError::NoRoom(error.to_string())),
        Err(BadStream::Gone(gone)) => Err(gone.into()),
    }
}

impl From<Gone> for WireError {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Slow => Self::Timeout,
            Gone::Broken => Self::Broken("the node broke off its answer".to_owned()),
        }
    }
}

pub(super) fn fault(bytes: &[u8]) -> Result<Reply, WireError> {
    let report = Report::from_soap(bytes);
    report
        .map(Reply::Fault)
        .ok_or_else(|| WireError::Malformed("the fault can't be read".to_owned()))
}

/// A call in X-Road's form: `POST /` with its headers (facts of PR-MESSTRANSP section 4).
fn request(call: &Call, frame: &Framed, host: &str) -> Result<Request<Outbound>, WireError> {
    Request::post("/")
        .header(http::header::HOST, host)
        .header(http::header::CONTENT_TYPE, content_type(&call.boundary))
        .header(HASH_ALGORITHM.0, HASH_ALGORITHM.1)
        .header(PROXY_VERSION.0, PROXY_VERSION.1)
        .header(MESSAGE_TYPE.0, MESSAGE_TYPE.1)
        .header("x-original-content-type", &call.original_content_type)
        .header("x-road-request-id", &call.request_id)
        .body(outbound(frame))
        .map_err(|error| WireError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_call_stands_on_the_wire_as_written_down() {
        let call = Call {
            boundary: "xtopA".into(),
            request_id: "6e4bbf6a-5b7e-4b0c-a4e0-3f0b8a1d9c11".into(),
            original_content_type: "application/json".into(),
            envelope: Arc::default(),
            raw: Some(Bytes::from_static(b"--xtopA--\r\n").into()),
        };
        let expected = "POST / HTTP/1.1\r\nhost: ss2.example:5500\r\n\
            content-type: multipart/mixed; charset=UTF-8; boundary=xtopA\r\n\
            x-hash-algorithm: SHA-512\r\nx-proxy-version: 7.8.0-tambo\r\n\
            x-road-message-type: REST\r\nx-original-content-type: application/json\r\n\
            x-road-request-id: 6e4bbf6a-5b7e-4b0c-a4e0-3f0b8a1d9c11\r\n\
            transfer-encoding: chunked\r\n\r\nB\r\n--xtopA--\r\n\r\n0\r\n\r\n";
        let (ours, mut theirs) = duplex(4_096);
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(ours));
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let sending =
            sender.send_request(request(&call, &call.framed(), "ss2.example:5500").unwrap());
        let reading = async {
            let mut read = vec![0; expected.len()];
            theirs.read_exact(&mut read).await.unwrap();
            String::from_utf8(read).unwrap()
        };
        let read = tokio::select! {
            read = reading => read,
            done = sending => panic!("answered by nobody: {done:?}"),
        };
        assert_eq!(read, expected);
    }
}
