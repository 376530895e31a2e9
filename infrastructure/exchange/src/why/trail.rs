//! Puts together what both nodes know of a message: the steps with their marks, what failed, and what to do.
//!
//! Read by the page and the command. It asks the other node over the exchange and waits a few seconds at most.

use std::time::Duration;

use kernel::{Fault, Id, Moment, Party, SubsystemId};

use super::SERVICE;
use super::diagnosis::{Diagnosis, Noticed, Stage};
use super::told::{NodeState, Seen, Told, Wanted};
use crate::Exchange;
use crate::ask::{AskError, Behalf, Outgoing};
use crate::domain::codes::{Code, Leaf};
use crate::sql::refusal;

/// How long the page waits for the other node.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far back a page's reference is looked for, in seconds.
const TRACE_SECONDS: i64 = 7 * 86_400;
/// Difference of clocks that is worth telling, in seconds.
pub const CLOCK_SECONDS: i64 = 5;

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It worked.
    Good,
    /// It failed.
    Bad,
    /// Nobody here knows.
    Unknown,
    /// The message never came so far.
    NotReached,
}

/// A figure that belongs to a step: a text key with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// `exchange-why-note-...` without the prefix.
    pub key: &'static str,
    /// The arguments.
    pub args: Vec<(&'static str, String)>,
    /// Whether it is a reason to worry.
    pub warns: bool,
}

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// What came of it.
    pub mark: Mark,
    /// When, if that was written down.
    pub at: Option<Moment>,
    /// Figures.
    pub notes: Vec<Note>,
}

/// What the other node said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Other {
    /// It was not asked: the message never left, or the other body is not known.
    NotAsked,
    /// It answered.
    Told(Box<Told>),
    /// It is a node without this service.
    NoService,
    /// It can't be reached now.
    Unreachable(String),
}

/// The way of a message through both nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// The message number; the reference if there is no number.
    pub number: String,
    /// Who asked.
    pub client: String,
    /// What was asked.
    pub service: String,
    /// What this node knows.
    pub ours: Told,
    /// What the other node knows.
    pub other: Other,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What failed; nothing if all went well or the end is still to come.
    pub diagnosis: Option<Diagnosis>,
    /// The cause as the node that noticed it wrote it down; for officials.
    pub cause: Option<String>,
    /// How many seconds the other node's clock is ahead of ours.
    pub clock_ahead: Option<i64>,
}

impl Exchange {
    /// Follows a message: by its number, by the reference of an error, or by the reference of an error page of the last
    /// seven days. Nothing if this node knows of none.
    ///
    /// # Errors
    /// The store failed. A node that can't be reached is no error.
    pub async fn why(&self, sought: &str) -> Result<Option<Trail>, Fault> {
        let number = self.number_of(sought).await?;
        let ours = self.told_of(&number, None).await?;
        let Some(seen) = ours.seen.clone() else {
            return self.by_reference(sought, ours).await;
        };
        let (other, clock_ahead) = self.other_side(&number, &seen).await?;
        Ok(Some(trail(number, ours, seen, other, clock_ahead)))
    }

