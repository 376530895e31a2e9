//! Every statement of the register, one file per topic, and the rows as values. It decides nothing.

pub mod application;
pub mod group;
pub mod link;
pub mod member;
pub mod server;
pub mod setting;

use store::Migration;

/// The tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "registry",
    sql: include_str!("../migrations/1_registry.sql"),
}];

/// Most rows of one page of a list.
pub const PAGE_ROWS: usize = 50;
/// Most rows of the whole register that the published model takes: X-Road's largest ecosystems have some thousand.
pub const ALL_ROWS: i64 = 100_000;

/// `limit` as a value.
fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(ALL_ROWS)
}
