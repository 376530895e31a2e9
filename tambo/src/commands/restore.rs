//! `tambo restore`: a backup into an empty folder, on this engine or the other.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
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
    let path = settings_file(&options.to)?;
    if let Some(url) = &options.store {
        // Otherwise the next start would open the store that the settings name, and find it empty.
        std::fs::write(&path, with_store(&std::fs::read_to_string(&path)?, url))?;
    }
    let settings = Settings::read(&path)?;
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

fn settings_file(folder: &Path) -> Result<PathBuf, Problem> {
    let named = folder.join("settings.toml");
    if named.exists() {
        return Ok(named);
    }
    let mut entries = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path());
    let found = entries.find(|path| path.extension().is_some_and(|ending| ending == "toml"));
    found.ok_or_else(|| Problem("the backup holds no settings file".to_owned()))
}

/// The settings' text with another `url` in `[store]`; every other line stays, comments and all.
fn with_store(text: &str, url: &str) -> String {
    let line = format!("url = {}", toml::Value::String(url.to_owned()));
    let mut out: Vec<&str> = Vec::new();
    let (mut inside, mut written) = (false, false);
    for old in text.lines() {
        if old.starts_with('[') {
            inside = old.trim() == "[store]";
        }
        if inside && old.split('=').next().is_some_and(|key| key.trim() == "url") {
            continue;
        }
        out.push(old);
        if inside && !written {
            out.push(&line);
            written = true;
        }
    }
    if !written {
        out.extend(["", "[store]", &line]);
    }
    out.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TEMPLATE;

    #[test]
    fn only_the_stores_address_changes() {
        let url = "postgres://a:\"b@localhost/c";
        let text = with_store(TEMPLATE, url);
        let settings = Settings::parse(&text, std::iter::empty()).expect("still settings");
        assert_eq!(settings.store.url, url);
        assert_eq!(text.lines().count(), TEMPLATE.lines().count());
        let other = with_store("[body]\nurl = \"kept\"", url);
        assert!(other.contains("kept") && other.contains("[store]\nurl = "));
    }
}
