//! The exchange's words and pure decisions: no I/O, no async, no clock.
//!
//! Everything that reads foreign bytes lives here, so that it can be fuzzed and property-tested alone. It promises
//! never to panic on any input and refuses whatever it can't read back to the same bytes.

pub mod agreement;
pub mod codes;
pub mod message;
pub mod multipart;
pub mod path;
