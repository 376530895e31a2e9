//! Messages as streams: what goes out piece by piece, and what comes in, whose body may go to the disk on the way.
//!
//! Read by the caller, the listener and the simulated network. It promises that a message costs some pieces of memory
//! whatever its size, and that a sender who is too slow for its size is cut off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::{Instant, timeout_at};

use crate::body::{Body, Spool, SpoolError, SpoolRoom};
use crate::domain::multipart::{BadEnvelope, Direction, Envelope, Framed, Reader};

/// Slowest sender of large messages, in bytes per second: half of what a satellite line of a village gives. Above the
/// time that every message has, a sender must keep this up on average.
pub const SLOWEST: u64 = 32 * 1024;

/// The body of an HTTP message that goes out in pieces, without a length that nobody signed.
pub type Outbound = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

/// A framed message as HTTP sends it.
pub fn outbound(frame: &Framed) -> Outbound {
    StreamBody::new(frame.pieces().map(|piece| piece.map(Frame::data)).boxed())
}

/// A body that goes out in pieces with its length told.
pub struct Counted {
    pieces: BoxStream<'static, io::Result<Bytes>>,
    left: u64,
}

impl Counted {
    /// The bytes of `body`, or none.
    pub fn new(body: Option<&Body>) -> Self {
        match body {
            Some(body) => Self {
                pieces: body.pieces().boxed(),
                left: body.len(),
            },
            None => Self {
                pieces: futures_util::stream::empty().boxed(),
                left: 0,
            },
        }
    }
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = ready!(self.pieces.poll_next_unpin(context));
        if let Some(Ok(bytes)) = &piece {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The time that `bytes` may take beyond what every message has.
pub fn time_for(bytes: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1_000) / SLOWEST)
}

/// How long a sender may take: no silence longer than `stall`, and all of it within `whole` and what its size allows.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    stall: Duration,
    end: Instant,
}

/// The sender stood still, was too slow, or went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Nothing came in time.
    Slow,
    /// The line broke.
    Broken,
}

impl Pace {
    /// A pace that begins now.
    pub fn new(stall: Duration, whole: Duration) -> Self {
        Self {
            stall,
            end: Instant::now() + whole,
        }
    }

    /// The next piece of `body`; nothing at its end.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn piece(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Gone> {
        loop {
            let until = self.end.min(Instant::now() + self.stall);
            match timeout_at(until, body.frame()).await {
                Err(_) => return Err(Gone::Slow),
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(Gone::Broken),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.end += time_for(data.len() as u64);
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

/// How long a sender that was refused may go on sending what nobody keeps.
const LINGER: Duration = Duration::from_secs(2);

/// Lets whoever was refused in the middle of a body hear why: what still comes is thrown away for a while. A socket that
/// is closed with unread bytes is reset, and the refusal that was on its way is lost with it (RFC 9112 section 9.6).
pub fn linger(mut body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(async move {
        let until = Instant::now() + LINGER;
        while let Ok(Some(Ok(_))) = timeout_at(until, body.frame()).await {}
    });
}

/// Why no message came out of a stream.
#[derive(Debug)]
pub enum BadStream {
    /// The bytes are no message.
    Envelope(BadEnvelope),
    /// This node has no room for the body.
    Room(io::Error),
    /// The sender.
    Gone(Gone),
}

impl From<BadEnvelope> for BadStream {
    fn from(error: BadEnvelope) -> Self {
        Self::Envelope(error)
    }
}

impl From<SpoolError> for BadStream {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::TooLarge => Self::Envelope(BadEnvelope::BodyTooLarge),
            SpoolError::NoRoom(error) => Self::Room(error),
        }
    }
}

/// A message that is arriving.
pub struct Inbound {
    reader: Reader,
    room: SpoolRoom,
    spool: Option<Spool>,
}

impl Inbound {
    /// A message framed by `boundary` whose body goes into `room`.
    pub fn new(boundary: &str, direction: Direction, room: &SpoolRoom) -> Self {
        let max = usize::try_from(room.max()).unwrap_or(usize::MAX);
        Self {
            reader: Reader::new(boundary, direction, max),
            room: room.clone(),
            spool: None,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`BadStream`].
    pub async fn push(&mut self, piece: &[u8]) -> Result<(), BadStream> {
        self.reader.push(piece)?;
        if let Some(bytes) = self.reader.take_body() {
            let spool = self.spool.get_or_insert_with(|| self.room.spool());
            spool.push(&bytes).await?;
        }
        Ok(())
    }

    /// Ends the message.
    ///
    /// # Errors
    /// [`BadStream`].
    pub async fn finish(self) -> Result<Envelope, BadStream> {
        let mut envelope = self.reader.finish()?;
        if let Some(spool) = self.spool {
            envelope.body = Some(spool.finish().await?);
        }
        Ok(envelope)
    }

    /// Reads a whole HTTP body.
    ///
    /// # Errors
    /// [`BadStream`].
    pub async fn read(
        mut self,
        body: &mut Incoming,
        mut pace: Pace,
    ) -> Result<Envelope, BadStream> {
        loop {
            match pace.piece(body).await {
                Ok(Some(piece)) => self.push(&piece).await?,
                Ok(None) => break,
                // Some servers end an answer by closing the line, and TLS without a word. What is whole is whole: the
                // closing boundary was there, and the signature decides on the rest.
                Err(Gone::Broken) if self.reader.is_over() => break,
                Err(gone) => return Err(BadStream::Gone(gone)),
            }
        }
        self.finish().await
    }
}
