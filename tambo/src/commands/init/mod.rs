//! `tambo init`: the first set-up of one body. Asks little, explains what it did, changes nothing that is there.
//!
//! Three ways: a body alone, which is its own authority and works at once; `--authority`, which founds an instance that
//! others join; `--join LINK`, which makes a member of one.

mod answers;
mod found;
mod join;

use std::path::PathBuf;
use std::sync::Arc;

use kernel::{Actor, Chance, SystemChance, SystemClock};

use super::{Outcome, Problem};
use crate::house::{self, Ground};
use crate::settings::Settings;

use answers::Answers;

/// Options of `init`; what is not given is asked.
#[derive(clap::Args)]
pub struct InitOptions {
    /// Folder of the new body.
    #[arg(value_name = "DIR")]
    place: Option<PathBuf>,
    /// Folder of the new body, as an option.
    #[arg(long, value_name = "DIR", conflicts_with = "place")]
    folder: Option<PathBuf>,
    /// Found an instance that other bodies join: certificates, their status, time stamps, witness, register.
    #[arg(long, conflicts_with = "join")]
    authority: bool,
    /// Join the instance whose authority gave this link.
    #[arg(long, value_name = "LINK")]
    join: Option<String>,
    /// Name of the body.
    #[arg(long)]
    name: Option<String>,
    /// The body's own number (in Peru: RUC).
    #[arg(long)]
    number: Option<String>,
    /// The address that people will type.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    /// Where other bodies' servers reach this one.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Two letters of the country, which name a new instance.
    #[arg(long, default_value = "PE")]
    instance: String,
    /// Member class.
    #[arg(long, default_value = "GOB")]
    class: String,
    /// Code of the first subsystem: who asks and answers.
    #[arg(long)]
    subsystem: Option<String>,
    /// National number of the first administrator.
    #[arg(long)]
    administrator: Option<String>,
    /// Name of the first administrator.
    #[arg(long)]
    administrator_name: Option<String>,
}

/// What the first administrator may do.
const RIGHTS: [&str; 9] = [
    "case.read",
    "case.evaluate",
    "case.decide",
    "exchange.read",
    "exchange.agree",
    "exchange.manage",
    "identity.issue-code",
    "jobs.read",
    registry::MANAGE,
];

impl InitOptions {
    fn folder(&self) -> PathBuf {
        let given = self.place.clone().or_else(|| self.folder.clone());
        given.unwrap_or_else(|| PathBuf::from("."))
    }
}

/// Runs the command.
pub async fn run(options: InitOptions) -> Outcome {
    let path = options.folder().join("settings.toml");
    if path.exists() {
        return Err(Problem(format!(
            "{} is there already; init changes nothing that exists",
            path.display()
        )));
    }
    match &options.join {
        Some(link) => join::run(&options, link).await,
        None => found::run(&options).await,
    }
}

/// Writes the settings and a new passphrase, and reads them back as the body's ground.
async fn lay(options: &InitOptions, text: &str) -> Result<Ground, Problem> {
    let folder = options.folder();
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("settings.toml");
    std::fs::write(&path, text)?;
    let passphrase = folder.join("passphrase");
    std::fs::write(&passphrase, SystemChance::default().token())?;
    super::private(&passphrase)?;
    Ground::lay(Settings::read(&path)?, Arc::new(SystemClock)).await
}

/// Enters the first administrator; gives back their one-time code.
async fn administrator(
    ground: &Ground,
    answers: &Answers,
    number: &str,
) -> Result<String, Problem> {
    let identity = house::identity(ground)?;
    let rights = RIGHTS.iter().map(|right| (*right).to_owned()).collect();
    let post = identity::Post {
        code: "administracion".to_owned(),
        name: "Administración".to_owned(),
        rights,
    };
    identity.put_post(&post).await?;
    identity
        .add_official(number, &answers.administrator_name, &post.code)
        .await?;
    let code = identity.issue_code(&Actor::system("init"), number).await?;
    Ok(code.code)
}

/// The last lines: what to do next.
fn next(options: &InitOptions, settings: &Settings, code: &str) {
    println!(
        "\nNext: tambo serve --config {}",
        options.folder().join("settings.toml").display()
    );
    println!(
        "The administrator signs in at {}/sign-in with the one-time code {code}",
        settings.pages.origin
    );
}
