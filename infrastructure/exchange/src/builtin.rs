//! The services that every node has by itself: they speak of agreements, of failures and of figures, never of persons.
//!
//! Run by `answer` after the message's signature was verified and the message journalled, like any other. They need no
//! agreement, so that one can be talked about before there is one; registered members alone reach them, and each member
//! gets a bucket of questions. It refuses every verb but POST and every path that a service does not have.

use kernel::{Fault, Moment, Party, ServiceId};

use crate::Exchange;
use crate::agreements::arrive::{Arrival, Told};
use crate::agreements::{self, Act};
use crate::ask::{Behalf, Outgoing};
use crate::deliver;
use crate::domain::message::{Header, RequestPart, ResponsePart};
use crate::domain::multipart::Envelope;
use crate::seal::Verified;
use crate::{reports, settle, why};

/// Questions to built-in services that a member may send at once: a batch of agreements after a long outage.
pub(crate) const BURST: u32 = 60;
/// Questions per second that a member may send in the long run.
pub(crate) const PER_SECOND: u32 = 2;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// Agreements: proposed, accepted, refused, ended.
    Agreements,
    /// How questions of the asking member ended here.
    Settlement,
    /// Why messages of the asking member failed.
    Why,
    /// Daily figures of members, at the authority.
    Reports,
    /// Events: subscribed to, and brought.
    Events,
}

/// A verified question to a built-in service.
pub(crate) struct Asked<'a> {
    pub client: &'a Party,
    pub service: &'a ServiceId,
    pub request: &'a RequestPart,
    /// Normalised path below the service.
    pub path: String,
    pub number: &'a str,
    pub verified: &'a Verified<Envelope>,
    pub at: Moment,
}

/// Codes of built-in services; no body may offer a service of its own under one of them.
pub const RESERVED: [&str; 5] = [
    agreements::SERVICE,
    settle::SERVICE,
    why::SERVICE,
    reports::SERVICE,
    deliver::SERVICE,
];

impl Builtin {
    /// The built-in service of this code.
    pub(crate) fn of(code: &str) -> Option<Self> {
        match code {
            agreements::SERVICE => Some(Self::Agreements),
            settle::SERVICE => Some(Self::Settlement),
            why::SERVICE => Some(Self::Why),
            reports::SERVICE => Some(Self::Reports),
            deliver::SERVICE => Some(Self::Events),
            _ => None,
        }
    }
}

impl Exchange {
    /// Answers a question to a built-in service.
    pub(crate) async fn answer_builtin(
        &self,
        builtin: Builtin,
        asked: &Asked<'_>,
    ) -> Result<(ResponsePart, Option<Vec<u8>>), Fault> {
        let signer = asked.verified.signer();
        // A batch of events is worth hundreds of questions, and only whoever we subscribed to may bring one.
        let is_batch = builtin == Builtin::Events && asked.path.starts_with("/batches/");
        if !is_batch
            && !self
                .inner
                .builtin_buckets
                .take(&signer.to_string(), asked.at)
        {
            return json(429, &Told::no(429, "too-many"));
        }
        if asked.request.method != "POST" {
            return json(405, &Told::no(405, "verb"));
        }
        match builtin {
            Builtin::Agreements => self.answer_agreements(asked).await,
            Builtin::Why => self.answer_why(asked).await,
            Builtin::Reports => self.answer_reports(asked).await,
            Builtin::Settlement => self.answer_settlement(asked).await,
            Builtin::Events => {
                let (status, told) = self.answer_events(asked).await?;
                json(status, &told)
            }
        }
    }

    async fn answer_agreements(
        &self,
        asked: &Asked<'_>,
    ) -> Result<(ResponsePart, Option<Vec<u8>>), Fault> {
        let act = asked.path.strip_prefix('/').and_then(Act::of);
        let Some(act) = act else {
            return json(404, &Told::no(404, "path"));
        };
        let arrival = Arrival {
            act,
            signer: asked.verified.signer(),
            client: asked.client,
            provider: &asked.service.subsystem,
            message: asked.number,
            envelope: asked.verified.get(),
            at: asked.at,
        };
        let told = self.agreement_arrived(&arrival).await?;
        json(told.status, &told)
    }
}

/// A JSON answer.
pub(crate) fn json<T: serde::Serialize>(
    status: u16,
    value: &T,
) -> Result<(ResponsePart, Option<Vec<u8>>), Fault> {
    let body = serde_json::to_vec(value).map_err(Fault::internal)?;
    let headers: Vec<Header> = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    let response = ResponsePart {
        status,
        reason: String::new(),
        headers,
    };
    Ok((response, Some(body)))
}

impl Outgoing {
    /// A question to a built-in service of another node.
    pub(crate) fn built_in(
        client: impl Into<Party>,
        service: ServiceId,
        below: &str,
        body: Vec<u8>,
        behalf: Behalf,
    ) -> Self {
        let json = "application/json".to_owned();
        Self {
            client: client.into(),
            service,
            server: None,
            method: "POST".to_owned(),
            below: below.to_owned(),
            headers: vec![
                ("Accept".to_owned(), json.clone()),
                ("Content-Type".to_owned(), json),
            ],
            body: Some(body.into()),
            number: None,
            subject: None,
            fields: Vec::new(),
            purpose: None,
            case: None,
            behalf,
        }
    }
}
