//! One attempt of a delivery: in doubt the provider's node is asked first, then the same bytes go under a fresh signature.
//!
//! It promises that before a byte leaves, the store says so and to which server; that a message which may have arrived
//! is sent again only to a node that said it keeps its answers; and that whatever happens ends in the store.

use std::sync::Arc;

use kernel::{Fault, Id, Moment, Party, ServerId};

use super::outgoing::Stored;
use super::state::{Attempt, Next, State, attempt_of, next, pause_micros};
use super::{BODY_BYTES_MAX, within};
use crate::Exchange;
use crate::ask::{Answered, AskError, Behalf, Outgoing, Sealed};
use crate::body::Body;
use crate::domain::message::RequestPart;
use crate::journal::NewQuestion;
use crate::seal::Unsealed;
use crate::source::FactQuestion;
use crate::sql::outgoing::{self as sql, End, OutgoingRow};
use crate::sql::{self as journal, Half, Side};

/// Longest text of a cause that is kept, in characters.
const CAUSE_CHARS_MAX: usize = 300;
/// Most servers remembered as keeping their answers; when there are more, all are asked anew.
pub(super) const KEEPERS_MAX: usize = 10_000;

/// How an attempt ended, with the answer if there is one.
type Outcome = (Attempt, Option<Answered>);

impl Exchange {
    /// Carries one delivery that is due.
    pub(super) async fn carry_delivery(&self, mut row: OutgoingRow) -> Result<(), Fault> {
        let stored: Stored = serde_json::from_str(&row.request).map_err(Fault::internal)?;
        let mut tx = self.inner.store.begin().await?;
        let Some(body) = sql::claim(&mut tx, row.id).await? else {
            return Ok(());
        };
        row.body = body;
        tx.commit().await?;
        let server = self.server_for(&row, &stored);
        let (attempt, answer) = match &server {
            None => (
                Attempt::NotBegun("no server of the provider is known".to_owned()),
                None,
            ),
            Some(server) => self.attempt(&row, &stored, server).await?,
        };
        self.enter_attempt(&row, &stored, server.as_ref(), attempt, answer)
            .await
    }

    /// The server for this attempt: the one where it may have arrived, the one that was asked for, or each in turn.
    fn server_for(&self, row: &OutgoingRow, stored: &Stored) -> Option<ServerId> {
        if let Ok(pinned) = row.server.parse() {
            return Some(pinned);
        }
        if let Some(wanted) = &stored.server {
            return Some(wanted.clone());
        }
        let view = self.inner.held.any()?;
        let servers: Vec<ServerId> = view
            .servers_of(&stored.service.subsystem)
            .map(|server| server.id.clone())
            .collect();
        let turn = usize::try_from(row.attempts).unwrap_or(0);
        servers.get(turn % servers.len().max(1)).cloned()
    }

    async fn attempt(
        &self,
        row: &OutgoingRow,
        stored: &Stored,
        server: &ServerId,
    ) -> Result<Outcome, Fault> {
        let bare = |attempt| Ok((attempt, None));
        if row.doubt {
            if let Some(answer) = self.answer_kept_here(row).await? {
                return Ok((Attempt::Answered, Some(answer)));
            }
            if let Err(attempt) = self.ask_fate(row, stored, server).await {
                return bare(attempt);
            }
        }
        let sealed = match self.seal_stored(row, stored).await {
            Ok(sealed) => sealed,
            Err(error) => return bare(attempt_of(&error, false)),
        };
        let mut tx = self.inner.store.begin().await?;
        sql::leaves(&mut tx, row.id, &server.to_string()).await?;
        tx.commit().await?;
        match self
            .send_sealed(&stored.service, Some(server), sealed)
            .await
        {
            Ok(answered) => Ok((Attempt::Answered, Some(answered.into_inner()))),
            Err((error, left)) => bare(attempt_of(&error, left)),
        }
    }

