//! What the reader trusts beforehand: authorities, members, logs and witnesses. Nothing of it comes from the file judged.

use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use exchange::Directory;
use kernel::Moment;
use trust::globalconf::{
    Authority, Issuer, Member, Party, Profile, Responder, Server, SharedParams, Stamper, Subsystem,
};
use trust::log::{LogTrust, SignatureKind, VerifierKey};
use trust::{Anchors, Certificate, TrustError};

use crate::commands::Problem;

/// Certificates, one or more of them in each file.
const CERTIFICATE_ENDINGS: [&str; 3] = ["pem", "crt", "cer"];
/// Keys of logs and witnesses, one verifier key a line.
const KEYS: &str = "log-keys.txt";
/// The instance's directory as its authority published it.
const DIRECTORY: &str = "directory.json";
/// X-Road's shared parameters.
const SHARED_PARAMS: &str = "shared-params.xml";
/// OCSP responses in containers are judged by this freshness where the directory says nothing; X-Road's own default.
const OCSP_FRESHNESS_SECONDS: i64 = trust::globalconf::OCSP_FRESHNESS_SECONDS;

/// What the reader trusts.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Authorities behind signatures of documents and time stamps.
    pub anchors: Vec<Certificate>,
    /// The ecosystems whose message containers are believed.
    pub ecosystems: Vec<SharedParams>,
    /// Keys of logs and witnesses, and how many of these must have cosigned.
    pub logs: LogTrust,
    /// The passphrase of backups.
    pub passphrase: Option<String>,
    /// The present moment.
    pub now: Moment,
}

impl Trusted {
    /// Nothing but the time.
    pub fn nobody(now: Moment) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// What lies in `folder`: certificates (`*.pem`, `*.crt`, `*.cer`), `log-keys.txt`, `directory.json` (signed by a
    /// key of `log-keys.txt`) and `shared-params.xml`. Each of them may be absent.
    ///
    /// # Errors
    /// The folder can't be read, or a file in it is not what its name says.
    pub fn from_folder(folder: &Path, now: Moment) -> Result<Self, Problem> {
        let mut trusted = Self::nobody(now);
        let mut paths: Vec<_> = fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        paths.sort();
        for path in paths {
            let ending = path
                .extension()
                .and_then(|ending| ending.to_str())
                .unwrap_or_default();
            if CERTIFICATE_ENDINGS.contains(&ending) {
                let told = |error: TrustError| Problem(format!("{}: {error}", path.display()));
                trusted
                    .anchors
                    .extend(read_certificates(&fs::read(&path)?).map_err(told)?);
            }
        }
        if let Some(text) = text_of(folder, KEYS)? {
            trusted.add_keys(&text)?;
        }
        if let Some(text) = text_of(folder, DIRECTORY)? {
            trusted.add_directory(&text)?;
        }
        if let Some(text) = text_of(folder, SHARED_PARAMS)? {
            trusted
                .ecosystems
                .push(SharedParams::parse(text.as_bytes())?);
        }
        Ok(trusted)
    }

    /// Adds the keys of logs and witnesses in `text`, one a line; `#` begins a remark. With a witness, each proof needs
    /// a cosignature.
    ///
    /// # Errors
    /// A line is not a verifier key.
    pub fn add_keys(&mut self, text: &str) -> Result<(), Problem> {
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let key = VerifierKey::parse(line)
                .map_err(|error| Problem(format!("{KEYS}: {line}: {error}")))?;
            match key.kind() {
                SignatureKind::Note => self.logs.logs.push(key),
                SignatureKind::Cosignature => self.logs.witnesses.push(key),
            }
        }
        self.logs.cosignatures = self.logs.witnesses.len().min(1);
        Ok(())
    }

    /// Adds a published directory if one of the trusted keys signed it: its authorities become anchors too. That it
    /// has expired is no fault here: what was signed while it held stays good.
    ///
    /// # Errors
    /// No trusted key signed it, or a certificate in it can't be read.
    pub fn add_directory(&mut self, published: &str) -> Result<(), Problem> {
        let mut refused = Problem(format!("{DIRECTORY}: no key of {KEYS} signed it"));
        for key in &self.logs.logs {
            match Directory::read(published, key) {
                Ok(directory) => {
                    let params = params_of(&directory)?;
                    self.anchors
                        .extend(params.authorities.iter().map(|a| a.top.certificate.clone()));
                    self.ecosystems.push(params);
                    return Ok(());
                }
                Err(error) => refused = Problem(format!("{DIRECTORY}: {error}")),
            }
        }
        Err(refused)
    }

    /// The anchors for documents and time stamps.
    pub fn anchors(&self) -> Anchors {
        Anchors::new(self.anchors.clone())
    }
}