    /// The message number for what somebody read on a screen.
    async fn number_of(&self, sought: &str) -> Result<String, Fault> {
        let mut tx = self.inner.store.read().await?;
        if !crate::sql::questions_by_number(&mut tx, sought)
            .await?
            .is_empty()
        {
            return Ok(sought.to_owned());
        }
        let by_reference = refusal::by_reference(&mut tx, sought).await?;
        if let Some(number) = by_reference.into_iter().find_map(|row| row.number) {
            return Ok(number);
        }
        let hex: String = sought.chars().filter(|c| *c != '-').collect();
        if (8..=32).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            let since = Id::first_at(self.inner.clock.now().plus_seconds(-TRACE_SECONDS));
            let trace = format!("00-{}", hex.to_ascii_lowercase());
            let rows = refusal::questions_by_trace(&mut tx, since, &trace).await?;
            if let Some(row) = rows.first() {
                return Ok(row.number.clone());
            }
        }
        Ok(sought.to_owned())
    }

    /// An attempt that had no message number.
    async fn by_reference(&self, sought: &str, mut ours: Told) -> Result<Option<Trail>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let rows = refusal::by_reference(&mut tx, sought).await?;
        drop(tx);
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let seen = Seen {
            side: row.party().text().to_owned(),
            client: row.client.unwrap_or_default(),
            service: row.service.unwrap_or_default(),
            refusals: vec![super::SeenRefusal {
                at: row.at,
                step: row.step,
                code: row.code,
                cause: row.cause,
                reference: row.reference,
            }],
            ..Seen::default()
        };
        ours.state = Some(self.node_state().await?);
        ours.seen = Some(seen.clone());
        Ok(Some(trail(
            sought.to_owned(),
            ours,
            seen,
            Other::NotAsked,
            None,
        )))
    }

    /// Asks the other node, if the message can have come there.
    async fn other_side(&self, number: &str, seen: &Seen) -> Result<(Other, Option<i64>), Fault> {
        if seen.side == "client" && seen.at.is_none() {
            return Ok((Other::NotAsked, None));
        }
        let provider = seen
            .service
            .rsplit_once('/')
            .map_or("", |(subsystem, _)| subsystem);
        let (Ok(client), Ok(provider)) = (
            seen.client.parse::<Party>(),
            provider.parse::<SubsystemId>(),
        ) else {
            return Ok((Other::NotAsked, None));
        };
        let (from, to) = match seen.side.as_str() {
            "client" => (client, provider),
            // A member itself offers nothing, so there is nobody to ask.
            _ => match client {
                Party::Subsystem(client) => (provider.into(), client),
                Party::Member(_) => return Ok((Other::NotAsked, None)),
            },
        };
        let body = serde_json::to_vec(&Wanted {
            number: number.to_owned(),
        })
        .map_err(Fault::internal)?;
        let outgoing = Outgoing::built_in(from, to.service(SERVICE), "", body, Behalf::default());
        let sent_at = self.inner.clock.now();
        let asked = tokio::time::timeout(PATIENCE, self.send(outgoing)).await;
        let now = self.inner.clock.now();
        Ok(match asked {
            Err(_) => (Other::Unreachable("no answer in time".to_owned()), None),
            Ok(Err(error)) if is_no_service(&error) => (Other::NoService, None),
            Ok(Err(error)) => (Other::Unreachable(error.to_string()), None),
            Ok(Ok(answered)) => {
                let body = crate::body::small(answered.get().body.as_ref());
                match serde_json::from_slice::<Told>(body) {
                    Ok(told) => {
                        let middle = Moment(sent_at.0.midpoint(now.0));
                        let ahead = told.now.seconds_since(middle);
                        (Other::Told(Box::new(told)), Some(ahead))
                    }
                    Err(_) => (Other::NoService, None),
                }
            }
        })
    }
}

/// Whether the other node says that it has no such service: a node of another make.
fn is_no_service(error: &AskError) -> bool {
    matches!(error, AskError::Refused { code, .. }
        if Code::parse(code).is_some_and(|code| matches!(code.leaf, Leaf::UnknownService | Leaf::AccessDenied)))
}

fn trail(number: String, ours: Told, seen: Seen, other: Other, clock_ahead: Option<i64>) -> Trail {
    let theirs = match &other {
        Other::Told(told) => told.seen.clone(),
        _ => None,
    };
    let (asker, registry) = match seen.side.as_str() {
        "client" => (Some(&seen), theirs.as_ref()),
        _ => (theirs.as_ref(), Some(&seen)),
    };
    let found = diagnose(asker, registry);
    let (diagnosis, cause) = found.unzip();
    let mut steps = steps(asker, registry, diagnosis);
    let told = match &other {
        Other::Told(told) => Some(&**told),
        _ => None,
    };
    let (at_asker, at_registry) = match seen.side.as_str() {
        "client" => (Some(&ours), told),
        _ => (told, Some(&ours)),
    };
    if let Some(told) = at_asker {
        note_node(
            &mut steps,
            told,
            [
                Stage::Directory,
                Stage::Stamps,
                Stage::Certificate,
                Stage::Agreement,
            ],
        );
    }
    if let Some(told) = at_registry {
        note_node(
            &mut steps,
            told,
            [Stage::State, Stage::State, Stage::Sealed, Stage::Terms],
        );
        note_service(&mut steps, told);
    }
    if let Some(seconds) = clock_ahead.filter(|seconds| seconds.abs() >= CLOCK_SECONDS) {
        note(
            &mut steps,
            Stage::State,
            "clock",
            vec![("seconds", seconds.to_string())],
            true,
        );
    }
    Trail {
        number,
        client: seen.client,
        service: seen.service,
        ours,
        other,
        steps,
        diagnosis,
        cause: cause.flatten(),
        clock_ahead,
    }
}

