//! The exchange: signed, authorised, logged questions between bodies, compatible with X-Road on the wire.
//!
//! Read by `workflow` and `portal` through [`Exchange::ask`], and by the house, which serves it. It promises that an
//! answer is [`Verified`] before anybody sees it, that both sides have both halves on disk by then, and that nobody is
//! asked or answered without an agreement. It refuses to know what a fact means, who sits at a desk, and how a case goes.

pub mod agreements;
pub mod answer;
pub mod archive;
pub mod ask;
pub mod body;
pub mod builtin;
mod configuration;
pub mod container;
pub mod deliver;
pub mod directory;
pub mod domain;
pub mod fuzz;
pub mod guard;
pub mod health;
pub mod http;
pub mod journal;
pub mod ocsp_exchange;
pub mod operations;
pub mod questions;
pub mod registries;
pub mod reports;
pub mod seal;
pub mod services;
pub mod settings;
pub mod settle;
pub mod source;
pub mod stamps;
pub mod status;
pub mod systems;
pub mod testing;
pub mod try_it;
pub mod why;
pub mod wire;

mod allowed;
mod forward;
mod lookups;
mod metadata;
mod meters;
mod pages;
mod places;
mod record;
mod reduced;
mod refusals;
mod repeat;
mod route;
mod sql;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use kernel::{Chance, Clock, Fault, Moment};
use store::Store;
use tokio::net::TcpListener;
use trust::log::Log;
use trust::xades::{Identity, KnownSigners};
use trust::{Certificate, Signer, TrustError};
use web::client::Http;
use web::limits::Buckets;
use web::metrics::Metrics;

pub use crate::ask::{Answer, Ask, AskError, Behalf};
use crate::body::SpoolRoom;
use crate::configuration::Following;
use crate::directory::Held;
pub use crate::directory::{BadDirectory, View};
pub use crate::domain::agreement::Agreement;
use crate::domain::codes::{Code, Leaf, Report};
pub use crate::domain::rights::{AccessRight, Endpoint, Subject};
use crate::guard::{Guard, Steady, Unfit};
use crate::journal::Journal;
use crate::lookups::Lookups;
use crate::meters::Meters;
pub use crate::questions::Question;
pub use crate::seal::Verified;
pub use crate::settings::Settings;
pub use crate::source::{Derived, Described, FactSource};
pub use crate::sql::{Half, MIGRATIONS};
use crate::status::{Freshness, Scope, Statuses, Vetted};
pub use crate::wire::Serving;
use crate::wire::{
    Arrived, Caller, Judge, Limits, Network, Place, Seat, Simulated, TlsIdentity, TlsSetup, Wire,
};

/// Most questions closed in one turn of [`Exchange::reconcile`]; the next turn takes more.
const RECONCILE_MAX: usize = 200;

/// This body's keys with their certificates.
#[derive(Clone)]
pub struct Keys {
    pub(crate) sign: Identity,
    pub(crate) sign_chain: Vec<Certificate>,
    pub(crate) auth: TlsIdentity,
}

impl Keys {
    /// Joins the signing key and the authentication key with their chains, the leaf first; a root at the end is left out.
    ///
    /// # Errors
    /// A certificate is another key's, or a chain is empty.
    pub fn new(
        sign: (Signer, Vec<Certificate>),
        auth: (Signer, Vec<Certificate>),
    ) -> Result<Self, TrustError> {
        let (signer, sign_chain) = (sign.0, without_root(sign.1));
        let leaf = sign_chain.first().ok_or(TrustError::Refused {
            why: "no signing certificate",
        })?;
        let sign = Identity::new(signer, leaf.clone(), &sign_chain[1..])?;
        let auth = TlsIdentity::new(&auth.0, without_root(auth.1))?;
        Ok(Self {
            sign,
            sign_chain,
            auth,
        })
    }
}

/// Peers know the root from the directory; it has no OCSP status of its own.
fn without_root(mut chain: Vec<Certificate>) -> Vec<Certificate> {
    chain.retain(|certificate| !certificate.is_self_issued());
    chain
}

