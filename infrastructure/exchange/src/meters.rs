//! Counters of the exchange, in the house's registry. Labels are directions and outcomes, never parties or persons.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use web::metrics::Metrics;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    side: &'static str,
    outcome: String,
}

/// What the exchange counts.
#[derive(Clone, Default)]
pub(crate) struct Meters {
    messages: Family<Labels, Counter>,
    unstamped: Gauge,
    disk_free: Gauge,
    clock_jumps: Gauge,
}

impl Meters {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let meters = Self::default();
        metrics.register(
            "exchange_messages",
            "Exchange messages by side and outcome",
            meters.messages.clone(),
        );
        metrics.register(
            "exchange_unstamped",
            "Messages without time stamp",
            meters.unstamped.clone(),
        );
        metrics.register(
            "exchange_disk_free_bytes",
            "Bytes free on the disk of the message log",
            meters.disk_free.clone(),
        );
        metrics.register(
            "exchange_clock_jumps",
            "Steps of the clock since the start",
            meters.clock_jumps.clone(),
        );
        meters
    }

    pub(crate) fn guarded(&self, free: Option<u64>, jumps: u64) {
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        if let Some(free) = free {
            self.disk_free.set(whole(free));
        }
        self.clock_jumps.set(whole(jumps));
    }

    fn count(&self, side: &'static str, outcome: &str) {
        self.messages
            .get_or_create(&Labels {
                side,
                outcome: outcome.to_owned(),
            })
            .inc();
    }

    pub(crate) fn asked(&self) {
        self.count("client", "asked");
    }

    pub(crate) fn learned(&self) {
        self.count("client", "answered");
    }

    /// `outcome` is one of four words.
    pub(crate) fn failed(&self, outcome: &str) {
        self.count("client", outcome);
    }

    pub(crate) fn received(&self) {
        self.count("provider", "received");
    }

    pub(crate) fn answered(&self) {
        self.count("provider", "answered");
    }

    pub(crate) fn refused(&self) {
        self.count("provider", "refused");
    }

    pub(crate) fn unstamped(&self, count: i64) {
        self.unstamped.set(count);
    }
}
