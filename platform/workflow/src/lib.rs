//! workflow
pub mod case;
pub mod clock;
pub mod procedure;
