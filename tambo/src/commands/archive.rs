//! `tambo archive`: writes the message log into files that rest on each other, also while the body is served.

use std::path::PathBuf;
use std::sync::Arc;

use kernel::SystemClock;

use super::{Config, Outcome};
use crate::serve;

/// Options of `archive`.
#[derive(clap::Args)]
pub struct ArchiveOptions {
    #[command(flatten)]
    config: Config,
    /// Where the files are written; the settings' `[exchange.archive] folder` if it is not given, or else `archive`.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Leave out messages younger than so many days.
    #[arg(long, value_name = "DAYS")]
    older_than: Option<i64>,
    /// Remove from the store what is archived and older than so many days; log entries and digests stay.
    #[arg(long, value_name = "DAYS")]
    remove_after: Option<i64>,
}

/// Runs the command.
pub async fn run(options: ArchiveOptions) -> Outcome {
    let settings = options.config.read()?;
    let own = settings.exchange.archive.clone();
    let folder = options
        .folder
        .unwrap_or_else(|| match own.folder.as_os_str().is_empty() {
            true => settings.path(std::path::Path::new("archive")),
            false => settings.path(&own.folder),
        });
    let older_than = options.older_than.unwrap_or(own.older_than_days);
    let remove = options.remove_after.or_else(|| {
        let days = own.remove_after_days;
        (days > 0).then_some(days)
    });
    let house = serve::open(settings, Arc::new(SystemClock)).await?;
    // What waits for its stamp can't be archived; without an authority it waits for the next time.
    if let Err(fault) = house.exchange.stamp().await {
        println!("some messages have no time stamp yet and stay out: {fault}");
    }
    let done = house
        .exchange
        .write_archives(&folder, older_than, remove)
        .await?;
    for file in &done.files {
        println!("written  {}", file.display());
    }
    println!(
        "{} containers in {} archives; {} turns of the journal removed from the store",
        done.containers,
        done.files.len(),
        done.emptied
    );
    house.ground.store.close().await;
    Ok(())
}
