//! A transaction: the only way to read and write. It travels down as an argument, so one act is one transaction.

use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use crate::engine::{ACQUIRE_TIMEOUT, Engine};
use crate::{Row, Store, StoreError, Value};

const BEGIN_WRITE_SQLITE: &str = "BEGIN IMMEDIATE";
const BEGIN_READ_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

// The futures of the driver that begin a transaction take four kilobytes each. They stand in boxes of their own, for every
// future that reads the store would else be as large, and those that read it in several places larger still.

/// A transaction of one store. Dropped without [`Tx::commit`], it never happened.
pub struct Tx {
    pub(crate) store: Store,
    raw: Raw,
    /// The turn to write to a SQLite file; given up after `raw`.
    turn: Option<OwnedSemaphorePermit>,
    pub(crate) rings: bool,
    after: Vec<Box<dyn FnOnce() + Send>>,
}

enum Raw {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) async fn begin(store: Store) -> Result<Self, StoreError> {
        let (raw, turn) = match &store.inner.engine {
            Engine::Sqlite { writer, door, .. } => {
                let turn = door.enter(ACQUIRE_TIMEOUT).await?;
                let raw = Raw::Sqlite(Box::pin(writer.begin_with(BEGIN_WRITE_SQLITE)).await?);
                (raw, Some(turn))
            }
            Engine::Postgres(pool) => (Raw::Postgres(Box::pin(pool.begin()).await?), None),
        };
        Ok(Self {
            store,
            raw,
            turn,
            rings: false,
            after: Vec::new(),
        })
    }

    pub(crate) async fn read(store: Store) -> Result<Self, StoreError> {
        let raw = match &store.inner.engine {
            Engine::Sqlite { readers, .. } => Raw::Sqlite(Box::pin(readers.begin()).await?),
            Engine::Postgres(pool) => {
                Raw::Postgres(Box::pin(pool.begin_with(BEGIN_READ_POSTGRES)).await?)
            }
        };
        Ok(Self {
            store,
            raw,
            turn: None,
            rings: false,
            after: Vec::new(),
        })
    }

    /// The store this transaction belongs to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs a statement and tells how many rows it touched.
    ///
    /// # Errors
    /// The engine refuses; [`StoreError::is_duplicate`] tells a key that is already there.
    pub async fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<u64, StoreError> {
        match &mut self.raw {
            Raw::Sqlite(tx) => Ok(bind_sqlite(sqlx::query(sql), values)
                .execute(&mut **tx)
                .await?
                .rows_affected()),
            Raw::Postgres(tx) => Ok(bind_postgres(sqlx::query(sql), values)
                .execute(&mut **tx)
                .await?
                .rows_affected()),
        }
    }

    /// All rows of a query. Callers put a LIMIT into every query whose result can grow.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn all(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        self.fetch(sqlx::query(sql), sqlx::query(sql), values).await
    }

    /// The first row of a query, if any.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn maybe(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql, values).await?.into_iter().next())
    }

    /// The first row of a query.
    ///
    /// # Errors
    /// There is none ([`StoreError::Absent`]), or the engine refuses.
    pub async fn one(&mut self, sql: &'static str, values: &[Value]) -> Result<Row, StoreError> {
        self.maybe(sql, values).await?.ok_or(StoreError::Absent)
    }

    /// Does something once this transaction is committed, and never if it isn't: for memory that must not outlive a
    /// change. It runs before [`Tx::commit`] returns and may not wait.
    pub fn after_commit(&mut self, act: impl FnOnce() + Send + 'static) {
        self.after.push(Box::new(act));
    }

    /// Makes it true: when this returns, the change is on disk.
    ///
    /// # Errors
    /// The engine could not make it durable; then it did not happen.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.raw {
            Raw::Sqlite(tx) => tx.commit().await?,
            Raw::Postgres(tx) => tx.commit().await?,
        }
        drop(self.turn);
        self.after.into_iter().for_each(|act| act());
        if self.rings {
            self.store.inner.bell.notify_waiters();
            self.store.inner.bell.notify_one();
        }
        Ok(())
    }

    /// Runs statement text that was put together from the catalogue or a migration, never from a user's input.
    pub(crate) async fn execute_text(&mut self, sql: String) -> Result<(), StoreError> {
        let safe = sqlx::AssertSqlSafe(sql);
        match &mut self.raw {
            Raw::Sqlite(tx) => sqlx::raw_sql(safe).execute(&mut **tx).await.map(drop)?,
            Raw::Postgres(tx) => sqlx::raw_sql(safe).execute(&mut **tx).await.map(drop)?,
        }
        Ok(())
    }

    /// As [`Tx::all`], for text put together from the catalogue.
    pub(crate) async fn all_text(
        &mut self,
        sql: String,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let (one, two) = (sqlx::AssertSqlSafe(sql.clone()), sqlx::AssertSqlSafe(sql));
        self.fetch(sqlx::query(one), sqlx::query(two), values).await
    }

    /// As [`Tx::all`], for a text that was put together once from statements of the program, with its values.
    pub(crate) async fn all_shared(
        &mut self,
        sql: Arc<str>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let safe = sqlx::AssertSqlSafe(sql);
        match &mut self.raw {
            Raw::Sqlite(tx) => {
                let query = give_sqlite(sqlx::query(safe), values);
                let rows = query.fetch_all(&mut **tx).await?;
                rows.iter().map(Row::from_sqlite).collect()
            }
            Raw::Postgres(tx) => {
                let query = give_postgres(sqlx::query(safe), values);
                let rows = query.fetch_all(&mut **tx).await?;
                rows.iter().map(Row::from_postgres).collect()
            }
        }
    }

    async fn fetch<'q>(
        &mut self,
        sqlite: Query<'q, Sqlite, SqliteArguments>,
        postgres: Query<'q, Postgres, PgArguments>,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        match &mut self.raw {
            Raw::Sqlite(tx) => {
                let rows = bind_sqlite(sqlite, values).fetch_all(&mut **tx).await?;
                rows.iter().map(Row::from_sqlite).collect()
            }
            Raw::Postgres(tx) => {
                let rows = bind_postgres(postgres, values).fetch_all(&mut **tx).await?;
                rows.iter().map(Row::from_postgres).collect()
            }
        }
    }
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;
type PostgresQuery<'q> = Query<'q, Postgres, PgArguments>;

/// Binds values that are given away, without copying them.
pub(crate) fn give_sqlite<'q>(
    query: SqliteQuery<'q>,
    values: impl IntoIterator<Item = Value>,
) -> SqliteQuery<'q> {
    let give = |query: SqliteQuery<'q>, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    };
    values.into_iter().fold(query, give)
}

fn give_postgres<'q>(
    query: PostgresQuery<'q>,
    values: impl IntoIterator<Item = Value>,
) -> PostgresQuery<'q> {
    let give = |query: PostgresQuery<'q>, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    };
    values.into_iter().fold(query, give)
}

fn bind_sqlite<'q>(query: SqliteQuery<'q>, values: &[Value]) -> SqliteQuery<'q> {
    values.iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
    })
}

fn bind_postgres<'q>(query: PostgresQuery<'q>, values: &[Value]) -> PostgresQuery<'q> {
    values.iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
    })
}
