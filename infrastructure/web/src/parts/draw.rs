//! Drawings instead of tables: the law's clock and bars, as inline SVG that a screen reader can read out.

use maud::{Markup, html};

use super::show::Tone;
use crate::Visit;

/// Width of drawings in SVG units; they scale with the page.
const WIDTH: u64 = 640;
/// Most bars drawn at once; more can't be taken in.
const BARS_MAX: usize = 40;

/// How much of a time limit has gone by.
#[derive(Clone, Debug)]
pub struct Meter {
    /// What it measures, for example 'Time of the municipality to decide'.
    pub label: String,
    /// What is left or when it ends, in words.
    pub note: String,
    /// Days gone by.
    pub done: u32,
    /// Days in all.
    pub total: u32,
    /// Whether the clock stands still now.
    pub paused: bool,
}

/// The law's clock as a bar with a mark for each day; turns to 'warn' in the last fifth and 'bad' at the end.
pub fn deadline_meter(visit: &Visit, meter: &Meter) -> Markup {
    let total = u64::from(meter.total.max(1));
    let done = u64::from(meter.done).min(total);
    let share = visit.tt(
        "web-meter-of",
        &[
            ("done", meter.done.to_string().into()),
            ("total", meter.total.to_string().into()),
        ],
    );
    let spoken = format!("{}: {share}. {}", meter.label, meter.note);
    let tone = tone_of(done, total, meter.paused);
    let marks = if total <= 60 { total } else { 0 };
    html! {
        div.meter {
            p { b { (meter.label) } span { (meter.note) } }
            svg.draw viewBox="0 0 640 16" preserveAspectRatio="none" role="img" aria-label=(spoken)
                focusable="false" {
                rect.t width="640" height="16" {}
                @if done > 0 { rect class=(tone) width=(WIDTH * done / total) height="16" {} }
                @for mark in 1..marks { rect.cut x=(WIDTH * mark / total) width="2" height="16" {} }
            }
        }
    }
}

const fn tone_of(done: u64, total: u64, paused: bool) -> &'static str {
    match (paused, done >= total, done * 5 >= total * 4) {
        (true, _, _) => "v",
        (_, true, _) => "bad",
        (_, _, true) => "warn",
        _ => "v",
    }
}

/// One bar of a drawing.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is.
    pub label: String,
    /// Its length; only the proportion to the others counts.
    pub value: u64,
    /// The value in words, for example '12 days'.
    pub words: String,
    /// Its state.
    pub tone: Tone,
}

/// Bars with their labels and values in words; the drawing only adds to the words.
pub fn bars(title: &str, bars: &[Bar]) -> Markup {
    let shown = &bars[..bars.len().min(BARS_MAX)];
    let longest = shown.iter().map(|bar| bar.value).max().unwrap_or(1).max(1);
    html! {
        figure.card {
            figcaption { b { (title) } }
            ul.bars {
                @for bar in shown {
                    li {
                        p { span { (bar.label) } span { (bar.words) } }
                        svg.draw viewBox="0 0 640 10" preserveAspectRatio="none" aria-hidden="true"
                            focusable="false" {
                            rect.t width="640" height="10" {}
                            rect class=(bar_class(bar.tone)) width=(WIDTH * bar.value / longest) height="10" {}
                        }
                    }
                }
            }
        }
    }
}

const fn bar_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Info | Tone::Todo => "v",
        other => other.class(),
    }
}
