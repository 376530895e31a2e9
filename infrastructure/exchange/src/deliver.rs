//! Store and forward, publish and subscribe: what is accepted while a line or a body is down arrives later.
//!
//! Read by `systems` (the addresses `/deliveries` and `/topics` for the body's own systems), by timers and by pages. It
//! promises: accepted means on disk; once in effect; in order per topic; limits on everything that waits, told with what
//! to do. Each message that leaves is signed and journalled like any other. `state` and `topic` decide, the rest acts.

mod carry;
mod outgoing;
mod overview;
mod push;
mod receive;
mod settings;
mod state;
mod tell;
pub(crate) mod topic;
mod topics;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Fault, FaultKind};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

pub use outgoing::{Delivery, LaterRequest};
pub use overview::{Overview, SHOWN_MAX};
pub use settings::{DeliverSettings, TopicSettings};
pub use state::State;
pub(crate) use tell::{SystemRequest, is_here, wants_later};
pub use topic::Topic;
pub use topics::{NewEvent, Reading, SERVICE};

use crate::Exchange;
use crate::ask::AskError;
use crate::body::Body;
use crate::guard::Unfit;
use crate::sql::topic::Way;

/// Most attempts at the same time: each holds one message in memory.
const PLACES: usize = 32;
/// Most rounds of one turn; what is due after that has its turn a moment later.
const ROUNDS_MAX: usize = 200;
/// Longest pause between two turns; pauses of single messages may be longer.
const TURN: Duration = Duration::from_secs(15);
/// Largest body of a delivery, and of an answer that is kept for its sender: [`PLACES`] of them are in memory at once.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Pause between two looks at a message that is being answered.
const LOOK: Duration = Duration::from_millis(10);
/// Shortest pause between two turns, so that failing work can't become a loop.
const TURN_MIN: Duration = Duration::from_millis(100);
/// How long the end of the node waits for attempts under way. One that is cut counts as one whose answer was lost: it is
/// tried again at the next start, under the same number.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why a delivery or an event is not accepted, or an answer not given.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// Nobody here publishes under this name.
    #[error("this body has no such topic")]
    NoTopic,
    /// Another subsystem publishes it.
    #[error("this topic is another subsystem's")]
    NotYours,
    /// A member itself asks for a topic.
    #[error("topics are published and read by subsystems; X-Road-Client names none")]
    NotASubsystem,
    /// The subsystem is not subscribed.
    #[error("this subsystem is not subscribed to the topic")]
    NotSubscribed,
    /// The publisher said no.
    #[error("the publisher answered with status {0}")]
    Publisher(u16),
    /// The event is over the topic's limit.
    #[error("the event is over the topic's limit of {limit} bytes")]
    EventTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// The delivery's body is too large to wait in the store.
    #[error("a delivery's body may have {limit} bytes at most: ask for this one at once")]
    BodyTooLarge {
        /// Bytes.
        limit: usize,
    },
    /// A subscriber lacks too many events.
    #[error("a subscriber lacks {limit} events: wait until it has received some")]
    Backlog {
        /// Events.
        limit: i64,
    },
    /// The topic's events take too much room.
    #[error("the topic holds its limit of {limit} bytes until older events have passed")]
    TopicFull {
        /// Bytes.
        limit: i64,
    },
    /// Too many deliveries wait.
    #[error("{limit} deliveries wait already")]
    TooMany {
        /// Deliveries.
        limit: i64,
    },
    /// The waiting deliveries take too much room.
    #[error("the deliveries that wait hold their limit of {limit} bytes")]
    TooMuch {
        /// Bytes.
        limit: i64,
    },
    /// The client used the number for another message.
    #[error("the message number was used for another message")]
    NumberTaken,
    /// No delivery of this client has the number.
    #[error("there is no delivery with this number")]
    NoDelivery,
    /// It can't be taken back any more, or not be sent again.
    #[error("the delivery is {0}: this is not possible now")]
    TooLate(&'static str),
    /// Something in the request can't be read.
    #[error("{0}")]
    Malformed(&'static str),
    /// The node can't keep anything now.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Asking another body failed.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Our own fault.
    #[error("this node failed")]
    Own(#[from] Fault),
}

impl From<store::StoreError> for DeliverError {
    fn from(error: store::StoreError) -> Self {
        Self::Own(error.into())
    }
}

/// The bytes of a body that may lie on disk; none if they are over a limit.
pub(super) async fn within(body: &Body, limit: usize) -> Result<Option<Vec<u8>>, Fault> {
    if body.len() > limit as u64 {
        return Ok(None);
    }
    body.to_vec().await.map(Some).map_err(Fault::internal)
}

impl DeliverError {
    /// HTTP status and code for the body's own system.
    pub fn told(&self) -> (u16, String) {
        let (status, code) = match self {
            Self::NoTopic => (404, "tambo.no_topic"),
            Self::NoDelivery => (404, "tambo.no_delivery"),
            Self::NotYours => (403, "tambo.not_yours"),
            Self::NotASubsystem => (403, "tambo.not_a_subsystem"),
            Self::NotSubscribed => (403, "tambo.not_subscribed"),
            Self::Publisher(403) => (403, "tambo.publisher_refused"),
            Self::Publisher(_) => (502, "tambo.publisher_refused"),
            Self::EventTooLarge { .. } => (413, "tambo.event_too_large"),
            Self::BodyTooLarge { .. } => (413, "tambo.body_too_large"),
            Self::Backlog { .. } => (429, "tambo.backlog"),
            Self::TooMany { .. } => (429, "tambo.too_many_waiting"),
            Self::TooMuch { .. } | Self::TopicFull { .. } => (507, "tambo.full"),
            Self::NumberTaken => (409, "tambo.number_taken"),
            Self::TooLate(_) => (409, "tambo.too_late"),
            Self::Malformed(_) => (400, "tambo.malformed"),
            Self::Unfit(_) => return (500, logging_failed()),
            Self::Own(fault) if fault.key == store::FULL_KEY => return (500, logging_failed()),
            Self::Own(fault) if fault.kind == FaultKind::Unavailable => (503, "tambo.unavailable"),
            Self::Own(_) => (500, "server.clientproxy.internal_error"),
            Self::Ask(error) => return (502, error.code()),
        };
        (status, code.to_owned())
    }
}

fn logging_failed() -> String {
    use crate::domain::codes::{Code, Leaf};
    Code::asking(Leaf::LoggingFailed).to_string()
}

/// What is in work, so that two turns never carry the same thing.
pub(crate) struct InWork {
    names: Arc<Mutex<HashSet<String>>>,
    places: Arc<Semaphore>,
    bell: Notify,
    /// Whether this process carries deliveries: one that only looks must not touch what another is sending.
    began: AtomicBool,
    /// Servers that keep their answers; they said so since this process began.
    keepers: Mutex<HashSet<String>>,
    /// Messages of others that are being answered, by client and number.
    answering: Arc<Mutex<HashSet<(String, String)>>>,
    /// Turns that the timer began; none any more once the node ends.
    turns: Mutex<Option<JoinSet<()>>>,
}

impl Default for InWork {
    fn default() -> Self {
        Self {
            names: Arc::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            bell: Notify::new(),
            began: AtomicBool::new(false),
            keepers: Mutex::default(),
            answering: Arc::default(),
            turns: Mutex::new(Some(JoinSet::new())),
        }
    }
}

/// A place at work on one thing; dropping it gives the place back.
struct Seat {
    names: Arc<Mutex<HashSet<String>>>,
    name: String,
    _place: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(&self.name);
    }
}

/// A message that is being answered.
pub(crate) struct Answering {
    names: Arc<Mutex<HashSet<(String, String)>>>,
    name: (String, String),
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(&self.name);
    }
}

