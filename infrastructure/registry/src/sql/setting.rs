//! Settings of the register, and the number that grows with every change.

use store::{StoreError, Tx, params};

const GET: &str = "SELECT value FROM registry_setting WHERE name = $1";
const PUT: &str = "INSERT INTO registry_setting (name, value) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET value = $2";

/// The name of the number that grows.
const VERSION: &str = "version";

/// A setting's value.
pub async fn get(tx: &mut Tx, name: &str) -> Result<Option<String>, StoreError> {
    let row = tx.maybe(GET, &params![name]).await?;
    row.map(|row| row.text(0)).transpose()
}

/// Sets a value.
pub async fn put(tx: &mut Tx, name: &str, value: &str) -> Result<(), StoreError> {
    tx.execute(PUT, &params![name, value]).await.map(drop)
}

/// The register's version: 0 for an empty one.
pub async fn version(tx: &mut Tx) -> Result<u64, StoreError> {
    let text = get(tx, VERSION).await?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Marks that what is published has changed.
pub async fn changed(tx: &mut Tx) -> Result<(), StoreError> {
    let next = version(tx).await? + 1;
    put(tx, VERSION, &next.to_string()).await
}
