//! PAdES: putting a signature into a reserved field of a PDF, and judging the signatures of any PDF.
//!
//! `sign` appends one revision to the file and changes one field; `verify` believes nothing about a file and tells
//! its judgement in the words of ETSI EN 319 102-1. Formats: ISO 32000-1 section 12.8, ETSI EN 319 142-1.

mod dates;
mod revisions;
mod sign;
mod signatures;
mod slot;
mod verdict;
mod verify;

pub use sign::{AskFn, Identity, Stamper, sign};
pub use slot::{Claim, Hole, SlotError};
pub use verdict::{Indication, Reason, SignatureReport, State, Step, Verdict};
pub use verify::{PDF_BYTES_MAX, Verifier};

#[cfg(test)]
mod tests;
