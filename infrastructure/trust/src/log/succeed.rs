//! A log that goes on under a new name, after a store was put back from an old copy.
//!
//! Read by the operator's restore. The witness knows that the log named before had more entries, so that name may sign
//! nothing more (see `ask`). The successor takes over every entry that is left, in its place, under the name with the
//! next number: `x/log`, `x/log/2`, `x/log/3`. Promises that this is visible to everybody: the name tells it, the
//! first new entry tells from where it went on, and the former checkpoints stay. Proofs handed out before stay good.

use store::Store;

use super::entry::Entry;
use super::journal::{Log, LogError, LogSettings};
use super::merkle::sha256;
use super::note::{NoteFault, VerifierKey};
use super::sql;
use super::tiles::number;

/// Kind of the entry with which a successor begins.
pub const SUCCEEDED: &str = "log.succeeded";

/// The name before the number, and the number; a name without one is the first.
fn split(origin: &str) -> (&str, u64) {
    match origin.rsplit_once('/') {
        Some((base, tail)) => match number(tail) {
            Some(nth) if nth >= 2 => (base, nth),
            _ => (origin, 1),
        },
        None => (origin, 1),
    }
}

/// Whether `origin` is the log `base` or one of its successors.
pub fn continues(base: &str, origin: &str) -> bool {
    origin == base || (split(origin).1 > 1 && split(origin).0 == base)
}

/// The first log of the line to which `origin` belongs, if it is a successor.
pub fn first_of(origin: &str) -> Option<&str> {
    let (base, nth) = split(origin);
    (nth > 1).then_some(base)
}

/// The name after `origin`.
fn next_name(origin: &str) -> String {
    let (base, nth) = split(origin);
    format!("{base}/{}", nth + 1)
}

impl VerifierKey {
    /// This key under the name of a successor of its log; `None` if `origin` is another log's.
    pub fn under(&self, origin: &str) -> Option<Result<Self, NoteFault>> {
        continues(self.name(), origin).then(|| Self::new(origin, self.kind(), *self.public()))
    }
}

impl Log {
    /// Goes on under the next name, with all entries that the store has; an operator's act on a stopped node.
    ///
    /// # Errors
    /// As `open`; what is stored must be sound.
    pub async fn succeed(store: Store, settings: LogSettings) -> Result<Self, LogError> {
        let (key, secret) = (settings.key.clone(), settings.secret.clone());
        let witness = settings.witness.clone();
        let before = Self::open(store.clone(), settings).await?;
        let mut tx = store.begin().await?;
        let head = sql::lock_head(&mut tx).await?;
        before.stored_head(&mut tx, &head).await?;
        let last = sql::last_checkpoint(&mut tx)
            .await?
            .ok_or(LogError::Damaged("no checkpoint"))?;
        let name = next_name(&head.origin);
        sql::retire_checkpoints(&mut tx, &head.origin).await?;
        sql::rename_head(&mut tx, &name).await?;
        let now = store.clock().now();
        let entry = Entry::new(SUCCEEDED, now, sha256(last.note.as_bytes()))
            .note("former", head.origin)
            .note("size", head.size.to_string());
        before.enter(&mut tx, entry).await?;
        let after = Self::with(
            store,
            LogSettings {
                key: key.renamed(&name)?,
                secret,
                witness,
            },
        );
        after.sign_stored(&mut tx, head.size).await?;
        tx.commit().await?;
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_on() {
        assert_eq!(next_name("pe.gov.1/log"), "pe.gov.1/log/2");
        assert_eq!(next_name("pe.gov.1/log/2"), "pe.gov.1/log/3");
        assert!(continues("a/log", "a/log") && continues("a/log", "a/log/17"));
        for other in [
            "a/log/1",
            "a/log/02",
            "a/log/x",
            "a/log/2/3",
            "b/log/2",
            "a/log2",
            "a/log/",
        ] {
            assert!(!continues("a/log", other), "{other}");
        }
        assert_eq!(
            (first_of("a/log/2"), first_of("a/log"), first_of("2")),
            (Some("a/log"), None, None)
        );
    }
}
