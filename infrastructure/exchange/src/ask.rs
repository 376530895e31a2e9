//! Asking another body: agreement, signature, journal, wire, and the answer verified before anybody sees it.
//!
//! Read by `workflow` and the portal through [`Exchange::ask`], and by the body's own systems through `systems`. It
//! promises that what it gives out is [`Verified`] and journalled on disk, and that every failure has one of five
//! names. Nothing is held in a transaction across the network.

use std::sync::Arc;

use kernel::fact::value::Value;
use kernel::{Fact, Fault, FaultKind, Id, Party, ServerId, ServiceId, SubsystemId};

use crate::Exchange;
use crate::body::{self, Body};
use crate::domain::agreement::{Authorised, NotCovered, Question};
use crate::domain::codes::{Code, Leaf};
use crate::domain::message::{self, Header, RequestPart, ResponsePart};
use crate::domain::multipart::Envelope;
use crate::journal::{Failure, NewQuestion, NotKept, Opened};
use crate::questions::Question as Asked;
use crate::refusals::Attempt;
use crate::route::NoReply;
use crate::seal::{self, Unsealed, Verified};
use crate::source::{FactAnswer, FactQuestion};
use crate::sql::Side;
use crate::why::Noticed;
use crate::wire::{Call, Reply, new_boundary, time_for};

/// A question about facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The asking subsystem of this body.
    pub client: SubsystemId,
    /// The service asked.
    pub service: ServiceId,
    /// National number of the person or firm.
    pub about: String,
    /// The fields wanted.
    pub fields: Vec<String>,
    /// For which purpose, as the agreement names it.
    pub purpose: String,
    /// For which case.
    pub case: Option<String>,
}

/// On whose behalf a question is asked, and the trace it belongs to.
#[derive(Clone, Debug, Default)]
pub struct Behalf {
    /// Account of the official; not a national number.
    pub user: Option<String>,
    /// `traceparent` of the request that led here.
    pub trace: Option<String>,
}

/// What a registry states.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The facts, in the order of the question. A fact that is not on record has the value `None`.
    pub facts: Vec<Fact>,
    /// Whether the registry knows the person or firm at all.
    pub found: bool,
    /// The message number: whoever has it finds the signed container and the log entry.
    pub evidence: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The registry can't be reached now; asking later may help.
    #[error("the registry can't be reached: {cause}")]
    Unreachable {
        /// For the log.
        cause: String,
    },
    /// The registry, or our own node, refused.
    #[error("refused with {code}: {message}")]
    Refused {
        /// The code.
        code: String,
        /// What the peer says; for officials and the log.
        message: String,
    },
    /// What came back was not signed by the registry, or was changed.
    #[error("the answer's signature does not hold: {cause}")]
    BadSignature {
        /// For officials and the log.
        cause: String,
    },
    /// No agreement between the two bodies covers the question.
    #[error("no agreement covers the question: {cause}")]
    NoAgreement {
        /// Which part is not covered.
        cause: String,
    },
    /// The line broke while the question was on its way; the registry may have received it.
    #[error("the line to the registry broke: {cause}")]
    Broken {
        /// For the log.
        cause: String,
    },
    /// The registry took too long; it may have received the question.
    #[error("the registry took too long")]
    Timeout,
    /// Our own fault.
    #[error(transparent)]
    Own(#[from] Fault),
}

impl AskError {
    /// The word for it in the journal.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Own(_) => "unreachable",
            Self::Refused { .. } | Self::NoAgreement { .. } => "refused",
            Self::BadSignature { .. } => "bad-signature",
            Self::Timeout => "timeout",
        }
    }

    /// Whether asking again later may help.
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Broken { .. } | Self::Timeout | Self::Own(_)
        )
    }

    /// The code in X-Road's terms.
    pub fn code(&self) -> String {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } => {
                Code::asking(Leaf::NetworkError).to_string()
            }
            Self::Refused { code, .. } => code.clone(),
            Self::BadSignature { .. } => Code::asking(Leaf::InvalidSignatureValue)
                .of_service()
                .to_string(),
            Self::NoAgreement { .. } => Code::asking(Leaf::AccessDenied).to_string(),
            Self::Timeout => Code::asking(Leaf::IoError).of_service().to_string(),
            Self::Own(fault) if fault.key == store::FULL_KEY => {
                Code::asking(Leaf::LoggingFailed).to_string()
            }
            Self::Own(_) => Code::asking(Leaf::InternalError).to_string(),
        }
    }
}

