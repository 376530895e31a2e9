//! Topics, their events and who has received how far: on the publisher's side and on the subscriber's.
//!
//! A topic's name in the tables is `INSTANCE/CLASS/MEMBER/SUBSYSTEM/NAME`, of the publishing subsystem, on both sides.

use kernel::Moment;
use store::{Row, StoreError, Tx, params};

/// Which side of a subscription this node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Events leave to a subscriber.
    Out,
    /// Events come from a publisher.
    In,
}

impl Way {
    const fn text(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// A topic of this body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRow {
    /// Number of the newest event; 0 if there was none.
    pub head: i64,
    /// Number of the oldest event that is still kept; `head + 1` if none is.
    pub oldest: i64,
    /// Bytes of the kept events.
    pub bytes: i64,
    /// Link of the newest event.
    pub link: String,
    /// Link of the event before the oldest one that is kept.
    pub tail: String,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number in the topic, from 1, without gaps.
    pub n: i64,
    /// When it was published.
    pub at: Moment,
    /// Media type.
    pub kind: String,
    /// Content.
    pub body: Vec<u8>,
    /// Digest over the link of the event before and this event.
    pub link: String,
    /// Why it was set aside, if the reader's system could not take it.
    pub poison: Option<String>,
}

/// How far a subscriber has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// The topic.
    pub topic: String,
    /// The subscribing subsystem.
    pub subscriber: String,
    /// The newest event that the subscriber's node has on disk.
    pub acked: i64,
    /// Its link.
    pub link: String,
    /// First and last event that were removed before they could be received; 0 for none.
    pub gap: (i64, i64),
    /// The newest event that the subscriber's own system took.
    pub pushed: i64,
    /// Attempts since the last success.
    pub attempts: i64,
    /// When the next attempt is due.
    pub next_at: Moment,
    /// What last went wrong; empty for nothing.
    pub cause: String,
    /// Since when it is subscribed.
    pub since: Moment,
}

const TOPIC_GET: &str =
    "SELECT head, oldest, bytes, link, tail FROM exchange_topic WHERE topic = $1";
const TOPIC_MAKE: &str = "INSERT INTO exchange_topic (topic, head, oldest, bytes, link, tail) VALUES ($1, 0, 1, 0, '', '') \
     ON CONFLICT (topic) DO UPDATE SET head = exchange_topic.head RETURNING head, oldest, bytes, link, tail";
const TOPIC_SET: &str = "UPDATE exchange_topic SET head = $2, oldest = $3, bytes = $4, link = $5, tail = $6 WHERE topic = $1";
const TOPICS: &str =
    "SELECT topic, head, oldest, bytes, link, tail FROM exchange_topic ORDER BY topic LIMIT $1";
const EVENT_INSERT: &str = "INSERT INTO exchange_event (topic, n, at, kind, body, number, link) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const EVENT_NUMBER: &str = "SELECT n FROM exchange_event WHERE topic = $1 AND number = $2";
const EVENTS_AFTER: &str = "SELECT n, at, kind, body, link, poison FROM exchange_event \
     WHERE topic = $1 AND n > $2 ORDER BY n LIMIT $3";
const EVENT_POISON: &str = "UPDATE exchange_event SET poison = $3 WHERE topic = $1 AND n = $2";
const POISONED: &str =
    "SELECT COUNT(*) FROM exchange_event WHERE topic = $1 AND poison IS NOT NULL";
const EVENTS_OLD: &str = "SELECT CAST(MAX(n) AS BIGINT), CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) \
     FROM (SELECT n, body FROM exchange_event WHERE topic = $1 AND at < $2 ORDER BY n LIMIT $3) gone";
const EVENT_LINK: &str = "SELECT link FROM exchange_event WHERE topic = $1 AND n = $2";
const EVENTS_FORGET: &str = "DELETE FROM exchange_event WHERE topic = $1 AND n <= $2";
const SUBSCRIBE: &str = "INSERT INTO exchange_subscription (side, topic, subscriber, acked, link, gap_from, gap_to, pushed, \
     attempts, next_at, cause, since) VALUES ($1, $2, $3, $4, $5, 0, 0, $4, 0, $6, '', $6) \
     ON CONFLICT (side, topic, subscriber) DO NOTHING";
const UNSUBSCRIBE: &str =
    "DELETE FROM exchange_subscription WHERE side = $1 AND topic = $2 AND subscriber = $3";
const SUBSCRIPTION: &str = "SELECT topic, subscriber, acked, link, gap_from, gap_to, pushed, attempts, next_at, cause, since \
     FROM exchange_subscription WHERE side = $1 AND topic = $2 AND subscriber = $3";
