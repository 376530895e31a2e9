//! documents

pub mod blobs;
pub mod domain;
pub mod mime;
pub mod pades;
pub mod paper;
pub mod pdf;
pub mod settings;
mod sql;

#[cfg(test)]
mod testing;
