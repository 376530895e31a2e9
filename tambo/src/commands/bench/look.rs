//! What it costs to read from a long past: means over messages from all over it, from the node's own store.
//!
//! Run by `tambo bench exchange --look` in a process beside the node, which serves meanwhile.

use std::path::Path;
use std::time::Instant;

use exchange::testing::history;
use exchange::{Exchange, Half};
use trust::log::Log;

use super::process::cpu_seconds;
use crate::commands::{Outcome, Problem};

/// Messages that are looked at.
const SAMPLES: usize = 40;

/// A time on the wall and one of this process's CPU.
struct Watch(Instant, f64);

impl Watch {
    fn start() -> Self {
        Self(Instant::now(), cpu_seconds("self"))
    }

    /// Prints what was measured, for each of so many.
    fn tell(&self, what: &str, count: f64) {
        let (wall, cpu) = (self.0.elapsed().as_secs_f64(), cpu_seconds("self") - self.1);
        println!(
            "    {what:<44} {:>9.3} ms, {:>9.3} ms of CPU",
            wall / count * 1e3,
            cpu / count * 1e3
        );
    }
}

/// Looks back at a past of so many exchanges.
///
/// # Errors
/// The store failed, or something of the past is missing.
pub async fn back(exchange: &Exchange, log: &Log, (exchanges, folder): (usize, &Path)) -> Outcome {
    let samples = history::samples(exchange, exchanges.max(1), SAMPLES).await?;
    if samples.is_empty() {
        return Err(Problem("--look needs a --history".to_owned()));
    }
    let count = samples.len() as f64;
    let watch = Watch::start();
    for (number, _) in &samples {
        exchange.question(number).await?;
    }
    watch.tell("a question by its number", count);
    let watch = Watch::start();
    for (number, _) in &samples {
        exchange.container(number, Half::Response).await?;
    }
    watch.tell("the container of a message", count);
    let watch = Watch::start();
    for (_, entry) in &samples {
        let proof = log.proof(*entry).await?;
        proof.ok_or_else(|| Problem("an entry has no proof".to_owned()))?;
    }
    watch.tell("the proof of an entry", count);
    let watch = Watch::start();
    for number in 0..samples.len() {
        exchange.questions_about(&history::person(number)).await?;
    }
    watch.tell("the questions about a person", count);
    let watch = Watch::start();
    for (number, _) in samples.iter().take(4) {
        exchange.why(number).await?;
    }
    watch.tell("why, with the other node's word", count.min(4.0));
    let watch = Watch::start();
    exchange.why("0123456789abcdef").await?;
    watch.tell("why, for a reference that nobody knows", 1.0);
    all(exchange, log, folder).await
}

/// What grows with the past by its nature: an archive, what is removed after it, and a check of the whole log.
async fn all(exchange: &Exchange, log: &Log, folder: &Path) -> Outcome {
    for turn in ["first", "second"] {
        let watch = Watch::start();
        let containers = history::archive_one(exchange, &folder.join("archive")).await?;
        let what = format!("a message archived, {turn} file, {containers}");
        watch.tell(&what, containers.max(1) as f64);
        let watch = Watch::start();
        let emptied = history::remove_archived(exchange).await?;
        watch.tell(&format!("archived messages removed, {emptied} turns"), 1.0);
    }
    let watch = Watch::start();
    let report = log.check().await?;
    if !report.is_sound() {
        return Err(Problem("the log is damaged".to_owned()));
    }
    let entries = report.entries as f64;
    watch.tell(&format!("a check, each of {entries} entries"), entries);
    Ok(())
}
