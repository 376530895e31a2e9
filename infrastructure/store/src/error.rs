//! What can go wrong in the store. Everybody above turns it into a `Fault`; the detail goes to the log only.

use kernel::{Fault, FaultKind};

/// SQLite's result code SQLITE_FULL, and PostgreSQL's SQLSTATE `disk_full`.
const FULL: [&str; 2] = ["13", "53100"];

/// SQLite's extended result codes SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE.
const UNIQUE: [i32; 2] = [1_555, 2_067];

/// The text key of the fault that a full disk becomes.
pub const FULL_KEY: &str = "fault-full";

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is neither `sqlite:PATH` nor `postgres://...`.
    #[error("not a store address: {0:?}; expected sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Address(String),
    /// The engine refused or is away.
    #[error("the database failed: {0}")]
    Engine(#[from] sqlx::Error),
    /// SQLite refused a script.
    #[error("the database failed: {0}")]
    Script(#[from] rusqlite::Error),
    /// A row that must be there is not.
    #[error("no row where one was expected")]
    Absent,
    /// A column holds another type than the caller reads.
    #[error("column {index} is not {expected}")]
    Column {
        /// Position in the row.
        index: usize,
        /// What the caller asked for.
        expected: &'static str,
    },
    /// A migration was changed after it ran, or the data come from a newer program.
    #[error("migration {room}/{version}: {problem}")]
    Migration {
        /// The crate.
        room: String,
        /// The migration's number.
        version: i64,
        /// What is wrong.
        problem: String,
    },
    /// An export can't be read.
    #[error("the export is damaged: {0}")]
    Export(String),
}

impl StoreError {
    /// Whether a row with the same key is already there.
    pub fn is_duplicate(&self) -> bool {
        match self {
            Self::Engine(sqlx::Error::Database(error)) => error.is_unique_violation(),
            Self::Script(error) => {
                let code = error.sqlite_error().map(|error| error.extended_code);
                code.is_some_and(|code| UNIQUE.contains(&code))
            }
            _ => false,
        }
    }

    /// Whether the engine has no room left on its disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Engine(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| FULL.contains(&&*code))
            }
            Self::Script(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            _ => false,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        if error.is_full() {
            return Fault::new(FaultKind::Unavailable, FULL_KEY).detail(error);
        }
        let kind = match &error {
            StoreError::Absent => FaultKind::Missing,
            StoreError::Engine(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) => {
                FaultKind::Unavailable
            }
            _ => FaultKind::Internal,
        };
        let key = match kind {
            FaultKind::Missing => "fault-missing",
            FaultKind::Unavailable => "fault-unavailable",
            _ => "fault-internal",
        };
        Fault::new(kind, key).detail(error)
    }
}
