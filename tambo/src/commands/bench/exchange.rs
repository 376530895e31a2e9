//! `tambo bench exchange`: two nodes in processes of their own, a load and a provider in this one.
//!
//! All guarantees are on: both nodes sign and verify, check agreement and right, have each message on disk before they
//! act on it, enter it in their logs and have it time-stamped. CPU time is that of the two nodes alone.

use std::path::PathBuf;
use std::time::Duration;

use exchange::testing::asking;
use trust::keys::Algorithm;

use super::country::{Body, Instance};
use super::load::{self, Pace, Target};
use super::node::{PURPOSE, service};
use super::process::Process;
use super::{nginx, signatures};
use crate::commands::{Outcome, Problem};

/// Options of `bench exchange`.
#[derive(clap::Args)]
pub struct Options {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Clients at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Kinds of signing keys: p256, rsa2048.
    #[arg(long, value_delimiter = ',', default_values_t = ["p256".to_owned(), "rsa2048".to_owned()])]
    keys: Vec<String>,
    /// Ways to sign: single, batch.
    #[arg(long, value_delimiter = ',', default_values_t = ["single".to_owned(), "batch".to_owned()])]
    signatures: Vec<String>,
    /// Sizes of the answers' bodies, in bytes.
    #[arg(long, value_delimiter = ',', default_values_t = [1_024, 102_400, 10 * 1024 * 1024])]
    bodies: Vec<usize>,
    /// Agreements that each body holds besides the one that is used.
    #[arg(long, default_value_t = 0)]
    agreements: usize,
    /// Members of the instance besides the two.
    #[arg(long, default_value_t = 0)]
    members: usize,
    /// Exchanges that each body's journal and log hold already, two messages each.
    #[arg(long, default_value_t = 0)]
    history: usize,
    /// Bytes of each message of that past.
    #[arg(long, default_value_t = 1_300)]
    history_bytes: usize,
    /// Message numbers are random, in the past and in the load, as other programs make them; ours sort by time.
    #[arg(long)]
    scattered: bool,
    /// Measure also what is read from a long past: a message, its way, its container, proofs, questions about a person,
    /// an archive, a check.
    #[arg(long)]
    look: bool,
    /// Folder for everything that is measured; it is removed at the end.
    #[arg(long, value_name = "DIR", default_value = "bench-data")]
    data: PathBuf,
    /// Leave the folder, and begin with the stores that lie in it: agreements and past are made once.
    #[arg(long)]
    keep: bool,
    /// Leave nginx out.
    #[arg(long)]
    without_nginx: bool,
    /// Each message has a connection of its own, as between X-Road servers.
    #[arg(long)]
    plain_lines: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seconds: 8,
            clients: 64,
            keys: ["p256", "rsa2048"].map(str::to_owned).to_vec(),
            signatures: ["single", "batch"].map(str::to_owned).to_vec(),
            bodies: vec![1_024, 102_400, 10 * 1024 * 1024],
            agreements: 0,
            members: 0,
            history: 0,
            history_bytes: 1_300,
            scattered: false,
            look: false,
            data: PathBuf::from("bench-data"),
            keep: false,
            without_nginx: false,
            plain_lines: false,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Something can't be set up, or an exchange failed.
pub async fn run(options: &Options) -> Outcome {
    if options.data.exists() && !options.keep {
        let data = options.data.display();
        return Err(Problem(format!("{data} exists already; name a new folder")));
    }
    let outcome = all(options).await;
    if !options.keep {
        let _ = std::fs::remove_dir_all(&options.data);
    }
    outcome
}

async fn all(options: &Options) -> Outcome {
    let provider = load::provider().await?;
    println!("CPU time of both nodes together; load and provider are in another process.");
    let mut floor = false;
    for kind in &options.keys {
        let algorithm = match kind.as_str() {
            "p256" => Algorithm::P256,
            "rsa2048" => Algorithm::Rsa2048,
            other => return Err(Problem(format!("--keys {other:?}: p256 or rsa2048"))),
        };
        let (sign, verify) = signatures::cost(algorithm)?;
        println!(
            "\n{kind}: sign {:.1} us, verify {:.1} us; two of each alone would allow {:.0} per CPU second",
            sign * 1e6,
            verify * 1e6,
            0.5 / (sign + verify)
        );
        for way in &options.signatures {
            let folder = std::path::absolute(&options.data)?.join(format!("{kind}-{way}"));
            let instance = Instance::found(&folder, algorithm, options.members).await?;
            if !floor && !options.without_nginx {
                floor = true;
                proxies(options, &instance, provider).await?;
            }
            nodes(options, &instance, provider, (kind, way)).await?;
        }
    }
    Ok(())
}

async fn proxies(
    options: &Options,
    instance: &Instance,
    provider: std::net::SocketAddr,
) -> Outcome {
    let Some(proxies) = nginx::start(instance, provider).await? else {
        println!("nginx: not run: nginx is not installed");
        return Ok(());
    };
    for &bytes in &options.bodies {
        let target = Target {
            address: proxies.address,
            path: format!("/{bytes}"),
            headers: Vec::new(),
            numbered: false,
            bytes,
        };
        measure(options, "two nginx", &target, &proxies.processes).await?;
    }
    Ok(())
}

async fn nodes(
    options: &Options,
    instance: &Instance,
    provider: std::net::SocketAddr,
    (kind, way): (&str, &str),
) -> Outcome {
    let [asking_body, answering_body] = instance.bodies() else {
        return Err(Problem("two bodies".to_owned()));
    };
    let mut more = vec!["--agreements".to_owned(), options.agreements.to_string()];
    more.extend(["--history".to_owned(), options.history.to_string()]);
    more.extend([
        "--history-bytes".to_owned(),
        options.history_bytes.to_string(),
    ]);
    if options.scattered {
        more.push("--scattered".to_owned());
    }
    if options.plain_lines {
        more.push("--plain-lines".to_owned());
    }
    if way == "single" {
        more.push("--single".to_owned());
    }
    let behind = ["--provider".to_owned(), format!("http://{provider}")];
    let answering = [more.as_slice(), behind.as_slice()].concat();
    let processes = [
        started(instance, asking_body, &more)?,
        started(instance, answering_body, &answering)?,
    ];
    println!("memory at rest: {}", memory(&processes));
    let stores = [asking_body, answering_body].map(|body| body.folder.clone());
    for &bytes in &options.bodies {
        let target = Target {
            address: asking_body.systems,
            path: format!("/r1/{}/b/{bytes}", service()),
            headers: vec![
                ("x-road-client", asking().to_string()),
                ("tambo-purpose", PURPOSE.to_owned()),
            ],
            numbered: options.scattered,
            bytes,
        };
        let before = stored(&stores);
        let name = format!("{kind} {way}");
        let exchanges = measure(options, &name, &target, &processes).await?;
        // Two messages on each of two nodes.
        let each = (stored(&stores) - before) / (4.0 * exchanges as f64);
        println!(
            "    log: {each:.0} bytes for each message and node; memory now {}",
            memory(&processes)
        );
    }
    if options.look {
        more.push("--look".to_owned());
        instance.look(answering_body, &more)?;
    }
    Ok(())
}

/// Starts a node and says what that took; the first time its past is made meanwhile.
fn started(instance: &Instance, body: &Body, more: &[String]) -> Result<Process, Problem> {
    let began = std::time::Instant::now();
    let process = instance.start(body, more)?;
    println!(
        "{} serves after {:.2} s, of which {:.2} s of CPU",
        body.member,
        began.elapsed().as_secs_f64(),
        process.cpu_seconds()
    );
    Ok(process)
}

/// A warm-up, as many as go, then half of that; tells how many there were.
async fn measure(
    options: &Options,
    name: &str,
    target: &Target,
    processes: &[Process; 2],
) -> Result<usize, Problem> {
    let clients = match target.bytes {
        large if large > 1_000_000 => options.clients.min(8),
        _ => options.clients,
    };
    let pace = |seconds: u64, per_second| Pace {
        clients,
        time: Duration::from_secs(seconds),
        per_second,
    };
    let warm = load::run(target, pace(1, None)).await?;
    let cpu = || {
        processes
            .iter()
            .map(Process::cpu_seconds)
            .collect::<Vec<_>>()
    };
    let before = cpu();
    let full = load::run(target, pace(options.seconds, None)).await?;
    let used: Vec<f64> = cpu()
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .collect();
    let total: f64 = used.iter().sum();
    let half = load::run(target, pace(options.seconds, Some(full.per_second() / 2.0))).await?;
    let count = full.millis.len() as f64;
    println!(
        "{name:14} {:>9} B: {:>6.0} per CPU second ({:.0} us: {:.0} + {:.0}), {:.0} per second of wall",
        target.bytes,
        count / total,
        total / count * 1e6,
        used[0] / count * 1e6,
        used[1] / count * 1e6,
        full.per_second(),
    );
    println!(
        "    at half load: p50 {:.2} ms, p99 {:.2} ms; at full load, {clients} clients: p50 {:.2} ms, p99 {:.2} ms",
        half.percentile(0.5),
        half.percentile(0.99),
        full.percentile(0.5),
        full.percentile(0.99),
    );
    Ok(warm.millis.len() + full.millis.len() + half.millis.len())
}

fn memory(processes: &[Process; 2]) -> String {
    let [one, other] = processes;
    let ((a, a_max), (b, b_max)) = (one.memory_mb(), other.memory_mb());
    format!("{a:.0} + {b:.0} MB (highest {a_max:.0} + {b_max:.0})")
}

/// Bytes of both stores, with what still lies in the write-ahead log left out of neither.
fn stored(folders: &[PathBuf; 2]) -> f64 {
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |found| found.len());
    let bytes: u64 = folders
        .iter()
        .map(|folder| size(folder.join("store.db")))
        .sum();
    bytes as f64
}