const SUBSCRIPTIONS: &str = "SELECT topic, subscriber, acked, link, gap_from, gap_to, pushed, attempts, next_at, cause, since \
     FROM exchange_subscription WHERE side = $1 ORDER BY topic, subscriber LIMIT $2";
const SUBSCRIBERS: &str = "SELECT topic, subscriber, acked, link, gap_from, gap_to, pushed, attempts, next_at, cause, since \
     FROM exchange_subscription WHERE side = $1 AND topic = $2 ORDER BY subscriber LIMIT $3";
const ACKED: &str = "UPDATE exchange_subscription SET acked = $4, attempts = 0, cause = '', next_at = $5 \
     WHERE side = $1 AND topic = $2 AND subscriber = $3";
const FAILED: &str = "UPDATE exchange_subscription SET attempts = attempts + 1, cause = $4, next_at = $5 \
     WHERE side = $1 AND topic = $2 AND subscriber = $3";
const RECEIVED: &str = "UPDATE exchange_subscription SET acked = $3, link = $4, gap_from = $5, gap_to = $6 \
     WHERE side = 'in' AND topic = $1 AND subscriber = $2";
const PUSHED: &str = "UPDATE exchange_subscription SET pushed = $3, attempts = 0, cause = '', next_at = $4 \
     WHERE side = 'in' AND topic = $1 AND subscriber = $2";

fn topic_row(row: &Row, first: usize) -> Result<TopicRow, StoreError> {
    Ok(TopicRow {
        head: row.int(first)?,
        oldest: row.int(first + 1)?,
        bytes: row.int(first + 2)?,
        link: row.text(first + 3)?,
        tail: row.text(first + 4)?,
    })
}

fn event(row: &Row) -> Result<EventRow, StoreError> {
    Ok(EventRow {
        n: row.int(0)?,
        at: row.moment(1)?,
        kind: row.text(2)?,
        body: row.bytes(3)?,
        link: row.text(4)?,
        poison: row.opt_text(5)?,
    })
}

fn subscription(row: &Row) -> Result<SubscriptionRow, StoreError> {
    Ok(SubscriptionRow {
        topic: row.text(0)?,
        subscriber: row.text(1)?,
        acked: row.int(2)?,
        link: row.text(3)?,
        gap: (row.int(4)?, row.int(5)?),
        pushed: row.int(6)?,
        attempts: row.int(7)?,
        next_at: row.moment(8)?,
        cause: row.text(9)?,
        since: row.moment(10)?,
    })
}

/// A topic as it is, if anything was ever published.
pub async fn topic(tx: &mut Tx, topic: &str) -> Result<Option<TopicRow>, StoreError> {
    let row = tx.maybe(TOPIC_GET, &params![topic]).await?;
    row.map(|row| topic_row(&row, 0)).transpose()
}

/// A topic to be changed: made if absent, and locked until the end of `tx`.
pub async fn topic_for_update(tx: &mut Tx, topic: &str) -> Result<TopicRow, StoreError> {
    topic_row(&tx.one(TOPIC_MAKE, &params![topic]).await?, 0)
}

/// Enters what changed of a topic.
pub async fn set_topic(tx: &mut Tx, topic: &str, row: &TopicRow) -> Result<(), StoreError> {
    let values = params![topic, row.head, row.oldest, row.bytes, &row.link, &row.tail];
    tx.execute(TOPIC_SET, &values).await.map(drop)
}

/// All topics of this body.
pub async fn topics(tx: &mut Tx, limit: usize) -> Result<Vec<(String, TopicRow)>, StoreError> {
    let rows = tx.all(TOPICS, &params![limit]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, topic_row(row, 1)?)))
        .collect()
}

/// Enters an event; `false` if its number is there already. `number` is the publisher's own, if it gave one.
pub async fn insert_event(
    tx: &mut Tx,
    topic: &str,
    event: &EventRow,
    number: Option<&str>,
) -> Result<bool, StoreError> {
    let values = params![
        topic,
        event.n,
        event.at,
        &event.kind,
        event.body.as_slice(),
        number.map(str::to_owned),
        &event.link,
    ];
    Ok(tx.execute(EVENT_INSERT, &values).await? == 1)
}

/// Which event a publisher's own number belongs to.
pub async fn event_of(tx: &mut Tx, topic: &str, number: &str) -> Result<Option<i64>, StoreError> {
    let row = tx.maybe(EVENT_NUMBER, &params![topic, number]).await?;
    row.map(|row| row.int(0)).transpose()
}