    /// The answer that our own journal has already, because the process ended between the two.
    async fn answer_kept_here(&self, row: &OutgoingRow) -> Result<Option<Answered>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let questions = journal::questions_by_number(&mut tx, &row.number).await?;
        drop(tx);
        let ours = questions
            .into_iter()
            .find(|one| one.side == Side::Client && one.client == row.client);
        let Some(question) = ours.filter(|one| one.outcome == "answered") else {
            return Ok(None);
        };
        let Some(message) = self.kept_message(&question, Half::Response).await? else {
            return Ok(None);
        };
        Ok(
            crate::repeat::whole_response(&message).map(|(response, body)| Answered {
                number: row.number.clone(),
                response,
                body,
            }),
        )
    }

    /// Asks the provider's node what became of the message. Only a node that answers this keeps its answers.
    async fn ask_fate(
        &self,
        row: &OutgoingRow,
        stored: &Stored,
        server: &ServerId,
    ) -> Result<(), Attempt> {
        let keeper = server.to_string();
        if self.inner.in_work.keeps(&keeper) {
            return Ok(());
        }
        let client: Party = row
            .client
            .parse()
            .map_err(|_| Attempt::Untold("the client can't be read".to_owned()))?;
        let answered = match self
            .ask_end(&client, &stored.service, server, &row.number)
            .await
        {
            Ok(answered) => answered,
            Err(error) => {
                return Err(match attempt_of(&error, false) {
                    Attempt::Refused { code, .. } => Attempt::Untold(format!(
                        "it may have arrived, and the provider's node can't tell ({code})"
                    )),
                    other => other,
                });
            }
        };
        match answered {
            200 => {
                self.inner.in_work.note_keeper(keeper);
                Ok(())
            }
            status => Err(Attempt::NotBegun(format!(
                "the provider's node told nothing about the message ({status})"
            ))),
        }
    }

    /// Signs the stored bytes now, and journals them: as a new question, or as another signature over the same one.
    async fn seal_stored(&self, row: &OutgoingRow, stored: &Stored) -> Result<Sealed, AskError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let outgoing = outgoing_of(row, stored)?;
        self.check_ready(&outgoing)?;
        let rest = stored.rest.clone().into_bytes();
        let request = RequestPart::parse(&rest).map_err(|error| own(&error))?;
        let own_statuses = inner.statuses.own(&inner.keys).await;
        let statuses = own_statuses.map_err(|cause| AskError::Unreachable { cause })?;
        let auth = statuses.auth.clone();
        let body = row.body.clone().map(Body::from);
        let unsealed = Unsealed::new(rest, body, now, statuses);
        let question = NewQuestion {
            id: Id::new(&*inner.clock, &*inner.chance),
            side: Side::Client,
            number: row.number.clone(),
            client: row.client.clone(),
            service: stored.service.to_string(),
            purpose: stored.purpose.clone(),
            case: stored.case.clone(),
            agreement: stored.agreement.clone(),
            subject: outgoing.subject.clone(),
            fields: stored.fields.clone(),
            trace: stored.trace.clone(),
            at: now,
        };
        let (opened, mut envelope) = match self.find_question(&question).await? {
            Some(earlier) => {
                let sealed = unsealed.seal(&inner.keys.sign);
                let envelope = sealed.map_err(|error| own(&error))?;
                let opened = self.reopen(&earlier, question, &envelope).await?;
                (opened, envelope)
            }
            None => {
                let authorised = self.find_agreement(&outgoing).await?;
                let journal = &inner.journal;
                let opened = journal.seal_and_open(question, unsealed, authorised.as_ref());
                opened.await?
            }
        };
        inner.guard.accepted(now);
        envelope.ocsp = auth;
        Ok(Sealed {
            opened,
            request,
            request_id: stored.request_id.clone(),
            envelope: Arc::new(envelope),
        })
    }

    /// Enters how an attempt went.
    async fn enter_attempt(
        &self,
        row: &OutgoingRow,
        stored: &Stored,
        server: Option<&ServerId>,
        attempt: Attempt,
        answer: Option<Answered>,
    ) -> Result<(), Fault> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let followed = next(&attempt, row.doubt, now, row.expires_at);
        let (code, cause) = told(attempt);
        let end = ending(code, cause.clone(), answer).await?;
        tracing::info!(number = %row.number, ?followed, cause, "an attempt of a delivery");
        let mut tx = inner.store.begin().await?;
        match followed {
            Next::Again { doubt } => {
                let pause = pause_micros(row.attempts + 1, &*inner.chance);
                let at = Moment(now.0.saturating_add(pause)).min(row.expires_at.max(now));
                let pinned = server.filter(|_| doubt).map(ToString::to_string);
                let pinned = pinned.unwrap_or_default();
                sql::again(
                    &mut tx,
                    row.id,
                    doubt,
                    &pinned,
                    at,
                    cause.as_deref().unwrap_or(""),
                )
                .await?;
            }
            Next::End(state) => {
                let end = End {
                    state: state.text(),
                    ..end
                };
                sql::end(&mut tx, row.id, now, end).await?;
                if state == State::Answered {
                    // Whoever answers once may have a line again for everything else that waits.
                    sql::wake(&mut tx, &stored.service.member().to_string(), now).await?;
                }
            }
        }
        tx.commit().await?;
        if matches!(followed, Next::End(_)) {
            inner.meters.delivered(match followed {
                Next::End(state) => state.text(),
                Next::Again { .. } => "again",
            });
            self.ring();
        }
        Ok(())
    }
}

