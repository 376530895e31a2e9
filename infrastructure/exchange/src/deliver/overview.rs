//! What waits, for the officials' page, for health and for the figures.

use std::collections::BTreeMap;

use kernel::{Fault, MemberId, Moment};

use super::topics::LIST_MAX;
use crate::Exchange;
use crate::sql::outgoing::{self, OutgoingRow};
use crate::sql::topic::{self as topics, SubscriptionRow, TopicRow, Way};

/// Deliveries shown on one page.
pub const SHOWN_MAX: usize = 50;
/// A delivery that waits longer than this, in seconds, is told as a problem.
const NOTICE_SECONDS: i64 = 3_600;

/// What waits in this node.
#[derive(Debug)]
pub struct Overview {
    /// Deliveries that have not ended.
    pub waiting: i64,
    /// Their bytes.
    pub bytes: i64,
    /// When the oldest was accepted.
    pub oldest: Option<Moment>,
    /// How many wait for each body, and since when its oldest does.
    pub(crate) bodies: Vec<(String, i64, Moment)>,
    /// Names of members, as the directory has them.
    pub(crate) names: BTreeMap<String, String>,
    /// Some of them, oldest first, and those of unknown fate, without bodies.
    pub(crate) rows: Vec<OutgoingRow>,
    /// Topics of this body.
    pub(crate) topics: Vec<(String, TopicRow)>,
    /// Subscribers of them.
    pub(crate) out: Vec<SubscriptionRow>,
    /// Topics of others that this body receives, with how many events were set aside.
    pub(crate) received: Vec<(SubscriptionRow, i64)>,
}

impl Overview {
    /// What people call the member of a party, or else the party itself.
    pub(crate) fn name<'o>(&'o self, party: &'o str) -> &'o str {
        let end = party
            .match_indices('/')
            .nth(2)
            .map_or(party.len(), |(at, _)| at);
        self.names.get(&party[..end]).map_or(party, String::as_str)
    }

    /// How many events a subscriber of ours lacks.
    pub(crate) fn lag(&self, row: &SubscriptionRow) -> i64 {
        let topic = self.topics.iter().find(|(topic, _)| *topic == row.topic);
        topic.map_or(0, |(_, topic)| (topic.head - row.acked).max(0))
    }
}

impl Exchange {
    /// What waits now; deliveries after the identifier `after`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn overview(&self, after: &str) -> Result<Overview, Fault> {
        let mut tx = self.inner.store.read().await?;
        let (waiting, bytes, oldest) = outgoing::held(&mut tx).await?;
        let rows = outgoing::listed(&mut tx, after, SHOWN_MAX).await?;
        let bodies = outgoing::held_for(&mut tx, SHOWN_MAX).await?;
        let own = format!("{}/", self.inner.settings.member);
        let mut all = topics::topics(&mut tx, LIST_MAX).await?;
        all.retain(|(topic, _)| topic.starts_with(&own));
        let out = topics::subscriptions(&mut tx, Way::Out, LIST_MAX).await?;
        let mut received = Vec::new();
        for row in topics::subscriptions(&mut tx, Way::In, LIST_MAX).await? {
            let poisoned = topics::poisoned(&mut tx, &row.topic).await?;
            received.push((row, poisoned));
        }
        let mut overview = Overview {
            waiting,
            bytes,
            oldest,
            bodies,
            names: BTreeMap::new(),
            rows,
            topics: all,
            out,
            received,
        };
        overview.names = self.names_in(&overview);
        Ok(overview)
    }

    /// The names of all bodies in an overview.
    fn names_in(&self, overview: &Overview) -> BTreeMap<String, String> {
        let Some(view) = self.inner.held.any() else {
            return BTreeMap::new();
        };
        let received = overview.received.iter().map(|(row, _)| row.topic.as_str());
        let out = overview.out.iter().map(|row| row.subscriber.as_str());
        let waiting = overview
            .bodies
            .iter()
            .map(|(provider, ..)| provider.as_str());
        let rows = overview.rows.iter().map(|row| row.provider.as_str());
        let parties = received.chain(out).chain(waiting).chain(rows);
        let member = |party: &str| -> Option<MemberId> {
            let parts: Vec<&str> = party.split('/').take(3).collect();
            parts.join("/").parse().ok()
        };
        let named = parties.filter_map(member).filter_map(|member| {
            let name = view.name_of(&member)?.to_owned();
            Some((member.to_string(), name))
        });
        named.collect()
    }

    /// Enters what waits in the figures. Run by a timer.
    ///
    /// # Errors
    /// The store failed.
    pub async fn note_waiting(&self) -> Result<(), Fault> {
        let overview = self.overview("").await?;
        let now = self.inner.clock.now();
        let age = overview
            .oldest
            .map_or(0, |oldest| now.seconds_since(oldest));
        let lags = overview.out.iter().map(|row| {
            let lag = overview.lag(row);
            (row.topic.clone(), row.subscriber.clone(), lag)
        });
        self.inner
            .meters
            .waiting(overview.waiting, age, lags.collect());
        Ok(())
    }

    /// What the operator should know of deliveries and events, one line each.
    pub(crate) async fn waiting_problems(&self) -> Result<Vec<String>, Fault> {
        let overview = self.overview("").await?;
        let now = self.inner.clock.now();
        let mut problems = Vec::new();
        if let Some(oldest) = overview.oldest
            && now.seconds_since(oldest) > NOTICE_SECONDS
        {
            problems.push(format!(
                "exchange: {} deliveries wait, the oldest since {oldest}",
                overview.waiting
            ));
        }
        let unknown = overview.rows.iter().filter(|row| row.state == "unknown");
        match unknown.count() {
            0 => {}
            count => problems.push(format!(
                "exchange: of {count} deliveries nobody knows whether they arrived: decide"
            )),
        }
        let slow = overview.out.iter().filter(|row| {
            let name = row.topic.rsplit('/').next().unwrap_or("");
            let limits = self.inner.settings.topics.get(name);
            limits.is_some_and(|limits| overview.lag(row) > limits.backlog_max / 2)
        });
        problems.extend(slow.map(|row| {
            format!(
                "exchange: {} lacks {} events of {}",
                row.subscriber,
                overview.lag(row),
                row.topic
            )
        }));
        let gaps = overview.received.iter().filter(|(row, _)| row.gap.1 > 0);
        problems.extend(gaps.map(|(row, _)| {
            format!(
                "exchange: events {} to {} of {} were removed before they arrived",
                row.gap.0, row.gap.1, row.topic
            )
        }));
        let aside = overview
            .received
            .iter()
            .filter(|(_, poisoned)| *poisoned > 0);
        problems.extend(aside.map(|(row, poisoned)| {
            format!(
                "exchange: {poisoned} events of {} were set aside",
                row.topic
            )
        }));
        Ok(problems)
    }
}
