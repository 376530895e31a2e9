//! The authority of an instance: certificates, status, time stamps, witness, and the directory of members.
//!
//! Built by `house` for a body with the role `authority`. It promises a directory that is signed anew before it
//! expires; it refuses to decide who becomes a member: that is a person's act.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use data_encoding::BASE64;
use exchange::Directory;
use exchange::directory::{self, DIRECTORY_SECONDS, Member, Server};
use kernel::{Clock, Fault};
use trust::authority::Founding;
use trust::log::{NoteKey, SignatureKind, VerifierKey, Witness};
use trust::tsp;
use web::{Room, Routes, Timer};

use crate::commands::Problem;
use crate::credentials;
use crate::house::Ground;

/// How often the directory is signed anew; it holds for a day, so a night without the authority does no harm.
const PUBLISH_EVERY: Duration = Duration::from_secs(3_600);

/// A running authority. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    /// Issues, stamps, tells status.
    pub trust: trust::Authority,
    /// Cosigns the members' logs.
    pub witness: Witness,
    key: Arc<NoteKey>,
    clock: Arc<dyn Clock>,
    held: Arc<RwLock<Held>>,
}

struct Held {
    directory: Directory,
    published: String,
}

impl Authority {
    /// Opens the authority on this ground; founds it if it is new.
    ///
    /// # Errors
    /// Keys, certificates or records fail.
    pub async fn open(ground: &Ground) -> Result<Self, Problem> {
        let settings = &ground.settings;
        let base_url = settings.exchange.authority.trim_end_matches('/').to_owned();
        let founding = Founding {
            country: settings.exchange.instance.clone(),
            body: settings.body.name.clone(),
            base_url: base_url.clone(),
            policy: tsp::POLICY_DEFAULT,
        };
        let (store, keys) = (ground.store.clone(), ground.keys.clone());
        let trust = trust::Authority::open(
            store.clone(),
            keys,
            founding,
            ground.clock.clone(),
            ground.chance.clone(),
        )
        .await?;
        let name = format!("{}.witness", ground.log_origin());
        let witness = Witness::new(
            store,
            ground.note_key("witness", &name, SignatureKind::Cosignature)?,
        );
        let name = format!("{}.directory", ground.log_origin());
        let key = ground.note_key("directory", &name, SignatureKind::Note)?;
        let directory = empty(&trust, &settings.exchange.instance, &base_url);
        let held = Held {
            directory,
            published: String::new(),
        };
        let authority = Self {
            trust,
            witness,
            key: Arc::new(key),
            clock: ground.clock.clone(),
            held: Arc::new(RwLock::new(held)),
        };
        authority.publish()?;
        Ok(authority)
    }

    /// The key that every node of the instance trusts.
    pub fn directory_key(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// The directory as published.
    pub fn published(&self) -> String {
        self.held
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .published
            .clone()
    }

    /// Enters a body with its server: issues the certificates it lacks, admits its log to the witness, publishes.
    ///
    /// # Errors
    /// Keys, certificates or records fail.
    pub async fn admit(&self, ground: &Ground) -> Result<(), Problem> {
        credentials::ensure_member(ground, &self.trust).await?;
        self.witness.admit(&ground.log_verifier()?).await?;
        let chain = ground.credentials.expect(credentials::TLS)?;
        let settings = &ground.settings;
        let member = Member {
            id: settings.member(),
            name: settings.body.name.clone(),
            subsystems: vec![settings.exchange.subsystem.clone()],
        };
        let server = Server {
            id: settings.server(),
            address: settings.exchange.address.clone(),
            certificates: chain
                .first()
                .map(|leaf| directory::sha256_hex(leaf.der()))
                .into_iter()
                .collect(),
            clients: vec![settings.subsystem()],
            maintenance: None,
        };
        {
            let mut held = self
                .held
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            held.directory.members.retain(|known| known.id != member.id);
            held.directory.servers.retain(|known| known.id != server.id);
            held.directory.members.push(member);
            held.directory.servers.push(server);
        }
        Ok(self.publish()?)
    }

    /// Takes up the members of a directory that was published earlier.
    ///
    /// # Errors
    /// The directory can't be signed.
    pub fn take_up(&self, earlier: &Directory) -> Result<(), Fault> {
        {
            let mut held = self
                .held
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            // The members hold it, and refuse what is older: a clock that was set back must not stop the instance.
            held.directory.serial = held.directory.serial.max(earlier.serial);
            for member in &earlier.members {
                if !held
                    .directory
                    .members
                    .iter()
                    .any(|known| known.id == member.id)
                {
                    held.directory.members.push(member.clone());
                }
            }
            for server in &earlier.servers {
                if !held
                    .directory
                    .servers
                    .iter()
                    .any(|known| known.id == server.id)
                {
                    held.directory.servers.push(server.clone());
                }
            }
        }
        self.publish()
    }

    /// Signs the directory anew.
    ///
    /// # Errors
    /// The key fails.
    pub fn publish(&self) -> Result<(), Fault> {
        let mut held = self
            .held
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = self.clock.now();
        let serial = u64::try_from(now.0).unwrap_or(0);
        // The unit's certificate is renewed from time to time.
        let unit = BASE64.encode(self.trust.unit_certificate().der());
        held.directory
            .stampers
            .iter_mut()
            .for_each(|stamper| stamper.certificate.clone_from(&unit));
        held.directory.serial = serial.max(held.directory.serial + 1);
        held.directory.published_at = now;
        held.directory.expires_at = now.plus_seconds(DIRECTORY_SECONDS);
        held.published = held.directory.publish(&self.key)?;
        Ok(())
    }

    /// What the authority brings to its house besides its log's witness.
    pub fn rooms(&self) -> Vec<Room> {
        let publishing = self.clone();
        let directory = self.clone();
        let routes = Routes::new().get("/directory", async move || {
            (
                [(http::header::CONTENT_TYPE, "application/json")],
                directory.published(),
            )
        });
        let timer = Timer::new("authority.publish", PUBLISH_EVERY, move || {
            let authority = publishing.clone();
            async move { authority.publish() }
        });
        vec![
            trust::http::room(self.trust.clone()),
            Room::new("authority")
                .routes(routes.with_state(()))
                .timer(timer),
        ]
    }
}

fn empty(trust: &trust::Authority, instance: &str, base_url: &str) -> Directory {
    let stamper = directory::Stamper {
        name: "TSA".to_owned(),
        url: format!("{base_url}/tsa"),
        certificate: BASE64.encode(trust.unit_certificate().der()),
    };
    let authority = directory::Authority {
        name: trust.certificate().subject().rfc2253(),
        root: BASE64.encode(trust.certificate().der()),
        intermediates: Vec::new(),
        ocsp_url: format!("{base_url}/ocsp"),
        ocsp_certificates: Vec::new(),
    };
    Directory {
        instance: instance.to_owned(),
        authorities: vec![authority],
        stampers: vec![stamper],
        ..Directory::default()
    }
}
