//! `tambo why`: follows a message through both nodes, says which step failed and what to do.

use exchange::why::{Mark, Other, Trail};
use kernel::Locale;
use web::{Texts, Value};

use super::{Config, Outcome, Problem, words};
use crate::house::Manner;
use crate::serve;

/// Options of `why`.
#[derive(clap::Args)]
pub struct WhyOptions {
    #[command(flatten)]
    config: Config,
    /// A message number, or the reference of an error.
    number: String,
    /// Language of the words: es, qu or en; that of the command line (`--lang`, LANG) if not given.
    #[arg(long)]
    language: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// The message is not known here, or the store failed.
pub async fn run(options: WhyOptions) -> Outcome {
    let locale = match &options.language {
        None => words::language(),
        Some(tag) => Locale::ALL
            .into_iter()
            .find(|locale| locale.tag() == tag)
            .ok_or_else(|| Problem(format!("--language {tag:?}: es, qu or en")))?,
    };
    let texts = Texts::new([("exchange", exchange::http::TEXTS)])?;
    let house = serve::open_for(options.config.read()?, Manner::Act).await?;
    let trail = house.exchange.why(&options.number).await?;
    let Some(trail) = trail else {
        return Err(Problem(texts.say(locale, "exchange-why-none", &[])));
    };
    print(&trail, &|key, args| texts.say(locale, key, args));
    Ok(())
}

type Say<'a> = dyn Fn(&str, &[(&str, Value)]) -> String + 'a;

fn print(trail: &Trail, say: &Say<'_>) {
    println!("{}  {} -> {}\n", trail.number, trail.client, trail.service);
    for step in &trail.steps {
        let mark = match step.mark {
            Mark::Good => "ok  ",
            Mark::Bad => "FAIL",
            Mark::Unknown => "?   ",
            Mark::NotReached => "-   ",
        };
        let at = step.at.map(|at| at.iso()).unwrap_or_default();
        let name = say(&format!("exchange-why-step-{}", step.stage.word()), &[]);
        println!("{mark}  {name:<28} {at}");
        for note in &step.notes {
            let (key, args) = exchange::why::note_text(note);
            println!(
                "      {}{}",
                if note.warns { "! " } else { "" },
                say(&key, &args)
            );
        }
    }
    println!("\n{}", heard(&trail.other, say));
    match trail.diagnosis {
        None => println!("{}", say("exchange-why-good", &[])),
        Some(diagnosis) => {
            let step = say(
                &format!("exchange-why-step-{}", diagnosis.stage.word()),
                &[],
            );
            println!("\n{}", say("exchange-why-failed", &[("step", step.into())]));
            println!(
                "{}",
                say(&format!("exchange-why-do-{}", diagnosis.advice), &[])
            );
        }
    }
    if let Some(cause) = &trail.cause {
        println!("{}: {cause}", say("exchange-why-cause", &[]));
    }
}

fn heard(other: &Other, say: &Say<'_>) -> String {
    match other {
        Other::Told(_) => say("exchange-why-other-told", &[]),
        Other::NotAsked => say("exchange-why-other-not-asked", &[]),
        Other::NoService => say("exchange-why-other-no-service", &[]),
        Other::Unreachable(cause) => say(
            "exchange-why-other-unreachable",
            &[("cause", cause.clone().into())],
        ),
    }
}