fn told(attempt: Attempt) -> (Option<String>, Option<String>) {
    let short = |cause: String| Some(cause.chars().take(CAUSE_CHARS_MAX).collect());
    match attempt {
        Attempt::Answered => (None, None),
        Attempt::NotBegun(cause) | Attempt::Doubtful(cause) | Attempt::Untold(cause) => {
            (None, short(cause))
        }
        Attempt::Refused { code, cause } => (Some(code), short(cause)),
    }
}

/// What is kept of an end; an answer that is too large for it is in the message log alone.
async fn ending(
    code: Option<String>,
    cause: Option<String>,
    answer: Option<Answered>,
) -> Result<End<'static>, Fault> {
    let mut end = End {
        code,
        cause,
        ..End::default()
    };
    let Some(answer) = answer else {
        return Ok(end);
    };
    end.status = Some(i64::from(answer.response.status));
    let body = match &answer.body {
        Some(body) => within(body, BODY_BYTES_MAX).await?,
        None => Some(Vec::new()),
    };
    match body {
        Some(body) => {
            end.headers = serde_json::to_string(&answer.response.headers).ok();
            end.answer = Some(body);
        }
        None => {
            end.code = Some("tambo.answer_in_log".to_owned());
            end.cause = Some(
                "the answer is too large to be kept here: take it from the message log".to_owned(),
            );
        }
    }
    Ok(end)
}

fn own(cause: &dyn std::fmt::Display) -> AskError {
    AskError::Own(Fault::internal(cause))
}

/// The request as `ask` knows it, for its checks.
fn outgoing_of(row: &OutgoingRow, stored: &Stored) -> Result<Outgoing, AskError> {
    let subject = match stored.about {
        true => FactQuestion::parse(row.body.as_deref()).ok(),
        false => None,
    };
    Ok(Outgoing {
        client: row.client.parse().map_err(|error| own(&error))?,
        service: stored.service.clone(),
        server: None,
        method: String::new(),
        below: String::new(),
        headers: Vec::new(),
        body: None,
        number: Some(row.number.clone()),
        subject: subject.map(|question| question.subject),
        fields: stored.fields.clone(),
        purpose: stored.purpose.clone(),
        case: stored.case.clone(),
        behalf: Behalf {
            user: stored.user.clone(),
            trace: stored.trace.clone(),
        },
    })
}
