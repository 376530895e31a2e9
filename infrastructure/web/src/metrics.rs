//! Counts and durations of one house, in the Prometheus text format. Read by whoever operates a node.
//!
//! Promises: labels are route patterns, methods and status classes only, so neither persons nor cases leak into a
//! monitoring system, and the number of series is bounded. Refuses: globals; each house has its own registry.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

/// Upper bounds in seconds: from an embedded read to a slow line's upload.
const SECONDS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0,
];

/// The metrics of one house. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<Answered, Counter>,
    durations: Family<Route, Histogram>,
    in_work: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
    method: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry with the counters of the web floor.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tambo");
        let requests = Family::default();
        let durations =
            Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let in_work = Gauge::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_seconds",
            "Time to the answer's head",
            durations.clone(),
        );
        registry.register("http_in_work", "Requests in work", in_work.clone());
        Self {
            registry: Arc::new(Mutex::new(registry)),
            requests,
            durations,
            in_work,
        }
    }

    /// Adds a metric of another crate.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(name, help, metric);
    }

    pub(crate) fn answered(&self, route: &str, method: &str, status: StatusCode, took: Duration) {
        let (route, method) = (route.to_owned(), method.to_owned());
        let answered = Answered {
            route: route.clone(),
            method: method.clone(),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&answered).inc();
        self.durations
            .get_or_create(&Route { route, method })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn begin(&self) -> InWork {
        self.in_work.inc();
        InWork(self.in_work.clone())
    }

    /// The `/metrics` answer.
    pub fn response(&self) -> Response {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        match encode(&mut text, &registry) {
            Ok(()) => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([(header::CONTENT_TYPE, kind)], text).into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// Counts a request as in work until it is dropped, also when the client goes away.
pub(crate) struct InWork(Gauge);

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Begins a line about something that needs somebody's attention soon, but keeps the body from nothing now.
pub const NOTICE: &str = "notice: ";

/// The `/health` answer: 200 and `ok`, or 503 and what is not well, one line each.
pub fn health(problems: &[String]) -> Response {
    let is_well = problems.iter().all(|problem| problem.starts_with(NOTICE));
    let mut text = problems.join("\n") + "\n";
    match is_well {
        true => {
            text.insert_str(0, if problems.is_empty() { "ok" } else { "ok\n" });
            (StatusCode::OK, text).into_response()
        }
        false => (StatusCode::SERVICE_UNAVAILABLE, text).into_response(),
    }
}