/// The wire to other nodes: TLS, or the simulated network of a test.
fn wire_of(
    network: Option<(Network, String)>,
    settings: &Settings,
    keys: &Keys,
    (tls, judge, spool): (&TlsSetup, Judge, &SpoolRoom),
) -> Wire {
    let (stall, room) = (settings.stall(), spool.clone());
    match network {
        None => Wire::Tls(Caller::new(
            tls.clone(),
            judge,
            (stall, settings.timeout()),
            room,
            settings.shared_lines,
        )),
        Some((network, address)) => {
            let chain = keys.auth.chain().to_vec();
            let place = Place {
                address,
                chain,
                judge,
                room,
            };
            Wire::Simulated(Simulated::new(network, place, stall))
        }
    }
}

/// What is accepted is finished even if whoever asked has gone: it may have had its effect already.
fn enduring(handler: wire::Handler) -> wire::Handler {
    Arc::new(move |arrived: Arrived| {
        let work = tokio::spawn(handler(arrived));
        Box::pin(async move {
            work.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a question's work ended badly");
                let report = Report {
                    code: Code::answering(Leaf::InternalError).to_string(),
                    message: "this node failed".to_owned(),
                    detail: String::new(),
                };
                wire::Departing::Fault(report.soap())
            })
        })
    })
}

/// What an exchange is built from.
pub struct Parts {
    /// The body's settings.
    pub settings: Settings,
    /// The body's store, with this crate's tables.
    pub store: Store,
    /// The body's keys.
    pub keys: Keys,
    /// The body's transparency log.
    pub log: Log,
    /// The body's metrics.
    pub metrics: Metrics,
}

/// The exchange of one body. Cheap to clone.
#[derive(Clone)]
pub struct Exchange {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub settings: Settings,
    pub store: Store,
    pub keys: Keys,
    pub held: Held,
    pub following: Following,
    pub tls: TlsSetup,
    pub wire: Wire,
    pub statuses: Statuses,
    pub fastest: route::Fastest,
    pub vetted: Vetted,
    pub signers: KnownSigners,
    pub http: Http,
    pub log: Log,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub journal: Journal,
    pub lookups: Arc<Lookups>,
    pub meters: Meters,
    /// Where the requests of the body's own systems are worked on.
    pub places: places::Places,
    pub guard: Guard,
    pub in_work: deliver::InWork,
    pub operations: operations::Operations,
    pub pauses: settle::Pauses,
    /// How many questions to built-in services each member may still send.
    pub builtin_buckets: Buckets,
    /// Which refused attempts are kept.
    pub ledger: refusals::Ledger,
    /// Services and groups that the settings list, which no page changes.
    pub listed: RwLock<services::Listed>,
    /// What the settings describe; lives beside the table of services, which says what is offered.
    pub registries: RwLock<source::Registries>,
    /// Since when the oldest message waits for its time stamp, in micros; 0 for none.
    pub waiting_since: AtomicI64,
    /// Whether load balancers are told to leave this node alone.
    pub maintenance: AtomicBool,
    /// Where large bodies lie while they are under way.
    pub spool: SpoolRoom,
}

impl Inner {
    /// Begins a transaction that changes what [`Lookups`] keeps: agreements, rights, groups or services.
    pub(crate) async fn begin_change(&self) -> Result<store::Tx, store::StoreError> {
        let mut tx = self.store.begin().await?;
        self.lookups.change_with(&mut tx);
        Ok(tx)
    }

    /// A number for a message of ours. It sorts by time, so that the journal's index of numbers grows at its end.
    pub(crate) fn new_number(&self) -> String {
        let uuid = self.chance.uuid_at(self.clock.now());
        format!("{}-{uuid}", self.settings.member.instance)
    }

    /// Whether this node can keep a message that is accepted at `now`.
    pub(crate) fn can_keep(&self, now: Moment) -> Result<(), Unfit> {
        let published = self.held.any().and_then(|view| view.published_at());
        self.guard.check(now, published)
    }

