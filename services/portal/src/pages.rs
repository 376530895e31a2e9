//! The portal's pages: plain values in, a response out. Read by `http.rs`.
//!
//! They promise HTML that works without script and by keyboard, and they refuse to decide anything: what is shown was
//! decided by the stories.

pub mod case;
pub mod cases;
pub mod catalogue;
pub mod check;
pub mod cord;
pub mod desk;
pub mod desk_case;
pub mod field;
pub mod form;
pub mod home;
pub mod my_data;
pub mod parts;
pub mod procedure;
pub mod qr;
pub mod receipt;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
