//! What can go wrong in the store. Everybody above turns it into a `Fault`; the detail goes to the log only.

use kernel::{Fault, FaultKind};

/// SQLite's result code SQLITE_FULL, and PostgreSQL's SQLSTATE `disk_full`.
const FULL: [&str; 2] = ["13", "53100"];

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
        matches!(self, Self::Engine(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether the engine has no room left on its disk.
    pub fn is_full(&self) -> bool {
        let Self::Engine(sqlx::Error::Database(error)) = self else {
            return false;
        };
        error.code().is_some_and(|code| FULL.contains(&&*code))
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
