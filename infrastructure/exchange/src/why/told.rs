//! What one node knows of a message: its journal, the refused attempts, its own state, the service and the agreement.
//!
//! The same values are shown at home and told to the other party of the message. Nothing in it says about whom was asked.

use data_encoding::HEXLOWER;
use kernel::{Fault, MemberId, Moment};
use serde::{Deserialize, Serialize};
use store::Tx;

use crate::agreements::State;
use crate::builtin::{Asked, json};
use crate::domain::agreement::day;
use crate::domain::message::ResponsePart;
use crate::sql::refusal::{self, RefusalRow};
use crate::sql::{self, Half, QuestionRow};
use crate::{Exchange, sql::agreement as texts, sql::services};

/// What a node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The node's clock.
    pub now: Moment,
    /// What it recorded of the message; nothing if it never came there, or is none of the asker's business.
    pub seen: Option<Seen>,
    /// Its state now; only with `seen`.
    pub state: Option<NodeState>,
    /// The service, at the registry's node; only with `seen`.
    pub service: Option<ServiceState>,
}

/// What a node recorded of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// `client` or `provider`.
    pub side: String,
    /// Who asks.
    pub client: String,
    /// What is asked.
    pub service: String,
    /// When the question was kept; nothing if it was refused before.
    pub at: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// How it ended.
    pub outcome: Option<String>,
    /// The error code.
    pub code: Option<String>,
    /// The agreement that it named.
    pub agreement: Option<String>,
    /// Its purpose.
    pub purpose: Option<String>,
    /// HTTP status of the answer, if there is one.
    pub status: Option<u16>,
    /// Attempts that were refused.
    pub refusals: Vec<SeenRefusal>,
}

/// A refused attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRefusal {
    /// When.
    pub at: Moment,
    /// The step; a word of [`super::Stage`].
    pub step: String,
    /// The error code.
    pub code: String,
    /// The cause.
    pub cause: String,
    /// The reference.
    pub reference: String,
}

/// A node's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// Beginning of the digest of the directory held; empty for none.
    pub directory: String,
    /// When it was published.
    pub directory_from: Option<Moment>,
    /// When it ends.
    pub directory_until: Option<Moment>,
    /// When the signing certificate ends.
    pub sign_until: Option<Moment>,
    /// When the authentication certificate ends.
    pub auth_until: Option<Moment>,
    /// From when the OCSP response for the signing certificate is.
    pub sign_status_at: Option<Moment>,
    /// From when the one for the authentication certificate is.
    pub auth_status_at: Option<Moment>,
    /// Messages without time stamp.
    pub unstamped: i64,
    /// When the oldest of them was kept.
    pub oldest_unstamped: Option<Moment>,
    /// Why the node takes no messages now, if so.
    pub unfit: Option<String>,
}

/// A service and the agreement about it, as one node holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Whether the service is offered; told at the registry's node only.
    pub offered: Option<bool>,
    /// Whether it is switched on.
    pub enabled: Option<bool>,
    /// The agreement.
    pub agreement: Option<AgreementState>,
}

/// An agreement as one node holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementState {
    /// Its number.
    pub number: String,
    /// Where its latest text stands; `unsigned` if there is no text.
    pub state: String,
    /// When it ends.
    pub until: Option<Moment>,
    /// Questions counted today.
    pub counted: i64,
    /// Most questions in a day.
    pub limit: Option<u32>,
}

/// The question of the built-in service.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub number: String,
}

impl Exchange {
    /// Answers the built-in service `why`: what this node knows of a message of the asking member.
    pub(crate) async fn answer_why(
        &self,
        asked: &Asked<'_>,
    ) -> Result<(ResponsePart, Option<Vec<u8>>), Fault> {
        let body = crate::body::small(asked.verified.get().body.as_ref());
        let Ok(wanted) = serde_json::from_slice::<Wanted>(body) else {
            return json(400, &serde_json::json!({ "code": "form" }));
        };
        let told = self
            .told_of(&wanted.number, Some(asked.verified.signer()))
            .await?;
        json(200, &told)
    }

    /// What this node knows of a message; with `member`, only if that member took part in it.
    pub(crate) async fn told_of(
        &self,
        number: &str,
        member: Option<&MemberId>,
    ) -> Result<Told, Fault> {
        let now = self.inner.clock.now();
        let seen = self.seen(number, member).await?;
        let service = match &seen {
            Some(seen) => {
                let mut tx = self.inner.store.read().await?;
                Some(service_state(&mut tx, seen, now).await?)
            }
            None => None,
        };
        let state = match seen {
            Some(_) => Some(self.node_state().await?),
            None => None,
        };
        Ok(Told {
            now,
            seen,
            state,
            service,
        })
    }

