//! `tambo bench hosting`: what one more body costs in a process that serves many: memory, threads, files, idle CPU.
//!
//! The bodies are founded here, with an authority that this process serves; then a process of its own serves the first
//! few, and, while it runs, all of them. The difference is what the others cost. Nothing is asked meanwhile.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use kernel::{Chance, Clock, SystemChance, SystemClock};
use tokio::time::{Instant, sleep};

use crate::authority::Authority;
use crate::commands::{Outcome, Problem};
use crate::hosting::STOPPED;
use crate::house::{Ground, House};
use crate::serve::{self, Listeners, Serving};
use crate::settings::{Part, Settings, TEMPLATE};

/// Clock ticks of `/proc/PID/stat` in a second; Linux has had 100 for user space on every architecture since 2.6.
const TICKS: f64 = 100.0;
/// Bodies of the first figure: their process holds what all share.
const FEW: usize = 10;
/// How long one body may take to be served; a key store's passphrase is costly to try on purpose.
const START_EACH: Duration = Duration::from_secs(3);
/// Rest before a figure is taken, so that the work of the start is over.
const SETTLE: Duration = Duration::from_secs(20);

/// Options of `bench hosting`.
#[derive(clap::Args)]
pub struct HostingOptions {
    /// How many bodies one process serves.
    #[arg(long, default_value_t = 200)]
    bodies: usize,
    /// How long idle CPU is counted, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Folder for the bodies; it is removed at the end.
    #[arg(long, value_name = "DIR", default_value = "bench-hosting")]
    data: PathBuf,
}

/// Runs the command.
pub async fn run(options: &HostingOptions) -> Outcome {
    if options.data.exists() {
        let shown = options.data.display();
        return Err(Problem(format!(
            "{shown} is there already; name another with --data"
        )));
    }
    let bodies = options.bodies.max(FEW + 1);
    let began = Instant::now();
    let authority = found_authority(&options.data).await?;
    let hosted = options.data.join("hosted");
    for number in 0..bodies {
        found(&authority, &hosted, number).await?;
    }
    println!(
        "founded {bodies} offices in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let mut host = Host::start(&hosted, &options.data.join("host.log"))?;
    let outcome = measure(&mut host, &hosted, bodies, options.seconds).await;
    host.stop();
    authority.stop.send_replace(true);
    authority.serving.ended().await;
    std::fs::remove_dir_all(&options.data)?;
    outcome
}

async fn measure(host: &mut Host, hosted: &Path, bodies: usize, seconds: u64) -> Outcome {
    host.until_served(FEW).await?;
    sleep(SETTLE).await;
    let few = host.figures()?;
    println!("{FEW} bodies:  {few}");
    for number in FEW..bodies {
        std::fs::remove_file(folder_of(hosted, number).join(STOPPED))?;
    }
    let began = Instant::now();
    host.until_served(bodies).await?;
    println!(
        "the others were served within {:.0} s",
        began.elapsed().as_secs_f64()
    );
    sleep(SETTLE).await;
    let before = host.figures()?;
    sleep(Duration::from_secs(seconds)).await;
    let all = host.figures()?;
    println!("{bodies} bodies: {all}");
    let more = (bodies - FEW) as f64;
    let cpu = (all.cpu_seconds - before.cpu_seconds) / seconds as f64;
    println!(
        "each more body: {:.2} MB of memory",
        (all.resident_mb - few.resident_mb) / more
    );
    println!(
        "idle CPU of {bodies} bodies: {:.1} % of one core, {:.2} ms a second for each",
        cpu * 100.0,
        cpu * 1000.0 / bodies as f64
    );
    Ok(())
}

/// The process that serves the bodies.
struct Host {
    child: Child,
    log: PathBuf,
}

/// What the system says of it.
struct Figures {
    resident_mb: f64,
    threads: String,
    files: usize,
    cpu_seconds: f64,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            resident_mb,
            threads,
            files,
            ..
        } = self;
        write!(
            f,
            "{resident_mb:.1} MB resident, {threads} threads, {files} open files"
        )
    }
}

