//! `tambo bench`: what an exchange costs on this machine, beside what its signatures alone cost, in CPU time.
//!
//! All guarantees are on: both sides sign, verify, check agreement and rights, and have the message on disk before the
//! answer counts. CPU time of the whole process is counted, both nodes together, because wall time on a shared machine
//! tells little.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use exchange::Ask;
use tokio::task::JoinSet;
use trust::keys::{Algorithm, Signer};
use trust::sigalg::Hash;

use super::{Outcome, Problem};
use crate::demo::{Country, DemoOptions, OFFICE};

/// Clock ticks of `/proc/self/stat` in a second; Linux has had 100 for user space on every architecture since 2.6.
const TICKS: f64 = 100.0;
/// Signatures made and checked to find their cost.
const SIGNATURES: u32 = 4_000;

/// Options of `bench`.
#[derive(clap::Args)]
pub struct BenchOptions {
    /// Questions to ask.
    #[arg(long, default_value_t = 2_000)]
    questions: usize,
    /// Questions under way at a time.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Folder for the country that is measured; it is removed at the end.
    #[arg(long, value_name = "DIR", default_value = "bench-data")]
    data: PathBuf,
}

/// Runs the command.
pub async fn run(options: BenchOptions) -> Outcome {
    let (sign, verify) = signature_cost()?;
    println!(
        "P-256 in this run: sign {:.1} us, verify {:.1} us of CPU",
        sign * 1e6,
        verify * 1e6
    );
    let began = Instant::now();
    let country = Country::scratch(DemoOptions::scratch(options.data.clone())).await?;
    println!(
        "cold start of five bodies with new keys and registers: {} ms",
        began.elapsed().as_millis()
    );
    println!(
        "resident memory, idle: {:.1} MB for five bodies",
        resident_mb()
    );
    let outcome = measure(&country, &options, 2.0 * (sign + verify)).await;
    println!("resident memory, afterwards: {:.1} MB", resident_mb());
    country.end().await;
    std::fs::remove_dir_all(&options.data)?;
    outcome
}

async fn measure(country: &Country, options: &BenchOptions, signatures: f64) -> Outcome {
    let office = country.body(OFFICE)?;
    let settings = &office.ground.settings;
    let service = settings.office.facts.get("persona").cloned();
    let ask = Ask {
        client: settings.subsystem(),
        service: service
            .ok_or_else(|| Problem("the office asks no identity registry".to_owned()))?,
        about: town::stories::ROSA.to_owned(),
        fields: vec![
            "full_name".to_owned(),
            "birth_date".to_owned(),
            "address".to_owned(),
        ],
        purpose: "licencia-de-funcionamiento".to_owned(),
        case: Some("BENCH".to_owned()),
    };
    office
        .exchange
        .ask(ask.clone())
        .await
        .map_err(|error| Problem(error.to_string()))?;
    let (cpu, began) = (cpu_seconds(), Instant::now());
    let mut millis = ask_all(&office.exchange, &ask, options).await?;
    let (cpu, wall) = (cpu_seconds() - cpu, began.elapsed().as_secs_f64());
    millis.sort_by(f64::total_cmp);
    report(&millis, (cpu, wall), options.at_once, signatures);
    Ok(())
}

/// Asks all questions, so many at a time, and gives the milliseconds that each took.
async fn ask_all(
    exchange: &exchange::Exchange,
    ask: &Ask,
    options: &BenchOptions,
) -> Result<Vec<f64>, Problem> {
    let left = Arc::new(AtomicUsize::new(options.questions));
    let mut tasks = JoinSet::new();
    for _ in 0..options.at_once.max(1) {
        let (exchange, ask, left) = (exchange.clone(), ask.clone(), left.clone());
        tasks.spawn(async move {
            let mut millis = Vec::new();
            while left
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
                .is_ok()
            {
                let asked = Instant::now();
                exchange
                    .ask(ask.clone())
                    .await
                    .map_err(|error| error.to_string())?;
                millis.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, String>(millis)
        });
    }
    let mut millis = Vec::new();
    while let Some(done) = tasks.join_next().await {
        millis.extend(done?.map_err(Problem)?);
    }
    Ok(millis)
}

fn report(sorted_millis: &[f64], (cpu, wall): (f64, f64), at_once: usize, signatures: f64) {
    let count = sorted_millis.len() as f64;
    let at = |part: f64| {
        sorted_millis
            .get((count * part) as usize)
            .or(sorted_millis.last())
            .copied()
            .unwrap_or(0.0)
    };
    println!("{count} exchanges, {at_once} at once, both nodes in this process");
    println!(
        "  {:.0} per CPU second ({:.0} us of CPU each)",
        count / cpu,
        cpu / count * 1e6
    );
    println!(
        "  {:.0} per second of wall time; p50 {:.1} ms, p99 {:.1} ms",
        count / wall,
        at(0.5),
        at(0.99)
    );
    println!(
        "  limit of two signatures made and two verified alone: {:.0} per CPU second",
        1.0 / signatures
    );
}

/// CPU seconds of one signature made, and of one verified.
fn signature_cost() -> Result<(f64, f64), Problem> {
    let signer = Signer::ephemeral("bench", Algorithm::P256)?;
    let (algorithm, message) = (signer.signature_algorithm(Hash::Sha512), [7_u8; 1024]);
    let signature = signer.sign(&message, Hash::Sha512)?;
    let began = cpu_seconds();
    for _ in 0..SIGNATURES {
        signer.sign(&message, Hash::Sha512)?;
    }
    let signed = cpu_seconds();
    for _ in 0..SIGNATURES {
        algorithm.verify(signer.spki_der(), &message, &signature)?;
    }
    let verified = cpu_seconds();
    let each = f64::from(SIGNATURES);
    Ok(((signed - began) / each, (verified - signed) / each))
}

/// User and system CPU seconds of this process so far (`proc(5)`: fields 14 and 15 of `stat`).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or("");
    let ticks = |at: usize| {
        after_name
            .split(' ')
            .nth(at)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / TICKS
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}
