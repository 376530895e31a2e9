//! Shared lines: one connection between two nodes of our kind that carries many calls at once.
//!
//! [`SharedLine`] is the calling end, used by `caller`; [`answer_on`] the called one, used by `listener`. Either has one
//! task that writes and one that reads: what waits to be written goes out together, and answers come as they are ready.
//! It promises what a line of HTTP does: a call that surely never left is told as such, one line holds a bounded number of
//! calls, and a peer that stands still within a frame loses the line.

mod answering;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

pub(super) use self::answering::{Calls, answer_on};
use super::Call;
use super::caller::{IDLE, Reply, WireError, fault, reply};
use super::stream::time_for;
use crate::body::{Spool, SpoolRoom};
use crate::domain::multipart::{Direction, Envelope};
use crate::domain::shared_line::{BadFrame, Frame, Reader, Writer};

/// Most calls under way on one line. More go over another, so that one slow line does not hold everybody.
pub(super) const CALLS_MAX: usize = 256;
/// A line on which nothing was heard for so long while calls wait takes no more: the next one finds out whether the node is
/// still there.
const SILENCE: Duration = Duration::from_secs(10);
/// Bytes after which what waits goes out.
const TOGETHER: usize = 128 * 1024;
/// Room that is made for what arrives.
const ROOM: usize = 32 * 1024;

/// The calling end of a shared line. Clones are the same line.
#[derive(Clone)]
pub(super) struct SharedLine(Arc<Shared>);

struct Shared {
    queue: mpsc::Sender<Saying>,
    state: Mutex<State>,
}

struct State {
    /// No call is taken any more.
    is_closed: bool,
    /// Number of the last call.
    last: u32,
    waiting: HashMap<u32, Waiting>,
    /// When something came last, or the first of those who wait began to.
    heard: Instant,
}

impl State {
    fn has_room(&self) -> bool {
        let is_silent = !self.waiting.is_empty() && self.heard.elapsed() > SILENCE;
        let is_full = self.waiting.len() >= CALLS_MAX || self.last == u32::MAX;
        !self.is_closed && !is_silent && !is_full
    }
}

/// A call whose answer has not come.
struct Waiting {
    told: oneshot::Sender<Result<Told, WireError>>,
    /// Whether some of it may have left.
    is_said: bool,
}

/// What comes back first.
enum Told {
    Reply(Reply),
    /// An answer whose body follows: its length, and where the whole comes.
    Large(u64, oneshot::Receiver<Result<Reply, WireError>>),
}

/// A call that waits to be written.
struct Saying {
    call: u32,
    request_id: String,
    envelope: Arc<Envelope>,
}

/// A call's place on the line; it is free again when this goes.
struct Seat<'l> {
    line: &'l Shared,
    call: u32,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.line.lock().waiting.remove(&self.call);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no more calls; those after `last` were not heard.
    fn close_after(&self, last: u32) {
        let mut state = self.lock();
        state.is_closed = true;
        let unheard: Vec<u32> = state
            .waiting
            .keys()
            .copied()
            .filter(|&call| call > last)
            .collect();
        for call in unheard {
            if let Some(waiting) = state.waiting.remove(&call) {
                let _ = waiting.told.send(Err(WireError::Unsent));
            }
        }
    }

    /// Ends the line: calls of which nothing left may go over another, for the others it broke.
    fn end(&self, cause: &str) {
        let mut state = self.lock();
        state.is_closed = true;
        for (_, waiting) in state.waiting.drain() {
            let error = match waiting.is_said {
                true => WireError::Broken(cause.to_owned()),
                false => WireError::Unsent,
            };
            let _ = waiting.told.send(Err(error));
        }
    }

    /// Takes no more calls if nothing was heard since `began`: the node may be gone without a word.
    fn doubt(&self, began: Instant) {
        let mut state = self.lock();
        state.is_closed |= state.heard <= began;
    }

    /// Closes the line if nobody waits.
    fn close_if_idle(&self) -> bool {
        let mut state = self.lock();
        state.is_closed |= state.waiting.is_empty();
        state.is_closed && state.waiting.is_empty()
    }

    /// Tells whoever waits for a call; `false` if nobody does, because it comes too late or was never asked.
    fn tell(&self, call: u32, told: Result<Told, WireError>) -> bool {
        let waiting = self.lock().waiting.remove(&call);
        waiting.is_some_and(|waiting| waiting.told.send(told).is_ok())
    }
}

