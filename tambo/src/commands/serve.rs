//! `tambo serve`: one body, or several in one process, until told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use kernel::{Clock, SystemClock};

use super::Outcome;
use crate::serve::{self, Serving};
use crate::settings::Settings;

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
    /// Serve the pages of one module only, for example `documents`.
    #[arg(long, value_name = "MODULE")]
    only: Option<String>,
}

/// Runs the command.
pub async fn run(options: ServeOptions) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (stop, stopped) = serve::stop_signal();
    let mut serving = Vec::new();
    for path in &options.config {
        let settings = Settings::read(path)?;
        let body =
            Serving::start(settings, clock.clone(), options.only.as_deref(), &stopped).await?;
        let shown = &body.house.ground.settings;
        println!("{}: {}", shown.body.name, shown.pages.origin);
        serving.push(body);
    }
    serve::until_told(&stop).await;
    for body in serving {
        body.ended().await;
    }
    Ok(())
}
