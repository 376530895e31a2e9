//! `tambo bench`: what the exchange costs on this machine.
//!
//! CPU time of the nodes is counted, which run in processes of their own, because wall time on a shared machine tells
//! little. Everything runs in one folder that is removed at the end.

mod country;
mod exchange;
mod hosting;
mod load;
mod look;
mod nginx;
mod node;
mod process;
mod signatures;

use super::Outcome;

/// Options of `bench`.
#[derive(clap::Args)]
pub struct BenchOptions {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Exchanges between two nodes, beside two nginx reverse proxies in front of the same provider.
    Exchange(exchange::Options),
    /// What one more body costs in a process that serves many: memory, threads, files, idle CPU.
    Hosting(hosting::HostingOptions),
    /// One of the two nodes; `exchange` starts it.
    #[command(hide = true)]
    Node(node::Options),
}

/// Runs the command.
///
/// # Errors
/// Something of it can't be set up, or an exchange failed.
pub async fn run(options: BenchOptions) -> Outcome {
    match options.what {
        Some(What::Exchange(options)) => exchange::run(&options).await,
        Some(What::Hosting(options)) => hosting::run(&options).await,
        Some(What::Node(options)) => node::run(options).await,
        None => exchange::run(&exchange::Options::default()).await,
    }
}
