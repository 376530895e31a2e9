//! Counters of the exchange, in the house's registry. Labels are directions, outcomes and parties in a bounded
//! number, never persons.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use web::metrics::Metrics;

use crate::operations::Operation;
use crate::operations::block::Counts;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    side: &'static str,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    state: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Lag {
    topic: String,
    subscriber: String,
}

/// Most subscribers with figures of their own; a page shows the others.
const LAGS_MAX: usize = 100;

/// What the exchange counts.
#[derive(Clone)]
pub(crate) struct Meters {
    messages: Family<Labels, Counter>,
    unstamped: Gauge,
    disk_free: Gauge,
    clock_jumps: Gauge,
    deliveries: Family<Ended, Counter>,
    waiting: Gauge,
    waiting_age: Gauge,
    lags: Family<Lag, Gauge>,
    operations: Family<Operated, Counter>,
    bytes: Family<Sized, Counter>,
    seconds: Family<Timed, Histogram, fn() -> Histogram>,
    dropped: Counter,
    known: Arc<Mutex<HashSet<(String, String)>>>,
}

/// Upper bounds in seconds: from a register in the own store to a satellite line's patience.
const SECONDS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];
/// Most pairs of client and service with figures of their own; the others count together as `other`.
const PAIRS_MAX: usize = 200;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Operated {
    side: &'static str,
    client: String,
    service: String,
    succeeded: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Sized {
    side: &'static str,
    direction: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Timed {
    side: &'static str,
}

/// What X-Road calls the sides.
const fn side(is_client: bool) -> &'static str {
    match is_client {
        true => "Client",
        false => "Producer",
    }
}

impl Meters {
    fn register_operations(&self, metrics: &Metrics) {
        metrics.register(
            "exchange_operations",
            "Messages by side, client, service and success",
            self.operations.clone(),
        );
        metrics.register(
            "exchange_operation_bytes",
            "Bytes of messages by side and direction",
            self.bytes.clone(),
        );
        metrics.register(
            "exchange_operation_seconds",
            "Time from a request's arrival to its response's departure",
            self.seconds.clone(),
        );
        metrics.register(
            "exchange_operations_dropped",
            "Records of monitoring that were not kept",
            self.dropped.clone(),
        );
    }

    /// Counts a message that is over.
    pub(crate) fn operated(&self, operation: &Operation) {
        let side = side(operation.is_client);
        for (direction, (bytes, _)) in [
            ("request", operation.request),
            ("response", operation.response),
        ] {
            self.bytes
                .get_or_create(&Sized { side, direction })
                .inc_by(bytes);
        }
        let millis = operation.response_out - operation.request_in;
        let seconds = f64::from(i32::try_from(millis).unwrap_or(i32::MAX)) / 1_000.0;
        self.seconds.get_or_create(&Timed { side }).observe(seconds);
    }

    /// Counts messages by their parties, some seconds after they are over.
    pub(crate) fn operations(&self, counts: &Counts<'_>) {
        for ((is_client, client, service, succeeded), count) in counts {
            let (client, service) = self.bounded(((*client).to_owned(), (*service).to_owned()));
            let labels = Operated {
                side: side(*is_client),
                client,
                service,
                succeeded: succeeded.to_string(),
            };
            self.operations.get_or_create(&labels).inc_by(*count);
        }
    }

    pub(crate) fn operation_dropped(&self) {
        self.dropped.inc();
    }

    /// The pair itself while there are few, so that foreign names can't fill the memory.
    fn bounded(&self, pair: (String, String)) -> (String, String) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&pair) || known.len() < PAIRS_MAX {
            known.insert(pair.clone());
            return pair;
        }
        ("other".to_owned(), "other".to_owned())
    }

    pub(crate) fn new(metrics: &Metrics) -> Self {
        let meters = Self {
            messages: Family::default(),
            unstamped: Gauge::default(),
            disk_free: Gauge::default(),
            clock_jumps: Gauge::default(),
            deliveries: Family::default(),
            waiting: Gauge::default(),
            waiting_age: Gauge::default(),
            lags: Family::default(),
            operations: Family::default(),
            bytes: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            dropped: Counter::default(),
            known: Arc::default(),
        };
        meters.register_operations(metrics);
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
            "exchange_deliveries",
            "Deliveries that ended, by state",
            meters.deliveries.clone(),
        );
        metrics.register(
            "exchange_deliveries_waiting",
            "Deliveries that have not ended",
            meters.waiting.clone(),
        );
        metrics.register(
            "exchange_deliveries_oldest_seconds",
            "Age of the oldest delivery that has not ended",
            meters.waiting_age.clone(),
        );
        metrics.register(
            "exchange_topic_lag",
            "Events that a subscriber lacks",
            meters.lags.clone(),
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

    pub(crate) fn waiting(&self, count: i64, age: i64, lags: Vec<(String, String, i64)>) {
        self.waiting.set(count);
        self.waiting_age.set(age);
        self.lags.clear();
        for (topic, subscriber, lag) in lags.into_iter().take(LAGS_MAX) {
            self.lags.get_or_create(&Lag { topic, subscriber }).set(lag);
        }
    }

    pub(crate) fn delivered(&self, state: &'static str) {
        self.deliveries
            .get_or_create(&Ended {
                state: state.to_owned(),
            })
            .inc();
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