impl From<AskError> for Fault {
    fn from(error: AskError) -> Self {
        let detail = error.to_string();
        let (kind, key) = match error {
            AskError::Unreachable { .. } | AskError::Broken { .. } => {
                (FaultKind::Unavailable, "fault-exchange-unreachable")
            }
            AskError::Refused { .. } => (FaultKind::Upstream, "fault-exchange-refused"),
            AskError::BadSignature { .. } => (FaultKind::Upstream, "fault-exchange-bad-signature"),
            AskError::NoAgreement { .. } => (FaultKind::Denied, "fault-exchange-no-agreement"),
            AskError::Timeout => (FaultKind::Upstream, "fault-exchange-timeout"),
            AskError::Own(fault) => return fault,
        };
        Fault::new(kind, key).detail(detail)
    }
}

/// A request on its way out, whoever makes it.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub client: Party,
    pub service: ServiceId,
    /// The one server of the provider that is wanted, if the asker says so.
    pub server: Option<ServerId>,
    pub method: String,
    /// Raw path below the service with query; empty or beginning with `/` or `?`.
    pub below: String,
    /// Headers of the asker, without those that the node makes.
    pub headers: Vec<Header>,
    pub body: Option<Body>,
    pub number: Option<String>,
    pub subject: Option<String>,
    pub fields: Vec<String>,
    pub purpose: Option<String>,
    pub case: Option<String>,
    pub behalf: Behalf,
}

/// A response whose signature was verified.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub number: String,
    pub response: ResponsePart,
    pub body: Option<Body>,
}

/// A request that is signed and journalled.
pub(crate) struct Sealed {
    pub opened: Opened,
    pub request: RequestPart,
    pub request_id: String,
    pub envelope: Arc<Envelope>,
}

impl Exchange {
    /// Asks a registry about somebody.
    ///
    /// # Errors
    /// [`AskError`] tells 'not reachable', 'refused', 'badly signed', 'no agreement' and 'too slow' apart.
    pub async fn ask(&self, ask: Ask) -> Result<Verified<Answer>, AskError> {
        self.ask_for(ask, Behalf::default()).await
    }

    /// Asks a registry on somebody's behalf, within a trace.
    ///
    /// # Errors
    /// As [`Exchange::ask`].
    pub async fn ask_for(&self, ask: Ask, behalf: Behalf) -> Result<Verified<Answer>, AskError> {
        let service = ask.service.clone();
        let wanted = ask.fields.clone();
        let outgoing = Outgoing::facts(ask, behalf);
        let answered = self.send(outgoing).await?;
        let signed_at = answered.signed_at();
        let read = read_facts(answered.get())?;
        let evidence = answered.get().number.clone();
        let stated_by = service.member().clone();
        let facts = wanted
            .into_iter()
            .map(|name| {
                let field = read.facts.iter().find(|field| field.name == name);
                Fact {
                    value: field.map_or(Value::None, |field| field.value.clone()),
                    valid_until: field.and_then(|field| field.valid_until),
                    name,
                    stated_by: stated_by.clone(),
                    stated_at: signed_at,
                    evidence: evidence.clone(),
                }
            })
            .collect();
        Ok(answered.map(|_| Answer {
            facts,
            found: read.found,
            evidence,
        }))
    }

    /// Asks the built-in service `accesses` of another body who asked it about somebody.
    ///
    /// # Errors
    /// As [`Exchange::ask`].
    pub async fn ask_accesses(
        &self,
        ask: Ask,
        behalf: Behalf,
    ) -> Result<Verified<Vec<Asked>>, AskError> {
        let outgoing = Outgoing::facts(
            Ask {
                fields: Vec::new(),
                ..ask
            },
            behalf,
        );
        let answered = self.send(outgoing).await?;
        check_status(answered.get())?;
        let body = body::small(answered.get().body.as_ref());
        let list = serde_json::from_slice(body).map_err(|_| unreadable())?;
        Ok(answered.map(|_| list))
    }

    /// The whole way of one request, whoever made it.
    pub(crate) async fn send(
        &self,
        mut outgoing: Outgoing,
    ) -> Result<Verified<Answered>, AskError> {
        self.inner.meters.asked();
        let (service, server) = (outgoing.service.clone(), outgoing.server.clone());
        let number = outgoing
            .number
            .get_or_insert_with(|| self.inner.new_number());
        let attempt = Attempt::ours(&outgoing.client, &service, number);
        let sealed = match self.seal_request(outgoing).await {
            Ok(sealed) => sealed,
            Err(error) => {
                self.note_failure(Noticed::Before, attempt, &error).await;
                return Err(error);
            }
        };
        match self.send_sealed(&service, server.as_ref(), sealed).await {
            Ok(answered) => Ok(answered),
            Err((error, _)) => {
                self.note_failure(Noticed::After, attempt, &error).await;
                Err(error)
            }
        }
    }

