//! A database of somebody else, read only: one row of one table or view, by its key.
//!
//! Read by `exchange`, whose registries live in the body's own systems. It promises that nothing is ever written there,
//! that a question ends within its time and its work, and that no value asked for or found is in an error's text. It
//! refuses names that are not plain identifiers, and statements of anybody's own.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Row as _};

use crate::sql;

/// Connections to one foreign database: its own users come first.
const CONNECTIONS_MAX: u32 = 2;
/// How long a question waits for a connection, in seconds.
const ACQUIRE_SECONDS: u64 = 5;
/// An idle connection is given back after this many seconds.
const IDLE_SECONDS: u64 = 30;
/// Longest identifier: PostgreSQL's own limit, in bytes.
const NAME_BYTES_MAX: usize = 63;
/// Instructions of SQLite's machine between two looks at the work done.
const STEPS_BETWEEN: i32 = 10_000;
/// Looks until a statement is given up: about ten million rows read, seconds on a small machine.
const LOOKS_MAX: u32 = 10_000;
/// Page cache of a SQLite connection, in KiB (negative for SQLite).
const CACHE: &str = "-256";
/// Columns named in advice.
const ADVICE_MAX: usize = 40;

/// Why there is no row. The texts hold names from the settings only, never a value.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The address is neither `sqlite:PATH` nor `postgres://...`.
    #[error("not a database address; write sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Address,
    /// A name can't be an identifier here.
    #[error("{0:?} can't be the name of a table or column; use letters, digits, space, _ - $")]
    Name(String),
    /// The database can't be reached or opened.
    #[error("the database can't be reached")]
    Away,
    /// It took too long.
    #[error("the database took too long")]
    Slow,
    /// More than one row has the key.
    #[error("more than one row has this key; the table or view must give one")]
    Ambiguous,
    /// The database refused the statement.
    #[error("the database refused the statement ({0})")]
    Refused(String),
}

/// Name of a table, view or column; a table's may have its schema before a dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes the name of a column.
    ///
    /// # Errors
    /// Empty, too long, or with another character than letters, digits, space, `_`, `-`, `$`.
    pub fn column(name: &str) -> Result<Self, ForeignError> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ' ');
        match (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(plain) {
            true => Ok(Self(name.to_owned())),
            false => Err(ForeignError::Name(name.chars().take(80).collect())),
        }
    }

    /// Takes the name of a table or view, or `schema.table`.
    ///
    /// # Errors
    /// As [`Name::column`], for each part.
    pub fn table(name: &str) -> Result<Self, ForeignError> {
        let mut parts = name.splitn(2, '.');
        parts.try_for_each(|part| Self::column(part).map(drop))?;
        Ok(Self(name.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.splitn(2, '.')
    }
}

/// Where the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The table or view.
    pub table: Name,
    /// The column that holds the subject's number.
    pub key: Name,
}

/// The subject's number in the database's own type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A text column.
    Text(String),
    /// A column of whole numbers.
    Int(i64),
}

/// A foreign database. Cheap to clone; opens no connection before the first question.
#[derive(Clone, Debug)]
pub struct Foreign {
    pool: Pool,
    timeout: Duration,
}

#[derive(Clone, Debug)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Foreign {
    /// Describes the database at `url` (`sqlite:PATH`, or `postgres://...` with a user who may read only); every question
    /// ends within `timeout`.
    ///
    /// # Errors
    /// The address is of neither kind.
    pub fn open(url: &str, timeout: Duration) -> Result<Self, ForeignError> {
        let pool = match url.strip_prefix("sqlite:") {
            Some(path) => Pool::Sqlite(sqlite(Path::new(path))),
            None if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Pool::Postgres(postgres(url, timeout)?)
            }
            None => return Err(ForeignError::Address),
        };
        Ok(Self { pool, timeout })
    }

    /// The row of `key`: `columns` as text, in their order; nothing if there is none. The key that came back must be the
    /// one asked for: an engine may compare more loosely ('007' with 7, or letters of another case).
    ///
    /// # Errors
    /// [`ForeignError`].
    pub async fn row(
        &self,
        view: &View,
        columns: &[&str],
        key: &Key,
    ) -> Result<Option<Vec<Option<String>>>, ForeignError> {
        let mut with_key = columns.to_vec();
        with_key.push(view.key.as_str());
        let statement = sql::foreign::row(view, &with_key, 2);
        let mut rows = self.rows(statement, key).await?;
        if rows.len() > 1 {
            return Err(ForeignError::Ambiguous);
        }
        let wanted = match key {
            Key::Text(text) => text.clone(),
            Key::Int(number) => number.to_string(),
        };
        let same = |row: &mut Vec<Option<String>>| row.pop().flatten() == Some(wanted);
        Ok(rows.pop().and_then(|mut row| same(&mut row).then_some(row)))
    }

    /// Tries the statement without reading a row.
    ///
    /// # Errors
    /// What is wrong, with the columns that are there, for the operator.
    pub async fn check(&self, view: &View, columns: &[&str], key: &Key) -> Result<(), String> {
        let tried = self.rows(sql::foreign::row(view, columns, 0), key).await;
        let Err(error) = tried else { return Ok(()) };
        let there = self.columns(view).await.unwrap_or_default();
        let advice = match (&error, there.is_empty()) {
            (ForeignError::Refused(_), true) => {
                format!("; there is no {} to be read", view.table.as_str())
            }
            (ForeignError::Refused(_), false) => format!(
                "; {} has the columns {}",
                view.table.as_str(),
                there.join(", ")
            ),
            _ => String::new(),
        };
        Err(format!("{error}{advice}"))
    }

    async fn columns(&self, view: &View) -> Result<Vec<String>, ForeignError> {
        let (statement, name) = match &self.pool {
            Pool::Sqlite(_) => (sql::foreign::COLUMNS_SQLITE, view.table.as_str().to_owned()),
            Pool::Postgres(_) => {
                let parts: Vec<String> = view.table.parts().map(|p| format!("\"{p}\"")).collect();
                (sql::foreign::COLUMNS_POSTGRES, parts.join("."))
            }
        };
        let rows = self.rows(statement.to_owned(), &Key::Text(name)).await?;
        let names = rows.into_iter().flatten().flatten();
        Ok(names.take(ADVICE_MAX).collect())
    }

    async fn rows(
        &self,
        statement: String,
        key: &Key,
    ) -> Result<Vec<Vec<Option<String>>>, ForeignError> {
        let work = async {
            match &self.pool {
                Pool::Sqlite(pool) => sqlite_rows(pool, statement, key).await,
                Pool::Postgres(pool) => postgres_rows(pool, statement, key).await,
            }
        };
        match tokio::time::timeout(self.timeout, work).await {
            Ok(rows) => rows.map_err(told),
            Err(_) => Err(ForeignError::Slow),
        }
    }

    /// Gives the connections back.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

