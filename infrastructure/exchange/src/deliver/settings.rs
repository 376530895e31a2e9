//! Limits of deliveries and topics. Sections `[exchange.deliver]` and `[exchange.topics.NAME]`.

use std::collections::BTreeMap;

use kernel::SubsystemId;
use serde::{Deserialize, Serialize};

/// Limits of deliveries that wait, and what becomes of received events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverSettings {
    /// Most deliveries that have not ended; more are refused with 429.
    pub waiting_max: i64,
    /// Most bytes that they hold; more are refused with 507.
    pub waiting_bytes_max: i64,
    /// How long a delivery is tried, in hours.
    pub try_hours: i64,
    /// How long its answer is kept for its sender, in days.
    pub answer_days: i64,
    /// How long received events are kept for this body's systems, in days.
    pub event_days: i64,
    /// Services of this body (`SUBSYSTEM/SERVICE`) whose own system recognises a message number that it has done
    /// already: a message whose first call broke off is put to them again.
    pub call_again: Vec<String>,
    /// Where received events are pushed, by topic (`INSTANCE/CLASS/MEMBER/SUBSYSTEM/NAME`): an HTTP address of this
    /// body's own system.
    pub push: BTreeMap<String, String>,
}

impl Default for DeliverSettings {
    fn default() -> Self {
        Self {
            // Days of a small office with its line down.
            waiting_max: 10_000,
            waiting_bytes_max: 1 << 30,
            // A week: floods and broken dishes are mended by then, or somebody has to know.
            try_hours: 168,
            answer_days: 7,
            event_days: 30,
            call_again: Vec::new(),
            push: BTreeMap::new(),
        }
    }
}

/// A topic that this body publishes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicSettings {
    /// The publishing subsystem (its code).
    pub subsystem: String,
    /// How long events are kept, in days, received or not.
    #[serde(default = "default_days")]
    pub retention_days: i64,
    /// Largest event, in bytes; at most 1 MiB.
    #[serde(default = "default_event")]
    pub event_bytes_max: usize,
    /// Most events that a subscriber may lack before the publisher is refused with 429.
    #[serde(default = "default_backlog")]
    pub backlog_max: i64,
    /// Most bytes of kept events before the publisher is refused with 507.
    #[serde(default = "default_bytes")]
    pub bytes_max: i64,
    /// Subsystems that may subscribe, besides those with an access right to it.
    #[serde(default)]
    pub subscribers: Vec<SubsystemId>,
}

fn default_days() -> i64 {
    30
}

/// A notice with its references; content is asked for by question.
fn default_event() -> usize {
    64 * 1024
}

/// A busy registry's week.
fn default_backlog() -> i64 {
    100_000
}

fn default_bytes() -> i64 {
    1 << 30
}
