//! `tambo member`: what a body that joined asks of its authority: another address, subsystems, maintenance, certificates.

use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use kernel::SystemClock;
use registry::certificates::SIGN;
use registry::{Envelope, Wish};

use super::{Config, Outcome, Problem};
use crate::house::Ground;
use crate::joining;

/// Options of `member`.
#[derive(clap::Args)]
pub struct MemberOptions {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Tell the authority another address of this server.
    Address {
        /// HOST:PORT.
        address: String,
    },
    /// Register a subsystem of this body on this server, or take it off.
    Subsystem {
        /// Its code.
        code: String,
        /// Take it off.
        #[arg(long)]
        remove: bool,
    },
    /// Begin or end maintenance: others are told, and don't ask meanwhile.
    Maintenance {
        /// on or off.
        state: Switch,
        /// What others are told.
        #[arg(long, default_value = "")]
        message: String,
    },
    /// Ask for new certificates for the keys in use now.
    Renew,
    /// Take an application back.
    Withdraw {
        /// Its number.
        number: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Runs the command.
///
/// # Errors
/// This body joined no authority by a link, the authority is away or refuses.
pub async fn run(options: MemberOptions) -> Outcome {
    let ground = Ground::lay(options.config.read()?, Arc::new(SystemClock)).await?;
    let far = joining::authority(&ground).ok_or_else(|| {
        Problem("this body did not join by a link: [exchange] authority_pin is empty".to_owned())
    })?;
    let wish = wish(&ground, &options.what)?;
    let application = far.application(&ground.settings.server(), wish);
    let sign = ground.keys.signer(SIGN)?;
    let receipt = far
        .apply(&Envelope::sign(&application, &[&sign], None)?)
        .await?;
    println!(
        "Application {}: {}; fingerprint {}",
        receipt.number, receipt.state, receipt.fingerprint
    );
    if let (What::Renew, "approved") = (&options.what, receipt.state.as_str()) {
        joining::collect(&ground, &receipt)?;
        println!("New certificates are here; they are used from the next start on.");
    }
    if let What::Address { address } = &options.what {
        println!("Once it is granted, set [exchange] address = \"{address}\" here too.");
    }
    ground.store.close().await;
    Ok(())
}

fn wish(ground: &Ground, what: &What) -> Result<Wish, Problem> {
    Ok(match what {
        What::Address { address } => Wish::Address {
            address: address.clone(),
        },
        What::Subsystem { code, remove: true } => Wish::SubsystemRemoval { code: code.clone() },
        What::Subsystem { code, .. } => Wish::Subsystem { code: code.clone() },
        What::Maintenance { state, message } => Wish::Maintenance {
            on: matches!(state, Switch::On),
            notice: message.clone(),
        },
        What::Renew => Wish::Certificates {
            requests: joining::requests(ground)?,
        },
        What::Withdraw { number } => Wish::Withdrawal {
            number: number.clone(),
        },
    })
}
