//! Whether a request of another body may be answered: by what, and under which agreement or access right.
//!
//! Read by `answer` alone, after the peer's certificate was checked and before the signature is. The order is X-Road's
//! own: service known, its type, right or agreement, service switched on. The metadata services need no right; their
//! answers tell only what rights allow to be told.

use std::sync::Arc;

use kernel::{Moment, Party};

use crate::Exchange;
use crate::answer::{Claimed, Refusal};
use crate::body::Body;
use crate::builtin::Builtin;
use crate::directory::View;
use crate::domain::agreement::{Authorised, NotCovered, Question};
use crate::domain::codes::Leaf;
use crate::domain::message;
use crate::domain::path::NormalPath;
use crate::domain::rights::{self, AccessRight, Subject};
use crate::lookups::{Rights, Service};
use crate::metadata::Metadata;
use crate::source::{FactQuestion, FactSource};
use crate::sql::services::ServiceRow;

/// Verbs that only read.
const SAFE: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// What may be done with a request, decided from agreements and rights.
pub(crate) struct Allowed {
    /// What answers.
    pub behind: Behind,
    /// Present for questions with a purpose; plain requests may rest on an access right alone.
    pub authorised: Option<Authorised>,
    /// Present for `POST /facts`.
    pub question: Option<FactQuestion>,
}

impl Allowed {
    /// Whether the same question again only reads, or is recognised by what answers it.
    pub(crate) fn is_harmless(&self) -> bool {
        self.question.is_some() || !matches!(self.behind, Behind::Source(..))
    }

    /// Whether to call what answers changes nothing there (RFC 9110 section 9.2.1), and does not see the question's own
    /// record.
    pub(crate) fn only_reads(&self, method: &str) -> bool {
        match &self.behind {
            Behind::Source(service) => {
                let reads = self.question.is_some() || SAFE.contains(&method);
                reads && !matches!(service.source, FactSource::Accesses)
            }
            Behind::Metadata(..) => true,
            Behind::Builtin(..) => false,
        }
    }
}

/// What answers a request.
pub(crate) enum Behind {
    /// A service of the body.
    Source(Arc<Service>),
    /// The node itself, about its services.
    Metadata(Metadata),
    /// A service that every node has by itself; registered members alone reach it, without right or agreement.
    Builtin(Builtin),
}

impl Exchange {
    /// Agreement or access right; then whether the service is on.
    pub(crate) async fn check_allowed(
        &self,
        claimed: &Claimed,
        body: Option<&Body>,
        now: Moment,
    ) -> Result<Allowed, Refusal> {
        if rights::is_reserved(&claimed.service.code) {
            return metadata(claimed);
        }
        if let Some(builtin) = Builtin::of(&claimed.service.code) {
            return Ok(Allowed {
                behind: Behind::Builtin(builtin),
                authorised: None,
                question: None,
            });
        }
        let Some(service) = self.inner.lookups.service(&claimed.service).await? else {
            return Err(Refusal::new(
                Leaf::UnknownService,
                "there is no such service here",
            ));
        };
        let question = claimed.facts_question(&service.source, body);
        if !matches!(question, Ok(Some(_))) {
            let path = claimed.path.as_ref().map_err(denied)?;
            self.check_right(claimed, path, now).await?;
        }
        let question = question?;
        let authorised = self
            .check_agreement(claimed, &service.source, question.as_ref(), now)
            .await?;
        check_enabled(&service.row)?;
        Ok(Allowed {
            behind: Behind::Source(service),
            authorised,
            question,
        })
    }

    async fn check_right(
        &self,
        claimed: &Claimed,
        path: &NormalPath,
        now: Moment,
    ) -> Result<(), Refusal> {
        let view = self.inner.held.current(now);
        let (client, service) = (&claimed.client, &claimed.service);
        let rights = self.inner.lookups.rights(client, service).await?;
        let method = &claimed.request.method;
        let mut open = open_endpoints(&rights, view.as_deref(), client);
        if open.any(|right| right.endpoint().covers(method, path)) {
            Ok(())
        } else {
            Err(denied("no access right to this endpoint"))
        }
    }

    async fn check_agreement(
        &self,
        claimed: &Claimed,
        source: &FactSource,
        question: Option<&FactQuestion>,
        now: Moment,
    ) -> Result<Option<Authorised>, Refusal> {
        let Some(purpose) = claimed.request.header(message::PURPOSE) else {
            return match (question, source.needs_agreement()) {
                (None, false) => Ok(None),
                _ => Err(denied("the question names no purpose")),
            };
        };
        let fields = question.map_or(&[][..], |question| &question.fields);
        let client = claimed.client.subsystem();
        let asked = Question {
            client: client.ok_or_else(|| denied(NotCovered::Member))?,
            service: &claimed.service,
            purpose,
            fields,
            at: now,
        };
        let number = claimed.request.header(message::AGREEMENT);
        let authorised = self.authorise(&asked, number).await?;
        authorised.map(Some).map_err(denied)
    }
}

/// The metadata services answer GET only, and only under their own address.
fn metadata(claimed: &Claimed) -> Result<Allowed, Refusal> {
    let query = claimed.query.as_deref();
    let method = &claimed.request.method;
    let wanted = Metadata::wanted(&claimed.service.code, method, query)
        .map_err(|leaf| Refusal::new(leaf, "this is not how the metadata services are asked"))?;
    Ok(Allowed {
        behind: Behind::Metadata(wanted),
        authorised: None,
        question: None,
    })
}

fn check_enabled(row: &ServiceRow) -> Result<(), Refusal> {
    if row.enabled {
        return Ok(());
    }
    let notice = row.notice.as_deref().filter(|notice| !notice.is_empty());
    let message = match notice {
        Some(notice) => format!("the service is switched off: {notice}"),
        None => "the service is switched off".to_owned(),
    };
    Err(Refusal::new(Leaf::ServiceDisabled, message))
}

fn denied(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(Leaf::AccessDenied, why)
}

/// The rights that open something to a client: its own, and those of the groups it is in.
pub(crate) fn open_endpoints<'r>(
    rights: &'r Rights,
    view: Option<&View>,
    client: &Party,
) -> impl Iterator<Item = &'r AccessRight> {
    rights
        .rights
        .iter()
        .filter(move |right| match &right.subject {
            Subject::Client(known) => known == client,
            Subject::Local(code) => rights.groups.contains(code),
            Subject::Global { instance, code } => {
                view.is_some_and(|view| view.in_group(instance, code, client))
            }
        })
}
