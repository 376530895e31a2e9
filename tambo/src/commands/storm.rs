//! `tambo storm`: lets exchanges run over a simulated network that loses, cuts, doubles, changes, delays and parts.
//!
//! Everything is decided by the seed, so a storm that showed a fault can be seen again. The command ends without
//! success if a promise of the exchange was broken.

use town::storm::weather::Weather;
use town::storm::{Storm, run as pass};

use super::{Outcome, Problem};

/// Options of `storm`.
#[derive(clap::Args)]
pub struct StormOptions {
    /// Seed of the first storm.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many storms, each with the seed after the last one's.
    #[arg(long, default_value_t = 1)]
    storms: u64,
    /// Questions of each storm.
    #[arg(long, default_value_t = 1_000)]
    exchanges: u64,
    /// Questions under way at a time.
    #[arg(long, default_value_t = 32)]
    at_once: usize,
}

/// Runs the command.
pub async fn run(options: StormOptions) -> Outcome {
    let mut broken = 0;
    for seed in options.seed..options.seed.saturating_add(options.storms) {
        let storm = Storm {
            seed,
            exchanges: options.exchanges,
            at_once: options.at_once,
            weather: Weather::ROUGH,
        };
        let report = pass(storm).await;
        print!("{report}");
        broken += u64::from(!report.is_good());
    }
    match broken {
        0 => Ok(()),
        count => Err(Problem(format!("{count} storms broke a promise"))),
    }
}
