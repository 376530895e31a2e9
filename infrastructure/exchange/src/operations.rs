//! Operational monitoring: one record per message, with X-Road's field names and meaning (facts section 12).
//!
//! Filled by `ask` and `answer`, read by the operator as JSON. Records gather in memory and go to the store as one row a
//! second, which costs no ordinary message a statement of its own: a crash may lose the last seconds, the message log
//! loses nothing. They never hold a body, a subject or a header beyond those that X-Road names; of a path only words stay.

pub(crate) mod block;

use std::sync::{Mutex, PoisonError};

use self::block::Block;
use crate::answer::{Claimed, Refusal};
use crate::ask::{Answered, AskError, Sealed};
use crate::body::Body;
use crate::domain::message::{self, ResponsePart};
use crate::domain::multipart::Envelope;
use crate::sql::operation as sql;
use crate::{Exchange, Verified};
use kernel::{Fault, Id, Moment};

/// Most records that wait in memory; more are dropped and counted, for the message log has what they tell.
const WAITING_MAX: usize = 50_000;
/// Days that records are kept: X-Road's own default.
const KEEP_DAYS: i64 = 7;
/// Most records kept, whatever their age: some 200 MB.
const KEEP_MAX: i64 = 1_000_000;
/// Most records of one answer, unless a single second has more.
pub const ANSWER_MAX: usize = 1_000;
/// Most rows read for one answer: each is a second.
const ROWS_MAX: usize = ANSWER_MAX + 1;
/// Longest text of a cause, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// Words of a path that are kept.
const PATH_WORDS_MAX: usize = 8;

/// One message as it went through this node. Times are milliseconds of Unix time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Whether the asking side is ours.
    pub is_client: bool,
    pub request_in: i64,
    pub request_out: Option<i64>,
    pub response_in: Option<i64>,
    pub response_out: i64,
    pub client: String,
    pub service: String,
    pub method: String,
    pub path: Option<String>,
    pub number: String,
    pub user: Option<String>,
    pub issue: Option<String>,
    /// Bytes and attachments.
    pub request: (u64, u64),
    pub response: (u64, u64),
    pub status: Option<u16>,
    /// Code and text.
    pub fault: Option<(String, String)>,
}

impl Operation {
    /// How it ended.
    fn ended(&mut self, at: Moment, fault: Option<(String, String)>) {
        self.response_out = at.millis();
        self.fault = fault.map(|(code, text)| (code, text.chars().take(TEXT_CHARS_MAX).collect()));
    }

    /// A message that another body's node brought.
    pub(crate) fn received(claimed: &Claimed, envelope: &Envelope, at: Moment) -> Self {
        let header = |name: &str| claimed.request.header(name).map(str::to_owned);
        Self {
            request_in: at.millis(),
            client: claimed.client.to_string(),
            service: claimed.service.to_string(),
            method: claimed.request.method.clone(),
            path: claimed
                .path
                .as_ref()
                .ok()
                .map(|path| words(&path.encoded())),
            number: claimed.number.clone(),
            user: header(message::USER_ID),
            issue: header(message::ISSUE),
            request: size(envelope),
            ..Self::default()
        }
    }

    /// How it was answered.
    pub(crate) fn received_ended(&mut self, at: Moment, result: &Result<Envelope, Refusal>) {
        if let Ok(envelope) = result {
            self.response = size(envelope);
            self.status = ResponsePart::status_of(&envelope.rest);
        }
        self.ended(at, result.as_ref().err().map(Refusal::told));
    }

    /// How a question of ours ended.
    pub(crate) fn asked_ended(
        &mut self,
        at: Moment,
        result: &Result<Verified<Answered>, (AskError, bool)>,
    ) {
        let fault = match result {
            Ok(answered) => {
                let answered = answered.get();
                let body = answered.body.as_ref().map_or(0, Body::len);
                let part = whole(answered.response.len());
                self.response = (part + body, u64::from(body > 0));
                self.status = Some(answered.response.status);
                self.response_in = Some(at.millis());
                None
            }
            Err((error, _)) => Some((error.code(), error.to_string())),
        };
        self.ended(at, fault);
    }
}

