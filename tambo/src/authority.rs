//! The authority of an instance: certificates, status, time stamps, witness, and the global configuration.
//!
//! Built by `house` for a body with the role `authority`. It promises a configuration that is signed anew long before it
//! expires; it refuses to decide who becomes a member: that is a person's act.

mod configuration;
mod http;

use std::sync::{Arc, PoisonError, RwLock};

use exchange::View;
use kernel::{Clock, Fault};
use trust::authority::Founding;
use trust::globalconf::write::Published;
use trust::globalconf::{Member, Party, Server, SharedParams, Subsystem};
use trust::log::{SignatureKind, Witness};
use trust::tsp;

use crate::commands::Problem;
use crate::credentials;
use crate::house::Ground;
use configuration::{Configuration, SigningKeys};

/// A running authority. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    /// Issues, stamps, tells status.
    pub trust: trust::Authority,
    /// Cosigns the members' logs.
    pub witness: Witness,
    keys: Arc<SigningKeys>,
    clock: Arc<dyn Clock>,
    held: Arc<RwLock<Configuration>>,
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
        let keys = SigningKeys::open(ground)?;
        let held = Configuration::of(&trust, ground, &keys, &base_url);
        let authority = Self {
            trust,
            witness,
            keys: Arc::new(keys),
            clock: ground.clock.clone(),
            held: Arc::new(RwLock::new(held)),
        };
        authority.publish()?;
        Ok(authority)
    }

    /// The anchor file: what a body needs to follow this instance's configuration.
    pub fn anchor(&self) -> String {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.anchor(&self.keys.internal)
    }

    /// The anchor of the external configuration, for federated instances.
    pub fn external_anchor(&self) -> String {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.anchor(&self.keys.external)
    }

    /// The newest edition of the internal configuration.
    pub fn published(&self) -> Published {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.newest()
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
            subsystems: vec![Subsystem {
                code: settings.exchange.subsystem.clone(),
                name: None,
            }],
        };
        let leaf = chain.first();
        let digests = leaf.map(|leaf| [leaf.sha1().to_vec(), leaf.sha256().to_vec()]);
        let server = Server {
            id: settings.server(),
            address: settings.exchange.address.clone(),
            auth_cert_hashes: digests.into_iter().flatten().collect(),
            clients: vec![Party::Subsystem(settings.subsystem())],
            maintenance: None,
        };
        Ok(self.change(|params| {
            params.members.retain(|known| known.id != member.id);
            params.servers.retain(|known| known.id != server.id);
            params.members.push(member);
            params.servers.push(server);
        })?)
    }

    /// Takes up the members of an edition that was published earlier.
    ///
    /// # Errors
    /// The configuration can't be signed.
    pub fn take_up(&self, earlier: &View) -> Result<(), Fault> {
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            // The members hold it, and refuse what is older: a clock that was set back must not stop the instance.
            held.made_at = held.made_at.max(earlier.published_at());
        }
        self.change(|params| {
            for member in &earlier.params().members {
                if !params.members.iter().any(|known| known.id == member.id) {
                    params.members.push(member.clone());
                }
            }
            for server in &earlier.params().servers {
                if !params.servers.iter().any(|known| known.id == server.id) {
                    params.servers.push(server.clone());
                }
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut SharedParams)) -> Result<(), Fault> {
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            change(&mut held.shared);
        }
        self.publish()
    }

    /// Signs the configuration anew.
    ///
    /// # Errors
    /// A key fails.
    pub fn publish(&self) -> Result<(), Fault> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        // The unit's certificate is renewed from time to time.
        let unit = self.trust.unit_certificate();
        if let Some(own) = held.shared.stampers.first_mut() {
            own.certificate = unit;
        }
        held.publish(&self.keys, self.clock.now())
    }
}