impl InWork {
    /// Notes that a message is being answered until the value is dropped; `None` if it is already.
    pub(crate) fn answering(&self, client: &str, number: &str) -> Option<Answering> {
        let name = (client.to_owned(), number.to_owned());
        let mut names = self
            .answering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        names.insert(name.clone()).then(|| Answering {
            names: self.answering.clone(),
            name,
        })
    }

    /// Waits until a message is no longer being answered; `false` if that takes longer than `limit`.
    pub(crate) async fn answered(&self, client: &str, number: &str, limit: Duration) -> bool {
        let name = (client.to_owned(), number.to_owned());
        let is_answering = || {
            let names = self
                .answering
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            names.contains(&name)
        };
        let waiting = async {
            while is_answering() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(limit, waiting).await.is_ok()
    }

    fn keeps(&self, server: &str) -> bool {
        let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        keepers.contains(server)
    }

    fn note_keeper(&self, server: String) {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        if keepers.len() >= carry::KEEPERS_MAX {
            keepers.clear();
        }
        keepers.insert(server);
    }

    /// Begins a turn beside whoever calls, unless the node ends.
    fn begin(&self, turn: impl Future<Output = ()> + Send + 'static) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = turns.as_mut() {
            while turns.try_join_next().is_some() {}
            turns.spawn(turn);
        }
    }

    fn has_ended(&self) -> bool {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.is_none()
    }