    /// This node's own state.
    pub(crate) async fn node_state(&self) -> Result<NodeState, Fault> {
        let inner = &self.inner;
        let leaf = |chain: &[trust::Certificate]| chain.first().cloned();
        let (sign, auth) = (leaf(&inner.keys.sign_chain), leaf(inner.keys.auth.chain()));
        let mut tx = inner.store.read().await?;
        let mut ages = Vec::new();
        for certificate in [&sign, &auth] {
            let kept = match certificate {
                Some(certificate) => sql::ocsp(&mut tx, &certificate.sha256_hex()).await?,
                None => None,
            };
            ages.push(kept.map(|(_, at)| at));
        }
        let (oldest_unstamped, unstamped) = sql::stamp_backlog(&mut tx).await?;
        drop(tx);
        let view = inner.held.any();
        Ok(NodeState {
            directory: view
                .as_ref()
                .map_or_else(String::new, |view| short(view.digest())),
            directory_from: view.as_ref().and_then(|view| view.published_at()),
            directory_until: view.as_ref().map(|view| view.expires_at()),
            sign_until: sign.map(|certificate| certificate.not_after()),
            auth_until: auth.map(|certificate| certificate.not_after()),
            sign_status_at: ages.first().copied().flatten(),
            auth_status_at: ages.get(1).copied().flatten(),
            unstamped,
            oldest_unstamped,
            unfit: self.unfit().await,
        })
    }
}

impl Exchange {
    /// What was recorded here of a message in which `member` took part.
    async fn seen(&self, number: &str, member: Option<&MemberId>) -> Result<Option<Seen>, Fault> {
        let we = &self.inner.settings.member;
        let is_theirs = |client: &str, service: &str| {
            member.is_none_or(|member| {
                member.owns(client) || (member.owns(service) && we.owns(client))
            })
        };
        let mut tx = self.inner.store.read().await?;
        let rows = sql::questions_by_number(&mut tx, number).await?;
        let attempts = refusal::by_number(&mut tx, number).await?;
        drop(tx);
        let row = rows
            .into_iter()
            .find(|row| is_theirs(&row.client, &row.service));
        let attempts: Vec<RefusalRow> = attempts
            .into_iter()
            .filter(|one| is_theirs(one.client(), one.service()))
            .collect();
        match (row, attempts.first()) {
            (Some(row), _) => Ok(Some(self.of_question(row, &attempts).await?)),
            (None, Some(first)) => Ok(Some(Seen {
                client: first.client().to_owned(),
                service: first.service().to_owned(),
                side: first.party().text().to_owned(),
                refusals: attempts.iter().map(told_refusal).collect(),
                ..Seen::default()
            })),
            (None, None) => Ok(None),
        }
    }

    async fn of_question(&self, row: QuestionRow, attempts: &[RefusalRow]) -> Result<Seen, Fault> {
        let status = match row.response {
            Some(place) => {
                let (parts, _) = self.message(&row, Half::Response, place).await?;
                ResponsePart::parse(&parts.rest)
                    .ok()
                    .map(|part| part.status)
            }
            None => None,
        };
        let own = attempts.iter().filter(|one| one.party() == row.side);
        Ok(Seen {
            refusals: own.map(told_refusal).collect(),
            side: row.side.text().to_owned(),
            client: row.client,
            service: row.service,
            at: Some(row.asked_at),
            ended: row.answered_at,
            outcome: Some(row.outcome),
            code: row.code,
            agreement: row.agreement,
            purpose: row.purpose,
            status,
        })
    }
}

/// Enough of a digest to see whether two nodes hold the same.
fn short(digest: &[u8]) -> String {
    HEXLOWER.encode(&digest[..digest.len().min(4)])
}

fn told_refusal(row: &RefusalRow) -> SeenRefusal {
    SeenRefusal {
        at: row.at,
        step: row.step.clone(),
        code: row.code.clone(),
        cause: row.cause.clone(),
        reference: row.reference.clone(),
    }
}

async fn service_state(tx: &mut Tx, seen: &Seen, now: Moment) -> Result<ServiceState, Fault> {
    let mut state = ServiceState::default();
    if let (Ok(service), "provider") = (seen.service.parse(), seen.side.as_str()) {
        let row = services::service(tx, &service).await?;
        let built_in = crate::builtin::RESERVED.contains(&service.code.as_str());
        state.offered = Some(built_in || row.is_some());
        state.enabled = Some(built_in || row.is_some_and(|row| row.enabled));
    }
    if let Some(number) = &seen.agreement {
        let text = texts::texts_of(tx, number).await?.into_iter().next();
        let held = sql::agreement_by_number(tx, number).await?;
        let stand = text.as_ref().and_then(|row| State::of(&row.state));
        state.agreement = Some(AgreementState {
            number: number.clone(),
            state: stand.map_or("unsigned", State::word).to_owned(),
            until: held
                .as_ref()
                .map(|held| held.until)
                .or(text.map(|row| row.until)),
            counted: sql::counted(tx, number, day(now)).await?,
            limit: held.and_then(|held| held.daily_limit),
        });
    }
    Ok(state)
}
