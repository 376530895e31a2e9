//! The journal: every question and every answer with the signed bytes, on both sides, before the answer is given out.
//!
//! Written by `ask` and `answer`; read by `questions`, the pages and `container`. One task writes it, in turns: whatever
//! was submitted while the last turn was on its way to the disk goes into the next, as one transaction with the entries
//! of the transparency log. Whoever submits waits for that transaction: when [`Journal::open`] and [`Journal::close`]
//! return, the message is on disk. If a turn fails, all of it fails and nothing counts as kept.

mod turn;

use std::collections::HashSet;
use std::sync::Arc;

use kernel::{Clock, Fault, Id, Moment};
use store::{Store, StoreError, Tx};
use tokio::sync::{mpsc, oneshot};
use trust::TrustError;
use trust::log::{Entry, Log, LogError, Pseudonym};
use trust::xades::Identity;

use self::turn::{Closing, Ending, Kept, Message, Opening, Submission, Tools, Writer};
use crate::domain::agreement::{Authorised, day};
use crate::domain::multipart::Envelope;
use crate::record::{Parts, sha256};
use crate::reduced::reduced;
use crate::seal::Unsealed;
use crate::settings::Signatures;
use crate::sql::{self, Half, Place, QuestionRow, Side};

pub(crate) use self::turn::Counts;

/// Submissions that may wait for a turn; whoever comes later waits to submit. A turn takes fewer.
const QUEUE: usize = 1_024;
/// Bytes of a body in one row.
const BODY_PIECE: usize = 256 * 1024;
/// Longest text from a message that goes into the transparency log, in characters.
const NOTE_CHARS_MAX: usize = 300;

/// What is known of a question when it is journalled.
#[derive(Clone, Debug)]
pub struct NewQuestion {
    /// The journal's identifier.
    pub id: Id,
    /// Our part in it.
    pub side: Side,
    /// The message number.
    pub number: String,
    /// Who asks.
    pub client: String,
    /// What is asked.
    pub service: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// For which case.
    pub case: Option<String>,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// National number of the person or firm; it is journalled as a pseudonym.
    pub subject: Option<String>,
    /// Fields asked for.
    pub fields: Vec<String>,
    /// The trace that led here.
    pub trace: Option<String>,
    /// When.
    pub at: Moment,
}

/// A question that is on disk and waits for its end.
#[derive(Debug)]
pub struct Opened {
    /// The question.
    pub question: NewQuestion,
    pseudonym: Option<Pseudonym>,
    /// SHA-256 of the request's signature.
    digest: [u8; 32],
}

/// Why something is not in the journal.
#[derive(Debug)]
pub enum NotKept {
    /// The client has used the number before.
    Duplicate,
    /// The agreement's questions of the day are used up.
    OverLimit,
    /// The key can't sign now.
    Unsigned(Arc<TrustError>),
    /// The store or the log failed.
    Failed(Fault),
}

/// How a question ended without a good answer.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// `refused`, `bad-signature`, `unreachable` or `timeout`.
    pub outcome: &'a str,
    /// The error code.
    pub code: &'a str,
    /// What came back, if anything did.
    pub evidence: &'a [u8],
}

/// Makes the end of a question that has one already when it is journalled.
type Close<'a> = Box<dyn FnOnce(&Opened) -> Ending + Send + 'a>;

/// The journal of one body.
pub(crate) struct Journal {
    queue: mpsc::Sender<Submission>,
    parts: Arc<Parts>,
    counts: Arc<Counts>,
    store: Store,
    log: Log,
    /// Signs here whatever is not signed in a turn.
    alone: Option<Identity>,
    /// Subsystems of this body whose messages are kept without what was said.
    silent: HashSet<String>,
}

impl Journal {
    /// Starts the task that writes; it ends with this value.
    pub(crate) fn start(
        store: Store,
        log: Log,
        clock: Arc<dyn Clock>,
        (identity, signatures): (Identity, Signatures),
        (parts, silent): (Parts, HashSet<String>),
    ) -> Self {
        let (queue, submissions) = mpsc::channel(QUEUE);
        let (counts, parts) = (Arc::new(Counts::default()), Arc::new(parts));
        let alone = (signatures == Signatures::Single).then(|| identity.clone());
        let tools = Tools {
            store: store.clone(),
            log: log.clone(),
            clock,
            identity: Arc::new(identity),
            parts: parts.clone(),
            counts: counts.clone(),
        };
        tokio::spawn(Writer::new(tools).run(submissions));
        Self {
            queue,
            parts,
            counts,
            store,
            log,
            alone,
            silent,
        }
    }

