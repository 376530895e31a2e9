//! The same message again: answered from what is kept, never done twice.
//!
//! Called by `answer` when a message number was received before, and by `deliver` on the asking side. The same number
//! with the same bytes of the same member gets the answer that was kept, under a fresh signature; other bytes are
//! refused. It promises that the service's own system is called again only where nothing can have happened, where a
//! repetition does no harm (RFC 9110 section 9.2.2), or where the settings say that it recognises its numbers.

use kernel::{Fault, ServiceId};
use trust::log::Entry;
use trust::sigalg::Data;
use trust::xades::message::{MESSAGE, attachment, verify_message_data};

use crate::Exchange;
use crate::ask::AskError;
use crate::body::Body;
use crate::domain::codes::{Code, Leaf};
use crate::domain::message::ResponsePart;
use crate::domain::multipart::Envelope;
use crate::journal::{NewQuestion, Opened};
use crate::record::sha256;
use crate::seal::Unsealed;
use crate::sql::archive;
use crate::sql::{self, Half, QuestionRow, Side};

/// Verbs whose repetition has no further effect.
const HARMLESS: [&str; 6] = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/// The service's own system was not reached: nothing can have happened.
const NOT_REACHED: [Leaf; 3] = [
    Leaf::NetworkError,
    Leaf::ServiceMissingUrl,
    Leaf::UnknownHost,
];
/// It was reached, and did not say what it did.
const TROUBLE: [Leaf; 4] = [
    Leaf::CannotCreateSignature,
    Leaf::HttpError,
    Leaf::InternalError,
    Leaf::IoError,
];

/// What to do with a repetition.
pub(crate) enum Again {
    /// Give this out.
    Answer(Envelope),
    /// Nothing came of the first one: put it to the service now.
    Call(Box<Opened>),
}

/// Why a repetition is not answered.
pub(crate) struct Stale {
    pub code: Code,
    pub message: &'static str,
}

impl Stale {
    const fn new(leaf: Leaf, message: &'static str) -> Self {
        Self {
            code: Code::answering(leaf),
            message,
        }
    }

    const fn of_service(leaf: Leaf, message: &'static str) -> Self {
        Self {
            code: Code::answering(leaf).of_service(),
            message,
        }
    }
}

/// A repetition that arrived.
pub(crate) struct Repetition<'a> {
    pub question: NewQuestion,
    pub service: &'a ServiceId,
    pub parts: &'a Envelope,
    pub method: &'a str,
    /// Whether it is a question about facts, or to a built-in service: reading, or recognised by itself.
    pub is_harmless: bool,
    /// Whether the first one is still being answered.
    pub in_work: bool,
}

/// Whether a kept message's signature is over these bytes.
fn covers(kept: &Envelope, rest: &[u8], body: Option<&Body>) -> bool {
    let first = attachment(1);
    let digest = |hash| body.and_then(|body| body.digest(hash));
    let mut parts = vec![(MESSAGE, Data::Bytes(rest))];
    parts.extend(body.map(|_| (first.as_str(), Data::Elsewhere(&digest))));
    let chain = match (&kept.chain_result, &kept.chain) {
        (Some(result), Some(chain)) => Some((result.as_slice(), chain.as_slice())),
        _ => None,
    };
    verify_message_data(&kept.signature, chain, &parts)
        .is_ok_and(|verified| verified.covered().iter().all(|part| part.present))
}

/// A kept response, if all of it was kept.
pub(crate) fn whole_response(kept: &Envelope) -> Option<(ResponsePart, Option<Body>)> {
    if !covers(kept, &kept.rest, kept.body.as_ref()) {
        return None;
    }
    let response = ResponsePart::parse(&kept.rest).ok()?;
    Some((response, kept.body.clone()))
}

impl Exchange {
    /// The question of the journal with the same side, client and number.
    pub(crate) async fn find_question(
        &self,
        question: &NewQuestion,
    ) -> Result<Option<QuestionRow>, Fault> {
        self.question_of(question.side, &question.client, &question.number)
            .await
    }

