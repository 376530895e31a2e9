//! A turn of the journal: what was submitted since the last one, written as one transaction.
//!
//! Run by the journal's one task. It promises that the submitters are told after the commit and not before, that a
//! number is taken once, and that an agreement's limit holds. Turns are numbered without gaps, by the store.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Clock, Fault, Id, Moment};
use store::{Row, Script, Store, Value, params};
use tokio::sync::{mpsc, oneshot};
use trust::TrustError;
use trust::log::{Entry, Log, Prepared};
use trust::sigalg::KeyKind;
use trust::xades::Identity;

use super::{NotKept, proved};
use crate::body::Body;
use crate::domain::multipart::Envelope;
use crate::record::{Part, Parts, Record};
use crate::reduced::reduced;
use crate::seal::{Unsealed, seal_all};
use crate::sql::{self, Half, Place, QuestionRow};

/// Most submissions of one turn: its transaction stays below a few milliseconds.
const SUBMISSIONS_MAX: usize = 128;
/// Bytes after which a turn takes no more, so that memory stays bounded with large messages.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most day counts kept in memory; when there are more, those of earlier days go.
const COUNTS_MAX: usize = 10_000;

/// What was kept of a submission.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// SHA-256 of the message's signature.
    pub digest: [u8; 32],
    /// The message, if it was signed in the turn.
    pub envelope: Option<Envelope>,
}

/// Tells a submitter how it went.
type Done = oneshot::Sender<Result<Kept, NotKept>>;

/// A message to keep.
pub(super) enum Message {
    /// With the digest of its signature.
    Signed(Record, [u8; 32]),
    /// To be signed with the others of the turn; kept reduced if it says which half it is.
    Unsealed(Unsealed, Option<Half>),
    /// Signed in this turn.
    Sealed(Record, [u8; 32], Box<Envelope>),
}

impl Message {
    fn len(&self) -> usize {
        match self {
            Self::Signed(record, _) | Self::Sealed(record, ..) => record.bytes.len(),
            Self::Unsealed(unsealed, _) => unsealed.len(),
        }
    }

    /// A body that goes into rows of its own.
    pub(super) fn body(&self) -> Option<&Body> {
        match self {
            Self::Signed(record, _) | Self::Sealed(record, ..) => record.body.as_ref(),
            Self::Unsealed(unsealed, None) => unsealed.body(),
            Self::Unsealed(_, Some(_)) => None,
        }
    }

    /// Digest of the signature, if there is one yet.
    pub(super) fn digest(&self) -> Option<[u8; 32]> {
        match self {
            Self::Signed(_, digest) | Self::Sealed(_, digest, _) => Some(*digest),
            Self::Unsealed(..) => None,
        }
    }

    fn kept(self) -> Option<(Record, Kept)> {
        let (record, digest, envelope) = match self {
            Self::Signed(record, digest) => (record, digest, None),
            Self::Sealed(record, digest, envelope) => (record, digest, Some(*envelope)),
            Self::Unsealed(..) => return None,
        };
        Some((record, Kept { digest, envelope }))
    }
}

/// A question to journal.
pub(super) struct Opening {
    pub row: QuestionRow,
    pub message: Message,
    /// The agreement it counts under, the day, and the day's limit.
    pub agreement: Option<(String, i64, Option<u32>)>,
    /// The end, if it has one already; then what was kept of the answer is told.
    pub end: Option<Ending>,
    pub done: Done,
}

/// How a question ended.
pub(super) struct Ending {
    pub outcome: String,
    pub code: Option<String>,
    pub at: Moment,
    /// With the digest of the request; that of the response is added, if there is one.
    pub entry: Entry,
    pub message: Option<Message>,
}

/// The end of a question to journal.
pub(super) struct Closing {
    pub question: Id,
    pub end: Ending,
    pub done: Done,
}

pub(super) enum Submission {
    Open(Box<Opening>),
    Close(Box<Closing>),
}

impl Submission {
    /// Bytes of its messages.
    fn len(&self) -> usize {
        let (request, end) = match self {
            Self::Open(opening) => (opening.message.len(), opening.end.as_ref()),
            Self::Close(closing) => (0, Some(&closing.end)),
        };
        let response = end.and_then(|end| end.message.as_ref());
        request + response.map_or(0, Message::len)
    }

    /// Its own message, which may have to be signed; a question that comes with its end was signed by who asked.
    fn message_mut(&mut self) -> Option<&mut Message> {
        match self {
            Self::Open(opening) => match &mut opening.end {
                Some(end) => end.message.as_mut(),
                None => Some(&mut opening.message),
            },
            Self::Close(closing) => closing.end.message.as_mut(),
        }
    }

