//! 'Why did this fail': follows a message through both nodes, step by step, and says what to do.
//!
//! Read by the page, by `tambo why` and, through the built-in service `why`, by the other node. It promises that the
//! other node tells a member about messages of that member alone, and that what could not be learnt is told as such.

mod diagnosis;
mod told;
mod trail;

pub use self::diagnosis::{Diagnosis, Noticed, Stage};
pub use self::told::{AgreementState, NodeState, Seen, SeenRefusal, ServiceState, Told};
pub use self::trail::{Mark, Note, Other, Step, Trail};
pub use crate::pages::why::note_text;

/// Code of the built-in service.
pub const SERVICE: &str = "why";
