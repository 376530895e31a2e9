//! The one place that knows two engines: opening them, and how a transaction begins on each.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Sqlite, Transaction};
use tokio::time::timeout;

use crate::StoreError;
use crate::acts::{Acts, Door};

/// Readers at a time on SQLite, besides the first: each costs a thread and a page cache, and a small machine has two
/// cores. They have a pool of their own, for a pool goes round its idle connections and would let none of them rest.
const SQLITE_READERS_MORE: u32 = 3;
/// How long a reader of a SQLite file waits for the first connection before one more is opened: a read takes a
/// millisecond, and what a further connection once held stays with the process. (It is not for ever, because one task
/// may read within a read.)
const SQLITE_PATIENCE: Duration = Duration::from_millis(50);
/// Page cache of each SQLite connection in KiB (negative means KiB to SQLite): small, for many bodies share a process.
const SQLITE_CACHE: &str = "-1024";
/// Pages in the write-ahead log before they go into the file (16 MiB): under load a page changes many times before it is
/// copied.
pub(crate) const SQLITE_CHECKPOINT: &str = "4096";
/// Connections to PostgreSQL: its processes are heavy, and the work is short.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// How long a caller waits for a connection before the page says 'later'.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// An idle connection to a SQLite file is given back after this time: it holds a thread, its page cache and files, and
/// opening it anew takes a millisecond.
const SQLITE_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection to PostgreSQL is given back after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Makes the schema `name` on the PostgreSQL server at `url`; with `anew` an earlier one is dropped first. For bodies
/// that share a database, each in its own schema.
///
/// # Errors
/// The name is not `a-z 0-9 _`, or the server refuses.
pub async fn make_schema(url: &str, name: &str, anew: bool) -> Result<(), StoreError> {
    if name.is_empty()
        || !name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        return Err(StoreError::Address(name.to_owned()));
    }
    let engine = Engine::open(url, false).await?;
    if anew {
        engine
            .run(format!("DROP SCHEMA IF EXISTS {name} CASCADE"))
            .await?;
    }
    engine
        .run(format!("CREATE SCHEMA IF NOT EXISTS {name}"))
        .await?;
    engine.close().await;
    Ok(())
}

/// The connections that read a SQLite file: the first serves a body at rest alone.
pub(crate) struct Readers {
    first: SqlitePool,
    more: SqlitePool,
}

impl Readers {
    /// Begins a transaction on the first connection if it is free soon, else on one more.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        if let Some(tx) = self.first.try_begin().await? {
            return Ok(tx);
        }
        if let Some(tx) = self.more.try_begin().await? {
            return Ok(tx);
        }
        // It may not be open yet, or have been given back after a rest: then this opens it.
        match timeout(SQLITE_PATIENCE, self.first.begin()).await {
            Ok(begun) => Ok(begun?),
            Err(_) => {
                tracing::debug!("one more connection for reading is opened");
                Ok(self.more.begin().await?)
            }
        }
    }
}

#[cfg(test)]
impl Readers {
    /// How many connections are open besides the first.
    pub(crate) fn more_open(&self) -> u32 {
        self.more.size()
    }
}

/// The engine behind a store.
pub(crate) enum Engine {
    /// A file; one writer at a time, whether a transaction or a script, and several readers.
    Sqlite {
        door: Door,
        acts: Acts,
        writer: SqlitePool,
        readers: Readers,
    },
    /// A server.
    Postgres(PgPool),
}

impl Engine {
    /// Opens what is at `url`; with `reading` the engine itself refuses every write.
    pub(crate) async fn open(url: &str, reading: bool) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open_sqlite(path.trim_start_matches("//"), reading).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let mut options = PgConnectOptions::from_str(url)?.disable_statement_logging();
            if reading {
                options = options.options([("default_transaction_read_only", "on")]);
            }
            let pool = PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS_MAX)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(IDLE_TIMEOUT)
                .connect_with(options)
                .await?;
            return Ok(Self::Postgres(pool));
        }
        Err(StoreError::Address(
            url.split('@').next_back().unwrap_or("").to_owned(),
        ))
    }

    async fn open_sqlite(path: &str, reading: bool) -> Result<Self, StoreError> {
        if !reading {
            private_file(path).map_err(|error| StoreError::Engine(sqlx::Error::Io(error)))?;
        }
        let mut options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(!reading)
            .journal_mode(SqliteJournalMode::Wal)
            // What was committed survives a power cut, not only a crash of the process.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .pragma("cache_size", SQLITE_CACHE)
            .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT)
            .statement_cache_capacity(64)
            // A statement's own log line costs more than many statements; slow work shows in the request's line.
            .disable_statement_logging();
        if reading {
            options = options.pragma("query_only", "on");
        }
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            // There is no server that could have gone away.
            .test_before_acquire(false)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(SQLITE_IDLE_TIMEOUT)
            // On a full disk SQLite rolls back by itself, which the driver doesn't know: such a connection would refuse
            // every further transaction. The ping waits for a roll-back that is still under way.
            .after_release(|connection, _| {
                Box::pin(async move {
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options.clone())
            .await?;
        let readers = |count| {
            SqlitePoolOptions::new()
                .max_connections(count)
                .test_before_acquire(false)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(SQLITE_IDLE_TIMEOUT)
                .connect_lazy_with(options.clone())
        };
        let readers = Readers {
            first: readers(1),
            more: readers(SQLITE_READERS_MORE),
        };
        let door = Door::new();
        Ok(Self::Sqlite {
            acts: Acts::new(path, door.clone(), reading),
            door,
            writer,
            readers,
        })
    }

    /// Runs statement text outside of any transaction; for making a test's own schema.
    pub(crate) async fn run(&self, sql: String) -> Result<(), StoreError> {
        let safe = sqlx::AssertSqlSafe(sql);
        match self {
            Self::Sqlite { writer, .. } => sqlx::raw_sql(safe).execute(writer).await.map(drop)?,
            Self::Postgres(pool) => sqlx::raw_sql(safe).execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite {
                door,
                acts,
                writer,
                readers,
            } => {
                door.close();
                acts.close();
                readers.first.close().await;
                readers.more.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Makes the file, if it is not there, for the service's user only; SQLite gives its companions the same mode.
fn private_file(path: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}
