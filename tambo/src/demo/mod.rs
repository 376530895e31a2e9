//! `tambo demo`: a small simulated country in one process, over real sockets, in a folder that survives a restart.
//!
//! Five bodies, each with its own store, keys, log and listeners: the authority, three registries, a municipality.
//! It is the mechanism that hosts many small bodies in one process, and nothing in it is a stand-in.

mod journey;
mod pages;
mod plan;
mod seed;

use std::path::PathBuf;
use std::sync::Arc;

use kernel::{Clock, Fault, Moment, ShiftedClock};
use tokio::sync::watch;

use crate::authority::Authority;
use crate::commands::{Outcome, Problem};
use crate::house::{Ground, House};
use crate::serve::{self, Listeners, Serving};
use crate::settings::Part;

pub use seed::OWN_ACCESS;

/// Options of `demo`.
#[derive(clap::Args)]
pub struct DemoOptions {
    /// Folder of the country's data; it is made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    data: PathBuf,
    /// Begin anew: the folder's earlier country is removed.
    #[arg(long)]
    fresh: bool,
    /// First of ten ports; the municipality's pages are on this one. Without it, the first free ten from 8080.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Set the country's clock to this moment (RFC 3339), not before the machine's.
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// Keep the data in this PostgreSQL database instead of SQLite files, one schema for each body.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Walk the main path without a browser, verify what it leaves, and end.
    #[arg(long)]
    journey: bool,
    /// Where the journey leaves its evidence; DATA/evidence if not given.
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
}

/// A country that is running.
pub struct Country {
    bodies: Vec<Serving>,
    leap: Arc<Leap>,
    stop: watch::Sender<bool>,
}

/// The country's clock, and what must follow when it leaps.
pub struct Leap {
    clock: Arc<ShiftedClock>,
    authority: Authority,
    bodies: Vec<(exchange::Exchange, store::Store)>,
}

impl Leap {
    /// Moves the clock by `seconds`. What waited for a time stamp gets it first; the directory, which holds for a day,
    /// is signed anew and taken by every body, as their timers would do within a minute.
    ///
    /// # Errors
    /// A store or the authority's key fails.
    pub async fn by(&self, seconds: i64) -> Result<(), Fault> {
        for (exchange, _) in &self.bodies {
            exchange.stamp().await?;
        }
        self.clock.shift(seconds);
        self.authority.publish().await?;
        let published = self.authority.published();
        for (exchange, store) in &self.bodies {
            exchange.take_configuration(&published).await?;
            store.wake();
        }
        Ok(())
    }
}

impl Country {
    /// The body with this code.
    ///
    /// # Errors
    /// There is none.
    pub fn body(&self, code: &str) -> Result<&House, Problem> {
        let found = self
            .bodies
            .iter()
            .find(|body| body.house.ground.settings.body.code == code);
        found
            .map(|body| &*body.house)
            .ok_or_else(|| Problem(format!("no body {code:?} in the demo")))
    }

    /// Stops all bodies.
    pub async fn end(self) {
        self.stop.send_replace(true);
        futures_util::future::join_all(self.bodies.into_iter().map(Serving::ended)).await;
    }
}

/// Runs the command.
///
/// # Errors
/// The country can't be built, or a step of the journey failed.
pub async fn run(options: DemoOptions) -> Outcome {
    if options.fresh {
        remove_earlier(&options)?;
    }
    let clock = Arc::new(ShiftedClock::default());
    if let Some(at) = &options.at {
        let wanted = Moment::parse_iso(at)
            .ok_or_else(|| Problem(format!("--at {at:?}: write 2026-12-01T09:00:00-05:00")))?;
        clock.shift(wanted.seconds_since(clock.now()));
    }
    // Listened for from here on: whoever sees the first body up may say stop before the last one is.
    let told = (!options.journey).then(|| tokio::spawn(serve::until_told()));
    let (country, first) = found(&options, clock).await?;
    if options.journey {
        let evidence = options
            .evidence
            .clone()
            .unwrap_or_else(|| options.data.join("evidence"));
        let outcome = journey::walk(&country, &evidence).await;
        country.end().await;
        return outcome;
    }
    welcome(&country, first)?;
    if let Some(told) = told {
        told.await.map_err(|error| Problem(error.to_string()))?;
    }
    country.end().await;
    Ok(())
}

/// Removes an earlier country, and nothing that is not one.
fn remove_earlier(options: &DemoOptions) -> Outcome {
    let folder = &options.data;
    if !folder.exists() {
        return Ok(());
    }
    if !folder.join(plan::MARK).exists() {
        return Err(Problem(format!(
            "{} was not made by the demo; --fresh leaves it alone",
            folder.display()
        )));
    }
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Builds and serves the five bodies.
async fn found(options: &DemoOptions, clock: Arc<ShiftedClock>) -> Result<(Country, u16), Problem> {
    let first = plan::ports(options.port)?;
    let plans = plan::country(&options.data, first, options.postgres.as_deref())?;
    let mut grounds = Vec::new();
    for settings in plans {
        if let Some(url) = &options.postgres {
            plan::schema(url, &settings.body.code, options.fresh).await?;
        }
        grounds.push(Ground::lay(settings, clock.clone() as Arc<dyn Clock>).await?);
    }
    let authority = Authority::open(&grounds[0]).await?;
    for ground in &grounds {
        authority.admit(ground).await?;
    }
    let mut houses = Vec::new();
    for ground in grounds {
        let ground = plan::anchored(ground, &authority);
        let own = ground
            .settings
            .is(Part::Authority)
            .then(|| authority.clone());
        let listeners = Listeners::bind(&ground.settings).await?;
        let house = House::build(ground, own).await?;
        house
            .exchange
            .take_configuration(&authority.published())
            .await?;
        seed::fill(&house, &authority).await?;
        houses.push((house, listeners));
    }
    let bodies = houses
        .iter()
        .map(|(house, _)| (house.exchange.clone(), house.ground.store.clone()))
        .collect();
    let leap = Arc::new(Leap {
        clock,
        authority,
        bodies,
    });
    let (stop, stopped) = serve::stop_signal();
    let mut bodies = Vec::new();
    for (house, listeners) in houses {
        let demo = pages::room(&house, &leap);
        bodies.push(Serving::of(house, demo, listeners, None, &stopped).await?);
    }
    let houses: Vec<&House> = bodies.iter().map(|body: &Serving| &*body.house).collect();
    seed::agree(&houses).await?;
    Ok((Country { bodies, leap, stop }, first))
}

fn welcome(country: &Country, first: u16) -> Outcome {
    let office = country.body(plan::OFFICE)?;
    println!("A simulated country is running.\n");
    println!(
        "  {}   {}",
        office.ground.settings.pages.origin, office.ground.settings.body.name
    );
    println!("  http://localhost:{first}/demo   who is who, and the country's clock\n");
    for body in &country.bodies {
        let settings = &body.house.ground.settings;
        println!(
            "  {:<40} pages {}  exchange {}",
            settings.body.name, settings.pages.origin, settings.exchange.address
        );
    }
    println!(
        "\nTime there: {}. Stop with Ctrl-C; the data stay.",
        country.leap.clock.now()
    );
    Ok(())
}
