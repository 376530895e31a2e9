//! Who refuses, how late and how often, drawn: one bar for each body that answers. For the authority; no person is in it.

use std::collections::BTreeMap;

use axum::response::Response;
use kernel::SubsystemId;
use maud::html;
use web::parts::{self, Bar, Tone};
use web::{Sheet, Visit};

use crate::directory::View;
use crate::reports::Report;

/// What the bodies did that answer, summed over the days.
#[derive(Default)]
struct Sum {
    asked: u64,
    refused: u64,
    failed: u64,
    p95_ms: u64,
    waiting_days: i64,
    /// What askers counted as answered, which this body did not count.
    counted_by_askers: u64,
}

/// A share of refusals above which a body is worth a look, in percent.
const MANY_PERCENT: u64 = 20;
/// A time within which 95 of 100 answers should come, in milliseconds.
const SLOW_MS: u64 = 5_000;

fn member_of(service: &str) -> String {
    service.split('/').take(3).collect::<Vec<_>>().join("/")
}

fn sums(reports: &[Report]) -> BTreeMap<String, Sum> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for report in reports {
        for line in &report.lines {
            let sum = sums.entry(member_of(&line.service)).or_default();
            if line.side == "provider" {
                sum.asked += line.asked;
                sum.refused += line.refusals();
                sum.p95_ms = sum.p95_ms.max(line.p95_ms);
            } else {
                sum.counted_by_askers += line.asked;
                sum.failed += line.unreachable + line.timeout + line.bad_signature;
            }
        }
        for early in report.early.iter().filter(|early| early.side == "provider") {
            let sum = sums.entry(member_of(&early.service)).or_default();
            let count = early.count.max(0).unsigned_abs();
            sum.asked += count;
            sum.refused += count;
        }
        let oldest = report.agreements.waiting.iter().map(|one| one.days).max();
        if let Some(days) = oldest {
            let sum = sums.entry(report.member.clone()).or_default();
            sum.waiting_days = sum.waiting_days.max(days);
        }
    }
    sums
}

/// The page.
pub fn reports(
    visit: &Visit,
    directory: Option<&View>,
    (from, until): (&str, &str),
    reports: &[Report],
) -> Response {
    let title = visit.t("exchange-reports-title");
    let sums = sums(reports);
    let name = |member: &str| {
        let id = format!("{member}/x").parse::<SubsystemId>().ok();
        let known = id.and_then(|id| directory?.name_of(&id.member).map(str::to_owned));
        known.unwrap_or_else(|| member.to_owned())
    };
    let drawn = |key: &str, value: &dyn Fn(&Sum) -> (u64, String, Tone)| {
        let bars: Vec<Bar> = sums
            .iter()
            .map(|(member, sum)| {
                let (value, words, tone) = value(sum);
                Bar {
                    label: name(member),
                    value,
                    words,
                    tone,
                }
            })
            .collect();
        parts::bars(&visit.t(key), &bars)
    };
    let count = |value: u64| visit.number(i64::try_from(value).unwrap_or(i64::MAX));
    let body = html! {
        p { (visit.tt("exchange-reports-lead", &[("from", from.to_owned().into()), ("until", until.to_owned().into())])) }
        @if sums.is_empty() { p { (visit.t("exchange-reports-none")) } }
        @else {
            (drawn("exchange-reports-refused", &|sum| {
                let percent = sum.refused * 100 / sum.asked.max(1);
                let words = visit.tt("exchange-reports-refused-words", &[("percent", percent.to_string().into()), ("refused", count(sum.refused).into()), ("asked", count(sum.asked).into())]);
                (percent, words, if percent >= MANY_PERCENT { Tone::Bad } else { Tone::Good })
            }))
            (drawn("exchange-reports-late", &|sum| {
                let words = visit.tt("exchange-reports-late-words", &[("millis", count(sum.p95_ms).into())]);
                (sum.p95_ms, words, if sum.p95_ms > SLOW_MS { Tone::Warn } else { Tone::Good })
            }))
            (drawn("exchange-reports-failed", &|sum| {
                let words = visit.tt("exchange-reports-failed-words", &[("failed", count(sum.failed).into()), ("asked", count(sum.counted_by_askers).into())]);
                (sum.failed, words, if sum.failed > 0 { Tone::Warn } else { Tone::Good })
            }))
            (drawn("exchange-reports-waiting", &|sum| {
                let words = visit.tt("exchange-reports-waiting-words", &[("days", visit.number(sum.waiting_days).into())]);
                (sum.waiting_days.max(0).unsigned_abs(), words, if sum.waiting_days > 0 { Tone::Warn } else { Tone::Good })
            }))
        }
        p { (parts::link_quiet("/exchange/reports.json", &visit.t("exchange-reports-json"))) }
    };
    Sheet::new(visit, &title)
        .back("/exchange/messages")
        .show(body)
}
