//! A long past for a log, made at once: for measuring what a log's length costs.
//!
//! Read by `tambo bench` and tests. Entries, tiles and checkpoints are what they would be had the entries come one by
//! one: `check` finds nothing to say about them. Nothing that serves a real body uses it.

use kernel::Id;
use store::{Script, Tx, params};

use super::entry::Entry;
use super::journal::{Log, LogError, grow, trouble};
use super::sql;

impl Log {
    /// Enters acts with their places under one new checkpoint, each under the identifier given with it; identifiers go
    /// up. Staged entries of before come after them.
    ///
    /// # Errors
    /// An entry is beyond its limits, or the store failed or is damaged.
    pub async fn enter_past(&self, tx: &mut Tx, entries: Vec<(Id, Entry)>) -> Result<(), LogError> {
        let head = sql::lock_head(tx).await?;
        trouble(&head)?;
        let mut tiles = self.stored_head(tx, &head).await?;
        let count = entries.len() as u64;
        let (mut leaves, mut rows) = (Vec::new(), Vec::with_capacity(7 * entries.len()));
        for (index, (id, entry)) in (head.size..).zip(entries) {
            let values = self.prepare_as(id, entry)?.values;
            if let [.., store::Value::Bytes(Some(leaf)), _] = &values {
                leaves.push(leaf.clone());
            }
            rows.extend(values);
            rows.extend(params![index]);
        }
        let changed = grow(&mut tiles, head.size, leaves.iter().map(Vec::as_slice))?;
        let mut script = Script::default();
        script.add(&sql::ENTRIES_PAST, rows);
        tx.run(script).await?;
        self.sign_grown(tx, (&tiles, changed), head.size + count)
            .await
    }

    /// Drops the index by whom entries concern before a long past is entered, and makes it anew afterwards.
    ///
    /// # Errors
    /// The store failed.
    pub async fn index_persons(&self, tx: &mut Tx, is_wanted: bool) -> Result<(), LogError> {
        Ok(sql::index_about(tx, is_wanted).await?)
    }
}