/// What failed, from what both nodes wrote down.
fn diagnose(asker: Option<&Seen>, registry: Option<&Seen>) -> Option<(Diagnosis, Option<String>)> {
    let Some(asker) = asker else {
        return registry.and_then(|seen| refused(seen, Noticed::There));
    };
    let code = asker.code.as_deref().unwrap_or_default();
    let arrived = registry.is_some_and(|seen| seen.at.is_some());
    let answered = registry.is_some_and(|seen| seen.outcome.as_deref() == Some("answered"));
    let at = |stage, advice| Some((Diagnosis { stage, advice }, last_cause(asker)));
    match asker.outcome.as_deref() {
        None => refused(asker, Noticed::Before),
        Some("answered") => None,
        // No end was written down here; the other node may have refused all the same.
        Some("asked") => registry.and_then(|seen| refused(seen, Noticed::There)),
        Some("broken-off") => at(Stage::Kept, "broken-off"),
        Some("bad-signature") => at(Stage::Proof, "answer-signature"),
        Some("timeout") if answered => at(Stage::Proof, "answer-late"),
        Some("unreachable") if arrived => at(Stage::Proof, "line-back"),
        Some(_) => {
            let cause = registry.and_then(last_cause).or_else(|| last_cause(asker));
            let noticed = Noticed::After;
            let diagnosis = Diagnosis::of(noticed, code, cause.as_deref().unwrap_or_default());
            Some((diagnosis, cause))
        }
    }
}

fn refused(seen: &Seen, noticed: Noticed) -> Option<(Diagnosis, Option<String>)> {
    let last = seen.refusals.last();
    match (last, &seen.code) {
        (Some(last), _) => Some((
            Diagnosis::of(noticed, &last.code, &last.cause),
            Some(last.cause.clone()),
        )),
        (None, Some(code)) => Some((Diagnosis::of(noticed, code, ""), None)),
        (None, None) => None,
    }
}

fn last_cause(seen: &Seen) -> Option<String> {
    seen.refusals.last().map(|refusal| refusal.cause.clone())
}

fn steps(asker: Option<&Seen>, registry: Option<&Seen>, failed: Option<Diagnosis>) -> Vec<Step> {
    let is_over =
        |seen: Option<&Seen>| seen.is_some_and(|seen| seen.outcome.as_deref() == Some("answered"));
    let pending = failed.is_none() && !is_over(asker) && !is_over(registry);
    Stage::ALL
        .into_iter()
        .map(|stage| {
            let mark = match failed {
                None if pending => pending_mark(stage, asker, registry),
                None if asker.is_none() && stage > Stage::Sealed => Mark::Unknown,
                None => Mark::Good,
                Some(diagnosis) => failed_mark(stage, diagnosis.stage, registry),
            };
            let at = match stage {
                Stage::Kept => asker.and_then(|seen| seen.at),
                Stage::Fresh => registry.and_then(|seen| seen.at),
                Stage::Sealed => registry.and_then(|seen| seen.ended),
                Stage::Learned => asker.and_then(|seen| seen.ended),
                _ => None,
            };
            let at = at.filter(|_| mark == Mark::Good);
            Step {
                stage,
                mark,
                at,
                notes: Vec::new(),
            }
        })
        .collect()
}

