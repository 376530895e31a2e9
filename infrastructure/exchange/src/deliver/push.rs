//! Carrying events: from our topics to the subscribers' nodes, and from our store to our own systems.
//!
//! Run in turns by `deliver`. Each subscriber gets its events in order, the next batch only after the last was
//! acknowledged; after an outage it goes on from there. One subscriber that is away holds nobody else up. An event that
//! our own system refuses again and again is set aside, so that the ones behind it arrive.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Method};
use kernel::Fault;

use super::receive::Reply;
use super::state::pause_micros;
use super::topic::{BATCH_EVENTS_MAX, Batch, Topic};
use super::topics::{LIST_MAX, to_events};
use crate::Exchange;
use crate::body;
use crate::sql::topic::{self as sql, EventRow, SubscriptionRow, Way};

/// Batches that one subscriber gets in one turn, so that others have theirs.
const BATCHES_MAX: usize = 50;
/// Refusals of one event by our own system before it is set aside; about ten minutes.
const REFUSALS_MAX: i64 = 8;
/// How the cause of a refused event begins.
const REFUSED: &str = "the body's own system refused the event with";
/// Longest text of a cause that is kept, in characters.
const CAUSE_CHARS_MAX: usize = 300;

/// What came of one step.
enum Step {
    /// Something moved; there may be more.
    On,
    /// Nothing more to do now.
    Done,
    /// It failed; later again.
    Failed(String),
}

impl Exchange {
    /// Carries what is due to one subscriber of a topic of ours.
    pub(super) async fn push_out(&self, row: SubscriptionRow) -> Result<(), Fault> {
        self.in_steps(Way::Out, row).await
    }

    /// Carries what is due to our own system that takes a topic.
    pub(super) async fn push_in(&self, row: SubscriptionRow) -> Result<(), Fault> {
        self.in_steps(Way::In, row).await
    }

