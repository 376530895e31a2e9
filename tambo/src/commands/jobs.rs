//! `tambo jobs`: the dead-letter list, and another try.

use std::sync::Arc;

use kernel::SystemClock;

use super::{Config, Outcome, Problem};
use crate::house::{self, Manner};

/// Options of `jobs`.
#[derive(clap::Args)]
pub struct JobsOptions {
    #[command(flatten)]
    config: Config,
    /// Run this job again.
    #[arg(long, value_name = "JOB")]
    replay: Option<String>,
}

/// Runs the command.
pub async fn run(options: JobsOptions) -> Outcome {
    let settings = options.config.read()?;
    let manner = match options.replay {
        Some(_) => Manner::Act,
        None => Manner::Read,
    };
    let store = house::open_store_as_is(&settings, Arc::new(SystemClock), manner).await?;
    if let Some(job) = options.replay {
        let id = job
            .parse()
            .map_err(|_| Problem(format!("{job:?} is not a job's number")))?;
        return match store.replay(id).await? {
            true => {
                println!("{id} will be tried again");
                Ok(())
            }
            false => Err(Problem(format!("no given-up job {id}"))),
        };
    }
    let counts = store.job_counts().await?;
    println!(
        "{} waiting, {} running, {} given up",
        counts.ready, counts.running, counts.dead
    );
    for letter in store.dead_letters().await? {
        println!(
            "{}  {}  {}  {} attempts: {}",
            letter.id, letter.created_at, letter.kind, letter.attempts, letter.error
        );
    }
    Ok(())
}
