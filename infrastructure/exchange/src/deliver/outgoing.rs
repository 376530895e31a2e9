//! Deliveries as their senders see them: accepted, looked at, taken back, sent again.
//!
//! It promises that an accepted delivery is on disk with the very bytes that every attempt will sign, so that the
//! provider can tell a repetition from another message; and that it ends in exactly one state that the sender can read.

use kernel::{Fault, Id, Moment, Party, ServerId, ServiceId};
use serde::{Deserialize, Serialize};
use trust::sigalg::Hash;

use super::{BODY_BYTES_MAX, DeliverError, State, within};
use crate::Exchange;
use crate::ask::{Ask, Behalf, Outgoing, request_part};
use crate::body::Body;
use crate::domain::message::Header;
use crate::sql::outgoing::{self as sql, OutgoingRow};
use crate::sql::{self as journal, Side};

/// Longest message number, as the answering node takes it.
const NUMBER_BYTES_MAX: usize = 255;
/// Longest name of an order, in bytes.
const LANE_BYTES_MAX: usize = 100;
/// Deliveries that one turn forgets.
const FORGET_MAX: usize = 1_000;
/// Deliveries read for one turn.
const DUE_MAX: usize = 64;
const HOUR_SECONDS: i64 = 3_600;

/// A request that is to be delivered whenever it can be.
#[derive(Clone, Debug)]
pub struct LaterRequest {
    pub(crate) outgoing: Outgoing,
    /// Deliveries of one order to one service go one after the other; none for any time.
    pub(crate) order: Option<String>,
}

impl LaterRequest {
    /// A question about somebody, after all others that were accepted under the same order, if it has one.
    pub fn question(ask: Ask, behalf: Behalf, order: Option<String>) -> Self {
        let outgoing = Outgoing::facts(ask, behalf);
        Self { outgoing, order }
    }
}

/// What is stored of a request beside its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub service: ServiceId,
    pub server: Option<ServerId>,
    /// The request part, byte for byte.
    pub rest: String,
    pub request_id: String,
    pub agreement: Option<String>,
    pub purpose: Option<String>,
    pub case: Option<String>,
    /// Whether the body is a question about somebody.
    pub about: bool,
    pub fields: Vec<String>,
    pub user: Option<String>,
    pub trace: Option<String>,
    /// Digest of what the sender gave, by which a repeated acceptance is known.
    pub given: String,
}

/// A delivery as its sender sees it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message number.
    pub number: String,
    /// Where it is.
    pub state: State,
    /// Whether it may have arrived although it has not ended.
    pub doubt: bool,
    /// Attempts so far.
    pub attempts: i64,
    /// When it was accepted.
    pub accepted_at: Moment,
    /// When it is given up.
    pub expires_at: Moment,
    /// When the next attempt is due.
    pub next_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// Error code of the end.
    pub code: Option<String>,
    /// What last went wrong.
    pub cause: Option<String>,
    /// The provider's answer: status, headers, body.
    pub answer: Option<(u16, Vec<Header>, Vec<u8>)>,
}

impl Delivery {
    fn of(row: OutgoingRow) -> Self {
        let headers = row
            .headers
            .as_deref()
            .map(serde_json::from_str::<Vec<Header>>);
        let status = row.status.and_then(|status| u16::try_from(status).ok());
        Self {
            state: State::parse(&row.state).unwrap_or(State::Unknown),
            doubt: row.doubt,
            attempts: row.attempts,
            accepted_at: row.accepted_at,
            expires_at: row.expires_at,
            next_at: row.next_at,
            ended_at: row.ended_at,
            code: row.code,
            cause: row.cause,
            answer: status
                .zip(headers.and_then(Result::ok))
                .map(|(status, headers)| (status, headers, row.answer.unwrap_or_default())),
            number: row.number,
        }
    }
}

impl Exchange {
    /// Asks a registry about somebody whenever it can be reached; gives the message number once the question is on disk.
    ///
    /// # Errors
    /// [`DeliverError`]: no agreement, or a limit is reached.
    pub async fn ask_later(&self, ask: Ask, behalf: Behalf) -> Result<String, DeliverError> {
        self.send_later(LaterRequest::question(ask, behalf, None))
            .await
    }

