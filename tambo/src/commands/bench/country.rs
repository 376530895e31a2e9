//! The two bodies of the measurement, with the authority that they need: certificates, OCSP, time stamps, directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use exchange::Keys;
use exchange::testing::{self, member};
use kernel::{Clock, MemberId, SetClock, SystemClock};
use tokio::net::TcpListener;
use trust::ca::{DAY, Profile};
use trust::keys::{Algorithm, KeyStore, Passphrase, Signer};

use super::process::Process;
use crate::commands::Problem;

/// Passphrase of the nodes' keys, which live as long as the measurement.
pub const PASSPHRASE: &str = "bench";
/// The body that asks and the one that answers.
pub const BODIES: [(&str, &str); 2] = [("MUNI", "licencias"), ("RENIEC", "registro")];

/// The authority, and where the bodies' files lie.
pub struct Instance {
    country: testing::Country,
    folder: PathBuf,
    bodies: Vec<Body>,
}

/// What is known of a body before its node starts.
pub struct Body {
    /// The member.
    pub member: MemberId,
    /// Its folder.
    pub folder: PathBuf,
    /// Where other nodes reach it.
    pub listen: SocketAddr,
    /// Where systems reach it.
    pub systems: SocketAddr,
    /// The authentication key, for nginx.
    pub auth: Signer,
}

/// A port that was free a moment ago.
///
/// # Errors
/// None is.
pub async fn free_port() -> Result<SocketAddr, Problem> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}

impl Instance {
    /// Founds the instance in `folder`, with keys of this kind, and `others` members besides, who share one server's
    /// certificate.
    ///
    /// # Errors
    /// A file can't be written.
    pub async fn found(
        folder: &Path,
        algorithm: Algorithm,
        others: usize,
    ) -> Result<Self, Problem> {
        let clock = Arc::new(SetClock::at(SystemClock.now()));
        let ticking = clock.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                ticking.advance(SystemClock.now().seconds_since(ticking.now()));
            }
        });
        let country = testing::Country::new(clock).await;
        let mut bodies = Vec::new();
        for (code, subsystem) in BODIES {
            bodies.push(enrol(&country, folder, code, subsystem, algorithm).await?);
        }
        let nobody = keys(
            &country,
            &folder.join("others"),
            &member("OTHERS"),
            algorithm,
        )?;
        for number in 0..others {
            country.register(
                &member(&format!("OTHER{number}")),
                &["one"],
                "127.0.0.1:9",
                &nobody.joined,
            );
        }
        country.publish(DAY, &[]).await;
        Ok(Self {
            country,
            folder: folder.to_owned(),
            bodies,
        })
    }

    /// The bodies, in the order of [`BODIES`].
    pub fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    /// The instance's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the node of a body in a process of its own and waits until it serves.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, body: &Body, more: &[String]) -> Result<Process, Problem> {
        let mut command = self.command(body, more)?;
        command.stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let output = process.output();
        let mut line = String::new();
        if let Some(output) = output {
            std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)?;
        }
        if line.trim() == super::node::READY {
            Ok(process)
        } else {
            Err(Problem(format!(
                "the node of {} did not start",
                body.member
            )))
        }
    }
}

impl Instance {
    fn command(&self, body: &Body, more: &[String]) -> Result<Command, Problem> {
        let anchor = body.folder.join("anchor.xml");
        std::fs::write(&anchor, self.country.anchor())?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["bench", "node", "--folder"])
            .arg(&body.folder)
            .args(["--member", &body.member.to_string()])
            .args(["--listen", &body.listen.to_string()])
            .args(["--systems", &body.systems.to_string()])
            .arg("--anchor")
            .arg(&anchor)
            .args(more);
        Ok(command)
    }

    /// Looks back at a body's past in a process of its own, which prints what it finds.
    ///
    /// # Errors
    /// It fails.
    pub fn look(&self, body: &Body, more: &[String]) -> Result<(), Problem> {
        match self.command(body, more)?.status()?.success() {
            true => Ok(()),
            false => Err(Problem("the look back failed".to_owned())),
        }
    }
}

/// The keys of a body, certified and on disk.
struct Certified {
    joined: Keys,
    auth: Signer,
}

fn keys(
    country: &testing::Country,
    folder: &Path,
    owner: &MemberId,
    algorithm: Algorithm,
) -> Result<Certified, Problem> {
    std::fs::create_dir_all(folder)?;
    let keys = KeyStore::open(&folder.join("keys"), &Passphrase::new(PASSPHRASE))?;
    let sign = keys.signer_or_create("sign", algorithm)?;
    // The line's key is P-256 in every run: what is measured is the message's signature.
    let auth = keys.signer_or_create("auth", Algorithm::P256)?;
    let sign_certificate = country.issue(&Profile::Sign, owner, &sign, 30 * DAY);
    let auth_certificate =
        country.issue(&Profile::Tls { names: Vec::new() }, owner, &auth, 30 * DAY);
    std::fs::write(folder.join("sign.der"), sign_certificate.der())?;
    std::fs::write(folder.join("auth.der"), auth_certificate.der())?;
    std::fs::write(folder.join("auth.pem"), auth_certificate.pem())?;
    let sign = (sign, vec![sign_certificate]);
    let joined = Keys::new(sign, (auth.clone(), vec![auth_certificate]))?;
    Ok(Certified { joined, auth })
}

async fn enrol(
    country: &testing::Country,
    folder: &Path,
    code: &str,
    subsystem: &str,
    algorithm: Algorithm,
) -> Result<Body, Problem> {
    let (owner, folder) = (member(code), folder.join(code));
    let Certified { joined, auth } = keys(country, &folder, &owner, algorithm)?;
    let (listen, systems) = (free_port().await?, free_port().await?);
    country.register(&owner, &[subsystem], &listen.to_string(), &joined);
    Ok(Body {
        member: owner,
        folder,
        listen,
        systems,
        auth,
    })
}
