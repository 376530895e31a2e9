//! Answering another body: the mirror of `ask`, in the order of X-Road's own work (PR-MESSTRANSP; facts section 5.5).
//!
//! Parse, provider known, peer's certificate, agreement or access right, service on, signature, journal, call, sign,
//! journal; what only reads is called before it is journalled (decision 0013). It promises that nothing unverified
//! reaches a register or a back end, that a message number is answered once only, and that both halves are on disk
//! before the answer leaves.

mod keep;

use std::pin::pin;
use std::time::Duration;

use kernel::{Fault, Moment, Party, ServiceId};
use trust::Certificate;

use self::keep::Kept;
use crate::Exchange;
use crate::allowed::{Allowed, Behind};
use crate::body::{self, Body};
use crate::builtin::Asked;
use crate::domain::agreement::{Authorised, NotCovered};
use crate::domain::codes::{Code, Leaf, Report};
use crate::domain::message::{self, BadPart, Header, RequestPart, ResponsePart};
use crate::domain::multipart::{BadEnvelope, Envelope};
use crate::domain::path::{BadPath, NormalPath};
use crate::forward::forward;
use crate::journal::NotKept;
use crate::operations::Operation;
use crate::questions;
use crate::refusals::Attempt;
use crate::repeat::{Again, Repetition, Stale};
use crate::seal::{self, Verified};
use crate::source::{self, FactAnswer, FactQuestion, FactSource, SourceError};
use crate::status::Purpose;
use crate::why::Noticed;
use crate::wire::{Arrived, BadArrival, Departing, new_boundary};

/// How long a question that only reads may take and still be journalled in one go with its answer. A longer one is
/// journalled first, so that it can be seen.
const AT_ONCE: Duration = Duration::from_millis(50);

/// A refusal, as the asking node is told it.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: Code,
    message: String,
    /// Who was refused, once the message could be read.
    attempt: Option<Box<Attempt>>,
}

impl Refusal {
    pub(crate) fn new(leaf: Leaf, message: impl std::fmt::Display) -> Self {
        Self {
            code: Code::answering(leaf),
            message: message.to_string(),
            attempt: None,
        }
    }

    fn of_service(leaf: Leaf, message: impl std::fmt::Display) -> Self {
        Self {
            code: Code::answering(leaf).of_service(),
            message: message.to_string(),
            attempt: None,
        }
    }
}

impl Refusal {
    /// The same refusal with who was refused.
    fn of(self, claimed: &Claimed, peer: &Certificate) -> Self {
        let attempt = Attempt {
            side: "provider",
            peer: Some(peer.sha256_hex()),
            client: Some(claimed.client.to_string()),
            service: Some(claimed.service.to_string()),
            number: Some(claimed.number.clone()),
        };
        Self {
            attempt: Some(Box::new(attempt)),
            ..self
        }
    }

    /// What the asker may know of a register's trouble: its kind. The rest is for the log.
    fn of_source(service: &ServiceId, error: SourceError) -> Self {
        tracing::warn!(%service, %error, "a register did not answer");
        match error {
            SourceError::NoField(_) => Self::new(Leaf::InvalidRequest, error),
            SourceError::Away(_) => Self::of_service(
                Leaf::NetworkError,
                "the service's own register does not answer",
            ),
            SourceError::Entry(_) => Self::of_service(
                Leaf::InvalidBody,
                "the service's own register has an entry that can't be stated",
            ),
        }
    }
}

impl From<BadPart> for Refusal {
    fn from(error: BadPart) -> Self {
        let leaf = match error {
            BadPart::Missing(_) => Leaf::MissingHeaderField,
            BadPart::Twice(_) => Leaf::DuplicateHeaderField,
            BadPart::TooLarge(_) | BadPart::Malformed(_) | BadPart::Forbidden(_) => {
                Leaf::InvalidMessage
            }
        };
        Self::new(leaf, error)
    }
}

impl From<BadArrival> for Refusal {
    fn from(error: BadArrival) -> Self {
        let leaf = match &error {
            BadArrival::Kind => Leaf::InvalidContentType,
            BadArrival::Stalled | BadArrival::NoRoom => Leaf::IoError,
            BadArrival::Envelope(BadEnvelope::Short) => Leaf::MissingSignature,
            BadArrival::Envelope(BadEnvelope::BodyTooLarge) => Leaf::InvalidBody,
            BadArrival::Envelope(_) => Leaf::InvalidMessage,
        };
        Self::new(leaf, error)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        tracing::error!(%fault, "a question could not be answered");
        if fault.key == store::FULL_KEY {
            return Self::new(Leaf::LoggingFailed, "this node can't keep messages now");
        }
        Self::new(Leaf::InternalError, "this node failed")
    }
}