    /// Accepts a request for delivery; gives the message number once it is on disk. The same request under the same
    /// number is accepted once.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub async fn send_later(&self, request: LaterRequest) -> Result<String, DeliverError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let LaterRequest { outgoing, order } = request;
        self.check_later(&outgoing, order.as_deref())?;
        let authorised = self.find_agreement(&outgoing).await?;
        let agreement = authorised.map(|one| one.agreement().to_owned());
        let body = match &outgoing.body {
            Some(body) => within(body, BODY_BYTES_MAX).await?,
            None => None,
        };
        let row = self.delivery_row(outgoing, body, (order, agreement), now)?;
        let mut tx = inner.store.begin().await?;
        if let Some(earlier) = one_of(&mut tx, &row.client, &row.number).await? {
            return match given(&earlier)? == given(&row)? {
                true => Ok(row.number),
                false => Err(DeliverError::NumberTaken),
            };
        }
        let asked = journal::questions_by_number(&mut tx, &row.number).await?;
        if asked
            .iter()
            .any(|asked| asked.side == Side::Client && asked.client == row.client)
        {
            return Err(DeliverError::NumberTaken);
        }
        let (count, bytes, _) = sql::held(&mut tx).await?;
        let limits = &inner.settings.deliver;
        let size = row.body.as_ref().map_or(0, Vec::len) + row.request.len();
        if count >= limits.waiting_max {
            return Err(DeliverError::TooMany {
                limit: limits.waiting_max,
            });
        }
        if bytes.saturating_add(i64::try_from(size).unwrap_or(i64::MAX)) > limits.waiting_bytes_max
        {
            return Err(DeliverError::TooMuch {
                limit: limits.waiting_bytes_max,
            });
        }
        sql::insert(&mut tx, &row).await?;
        tx.commit().await?;
        inner.guard.accepted(now);
        self.ring();
        Ok(row.number)
    }

    fn check_later(&self, outgoing: &Outgoing, order: Option<&str>) -> Result<(), DeliverError> {
        let inner = &self.inner;
        inner.can_keep(inner.clock.now())?;
        if *outgoing.client.member() != inner.settings.member {
            return Err(DeliverError::NotYours);
        }
        let limit = BODY_BYTES_MAX.min(inner.settings.body_bytes_max);
        if outgoing.body.as_ref().map_or(0, Body::len) > limit as u64 {
            return Err(DeliverError::BodyTooLarge { limit });
        }
        let number = outgoing.number.as_ref().map_or(1, String::len);
        if number == 0 || number > NUMBER_BYTES_MAX {
            return Err(DeliverError::Malformed(
                "the message number is empty or too long",
            ));
        }
        if order.is_some_and(|order| order.is_empty() || order.len() > LANE_BYTES_MAX) {
            return Err(DeliverError::Malformed(
                "the order's name is empty or too long",
            ));
        }
        Ok(())
    }

    fn delivery_row(
        &self,
        outgoing: Outgoing,
        body: Option<Vec<u8>>,
        (order, agreement): (Option<String>, Option<String>),
        now: Moment,
    ) -> Result<OutgoingRow, DeliverError> {
        let inner = &self.inner;
        let number = outgoing.number.clone();
        let number = number.unwrap_or_else(|| inner.new_number());
        let request_id = inner.chance.uuid();
        let part = request_part(&outgoing, &number, &request_id, agreement.as_deref());
        let rest = String::from_utf8(part.bytes()).map_err(Fault::internal)?;
        let lane = order.map(|order| format!("{}>{} {order}", outgoing.client, outgoing.service));
        let stored = Stored {
            given: digest(&outgoing, body.as_deref().unwrap_or_default()),
            rest,
            request_id,
            agreement,
            about: outgoing.subject.is_some(),
            fields: outgoing.fields,
            purpose: outgoing.purpose,
            case: outgoing.case,
            user: outgoing.behalf.user,
            trace: outgoing.behalf.trace,
            server: outgoing.server,
            service: outgoing.service,
        };
        Ok(OutgoingRow {
            id: Id::new(&*inner.clock, &*inner.chance),
            client: outgoing.client.to_string(),
            number,
            provider: stored.service.member().to_string(),
            lane: lane.unwrap_or_default(),
            request: serde_json::to_string(&stored).map_err(Fault::internal)?,
            body,
            state: State::Waiting.text().to_owned(),
            doubt: false,
            attempts: 0,
            server: String::new(),
            accepted_at: now,
            expires_at: now.plus_seconds(inner.settings.deliver.try_hours.max(1) * HOUR_SECONDS),
            next_at: now,
            ended_at: None,
            code: None,
            cause: None,
            status: None,
            headers: None,
            answer: None,
        })
    }

    /// A delivery of `client`.
    ///
    /// # Errors
    /// There is none with this number, or the store failed.
    pub async fn delivery(&self, client: &Party, number: &str) -> Result<Delivery, DeliverError> {
        let mut tx = self.inner.store.read().await?;
        let row = one_of(&mut tx, &client.to_string(), number).await?;
        row.map(Delivery::of).ok_or(DeliverError::NoDelivery)
    }

    /// Takes back a delivery that has not left, or closes one of unknown fate.
    ///
    /// # Errors
    /// There is none, or it may have left already.
    pub async fn take_back(&self, client: &Party, number: &str) -> Result<(), DeliverError> {
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.begin().await?;
        let row = one_of(&mut tx, &client.to_string(), number).await?;
        let row = row.ok_or(DeliverError::NoDelivery)?;
        if !sql::withdraw(&mut tx, row.id, now).await? {
            return Err(DeliverError::TooLate(known(&row.state)));
        }
        tx.commit().await?;
        self.ring();
        Ok(())
    }

    /// Sends a delivery of unknown fate once more, because its sender says that it may arrive twice.
    ///
    /// # Errors
    /// There is none, or its fate is known.
    pub async fn deliver_again(&self, client: &Party, number: &str) -> Result<(), DeliverError> {
        let now = self.inner.clock.now();
        let until = now.plus_seconds(self.inner.settings.deliver.try_hours.max(1) * HOUR_SECONDS);
        let mut tx = self.inner.store.begin().await?;
        let row = one_of(&mut tx, &client.to_string(), number).await?;
        let row = row.ok_or(DeliverError::NoDelivery)?;
        if !sql::retry(&mut tx, row.id, now, until).await? {
            return Err(DeliverError::TooLate(known(&row.state)));
        }
        tx.commit().await?;
        self.ring();
        Ok(())
    }

    /// Puts back what was being sent when the process ended, in doubt. At start, before anything else is carried.
    pub(crate) async fn take_up_deliveries(&self) -> Result<(), Fault> {
        let mut tx = self.inner.store.begin().await?;
        let count = sql::take_up(&mut tx, self.inner.clock.now()).await?;
        tx.commit().await?;
        if count > 0 {
            tracing::warn!(count, "deliveries were being sent when the process ended");
        }
        Ok(())
    }

    /// Deliveries that are due, of each order only the first.
    pub(super) async fn due_deliveries(&self) -> Result<Vec<OutgoingRow>, Fault> {
        let mut tx = self.inner.store.read().await?;
        Ok(sql::due(&mut tx, self.inner.clock.now(), DUE_MAX).await?)
    }

    /// When something is due next; now, if something is.
    pub(super) async fn next_due(&self) -> Result<Option<Moment>, Fault> {
        let now = self.inner.clock.now();
        if !self.due_subscriptions().await?.is_empty() {
            return Ok(Some(now));
        }
        let mut tx = self.inner.store.read().await?;
        Ok(match sql::due(&mut tx, now, 1).await?.is_empty() {
            true => sql::next(&mut tx, now).await?,
            false => Some(now),
        })
    }

    /// Forgets deliveries whose answers were kept long enough. Run by a timer; tells how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_deliveries(&self) -> Result<u64, Fault> {
        let days = self.inner.settings.deliver.answer_days.max(1);
        let before = self
            .inner
            .clock
            .now()
            .plus_seconds(-days * 24 * HOUR_SECONDS);
        let mut tx = self.inner.store.begin().await?;
        let count = sql::forget(&mut tx, before, FORGET_MAX).await?;
        tx.commit().await?;
        Ok(count)
    }
}

async fn one_of(
    tx: &mut store::Tx,
    client: &str,
    number: &str,
) -> Result<Option<OutgoingRow>, Fault> {
    let rows = sql::by_number(tx, number).await?;
    Ok(rows.into_iter().find(|row| row.client == client))
}

fn known(state: &str) -> &'static str {
    State::parse(state).map_or("unknown", State::text)
}

fn given(row: &OutgoingRow) -> Result<String, Fault> {
    let stored: Stored = serde_json::from_str(&row.request).map_err(Fault::internal)?;
    Ok(stored.given)
}

/// A digest of what the sender gave, without what this node adds.
fn digest(outgoing: &Outgoing, body: &[u8]) -> String {
    let head = serde_json::json!([
        outgoing.client,
        outgoing.service,
        outgoing.method,
        outgoing.below,
        outgoing.headers,
        outgoing.purpose,
        outgoing.case,
    ]);
    let text = [head.to_string().as_bytes(), b"\n", body].concat();
    data_encoding::HEXLOWER.encode(&Hash::Sha256.digest(&text))
}
