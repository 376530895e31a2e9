//! `tambo check`: everything that an operator should know before and while a body is served.

use kernel::{Clock, Moment, SystemClock};
use trust::ca::DAY;

use super::{Config, Outcome, Problem};
use crate::credentials::WARN_DAYS;
use crate::house::{House, Manner};
use crate::serve;
use crate::settings::Settings;

/// Less free disk than this, in bytes, is worth a warning: a month of a small office.
const DISK_BYTES_MIN: u64 = 1024 * 1024 * 1024;
/// A clock that is this far before the program's own release is wrong.
const RELEASED: &str = "2026-11-01T00:00:00Z";

/// Options of `check`.
#[derive(clap::Args)]
pub struct CheckOptions {
    #[command(flatten)]
    config: Config,
    /// Leave out the table of rooms.
    #[arg(long)]
    brief: bool,
    /// Recompute the log from its entries and read every document (takes a while on a large node).
    #[arg(long)]
    deep: bool,
}

/// What was found.
#[derive(Default)]
struct Findings {
    problems: usize,
}

impl Findings {
    fn good(&self, what: &str, detail: impl std::fmt::Display) {
        println!("good     {what:<13} {detail}");
    }

    fn warn(&self, what: &str, detail: impl std::fmt::Display) {
        println!("warning  {what:<13} {detail}");
    }

    fn bad(&mut self, what: &str, detail: impl std::fmt::Display) {
        self.problems += 1;
        println!("PROBLEM  {what:<13} {detail}");
    }
}

/// Runs the command.
pub async fn run(options: CheckOptions) -> Outcome {
    let mut findings = Findings::default();
    let settings = options.config.read()?;
    findings.good("settings", options.config.config.display());
    clock(&mut findings);
    disk(&settings, &mut findings);
    let house = serve::open_for(settings, Manner::Read).await?;
    findings.good("database", house.ground.store.engine().await?);
    findings.good(
        "keys",
        format!(
            "{} in {}",
            house.ground.keys.list()?.len(),
            house
                .ground
                .settings
                .path(&house.ground.settings.keys.folder)
                .display()
        ),
    );
    certificates(&house, &mut findings)?;
    registries(&house, &mut findings).await;
    for problem in serve::problems(&house).await {
        findings.warn("running", problem);
    }
    log(&house, &mut findings).await?;
    if options.deep {
        documents(&house, &mut findings).await?;
    }
    if !options.brief {
        rooms(&house);
    }
    house.ground.store.close().await;
    match findings.problems {
        0 => Ok(()),
        count => Err(Problem(format!("{count} problems"))),
    }
}

fn clock(findings: &mut Findings) {
    let now = SystemClock.now();
    match Moment::parse_iso(RELEASED) {
        Some(released) if now < released => {
            findings.bad(
                "clock",
                format!("{now} is before this program was made: set the machine's clock"),
            );
        }
        _ => findings.good("clock", now),
    }
}

fn disk(settings: &Settings, findings: &mut Findings) {
    let output = std::process::Command::new("df")
        .args(["-Pk"])
        .arg(&settings.folder)
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let free = text
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    match free.map(|kib| kib * 1024) {
        None => findings.warn("disk", "free space could not be read"),
        Some(bytes) if bytes < DISK_BYTES_MIN => {
            findings.warn("disk", format!("{} MB free", bytes / 1_000_000))
        }
        Some(bytes) => findings.good("disk", format!("{} GB free", bytes / 1_000_000_000)),
    }
}

fn certificates(house: &House, findings: &mut Findings) -> Outcome {
    let now = house.ground.clock.now();
    for (label, end) in house.ground.credentials.ends()? {
        let days = end.seconds_since(now) / DAY;
        let text = format!("{label} until {}", end.iso_seconds());
        match days {
            ..0 => findings.bad(
                "certificate",
                format!("{text}: expired; ask the authority for a new one"),
            ),
            0..WARN_DAYS => findings.warn("certificate", format!("{text}: {days} days left")),
            _ => findings.good("certificate", text),
        }
    }
    Ok(())
}

async fn log(house: &House, findings: &mut Findings) -> Outcome {
    match house.log.compare().await {
        _ if house.log.witness().is_none() => {
            findings.warn(
                "witness",
                "none is set: nobody outside would notice another history",
            );
        }
        Ok(true) => findings.good("witness", "it has seen this log and nothing else"),
        Ok(false) => findings.warn(
            "witness",
            "away, or not asked yet: it has not cosigned the newest checkpoint",
        ),
        Err(error) => findings.bad("witness", error),
    }
    let report = house.log.check().await?;
    if report.is_sound() {
        findings.good(
            "log",
            format!(
                "{} entries and {} waiting for a place, every hash as it should be",
                report.entries, report.staged
            ),
        );
        return Ok(());
    }
    for finding in &report.findings {
        findings.bad("log", finding);
    }
    Ok(())
}

/// Tries each registry that the settings describe, and says what to do.
async fn registries(house: &House, findings: &mut Findings) {
    for (service, registry) in house.exchange.registries() {
        match registry.check().await {
            Ok(told) => findings.good("registry", format!("{}: {told}", service.code)),
            Err(problems) => {
                for problem in problems {
                    findings.bad("registry", format!("{}: {problem}", service.code));
                }
            }
        }
    }
}

async fn documents(house: &House, findings: &mut Findings) -> Outcome {
    let damaged = house.documents.damaged().await?;
    if damaged.is_empty() {
        findings.good("documents", "every file has the content it had");
    }
    for id in damaged {
        findings.bad(
            "documents",
            format!("{id}: the file is missing or was changed"),
        );
    }
    Ok(())
}

fn rooms(house: &House) {
    println!("\nrooms");
    for room in &house.rooms {
        let timers: Vec<&str> = room.timers.iter().map(|timer| timer.name).collect();
        let jobs: Vec<&str> = room.jobs.iter().map(|job| job.kind).collect();
        println!(
            "  {}  tables v{}  jobs {jobs:?}  timers {timers:?}",
            room.name,
            room.migrations.len()
        );
        for address in room.routes.table() {
            println!(
                "    {:<6} {:<44} {:?}",
                address.method, address.path, address.audience
            );
        }
    }
}