/// The events after a number, in order.
pub async fn events_after(
    tx: &mut Tx,
    topic: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<EventRow>, StoreError> {
    let rows = tx.all(EVENTS_AFTER, &params![topic, after, limit]).await?;
    rows.iter().map(event).collect()
}

/// Sets an event aside.
pub async fn set_poison(tx: &mut Tx, topic: &str, n: i64, why: &str) -> Result<(), StoreError> {
    tx.execute(EVENT_POISON, &params![topic, n, why])
        .await
        .map(drop)
}

/// How many events of a topic were set aside.
pub async fn poisoned(tx: &mut Tx, topic: &str) -> Result<i64, StoreError> {
    tx.one(POISONED, &params![topic]).await?.int(0)
}

/// The link of an event, if it is kept.
pub async fn link_of(tx: &mut Tx, topic: &str, n: i64) -> Result<Option<String>, StoreError> {
    let row = tx.maybe(EVENT_LINK, &params![topic, n]).await?;
    row.map(|row| row.text(0)).transpose()
}

/// The newest of the oldest events that were published before a moment: its number, the bytes up to it, and its link.
pub async fn newest_before(
    tx: &mut Tx,
    topic: &str,
    before: Moment,
    limit: usize,
) -> Result<Option<(i64, i64, String)>, StoreError> {
    let row = tx.one(EVENTS_OLD, &params![topic, before, limit]).await?;
    let Some(last) = row.opt_int(0)? else {
        return Ok(None);
    };
    let link = link_of(tx, topic, last).await?.unwrap_or_default();
    Ok(Some((last, row.int(1)?, link)))
}

/// Removes the events up to a number.
pub async fn forget_events(tx: &mut Tx, topic: &str, last: i64) -> Result<u64, StoreError> {
    tx.execute(EVENTS_FORGET, &params![topic, last]).await
}

/// Enters a subscription that has received everything up to `acked`; an existing one stays as it is.
pub async fn subscribe(
    tx: &mut Tx,
    way: Way,
    topic: &str,
    subscriber: &str,
    acked: (i64, &str),
    now: Moment,
) -> Result<(), StoreError> {
    let values = params![way.text(), topic, subscriber, acked.0, acked.1, now];
    tx.execute(SUBSCRIBE, &values).await.map(drop)
}

/// Ends a subscription; `false` if there was none.
pub async fn unsubscribe(
    tx: &mut Tx,
    way: Way,
    topic: &str,
    subscriber: &str,
) -> Result<bool, StoreError> {
    let values = params![way.text(), topic, subscriber];
    Ok(tx.execute(UNSUBSCRIBE, &values).await? == 1)
}

/// One subscription.
pub async fn one(
    tx: &mut Tx,
    way: Way,
    topic: &str,
    subscriber: &str,
) -> Result<Option<SubscriptionRow>, StoreError> {
    let row = tx
        .maybe(SUBSCRIPTION, &params![way.text(), topic, subscriber])
        .await?;
    row.as_ref().map(subscription).transpose()
}

/// All subscriptions of one side.
pub async fn subscriptions(
    tx: &mut Tx,
    way: Way,
    limit: usize,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let rows = tx.all(SUBSCRIPTIONS, &params![way.text(), limit]).await?;
    rows.iter().map(subscription).collect()
}

/// The subscriptions of one topic.
pub async fn subscribers(
    tx: &mut Tx,
    way: Way,
    topic: &str,
    limit: usize,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let rows = tx
        .all(SUBSCRIBERS, &params![way.text(), topic, limit])
        .await?;
    rows.iter().map(subscription).collect()
}

/// The subscriber's node has everything up to `n` on disk.
pub async fn acked(
    tx: &mut Tx,
    topic: &str,
    subscriber: &str,
    n: i64,
    now: Moment,
) -> Result<(), StoreError> {
    let values = params![Way::Out.text(), topic, subscriber, n, now];
    tx.execute(ACKED, &values).await.map(drop)
}

/// An attempt failed; the next is due at `next_at`.
pub async fn failed(
    tx: &mut Tx,
    way: Way,
    row: &SubscriptionRow,
    cause: &str,
    next_at: Moment,
) -> Result<(), StoreError> {
    let values = params![way.text(), &row.topic, &row.subscriber, cause, next_at];
    tx.execute(FAILED, &values).await.map(drop)
}

/// This node, as a subscriber's, has everything up to `acked` on disk.
pub async fn received(tx: &mut Tx, row: &SubscriptionRow) -> Result<(), StoreError> {
    let values = params![
        &row.topic,
        &row.subscriber,
        row.acked,
        &row.link,
        row.gap.0,
        row.gap.1
    ];
    tx.execute(RECEIVED, &values).await.map(drop)
}

/// The subscriber's own system took everything up to `n`.
pub async fn pushed(
    tx: &mut Tx,
    topic: &str,
    subscriber: &str,
    n: i64,
    now: Moment,
) -> Result<(), StoreError> {
    let values = params![topic, subscriber, n, now];
    tx.execute(PUSHED, &values).await.map(drop)
}
