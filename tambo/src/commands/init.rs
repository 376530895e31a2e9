//! `tambo init`: the first set-up of one body. Asks little, explains what it did, changes nothing that is there.
//!
//! The body becomes its own authority, so that it works at once and alone. Joining another body's instance means
//! giving that authority's address and keys instead.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::{Actor, Chance, SystemChance, SystemClock};

use super::{Outcome, Problem};
use crate::settings::{Part, Settings, TEMPLATE};
use crate::{country, serve};

/// Options of `init`; what is not given is asked.
#[derive(clap::Args)]
pub struct InitOptions {
    /// Folder of the new body.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Name of the body.
    #[arg(long)]
    name: Option<String>,
    /// The body's own number (in Peru: RUC).
    #[arg(long)]
    number: Option<String>,
    /// The address that people will type.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    /// National number of the first administrator.
    #[arg(long)]
    administrator: Option<String>,
    /// Name of the first administrator.
    #[arg(long)]
    administrator_name: Option<String>,
}

/// What the first administrator may do.
const RIGHTS: [&str; 7] = [
    "case.read",
    "case.evaluate",
    "case.decide",
    "exchange.read",
    "exchange.agree",
    "identity.issue-code",
    "jobs.read",
];

/// Runs the command.
pub async fn run(options: InitOptions) -> Outcome {
    let path = options.folder.join("settings.toml");
    if path.exists() {
        return Err(Problem(format!(
            "{} is there already; init changes nothing that exists",
            path.display()
        )));
    }
    let answers = Answers::ask(&options)?;
    // A typing error must not leave half a body behind, which a second try would not touch.
    let number = answers.checked()?;
    std::fs::create_dir_all(&options.folder)?;
    std::fs::write(&path, answers.settings())?;
    let passphrase = options.folder.join("passphrase");
    std::fs::write(&passphrase, SystemChance::default().token())?;
    super::private(&passphrase)?;
    let settings = Settings::read(&path)?;
    let house = serve::open(settings, Arc::new(SystemClock)).await?;
    let rights = RIGHTS.iter().map(|right| (*right).to_owned()).collect();
    let post = identity::Post {
        code: "administracion".to_owned(),
        name: "Administración".to_owned(),
        rights,
    };
    house.identity.put_post(&post).await?;
    house
        .identity
        .add_official(&number, &answers.administrator_name, &post.code)
        .await?;
    let code = house
        .identity
        .issue_code(&Actor::system("init"), &number)
        .await?;
    if let Some(authority) = &house.authority {
        let anchor = house
            .ground
            .settings
            .path(Path::new(&house.ground.settings.exchange.anchor));
        std::fs::write(anchor, authority.anchor())?;
    }
    explain(&options.folder, &house, &code.code);
    house.ground.store.close().await;
    Ok(())
}

struct Answers {
    name: String,
    number: String,
    origin: String,
    administrator: String,
    administrator_name: String,
}

impl Answers {
    fn ask(options: &InitOptions) -> Result<Self, Problem> {
        Ok(Self {
            name: answer(options.name.as_ref(), "Name of the body")?,
            number: answer(options.number.as_ref(), "The body's own number (RUC)")?,
            origin: answer(
                options.origin.as_ref(),
                "Address that people will type, for example https://tramites.example.gob.pe",
            )?,
            administrator: answer(
                options.administrator.as_ref(),
                "National number of the first administrator (DNI)",
            )?,
            administrator_name: answer(
                options.administrator_name.as_ref(),
                "Name of the first administrator",
            )?,
        })
    }

    /// The administrator's number, once every answer can be what it should be.
    fn checked(&self) -> Result<String, Problem> {
        let told = |text: &str, error: &dyn std::fmt::Display| Problem(format!("{text}: {error}"));
        country::body_number()
            .parse(&self.number)
            .map_err(|error| told(&self.number, &error))?;
        let host = ["http://", "https://"]
            .iter()
            .find_map(|scheme| self.origin.strip_prefix(scheme));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', ' ', '?', '#'])) {
            let problem = "write http:// or https:// and the host, without a path";
            return Err(told(&self.origin, &problem));
        }
        country::person_number()
            .parse(&self.administrator)
            .map_err(|error| told(&self.administrator, &error))
    }

    /// The template with these answers in it, comments and all.
    fn settings(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let code: String = self
            .name
            .to_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .rfind(|word| word.len() > 3)
            .unwrap_or("body")
            .chars()
            .take(32)
            .collect();
        let pairs = [
            ("code", quoted(&code)),
            ("name", quoted(&self.name)),
            ("place", quoted("")),
            // A procedure asks registries: it is offered once [office.facts] names them.
            ("procedures", "[]".to_owned()),
            ("roles", "[\"authority\", \"office\"]".to_owned()),
            ("origin", quoted(&self.origin)),
            ("member", quoted(&self.number)),
            ("authority", quoted("http://127.0.0.1:8080")),
        ];
        TEMPLATE
            .lines()
            .map(|line| {
                let known = pairs
                    .iter()
                    .find(|(key, _)| line.split(" = ").next() == Some(key));
                known.map_or_else(
                    || line.to_owned(),
                    |(key, value)| format!("{key} = {value}"),
                )
            })
            .collect::<Vec<_>>()
            .join("\n")
            + "\n"
    }
}

fn answer(given: Option<&String>, question: &str) -> Result<String, Problem> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Problem(format!(
            "{question}: not given, and nobody is there to ask; see `tambo init --help`"
        )));
    }
    print!("{question}: ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim() {
        "" => Err(Problem(format!("{question}: an answer is needed"))),
        text => Ok(text.to_owned()),
    }
}

fn explain(folder: &Path, house: &crate::house::House, code: &str) {
    let settings = &house.ground.settings;
    println!("{} is set up in {}:", settings.body.name, folder.display());
    println!("  settings.toml   every key is explained in it");
    println!(
        "  passphrase      opens the keys; copy it to another place, without it a backup is worth nothing"
    );
    println!("  keys/           private keys, encrypted");
    println!("  certificates/   issued by the body's own authority");
    println!("  store.db        the data; documents/ the files");
    if settings.is(Part::Authority) {
        println!(
            "It is its own authority. Bodies that join need its anchor: {}",
            house
                .ground
                .settings
                .path(Path::new(&settings.exchange.anchor))
                .display()
        );
    }
    println!(
        "\nNext: tambo serve --config {}",
        folder.join("settings.toml").display()
    );
    println!(
        "The administrator signs in at {}/sign-in with the one-time code {code}",
        settings.pages.origin
    );
}
