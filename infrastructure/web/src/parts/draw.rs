//! Drawings instead of tables: the law's clock and bars, as inline SVG that a screen reader can read out.

use maud::{Markup, html};

use super::show::Tone;
use crate::Visit;

/// Width of drawings in SVG units; they scale with the page.
const WIDTH: u64 = 640;
/// Height of one bar's row in SVG units.
const ROW: usize = 34;
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
            svg.draw viewBox="0 0 640 22" role="img" aria-label=(spoken) focusable="false" {
                rect.t x="0" y="3" width="640" height="16" rx="8" {}
                @if done > 0 {
                    rect class=(tone) x="0" y="3" width=((WIDTH * done / total).max(16)) height="16" rx="8" {}
                }
                @for mark in 1..marks {
                    rect.cut x=(WIDTH * mark / total) y="3" width="2" height="16" fill="#fff" fill-opacity=".65" {}
                }
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

/// Bars with their labels and values; a list for the screen reader, a drawing for the eye.
pub fn bars(title: &str, bars: &[Bar]) -> Markup {
    let shown = &bars[..bars.len().min(BARS_MAX)];
    let longest = shown.iter().map(|bar| bar.value).max().unwrap_or(1).max(1);
    html! {
        figure.card role="group" aria-label=(title) {
            figcaption { b { (title) } }
            ul.vh { @for bar in shown { li { (bar.label) ": " (bar.words) } } }
            svg.draw viewBox={ "0 0 640 " (shown.len() * ROW + 4) } aria-hidden="true" focusable="false" {
                @for (place, bar) in shown.iter().enumerate() {
                    text x="0" y=(place * ROW + 16) { (bar.label) }
                    text x="640" y=(place * ROW + 16) text-anchor="end" { (bar.words) }
                    rect.t x="0" y=(place * ROW + 22) width="640" height="8" rx="4" {}
                    rect class=(bar_class(bar.tone)) x="0" y=(place * ROW + 22) height="8" rx="4"
                        width=(WIDTH * bar.value / longest) {}
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
