//! Publishing, subscribing and reading: what this body's own systems do with topics.
//!
//! It promises that an event that got a number is on disk, that numbers have no gaps, and that limits are told with what
//! to do. What leaves to subscribers is `push`'s work, what comes from publishers `receive`'s.

use kernel::{Fault, Moment, SubsystemId};
use serde::{Deserialize, Serialize};

use super::topic::{EVENT_BYTES_MAX, KIND_BYTES_MAX, Topic, link};
use super::{DeliverError, TopicSettings};
use crate::Exchange;
use crate::ask::{Behalf, Outgoing};
use crate::body;
use crate::sql::topic::{self as sql, EventRow, SubscriptionRow, Way};

/// Code of the built-in service that carries events and subscriptions.
pub const SERVICE: &str = "events";
/// Most events that one reading gives.
pub const READ_MAX: usize = 500;
/// Most topics and subscriptions of one body that are worked on and shown.
pub const LIST_MAX: usize = 1_000;
/// Longest number that a publisher gives its event, in bytes.
const NUMBER_BYTES_MAX: usize = 255;
/// Events that one turn of the retention removes.
const FORGET_MAX: usize = 5_000;
const DAY_SECONDS: i64 = 86_400;

/// An event that a system publishes.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Media type.
    pub kind: String,
    /// Content.
    pub body: Vec<u8>,
    /// The publisher's own number: given again, the event is not published again.
    pub number: Option<String>,
}

/// Events as a reader gets them.
#[derive(Debug)]
pub struct Reading {
    /// The events, in order.
    pub events: Vec<EventRow>,
    /// The newest number that this node has.
    pub head: i64,
    /// First and last number that can't be read any more, if that concerns the reader.
    pub gap: Option<(i64, i64)>,
}

/// The publisher's answer to a subscription.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Subscribed {
    /// Events after this number will come.
    pub after: i64,
    /// Its link, if the publisher still knows it.
    pub link: String,
}

impl Exchange {
    /// Publishes an event of this body's subsystem `client`; gives its number once it is on disk.
    ///
    /// # Errors
    /// [`DeliverError`]: no such topic, not the subsystem's, too large, or a limit is reached.
    pub async fn publish(
        &self,
        client: &SubsystemId,
        name: &str,
        event: NewEvent,
    ) -> Result<(Topic, i64), DeliverError> {
        let (topic, limits) = self.own_topic(client, name)?;
        check(&event, limits)?;
        let now = self.inner.clock.now();
        self.inner.can_keep(now)?;
        let key = topic.to_string();
        let mut tx = self.inner.store.begin().await?;
        let mut row = sql::topic_for_update(&mut tx, &key).await?;
        if let Some(number) = &event.number
            && let Some(n) = sql::event_of(&mut tx, &key, number).await?
        {
            return Ok((topic, n));
        }
        let subscribers = sql::subscribers(&mut tx, Way::Out, &key, LIST_MAX).await?;
        let slowest = subscribers.iter().map(|one| one.acked).min();
        if slowest.is_some_and(|acked| row.head - acked >= limits.backlog_max) {
            return Err(DeliverError::Backlog {
                limit: limits.backlog_max,
            });
        }
        let size = i64::try_from(event.body.len()).unwrap_or(i64::MAX);
        if row.bytes.saturating_add(size) > limits.bytes_max {
            return Err(DeliverError::TopicFull {
                limit: limits.bytes_max,
            });
        }
        row.head += 1;
        row.bytes += size;
        row.link = link(&row.link, row.head, now, &event.kind, &event.body);
        let stored = EventRow {
            n: row.head,
            at: now,
            kind: event.kind,
            body: event.body,
            link: row.link.clone(),
            poison: None,
        };
        sql::insert_event(&mut tx, &key, &stored, event.number.as_deref()).await?;
        sql::set_topic(&mut tx, &key, &row).await?;
        tx.commit().await?;
        self.inner.guard.accepted(now);
        self.ring();
        Ok((topic, row.head))
    }

    /// A topic that `client` publishes, with its limits.
    fn own_topic(
        &self,
        client: &SubsystemId,
        name: &str,
    ) -> Result<(Topic, &TopicSettings), DeliverError> {
        let limits = self.inner.settings.topics.get(name);
        let limits = limits.ok_or(DeliverError::NoTopic)?;
        if limits.subsystem != client.code || client.member != self.inner.settings.member {
            return Err(DeliverError::NotYours);
        }
        let topic = Topic::new(client.clone(), name).map_err(|_| DeliverError::NoTopic)?;
        Ok((topic, limits))
    }

    /// Events after a number, for the publisher's or a subscriber's own system.
    ///
    /// # Errors
    /// The subsystem neither publishes the topic nor subscribes to it, or the store failed.
    pub async fn events(
        &self,
        client: &SubsystemId,
        topic: &Topic,
        after: i64,
        limit: usize,
    ) -> Result<Reading, DeliverError> {
        let (key, own) = (topic.to_string(), topic.publisher == *client);
        let mut tx = self.inner.store.read().await?;
        let subscription = sql::one(&mut tx, Way::In, &key, &client.to_string()).await?;
        let (head, gap) = match (subscription, own) {
            (Some(row), _) => (row.acked, (row.gap.1 > after).then_some(row.gap)),
            (None, true) => {
                let row = sql::topic(&mut tx, &key).await?.unwrap_or_default();
                let gap = (after + 1 < row.oldest).then_some((after + 1, row.oldest - 1));
                (row.head, gap)
            }
            (None, false) => return Err(DeliverError::NotSubscribed),
        };
        let limit = limit.clamp(1, READ_MAX);
        let mut events = sql::events_after(&mut tx, &key, after, limit).await?;
        events.retain(|event| event.n <= head);
        Ok(Reading { events, head, gap })
    }