    async fn question_of(
        &self,
        side: Side,
        client: &str,
        number: &str,
    ) -> Result<Option<QuestionRow>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let rows = sql::questions_by_number(&mut tx, number).await?;
        Ok(rows
            .into_iter()
            .find(|row| row.side == side && row.client == client))
    }

    /// Takes up a question of ours for another attempt: the same bytes, under a new signature, which the log notes.
    pub(crate) async fn reopen(
        &self,
        earlier: &QuestionRow,
        question: NewQuestion,
        parts: &Envelope,
    ) -> Result<Opened, AskError> {
        let kept = self.kept_message(earlier, Half::Request).await?;
        if !kept.is_some_and(|kept| covers(&kept, &parts.rest, parts.body.as_ref())) {
            return Err(AskError::Refused {
                code: Code::asking(Leaf::InvalidRequest).to_string(),
                message: "the message number was used before".to_owned(),
            });
        }
        self.note_again("exchange.sent-again", earlier, &parts.signature)
            .await?;
        let question = NewQuestion {
            id: earlier.id,
            ..question
        };
        Ok(self.inner.journal.reopen(question, parts))
    }

    /// Enters another signature over the same message in the log, and that the archive may have to take it again.
    async fn note_again(
        &self,
        kind: &str,
        earlier: &QuestionRow,
        signature: &[u8],
    ) -> Result<(), Fault> {
        let number: String = earlier
            .number
            .chars()
            .filter(|c| !c.is_control())
            .take(300)
            .collect();
        let entry = Entry::new(kind, self.inner.clock.now(), sha256(signature));
        let mut tx = self.inner.store.begin().await?;
        archive::add_late(&mut tx, earlier.id).await?;
        self.inner
            .log
            .enter(&mut tx, entry.note("number", number))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Decides on a message whose number was received before.
    pub(crate) async fn answer_again(
        &self,
        repetition: Repetition<'_>,
    ) -> Result<Result<Again, Stale>, Fault> {
        const USED: Stale = Stale::new(
            Leaf::InvalidRequest,
            "this message number was received before",
        );
        let Some(earlier) = self.find_question(&repetition.question).await? else {
            return Ok(Err(USED));
        };
        let parts = repetition.parts;
        let kept = self.kept_message(&earlier, Half::Request).await?;
        if !kept.is_some_and(|kept| covers(&kept, &parts.rest, parts.body.as_ref())) {
            return Ok(Err(USED));
        }
        let question = &repetition.question;
        if repetition.in_work
            && !self
                .inner
                .in_work
                .answered(
                    &question.client,
                    &question.number,
                    self.inner.settings.timeout(),
                )
                .await
        {
            let why = "the question is being answered";
            return Ok(Err(Stale::of_service(Leaf::NetworkError, why)));
        }
        // What it was while the first one was in work is not what it is now.
        let Some(earlier) = self.find_question(question).await? else {
            return Ok(Err(USED));
        };
        match earlier.outcome.as_str() {
            "answered" => self.kept_answer(&earlier).await,
            "refused" => match earlier.code.as_deref().and_then(Code::parse) {
                Some(code) if NOT_REACHED.contains(&code.leaf) => {
                    self.take_up(&earlier, repetition).await.map(Ok)
                }
                Some(code) if TROUBLE.contains(&code.leaf) => {
                    self.after_trouble(&earlier, repetition).await
                }
                Some(code) => Ok(Err(Stale {
                    code,
                    message: "this message was refused before",
                })),
                None => Ok(Err(USED)),
            },
            _ => self.after_trouble(&earlier, repetition).await,
        }
    }

    /// The first one may have had its effect.
    async fn after_trouble(
        &self,
        earlier: &QuestionRow,
        repetition: Repetition<'_>,
    ) -> Result<Result<Again, Stale>, Fault> {
        if self.may_call_again(&repetition) {
            return self.take_up(earlier, repetition).await.map(Ok);
        }
        let why = "this message arrived before, and what came of it is not known";
        Ok(Err(Stale::of_service(Leaf::InternalError, why)))
    }

    async fn take_up(
        &self,
        earlier: &QuestionRow,
        repetition: Repetition<'_>,
    ) -> Result<Again, Fault> {
        self.note_again(
            "exchange.called-again",
            earlier,
            &repetition.parts.signature,
        )
        .await?;
        let question = NewQuestion {
            id: earlier.id,
            ..repetition.question
        };
        Ok(Again::Call(Box::new(
            self.inner.journal.reopen(question, repetition.parts),
        )))
    }

    fn may_call_again(&self, repetition: &Repetition<'_>) -> bool {
        let service = repetition.service;
        let named = format!("{}/{}", service.subsystem.code, service.code);
        repetition.is_harmless
            || HARMLESS.contains(&repetition.method)
            || self.inner.settings.deliver.call_again.contains(&named)
    }

    /// The answer that was given, with a signature of today: the statuses within the old one may have grown too old.
    async fn kept_answer(&self, earlier: &QuestionRow) -> Result<Result<Again, Stale>, Fault> {
        let inner = &self.inner;
        let kept = self.kept_message(earlier, Half::Response).await?;
        let Some(kept) = kept.filter(|kept| whole_response(kept).is_some()) else {
            let why = "this message was answered before, and the answer is not kept";
            return Ok(Err(Stale::of_service(Leaf::InternalError, why)));
        };
        let cannot = |cause: &dyn std::fmt::Display| {
            tracing::error!(%cause, "an answer could not be signed again");
            Stale::new(Leaf::CannotCreateSignature, "this node can't sign now")
        };
        let own = match inner.statuses.own(&inner.keys).await {
            Ok(own) => own,
            Err(cause) => return Ok(Err(cannot(&cause))),
        };
        let now = inner.clock.now();
        let unsealed = Unsealed::new(kept.rest.into_bytes(), kept.body, now, own);
        Ok(match unsealed.seal(&inner.keys.sign) {
            Ok(envelope) => {
                self.note_again("exchange.answered-again", earlier, &envelope.signature)
                    .await?;
                Ok(Again::Answer(envelope))
            }
            Err(error) => Err(cannot(&error)),
        })
    }
}
