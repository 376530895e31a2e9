//! `tambo registry`: the authority's register at the machine: who waits, approve, refuse, invite, revoke.
//!
//! The running node publishes what was decided here within seconds.

use std::sync::Arc;

use clap::Subcommand;
use kernel::{Actor, MemberId, SystemClock};
use registry::Register;
use registry::rotation::{CONFIGURATIONS, Turn};

use super::foreign::{EnterOptions, enter};
use super::{Config, Outcome, Problem};
use crate::authority::Authority;
use crate::authority::configuration::verification_key;
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
    /// Make a token for a program that keeps the register by its API; it is printed once.
    Token {
        /// The program's name, which stands in the log.
        name: String,
    },
    /// End a program's token.
    Untoken {
        /// The program's name.
        name: String,
    },
    /// Change the key that signs the configuration, in three turns: announce, use, forget.
    RotateKey {
        /// announce: a new key is made known. use: it signs. forget: the old one is made known no more.
        #[arg(value_enum)]
        turn: KeyTurn,
        /// The configuration for federated instances, instead of that for members.
        #[arg(long)]
        external: bool,
        /// Don't wait until the last edition has been out for as long as it holds: when the old key may be in other hands.
        #[arg(long)]
        now: bool,
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

#[derive(Clone, Copy, clap::ValueEnum)]
enum KeyTurn {
    Announce,
    Use,
    Forget,
}

impl From<KeyTurn> for Turn {
    fn from(turn: KeyTurn) -> Self {
        match turn {
            KeyTurn::Announce => Self::Announce,
            KeyTurn::Use => Self::Use,
            KeyTurn::Forget => Self::Forget,
        }
    }
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
    let outcome = act(&ground, &authority.register, options.what).await;
    ground.store.close().await;
    outcome
}

/// The key is made before it is named, so that the running node finds it.
async fn rotate(
    ground: &Ground,
    register: &Register,
    turn: Turn,
    (external, now): (bool, bool),
) -> Outcome {
    let by = Actor::system("command line");
    let configuration = CONFIGURATIONS[usize::from(external)];
    let held = register.signing_keys(configuration).await?;
    let settings = &ground.settings;
    let wait = match now {
        true => 0,
        false => settings.exchange.configuration_seconds,
    };
    if turn == Turn::Announce && held.announced.len() == 1 {
        let making = ground.making()?;
        verification_key(&making, &held.next(configuration))?;
    }
    let keys = register.turn_keys(&by, configuration, turn, wait).await?;
    println!(
        "{} signs the {configuration} configuration; announced: {}",
        keys.signing,
        keys.announced.join(", ")
    );
    match turn {
        Turn::Announce => {
            println!("Go on with `use` in {wait} seconds, when every member has seen the new key.")
        }
        Turn::Use => println!(
            "Go on with `forget` in {wait} seconds, when every member has an edition under the new key."
        ),
        Turn::Forget => println!(
            "Hand out the new anchor to whoever was away: {}/configuration-anchor.xml",
            settings.exchange.authority
        ),
    }
    Ok(())
}

async fn act(ground: &Ground, register: &Register, what: What) -> Outcome {
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
        What::Token { name } => {
            println!("{}", register.make_token(&by, &name).await?);
            Ok(())
        }
        What::Untoken { name } => {
            register.end_token(&by, &name).await?;
            println!("{name} has no token any more");
            Ok(())
        }
        What::RotateKey {
            turn,
            external,
            now,
        } => rotate(ground, register, turn.into(), (external, now)).await,
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
