//! workflow
pub mod answers;
pub mod case;
pub mod clock;
pub mod procedure;
