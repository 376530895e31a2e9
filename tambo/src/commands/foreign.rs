//! `tambo registry enter`: a server that runs other software, entered by the official who has its requests in hand.

use std::path::PathBuf;

use kernel::{Actor, ServerId};
use registry::Register;
use registry::foreign::Foreign;

use super::Outcome;

/// Options of `registry enter`.
#[derive(clap::Args)]
pub struct EnterOptions {
    /// The server: INSTANCE/CLASS/CODE/SERVER.
    server: ServerId,
    /// The member's name.
    #[arg(long)]
    name: String,
    /// Code of a subsystem that it serves; may be given several times.
    #[arg(long = "subsystem", required = true)]
    subsystems: Vec<String>,
    /// HOST:PORT for other servers.
    #[arg(long)]
    address: String,
    /// Certificate request (PKCS #10) for messages.
    #[arg(long, value_name = "FILE")]
    sign: PathBuf,
    /// Certificate request for TLS.
    #[arg(long, value_name = "FILE")]
    auth: PathBuf,
    /// Folder for the certificates: sign.crt, auth.crt, ca.crt.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Enters the server and writes its certificates.
///
/// # Errors
/// A file can't be read or written, or the register refuses; see [`Register::enter_foreign`].
pub async fn enter(register: &Register, by: &Actor, options: EnterOptions) -> Outcome {
    let foreign = Foreign {
        sign: std::fs::read(&options.sign)?,
        auth: std::fs::read(&options.auth)?,
        server: options.server,
        name: options.name,
        subsystems: options.subsystems,
        address: options.address,
    };
    let issued = register.enter_foreign(by, &foreign).await?;
    std::fs::create_dir_all(&options.out)?;
    let files = [
        ("sign.crt", &issued.sign),
        ("auth.crt", &issued.auth),
        ("ca.crt", &issued.authority),
    ];
    for (name, certificate) in files {
        std::fs::write(options.out.join(name), certificate.pem())?;
    }
    println!(
        "{} is entered; its certificates are in {}",
        foreign.server,
        options.out.display()
    );
    Ok(())
}