    /// What certificates are checked against at `now`.
    pub(crate) fn scope<'a>(&'a self, view: &'a View, now: Moment) -> Scope<'a> {
        // The instance's rule, or this body's own where it is stricter.
        let own = self.settings.ocsp_freshness_seconds;
        let freshness = Freshness {
            seconds: own.min(view.params().ocsp_freshness_seconds),
        };
        Scope {
            view,
            now,
            freshness,
            vetted: &self.vetted,
            signers: &self.signers,
        }
    }
}

impl Exchange {
    /// Builds the exchange and takes up the directory that the store kept.
    ///
    /// # Errors
    /// The directory's key can't be read, the keys don't work, or the store failed.
    pub async fn new(parts: Parts) -> Result<Self, Fault> {
        Self::build(parts, None).await
    }

    /// The same on a simulated network, where it is called `address` (as the directory lists it). It can ask at once,
    /// and answers after [`Exchange::join`].
    ///
    /// # Errors
    /// See [`Exchange::new`].
    pub async fn simulated(parts: Parts, network: &Network, address: &str) -> Result<Self, Fault> {
        Self::build(parts, Some((network.clone(), address.to_owned()))).await
    }

    async fn build(parts: Parts, network: Option<(Network, String)>) -> Result<Self, Fault> {
        let Parts {
            settings,
            store,
            keys,
            log,
            metrics,
        } = parts;
        let guard = Guard::new(settings.guard.clone(), store.clock().clone());
        let clock: Arc<dyn Clock> = Arc::new(Steady::new(store.clock().clone()));
        let chance = store.chance().clone();
        let following = Following::new(&settings.anchor).map_err(Fault::internal)?;
        let held = Held::default();
        let judge = Judge::new(held.clone(), clock.clone());
        let tls = TlsSetup::new(&keys.auth, &held, &clock, settings.legacy_tls)
            .map_err(Fault::internal)?;
        let spool = settings.spool_room();
        let wire = wire_of(network, &settings, &keys, (&tls, judge, &spool));
        let http = Http::trusting(settings.authority_ca.as_deref()).map_err(Fault::internal)?;
        let freshness = Freshness::of(&settings);
        let statuses = Statuses::new(http.clone(), held.clone(), store.clone(), freshness)
            .peers_at(settings.ocsp_port);
        let fastest = route::Fastest::new(Duration::from_secs(settings.fastest_server_seconds));
        let signing = (keys.sign.clone(), settings.signatures);
        let parts = record::Parts::limited(settings.logged_body_bytes_max as u64);
        let silent = settings.body_log_off.iter();
        let silent = silent.map(|code| settings.member.subsystem(code).to_string());
        let kept = (parts, silent.collect());
        let journal = Journal::start(store.clone(), log.clone(), clock.clone(), signing, kept);
        let places = places::Places::new(settings.places, &metrics);
        let inner = Arc::new(Inner {
            settings,
            lookups: Arc::new(Lookups::new(store.clone())),
            journal,
            store,
            keys,
            held,
            following,
            tls,
            wire,
            statuses,
            fastest,
            vetted: Vetted::default(),
            signers: KnownSigners::default(),
            http,
            log,
            clock,
            chance,
            meters: Meters::new(&metrics),
            places,
            guard,
            pauses: settle::Pauses::default(),
            in_work: deliver::InWork::default(),
            operations: operations::Operations::default(),
            builtin_buckets: Buckets::new(builtin::BURST, builtin::PER_SECOND),
            ledger: refusals::Ledger::default(),
            listed: RwLock::default(),
            registries: RwLock::default(),
            waiting_since: AtomicI64::new(0),
            maintenance: AtomicBool::new(false),
            spool,
        });
        let exchange = Self { inner };
        exchange.take_up_kept_configuration().await?;
        exchange.take_up_newest().await?;
        Ok(exchange)
    }

