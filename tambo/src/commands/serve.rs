//! `tambo serve`: one body, or hundreds in one process, until told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Outcome, Problem};
use crate::hosting::{Hosting, Plan};

/// Options of `serve`.
#[derive(clap::Args)]
pub struct ServeOptions {
    /// The settings file of a body; give it again for each further body in this process.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "settings.toml",
        env = "TAMBO_CONFIG"
    )]
    config: Vec<PathBuf>,
    /// Serve every body whose folder is in this one. Bodies come, go and come back while it runs: a new folder is
    /// served, one with a file named `stopped` is not.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    bodies: Option<PathBuf>,
    /// Serve the pages of all bodies on this address, each under the host name of its origin (plain HTTP, behind a proxy).
    #[arg(long, value_name = "ADDRESS")]
    pages: Option<SocketAddr>,
    /// Serve the pages of one module only, for example `documents`.
    #[arg(long, value_name = "MODULE")]
    only: Option<String>,
}

/// Runs the command.
pub async fn run(options: ServeOptions) -> Outcome {
    let plan = match options.bodies {
        Some(folder) if folder.is_dir() => Plan::Folder(folder),
        Some(folder) => {
            let shown = folder.display();
            return Err(Problem(format!(
                "--bodies {shown}: there is no such folder"
            )));
        }
        None => Plan::Files(options.config),
    };
    Hosting::new(options.only, options.pages)
        .await?
        .run(plan)
        .await
}
