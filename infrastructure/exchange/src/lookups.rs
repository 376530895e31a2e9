//! What the exchange looks up for every message: agreements, access rights, services, kept in memory for a moment.
//!
//! Read by `ask` and `answer`. It promises that a change made through this process counts from its commit on, and one
//! made by another process after [`SECONDS`]; and that memory stays bounded: only what was asked for is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Clock, Fault, Moment, Party, ServiceId, SubsystemId};
use store::{Store, Tx};

use crate::domain::agreement::Agreement;
use crate::domain::rights::{AccessRight, Subject};
use crate::source::FactSource;
use crate::sql;
use crate::sql::services::{self, ServiceRow};

/// How long something is believed without looking again; it bounds how late another process's change is noticed.
pub const SECONDS: i64 = 2;
/// Most answers kept of each kind; a busy registry has some thousands of pairs of asker and service.
const KEPT_MAX: usize = 10_000;

/// A service: what answers it, and how it is operated.
#[derive(Debug)]
pub(crate) struct Service {
    pub source: FactSource,
    pub row: ServiceRow,
}

/// What may open a service to a client.
#[derive(Debug)]
pub(crate) struct Rights {
    /// The client's own rights, and those of any group.
    pub rights: Vec<AccessRight>,
    /// The local groups that the client is in, as far as the rights name any.
    pub groups: Vec<String>,
}

#[derive(Debug)]
struct Kept<T>(Mutex<HashMap<String, (Moment, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    fn get(&self, name: &str, now: Moment) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = kept.get(name)?;
        (0..SECONDS)
            .contains(&now.seconds_since(*at))
            .then(|| value.clone())
    }

    fn set(&self, name: String, now: Moment, value: T) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(name, (now, value));
    }

    fn clear(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
    }
}

/// The lookups of one body.
pub(crate) struct Lookups {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Raised by every change: what was read before it is not kept after it.
    version: AtomicU64,
    agreements: Kept<Arc<[Agreement]>>,
    rights: Kept<Arc<Rights>>,
    services: Kept<Option<Arc<Service>>>,
}

impl Lookups {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            clock: store.clock().clone(),
            store,
            version: AtomicU64::new(0),
            agreements: Kept::default(),
            rights: Kept::default(),
            services: Kept::default(),
        }
    }

    /// Forgets everything once `tx` is committed. To be called by whoever changes agreements, rights or services.
    pub(crate) fn change_with(self: &Arc<Self>, tx: &mut Tx) {
        let lookups = self.clone();
        tx.after_commit(move || lookups.changed());
    }

    fn changed(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
        self.agreements.clear();
        self.rights.clear();
        self.services.clear();
    }

    /// Keeps what was read, unless something has changed since the reading began.
    fn keep<T: Clone>(&self, kept: &Kept<T>, name: String, now: Moment, (began, value): (u64, &T)) {
        if self.version.load(Ordering::Acquire) == began {
            kept.set(name, now, value.clone());
        }
    }

    /// The agreements of two parties for a purpose, the longest-lived first.
    pub(crate) async fn agreements(
        &self,
        client: &SubsystemId,
        service: &ServiceId,
        purpose: &str,
    ) -> Result<Arc<[Agreement]>, Fault> {
        let (name, now) = (format!("{client} {service} {purpose}"), self.clock.now());
        if let Some(known) = self.agreements.get(&name, now) {
            return Ok(known);
        }
        let began = self.version.load(Ordering::Acquire);
        let mut tx = self.store.read().await?;
        let found = sql::agreements_for(&mut tx, client, service, purpose).await?;
        let found: Arc<[Agreement]> = found.into();
        self.keep(&self.agreements, name, now, (began, &found));
        Ok(found)
    }

    /// What may open a service to a client.
    pub(crate) async fn rights(
        &self,
        client: &Party,
        service: &ServiceId,
    ) -> Result<Arc<Rights>, Fault> {
        let (name, now) = (format!("{client} {service}"), self.clock.now());
        if let Some(known) = self.rights.get(&name, now) {
            return Ok(known);
        }
        let began = self.version.load(Ordering::Acquire);
        let mut tx = self.store.read().await?;
        let rights = services::rights_for(&mut tx, client, service).await?;
        let is_local = |right: &AccessRight| matches!(right.subject, Subject::Local(_));
        let groups = match rights.iter().any(is_local) {
            true => services::groups_of(&mut tx, client).await?,
            false => Vec::new(),
        };
        let found = Arc::new(Rights { rights, groups });
        self.keep(&self.rights, name, now, (began, &found));
        Ok(found)
    }

    /// A service of this body; `None` if there is none of this name.
    pub(crate) async fn service(&self, service: &ServiceId) -> Result<Option<Arc<Service>>, Fault> {
        let (name, now) = (service.to_string(), self.clock.now());
        if let Some(known) = self.services.get(&name, now) {
            return Ok(known);
        }
        let began = self.version.load(Ordering::Acquire);
        let mut tx = self.store.read().await?;
        let found = match services::service(&mut tx, service).await? {
            None => None,
            Some(row) => {
                let source = serde_json::from_str(&row.source).map_err(Fault::internal)?;
                Some(Arc::new(Service { source, row }))
            }
        };
        self.keep(&self.services, name, now, (began, &found));
        Ok(found)
    }
}