impl From<store::StoreError> for Refusal {
    fn from(error: store::StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl Refusal {
    /// Code and text, for the records of monitoring.
    pub(crate) fn told(&self) -> (String, String) {
        (self.code.to_string(), self.message.clone())
    }
}

impl From<Stale> for Refusal {
    fn from(stale: Stale) -> Self {
        Self {
            code: stale.code,
            message: stale.message.to_owned(),
            attempt: None,
        }
    }
}

impl From<NotKept> for Refusal {
    fn from(error: NotKept) -> Self {
        match error {
            NotKept::Duplicate => Self::new(
                Leaf::InvalidRequest,
                "this message number was received before",
            ),
            NotKept::OverLimit => denied(NotCovered::Limit),
            NotKept::Unsigned(error) => {
                tracing::error!(%error, "an answer could not be signed");
                Self::new(Leaf::CannotCreateSignature, "this node can't sign now")
            }
            NotKept::Failed(fault) => {
                tracing::error!(%fault, "a message could not be journalled");
                Self::new(Leaf::LoggingFailed, "this node can't keep messages now")
            }
        }
    }
}

/// A request that was read, before its signature is known to hold.
pub(crate) struct Claimed {
    pub request: RequestPart,
    pub client: Party,
    pub service: ServiceId,
    /// A path that could be read in two ways is refused like one without a right.
    pub path: Result<NormalPath, BadPath>,
    pub query: Option<String>,
    pub number: String,
}

impl Claimed {
    /// The question, if this is `POST /facts`; anything else is only for services with a back end.
    pub(crate) fn facts_question(
        &self,
        source: &FactSource,
        body: Option<&Body>,
    ) -> Result<Option<FactQuestion>, Refusal> {
        let is_facts = self.request.method == "POST"
            && self
                .path
                .as_ref()
                .is_ok_and(|path| path.encoded() == "/facts");
        match (is_facts, source) {
            (true, _) => {
                let question = FactQuestion::parse(body.and_then(Body::in_memory));
                question
                    .map(Some)
                    .map_err(|error| Refusal::new(Leaf::InvalidBody, error))
            }
            (false, FactSource::Url { .. }) => Ok(None),
            (false, _) => Err(facts_only()),
        }
    }
}

impl Claimed {
    /// The question as the built-in services take it.
    fn asked<'a>(&'a self, verified: &'a Verified<Envelope>, at: Moment) -> Asked<'a> {
        Asked {
            client: &self.client,
            service: &self.service,
            request: &self.request,
            path: self
                .path
                .as_ref()
                .map(NormalPath::encoded)
                .unwrap_or_default(),
            number: &self.number,
            verified,
            at,
        }
    }
}

fn facts_only() -> Refusal {
    Refusal::new(
        Leaf::InvalidRequest,
        "this service answers POST /facts only",
    )
}

impl Exchange {
    /// Decides on one message from another node.
    pub(crate) async fn answer(&self, arrived: Arrived) -> Departing {
        self.inner.meters.received();
        match self.answer_or_refuse(arrived).await {
            Ok(envelope) => {
                let boundary = new_boundary(&*self.inner.chance);
                Departing::Message { boundary, envelope }
            }
            Err(refusal) => {
                self.inner.meters.refused();
                let report = Report {
                    code: refusal.code.text(self.inner.settings.spelling),
                    message: refusal.message,
                    detail: self.inner.chance.uuid(),
                };
                let (attempt, code) = (refusal.attempt.unwrap_or_default(), &report.code);
                let (reference, cause) = (&report.detail, &report.message);
                self.note_refusal(reference, Noticed::There, *attempt, code, cause)
                    .await;
                tracing::warn!(code = %report.code, reference = %report.detail, cause = %report.message, "refused");
                Departing::Fault(report.soap())
            }
        }
    }

    async fn answer_or_refuse(&self, arrived: Arrived) -> Result<Envelope, Refusal> {
        let Arrived {
            peer,
            request_id,
            message,
        } = arrived;
        let envelope = message?;
        let now = self.inner.clock.now();
        let claimed = read(&envelope, &request_id)?;
        let mut operation = Operation::received(&claimed, &envelope, now);
        let result = self.decide(&claimed, &peer, envelope, now).await;
        operation.received_ended(self.inner.clock.now(), &result);
        self.operated(operation);
        result.map_err(|refusal| refusal.of(&claimed, &peer))
    }

    /// The way of a message that could be read.
    async fn decide(
        &self,
        claimed: &Claimed,
        peer: &Certificate,
        envelope: Envelope,
        now: Moment,
    ) -> Result<Envelope, Refusal> {
        self.check_peer(claimed, peer, &envelope.ocsp, now)?;
        let allowed = self
            .check_allowed(claimed, envelope.body.as_ref(), now)
            .await?;
        let view = self.inner.held.current(now).ok_or_else(outdated)?;
        let scope = self.inner.scope(&view, now);
        let verified = seal::verify(envelope, claimed.client.member(), &scope)
            .map_err(|error| Refusal::new(error.leaf(), error))?;
        let client = claimed.client.to_string();
        let answering = self.inner.in_work.answering(&client, &claimed.number);
        let mut call = pin!(self.call(claimed, &allowed, &verified, now));
        let read = match allowed.only_reads(&claimed.request.method) {
            true => tokio::time::timeout(AT_ONCE, call.as_mut()).await.ok(),
            false => None,
        };
        let kept = match read {
            Some(read) => {
                self.journal_read(claimed, &allowed, &verified, now, read)
                    .await?
            }
            None => {
                self.journal_question(claimed, &allowed, &verified, now)
                    .await?
            }
        };
        let (opened, called) = match kept {
            Kept::Answered(envelope) => return Ok(envelope),
            Kept::New(opened) => (opened, call.await),
            Kept::Before(question) => {
                let repetition = Repetition {
                    question,
                    service: &claimed.service,
                    parts: verified.get(),
                    method: &claimed.request.method,
                    is_harmless: allowed.is_harmless(),
                    in_work: answering.is_none(),
                };
                match self.answer_again(repetition).await?? {
                    Again::Answer(envelope) => return Ok(envelope),
                    Again::Call(opened) => {
                        let called = self.call(claimed, &allowed, &verified, now);
                        (*opened, called.await)
                    }
                }
            }
        };
        match called {
            Ok((response, body)) => {
                self.seal_answer(claimed, &verified, &opened, response, body)
                    .await
            }
            Err(refusal) => {
                self.journal_refusal(&opened, &refusal).await?;
                Err(refusal)
            }
        }
    }

    /// The provider is ours, the client is registered, and the node at the other end may speak for it.
    fn check_peer(
        &self,
        claimed: &Claimed,
        peer: &Certificate,
        ocsp: &[Vec<u8>],
        now: Moment,
    ) -> Result<(), Refusal> {
        let view = self.inner.held.current(now).ok_or_else(outdated)?;
        if self.inner.stamps_are_late(now) {
            return Err(Refusal::new(
                Leaf::TimestampingFailed,
                "messages have no time stamps here",
            ));
        }
        self.inner
            .can_keep(now)
            .map_err(|unfit| Refusal::new(Leaf::LoggingFailed, unfit))?;
        let provider = &claimed.service.subsystem;
        if provider.member != self.inner.settings.member || !view.knows(provider) {
            return Err(Refusal::new(
                Leaf::UnknownService,
                "this node does not serve that subsystem",
            ));
        }
        if !view.knows_client(&claimed.client) {
            return Err(Refusal::new(
                Leaf::UnknownMember,
                "the client is not registered",
            ));
        }
        if !view.speaks_for(peer, &claimed.client) {
            let why = "the node at the other end is not a server of the client";
            return Err(Refusal::new(Leaf::SslAuthenticationFailed, why));
        }
        self.inner
            .scope(&view, now)
            .check(Purpose::Authentication, peer, &[], ocsp)
            .map(drop)
            .map_err(|error| Refusal::new(Leaf::SslAuthenticationFailed, error))
    }

    /// Asks the register or the back end; only verified messages come here.
    async fn call(
        &self,
        claimed: &Claimed,
        allowed: &Allowed,
        verified: &Verified<Envelope>,
        now: Moment,
    ) -> Result<(ResponsePart, Option<Body>), Refusal> {
        let inner = &self.inner;
        let fields = allowed
            .authorised
            .as_ref()
            .map_or(&[][..], Authorised::fields);
        let (source, seconds) = match &allowed.behind {
            Behind::Source(service) => (&service.source, service.row.timeout_seconds),
            Behind::Metadata(wanted) => return self.tell_metadata(claimed, wanted, now).await,
            Behind::Builtin(builtin) => {
                let asked = claimed.asked(verified, now);
                let (response, body) = self.answer_builtin(*builtin, &asked).await?;
                return Ok((response, body.map(Body::from)));
            }
        };
        match (source, &allowed.question) {
            (FactSource::Table { register, derived }, Some(question)) => {
                let today = now
                    .plus_seconds(inner.settings.utc_offset_minutes * 60)
                    .iso();
                let mut tx = inner.store.read().await?;
                let subject = &question.subject;
                let answer =
                    source::from_table(&mut tx, register, derived, subject, fields, &today[..10])
                        .await?;
                Ok(json(&answer)?)
            }
            (FactSource::Described, Some(question)) => {
                let registry = self.registry(&claimed.service).ok_or_else(|| {
                    Refusal::new(Leaf::UnknownService, "this service is described no more")
                })?;
                let day = self.day();
                let answer = registry.answer(&question.subject, fields, &day);
                let answer = answer
                    .await
                    .map_err(|error| Refusal::of_source(&claimed.service, error))?;
                Ok(json(&answer)?)
            }
            (FactSource::Accesses, Some(question)) => {
                let list =
                    questions::about(&inner.store, &inner.log, &question.subject, None).await?;
                Ok(json(&list)?)
            }
            (FactSource::Url { url, .. }, question) => {
                let body = verified.get().body.as_ref();
                let patience = inner.settings.service_time(seconds);
                let (response, body) = forward(self, url, claimed, body, patience).await?;
                match (question, response.status) {
                    (Some(_), 200) => Ok(json(&minimised(body.as_ref(), fields)?)?),
                    // What a system says when it fails may hold more than was agreed.
                    (Some(_), _) => Err(Refusal::of_service(
                        Leaf::HttpError,
                        "the service's own system did not answer with facts",
                    )),
                    (None, _) => Ok((response, body)),
                }
            }
            (FactSource::Table { .. } | FactSource::Described | FactSource::Accesses, None) => {
                Err(facts_only())
            }
        }
    }
}

fn outdated() -> Refusal {
    Refusal::new(
        Leaf::GlobalConfOutdated,
        "this node has no current directory",
    )
}

fn denied(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(Leaf::AccessDenied, why)
}

/// Reads the request part and what it claims.
fn read(envelope: &Envelope, request_id: &str) -> Result<Claimed, Refusal> {
    let request = RequestPart::parse(&envelope.rest)?;
    let (service, path, query) = request.address()?;
    let path = NormalPath::parse(path);
    let query = query.map(str::to_owned);
    let client = request.client()?;
    let number = message::last(&request.headers, message::ID)?.to_owned();
    if number.is_empty() || number.len() > NUMBER_BYTES_MAX {
        return Err(Refusal::new(
            Leaf::InvalidMessage,
            "the message number is empty or too long",
        ));
    }
    if message::only(&request.headers, message::REQUEST_ID)? != request_id {
        return Err(Refusal::new(
            Leaf::InconsistentHeaders,
            "x-road-request-id differs from the transport's",
        ));
    }
    Ok(Claimed {
        client,
        service,
        path,
        query,
        number,
        request,
    })
}

/// Longest message number; X-Road's are about 40 characters.
const NUMBER_BYTES_MAX: usize = 255;

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<(ResponsePart, Option<Body>), Fault> {
    let body = serde_json::to_vec(value).map_err(Fault::internal)?;
    let headers: Vec<Header> = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Ok((
        ResponsePart {
            status: 200,
            reason: "OK".to_owned(),
            headers,
        },
        Some(body.into()),
    ))
}

fn minimised(body: Option<&Body>, fields: &[String]) -> Result<FactAnswer, Refusal> {
    let answer = serde_json::from_slice::<FactAnswer>(body::small(body)).ok();
    let answer = answer.ok_or_else(|| {
        Refusal::of_service(
            Leaf::InvalidBody,
            "the service's own system did not answer with facts",
        )
    })?;
    Ok(source::minimise(answer, fields))
}