    /// Serves other nodes on `listener` until the returned value is told to stop.
    pub fn serve(&self, listener: TcpListener) -> Serving {
        let settings = &self.inner.settings;
        let limits = Limits {
            connections: settings.connections_max.max(1),
            shares: settings.shared_lines,
            stall: settings.stall(),
            whole: settings.timeout(),
            room: self.inner.spool.clone(),
        };
        wire::serve(listener, &self.inner.tls, limits, enduring(self.handler()))
    }

    /// Answers other nodes on the simulated network that this exchange was built on; `None` if it was not.
    pub fn join(&self) -> Option<Seat> {
        match &self.inner.wire {
            Wire::Simulated(place) => Some(place.join(self.handler())),
            Wire::Tls(_) => None,
        }
    }

    fn handler(&self) -> wire::Handler {
        let exchange = self.clone();
        Arc::new(move |arrived: Arrived| {
            let exchange = exchange.clone();
            Box::pin(async move { exchange.answer(arrived).await })
        })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The directory held now, expired or not.
    pub fn directory(&self) -> Option<Arc<View>> {
        self.inner.held.any()
    }

    /// Whom the directory held now trusts, in the form that the container verifier of `trust::asic` takes.
    pub fn shared_params(&self) -> Option<trust::globalconf::SharedParams> {
        Some(self.inner.held.any()?.params().clone())
    }

    /// Below the time of the newest message the clock may not fall, also over a restart.
    async fn take_up_newest(&self) -> Result<(), Fault> {
        let mut tx = self.inner.store.read().await?;
        let newest = sql::newest_question(&mut tx).await?;
        self.inner.guard.take_up(newest.map(kernel::Id::at));
        Ok(())
    }

    /// Enters agreements that nobody signed: of a body with itself, for a try, and in countries made for tests. Between
    /// two bodies an agreement comes in force by [`agreements::InForce`] alone, and the audit takes others out.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn agree(&self, agreements: &[Agreement]) -> Result<(), Fault> {
        let mut tx = self.inner.begin_change().await?;
        for agreement in agreements {
            sql::set_agreement(&mut tx, agreement).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Enters or replaces records of one of this body's registers: subject, JSON object of facts, valid until.
    ///
    /// # Errors
    /// The store failed.
    pub async fn record(
        &self,
        register: &str,
        records: &[(String, serde_json::Value, Option<Moment>)],
    ) -> Result<(), Fault> {
        let now = self.inner.clock.now();
        let mut tx = self.inner.store.begin().await?;
        for (subject, facts, until) in records {
            sql::set_record(&mut tx, register, subject, &facts.to_string(), *until, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The latest questions about somebody that this body asked or was asked, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn questions_about(&self, subject: &str) -> Result<Vec<Question>, Fault> {
        questions::about(&self.inner.store, &self.inner.log, subject, None).await
    }

    /// Closes questions that can't end any more, because this process or the machine stopped in between. Run at start and
    /// by a timer; tells how many there were.
    ///
    /// # Errors
    /// The store or the log failed.
    pub async fn reconcile(&self) -> Result<usize, Fault> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let seconds = i64::try_from(inner.settings.timeout().as_secs()).unwrap_or(i64::MAX / 4);
        let mut tx = inner.store.begin().await?;
        let unended = sql::unended(&mut tx, now.plus_seconds(-2 * seconds), RECONCILE_MAX).await?;
        for row in &unended {
            journal::broken_off(&mut tx, &inner.log, row, now).await?;
        }
        tx.commit().await?;
        Ok(unended.len())
    }

    /// The question with this message number that this body asked or was asked.
    ///
    /// # Errors
    /// The store failed.
    pub async fn question(&self, number: &str) -> Result<Option<Question>, Fault> {
        let mut tx = self.inner.store.read().await?;
        Ok(sql::questions_by_number(&mut tx, number)
            .await?
            .into_iter()
            .next()
            .map(Question::from))
    }

    /// How many questions have no end yet; more than a few for long means that a process died in between.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pending(&self) -> Result<i64, Fault> {
        let mut tx = self.inner.store.read().await?;
        Ok(sql::pending(&mut tx).await?)
    }
}