impl SharedLine {
    /// Starts the tasks of a line over `tls`, which ends when the other side closes it, when it is idle, or when the peer
    /// stands still for `stall` in the middle of something. Bodies go into `room`.
    pub(super) fn start<S>(tls: S, stall: Duration, room: SpoolRoom) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (queue, sayings) = mpsc::channel(CALLS_MAX);
        let shared = Arc::new(Shared {
            queue,
            state: Mutex::new(State {
                is_closed: false,
                last: 0,
                waiting: HashMap::new(),
                heard: Instant::now(),
            }),
        });
        let (half, writing) = tokio::io::split(tls);
        let writing = tokio::spawn(write(writing, sayings, shared.clone(), stall));
        let mut hearing = Hearing {
            shared: shared.clone(),
            room,
            arriving: HashMap::new(),
        };
        tokio::spawn(async move {
            let cause = hearing.read(half, stall).await;
            hearing.shared.end(&cause);
            writing.abort();
        });
        Self(shared)
    }

    /// Whether another call may be made on it.
    pub(super) fn has_room(&self) -> bool {
        self.0.lock().has_room()
    }

    /// Whether it takes no calls any more.
    pub(super) fn is_closed(&self) -> bool {
        self.0.lock().is_closed
    }

    /// Says a call and waits for the reply, which must begin within `patience`.
    pub(super) async fn call(&self, call: &Call, patience: Duration) -> Result<Reply, WireError> {
        let (told, answer) = oneshot::channel();
        let seat = self.seat(told)?;
        let saying = Saying {
            call: seat.call,
            request_id: call.request_id.clone(),
            envelope: call.envelope.clone(),
        };
        self.0
            .queue
            .try_send(saying)
            .map_err(|_| WireError::Unsent)?;
        let patience = patience + time_for(call.envelope.size());
        let gone = || WireError::Broken("the line ended".to_owned());
        let began = Instant::now();
        let Ok(answer) = timeout(patience, answer).await else {
            self.0.doubt(began);
            return Err(WireError::Timeout);
        };
        match answer.map_err(|_| gone())?? {
            Told::Reply(reply) => Ok(reply),
            Told::Large(length, whole) => {
                let whole = timeout(patience + time_for(length), whole).await;
                whole.map_err(|_| WireError::Timeout)?.map_err(|_| gone())?
            }
        }
    }

    fn seat(&self, told: oneshot::Sender<Result<Told, WireError>>) -> Result<Seat<'_>, WireError> {
        let mut state = self.0.lock();
        if !state.has_room() {
            return Err(WireError::Unsent);
        }
        if state.waiting.is_empty() {
            state.heard = Instant::now();
        }
        state.last += 1;
        let call = state.last;
        let is_said = false;
        state.waiting.insert(call, Waiting { told, is_said });
        let line = &self.0;
        Ok(Seat { line, call })
    }
}

/// Writes what is said, as much at once as waits.
async fn write<S: AsyncRead + AsyncWrite>(
    mut half: WriteHalf<S>,
    mut sayings: mpsc::Receiver<Saying>,
    shared: Arc<Shared>,
    stall: Duration,
) {
    let (mut writer, mut out) = (Writer::default(), Vec::new());
    while let Some(first) = sayings.recv().await {
        // Whoever is about to say something comes first, so that it goes out together.
        tokio::task::yield_now().await;
        let mut next = Some(first);
        while let Some(saying) = next {
            let is_wanted = shared
                .lock()
                .waiting
                .get_mut(&saying.call)
                .map(|waiting| waiting.is_said = true);
            if is_wanted.is_some() {
                writer.request(&mut out, saying.call, &saying.request_id, &saying.envelope);
            }
            let is_full = out.len() >= TOGETHER;
            next = if is_full {
                None
            } else {
                sayings.try_recv().ok()
            };
        }
        if put(&mut half, &mut out, stall).await.is_err() {
            return shared.end("the line to the node broke");
        }
    }
}

/// Writes and empties `out`; a peer that takes nothing for `stall` loses the line.
async fn put<S: AsyncRead + AsyncWrite>(
    half: &mut WriteHalf<S>,
    out: &mut Vec<u8>,
    stall: Duration,
) -> std::io::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let patience = stall + time_for(out.len() as u64);
    let written = async {
        half.write_all(out).await?;
        half.flush().await
    };
    timeout(patience, written).await??;
    out.clear();
    out.shrink_to(TOGETHER);
    Ok(())
}

/// What the reading task of the calling end knows.
struct Hearing {
    shared: Arc<Shared>,
    room: SpoolRoom,
    /// Answers whose bodies are coming.
    arriving: HashMap<u32, Arriving>,
}

/// An answer whose body is coming.
struct Arriving {
    envelope: Envelope,
    spool: Spool,
    left: u64,
    whole: oneshot::Sender<Result<Reply, WireError>>,
}

impl Hearing {
    /// Reads until the line ends; tells why it did.
    async fn read<S: AsyncRead + AsyncWrite>(
        &mut self,
        mut half: ReadHalf<S>,
        stall: Duration,
    ) -> String {
        let max = usize::try_from(self.room.max()).unwrap_or(usize::MAX);
        let mut reader = Reader::new(Direction::Response, max);
        loop {
            loop {
                match reader.frame() {
                    Ok(Some(frame)) => self.take(frame).await,
                    Ok(None) => break,
                    Err(BadFrame { why, .. }) => return format!("the node sent no frame: {why}"),
                }
            }
            let is_amid = reader.waiting() > 0 || !self.arriving.is_empty();
            let patience = if is_amid { stall } else { IDLE };
            match timeout(patience, read_more(&mut half, &mut reader)).await {
                Ok(Ok(0) | Err(_)) => return "the node ended the line".to_owned(),
                Ok(Ok(_)) => self.shared.lock().heard = Instant::now(),
                Err(_) if is_amid => return "the node stood still in an answer".to_owned(),
                Err(_) if self.shared.close_if_idle() => return "nobody used the line".to_owned(),
                Err(_) => {}
            }
        }
    }

