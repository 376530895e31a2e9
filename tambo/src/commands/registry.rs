//! `tambo registry`: the authority's register at the machine: who waits, approve, refuse, invite, revoke.
//!
//! The running node publishes what was decided here within seconds.

use std::sync::Arc;

use clap::Subcommand;
use kernel::{Actor, MemberId, SystemClock};
use registry::Register;

use super::foreign::{EnterOptions, enter};
use super::{Config, Outcome, Problem};
use crate::authority::Authority;
use crate::house::{Ground, Manner};
use crate::settings::Part;

/// Options of `registry`.
#[derive(clap::Args)]
pub struct RegistryOptions {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print the applications that wait, with the fingerprint to compare.
    List,
    /// Print the members.
    Members,
    /// Approve an application; compare its fingerprint with the applicant's screen before.
    Approve {
        /// Its number.
        number: String,
    },
    /// Refuse an application.
    Refuse {
        /// Its number.
        number: String,
        /// Why; the applicant reads it.
        #[arg(long)]
        why: String,
    },
    /// Enter a server that runs other software, by its certificate requests.
    Enter(EnterOptions),
    /// Make a join link, good once and for seven days.
    Link {
        /// For this member only, which lost its server: INSTANCE/CLASS/CODE.
        #[arg(long)]
        member: Option<MemberId>,
    },
    /// Revoke a join link that nobody used.
    Unlink {
        /// Its first part, between `#` and the first dot.
        id: String,
    },
    /// End a membership: certificates are revoked, the configuration is published without it.
    Revoke {
        /// INSTANCE/CLASS/CODE.
        member: MemberId,
        /// Why; members read it.
        #[arg(long)]
        why: String,
    },
}

impl What {
    /// Reading must not write anything, and no act anything but itself.
    const fn manner(&self) -> Manner {
        match self {
            Self::List | Self::Members => Manner::Read,
            _ => Manner::Act,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// This body is no authority, the act is not possible, or the store failed.
pub async fn run(options: RegistryOptions) -> Outcome {
    let settings = options.config.read()?;
    if !settings.is(Part::Authority) {
        return Err(Problem(format!(
            "{} is no authority: the register is kept by the one it joined",
            settings.body.name
        )));
    }
    let manner = options.what.manner();
    let ground = Ground::lay_for(settings, Arc::new(SystemClock), manner).await?;
    let authority = Authority::open(&ground).await?;
    let outcome = act(&authority.register, options.what).await;
    ground.store.close().await;
    outcome
}

async fn act(register: &Register, what: What) -> Outcome {
    let by = Actor::system("command line");
    match what {
        What::List => list(register).await,
        What::Members => members(register).await,
        What::Approve { number } => {
            register.approve(&by, &number).await?;
            println!("{number} is approved");
            Ok(())
        }
        What::Refuse { number, why } => {
            register.refuse(&by, &number, &why).await?;
            println!("{number} is refused");
            Ok(())
        }
        What::Enter(options) => enter(register, &by, options).await,
        What::Link { member } => {
            println!("{}", register.make_link(&by, member.as_ref()).await?);
            Ok(())
        }
        What::Unlink { id } => {
            register.revoke_link(&by, &id).await?;
            println!("{id} is revoked");
            Ok(())
        }
        What::Revoke { member, why } => {
            register.revoke_member(&by, &member, &why).await?;
            println!("{member} is revoked");
            Ok(())
        }
    }
}

async fn list(register: &Register) -> Outcome {
    let waiting = register.waiting().await?;
    if waiting.is_empty() {
        println!("no application waits");
    }
    for row in waiting {
        println!(
            "{}  {}  {:<18} {}  {}",
            row.number,
            registry::domain::compared(&row.digest),
            row.kind,
            row.server,
            row.made_at.iso_seconds()
        );
    }
    Ok(())
}

async fn members(register: &Register) -> Outcome {
    let mut after = String::new();
    loop {
        let rows = register.members(&after).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id.to_string();
        for row in rows {
            let state = if row.active { "member" } else { "revoked" };
            println!("{:<8} {}  {}", state, row.id, row.name);
        }
    }
}
