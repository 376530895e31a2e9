//! Scripts on a SQLite file: a thread with a connection of its own that runs a whole script in one go.
//!
//! Used by [`Store::run`](crate::Store::run) alone, for work that comes hundreds of times a second. sqlx sends every
//! statement to its thread and back; here a script goes there once, and each row costs one step of a statement that
//! stays prepared. It promises what a transaction does: everything or nothing, on disk when the answer comes. The
//! thread ends when nobody has needed it for a while; the next script starts another.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::bulk::Step;
use crate::{Row, StoreError, Value};

/// After this time without a script the thread ends: it holds a page cache and files.
const IDLE: Duration = Duration::from_secs(10);
/// Page cache in KiB (negative means KiB to SQLite), filled under load alone: what a full turn changes fits in, so that
/// no page is written or read twice in one turn.
const CACHE: &str = "-4096";
/// Statements that stay prepared; the program has fewer that go into scripts, and those that begin and end them.
const PREPARED_MAX: usize = 32;
/// How long a writer of another process may keep us waiting.
const BUSY: Duration = Duration::from_secs(15);

/// Who writes next to a SQLite file: one transaction or script at a time. Waiting here is fair and costs nothing, unlike
/// SQLite's own waiting, which polls.
#[derive(Clone, Debug)]
pub(crate) struct Door(Arc<Semaphore>);

impl Door {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Waits for the turn to write, at most `limit`.
    pub(crate) async fn enter(&self, limit: Duration) -> Result<OwnedSemaphorePermit, StoreError> {
        let entered = tokio::time::timeout(limit, self.0.clone().acquire_owned()).await;
        let timed_out = StoreError::Engine(sqlx::Error::PoolTimedOut);
        let entered = entered.map_err(|_| timed_out)?;
        entered.map_err(|_| StoreError::Engine(sqlx::Error::PoolClosed))
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// A script on its way, and who waits for it.
struct Act {
    steps: Vec<Step>,
    done: oneshot::Sender<Result<Vec<Row>, StoreError>>,
}

/// The way to the thread, if it runs.
type Slot = Arc<Mutex<Option<Sender<Act>>>>;

/// Runs scripts on one file.
pub(crate) struct Acts {
    path: PathBuf,
    door: Door,
    /// Whether the engine is to refuse every write.
    reading: bool,
    slot: Slot,
}

impl Acts {
    pub(crate) fn new(path: &str, door: Door, reading: bool) -> Self {
        Self {
            path: path.into(),
            door,
            reading,
            slot: Slot::default(),
        }
    }

    /// Runs the steps as one transaction; gives the rows that its statements return, in order.
    pub(crate) async fn run(&self, steps: Vec<Step>) -> Result<Vec<Row>, StoreError> {
        let _turn = self.door.enter(BUSY).await?;
        let (done, told) = oneshot::channel();
        self.send(Act { steps, done })?;
        let gone = |_| StoreError::Engine(sqlx::Error::WorkerCrashed);
        told.await.map_err(gone)?
    }

    /// Gives an act to the thread, which is started if it does not run.
    fn send(&self, act: Act) -> Result<(), StoreError> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let act = match slot.as_ref() {
            None => act,
            Some(thread) => match thread.send(act) {
                Ok(()) => return Ok(()),
                Err(unsent) => unsent.0,
            },
        };
        let (thread, acts) = mpsc::channel();
        let (path, own, reading) = (self.path.clone(), self.slot.clone(), self.reading);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || work((&path, reading), &acts, &own))
            .map_err(|error| StoreError::Engine(sqlx::Error::Io(error)))?;
        let gone = |_| StoreError::Engine(sqlx::Error::WorkerCrashed);
        thread.send(act).map_err(gone)?;
        *slot = Some(thread);
        Ok(())
    }

    /// Lets the thread end once it has done what it was given.
    pub(crate) fn close(&self) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The thread's work: scripts, until nobody sends one for a while.
fn work(file: (&Path, bool), acts: &Receiver<Act>, slot: &Slot) {
    let mut connection = None;
    loop {
        let act = match acts.recv_timeout(IDLE) {
            Ok(act) => act,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                // Whoever sends holds the slot: nothing can come after this look.
                match acts.try_recv() {
                    Ok(act) => act,
                    Err(_) => return *slot = None,
                }
            }
        };
        let result = match &mut connection {
            Some(open) => run(open, act.steps),
            None => open(file).and_then(|fresh| run(connection.insert(fresh), act.steps)),
        };
        if result.is_err() {
            // A connection that met a full or failing disk is not trusted again.
            connection = None;
        }
        let _ = act.done.send(result);
    }
}

fn open((path, reading): (&Path, bool)) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", crate::engine::SQLITE_CHECKPOINT)?;
    connection.pragma_update(None, "query_only", reading)?;
    connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
    Ok(connection)
}

fn run(connection: &Connection, steps: Vec<Step>) -> Result<Vec<Row>, StoreError> {
    // Whatever fails in between leaves a transaction open; whoever calls gives the connection up then, which rolls it back.
    plain(connection, "BEGIN IMMEDIATE")?;
    let mut found = Vec::new();
    for mut step in steps {
        step.follow(&found);
        let mut statement = connection.prepare_cached(step.bulk.one)?;
        for values in step.values.chunks_exact(step.bulk.columns.len()) {
            for (at, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(at + 1, value)?;
            }
            let written = statement.raw_execute()?;
            if step.bulk.tells && written > 0 {
                found.push(Row(values[..1].to_vec()));
            }
        }
    }
    plain(connection, "COMMIT")?;
    Ok(found)
}

/// Runs a statement that has neither parameters nor rows, and stays prepared.
fn plain(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.raw_execute().map(drop)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Int(value) => value.map_or(ValueRef::Null, ValueRef::Integer),
            Self::Text(value) => {
                let text = value.as_deref();
                text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
            }
            Self::Bytes(value) => value.as_deref().map_or(ValueRef::Null, ValueRef::Blob),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}
