//! The commands, one file each; this one is the list and what all of them share.

mod agreement;
mod archive;
mod backup;
mod bench;
mod check;
mod foreign;
mod init;
mod jobs;
mod member;
mod openapi;
mod registry;
mod restore;
mod serve;
mod storm;
mod verify;
mod why;
pub mod words;

use std::any::Any;
use std::fmt::Display;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Subcommand;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::Settings;

/// Why a command ended without success, told to whoever typed it.
#[derive(Debug)]
pub struct Problem(pub String);

/// A fault becomes the text that says what to do, in the reader's language; other errors say it themselves.
impl<E: Display + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        let connected = any.downcast_ref::<exchange::registries::ConnectError>();
        let fault = match connected {
            Some(exchange::registries::ConnectError::Own(fault)) => Some(fault),
            _ => any.downcast_ref::<kernel::Fault>(),
        };
        Self(fault.map_or_else(|| error.to_string(), words::told))
    }
}

/// How a command ends.
pub type Outcome = Result<(), Problem>;

/// What the program can be told to do.
#[derive(Subcommand)]
pub enum Command {
    /// Start a small simulated country on this machine and print its address.
    Demo(crate::demo::DemoOptions),
    /// Serve one body, or several, from settings.
    Serve(serve::ServeOptions),
    /// Set up one body: asks little and explains what it did.
    Init(init::InitOptions),
    /// Check settings, keys, certificates, clock, database, disk and log; print the table of rooms.
    Check(check::CheckOptions),
    /// Verify files: signed PDF, message container, log proof, time stamp, backup; or `archive DIR`: archives of messages.
    Verify(verify::VerifyOptions),
    /// Write the message log into archives that rest on each other, and remove what is archived.
    Archive(archive::ArchiveOptions),
    /// Write a whole node into one sealed file, while it runs.
    Backup(backup::BackupOptions),
    /// Put a backup into an empty folder.
    Restore(restore::RestoreOptions),
    /// Propose, accept, refuse and end agreements with other bodies.
    Agreement(agreement::AgreementOptions),
    /// Keep the register of an instance: who waits, approve, refuse, invite, revoke.
    Registry(registry::RegistryOptions),
    /// Ask the authority of the instance for a change: address, subsystems, maintenance, certificates.
    Member(member::MemberOptions),
    /// Show jobs that were given up, and run them again.
    Jobs(jobs::JobsOptions),
    /// Follow a message through both nodes: which step failed, and what to do.
    Why(why::WhyOptions),
    /// Measure what an exchange costs on this machine.
    Bench(bench::BenchOptions),
    /// Let questions run over a simulated network in a storm, and check what both sides know afterwards.
    Storm(storm::StormOptions),
    /// Print the OpenAPI description of a body's addresses.
    Openapi(openapi::OpenapiOptions),
}

impl Command {
    /// Runs the command.
    pub async fn run(self) -> Outcome {
        match self {
            Self::Demo(options) => crate::demo::run(options).await,
            Self::Serve(options) => serve::run(options).await,
            Self::Init(options) => init::run(options).await,
            Self::Check(options) => check::run(options).await,
            Self::Verify(options) => verify::run(&options),
            Self::Archive(options) => archive::run(options).await,
            Self::Backup(options) => backup::run(options).await,
            Self::Restore(options) => restore::run(options).await,
            Self::Agreement(options) => agreement::run(options).await,
            Self::Why(options) => why::run(options).await,
            Self::Registry(options) => registry::run(options).await,
            Self::Member(options) => member::run(options).await,
            Self::Jobs(options) => jobs::run(options).await,
            Self::Bench(options) => bench::run(options).await,
            Self::Storm(options) => storm::run(options).await,
            Self::Openapi(options) => openapi::run(options).await,
        }
    }

    /// What is logged unless something else is asked for: commands print for people, and the warnings of a storm are
    /// its purpose.
    pub fn usual_log(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            Self::Storm(_) => "error",
            _ => "warn",
        }
    }
}

/// Where a command finds the settings.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// The body's settings file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "settings.toml",
        env = "TAMBO_CONFIG"
    )]
    pub config: PathBuf,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// They can't be read; the text says what to mend.
    pub fn read(&self) -> Result<Settings, Problem> {
        Settings::read(&self.config).map_err(|error| {
            let hint = if self.config.exists() {
                ""
            } else {
                "\n`tambo init` makes a new body."
            };
            Problem(format!("{error}{hint}"))
        })
    }
}

/// Starts logging to standard error.
pub fn logging(wanted: &str, json: bool, usual: &str) {
    let text = if wanted.is_empty() { usual } else { wanted };
    let targets: Targets = text
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    // Colours are for a terminal; in a file they are noise.
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(targets);
    if json {
        registry.with(layer.json()).init();
    } else {
        registry.with(layer.with_target(true)).init();
    }
}

/// Lets only the service's user read `path`.
///
/// # Errors
/// The file system refuses.
pub fn private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