/// A path without what may be somebody's number or name: of each part only plain lower-case words stay.
fn words(path: &str) -> String {
    let is_plain = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte))
    };
    let parts = path.split('/').skip(1).take(PATH_WORDS_MAX);
    parts.fold(String::with_capacity(path.len()), |mut text, part| {
        text.push('/');
        text.push_str(if is_plain(part) { part } else { "{}" });
        text
    })
}

fn whole(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Bytes of message part and body, and whether there is a body.
fn size(envelope: &Envelope) -> (u64, u64) {
    let body = envelope.body.as_ref().map_or(0, Body::len);
    (whole(envelope.rest.len()) + body, u64::from(body > 0))
}

/// Records that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Operations(Mutex<Block>);

impl Operations {
    fn lock(&self) -> std::sync::MutexGuard<'_, Block> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// A question of ours that is signed and about to leave.
    pub(crate) fn operation_asked(&self, sealed: &Sealed) -> Operation {
        let question = &sealed.opened.question;
        let header = |name: &str| sealed.request.header(name).map(str::to_owned);
        Operation {
            is_client: true,
            request_in: question.at.millis(),
            request_out: Some(self.inner.clock.now().millis()),
            client: question.client.clone(),
            service: question.service.clone(),
            method: sealed.request.method.clone(),
            number: question.number.clone(),
            user: header(message::USER_ID),
            issue: question.case.clone(),
            request: size(&sealed.envelope),
            ..Operation::default()
        }
    }

    /// Takes a record; it is on disk some seconds later.
    pub(crate) fn operated(&self, operation: Operation) {
        let inner = &self.inner;
        inner.meters.operated(&operation);
        let mut waiting = inner.operations.lock();
        match waiting.len() < WAITING_MAX {
            true => waiting.push(operation),
            false => inner.meters.operation_dropped(),
        }
    }

    /// Writes what waits. Run by a timer; tells how many records were written.
    ///
    /// # Errors
    /// The store failed; what it did not take is lost.
    pub async fn write_operations(&self) -> Result<usize, Fault> {
        let inner = &self.inner;
        let waiting = std::mem::take(&mut *inner.operations.lock());
        let count = waiting.len();
        if count == 0 {
            return Ok(0);
        }
        inner.meters.operations(&waiting.counts());
        let mut tx = inner.store.begin().await?;
        for (second, text, records) in waiting.rows() {
            let id = Id::new(&*inner.clock, &*inner.chance);
            sql::insert(&mut tx, id, second, &text, records).await?;
        }
        tx.commit().await?;
        Ok(count)
    }

    /// Removes records that are over their time or their number. Run by a timer; tells how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_operations(&self) -> Result<i64, Fault> {
        let before = self.inner.clock.now().seconds() - KEEP_DAYS * 86_400;
        let mut tx = self.inner.store.begin().await?;
        let count = sql::forget(&mut tx, before, KEEP_MAX).await?;
        tx.commit().await?;
        Ok(count)
    }

    /// Records from one second to another, oldest first, as JSON texts, and where the next answer begins if there are
    /// more. Answers hold whole seconds, so that the next one neither repeats nor omits a record.
    ///
    /// # Errors
    /// The store failed.
    pub async fn operations(
        &self,
        from: i64,
        to: i64,
    ) -> Result<(Vec<String>, Option<i64>), Fault> {
        self.write_operations().await?;
        let mut tx = self.inner.store.read().await?;
        let rows = sql::between(&mut tx, from, to, ROWS_MAX).await?;
        let mut texts: Vec<String> = Vec::new();
        let (mut second, mut begun) = (None, 0);
        for (at, text) in &rows {
            if second.is_some_and(|second| second != *at) {
                if texts.len() >= ANSWER_MAX {
                    return Ok((texts, Some(*at)));
                }
                begun = texts.len();
            }
            second = Some(*at);
            texts.extend(block::texts(text).map_err(Fault::internal)?);
        }
        let Some(last) = second.filter(|_| rows.len() == ROWS_MAX) else {
            return Ok((texts, None));
        };
        // The last second may have rows that were not read.
        texts.truncate(begun);
        Ok((texts, Some(last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_path_only_words_stay() {
        for (path, kept) in [
            ("/facts", "/facts"),
            ("/people/40000001/land", "/people/{}/land"),
            ("/people/Juan%20Quispe", "/people/{}"),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(words(path), kept, "{path}");
        }
    }
}
