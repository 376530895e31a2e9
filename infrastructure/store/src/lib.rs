//! The store: one SQL text for SQLite and PostgreSQL, transactions, migrations, jobs and events.
//!
//! Every crate's `sql.rs` writes to this face and to nothing below it. The engine is chosen once, in `engine.rs`.
//! Promise: what a committed [`Tx`] wrote is on disk; what a dropped one wrote never was. Refused: driver types
//! above this crate, server-side time, locks outside rows.

mod acts;
pub mod bulk;
mod engine;
mod error;
pub mod export;
pub mod foreign;
pub mod jobs;
mod migrate;
mod row;
mod sql;
pub mod testing;
#[cfg(test)]
mod tests;
mod tx;
mod value;

use std::sync::{Arc, RwLock};

use kernel::{Chance, Clock};
use tokio::sync::Notify;

use crate::bulk::Texts;
pub use crate::bulk::{Bulk, Kind, Script};
use crate::engine::Engine;
pub use crate::engine::make_schema;
pub use crate::error::{FULL_KEY, StoreError};
pub use crate::jobs::{
    BoxFuture, DeadLetter, Job, JobCounts, JobError, JobFn, JobHandler, JobRun, Subscriber,
};
pub use crate::migrate::Migration;
pub use crate::row::Row;
pub use crate::tx::Tx;
pub use crate::value::Value;

/// One body's store. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    /// Texts of scripts that were put together before.
    pub(crate) texts: Texts,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
    /// Topic and name of every subscriber, so that publishing writes one job for each.
    pub(crate) subscribers: RwLock<Vec<(&'static str, &'static str)>>,
    /// Rung after a commit that enqueued something, so that nobody waits for the next poll.
    pub(crate) bell: Notify,
}

impl Store {
    /// Opens the store at `url`: `sqlite:PATH` (made if absent) or `postgres://...`, and makes the store's own tables.
    ///
    /// # Errors
    /// The address is of neither kind, the file can't be opened or the server doesn't answer.
    pub async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, StoreError> {
        let store = Self::of(Engine::open(url, false).await?, clock, chance);
        store.migrate(&[("store", sql::MIGRATIONS)]).await?;
        Ok(store)
    }

    /// Opens the store at `url` to read alone: it makes nothing, and the engine refuses every write.
    ///
    /// # Errors
    /// There is none, or the tables are not those of this program: whoever serves the body brings them up to date.
    pub async fn open_reading(
        url: &str,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, StoreError> {
        let store = Self::of(Engine::open(url, true).await?, clock, chance);
        store
            .must_be_migrated(&[("store", sql::MIGRATIONS)])
            .await?;
        Ok(store)
    }

    fn of(engine: Engine, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        Self {
            inner: Arc::new(Inner {
                engine,
                texts: Texts::default(),
                clock,
                chance,
                subscribers: RwLock::default(),
                bell: Notify::new(),
            }),
        }
    }

    /// Begins a transaction that may write. On SQLite there is one at a time.
    ///
    /// # Errors
    /// No connection came free in time, or the engine is away.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Tx::begin(self.clone()).await
    }

    /// Begins a transaction that only reads, over one unchanging view of the data. Drop it when done.
    ///
    /// # Errors
    /// No connection came free in time, or the engine is away.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Tx::read(self.clone()).await
    }

    /// The clock of this body.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// The chance of this body.
    pub fn chance(&self) -> &Arc<dyn Chance> {
        &self.inner.chance
    }

    /// The engine's name and version, for `check` and health.
    ///
    /// # Errors
    /// The engine is away.
    pub async fn engine(&self) -> Result<String, StoreError> {
        let mut tx = self.read().await?;
        let (name, sql) = match &self.inner.engine {
            Engine::Sqlite { .. } => ("SQLite", sql::VERSION_SQLITE),
            Engine::Postgres(_) => ("PostgreSQL", sql::VERSION_POSTGRES),
        };
        Ok(format!("{name} {}", tx.one(sql, &[]).await?.text(0)?))
    }

    /// Closes all connections, after running work has ended.
    pub async fn close(&self) {
        self.inner.engine.close().await;
    }
}
