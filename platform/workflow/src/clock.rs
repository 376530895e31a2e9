//! The law's clock: business days, reception, time limits, suspension and silence, as pure functions.
//!
//! Read by whoever needs to know when something is due. It promises the same answer for the same arguments: no clock
//! and no store is read here. It refuses a calendar without a single business day. Everything happens in the body's
//! own time zone. Articles are those of Peru's Law 27444 in its single ordered text (DS 004-2019-JUS), the original
//! numbering in brackets; another country's rules are other data in [`Calendar`] and [`Reception`].

mod calendar;
mod reception;
mod term;
#[cfg(test)]
mod tests;

pub use calendar::{Calendar, CalendarError, Holiday, Hours};
pub use reception::{CutOff, Reception, ReceptionPolicy};
pub use term::{Pause, Term, Timeline};