    /// Sends what is signed and journalled. With the error comes whether the message may have arrived.
    pub(crate) async fn send_sealed(
        &self,
        service: &ServiceId,
        server: Option<&ServerId>,
        sealed: Sealed,
    ) -> Result<Verified<Answered>, (AskError, bool)> {
        let mut operation = self.operation_asked(&sealed);
        let result = self.send_recorded(service, server, sealed).await;
        operation.asked_ended(self.inner.clock.now(), &result);
        self.operated(operation);
        result
    }

    async fn send_recorded(
        &self,
        service: &ServiceId,
        server: Option<&ServerId>,
        sealed: Sealed,
    ) -> Result<Verified<Answered>, (AskError, bool)> {
        let size = sealed.envelope.body.as_ref().map_or(0, Body::len) + self.inner.spool.max();
        let limit = self.inner.settings.timeout() + time_for(size);
        let result =
            match tokio::time::timeout(limit, self.exchange(service, server, &sealed)).await {
                Ok(result) => result,
                Err(_) => Err((AskError::Timeout, Vec::new())),
            };
        match result {
            Ok(answer) => {
                let kept = self.keep(sealed, answer).await;
                kept.map_err(|error| (error, true))
            }
            Err((error, evidence)) => {
                let left = !matches!(error, AskError::Unreachable { .. });
                let kept = self.keep_failure(&sealed.opened, &error, &evidence).await;
                kept.map_err(|error| (error, left))?;
                Err((error, left))
            }
        }
    }

