//! documents

pub mod paper;
pub mod pdf;

#[cfg(test)]
mod sample;
