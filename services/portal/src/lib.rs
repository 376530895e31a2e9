//! The portal: where citizens find, fill in, file and follow procedures, and officials handle them.

mod domain;
mod pages;
mod views;

use kernel::Locale;

/// The portal's texts.
pub const TEXTS: &[(Locale, &str)] = &[
    (Locale::Es, include_str!("../texts/es.ftl")),
    (Locale::Qu, include_str!("../texts/qu.ftl")),
    (Locale::En, include_str!("../texts/en.ftl")),
];