    /// Builds, authorises, signs and journals a request.
    pub(crate) async fn seal_request(&self, outgoing: Outgoing) -> Result<Sealed, AskError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        self.check_ready(&outgoing)?;
        let id = Id::new(&*inner.clock, &*inner.chance);
        let number = outgoing.number.clone();
        let number = number.unwrap_or_else(|| inner.new_number());
        let authorised = self.find_agreement(&outgoing).await?;
        let agreement = authorised.as_ref().map(|one| one.agreement().to_owned());
        let request_id = inner.chance.uuid();
        let request = request_part(&outgoing, &number, &request_id, agreement.as_deref());
        let question = NewQuestion {
            id,
            side: Side::Client,
            number,
            client: outgoing.client.to_string(),
            service: outgoing.service.to_string(),
            purpose: outgoing.purpose,
            case: outgoing.case,
            agreement,
            subject: outgoing.subject,
            fields: outgoing.fields,
            trace: outgoing.behalf.trace,
            at: now,
        };
        let own = inner
            .statuses
            .own(&inner.keys)
            .await
            .map_err(|cause| AskError::Unreachable { cause })?;
        let auth = own.auth.clone();
        let part = request.bytes();
        message::fits(&part, &request.headers)
            .map_err(|why| refused(Code::asking(Leaf::InvalidRequest), &why.to_string()))?;
        let unsealed = Unsealed::new(part, outgoing.body, now, own);
        let sealed = inner
            .journal
            .seal_and_open(question, unsealed, authorised.as_ref());
        let (opened, mut envelope) = sealed.await?;
        inner.guard.accepted(now);
        envelope.ocsp = auth;
        Ok(Sealed {
            opened,
            request,
            request_id,
            envelope: Arc::new(envelope),
        })
    }

    /// What must hold before anything is sent.
    pub(crate) fn check_ready(&self, outgoing: &Outgoing) -> Result<(), AskError> {
        let inner = &self.inner;
        if inner.held.current(inner.clock.now()).is_none() {
            let code = Code::asking(Leaf::GlobalConfOutdated);
            return Err(refused(
                code,
                "the directory of the instance is missing or has expired",
            ));
        }
        if inner.stamps_are_late(inner.clock.now()) {
            let code = Code::asking(Leaf::TimestampingFailed);
            return Err(refused(
                code,
                "messages have been without time stamps for too long",
            ));
        }
        inner
            .can_keep(inner.clock.now())
            .map_err(|unfit| refused(Code::asking(Leaf::LoggingFailed), &unfit.to_string()))?;
        if *outgoing.client.member() != inner.settings.member {
            let code = Code::asking(Leaf::InvalidClientIdentifier);
            return Err(refused(code, "the client is not of this body"));
        }
        let body = outgoing.body.as_ref().map_or(0, Body::len);
        if body > inner.spool.max() {
            return Err(refused(
                Code::asking(Leaf::InvalidBody),
                "the body is over this node's limit",
            ));
        }
        Ok(())
    }

    /// The agreement that covers a question with a purpose; plain requests without one are the provider's decision.
    pub(crate) async fn find_agreement(
        &self,
        outgoing: &Outgoing,
    ) -> Result<Option<Authorised>, AskError> {
        let Some(purpose) = &outgoing.purpose else {
            return Ok(None);
        };
        let client = outgoing
            .client
            .subsystem()
            .ok_or_else(|| AskError::NoAgreement {
                cause: NotCovered::Member.to_string(),
            })?;
        let question = Question {
            client,
            service: &outgoing.service,
            purpose,
            fields: &outgoing.fields,
            at: self.inner.clock.now(),
        };
        let authorised = self.authorise(&question, None).await?;
        let authorised = authorised.map_err(|cause| AskError::NoAgreement {
            cause: cause.to_string(),
        })?;
        Ok(Some(authorised))
    }

    /// Sends the call to one of the provider's servers, and verifies what comes back.
    async fn exchange(
        &self,
        service: &ServiceId,
        wanted: Option<&ServerId>,
        sealed: &Sealed,
    ) -> Result<(Verified<Envelope>, ResponsePart), (AskError, Vec<u8>)> {
        let inner = &self.inner;
        let bare = |error| (error, Vec::new());
        let expired = || {
            bare(refused(
                Code::asking(Leaf::GlobalConfOutdated),
                "the directory has expired",
            ))
        };
        let view = inner.held.current(inner.clock.now()).ok_or_else(expired)?;
        let boundary = new_boundary(&*inner.chance);
        let call = Call {
            envelope: sealed.envelope.clone(),
            boundary,
            request_id: sealed.request_id.clone(),
            original_content_type: sealed
                .request
                .header("content-type")
                .unwrap_or("")
                .to_owned(),
            #[cfg(test)]
            raw: None,
        };
        match self.reach(&service.subsystem, wanted, &view, &call).await {
            Ok(Reply::Message { envelope }) => self.verify(service, sealed, *envelope),
            Ok(Reply::Fault(report)) => Err(bare(AskError::Refused {
                code: report.code,
                message: report.message,
            })),
            Err(NoReply::Nobody { code, message }) => Err(bare(refused(code, &message))),
            Err(NoReply::Wire(error)) => Err(bare(error.into())),
        }
    }

    /// Checks signature, signer and that the response answers this request.
    fn verify(
        &self,
        service: &ServiceId,
        sealed: &Sealed,
        envelope: Envelope,
    ) -> Result<(Verified<Envelope>, ResponsePart), (AskError, Vec<u8>)> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let evidence = envelope.signature.clone();
        let bad = |cause: String| (AskError::BadSignature { cause }, evidence.clone());
        let view = inner
            .held
            .current(now)
            .ok_or_else(|| bad("the directory has expired".to_owned()))?;
        let verified = seal::verify(envelope, service.member(), &inner.scope(&view, now))
            .map_err(|error| bad(error.to_string()))?;
        let envelope = verified.get();
        let response =
            ResponsePart::parse(&envelope.rest).map_err(|error| bad(error.to_string()))?;
        let body = sealed.envelope.body.as_ref();
        message::answers(&response, &sealed.request, &sealed.envelope.rest, body)
            .map_err(|header| bad(format!("the answer is to another question: {header}")))?;
        Ok((verified, response))
    }

    /// Journals a verified answer, then gives it out.
    async fn keep(
        &self,
        sealed: Sealed,
        (verified, response): (Verified<Envelope>, ResponsePart),
    ) -> Result<Verified<Answered>, AskError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let kept = inner.journal.close(&sealed.opened, now, verified.get());
        kept.await?;
        inner.meters.learned();
        let number = sealed.opened.question.number;
        Ok(verified.map(|envelope| Answered {
            number,
            response,
            body: envelope.body,
        }))
    }

    async fn keep_failure(
        &self,
        opened: &Opened,
        error: &AskError,
        evidence: &[u8],
    ) -> Result<(), AskError> {
        let inner = &self.inner;
        let number = &opened.question.number;
        tracing::warn!(%number, outcome = error.outcome(), %error, "a question failed");
        inner.meters.failed(error.outcome());
        let failure = Failure {
            outcome: error.outcome(),
            code: &error.code(),
            evidence,
        };
        Ok(inner
            .journal
            .fail(opened, inner.clock.now(), failure)
            .await?)
    }

    /// The first agreement of the store that covers a question, or why none does. `named` restricts it to one number.
    pub(crate) async fn authorise(
        &self,
        question: &Question<'_>,
        named: Option<&str>,
    ) -> Result<Result<Authorised, NotCovered>, Fault> {
        let Question {
            client,
            service,
            purpose,
            at,
            ..
        } = *question;
        let inner = &self.inner;
        let held = inner.lookups.agreements(client, service, purpose).await?;
        let mut last = Err(NotCovered::None);
        for agreement in held
            .iter()
            .filter(|held| named.is_none_or(|number| held.number == number))
        {
            let asked = match agreement.daily_limit {
                Some(_) => inner.journal.asked(&agreement.number, at).await?,
                None => 0,
            };
            last = agreement.authorise(question, u64::try_from(asked).unwrap_or(0));
            if last.is_ok() {
                break;
            }
        }
        Ok(last)
    }
}

