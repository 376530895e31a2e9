//! One node of the measurement: an exchange with store, log, agreements, rights and time stamps, and nothing else.
//!
//! Started by `tambo bench exchange`; it ends when its standard input does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exchange::settings::{Authentication, Signatures, SystemAccess};
use exchange::testing::history::{self, Past};
use exchange::testing::{agree_unsigned, asking};
use exchange::{AccessRight, Agreement, Exchange, FactSource, Keys, Parts, Settings};
use kernel::{Clock, MemberId, ServiceId, SystemChance, SystemClock};
use store::Store;
use tokio::net::TcpListener;
use trust::Certificate;
use trust::ca::DAY;
use trust::keys::{KeyStore, Passphrase};
use trust::log::{Log, LogSettings};
use web::metrics::Metrics;

use super::country::{BODIES, PASSPHRASE};
use super::look;
use crate::commands::{Outcome, Problem};

/// What the node prints when it serves.
pub const READY: &str = "ready";
/// The purpose of every question.
pub const PURPOSE: &str = "bench";
/// The pause of the log's own timer.
const PLACE_EVERY: Duration = Duration::from_millis(300);

/// Options of the hidden command.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    folder: PathBuf,
    #[arg(long)]
    member: MemberId,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    systems: SocketAddr,
    #[arg(long)]
    anchor: PathBuf,
    /// The provider's address, for the node that answers.
    #[arg(long)]
    provider: Option<String>,
    /// Agreements to hold besides the one that is used.
    #[arg(long, default_value_t = 0)]
    agreements: usize,
    /// Exchanges that the journal and the log hold already.
    #[arg(long, default_value_t = 0)]
    history: usize,
    /// Bytes of each message of them.
    #[arg(long, default_value_t = 1_300)]
    history_bytes: usize,
    /// Their numbers are random.
    #[arg(long)]
    scattered: bool,
    /// Look back at them and end, instead of serving.
    #[arg(long)]
    look: bool,
    /// Seconds between two time stamps.
    #[arg(long, default_value_t = 5)]
    stamp_every: u64,
    /// Sign every message alone.
    #[arg(long)]
    single: bool,
    /// Each message has a connection of its own.
    #[arg(long)]
    plain_lines: bool,
}

/// The service that is asked.
pub fn service() -> ServiceId {
    exchange::testing::member(BODIES[1].0)
        .subsystem(BODIES[1].1)
        .service("bytes")
}

/// Runs the node.
///
/// # Errors
/// It can't be built.
pub async fn run(options: Options) -> Outcome {
    let (exchange, log) = build(&options).await?;
    if options.look {
        return look::back(&exchange, &log, (options.history, &options.folder)).await;
    }
    exchange.stamp().await?;
    timers(&exchange, log, options.stamp_every);
    agree(&exchange, &options).await?;
    let _serving = exchange.serve(TcpListener::bind(options.listen).await?);
    let _systems = exchange.serve_systems(TcpListener::bind(options.systems).await?, false)?;
    println!("{READY}");
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    Ok(())
}

async fn build(options: &Options) -> Result<(Exchange, Log), Problem> {
    let url = format!("sqlite:{}", options.folder.join("store.db").display());
    let store = Store::open(
        &url,
        Arc::new(SystemClock),
        Arc::new(SystemChance::default()),
    )
    .await?;
    store
        .migrate(&[
            ("log", trust::log::MIGRATIONS),
            ("exchange", exchange::MIGRATIONS),
        ])
        .await?;
    let keys = KeyStore::open(&options.folder.join("keys"), &Passphrase::new(PASSPHRASE))?;
    let certificate = |name: &str| -> Result<Certificate, Problem> {
        Ok(Certificate::from_der(&std::fs::read(
            options.folder.join(name),
        )?)?)
    };
    let own = Keys::new(
        (keys.signer("sign")?, vec![certificate("sign.der")?]),
        (keys.signer("auth")?, vec![certificate("auth.der")?]),
    )?;
    let log = LogSettings::new(&keys, &format!("{}/log", options.member), None)?;
    let log = Log::open(store.clone(), log).await?;
    let past = Past {
        exchanges: options.history,
        bytes: options.history_bytes,
        scattered: options.scattered,
    };
    history::lengthen(&store, &log, past).await?;
    log.sequence().await?;
    let parts = Parts {
        settings: settings(options, &std::fs::read_to_string(&options.anchor)?),
        store,
        keys: own,
        log: log.clone(),
        metrics: Metrics::new(),
    };
    let exchange = Exchange::new(parts).await?;
    exchange.refresh_directory().await?;
    Ok((exchange, log))
}

fn settings(options: &Options, anchor: &str) -> Settings {
    let mut settings = Settings::new(options.member.clone(), anchor);
    let plain = SystemAccess {
        authentication: Authentication::Http,
        certificates: Vec::new(),
    };
    for (_, subsystem) in BODIES {
        settings.systems.insert(subsystem.to_owned(), plain.clone());
    }
    settings.connections_max = 4_000;
    settings.shared_lines = !options.plain_lines;
    if options.single {
        settings.signatures = Signatures::Single;
    }
    settings
}

/// Time stamps and the log's places, as a house's timers do it.
fn timers(exchange: &Exchange, log: Log, stamp_every: u64) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(PLACE_EVERY).await;
            if let Err(error) = log.sequence().await {
                tracing::error!(%error, "the log");
            }
        }
    });
    let exchange = exchange.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(stamp_every)).await;
            if let Err(fault) = exchange.stamp().await {
                tracing::error!(%fault, "a time stamp");
            }
        }
    });
}

async fn agree(exchange: &Exchange, options: &Options) -> Outcome {
    let (service, now) = (service(), SystemClock.now());
    let agreement = |number: usize, purpose: String| Agreement {
        number: format!("AG-{number}"),
        client: asking(),
        service: service.clone(),
        purpose,
        fields: Vec::new(),
        valid_from: now.plus_seconds(-60),
        until: now.plus_seconds(300 * DAY),
        legal_ground: "none".to_owned(),
        daily_limit: None,
    };
    let others: Vec<Agreement> = (1..=options.agreements)
        .map(|number| agreement(number, format!("{PURPOSE}-{number}")))
        .collect();
    let last = others.last().map_or("AG-0", |last| last.number.as_str());
    if !history::holds(exchange, last).await? {
        for some in others.chunks(10_000) {
            agree_unsigned(exchange, some).await?;
        }
    }
    agree_unsigned(exchange, &[agreement(0, PURPOSE.to_owned())]).await?;
    if let Some(url) = &options.provider {
        let source = FactSource::Url {
            url: url.clone(),
            agreement: true,
        };
        exchange.offer(&service, &source, true).await?;
        exchange
            .permit(&AccessRight::whole(asking(), service))
            .await?;
    }
    Ok(())
}
