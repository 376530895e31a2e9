//! Keeping what `answer` decides: the question and its answer in the journal, signed, one after the other or in one go.
//!
//! Read by `answer` alone. It promises that no answer leaves before both halves are on disk.

use kernel::{Id, Moment};

use super::{Claimed, Refusal};
use crate::Exchange;
use crate::allowed::Allowed;
use crate::body::Body;
use crate::domain::codes::Leaf;
use crate::domain::message::{self, ResponsePart};
use crate::domain::multipart::Envelope;
use crate::journal::{Failure, NewQuestion, NotKept, Opened};
use crate::seal::{Unsealed, Verified};
use crate::sql::Side;

/// Whether a question was received for the first time.
pub(super) enum Kept {
    /// With its answer.
    Answered(Envelope),
    New(Opened),
    Before(NewQuestion),
}

impl Exchange {
    /// Journals the request; from here on its number is used.
    pub(super) async fn journal_question(
        &self,
        claimed: &Claimed,
        allowed: &Allowed,
        verified: &Verified<Envelope>,
        now: Moment,
    ) -> Result<Kept, Refusal> {
        let question = self.new_question(claimed, allowed, now);
        let parts = verified.get();
        let authorised = allowed.authorised.as_ref();
        let kept = self.inner.journal.open(question.clone(), parts, authorised);
        match kept.await {
            Ok(opened) => {
                self.inner.guard.accepted(now);
                Ok(Kept::New(opened))
            }
            Err(error) => self.kept_before(question, error).await,
        }
    }

    /// Journals the request with what was read for it, and signs the answer.
    pub(super) async fn journal_read(
        &self,
        claimed: &Claimed,
        allowed: &Allowed,
        verified: &Verified<Envelope>,
        now: Moment,
        read: Result<(ResponsePart, Option<Body>), Refusal>,
    ) -> Result<Kept, Refusal> {
        let inner = &self.inner;
        let question = self.new_question(claimed, allowed, now);
        let (parts, authorised) = (verified.get(), allowed.authorised.as_ref());
        let at = inner.clock.now();
        let answer = match read {
            Ok((response, body)) => self.unsealed(claimed, verified, at, response, body).await,
            Err(refusal) => Err(refusal),
        };
        let refusal = match answer {
            Ok(answer) => {
                let answered =
                    inner
                        .journal
                        .open_answered(question.clone(), parts, authorised, (at, answer));
                match answered.await {
                    Ok(envelope) => {
                        inner.guard.accepted(now);
                        inner.meters.answered();
                        return Ok(Kept::Answered(envelope));
                    }
                    Err(error @ NotKept::Unsigned(_)) => error.into(),
                    Err(error) => return self.kept_before(question, error).await,
                }
            }
            Err(refusal) => refusal,
        };
        let code = refusal.code.to_string();
        let failure = (at, refused(&code));
        let failed = inner
            .journal
            .open_failed(question.clone(), parts, authorised, failure);
        match failed.await {
            Ok(()) => {
                inner.guard.accepted(now);
                Err(refusal)
            }
            Err(error) => self.kept_before(question, error).await,
        }
    }

    /// Why a question was not kept: because it was kept before, or because it can't be.
    async fn kept_before(&self, question: NewQuestion, error: NotKept) -> Result<Kept, Refusal> {
        match error {
            // An agreement that is used up must not hide that the question was answered before.
            NotKept::Duplicate => Ok(Kept::Before(question)),
            NotKept::OverLimit if self.find_question(&question).await?.is_some() => {
                Ok(Kept::Before(question))
            }
            error => Err(error.into()),
        }
    }

    fn new_question(&self, claimed: &Claimed, allowed: &Allowed, now: Moment) -> NewQuestion {
        let inner = &self.inner;
        let header = |name: &str| claimed.request.header(name).map(str::to_owned);
        NewQuestion {
            id: Id::new(&*inner.clock, &*inner.chance),
            side: Side::Provider,
            number: claimed.number.clone(),
            client: claimed.client.to_string(),
            service: claimed.service.to_string(),
            purpose: header(message::PURPOSE),
            case: header(message::ISSUE),
            agreement: allowed
                .authorised
                .as_ref()
                .map(|authorised| authorised.agreement().to_owned()),
            subject: allowed
                .question
                .as_ref()
                .map(|question| question.subject.clone()),
            fields: allowed
                .question
                .as_ref()
                .map(|question| question.fields.clone())
                .unwrap_or_default(),
            trace: header(message::TRACE),
            at: now,
        }
    }

    /// Signs and journals the answer.
    pub(super) async fn seal_answer(
        &self,
        claimed: &Claimed,
        verified: &Verified<Envelope>,
        opened: &Opened,
        response: ResponsePart,
        body: Option<Body>,
    ) -> Result<Envelope, Refusal> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let unsealed = self
            .unsealed(claimed, verified, now, response, body)
            .await?;
        let envelope = inner.journal.seal_and_close(opened, now, unsealed).await?;
        inner.meters.answered();
        Ok(envelope)
    }

    /// The answer, ready to be signed.
    async fn unsealed(
        &self,
        claimed: &Claimed,
        verified: &Verified<Envelope>,
        now: Moment,
        mut response: ResponsePart,
        body: Option<Body>,
    ) -> Result<Unsealed, Refusal> {
        let inner = &self.inner;
        let received = verified.get();
        let echo = message::echo(&claimed.request, &received.rest, received.body.as_ref())?;
        response.headers.extend(echo);
        let cannot = |cause: &dyn std::fmt::Display| {
            tracing::error!(%cause, "an answer could not be signed");
            Refusal::new(Leaf::CannotCreateSignature, "this node can't sign now")
        };
        let own = inner
            .statuses
            .own(&inner.keys)
            .await
            .map_err(|error| cannot(&error))?;
        let part = response.bytes();
        message::fits(&part, &response.headers)
            .map_err(|why| Refusal::of_service(Leaf::HttpError, why))?;
        Ok(Unsealed::new(part, body, now, own))
    }

    pub(super) async fn journal_refusal(
        &self,
        opened: &Opened,
        refusal: &Refusal,
    ) -> Result<(), Refusal> {
        let inner = &self.inner;
        let (now, code) = (inner.clock.now(), refusal.code.to_string());
        Ok(inner.journal.fail(opened, now, refused(&code)).await?)
    }
}

/// The end of a question that was refused; what was read for it is not told.
const fn refused(code: &str) -> Failure<'_> {
    Failure {
        outcome: "refused",
        code,
        evidence: &[],
    }
}
