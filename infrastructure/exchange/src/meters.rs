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
        meters
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