fn text_of(folder: &Path, name: &str) -> Result<Option<String>, Problem> {
    let path = folder.join(name);
    if !path.exists() {
        return Ok(None);
    }
    fs::read_to_string(&path)
        .map(Some)
        .map_err(|error| Problem(format!("{}: {error}", path.display())))
}

fn read_certificates(bytes: &[u8]) -> Result<Vec<Certificate>, TrustError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => Certificate::all_from_pem(text),
        _ => Ok(vec![Certificate::from_der(bytes)?]),
    }
}

fn certificate(base64: &str) -> Result<Certificate, Problem> {
    Ok(Certificate::from_der(&BASE64.decode(base64.as_bytes())?)?)
}

/// A tambo directory in the terms in which containers are judged.
fn params_of(directory: &Directory) -> Result<SharedParams, Problem> {
    Ok(SharedParams {
        authorities: all(&directory.authorities, authority)?,
        stampers: all(&directory.stampers, stamper)?,
        members: directory.members.iter().map(member).collect(),
        servers: directory.servers.iter().map(server).collect(),
        ocsp_freshness_seconds: OCSP_FRESHNESS_SECONDS,
        ..SharedParams::new(&directory.instance)
    })
}

fn all<A, B>(list: &[A], one: impl Fn(&A) -> Result<B, Problem>) -> Result<Vec<B>, Problem> {
    list.iter().map(one).collect()
}

/// Its members' certificates are in X-Road's Basic profile.
fn authority(known: &exchange::directory::Authority) -> Result<Authority, Problem> {
    let issuer = |base64: &String| -> Result<Issuer, Problem> {
        let certificate = certificate(base64)?;
        Ok(Issuer {
            certificate,
            responders: Vec::new(),
        })
    };
    let responder = |base64: &String| -> Result<Responder, Problem> {
        let certificate = Some(certificate(base64)?);
        Ok(Responder {
            url: known.ocsp_url.clone(),
            certificate,
            cost: None,
        })
    };
    let responders = all(&known.ocsp_certificates, responder)?;
    let top = Issuer {
        certificate: certificate(&known.root)?,
        responders,
    };
    Ok(Authority {
        intermediates: all(&known.intermediates, issuer)?,
        ..Authority::new(&known.name, top, Profile::Basic)
    })
}

fn stamper(known: &exchange::directory::Stamper) -> Result<Stamper, Problem> {
    let certificate = certificate(&known.certificate)?;
    Ok(Stamper {
        name: known.name.clone(),
        url: known.url.clone(),
        certificate,
        cost: None,
    })
}

fn member(known: &exchange::directory::Member) -> Member {
    let subsystems = known
        .subsystems
        .iter()
        .map(|code| Subsystem {
            code: code.clone(),
            name: None,
        })
        .collect();
    Member {
        id: known.id.clone(),
        name: known.name.clone(),
        subsystems,
    }
}

fn server(known: &exchange::directory::Server) -> Server {
    Server {
        id: known.id.clone(),
        address: known.address.clone(),
        auth_cert_hashes: Vec::new(),
        clients: known
            .clients
            .iter()
            .cloned()
            .map(Party::Subsystem)
            .collect(),
        maintenance: None,
    }
}