    async fn in_steps(&self, way: Way, mut row: SubscriptionRow) -> Result<(), Fault> {
        for _ in 0..BATCHES_MAX {
            let step = match way {
                Way::Out => self.batch_out(&row).await?,
                Way::In => self.event_in(&row).await?,
            };
            match step {
                Step::Done => return Ok(()),
                Step::Failed(cause) => return self.push_failed(way, &row, &cause).await,
                Step::On => {}
            }
            let mut tx = self.inner.store.read().await?;
            match sql::one(&mut tx, way, &row.topic, &row.subscriber).await? {
                Some(fresh) => row = fresh,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn push_failed(&self, way: Way, row: &SubscriptionRow, cause: &str) -> Result<(), Fault> {
        let inner = &self.inner;
        tracing::warn!(topic = %row.topic, subscriber = %row.subscriber, %cause, "events wait");
        let now = inner.clock.now();
        let pause = pause_micros(row.attempts + 1, &*inner.chance);
        let cause: String = cause.chars().take(CAUSE_CHARS_MAX).collect();
        let mut tx = inner.store.begin().await?;
        sql::failed(&mut tx, way, row, &cause, kernel::Moment(now.0 + pause)).await?;
        Ok(tx.commit().await?)
    }

    /// One batch to a subscriber's node.
    async fn batch_out(&self, row: &SubscriptionRow) -> Result<Step, Fault> {
        let Some((batch, head)) = self.next_batch(row).await? else {
            return Ok(Step::Done);
        };
        let Ok(topic) = row.topic.parse::<Topic>() else {
            return Ok(Step::Failed("the topic's name can't be read".to_owned()));
        };
        let Ok(subscriber) = row.subscriber.parse() else {
            return Ok(Step::Failed(
                "the subscriber's name can't be read".to_owned(),
            ));
        };
        let body = serde_json::to_vec(&batch).map_err(Fault::internal)?;
        let below = format!("/batches/{}", topic.name);
        let outgoing = to_events(&topic.publisher, &subscriber, &below, body);
        let answered = match self.send(outgoing).await {
            Ok(answered) => answered.into_inner(),
            Err(error) => return Ok(Step::Failed(error.to_string())),
        };
        let body = body::small(answered.body.as_ref());
        let acked = match serde_json::from_slice(body) {
            Ok(Reply::Acknowledged(n)) if n <= head => n,
            Ok(Reply::Expected(n)) if n >= 1 && n <= head + 1 => n - 1,
            _ => {
                let text: String = String::from_utf8_lossy(body).chars().take(100).collect();
                let status = answered.response.status;
                return Ok(Step::Failed(format!("answered with {status}: {text}")));
            }
        };
        if acked == row.acked {
            return Ok(Step::Failed("the subscriber takes nothing".to_owned()));
        }
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.begin().await?;
        sql::acked(&mut tx, &row.topic, &row.subscriber, acked, now).await?;
        tx.commit().await?;
        Ok(Step::On)
    }

    /// The batch after what a subscriber has, and the topic's newest number.
    async fn next_batch(&self, row: &SubscriptionRow) -> Result<Option<(Batch, i64)>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let Some(topic) = sql::topic(&mut tx, &row.topic).await? else {
            return Ok(None);
        };
        // What was removed before it could be received is a gap; the batch says so by its oldest number.
        let after = row.acked.max(topic.oldest - 1);
        let events = sql::events_after(&mut tx, &row.topic, after, BATCH_EVENTS_MAX).await?;
        if events.is_empty() {
            return Ok(None);
        }
        let before = match after + 1 == topic.oldest {
            true => Some(topic.tail),
            false => sql::link_of(&mut tx, &row.topic, after).await?,
        };
        let batch = Batch::of(topic.oldest, &before.unwrap_or_default(), &events);
        Ok(Some((batch, topic.head)))
    }

    /// One event to our own system.
    async fn event_in(&self, row: &SubscriptionRow) -> Result<Step, Fault> {
        let Some(url) = self.inner.settings.deliver.push.get(&row.topic) else {
            return Ok(Step::Done);
        };
        let mut tx = self.inner.store.read().await?;
        let events = sql::events_after(&mut tx, &row.topic, row.pushed, 1).await?;
        drop(tx);
        let next = events.into_iter().next();
        let Some(event) = next.filter(|event| event.n <= row.acked) else {
            return Ok(Step::Done);
        };
        let refused = match self.push_event(url, &row.topic, &event).await {
            Ok(()) => None,
            Err(Refused::Now(cause)) => return Ok(Step::Failed(cause)),
            Err(Refused::Event(cause)) if !row.cause.starts_with(REFUSED) => {
                // Only refusals count from here, not what failed before.
                self.push_reset(row).await?;
                return Ok(Step::Failed(cause));
            }
            Err(Refused::Event(cause)) if row.attempts < REFUSALS_MAX => {
                return Ok(Step::Failed(cause));
            }
            Err(Refused::Event(cause)) => Some(cause),
        };
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.begin().await?;
        if let Some(cause) = refused {
            tracing::error!(topic = %row.topic, n = event.n, %cause, "an event is set aside");
            sql::set_poison(&mut tx, &row.topic, event.n, &cause).await?;
        }
        sql::pushed(&mut tx, &row.topic, &row.subscriber, event.n, now).await?;
        tx.commit().await?;
        Ok(Step::On)
    }

    async fn push_reset(&self, row: &SubscriptionRow) -> Result<(), Fault> {
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.begin().await?;
        sql::pushed(&mut tx, &row.topic, &row.subscriber, row.pushed, now).await?;
        Ok(tx.commit().await?)
    }

    async fn push_event(&self, url: &str, topic: &str, event: &EventRow) -> Result<(), Refused> {
        let pairs = BTreeMap::from([
            ("content-type", event.kind.clone()),
            ("tambo-topic", topic.to_owned()),
            ("tambo-event", event.n.to_string()),
            ("tambo-published", event.at.iso()),
        ]);
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        let body = event.body.clone().into();
        let sent = self.inner.http.ask(Method::POST, url, headers, body).await;
        let status = sent
            .map_err(|error| Refused::Now(error.to_string()))?
            .status;
        let told = format!("the body's own system answered with {}", status.as_u16());
        let refused = format!("{REFUSED} {}", status.as_u16());
        match status.as_u16() {
            200..=299 => Ok(()),
            // Only these speak of the event itself; all others may pass.
            400 | 409 | 410 | 413 | 415 | 422 => Err(Refused::Event(refused)),
            _ => Err(Refused::Now(told)),
        }
    }

    /// Subscriptions that are due: to subscribers, and to our own systems.
    pub(super) async fn due_subscriptions(&self) -> Result<Vec<(Way, SubscriptionRow)>, Fault> {
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.read().await?;
        let heads: BTreeMap<String, i64> = sql::topics(&mut tx, LIST_MAX)
            .await?
            .into_iter()
            .map(|(topic, row)| (topic, row.head))
            .collect();
        let out = sql::subscriptions(&mut tx, Way::Out, LIST_MAX).await?;
        let received = sql::subscriptions(&mut tx, Way::In, LIST_MAX).await?;
        let push = &self.inner.settings.deliver.push;
        let out = out
            .into_iter()
            .filter(|row| heads.get(&row.topic).is_some_and(|head| row.acked < *head))
            .map(|row| (Way::Out, row));
        let received = received
            .into_iter()
            .filter(|row| row.pushed < row.acked && push.contains_key(&row.topic))
            .map(|row| (Way::In, row));
        Ok(out
            .chain(received)
            .filter(|(_, row)| row.next_at <= now)
            .collect())
    }
}

/// Why our own system did not take an event.
enum Refused {
    /// It can't now.
    Now(String),
    /// It says that this event is wrong.
    Event(String),
}
