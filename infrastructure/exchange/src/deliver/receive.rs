//! The built-in service `events`: other bodies subscribe to our topics, and bring the events of theirs.
//!
//! Called with verified messages alone. It promises that what is acknowledged is on disk, in order and once, and that
//! nobody brings events who was not subscribed to. A batch that does not follow what is there is answered with the
//! number that is expected.

use kernel::{Fault, Party, SubsystemId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::topic::{Batch, Place, Taken, Topic, take};
use super::topics::Subscribed;
use super::{BODY_BYTES_MAX, within};
use crate::Exchange;
use crate::allowed::open_endpoints;
use crate::builtin::Asked;
use crate::sql::topic::{self as topics, Way};

/// What the other body wants of a subscription.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    after: Option<i64>,
}

/// What the receiving node answers to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// Everything up to this number is on disk.
    #[serde(rename = "acknowledged")]
    Acknowledged(i64),
    /// The batch must begin with this number.
    #[serde(rename = "expected")]
    Expected(i64),
}

/// Status and body of an answer.
type Told = (u16, Value);

fn no(status: u16, why: &str) -> Told {
    (status, json!({ "refused": why }))
}

impl Exchange {
    /// Answers a question to the service `events`.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn answer_events(&self, asked: &Asked<'_>) -> Result<Told, Fault> {
        let body = match &asked.verified.get().body {
            Some(body) => within(body, BODY_BYTES_MAX).await?,
            None => Some(Vec::new()),
        };
        let Some(body) = body.as_deref() else {
            return Ok(no(413, "the body is too large"));
        };
        let Some(client) = asked.client.subsystem() else {
            return Ok(no(403, "topics are for subsystems"));
        };
        let own = &asked.service.subsystem;
        let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            ["topics", name, "subscription"] => {
                self.take_subscription(client, own, name, body).await
            }
            ["topics", name, "ended"] => self.end_subscription(client, own, name).await,
            ["batches", name] => self.take_batch(client, own, name, body).await,
            _ => Ok(no(404, "no such path")),
        }
    }

    async fn take_subscription(
        &self,
        client: &SubsystemId,
        own: &SubsystemId,
        name: &str,
        body: &[u8],
    ) -> Result<Told, Fault> {
        let limits = self.inner.settings.topics.get(name);
        let Some(limits) = limits.filter(|limits| limits.subsystem == own.code) else {
            return Ok(no(404, "no such topic"));
        };
        let Ok(Wish { after }) = serde_json::from_slice(body) else {
            return Ok(no(400, "the body is not a subscription"));
        };
        let listed = limits.subscribers.contains(client);
        if !listed && !self.has_right(client, own, name).await? {
            return Ok(no(403, "no right to this topic"));
        }
        let mut tx = self.inner.store.begin().await?;
        let key = format!("{own}/{name}");
        let row = topics::topic_for_update(&mut tx, &key).await?;
        let after = after.unwrap_or(row.oldest - 1);
        if !(0..=row.head).contains(&after) {
            return Ok(no(400, "there is no such number yet"));
        }
        let link = match after + 1 {
            first if first == row.oldest => Some(row.tail.clone()),
            _ => topics::link_of(&mut tx, &key, after).await?,
        };
        let told = Subscribed {
            after,
            link: link.unwrap_or_default(),
        };
        let (now, subscriber) = (self.inner.clock.now(), client.to_string());
        topics::subscribe(&mut tx, Way::Out, &key, &subscriber, (after, ""), now).await?;
        tx.commit().await?;
        self.ring();
        Ok((200, serde_json::to_value(told).map_err(Fault::internal)?))
    }

    /// An access right to `POST /topics/NAME/subscription` of the service `events`.
    async fn has_right(
        &self,
        client: &SubsystemId,
        own: &SubsystemId,
        name: &str,
    ) -> Result<bool, Fault> {
        let service = own.service(super::topics::SERVICE);
        let path = format!("/topics/{name}/subscription");
        let Ok(path) = crate::domain::path::NormalPath::parse(&path) else {
            return Ok(false);
        };
        let (view, client) = (self.inner.held.any(), &Party::from(client.clone()));
        let rights = self.inner.lookups.rights(client, &service).await?;
        let mut open = open_endpoints(&rights, view.as_deref(), client);
        Ok(open.any(|right| right.endpoint().covers("POST", &path)))
    }

    async fn end_subscription(
        &self,
        client: &SubsystemId,
        own: &SubsystemId,
        name: &str,
    ) -> Result<Told, Fault> {
        let key = format!("{own}/{name}");
        let mut tx = self.inner.store.begin().await?;
        let was = topics::unsubscribe(&mut tx, Way::Out, &key, &client.to_string()).await?;
        tx.commit().await?;
        Ok(match was {
            true => (200, json!({})),
            false => no(404, "not subscribed"),
        })
    }

    /// Keeps what is new of a batch that `publisher` brings for `own`, in one transaction with how far it is.
    async fn take_batch(
        &self,
        publisher: &SubsystemId,
        own: &SubsystemId,
        name: &str,
        body: &[u8],
    ) -> Result<Told, Fault> {
        let Ok(topic) = Topic::new(publisher.clone(), name) else {
            return Ok(no(404, "no such topic"));
        };
        let key = topic.to_string();
        let mut tx = self.inner.store.begin().await?;
        let row = topics::one(&mut tx, Way::In, &key, &own.to_string()).await?;
        let Some(mut row) = row else {
            return Ok(no(404, "not subscribed"));
        };
        let batch = match Batch::parse(body) {
            Ok(batch) => batch,
            Err(why) => return Ok(no(400, why)),
        };
        let place = Place {
            n: row.acked,
            link: row.link.clone(),
        };
        let (events, gap) = match take(&place, &batch) {
            Taken::New { events, gap } => (events, gap),
            Taken::Expected(n) => return reply(409, &Reply::Expected(n)),
            Taken::Changed(why) => {
                tracing::error!(topic = %key, why, "a publisher's events are other than before");
                return Ok(no(422, why));
            }
        };
        for event in &events {
            topics::insert_event(&mut tx, &key, event, None).await?;
        }
        if let Some((from, to)) = gap {
            tracing::error!(topic = %key, from, to, "events were removed before they arrived");
            row.gap = (if row.gap.0 == 0 { from } else { row.gap.0 }, to);
        }
        if let Some(last) = events.last() {
            row.acked = last.n;
            row.link.clone_from(&last.link);
        }
        topics::received(&mut tx, &row).await?;
        tx.commit().await?;
        self.ring();
        reply(200, &Reply::Acknowledged(row.acked))
    }
}

fn reply(status: u16, reply: &Reply) -> Result<Told, Fault> {
    Ok((
        status,
        serde_json::to_value(reply).map_err(Fault::internal)?,
    ))
}
