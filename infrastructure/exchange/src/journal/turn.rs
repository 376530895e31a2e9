//! A turn of the journal: what was submitted since the last one, written as one transaction.
//!
//! Run by the journal's one task. It promises that the submitters are told after the commit and not before, that a
//! number is taken once, and that an agreement's limit holds. Turns are numbered without gaps; their number is a key of
//! the store, so that a second process on the same store fails instead of mixing its turns into ours.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Clock, Fault, Id, Moment};
use store::{Row, Script, Store, StoreError, Value, params};
use tokio::sync::{mpsc, oneshot};
use trust::log::{Log, Prepared};

use super::NotKept;
use crate::record::{Part, Record};
use crate::sql::{self, Half, Place, QuestionRow};

/// Most submissions of one turn: its transaction stays below a few milliseconds.
const SUBMISSIONS_MAX: usize = 128;
/// Bytes after which a turn takes no more, so that memory stays bounded with large messages.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of one piece of a large body.
pub(super) const PIECE: usize = 256 * 1024;
/// Most day counts kept in memory; when there are more, those of earlier days go.
const COUNTS_MAX: usize = 10_000;

/// Tells a submitter how it went.
type Done = oneshot::Sender<Result<(), NotKept>>;

/// A question to journal.
pub(super) struct Opening {
    pub row: QuestionRow,
    pub record: Record,
    pub digest: [u8; 32],
    /// The agreement it counts under, the day, and the day's limit.
    pub agreement: Option<(String, i64, Option<u32>)>,
    pub done: Done,
}

/// The end of a question to journal.
pub(super) struct Closing {
    pub question: Id,
    pub outcome: String,
    pub code: Option<String>,
    pub at: Moment,
    pub entry: Prepared,
    /// The response with the digest of its signature.
    pub message: Option<(Record, [u8; 32])>,
    pub done: Done,
}

pub(super) enum Submission {
    Open(Box<Opening>),
    Close(Box<Closing>),
}

/// Questions counted under agreements with a limit, by agreement and day. The journal's task is the only one that counts.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<HashMap<(String, i64), i64>>);

impl Counts {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, i64), i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, agreement: &str, day: i64) -> Option<i64> {
        self.lock().get(&(agreement.to_owned(), day)).copied()
    }

    /// Takes up what the store says, unless the count has begun meanwhile; tells the count.
    pub(super) fn begin(&self, agreement: &str, day: i64, asked: i64) -> i64 {
        let mut counts = self.lock();
        if counts.len() >= COUNTS_MAX {
            counts.retain(|(_, known), _| *known >= day);
        }
        *counts.entry((agreement.to_owned(), day)).or_insert(asked)
    }

    /// Counts one question, or takes one back; `false` if the limit is reached.
    fn count(&self, agreement: &str, day: i64, limit: u32, more: i64) -> bool {
        let mut counts = self.lock();
        let asked = counts.entry((agreement.to_owned(), day)).or_insert(0);
        if more > 0 && *asked >= i64::from(limit) {
            return false;
        }
        *asked += more;
        true
    }
}

/// The task's own state.
pub(super) struct Writer {
    store: Store,
    log: Log,
    clock: Arc<dyn Clock>,
    counts: Arc<Counts>,
    /// The last turn's number; `None` until the store was asked, and after a failure.
    last: Option<i64>,
    /// Counts to take back: questions that turned out to be repetitions.
    owed: HashMap<(String, i64), i64>,
}

/// What one turn writes, and whom it tells.
struct Turn {
    number: i64,
    records: Vec<u8>,
    digests: Vec<u8>,
    seen: HashSet<[u8; 32]>,
    messages: i64,
    opens: Vec<Value>,
    ends: Vec<Value>,
    bodies: Vec<Value>,
    entries: Vec<Prepared>,
    parts: HashMap<[u8; 32], Arc<Part>>,
    days: HashMap<(String, i64), i64>,
    opened: Vec<(Id, Option<(String, i64, Option<u32>)>, Done)>,
    closed: Vec<Done>,
}

