//! Every statement of this crate, by table. Read by the stories; nothing above writes SQL.

mod case;
mod draft;
mod fact;
mod trail;

use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Migration, Row, StoreError, Tx, params};

pub use case::{
    Counts, Place, Stored, by_code, by_key, cases_of, counts, cure_over, desk, get, insert,
    silence_due, update,
};
pub use draft::{
    Draft, DraftFact, draft, draft_facts, draft_remove, draft_save, drafts_forget, drafts_of,
    remember,
};
pub use fact::{
    NeedRow, facts, need, need_done, need_drop, need_failed, need_insert, needs, pending_count,
    put_fact,
};
pub use trail::{Event, Order, Signer, event, events, order, order_done, order_put, orders};

/// The tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "workflow",
    sql: include_str!("../migrations/0001_workflow.sql"),
}];

const NEXT: &str = "INSERT INTO workflow_counter (series, year, last) VALUES ($1, $2, 1)
    ON CONFLICT (series, year) DO UPDATE SET last = workflow_counter.last + 1 RETURNING last";

/// The next number of `series` in `year`, beginning with 1. Gaps appear only if the transaction is dropped.
pub async fn next_number(tx: &mut Tx, series: &str, year: i64) -> Result<i64, StoreError> {
    tx.one(NEXT, &params![series, year]).await?.int(0)
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("these types always serialise")
}

fn read_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, StoreError> {
    from_json(&row.text(index)?, index)
}

fn from_json<T: DeserializeOwned>(text: &str, index: usize) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Column {
        index,
        expected: "our JSON",
    })
}

fn read_code<T>(
    row: &Row,
    index: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(&row.text(index)?).ok_or(StoreError::Column {
        index,
        expected: "a known code",
    })
}
