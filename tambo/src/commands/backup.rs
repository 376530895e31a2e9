//! `tambo backup`: a whole node in one sealed file, while it runs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use kernel::SystemChance;

use super::{Config, Outcome};
use crate::{backup, house};

/// Options of `backup`.
#[derive(clap::Args)]
pub struct BackupOptions {
    #[command(flatten)]
    config: Config,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Runs the command.
pub async fn run(options: BackupOptions) -> Outcome {
    let settings = options.config.read()?;
    let passphrase = house::passphrase_text(&settings)?;
    let store = house::open_store(&settings).await?;
    let rows = settings.folder.join(format!("{}.partial", backup::ROWS));
    let mut out = BufWriter::new(File::create(&rows)?);
    let count = store.export(&mut out).await?;
    out.flush()?;
    let name = options
        .config
        .config
        .file_name()
        .map(PathBuf::from)
        .unwrap_or_default();
    let mut parts = vec![
        name,
        settings.keys.folder.clone(),
        settings.store.documents.clone(),
        PathBuf::from(crate::credentials::FOLDER),
    ];
    // Without the instance's anchor a restored body would believe nobody. An authority needs none.
    let anchor = PathBuf::from(&settings.exchange.anchor);
    if settings.path(&anchor).is_file() {
        parts.push(anchor);
    }
    let written = backup::create(
        &options.to,
        &passphrase,
        &SystemChance::default(),
        (&settings.folder, &parts),
        &rows,
    );
    std::fs::remove_file(&rows)?;
    let contents = written?;
    println!(
        "{}: {} files, {} bytes, {count} rows",
        options.to.display(),
        contents.files,
        contents.bytes
    );
    println!(
        "It opens with the node's passphrase only. Keep the passphrase in another place than this file."
    );
    Ok(())
}