    /// Whether the subsystem of ours in a question keeps its messages without what was said.
    fn is_silent(&self, question: &NewQuestion) -> bool {
        let own = match question.side {
            Side::Client => Some(question.client.as_str()),
            Side::Provider => question.service.rsplit_once('/').map(|(own, _)| own),
        };
        own.is_some_and(|own| self.silent.contains(own))
    }

    fn signed(&self, question: &NewQuestion, half: Half, parts: &Envelope) -> Message {
        let record = match self.is_silent(question) {
            true => self.parts.write(&reduced(parts, half)),
            false => self.parts.write(parts),
        };
        let digest = record.digest;
        Message::Signed(record, digest)
    }

    fn unsealed(&self, question: &NewQuestion, half: Half, unsealed: Unsealed) -> Message {
        Message::Unsealed(unsealed, self.is_silent(question).then_some(half))
    }

    /// Takes up a question that is on disk already, for another end; `parts` are the same message under another signature.
    pub(crate) fn reopen(&self, question: NewQuestion, parts: &Envelope) -> Opened {
        let subject = question.subject.as_deref();
        Opened {
            pseudonym: subject.map(|number| self.log.pseudonym(number)),
            digest: sha256(&parts.signature),
            question,
        }
    }

    /// How many questions were counted under an agreement on the day of `at`.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn asked(&self, agreement: &str, at: Moment) -> Result<i64, StoreError> {
        if let Some(asked) = self.counts.get(agreement, day(at)) {
            return Ok(asked);
        }
        let mut tx = self.store.read().await?;
        let asked = sql::counted(&mut tx, agreement, day(at)).await?;
        Ok(self.counts.begin(agreement, day(at), asked))
    }

    /// Journals a question with its signed bytes, and counts it under its agreement.
    ///
    /// # Errors
    /// [`NotKept`]; then nobody may be asked.
    pub(crate) async fn open(
        &self,
        question: NewQuestion,
        parts: &Envelope,
        authorised: Option<&Authorised>,
    ) -> Result<Opened, NotKept> {
        let message = self.signed(&question, Half::Request, parts);
        Ok(self.open_with(question, message, authorised, None).await?.0)
    }

    /// Journals a question that was answered already, and signs the answer: for questions that only read, whose answer
    /// nobody has yet.
    ///
    /// # Errors
    /// [`NotKept`]; then the answer may not be given out, and nothing of the question is kept.
    pub(crate) async fn open_answered(
        &self,
        question: NewQuestion,
        parts: &Envelope,
        authorised: Option<&Authorised>,
        (at, answer): (Moment, Unsealed),
    ) -> Result<Envelope, NotKept> {
        let request = self.signed(&question, Half::Request, parts);
        let (message, sealed) = match &self.alone {
            Some(identity) => {
                let envelope = sealed_alone(answer, identity)?;
                let message = self.signed(&question, Half::Response, &envelope);
                (message, Some(envelope))
            }
            None => (self.unsealed(&question, Half::Response, answer), None),
        };
        let end = |opened: &Opened| opened.answered(at, message);
        let (_, told) = self
            .open_with(question, request, authorised, Some(Box::new(end)))
            .await?;
        sealed.or(told).ok_or_else(stopped)
    }

    /// Journals a question that was refused already.
    ///
    /// # Errors
    /// As [`Journal::open_answered`].
    pub(crate) async fn open_failed(
        &self,
        question: NewQuestion,
        parts: &Envelope,
        authorised: Option<&Authorised>,
        (at, failure): (Moment, Failure<'_>),
    ) -> Result<(), NotKept> {
        let request = self.signed(&question, Half::Request, parts);
        let end = |opened: &Opened| opened.failed(at, failure);
        self.open_with(question, request, authorised, Some(Box::new(end)))
            .await
            .map(drop)
    }

    /// Signs a question, journals it, and counts it under its agreement.
    ///
    /// # Errors
    /// [`NotKept`]; then nothing may be sent.
    pub(crate) async fn seal_and_open(
        &self,
        question: NewQuestion,
        unsealed: Unsealed,
        authorised: Option<&Authorised>,
    ) -> Result<(Opened, Envelope), NotKept> {
        if let Some(identity) = &self.alone {
            let envelope = sealed_alone(unsealed, identity)?;
            let opened = self.open(question, &envelope, authorised).await?;
            return Ok((opened, envelope));
        }
        let message = self.unsealed(&question, Half::Request, unsealed);
        let (opened, envelope) = self.open_with(question, message, authorised, None).await?;
        Ok((opened, envelope.ok_or_else(stopped)?))
    }

    async fn open_with(
        &self,
        question: NewQuestion,
        message: Message,
        authorised: Option<&Authorised>,
        end: Option<Close<'_>>,
    ) -> Result<(Opened, Option<Envelope>), NotKept> {
        if let Some(authorised) = authorised.filter(|authorised| authorised.daily_limit().is_some())
        {
            let asked = self.asked(authorised.agreement(), question.at).await;
            asked.map_err(|error| NotKept::Failed(error.into()))?;
        }
        let subject = question.subject.as_deref();
        let pseudonym = subject.map(|number| self.log.pseudonym(number));
        let mut opened = Opened {
            question,
            pseudonym,
            digest: message.digest().unwrap_or_default(),
        };
        let (id, end) = (opened.question.id, end.map(|end| end(&opened)));
        let answer = end.as_ref().and_then(|end| end.message.as_ref());
        let has_apart = self.keep_bodies(id, &message, answer).await?;
        let (done, kept) = oneshot::channel();
        let opening = Opening {
            row: row(&opened.question, pseudonym),
            message,
            agreement: authorised.map(|one| {
                (
                    one.agreement().to_owned(),
                    day(opened.question.at),
                    one.daily_limit(),
                )
            }),
            end,
            done,
        };
        let submitted = self.submit(Submission::Open(Box::new(opening)), kept).await;
        if submitted.is_err() && has_apart {
            self.drop_body(id).await;
        }
        let kept = submitted?;
        opened.digest = kept.digest;
        Ok((opened, kept.envelope))
    }

    /// Keeps the large bodies of a question and of its answer, if it has one; tells whether there was one.
    async fn keep_bodies(
        &self,
        id: Id,
        request: &Message,
        answer: Option<&Message>,
    ) -> Result<bool, NotKept> {
        let has_request = self.keep_body(id, Half::Request, request).await?;
        let Some(answer) = answer else {
            return Ok(has_request);
        };
        let kept = self.keep_body(id, Half::Response, answer).await;
        if kept.is_err() && has_request {
            self.drop_body(id).await;
        }
        Ok(kept? || has_request)
    }

    /// Journals the answer with its signed bytes.
    ///
    /// # Errors
    /// [`NotKept::Failed`]; then the answer may not be given out.
    pub(crate) async fn close(
        &self,
        opened: &Opened,
        at: Moment,
        parts: &Envelope,
    ) -> Result<(), NotKept> {
        let message = self.signed(&opened.question, Half::Response, parts);
        self.close_with(opened, at, message).await.map(drop)
    }

    /// Signs the answer and journals it.
    ///
    /// # Errors
    /// [`NotKept`]; then the answer may not leave.
    pub(crate) async fn seal_and_close(
        &self,
        opened: &Opened,
        at: Moment,
        unsealed: Unsealed,
    ) -> Result<Envelope, NotKept> {
        if let Some(identity) = &self.alone {
            let envelope = sealed_alone(unsealed, identity)?;
            self.close(opened, at, &envelope).await?;
            return Ok(envelope);
        }
        let message = self.unsealed(&opened.question, Half::Response, unsealed);
        let kept = self.close_with(opened, at, message).await?;
        kept.envelope.ok_or_else(stopped)
    }

    async fn close_with(
        &self,
        opened: &Opened,
        at: Moment,
        message: Message,
    ) -> Result<Kept, NotKept> {
        let id = opened.question.id;
        self.keep_body(id, Half::Response, &message).await?;
        let (done, kept) = oneshot::channel();
        let closing = Closing {
            question: id,
            end: opened.answered(at, message),
            done,
        };
        self.submit(Submission::Close(Box::new(closing)), kept)
            .await
    }

    /// Journals that a question ended without a good answer.
    ///
    /// # Errors
    /// [`NotKept::Failed`].
    pub(crate) async fn fail(
        &self,
        opened: &Opened,
        at: Moment,
        failure: Failure<'_>,
    ) -> Result<(), NotKept> {
        let (done, kept) = oneshot::channel();
        let closing = Closing {
            question: opened.question.id,
            end: opened.failed(at, failure),
            done,
        };
        let submission = Submission::Close(Box::new(closing));
        self.submit(submission, kept).await.map(drop)
    }

    /// Keeps a large body before its message, piece by piece, so that it never lies in memory whole; tells whether there
    /// was one.
    async fn keep_body(&self, id: Id, half: Half, message: &Message) -> Result<bool, NotKept> {
        let apart = message.body().filter(|body| self.parts.is_apart(body));
        let Some(body) = apart.cloned() else {
            return Ok(false);
        };
        let failed = |error: StoreError| NotKept::Failed(error.into());
        let unread = |error: std::io::Error| NotKept::Failed(Fault::internal(error));
        let mut tx = self.store.begin().await.map_err(failed)?;
        let (mut at, mut number) = (0, 0);
        while at < body.len() {
            let piece = body.piece(at).await.map_err(unread)?;
            at += piece.len() as u64;
            for bytes in piece.chunks(BODY_PIECE) {
                let kept = sql::insert_piece(&mut tx, id, half, number, bytes);
                kept.await.map_err(failed)?;
                number += 1;
            }
        }
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    /// Removes a body whose message was not kept; what stays behind costs room alone.
    async fn drop_body(&self, id: Id) {
        let dropping = async {
            let mut tx = self.store.begin().await?;
            sql::drop_pieces(&mut tx, id).await?;
            tx.commit().await
        };
        if let Err(error) = dropping.await {
            tracing::warn!(%error, question = %id, "the body of a message that was not kept stays behind");
        }
    }

    async fn submit(
        &self,
        submission: Submission,
        kept: oneshot::Receiver<Result<Kept, NotKept>>,
    ) -> Result<Kept, NotKept> {
        self.queue.send(submission).await.map_err(|_| stopped())?;
        kept.await.map_err(|_| stopped())?
    }
}

fn stopped() -> NotKept {
    NotKept::Failed(Fault::internal("the journal has stopped"))
}

/// An entry whose digest is the request's so far, proved by the answer too.
fn proved(mut entry: Entry, answer: &[u8; 32]) -> Entry {
    entry.digest = sha256(&[entry.digest, *answer].concat());
    entry
}

fn sealed_alone(unsealed: Unsealed, identity: &Identity) -> Result<Envelope, NotKept> {
    let unsigned = |error| NotKept::Unsigned(Arc::new(error));
    unsealed.seal(identity).map_err(unsigned)
}

impl Opened {
    /// The end of a question that was answered with this message.
    fn answered(&self, at: Moment, message: Message) -> Ending {
        let kind = match self.question.side {
            Side::Client => "exchange.learned",
            Side::Provider => "exchange.answered",
        };
        Ending {
            outcome: "answered".to_owned(),
            code: None,
            at,
            entry: self.entry(kind, at),
            message: Some(message),
        }
    }

    /// The end of a question without a good answer.
    fn failed(&self, at: Moment, failure: Failure<'_>) -> Ending {
        let Failure {
            outcome,
            code,
            evidence,
        } = failure;
        let entry = self
            .entry(&format!("exchange.{outcome}"), at)
            .note("code", short(code));
        Ending {
            outcome: outcome.to_owned(),
            code: Some(code.to_owned()),
            at,
            entry: proved(entry, &sha256(evidence)),
            message: None,
        }
    }

    /// The entry of the question's end; [`proved`] adds the answer's digest to the request's.
    fn entry(&self, kind: &str, at: Moment) -> Entry {
        let question = &self.question;
        let mut entry = Entry::new(kind, at, self.digest)
            .note("number", short(&question.number))
            .note("client", short(&question.client))
            .note("service", short(&question.service));
        let notes = [
            ("purpose", &question.purpose),
            ("case", &question.case),
            ("agreement", &question.agreement),
        ];
        for (name, value) in notes {
            if let Some(value) = value {
                entry = entry.note(name, short(value));
            }
        }
        match self.pseudonym {
            Some(pseudonym) => entry.about(pseudonym),
            None => entry,
        }
    }
}

fn row(question: &NewQuestion, pseudonym: Option<Pseudonym>) -> QuestionRow {
    let question = question.clone();
    QuestionRow {
        id: question.id,
        side: question.side,
        number: question.number,
        client: question.client,
        service: question.service,
        purpose: question.purpose,
        case: question.case,
        agreement: question.agreement,
        subject: pseudonym.map(|pseudonym| pseudonym.to_string()),
        fields: (!question.fields.is_empty()).then(|| question.fields.join(",")),
        trace: question.trace,
        asked_at: question.at,
        outcome: "asked".to_owned(),
        code: None,
        answered_at: None,
        log_entry: None,
        request: Place { turn: 0, at: 0 },
        response: None,
    }
}

/// Journals that a question never ended, because the process stopped in between.
///
/// # Errors
/// The store or the log failed.
pub async fn broken_off(
    tx: &mut Tx,
    log: &Log,
    row: &QuestionRow,
    at: Moment,
) -> Result<(), LogError> {
    let mut entry = Entry::new("exchange.broken-off", at, sha256(row.number.as_bytes()))
        .note("number", short(&row.number))
        .note("client", short(&row.client))
        .note("service", short(&row.service));
    if let Some(pseudonym) = row.subject.as_deref().and_then(Pseudonym::parse) {
        entry = entry.about(pseudonym);
    }
    let log_entry = log.enter(tx, entry).await?.to_string();
    Ok(sql::break_off(tx, row.id, at, &log_entry).await?)
}

/// Foreign text as the log takes it.
fn short(text: &str) -> String {
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte);
    if text.len() <= NOTE_CHARS_MAX && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    text.chars()
        .filter(|c| !c.is_control())
        .take(NOTE_CHARS_MAX)
        .collect()
}