    async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Response {
                call,
                envelope,
                in_pieces: None,
            } => {
                let envelope = Box::new(envelope);
                self.shared
                    .tell(call, Ok(Told::Reply(Reply::Message { envelope })));
            }
            Frame::Response {
                call,
                envelope,
                in_pieces: Some(left),
            } => self.begin(call, envelope, left),
            Frame::Refusal { call, fault: bytes } => {
                self.shared.tell(call, fault(&bytes).map(Told::Reply));
            }
            Frame::Piece { call, bytes } => self.piece(call, &bytes).await,
            Frame::Goodbye { last } => self.shared.close_after(last),
            // The reader gives none in this direction.
            Frame::Request { .. } => {}
        }
    }

    fn begin(&mut self, call: u32, envelope: Envelope, left: u64) {
        if left > self.room.max() {
            self.shared.tell(call, Err(WireError::TooLarge));
            return;
        }
        // Only what somebody waits for is taken up, so that there are no more of them than calls of ours.
        self.arriving.retain(|_, one| !one.whole.is_closed());
        let (whole, answer) = oneshot::channel();
        if !self.shared.tell(call, Ok(Told::Large(left, answer))) {
            return;
        }
        let arriving = Arriving {
            envelope,
            spool: self.room.spool(),
            left,
            whole,
        };
        self.arriving.insert(call, arriving);
    }

    async fn piece(&mut self, call: u32, bytes: &[u8]) {
        // Nobody waits for the rest of an answer that was given up.
        let Some(mut arriving) = self.arriving.remove(&call) else {
            return;
        };
        if arriving.whole.is_closed() {
            return;
        }
        let Some(left) = arriving.left.checked_sub(bytes.len() as u64) else {
            let cause = "a body longer than it was said to be".to_owned();
            let _ = arriving.whole.send(Err(WireError::Malformed(cause)));
            return;
        };
        arriving.left = left;
        match arriving.spool.push(bytes).await {
            Err(error) => {
                let _ = arriving.whole.send(reply(Err(error.into())));
            }
            Ok(()) if left > 0 => {
                self.arriving.insert(call, arriving);
            }
            Ok(()) => {
                let mut envelope = arriving.envelope;
                let read = arriving.spool.finish().await.map(|body| {
                    envelope.body = Some(body);
                    envelope
                });
                let _ = arriving.whole.send(reply(read.map_err(Into::into)));
            }
        }
    }
}

/// Reads what has come, or waits for something; 0 at the end of the line.
async fn read_more<S: AsyncRead + AsyncWrite>(
    half: &mut ReadHalf<S>,
    reader: &mut Reader,
) -> std::io::Result<usize> {
    let buffer = reader.buffer();
    buffer.reserve(ROOM);
    half.read_buf(buffer).await
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn answers_that_nobody_waits_for_are_not_taken_up() {
        let room = SpoolRoom::new(&std::env::temp_dir(), 1 << 20);
        let (ours, _theirs) = duplex(1 << 16);
        let line = SharedLine::start(ours, Duration::from_secs(30), room.clone());
        let mut hearing = Hearing {
            shared: line.0.clone(),
            room,
            arriving: HashMap::new(),
        };
        let begun = |call| Frame::Response {
            call,
            envelope: Envelope::default(),
            in_pieces: Some(100_000),
        };
        for call in 0..100 {
            hearing.take(begun(call)).await;
        }
        assert!(hearing.arriving.is_empty(), "never asked");
        for _ in 0..10 {
            let (told, answer) = oneshot::channel();
            let seat = line.seat(told).unwrap();
            hearing.take(begun(seat.call)).await;
            assert_eq!(hearing.arriving.len(), 1, "given up meanwhile");
            drop(answer);
        }
    }

    #[tokio::test]
    async fn a_node_that_is_gone_without_a_word_gets_no_more_calls() {
        let room = SpoolRoom::new(&std::env::temp_dir(), 1 << 20);
        let (ours, _theirs) = duplex(1 << 16);
        let line = SharedLine::start(ours, Duration::from_secs(30), room);
        let call = Call {
            boundary: "b".into(),
            request_id: "id".into(),
            original_content_type: String::new(),
            envelope: Arc::new(Envelope {
                rest: b"GET".to_vec().into(),
                signature: b"<s/>".to_vec(),
                ..Envelope::default()
            }),
            raw: None,
        };
        assert!(line.has_room());
        let asking = {
            let line = line.clone();
            tokio::spawn(async move { line.call(&call, Duration::from_millis(500)).await })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(line.has_room(), "an answer may take its time");
        line.0.lock().heard -= SILENCE + Duration::from_secs(1);
        assert!(!line.has_room() && !line.is_closed());
        let told = asking.await.unwrap();
        assert!(matches!(told, Err(WireError::Timeout)), "{told:?}");
        assert!(line.is_closed(), "also when nobody waits any more");
    }
}
