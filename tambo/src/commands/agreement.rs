//! `tambo agreement`: who may ask what of whom, decided from the command line as officials do on the pages.
//!
//! An act is entered first and carried to the other body then; if that body can't be reached now, the running node goes
//! on trying.

use clap::Subcommand;
use exchange::agreements::{Held, Terms};
use exchange::{Agreement, Exchange};
use kernel::{Moment, ServiceId, SubsystemId};

use super::{Config, Outcome, Problem};
use crate::house::Manner;
use crate::serve;

/// Who decided, as the log names it.
const ACCOUNT: &str = "command line";
/// Most agreements that `list` prints.
const LIST_MAX: usize = 10_000;

/// Options of `agreement`.
#[derive(clap::Args)]
pub struct AgreementOptions {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print all agreements, one a line.
    List,
    /// Print one agreement with its history.
    Show {
        /// Its number.
        number: String,
    },
    /// Propose an agreement, or the next version of one.
    Propose(Box<Proposal>),
    /// Accept and sign what the other body proposed.
    Accept {
        /// Its number.
        number: String,
    },
    /// Refuse what the other body proposed.
    Refuse {
        /// Its number.
        number: String,
        /// Why, for the other body's officials.
        #[arg(long)]
        reason: String,
    },
    /// End an agreement, or take an own proposal back.
    End {
        /// Its number.
        number: String,
        /// Why, for the other body's officials.
        #[arg(long)]
        reason: String,
    },
    /// Compare every agreement in force with what both bodies signed.
    Check,
}

#[derive(clap::Args)]
struct Proposal {
    /// Who asks: INSTANCE/CLASS/CODE/SUBSYSTEM.
    #[arg(long)]
    client: SubsystemId,
    /// Which service answers: INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE.
    #[arg(long)]
    service: ServiceId,
    /// A piece of data that may be given; once for each.
    #[arg(long = "field", value_name = "NAME")]
    fields: Vec<String>,
    /// Short code of the purpose, as each question names it.
    #[arg(long)]
    purpose: String,
    /// The purpose in words that citizens read.
    #[arg(long)]
    words: String,
    /// Law and article.
    #[arg(long)]
    legal_ground: String,
    /// First day: YYYY-MM-DD; today if not given.
    #[arg(long)]
    from: Option<String>,
    /// First day on which it no longer holds: YYYY-MM-DD.
    #[arg(long)]
    until: String,
    /// Most questions in one day.
    #[arg(long)]
    daily_limit: Option<u32>,
    /// Number; a new one if not given, the next version of an agreement that has it.
    #[arg(long, default_value = "")]
    number: String,
}

/// Runs the command.
///
/// # Errors
/// The step is not possible, or the store failed.
pub async fn run(options: AgreementOptions) -> Outcome {
    let settings = options.config.read()?;
    let manner = match options.what {
        What::List | What::Show { .. } => Manner::Read,
        _ => Manner::Act,
    };
    let house = serve::open_for(settings, manner).await?;
    let exchange = &house.exchange;
    let now = house.ground.clock.now();
    match options.what {
        What::List => list(exchange, now).await,
        What::Show { number } => show(exchange, &number, now).await,
        What::Check => check(exchange).await,
        What::Propose(proposal) => {
            let words = proposal.words.clone();
            let terms = exchange
                .propose_agreement(proposal.agreement(now)?, &words, ACCOUNT)
                .await?;
            println!("{}", sentence(&terms));
            carried(exchange).await
        }
        What::Accept { number } => {
            exchange.accept_agreement(&number, ACCOUNT).await?;
            carried(exchange).await
        }
        What::Refuse { number, reason } => {
            let refused = exchange.refuse_agreement(&number, &reason, ACCOUNT);
            refused.await?;
            carried(exchange).await
        }
        What::End { number, reason } => {
            let ended = exchange.end_agreement(&number, &reason, ACCOUNT);
            ended.await?;
            carried(exchange).await
        }
    }
}

fn day(text: &str) -> Result<Moment, Problem> {
    Moment::parse_iso(&format!("{text}T00:00:00Z"))
        .ok_or_else(|| Problem(format!("{text:?}: write YYYY-MM-DD")))
}

impl Proposal {
    fn agreement(self, now: Moment) -> Result<Agreement, Problem> {
        let valid_from = match &self.from {
            Some(text) => day(text)?,
            None => now,
        };
        Ok(Agreement {
            number: self.number,
            client: self.client,
            service: self.service,
            purpose: self.purpose,
            fields: self.fields,
            valid_from,
            until: day(&self.until)?,
            legal_ground: self.legal_ground,
            daily_limit: self.daily_limit,
        })
    }
}

async fn carried(exchange: &Exchange) -> Outcome {
    match exchange.deliver_agreements().await {
        Ok(_) => println!("The other body has it."),
        Err(fault) => println!(
            "Entered. The other body does not have it yet ({}); the running node goes on trying.",
            fault.detail
        ),
    }
    Ok(())
}

fn sentence(terms: &Terms) -> String {
    let agreement = &terms.agreement;
    format!(
        "{} version {}: {} may ask {} for [{}] until {}: {} ({})",
        agreement.number,
        terms.version,
        agreement.client,
        agreement.service,
        agreement.fields.join(", "),
        &agreement.until.iso()[..10],
        terms.purpose_text,
        agreement.legal_ground,
    )
}

fn stand(held: &Held, now: Moment) -> String {
    let note = match (held.has_expired(now), held.should_be_renewed(now)) {
        (true, _) => ", its time has passed",
        (false, true) => ", ends soon: propose its renewal",
        (false, false) => "",
    };
    format!("{}{note}", held.state.word())
}

async fn list(exchange: &Exchange, now: Moment) -> Outcome {
    for held in exchange.agreements_after("", LIST_MAX).await? {
        println!("{:<12} {}", stand(&held, now), sentence(&held.terms));
    }
    Ok(())
}

async fn show(exchange: &Exchange, number: &str, now: Moment) -> Outcome {
    let versions = exchange.agreement_versions(number).await?;
    let latest = versions
        .first()
        .ok_or_else(|| Problem(format!("no agreement {number:?}")))?;
    println!("{}\n{}\n", sentence(&latest.terms), stand(latest, now));
    println!(
        "counted today: {}\n",
        exchange.agreement_counted(number).await?
    );
    for step in exchange.agreement_history(number).await? {
        let reason = step
            .reason
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        println!(
            "{}  version {}  {:<8} {}  {}{reason}",
            step.at,
            step.version,
            step.act.word(),
            step.member,
            step.sent
        );
    }
    println!("\n{}", latest.text);
    Ok(())
}

async fn check(exchange: &Exchange) -> Outcome {
    let audit = exchange.audit_agreements().await?;
    println!("{} agreements are what both bodies signed", audit.good);
    for (number, cause) in audit.untraced.iter().chain(&audit.changed) {
        println!("{number}: {cause}");
    }
    match audit.changed.len() {
        0 => Ok(()),
        count => Err(Problem(format!(
            "{count} agreements were changed and are out of force"
        ))),
    }
}