impl Host {
    fn start(hosted: &Path, log: &Path) -> Result<Self, Problem> {
        let file = std::fs::File::create(log)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new(std::env::current_exe()?)
            .args([
                "--log",
                "error",
                "serve",
                "--pages",
                &port.to_string(),
                "--bodies",
            ])
            .arg(hosted)
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    async fn until_served(&mut self, bodies: usize) -> Outcome {
        let until = Instant::now() + START_EACH * u32::try_from(bodies).unwrap_or(u32::MAX);
        loop {
            let text = std::fs::read_to_string(&self.log)?;
            let served = text.lines().filter(|line| line.contains(": http")).count();
            if served >= bodies {
                return Ok(());
            }
            if Instant::now() > until || self.child.try_wait()?.is_some() {
                return Err(Problem(format!(
                    "{served} of {bodies} bodies are served:\n{text}"
                )));
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    fn figures(&self) -> Result<Figures, Problem> {
        let place = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(place.join("status"))?;
        let line = |name: &str| {
            let found = status.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or("0").trim().to_owned()
        };
        let kib = line("VmRSS:").trim_end_matches(" kB").parse::<f64>()?;
        let stat = std::fs::read_to_string(place.join("stat"))?;
        let after = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|text| text.parse::<f64>().ok()).sum();
        Ok(Figures {
            resident_mb: kib / 1024.0,
            threads: line("Threads:"),
            files: std::fs::read_dir(place.join("fd"))?.count(),
            cpu_seconds: ticks / TICKS,
        })
    }

    fn stop(&mut self) {
        // A crash is what every body is made for; the folder is removed anyway.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Founder {
    authority: Authority,
    serving: Serving,
    stop: tokio::sync::watch::Sender<bool>,
    address: String,
    anchor: String,
    witness_key: String,
}

fn template(folder: &Path, part: Part) -> Result<Settings, Problem> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("passphrase"), SystemChance::default().token())?;
    let mut settings = Settings::parse(TEMPLATE, std::iter::empty())?;
    settings.folder = folder.to_path_buf();
    settings.body.roles = vec![part];
    settings.exchange.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Ok(settings)
}

async fn found_authority(data: &Path) -> Result<Founder, Problem> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut settings = template(&data.join("authority"), Part::Authority)?;
    settings.body.code = "autoridad".to_owned();
    settings.body.name = "Autoridad".to_owned();
    settings.exchange.member = "20168999926".to_owned();
    settings.pages.listen = address;
    settings.pages.origin = format!("http://localhost:{}", address.port());
    settings.exchange.authority = format!("http://{address}");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let listeners = Listeners::bind(&settings).await?;
    let ground = Ground::lay(settings, clock).await?;
    let authority = Authority::open(&ground).await?;
    authority.admit(&ground).await?;
    let (stop, stopped) = serve::stop_signal();
    let house = House::build(ground, Some(authority.clone())).await?;
    let serving = Serving::of(house, Vec::new(), listeners, None, &stopped).await?;
    Ok(Founder {
        anchor: authority.anchor(),
        witness_key: authority.witness.verifier().to_string(),
        authority,
        serving,
        stop,
        address: format!("http://{address}"),
    })
}

fn folder_of(hosted: &Path, number: usize) -> PathBuf {
    hosted.join(format!("municipio-{number:04}"))
}

/// Founds one office; all but the first few are not served at first.
async fn found(founder: &Founder, hosted: &Path, number: usize) -> Outcome {
    let folder = folder_of(hosted, number);
    let mut settings = template(&folder, Part::Office)?;
    settings.body.code = format!("municipio-{number:04}");
    settings.body.name = format!("Municipalidad de prueba {number}");
    settings.body.simulated = true;
    settings.exchange.member = format!("209{number:08}");
    settings.exchange.authority.clone_from(&founder.address);
    std::fs::write(folder.join(&settings.exchange.anchor), &founder.anchor)?;
    settings
        .exchange
        .witness_key
        .clone_from(&founder.witness_key);
    settings.pages.origin = format!("http://m{number}.localhost");
    let registry = kernel::MemberId::new("PE", "GOB", "20295613620").subsystem("REGISTRO");
    for code in [
        town::registries::PERSONA,
        town::registries::CONTRIBUYENTE,
        town::registries::VIGENCIA_DE_PODER,
    ] {
        let service = registry.service(code);
        settings.office.facts.insert(code.to_owned(), service);
    }
    let text = toml::to_string(&settings)?;
    std::fs::write(folder.join("settings.toml"), text)?;
    let ground = Ground::lay(settings, Arc::new(SystemClock)).await?;
    founder.authority.admit(&ground).await?;
    ground.store.close().await;
    if number >= FEW {
        std::fs::write(folder.join(STOPPED), "")?;
    }
    Ok(())
}
