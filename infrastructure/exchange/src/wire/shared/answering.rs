//! The called end of a shared line: takes calls while there is room for them, and gives each answer when it is ready.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};
use trust::Certificate;

use super::{CALLS_MAX, TOGETHER, put, read_more};
use crate::body::{Body, PIECE};
use crate::domain::multipart::Direction;
use crate::domain::shared_line::{self, Frame, Reader, Writer};
use crate::wire::listener::{Arrived, BadArrival, Departing, Handler, Limits};
use crate::wire::stream::time_for;

/// What a listener's shared lines have in common.
#[derive(Clone)]
pub(in crate::wire) struct Calls {
    pub limits: Limits,
    pub handler: Handler,
    /// Most calls in work on all of them.
    pub places: Arc<Semaphore>,
}

/// A call in work, with its number and its places.
type Work = BoxFuture<'static, (u32, Departing)>;

enum Item {
    Work(Work),
    Goodbye(u32),
}

/// Answers on a shared line of `peer` until it ends, stands still, or `stopped` says so; then what was taken is still
/// answered.
pub(in crate::wire) async fn answer_on<S>(
    tls: S,
    peer: Certificate,
    calls: Calls,
    stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite,
{
    let stall = calls.limits.stall;
    let (half, writing) = tokio::io::split(tls);
    let (queue, items) = mpsc::channel(CALLS_MAX);
    let taking = Taking {
        peer,
        calls,
        own: Arc::new(Semaphore::new(CALLS_MAX)),
        queue,
        last: 0,
    };
    let writing = write(writing, items, stall);
    tokio::pin!(writing);
    let ended = tokio::select! {
        ended = &mut writing => ended,
        () = taking.read(half, stopped) => writing.await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a shared line broke");
    }
}

/// What the reading half knows.
struct Taking {
    peer: Certificate,
    calls: Calls,
    /// Places of this line.
    own: Arc<Semaphore>,
    queue: mpsc::Sender<Item>,
    last: u32,
}

impl Taking {
    async fn read<S: AsyncRead + AsyncWrite>(
        mut self,
        mut half: ReadHalf<S>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let limits = self.calls.limits.clone();
        let max = usize::try_from(limits.room.max()).unwrap_or(usize::MAX);
        let mut reader = Reader::new(Direction::Request, max);
        let mut began = Instant::now();
        loop {
            let before = self.last;
            tokio::select! {
                goes_on = self.take_all(&mut reader) => if !goes_on { return },
                _ = stopped.changed() => return self.goodbye().await,
            }
            if reader.waiting() == 0 || self.last != before {
                began = Instant::now();
            }
            let whole = began + limits.whole + time_for(reader.waiting() as u64);
            let until = whole.min(Instant::now() + limits.stall);
            let read = tokio::select! {
                read = timeout_at(until, read_more(&mut half, &mut reader)) => read,
                _ = stopped.changed() => return self.goodbye().await,
            };
            match read {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(_)) => {}
                // Between two calls it may be silent while something is in work.
                Err(_) if reader.waiting() == 0 && !self.is_idle() => {}
                Err(_) if reader.waiting() == 0 => return self.goodbye().await,
                Err(_) => {
                    tracing::info!("a node stood still in the middle of a call");
                    return self.goodbye().await;
                }
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.own.available_permits() == CALLS_MAX
    }

    /// Takes every call that has come whole; `false` if the line is of no use any more.
    async fn take_all(&mut self, reader: &mut Reader) -> bool {
        loop {
            match reader.frame() {
                Ok(None) => return true,
                Ok(Some(Frame::Request {
                    call,
                    request_id,
                    envelope,
                })) => {
                    if !self.take(call, request_id, Ok(envelope)).await {
                        return false;
                    }
                }
                // The reader gives none in this direction.
                Ok(Some(_)) => return false,
                Err(bad) => {
                    // What comes after it can't be read; who sent it is still told why.
                    if let Some(call) = bad.call {
                        self.take(call, String::new(), Err(bad.why.into())).await;
                    }
                    self.goodbye().await;
                    return false;
                }
            }
        }
    }

    async fn take(
        &mut self,
        call: u32,
        request_id: String,
        message: Result<crate::domain::multipart::Envelope, BadArrival>,
    ) -> bool {
        let (Ok(own), Ok(place)) = (
            self.own.clone().acquire_owned().await,
            self.calls.places.clone().acquire_owned().await,
        ) else {
            return false;
        };
        let work = (self.calls.handler)(Arrived {
            peer: self.peer.clone(),
            request_id,
            message,
        });
        self.last = self.last.max(call);
        let item = Item::Work(in_places(call, work, (own, place)));
        self.queue.send(item).await.is_ok()
    }

    async fn goodbye(&self) {
        let _ = self.queue.send(Item::Goodbye(self.last)).await;
    }
}

fn in_places(
    call: u32,
    work: BoxFuture<'static, Departing>,
    places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
) -> Work {
    Box::pin(async move {
        let departing = work.await;
        drop(places);
        (call, departing)
    })
}

/// The writing half: answers that are ready go out together; large bodies a piece at a time, so that
/// the others don't wait for them.
struct Giving {
    writer: Writer,
    out: Vec<u8>,
    bodies: VecDeque<(u32, Body, u64)>,
}

async fn write<S: AsyncRead + AsyncWrite>(
    mut half: WriteHalf<S>,
    mut items: mpsc::Receiver<Item>,
    stall: Duration,
) -> io::Result<()> {
    let mut works: FuturesUnordered<Work> = FuturesUnordered::new();
    let mut giving = Giving {
        writer: Writer::default(),
        out: Vec::new(),
        bodies: VecDeque::new(),
    };
    let mut is_over = false;
    while !(is_over && works.is_empty() && giving.bodies.is_empty()) {
        if giving.bodies.is_empty() {
            tokio::select! {
                item = items.recv(), if !is_over => match item {
                    Some(Item::Work(work)) => works.push(work),
                    Some(Item::Goodbye(last)) => shared_line::goodbye(&mut giving.out, last),
                    None => is_over = true,
                },
                Some((call, departing)) = works.next(), if !works.is_empty() => {
                    giving.add(call, departing);
                    // Whoever is about to be ready comes first, so that it goes out together.
                    tokio::task::yield_now().await;
                }
            }
        }
        while let Ok(item) = items.try_recv() {
            match item {
                Item::Work(work) => works.push(work),
                Item::Goodbye(last) => shared_line::goodbye(&mut giving.out, last),
            }
        }
        while giving.out.len() < TOGETHER {
            let Some(Some((call, departing))) = works.next().now_or_never() else {
                break;
            };
            giving.add(call, departing);
        }
        giving.add_piece().await?;
        put(&mut half, &mut giving.out, stall).await?;
    }
    timeout(stall, half.shutdown()).await?
}

impl Giving {
    fn add(&mut self, call: u32, departing: Departing) {
        match departing {
            Departing::Message { envelope, .. } => {
                let in_pieces = self.writer.response(&mut self.out, call, &envelope);
                let body = envelope.body.filter(|_| in_pieces);
                self.bodies.extend(body.map(|body| (call, body, 0)));
            }
            Departing::Fault(text) => shared_line::refusal(&mut self.out, call, text.as_bytes()),
            #[cfg(test)]
            Departing::Raw { .. } => panic!("raw bytes need a line of their own"),
        }
    }

    async fn add_piece(&mut self) -> io::Result<()> {
        let Some((call, body, at)) = self.bodies.pop_front() else {
            return Ok(());
        };
        // A body that can't be read any more ends the line: half an answer is none.
        let mut bytes = body.piece(at).await?;
        bytes.truncate(PIECE);
        shared_line::piece(&mut self.out, call, &bytes);
        let at = at + bytes.len() as u64;
        if at < body.len() {
            self.bodies.push_back((call, body, at));
        }
        Ok(())
    }
}