impl Turn {
    fn new(number: i64, days: HashMap<(String, i64), i64>) -> Self {
        Self {
            number,
            records: Vec::new(),
            digests: Vec::new(),
            seen: HashSet::new(),
            messages: 0,
            opens: Vec::new(),
            ends: Vec::new(),
            bodies: Vec::new(),
            entries: Vec::new(),
            parts: HashMap::new(),
            days,
            opened: Vec::new(),
            closed: Vec::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.opened.len() + self.closed.len() < SUBMISSIONS_MAX
            && self.records.len() + self.bodies.len() / 4 * PIECE < BYTES_MAX
    }

    fn message(&mut self, question: Id, half: Half, record: Record, digest: [u8; 32]) -> Place {
        let at = i64::try_from(self.records.len()).unwrap_or(i64::MAX);
        let place = Place {
            turn: self.number,
            at,
        };
        self.records.extend_from_slice(&record.bytes);
        self.messages += 1;
        if self.seen.insert(digest) {
            self.digests.extend_from_slice(&digest);
        }
        for part in record.parts {
            self.parts.insert(part.digest, part);
        }
        if let Some(body) = record.body {
            for (piece, bytes) in body.chunks(PIECE).enumerate() {
                self.bodies
                    .extend(params![question, half.text(), piece, bytes]);
            }
        }
        place
    }

    fn open(&mut self, opening: Opening, counts: &Counts) {
        let Opening {
            mut row,
            record,
            digest,
            agreement,
            done,
        } = opening;
        if let Some((name, day, limit)) = &agreement {
            if limit.is_some_and(|limit| !counts.count(name, *day, limit, 1)) {
                let _ = done.send(Err(NotKept::OverLimit));
                return;
            }
            *self.days.entry((name.clone(), *day)).or_insert(0) += 1;
        }
        row.request = self.message(row.id, Half::Request, record, digest);
        self.opens.extend(sql::open_values(&row));
        self.opened.push((row.id, agreement, done));
    }

    fn close(&mut self, closing: Closing) {
        let Closing {
            question,
            outcome,
            code,
            at,
            entry,
            message,
            done,
        } = closing;
        let place =
            message.map(|(record, digest)| self.message(question, Half::Response, record, digest));
        self.ends.extend(params![
            question,
            outcome,
            code,
            at,
            entry.id(),
            place.map(|place| place.turn),
            place.map(|place| place.at),
        ]);
        self.entries.push(entry);
        self.closed.push(done);
    }

    fn script(&mut self, log: &Log, at: Moment) -> Script {
        let mut script = Script::default();
        let parts = self.parts.values();
        let parts = parts.flat_map(|part| params![part.digest, &part.bytes]);
        script.add(&sql::PARTS, parts.collect());
        script.add(&sql::BODIES, std::mem::take(&mut self.bodies));
        let days = std::mem::take(&mut self.days).into_iter();
        let days = days.filter(|(_, more)| *more != 0);
        let days = days.flat_map(|((agreement, day), more)| params![agreement, day, more]);
        script.add(&sql::DAYS, days.collect());
        let records = std::mem::take(&mut self.records);
        let digests = std::mem::take(&mut self.digests);
        if self.messages > 0 {
            let turn = params![self.number, at, self.messages, digests, records];
            script.add(&sql::TURNS, turn.to_vec());
        }
        script.add(&sql::QUESTIONS_OPEN, std::mem::take(&mut self.opens));
        script.add(&sql::QUESTIONS_END, std::mem::take(&mut self.ends));
        log.enter_many(&mut script, std::mem::take(&mut self.entries));
        script
    }
}

impl Writer {
    pub(super) fn new(store: Store, log: Log, clock: Arc<dyn Clock>, counts: Arc<Counts>) -> Self {
        Self {
            store,
            log,
            clock,
            counts,
            last: None,
            owed: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Submission>) {
        while let Some(first) = queue.recv().await {
            // Whoever is ready now may still get in.
            tokio::task::yield_now().await;
            let number = match self.next().await {
                Ok(number) => number,
                Err(error) => {
                    refuse(first, &error.into());
                    continue;
                }
            };
            let mut turn = Turn::new(number, std::mem::take(&mut self.owed));
            self.take(&mut turn, first);
            while turn.has_room()
                && let Ok(next) = queue.try_recv()
            {
                self.take(&mut turn, next);
            }
            self.write(turn).await;
        }
    }

    async fn next(&mut self) -> Result<i64, StoreError> {
        let last = match self.last {
            Some(last) => last,
            None => sql::last_turn(&mut self.store.read().await?).await?,
        };
        self.last = Some(last);
        Ok(last + 1)
    }

    fn take(&self, turn: &mut Turn, submission: Submission) {
        match submission {
            Submission::Open(opening) => turn.open(*opening, &self.counts),
            Submission::Close(closing) => turn.close(*closing),
        }
    }

    async fn write(&mut self, mut turn: Turn) {
        let script = turn.script(&self.log, self.clock.now());
        let Turn {
            number,
            messages,
            parts,
            opened,
            closed,
            ..
        } = turn;
        match self.store.run(script).await {
            Ok(fresh) => {
                if messages > 0 {
                    self.last = Some(number);
                }
                parts.values().for_each(|part| part.stored());
                let fresh: HashSet<Id> = fresh.iter().filter_map(|row| identifier(row)).collect();
                for (id, agreement, done) in opened {
                    let told = if fresh.contains(&id) {
                        Ok(())
                    } else {
                        self.uncount(agreement, true);
                        Err(NotKept::Duplicate)
                    };
                    let _ = done.send(told);
                }
                for done in closed {
                    let _ = done.send(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, turn = number, "a turn of the journal failed");
                self.last = None;
                let fault = Fault::from(error);
                for (_, agreement, done) in opened {
                    self.uncount(agreement, false);
                    let _ = done.send(Err(NotKept::Failed(fault.clone())));
                }
                for done in closed {
                    let _ = done.send(Err(NotKept::Failed(fault.clone())));
                }
            }
        }
    }

    /// Takes back what a question counted; `is_written` if the store has counted it too.
    fn uncount(&mut self, agreement: Option<(String, i64, Option<u32>)>, is_written: bool) {
        let Some((name, day, limit)) = agreement else {
            return;
        };
        if let Some(limit) = limit {
            self.counts.count(&name, day, limit, -1);
        }
        if is_written {
            *self.owed.entry((name, day)).or_insert(0) -= 1;
        }
    }
}

/// The identifier that a row of [`sql::QUESTIONS_OPEN`] returns.
fn identifier(row: &Row) -> Option<Id> {
    row.id(0).ok()
}

fn refuse(submission: Submission, fault: &Fault) {
    let done = match submission {
        Submission::Open(opening) => opening.done,
        Submission::Close(closing) => closing.done,
    };
    let _ = done.send(Err(NotKept::Failed(fault.clone())));
}
