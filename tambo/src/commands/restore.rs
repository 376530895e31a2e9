//! `tambo restore`: a backup into an empty folder, on this engine or the other.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use kernel::SystemClock;
use trust::log::Log;

use super::{Outcome, Problem};
use crate::house::Ground;
use crate::settings::Settings;
use crate::{backup, house};

/// Options of `restore`.
#[derive(clap::Args)]
pub struct RestoreOptions {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// An empty or new folder.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// File with the passphrase; TAMBO_KEYS_PASSPHRASE takes precedence.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Another store than the one in the settings, for example `postgres://...`.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// The backup is older than what the body's log has shown its witness: go on with the log under a new name.
    #[arg(long)]
    log_goes_on: bool,
}

/// Runs the command.
pub async fn run(options: RestoreOptions) -> Outcome {
    let passphrase = house::passphrase_from(options.passphrase_file.as_deref())?;
    let (contents, rows) = backup::unpack(&options.from, &passphrase, &options.to)?;
    let mut settings = read_settings(&options.to)?;
    if let Some(url) = options.store {
        settings.store.url = url;
    }
    let store = house::open_store(&settings).await?;
    let count = store
        .import(&mut BufReader::new(File::open(&rows)?))
        .await?;
    store.close().await;
    if options.log_goes_on {
        println!(
            "The log goes on as {}.",
            log_goes_on(settings.clone(), passphrase).await?
        );
    }
    std::fs::remove_file(&rows)?;
    println!(
        "{}: {} files, {count} rows",
        options.to.display(),
        contents.files
    );
    println!(
        "Put the passphrase into {} (mode 600), then run `tambo check --config` on its settings.",
        settings.path(&settings.keys.passphrase_file).display()
    );
    Ok(())
}

/// The next name of the body's log, which takes over all entries that the backup has.
async fn log_goes_on(mut settings: Settings, passphrase: String) -> Result<String, Problem> {
    settings.keys.passphrase = Some(passphrase);
    let ground = Ground::lay(settings, Arc::new(SystemClock)).await?;
    let log = Log::succeed(ground.store.clone(), house::log_settings(&ground, None)?).await?;
    ground.store.close().await;
    Ok(log.origin().to_owned())
}

fn read_settings(folder: &std::path::Path) -> Result<Settings, Problem> {
    let named = folder.join("settings.toml");
    if named.exists() {
        return Ok(Settings::read(&named)?);
    }
    let mut entries = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path());
    let found = entries.find(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let path = found.ok_or_else(|| Problem("the backup holds no settings file".to_owned()))?;
    Ok(Settings::read(&path)?)
}