    fn refuse(self, why: NotKept) {
        let done = match self {
            Self::Open(opening) => opening.done,
            Self::Close(closing) => closing.done,
        };
        let _ = done.send(Err(why));
    }
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

/// What the task works with.
pub(super) struct Tools {
    pub store: Store,
    pub log: Log,
    pub clock: Arc<dyn Clock>,
    pub identity: Arc<Identity>,
    pub parts: Arc<Parts>,
    pub counts: Arc<Counts>,
}

/// The task's own state.
pub(super) struct Writer {
    tools: Tools,
    /// Counts to take back: questions that turned out to be repetitions.
    owed: HashMap<(String, i64), i64>,
}

/// An agreement whose questions are counted: its number, the day, the daily limit.
type Counted = (String, i64, Option<u32>);

/// An end with what it leaves in the log.
struct Ended {
    outcome: String,
    code: Option<String>,
    at: Moment,
    entry: Prepared,
    answer: Option<(Record, Kept)>,
}

impl Ended {
    fn of(end: Ending, log: &Log) -> Result<Self, Fault> {
        let answer = end.message.and_then(Message::kept);
        let entry = match &answer {
            Some((_, kept)) => proved(end.entry, &kept.digest),
            None => end.entry,
        };
        Ok(Self {
            outcome: end.outcome,
            code: end.code,
            at: end.at,
            entry: log.prepare(entry).map_err(Fault::internal)?,
            answer,
        })
    }
}

/// What one turn writes, and whom it tells.
#[derive(Default)]
struct Turn {
    records: Vec<u8>,
    digests: Vec<u8>,
    /// Where each signature lies, by its digest.
    seen: HashMap<[u8; 32], u64>,
    messages: i64,
    opens: Vec<Value>,
    ends: Vec<Value>,
    entries: Vec<Prepared>,
    parts: HashMap<[u8; 32], Arc<Part>>,
    days: HashMap<(String, i64), i64>,
    opened: Vec<(Id, Option<Counted>, Kept, Done)>,
    closed: Vec<(Kept, Done)>,
}

impl Turn {
    fn message(&mut self, record: Record, digest: [u8; 32]) -> i64 {
        let place = i64::try_from(self.records.len()).unwrap_or(i64::MAX);
        let same = self.seen.get(&digest).copied();
        let signature = record.append_to(&mut self.records, same);
        self.messages += 1;
        if same.is_none() {
            self.seen.insert(digest, signature);
            self.digests.extend_from_slice(&digest);
        }
        for part in record.parts {
            self.parts.insert(part.digest, part);
        }
        place
    }

    fn open(&mut self, opening: Opening, counts: &Counts, log: &Log) {
        let Opening {
            mut row,
            message,
            agreement,
            end,
            done,
        } = opening;
        let Some((record, mut kept)) = message.kept() else {
            return;
        };
        let end = match end.map(|end| Ended::of(end, log)).transpose() {
            Ok(end) => end,
            Err(fault) => {
                let _ = done.send(Err(NotKept::Failed(fault)));
                return;
            }
        };
        if let Some((name, day, limit)) = &agreement {
            if limit.is_some_and(|limit| !counts.count(name, *day, limit, 1)) {
                let _ = done.send(Err(NotKept::OverLimit));
                return;
            }
            *self.days.entry((name.clone(), *day)).or_insert(0) += 1;
        }
        row.request.at = self.message(record, kept.digest);
        let id = row.id;
        if let Some(end) = end {
            row.outcome = end.outcome;
            row.code = end.code;
            row.answered_at = Some(end.at);
            row.log_entry = Some(end.entry.id().to_string());
            if let Some((record, answer)) = end.answer {
                let at = self.message(record, answer.digest);
                row.response = Some(Place { turn: 0, at });
                kept = answer;
            }
            // A question whose number was used before leaves nothing in the log.
            self.entries.push(end.entry.following(id.into()));
        }
        self.opens.extend(sql::open_values(row));
        self.opened.push((id, agreement, kept, done));
    }

    fn close(&mut self, closing: Closing, log: &Log) {
        let Closing {
            question,
            end,
            done,
        } = closing;
        let end = match Ended::of(end, log) {
            Ok(end) => end,
            Err(fault) => {
                let _ = done.send(Err(NotKept::Failed(fault)));
                return;
            }
        };
        let (kept, place) = match end.answer {
            Some((record, kept)) => {
                let place = self.message(record, kept.digest);
                (kept, Some(place))
            }
            None => (Kept::default(), None),
        };
        let (outcome, code, at, entry) = (end.outcome, end.code, end.at, end.entry);
        self.ends
            .extend(params![question, outcome, code, at, entry.id(), place,]);
        self.entries.push(entry);
        self.closed.push((kept, done));
    }