fn failed_mark(stage: Stage, failed: Stage, registry: Option<&Seen>) -> Mark {
    if stage == failed {
        return Mark::Bad;
    }
    if stage > failed {
        return Mark::NotReached;
    }
    // The line or the time failed, and the other node was not heard: what happened there is not known.
    let heard = registry.is_some() || failed < Stage::Form;
    let told_by_code = failed.is_providers() && failed != Stage::System;
    match stage.is_providers() && !heard && !told_by_code && failed <= Stage::System {
        true => Mark::Unknown,
        false => Mark::Good,
    }
}

fn pending_mark(stage: Stage, asker: Option<&Seen>, registry: Option<&Seen>) -> Mark {
    let kept_there = registry.is_some_and(|seen| seen.at.is_some());
    match stage {
        stage if stage <= Stage::Kept && asker.is_some() => Mark::Good,
        stage if stage <= Stage::Fresh && kept_there => Mark::Good,
        _ => Mark::Unknown,
    }
}

fn note(
    steps: &mut [Step],
    stage: Stage,
    key: &'static str,
    args: Vec<(&'static str, String)>,
    warns: bool,
) {
    if let Some(step) = steps.iter_mut().find(|step| step.stage == stage) {
        step.notes.push(Note { key, args, warns });
    }
}

/// A node's state at the steps where it matters: directory, stamps, certificates, agreement.
fn note_node(steps: &mut [Step], told: &Told, at: [Stage; 4]) {
    if let Some(state) = &told.state {
        note_state(steps, told.now, state, at);
    }
    let agreement = told
        .service
        .as_ref()
        .and_then(|service| service.agreement.as_ref());
    if let Some(held) = agreement {
        let args = vec![
            ("number", held.number.clone()),
            ("state", held.state.clone()),
            ("counted", held.counted.to_string()),
            (
                "limit",
                held.limit
                    .map_or_else(|| "\u{221e}".to_owned(), |limit| limit.to_string()),
            ),
        ];
        let used_up = held
            .limit
            .is_some_and(|limit| held.counted >= i64::from(limit));
        note(
            steps,
            at[3],
            "agreement",
            args,
            used_up || held.state != "in-force",
        );
    }
}

fn note_state(steps: &mut [Step], now: Moment, state: &NodeState, at: [Stage; 4]) {
    let minutes = |from: Option<Moment>| {
        from.map_or_else(
            || "?".to_owned(),
            |from| (now.seconds_since(from) / 60).to_string(),
        )
    };
    let left = |until: Option<Moment>| until.map_or(0, |until| until.seconds_since(now));
    let directory = vec![
        ("serial", state.directory.clone()),
        ("age", minutes(state.directory_from)),
        ("left", (left(state.directory_until) / 60).to_string()),
    ];
    note(
        steps,
        at[0],
        "directory",
        directory,
        left(state.directory_until) <= 0,
    );
    let stamps = vec![
        ("count", state.unstamped.to_string()),
        ("age", minutes(state.oldest_unstamped)),
    ];
    if state.unstamped > 0 {
        note(steps, at[1], "stamps", stamps, false);
    }
    let certificates = vec![
        ("sign", (left(state.sign_until) / 86_400).to_string()),
        ("auth", (left(state.auth_until) / 86_400).to_string()),
        ("status", minutes(state.sign_status_at)),
    ];
    let ended = left(state.sign_until) <= 0 || left(state.auth_until) <= 0;
    note(steps, at[2], "certificates", certificates, ended);
    if let Some(unfit) = &state.unfit {
        note(steps, at[0], "unfit", vec![("cause", unfit.clone())], true);
    }
}

fn note_service(steps: &mut [Step], told: &Told) {
    let Some(seen) = &told.seen else { return };
    if let Some(service) = &told.service {
        let is_on = service.offered == Some(true) && service.enabled == Some(true);
        let key = if is_on { "service-on" } else { "service-off" };
        note(steps, Stage::Service, key, Vec::new(), !is_on);
    }
    if let (Some(at), Some(ended)) = (seen.at, seen.ended) {
        let args = vec![
            ("millis", ((ended.0 - at.0) / 1_000).to_string()),
            (
                "status",
                seen.status
                    .map_or_else(|| "-".to_owned(), |status| status.to_string()),
            ),
        ];
        note(steps, Stage::System, "answer", args, false);
    }
}
