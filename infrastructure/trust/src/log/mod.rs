//! The transparency log: every act that somebody may have to answer for is an entry that can't be taken back unseen.
//!
//! Read by every crate that enters acts, by auditors, and by whoever verifies a proof. The wire is C2SP tlog-tiles
//! with RFC 6962 hashing; checkpoints are signed notes that witnesses cosign. Promises that an entry staged in a
//! transaction is in the log once that transaction commits; refuses personal data: a subject appears as a commitment.

pub mod ask;
pub mod check;
pub mod checkpoint;
pub mod entry;
mod http;
pub mod journal;
pub mod merkle;
pub mod note;
pub mod past;
pub mod proof;
pub mod prove;
mod sql;
pub mod succeed;
pub mod tiles;
pub mod witness;

#[cfg(test)]
mod tests;

pub use ask::WitnessPeer;
pub use check::{Finding, LogReport, Place};
pub use entry::{Entry, Pseudonym, PseudonymSecret};
pub use http::{log_routes, room, witness_routes};
pub use journal::{Log, LogError, LogSettings, Prepared, Standing};
pub use note::{NoteKey, SignatureKind, VerifierKey};
pub use proof::{Confirmed, LogTrust, ProofFile};
pub use sql::MIGRATIONS;
pub use witness::Witness;