    fn script(&mut self, log: &Log, at: Moment) -> Script {
        let mut script = Script::default();
        let parts = self.parts.values();
        let parts = parts.flat_map(|part| params![part.digest, &part.bytes]);
        script.add(&sql::PARTS, parts.collect());
        let days = std::mem::take(&mut self.days).into_iter();
        let days = days.filter(|(_, more)| *more != 0);
        let days = days.flat_map(|((agreement, day), more)| params![agreement, day, more]);
        script.add(&sql::DAYS, days.collect());
        let records = std::mem::take(&mut self.records);
        let digests = std::mem::take(&mut self.digests);
        if self.messages > 0 {
            let turn = params![at, self.messages, digests, records];
            script.add(&sql::TURNS, turn.to_vec());
        }
        script.add(&sql::QUESTIONS_OPEN, std::mem::take(&mut self.opens));
        script.add(&sql::QUESTIONS_END, std::mem::take(&mut self.ends));
        log.enter_many(&mut script, std::mem::take(&mut self.entries));
        script
    }
}

impl Writer {
    pub(super) fn new(tools: Tools) -> Self {
        Self {
            tools,
            owed: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Submission>) {
        while let Some(first) = queue.recv().await {
            // Whoever is ready now may still get in.
            tokio::task::yield_now().await;
            let taken = take(first, &mut queue);
            let mut turn = Turn {
                days: std::mem::take(&mut self.owed),
                ..Turn::default()
            };
            for submission in self.seal(taken).await {
                match submission {
                    Submission::Open(opening) => {
                        turn.open(*opening, &self.tools.counts, &self.tools.log)
                    }
                    Submission::Close(closing) => turn.close(*closing, &self.tools.log),
                }
            }
            self.write(turn).await;
        }
    }

    /// Signs what waits for it, all with one signature; refuses those messages if the key can't sign.
    async fn seal(&self, mut taken: Vec<Submission>) -> Vec<Submission> {
        let (mut places, mut unsealed) = (Vec::new(), Vec::new());
        for (at, submission) in taken.iter_mut().enumerate() {
            let Some(message @ Message::Unsealed(..)) = submission.message_mut() else {
                continue;
            };
            let empty = Message::Signed(Record::default(), [0; 32]);
            if let Message::Unsealed(one, silent) = std::mem::replace(message, empty) {
                places.push((at, silent));
                unsealed.push(one);
            }
        }
        if places.is_empty() {
            return taken;
        }
        match sign(&self.tools.identity, unsealed).await {
            Ok(envelopes) => {
                for ((at, silent), envelope) in places.into_iter().zip(envelopes) {
                    let record = match silent {
                        Some(half) => self.tools.parts.write(&reduced(&envelope, half)),
                        None => self.tools.parts.write(&envelope),
                    };
                    let digest = record.digest;
                    if let Some(message) = taken[at].message_mut() {
                        *message = Message::Sealed(record, digest, Box::new(envelope));
                    }
                }
                taken
            }
            Err(error) => {
                let error = Arc::new(error);
                let (refused, kept): (Vec<_>, Vec<_>) = taken
                    .into_iter()
                    .enumerate()
                    .partition(|(at, _)| places.iter().any(|(place, _)| place == at));
                for (_, submission) in refused {
                    submission.refuse(NotKept::Unsigned(error.clone()));
                }
                kept.into_iter().map(|(_, submission)| submission).collect()
            }
        }
    }

    async fn write(&mut self, mut turn: Turn) {
        let script = turn.script(&self.tools.log, self.tools.clock.now());
        let Turn {
            parts,
            opened,
            closed,
            ..
        } = turn;
        if script.is_empty() {
            return;
        }
        match self.tools.store.run(script).await {
            Ok(fresh) => {
                parts.values().for_each(|part| part.stored());
                let fresh: HashSet<Id> = fresh.iter().filter_map(identifier).collect();
                for (id, agreement, kept, done) in opened {
                    let told = if fresh.contains(&id) {
                        Ok(kept)
                    } else {
                        self.uncount(agreement, true);
                        Err(NotKept::Duplicate)
                    };
                    let _ = done.send(told);
                }
                for (kept, done) in closed {
                    let _ = done.send(Ok(kept));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a turn of the journal failed");
                let fault = Fault::from(error);
                for (_, agreement, _, done) in opened {
                    self.uncount(agreement, false);
                    let _ = done.send(Err(NotKept::Failed(fault.clone())));
                }
                for (_, done) in closed {
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
            self.tools.counts.count(&name, day, limit, -1);
        }
        if is_written {
            *self.owed.entry((name, day)).or_insert(0) -= 1;
        }
    }
}

/// The submissions of one turn: whatever waits, within its limits.
fn take(first: Submission, queue: &mut mpsc::Receiver<Submission>) -> Vec<Submission> {
    let mut bytes = first.len();
    let mut taken = vec![first];
    while taken.len() < SUBMISSIONS_MAX
        && bytes < BYTES_MAX
        && let Ok(next) = queue.try_recv()
    {
        bytes += next.len();
        taken.push(next);
    }
    taken
}

/// Signs in this task if the key is fast, and beside it if it takes most of a millisecond.
async fn sign(
    identity: &Arc<Identity>,
    unsealed: Vec<Unsealed>,
) -> Result<Vec<Envelope>, TrustError> {
    if !matches!(identity.certificate().key_kind(), Ok(KeyKind::Rsa)) {
        return seal_all(identity, unsealed);
    }
    let identity = identity.clone();
    let signing = tokio::task::spawn_blocking(move || seal_all(&identity, unsealed));
    let failed = |_| TrustError::Refused {
        why: "the signing task ended",
    };
    signing.await.map_err(failed)?
}

/// The identifier that a row of [`sql::QUESTIONS_OPEN`] returns.
fn identifier(row: &Row) -> Option<Id> {
    row.id(0).ok()
}
