//! The only binary: reads the command line and hands over to one file per command.

mod authority;
mod backup;
mod commands;
mod country;
mod credentials;
mod demo;
mod front;
mod hosting;
mod house;
mod joining;
mod office;
mod serve;
mod settings;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::{Command, Problem};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A country's digital government in one program.
#[derive(Parser)]
#[command(name = "tambo", version, about, arg_required_else_help = true)]
struct Line {
    /// Log lines as JSON, for a machine to read.
    #[arg(long, global = true, env = "TAMBO_LOG_JSON")]
    log_json: bool,
    /// How much to log: error, warn, info, debug, or targets such as `info,exchange=debug`.
    #[arg(long, global = true, env = "TAMBO_LOG", default_value = "")]
    log: String,
    /// Language of what goes wrong: es, qu or en; the environment's (LC_ALL, LANG) if not given.
    #[arg(long, global = true, default_value = "")]
    lang: String,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let line = Line::parse();
    if !line.lang.is_empty() && kernel::Locale::parse(&line.lang).is_none() {
        eprintln!("tambo: --lang {:?}: es, qu or en", line.lang);
        return ExitCode::FAILURE;
    }
    commands::logging(&line.log, line.log_json, line.command.usual_log());
    // One provider of cryptography for the whole program; a second call would be our own mistake.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("tambo: another crypto provider is installed already");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tambo: the runtime can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(line.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem(text)) => {
            eprintln!("tambo: {text}");
            ExitCode::FAILURE
        }
    }
}
