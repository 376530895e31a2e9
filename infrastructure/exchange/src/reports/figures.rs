//! Counting a day: pure sums over how questions ended. Times go into buckets a fifth wide, so a day of any size fits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::codes::{Code, Spelling};
use crate::sql::report::EndRow;

/// Most lines of a report; more pairs of asker and service are left out, the rarest names last in order.
pub const LINES_MAX: usize = 5_000;
/// Buckets of times: each a quarter of a doubling, up to about an hour.
const BUCKETS: usize = 90;

/// The figures of one side, asker and service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Answered.
    pub answered: u64,
    /// Asked in all.
    pub asked: u64,
    /// Answers that were not signed as they should be.
    pub bad_signature: u64,
    /// Who asked.
    pub client: String,
    /// Half of the answers came within so many milliseconds.
    pub median_ms: u64,
    /// Without an end: broken off, or still on their way.
    pub open: u64,
    /// 95 of 100 answers came within so many milliseconds.
    pub p95_ms: u64,
    /// Refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// What was asked.
    pub service: String,
    /// `client` or `provider`: who counted.
    pub side: String,
    /// Too late.
    pub timeout: u64,
    /// Not reached.
    pub unreachable: u64,
}

impl Line {
    /// How many were refused.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// Attempts that were refused before the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Early {
    /// Who asked, as claimed.
    pub client: String,
    /// The code.
    pub code: String,
    /// How many.
    pub count: i64,
    /// What was asked.
    pub service: String,
    /// `client` or `provider`.
    pub side: String,
}

impl Early {
    pub(super) fn of(
        (side, client, service, code, count): (String, Option<String>, Option<String>, String, i64),
    ) -> Self {
        Self {
            client: client.unwrap_or_default(),
            code: class(&code),
            count,
            service: service.unwrap_or_default(),
            side,
        }
    }
}

/// A proposal that waits for the reporting member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// For how many days.
    pub days: i64,
    /// Its number.
    pub number: String,
    /// Who proposed it.
    pub other: String,
}

/// What the member did about agreements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementFigures {
    /// Proposals that it accepted.
    pub accepted: i64,
    /// Agreements that it ended.
    pub ended: i64,
    /// Proposals that it made.
    pub proposed: i64,
    /// Proposals that it refused.
    pub refused: i64,
    /// Proposals that wait for it.
    pub waiting: Vec<Waiting>,
}

/// The last part of a code, in one spelling.
fn class(code: &str) -> String {
    let text = Code::parse(code).map(|code| code.text(Spelling::Snake));
    let leaf = text.and_then(|text| text.rsplit('.').next().map(str::to_owned));
    leaf.unwrap_or_else(|| "other".to_owned())
}

struct Sum {
    line: Line,
    times: [u64; BUCKETS],
}

/// Sums in the making.
#[derive(Default)]
pub struct Figures(BTreeMap<(String, String, String), Sum>);

impl Figures {
    /// Counts one question.
    pub fn count(&mut self, end: &EndRow) {
        let name = (end.side.clone(), end.client.clone(), end.service.clone());
        if self.0.len() >= LINES_MAX && !self.0.contains_key(&name) {
            return;
        }
        let sum = self.0.entry(name).or_insert_with(|| Sum {
            line: Line {
                side: end.side.clone(),
                client: end.client.clone(),
                service: end.service.clone(),
                ..Line::default()
            },
            times: [0; BUCKETS],
        });
        let line = &mut sum.line;
        line.asked += 1;
        match end.outcome.as_str() {
            "answered" => line.answered += 1,
            "unreachable" => line.unreachable += 1,
            "timeout" => line.timeout += 1,
            "bad-signature" => line.bad_signature += 1,
            "refused" => {
                let code = class(end.code.as_deref().unwrap_or_default());
                *line.refused.entry(code).or_default() += 1;
            }
            _ => line.open += 1,
        }
        if let ("answered", Some(ended)) = (end.outcome.as_str(), end.ended_at) {
            let millis = ended.0.saturating_sub(end.asked_at.0).max(0).unsigned_abs() / 1_000;
            sum.times[bucket(millis)] += 1;
        }
    }

    /// The lines, in order.
    pub fn lines(self) -> Vec<Line> {
        self.0
            .into_values()
            .map(|Sum { mut line, times }| {
                line.median_ms = within(&times, 50);
                line.p95_ms = within(&times, 95);
                line
            })
            .collect()
    }
}

/// The greatest number of milliseconds of a bucket: whole powers of two, and three steps between two of them.
fn end_of(bucket: usize) -> u64 {
    let (power, quarter) = (bucket / 4, u64::try_from(bucket % 4).unwrap_or(0));
    let least = 1_u64 << power;
    least + least * quarter / 4
}

fn bucket(millis: u64) -> usize {
    (0..BUCKETS)
        .find(|at| millis <= end_of(*at))
        .unwrap_or(BUCKETS - 1)
}

/// Within how many milliseconds `percent` of the counted times lie; 0 if none was counted.
fn within(times: &[u64; BUCKETS], percent: u64) -> u64 {
    let all: u64 = times.iter().sum();
    let mut seen = 0;
    for (at, count) in times.iter().enumerate() {
        seen += count;
        if all > 0 && seen * 100 >= all * percent {
            return end_of(at);
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Moment};

    use super::*;

    #[test]
    fn a_day_is_summed_by_side_asker_and_service() {
        let mut figures = Figures::default();
        let end = |millis: i64, outcome: &str, code: Option<&str>| EndRow {
            id: Id::first_at(Moment::from_seconds(0)),
            side: "client".into(),
            client: "PE/GOB/A/x".into(),
            service: "PE/GOB/B/y/z".into(),
            asked_at: Moment(0),
            outcome: outcome.into(),
            code: code.map(str::to_owned),
            ended_at: Some(Moment(millis * 1_000)),
        };
        for millis in 1..=100 {
            figures.count(&end(millis, "answered", None));
        }
        figures.count(&end(1, "refused", Some("Server.ServerProxy.AccessDenied")));
        figures.count(&end(1, "refused", Some("server.serverproxy.access_denied")));
        figures.count(&end(1, "unreachable", None));
        figures.count(&end(1, "asked", None));
        let lines = figures.lines();
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(
            (line.asked, line.answered, line.unreachable, line.open),
            (104, 100, 1, 1)
        );
        assert_eq!(line.refused.get("access_denied"), Some(&2));
        assert!(
            (50..=60).contains(&line.median_ms) && (95..=115).contains(&line.p95_ms),
            "{line:?}"
        );
    }
}
