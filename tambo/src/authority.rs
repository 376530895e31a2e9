//! The authority of an instance: certificates, status, time stamps, witness, register, and the global configuration.
//!
//! Built by `house` for a body with the role `authority`. It promises that the configuration is the register's state of a
//! few seconds ago, signed anew long before it expires; it refuses to decide who becomes a member: that is a person's act.

pub mod configuration;
mod http;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use exchange::View;
use kernel::{Actor, Fault};
use registry::admit::Admission;
use registry::{Parts, Pins, Register};
use trust::authority::Founding;
use trust::globalconf::write::Published;
use trust::log::{Log, SignatureKind, Witness};
use trust::tsp;

use crate::commands::Problem;
use crate::house::{self, Ground, Manner};
use crate::{country, credentials};
use configuration::{Configuration, SigningKeys};

/// How often the register is looked at for a change, made here or by a command beside this process: a revoked member must
/// be gone while the official still looks at the page.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A running authority. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    /// Issues, stamps, tells status.
    pub trust: trust::Authority,
    /// Cosigns the members' logs.
    pub witness: Witness,
    /// Who is a member, and who wants to be.
    pub register: Register,
    /// The log of the body that runs the authority: decisions are entered there.
    pub log: Log,
    keys: Arc<RwLock<SigningKeys>>,
    ground: Ground,
    held: Arc<RwLock<Configuration>>,
}

impl Authority {
    /// Opens the authority on this ground; founds it if it is new and to be served.
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
        let (clock, chance) = (ground.clock.clone(), ground.chance.clone());
        let as_is = ground.manner != Manner::Serve;
        let trust = match as_is {
            true => {
                trust::Authority::open_as_is(store.clone(), keys, founding, clock, chance).await?
            }
            false => trust::Authority::open(store.clone(), keys, founding, clock, chance).await?,
        };
        let name = format!("{}.witness", ground.log_origin());
        let witness = Witness::new(
            store,
            ground.note_key("witness", &name, SignatureKind::Cosignature)?,
        );
        let log = house::open_log(ground, Some(&witness)).await?;
        let register = register(ground, &trust, &witness, &log)?;
        if !as_is {
            register.admit_logs().await?;
        }
        let keys = SigningKeys::open(ground, &register).await?;
        let held = Configuration::of(&trust, ground, &keys, &base_url);
        let authority = Self {
            trust,
            witness,
            register,
            log,
            keys: Arc::new(RwLock::new(keys)),
            ground: ground.clone(),
            held: Arc::new(RwLock::new(held)),
        };
        authority.publish().await?;
        Ok(authority)
    }

    /// The anchor file: what a body needs to follow this instance's configuration.
    pub fn anchor(&self) -> String {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.anchor(&self.keys().internal)
    }

    /// The anchor of the external configuration, for federated instances.
    pub fn external_anchor(&self) -> String {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.anchor(&self.keys().external)
    }

    fn keys(&self) -> RwLockReadGuard<'_, SigningKeys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest edition of the internal configuration.
    pub fn published(&self) -> Published {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.newest()
    }

    /// Enters a body whose keys are in this process: issues the certificates it lacks, registers it, publishes.
    ///
    /// # Errors
    /// Keys, certificates or records fail.
    pub async fn admit(&self, ground: &Ground) -> Result<(), Problem> {
        credentials::ensure_member(ground, &self.trust).await?;
        let settings = &ground.settings;
        let mut certificates = Vec::new();
        for label in [credentials::TLS, credentials::SIGN, credentials::SEAL] {
            let chain = ground.credentials.expect(label)?;
            certificates.extend(chain.into_iter().next().map(|leaf| (label, leaf)));
        }
        let admission = Admission {
            server: settings.server(),
            name: settings.body.name.clone(),
            subsystems: vec![settings.exchange.subsystem.clone()],
            address: settings.exchange.address.clone(),
            log: ground.log_verifier()?,
            certificates,
        };
        self.register
            .admit(&Actor::system("operator"), &admission)
            .await?;
        Ok(self.publish().await?)
    }

    /// Takes up when an edition was published earlier: members refuse what is older than what they hold, and a clock that
    /// was set back must not stop the instance.
    ///
    /// # Errors
    /// The configuration can't be signed.
    pub async fn take_up(&self, earlier: &View) -> Result<(), Fault> {
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            held.made_at = held.made_at.max(earlier.published_at());
        }
        self.publish().await
    }

    /// Signs the register's state anew.
    ///
    /// # Errors
    /// A key or the store fails.
    pub async fn publish(&self) -> Result<(), Fault> {
        let keys = SigningKeys::open(&self.ground, &self.register).await;
        let keys = keys.map_err(|problem| Fault::internal(problem.0))?;
        let model = self
            .register
            .model(&mut self.log.store().read().await?)
            .await?;
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let mut shared = held.shared.clone();
        // The authority's own services stand first; the register adds the foreign ones.
        shared.authorities.truncate(1);
        shared.stampers.truncate(1);
        if let Some(own) = shared.stampers.first_mut() {
            // The unit's certificate is renewed from time to time.
            own.certificate = self.trust.unit_certificate();
        }
        model.fill(&mut shared)?;
        held.shared = shared;
        held.announce(&keys);
        held.publish(&keys, self.ground.clock.now())?;
        held.version = model.version;
        drop(held);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        self.register.set_pins(Pins {
            witness_key: self.witness.verifier().to_string(),
            anchor: self.anchor(),
        });
        Ok(())
    }

    /// Publishes if the register has changed. Tells whether it had.
    ///
    /// # Errors
    /// A key or the store fails.
    pub async fn publish_changes(&self) -> Result<bool, Fault> {
        let version = self.register.version().await?;
        let published = {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            held.version
        };
        if version == published {
            return Ok(false);
        }
        self.publish().await?;
        Ok(true)
    }
}

fn register(
    ground: &Ground,
    trust: &trust::Authority,
    witness: &Witness,
    log: &Log,
) -> Result<Register, Problem> {
    let settings = &ground.settings;
    let name = format!("{}.register", ground.log_origin());
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    Ok(Register::new(Parts {
        store: ground.store.clone(),
        log: log.clone(),
        trust: trust.clone(),
        witness: witness.clone(),
        key: ground.note_key("register", &name, SignatureKind::Note)?,
        founding: registry::Founding {
            owner: settings.member(),
            name: settings.body.name.clone(),
            url: plain(&settings.pages.origin),
            services: plain(&settings.exchange.authority),
            scheme: Some(country::body_number()),
        },
    }))
}