impl Outgoing {
    pub(crate) fn facts(ask: Ask, behalf: Behalf) -> Self {
        let question = FactQuestion {
            subject: ask.about.clone(),
            fields: ask.fields.clone(),
        };
        let json = "application/json".to_owned();
        Self {
            client: ask.client.into(),
            service: ask.service,
            server: None,
            method: "POST".to_owned(),
            below: "/facts".to_owned(),
            headers: vec![
                ("Accept".to_owned(), json.clone()),
                ("Content-Type".to_owned(), json),
            ],
            body: Some(question.bytes().into()),
            number: None,
            subject: Some(ask.about),
            fields: ask.fields,
            purpose: Some(ask.purpose),
            case: ask.case,
            behalf,
        }
    }
}

/// The request part: the asker's headers, ours, then the attempt's number and the message number, as X-Road's peers
/// expect them.
pub(crate) fn request_part(
    outgoing: &Outgoing,
    number: &str,
    request_id: &str,
    agreement: Option<&str>,
) -> RequestPart {
    let mut headers = outgoing.headers.clone();
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), clean(value)));
    add("X-Road-Client", &outgoing.client.to_string());
    let optional = [
        ("X-Road-UserId", outgoing.behalf.user.as_deref()),
        ("X-Road-Issue", outgoing.case.as_deref()),
        ("Tambo-Purpose", outgoing.purpose.as_deref()),
        ("Tambo-Agreement", agreement),
        ("traceparent", outgoing.behalf.trace.as_deref()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            add(name, value);
        }
    }
    add(message::REQUEST_ID, request_id);
    add(message::ID, number);
    RequestPart {
        method: outgoing.method.clone(),
        target: format!("/r1/{}{}", outgoing.service, outgoing.below),
        headers,
    }
}

/// A header's value without control characters.
fn clean(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).collect()
}

pub(crate) fn refused(code: Code, message: &str) -> AskError {
    AskError::Refused {
        code: code.to_string(),
        message: message.to_owned(),
    }
}

fn unreadable() -> AskError {
    refused(
        Code::asking(Leaf::InvalidBody).of_service(),
        "the registry's answer can't be read",
    )
}

fn check_status(answered: &Answered) -> Result<(), AskError> {
    let status = answered.response.status;
    if status == 200 {
        return Ok(());
    }
    let message = format!("the registry's own system answered with status {status}");
    Err(AskError::Refused {
        code: Code::answering(Leaf::HttpError).of_service().to_string(),
        message,
    })
}

fn read_facts(answered: &Answered) -> Result<FactAnswer, AskError> {
    check_status(answered)?;
    let body = body::small(answered.body.as_ref());
    serde_json::from_slice(body).map_err(|_| unreadable())
}

impl From<NotKept> for AskError {
    fn from(error: NotKept) -> Self {
        match error {
            NotKept::Duplicate => refused(
                Code::asking(Leaf::InvalidRequest),
                "the message number was used before",
            ),
            NotKept::OverLimit => Self::NoAgreement {
                cause: NotCovered::Limit.to_string(),
            },
            NotKept::Unsigned(error) => Self::Own(Fault::internal(error)),
            NotKept::Failed(fault) => Self::Own(fault),
        }
    }
}