fn sqlite(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .pragma("query_only", "ON")
        .pragma("cache_size", CACHE)
        .pragma("trusted_schema", "OFF")
        .busy_timeout(Duration::from_secs(ACQUIRE_SECONDS))
        .disable_statement_logging();
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(Duration::from_secs(ACQUIRE_SECONDS))
        .idle_timeout(Duration::from_secs(IDLE_SECONDS))
        .connect_lazy_with(options)
}

fn postgres(url: &str, timeout: Duration) -> Result<PgPool, ForeignError> {
    let millis = timeout.as_millis().to_string();
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| ForeignError::Address)?
        .options(sql::foreign::SESSION_POSTGRES)
        .options([("statement_timeout", millis.as_str())])
        .disable_statement_logging();
    Ok(PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(Duration::from_secs(ACQUIRE_SECONDS))
        .idle_timeout(Duration::from_secs(IDLE_SECONDS))
        .connect_lazy_with(options))
}

async fn sqlite_rows(
    pool: &SqlitePool,
    statement: String,
    key: &Key,
) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut looks = 0;
    // A statement that was given up by its asker would go on in SQLite's own thread without this.
    connection
        .lock_handle()
        .await?
        .set_progress_handler(STEPS_BETWEEN, move || {
            looks += 1;
            looks < LOOKS_MAX
        });
    let query = sqlx::query(sqlx::AssertSqlSafe(statement));
    let query = match key {
        Key::Text(text) => query.bind(text.clone()),
        Key::Int(number) => query.bind(*number),
    };
    let rows = query.fetch_all(&mut *connection).await?;
    rows.iter()
        .map(|row| (0..row.len()).map(|index| row.try_get(index)).collect())
        .collect()
}

async fn postgres_rows(
    pool: &PgPool,
    statement: String,
    key: &Key,
) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
    let query = sqlx::query(sqlx::AssertSqlSafe(statement));
    let query = match key {
        Key::Text(text) => query.bind(text.clone()),
        Key::Int(number) => query.bind(*number),
    };
    let rows = query.fetch_all(pool).await?;
    rows.iter()
        .map(|row| (0..row.len()).map(|index| row.try_get(index)).collect())
        .collect()
}

/// The kind of failure. An engine's own words are left out: they may quote the value that was asked for.
fn told(error: sqlx::Error) -> ForeignError {
    match error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // PostgreSQL's `query_canceled`, SQLite's `SQLITE_INTERRUPT`.
            Some("57014" | "9") => ForeignError::Slow,
            // SQLite's `SQLITE_CANTOPEN`.
            Some("14") => ForeignError::Away,
            Some(code) => ForeignError::Refused(advice(code)),
            None => ForeignError::Refused("no code".to_owned()),
        },
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            ForeignError::Refused("a column is not text".to_owned())
        }
        _ => ForeignError::Away,
    }
}

fn advice(code: &str) -> String {
    let meaning = match code {
        "42703" => "a column is not there",
        "42P01" => "the table or view is not there",
        "42501" => "this user may not read it",
        "42883" => "the key column is not of the key's type",
        "25006" => "the view tries to write",
        "1" => "a table, view or column is not there",
        _ => "see the engine's manual",
    };
    format!("code {code}: {meaning}")
}

#[cfg(test)]
mod tests;
