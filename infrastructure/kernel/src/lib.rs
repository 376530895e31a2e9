//! The words of the house: time, chance, identifiers, actors, languages, faults.
//!
//! Every crate reads this one, so it stays small and seldom changes. It promises plain values without I/O;
//! it knows nothing of databases, networks, pages or any single country.

pub mod actor;
pub mod chance;
pub mod fact;
pub mod fault;
pub mod id;
pub mod locale;
pub mod party;
pub mod scheme;
pub mod time;

pub use actor::{Actor, Assurance, Role};
pub use chance::{Chance, SeededChance, SystemChance};
pub use fact::Fact;
pub use fault::{Fault, FaultKind};
pub use id::Id;
pub use locale::Locale;
pub use party::{MemberId, Party, ServerId, ServiceId, SubsystemId};
pub use scheme::Scheme;
pub use time::{Clock, Moment, SetClock, ShiftedClock, SystemClock};
