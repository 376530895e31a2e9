//! Settlement: what became of questions that got no answer here, as the other node knows it.
//!
//! A line that breaks after the question arrived leaves two journals that differ: *answered* there, *unreachable* here.
//! A timer asks the other node, by the built-in service `settlement`, how each such question ended; its signed reply is
//! journalled like any message, and the result has its entry in the transparency log. Read by `why` and by `town`'s
//! storms. It never repeats the question itself: whether that is wise only the asker knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use kernel::{Fault, Moment, Party, ServerId, ServiceId};
use serde::{Deserialize, Serialize};
use trust::log::Entry;
use trust::sigalg::Hash;

use crate::Exchange;
use crate::ask::{AskError, Behalf, Outgoing};
use crate::builtin::Asked;
use crate::domain::message::ResponsePart;
use crate::sql::settlement::{self as rows, SettlementRow, Unsettled};
use crate::sql::{self, Side};

/// Code of the built-in service.
pub const SERVICE: &str = "settlement";
/// Most numbers in one question.
pub const NUMBERS_MAX: usize = 100;
/// Most questions settled in one turn; the next turn takes more.
const TURN_MAX: usize = 500;
/// Questions younger than this, in seconds, may still end by themselves at the other node.
const SETTLE_AFTER: i64 = 30;
/// After so many seconds nobody asks any more: the other node may have archived the message.
const SETTLE_WITHIN: i64 = 30 * 86_400;
/// Longest pause before a node that could not be reached is asked again, in seconds.
const PAUSE_MAX: i64 = 3_600;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    numbers: Vec<String>,
}

/// What is told.
#[derive(Debug, Serialize, Deserialize)]
struct Ends {
    ends: Vec<End>,
}

/// How one question ended at the node that was asked.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    number: String,
    /// As in the journal; `unknown` if the question never came.
    outcome: String,
}

/// What the other node said of a question that got no answer here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// How it ended there: as in the journal, `unknown` if it never came, or `not-told` if the node has no such service.
    pub there: String,
    /// When that was said.
    pub at: Moment,
    /// Number of the message in which it was said.
    pub evidence: String,
}

/// When nodes that could not be reached are asked again.
#[derive(Debug, Default)]
pub(crate) struct Pauses(Mutex<HashMap<String, (i64, Moment)>>);

impl Pauses {
    fn may_ask(&self, provider: &str, now: Moment) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(provider).is_none_or(|(_, next)| now >= *next)
    }

    fn failed(&self, provider: &str, now: Moment) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = known
            .get(provider)
            .map_or(SETTLE_AFTER, |(pause, _)| (pause * 2).min(PAUSE_MAX));
        known.insert(provider.to_owned(), (pause, now.plus_seconds(pause)));
    }

    fn worked(&self, provider: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(provider);
    }
}

impl Exchange {
    /// Asks other nodes what became of questions that got no answer here; tells how many were settled. Nodes that
    /// can't be reached are asked again later.
    ///
    /// # Errors
    /// The store or the log failed.
    pub async fn settle(&self) -> Result<usize, Fault> {
        let now = self.inner.clock.now();
        let span = (
            now.plus_seconds(-SETTLE_WITHIN),
            now.plus_seconds(-SETTLE_AFTER),
        );
        let mut tx = self.inner.store.read().await?;
        let unsettled = rows::unsettled(&mut tx, span, SERVICE, TURN_MAX).await?;
        drop(tx);
        let mut by_pair: BTreeMap<(String, String), Vec<Unsettled>> = BTreeMap::new();
        for question in unsettled {
            let Some((provider, _)) = question.service.rsplit_once('/') else {
                continue;
            };
            let pair = (question.client.clone(), provider.to_owned());
            by_pair.entry(pair).or_default().push(question);
        }
        let mut settled = 0;
        for ((client, provider), questions) in by_pair {
            if !self.inner.pauses.may_ask(&provider, now) {
                continue;
            }
            let (Ok(client), Ok(service)) = (
                client.parse::<Party>(),
                format!("{provider}/{SERVICE}").parse::<ServiceId>(),
            ) else {
                continue;
            };
            for some in questions.chunks(NUMBERS_MAX) {
                settled += self.settle_some(&client, &service, &provider, some).await?;
            }
        }
        Ok(settled)
    }