    /// From now on no turn begins; waits for those that run, and cuts what takes longer than `limit`.
    async fn end(&self, limit: Duration) {
        let turns = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.take()
        };
        // The timer may be waiting for something to be due.
        self.bell.notify_one();
        let Some(mut turns) = turns else { return };
        let all = async { while turns.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::info!("deliveries under way were cut; they are tried again at the next start");
            turns.shutdown().await;
        }
    }

    /// A place for work on `name`, unless somebody works on it or all places are taken.
    fn enter(&self, name: String) -> Option<Seat> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        // Made only after the name was taken: a seat that is dropped gives its name back.
        names.insert(name.clone()).then(|| Seat {
            names: self.names.clone(),
            name,
            _place: place,
        })
    }
}

impl Exchange {
    /// Lets the next turn begin at once.
    pub(crate) fn ring(&self) {
        self.inner.in_work.bell.notify_one();
    }

    /// One turn: carries everything that is due, and returns when it has been tried. Tells how many attempts there were.
    ///
    /// # Errors
    /// The store failed.
    pub async fn deliver(&self) -> Result<usize, Fault> {
        if !self.inner.in_work.began.swap(true, Ordering::AcqRel) {
            self.take_up_deliveries().await?;
        }
        let mut attempts = 0;
        for _ in 0..ROUNDS_MAX {
            let mut tasks = JoinSet::new();
            for row in self.due_deliveries().await? {
                if let Some(seat) = self.inner.in_work.enter(format!("delivery {}", row.id)) {
                    let exchange = self.clone();
                    tasks.spawn(async move {
                        let _seat = seat;
                        exchange.carry_delivery(row).await
                    });
                }
            }
            for (way, row) in self.due_subscriptions().await? {
                let name = format!("{way:?} {} {}", row.topic, row.subscriber);
                if let Some(seat) = self.inner.in_work.enter(name) {
                    let exchange = self.clone();
                    tasks.spawn(async move {
                        let _seat = seat;
                        match way {
                            Way::Out => exchange.push_out(row).await,
                            Way::In => exchange.push_in(row).await,
                        }
                    });
                }
            }
            if tasks.is_empty() {
                break;
            }
            attempts += tasks.len();
            while let Some(done) = tasks.join_next().await {
                match done {
                    Ok(Ok(())) => {}
                    Ok(Err(fault)) => return Err(fault),
                    Err(error) => tracing::error!(%error, "a delivery's work ended badly"),
                }
            }
        }
        Ok(attempts)
    }

    /// Waits until something is due or was just accepted, then begins a turn without waiting for its end. Run by a timer.
    pub(crate) async fn deliver_when_due(&self) -> Result<(), Fault> {
        if self.inner.in_work.has_ended() {
            return Ok(());
        }
        let pause = self.pause_until_due().await?;
        let _ = tokio::time::timeout(pause, self.inner.in_work.bell.notified()).await;
        let exchange = self.clone();
        self.inner.in_work.begin(async move {
            if let Err(fault) = exchange.deliver().await {
                tracing::warn!(%fault, "a turn of deliveries failed");
            }
        });
        Ok(())
    }

    /// Ends the work of deliveries with the node: to be called before its store is closed.
    pub async fn end_deliveries(&self) {
        self.inner.in_work.end(FAREWELL).await;
    }

    async fn pause_until_due(&self) -> Result<Duration, Fault> {
        let now = self.inner.clock.now();
        let next = self.next_due().await?;
        let micros = next
            .map_or(i64::MAX, |next| next.0.saturating_sub(now.0))
            .max(0);
        let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        Ok(pause.clamp(TURN_MIN, TURN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_one_place() {
        let work = InWork::default();
        let seat = work.enter("delivery 1".to_owned());
        assert!(seat.is_some() && work.enter("delivery 1".to_owned()).is_none());
        assert!(
            work.enter("delivery 1".to_owned()).is_none(),
            "the name stays taken"
        );
        drop(seat);
        assert!(work.enter("delivery 1".to_owned()).is_some());
    }

    #[tokio::test]
    async fn the_end_waits_for_a_turn_cuts_a_long_one_and_lets_none_begin() {
        let done = Arc::new(AtomicBool::new(false));
        let work = InWork::default();
        let (short, long) = (done.clone(), done.clone());
        work.begin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            short.store(true, Ordering::Release);
        });
        work.end(Duration::from_secs(60)).await;
        assert!(done.swap(false, Ordering::AcqRel) && work.has_ended());

        let work = InWork::default();
        work.begin(async move {
            std::future::pending::<()>().await;
            long.store(true, Ordering::Release);
        });
        work.end(Duration::from_millis(20)).await;
        let late = done.clone();
        work.begin(async move { late.store(true, Ordering::Release) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!done.load(Ordering::Acquire));
        assert_eq!(Arc::strong_count(&done), 1, "what was cut is gone");
    }
}