    /// Subscribes a subsystem of this body to another's topic, by a signed question to the publisher's node. `after` is
    /// the last number that the subscriber already has; without it everything comes that the publisher still keeps.
    ///
    /// # Errors
    /// The publisher refuses or can't be reached.
    pub async fn subscribe(
        &self,
        client: &SubsystemId,
        topic: &Topic,
        after: Option<i64>,
    ) -> Result<i64, DeliverError> {
        let body = serde_json::json!({ "after": after }).to_string();
        let path = format!("/topics/{}/subscription", topic.name);
        let outgoing = to_events(client, &topic.publisher, &path, body.into_bytes());
        let answered = self.send(outgoing).await?.into_inner();
        if answered.response.status != 200 {
            return Err(DeliverError::Publisher(answered.response.status));
        }
        let body = body::small(answered.body.as_ref());
        let told: Subscribed =
            serde_json::from_slice(body).map_err(|_| DeliverError::Publisher(200))?;
        let (now, place) = (self.inner.clock.now(), (told.after, told.link.as_str()));
        let (key, subscriber) = (topic.to_string(), client.to_string());
        let mut tx = self.inner.store.begin().await?;
        sql::subscribe(&mut tx, Way::In, &key, &subscriber, place, now).await?;
        tx.commit().await?;
        Ok(told.after)
    }

    /// Ends a subscription, at the publisher first. Events that were received stay until their time is over.
    ///
    /// # Errors
    /// The publisher can't be reached; the subscription stays.
    pub async fn unsubscribe(
        &self,
        client: &SubsystemId,
        topic: &Topic,
    ) -> Result<(), DeliverError> {
        let path = format!("/topics/{}/ended", topic.name);
        let outgoing = to_events(client, &topic.publisher, &path, b"{}".to_vec());
        let answered = self.send(outgoing).await?.into_inner();
        if !matches!(answered.response.status, 200 | 404) {
            return Err(DeliverError::Publisher(answered.response.status));
        }
        let (key, subscriber) = (topic.to_string(), client.to_string());
        let mut tx = self.inner.store.begin().await?;
        sql::unsubscribe(&mut tx, Way::In, &key, &subscriber).await?;
        Ok(tx.commit().await?)
    }

    /// The topics that `client` publishes or is subscribed to: name, newest number, and what last went wrong.
    ///
    /// # Errors
    /// The store failed.
    pub async fn topics_of(
        &self,
        client: &SubsystemId,
    ) -> Result<(Vec<(String, i64)>, Vec<SubscriptionRow>), Fault> {
        let mut tx = self.inner.store.read().await?;
        let mut own = Vec::new();
        for (name, limits) in &self.inner.settings.topics {
            if limits.subsystem == client.code {
                let key = format!("{client}/{name}");
                let row = sql::topic(&mut tx, &key).await?.unwrap_or_default();
                own.push((key, row.head));
            }
        }
        let mut received = sql::subscriptions(&mut tx, Way::In, LIST_MAX).await?;
        received.retain(|row| row.subscriber == client.to_string());
        Ok((own, received))
    }

    /// Removes events whose time is over, published and received. Run by a timer; tells how many topics lost some.
    ///
    /// # Errors
    /// The store failed.
    pub async fn forget_events(&self) -> Result<usize, Fault> {
        let now = self.inner.clock.now();
        let settings = &self.inner.settings;
        let before = |days: i64| now.plus_seconds(-days.max(1).saturating_mul(DAY_SECONDS));
        let mut count = 0;
        for (name, limits) in &settings.topics {
            let publisher = settings.member.subsystem(&limits.subsystem);
            let key = format!("{publisher}/{name}");
            count += usize::from(self.forget_of(&key, before(limits.retention_days)).await?);
        }
        let mut tx = self.inner.store.read().await?;
        let received = sql::subscriptions(&mut tx, Way::In, LIST_MAX).await?;
        drop(tx);
        for row in received {
            let own = row.topic.starts_with(&format!("{}/", settings.member));
            if !own {
                let limit = before(settings.deliver.event_days);
                count += usize::from(self.forget_of(&row.topic, limit).await?);
            }
        }
        Ok(count)
    }

    async fn forget_of(&self, key: &str, before: Moment) -> Result<bool, Fault> {
        let mut tx = self.inner.store.begin().await?;
        let mut row = sql::topic_for_update(&mut tx, key).await?;
        let tail = sql::newest_before(&mut tx, key, before, FORGET_MAX).await?;
        let Some((last, bytes, link)) = tail else {
            return Ok(false);
        };
        sql::forget_events(&mut tx, key, last).await?;
        row.oldest = last + 1;
        row.bytes = (row.bytes - bytes).max(0);
        row.tail = link;
        sql::set_topic(&mut tx, key, &row).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn check(event: &NewEvent, limits: &TopicSettings) -> Result<(), DeliverError> {
    let limit = limits.event_bytes_max.min(EVENT_BYTES_MAX);
    if event.body.len() > limit {
        return Err(DeliverError::EventTooLarge { limit });
    }
    let number = event.number.as_ref().map_or(0, String::len);
    if event.kind.len() > KIND_BYTES_MAX || number > NUMBER_BYTES_MAX {
        return Err(DeliverError::Malformed(
            "the media type or the number is too long",
        ));
    }
    Ok(())
}

/// A question to the built-in service of another body's subsystem.
pub(super) fn to_events(
    client: &SubsystemId,
    other: &SubsystemId,
    below: &str,
    body: Vec<u8>,
) -> Outgoing {
    let service = other.service(SERVICE);
    Outgoing::built_in(client.clone(), service, below, body, Behalf::default())
}
