//! A simulated country: people, firms and registries with a seed, from which demos, tests and load runs are made.

pub mod country;
pub mod districts;
pub mod people;
pub mod registries;
pub mod stories;
pub mod storm;

pub use people::Population;
pub use registries::Registries;
