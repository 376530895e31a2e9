//! exchange

pub mod domain;
