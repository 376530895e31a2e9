//! Whether a request of another body may be answered: by what, and under which agreement or access right.
//!
//! Read by `answer` alone, after the peer's certificate was checked and before the signature is. The order is X-Road's
//! own: service known, its type, right or agreement, service switched on. The metadata services need no right; their
//! answers tell only what rights allow to be told.

use std::collections::HashSet;

use kernel::{Fault, Moment, ServiceId, SubsystemId};
use store::Tx;

use crate::Exchange;
use crate::answer::{Claimed, Refusal};
use crate::ask::authorise;
use crate::builtin::Builtin;
use crate::directory::View;
use crate::domain::agreement::{Authorised, Question};
use crate::domain::codes::Leaf;
use crate::domain::message;
use crate::domain::path::NormalPath;
use crate::domain::rights::{self, AccessRight, Endpoint, Subject};
use crate::metadata::Metadata;
use crate::source::{FactQuestion, FactSource};
use crate::sql::services::{self, ServiceRow};

/// What may be done with a request, decided from agreements and rights.
pub(crate) struct Allowed {
    /// What answers.
    pub behind: Behind,
    /// Present for questions with a purpose; plain requests may rest on an access right alone.
    pub authorised: Option<Authorised>,
    /// Present for `POST /facts`.
    pub question: Option<FactQuestion>,
}

/// What answers a request.
pub(crate) enum Behind {
    /// A service of the body, and how long its own system may take, in seconds, if the operator says so.
    Source(FactSource, Option<i64>),
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
        body: Option<&[u8]>,
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
        let mut tx = self.inner.store.read().await?;
        let Some(row) = services::service(&mut tx, &claimed.service).await? else {
            return Err(Refusal::new(
                Leaf::UnknownService,
                "there is no such service here",
            ));
        };
        let source: FactSource = serde_json::from_str(&row.source).map_err(Fault::internal)?;
        let question = claimed.facts_question(&source, body);
        if !matches!(question, Ok(Some(_))) {
            let path = claimed.path.as_ref().map_err(denied)?;
            self.check_right(&mut tx, claimed, path, now).await?;
        }
        let question = question?;
        let authorised = self
            .check_agreement(&mut tx, claimed, &source, question.as_ref(), now)
            .await?;
        check_enabled(&row)?;
        Ok(Allowed {
            behind: Behind::Source(source, row.timeout_seconds),
            authorised,
            question,
        })
    }

    async fn check_right(
        &self,
        tx: &mut Tx,
        claimed: &Claimed,
        path: &NormalPath,
        now: Moment,
    ) -> Result<(), Refusal> {
        let view = self.inner.held.current(now);
        let (client, service) = (&claimed.client, &claimed.service);
        let open = open_endpoints(tx, view.as_deref(), client, service).await?;
        let method = &claimed.request.method;
        if open.iter().any(|endpoint| endpoint.covers(method, path)) {
            Ok(())
        } else {
            Err(denied("no access right to this endpoint"))
        }
    }

    async fn check_agreement(
        &self,
        tx: &mut Tx,
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
        let (client, service) = (&claimed.client, &claimed.service);
        let asked = Question {
            client,
            service,
            purpose,
            fields,
            at: now,
        };
        let number = claimed.request.header(message::AGREEMENT);
        authorise(tx, &asked, number)
            .await?
            .map(Some)
            .map_err(denied)
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

/// The endpoints of a service that some right opens to a client.
pub(crate) async fn open_endpoints(
    tx: &mut Tx,
    view: Option<&View>,
    client: &SubsystemId,
    service: &ServiceId,
) -> Result<Vec<Endpoint>, Fault> {
    let rights = services::rights_for(tx, client, service).await?;
    let is_local = |right: &AccessRight| matches!(right.subject, Subject::Local(_));
    let local: HashSet<String> = match rights.iter().any(is_local) {
        true => services::groups_of(tx, client).await?.into_iter().collect(),
        false => HashSet::new(),
    };
    let is_covered = |subject: &Subject| match subject {
        Subject::Client(known) => known == client,
        Subject::Local(code) => local.contains(code),
        Subject::Global { instance, code } => {
            view.is_some_and(|view| view.in_group(instance, code, client))
        }
    };
    Ok(rights
        .iter()
        .filter(|right| is_covered(&right.subject))
        .map(AccessRight::endpoint)
        .collect())
}