    async fn settle_some(
        &self,
        client: &Party,
        service: &ServiceId,
        provider: &str,
        questions: &[Unsettled],
    ) -> Result<usize, Fault> {
        let now = self.inner.clock.now();
        let numbers = questions.iter().map(|one| one.number.clone()).collect();
        let body = serde_json::to_vec(&Numbers { numbers }).map_err(Fault::internal)?;
        let (client, service) = (client.clone(), service.clone());
        let outgoing = Outgoing::built_in(client, service, "/ends", body, Behalf::default());
        let (evidence, ends) = match self.send(outgoing).await {
            Ok(answered) => {
                let answered = answered.into_inner();
                let body = crate::body::small(answered.body.as_ref());
                match serde_json::from_slice::<Ends>(body) {
                    Ok(told) if answered.response.status == 200 => (answered.number, told.ends),
                    _ => {
                        self.inner.pauses.failed(provider, now);
                        return Ok(0);
                    }
                }
            }
            // A node of another make has no such service, and never will.
            Err(AskError::Refused { code, .. }) if code.ends_with("unknown_service") => {
                (String::new(), Vec::new())
            }
            Err(error) => {
                tracing::info!(%error, provider, "questions could not be settled; asked again later");
                self.inner.pauses.failed(provider, now);
                return Ok(0);
            }
        };
        self.inner.pauses.worked(provider);
        self.enter_settlements(questions, &ends, &evidence).await
    }

    /// Asks one server of a provider how a question ended there; tells the status of its reply. A node that knows this
    /// service keeps its answers too, and gives a repeated question the one that it gave before.
    ///
    /// # Errors
    /// As [`Exchange::ask`]; a node of another make refuses.
    pub(crate) async fn ask_end(
        &self,
        client: &Party,
        service: &ServiceId,
        server: &ServerId,
        number: &str,
    ) -> Result<u16, AskError> {
        let numbers = vec![number.to_owned()];
        let body = serde_json::to_vec(&Numbers { numbers }).map_err(Fault::internal)?;
        let service = service.subsystem.service(SERVICE);
        let mut outgoing =
            Outgoing::built_in(client.clone(), service, "/ends", body, Behalf::default());
        outgoing.server = Some(server.clone());
        Ok(self.send(outgoing).await?.get().response.status)
    }

    async fn enter_settlements(
        &self,
        questions: &[Unsettled],
        ends: &[End],
        evidence: &str,
    ) -> Result<usize, Fault> {
        let inner = &self.inner;
        let at = inner.clock.now();
        let mut tx = inner.store.begin().await?;
        let mut settled = 0;
        for question in questions {
            let end = ends.iter().find(|end| end.number == question.number);
            let there = end.map_or("not-told", |end| known_outcome(&end.outcome));
            if there == "asked" {
                // The other node is still at it, or will close it when it comes back; asked again later.
                continue;
            }
            settled += 1;
            let digest = Hash::Sha256.digest(evidence.as_bytes());
            let digest = digest.try_into().expect("SHA-256 gives 32 bytes");
            let entry = Entry::new("exchange.settled", at, digest)
                .note(
                    "number",
                    question.number.chars().take(255).collect::<String>(),
                )
                .note("there", there);
            let log_entry = inner.log.enter(&mut tx, entry).await?;
            let row = SettlementRow {
                there: there.to_owned(),
                at,
                evidence: evidence.to_owned(),
                log_entry: log_entry.to_string(),
            };
            rows::settle(&mut tx, question, &row).await?;
        }
        tx.commit().await?;
        Ok(settled)
    }

    /// What the other node said of the question with this number, if it was asked.
    ///
    /// # Errors
    /// The store failed.
    pub async fn settlement(&self, number: &str) -> Result<Option<Settlement>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let row = rows::settlement(&mut tx, number).await?;
        Ok(row.map(|row| Settlement {
            there: row.there,
            at: row.at,
            evidence: row.evidence,
        }))
    }

    /// Answers the built-in service: how questions of the asking member ended here. Of others' it says nothing.
    pub(crate) async fn answer_settlement(
        &self,
        asked: &Asked<'_>,
    ) -> Result<(ResponsePart, Option<Vec<u8>>), Fault> {
        let body = crate::body::small(asked.verified.get().body.as_ref());
        let numbers = serde_json::from_slice::<Numbers>(body).ok();
        let numbers = numbers.filter(|wanted| wanted.numbers.len() <= NUMBERS_MAX);
        let (Some(wanted), "/ends") = (numbers, asked.path.as_str()) else {
            return crate::builtin::json(400, &Ends { ends: Vec::new() });
        };
        let member = asked.client.member();
        let mut ends = Vec::with_capacity(wanted.numbers.len());
        let mut tx = self.inner.store.read().await?;
        for number in wanted.numbers {
            let rows = sql::questions_by_number(&mut tx, &number).await?;
            let own = rows
                .into_iter()
                .find(|row| row.side == Side::Provider && member.owns(&row.client));
            let outcome = own.map_or_else(|| "unknown".to_owned(), |row| row.outcome);
            ends.push(End { number, outcome });
        }
        crate::builtin::json(200, &Ends { ends })
    }
}

/// A peer's word for an outcome, if it is one of ours.
fn known_outcome(told: &str) -> &'static str {
    const KNOWN: [&str; 5] = ["unknown", "asked", "answered", "refused", "broken-off"];
    let known = KNOWN.into_iter().find(|known| *known == told);
    known.unwrap_or("not-told")
}
