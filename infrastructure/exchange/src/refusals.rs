//! Attempts that were refused before the journal: kept in a table of bounded length, so that they can be explained.
//!
//! Written by `ask`, `answer` and `systems` at the moment of the refusal; read by `why` and the reports. It holds who
//! claimed what and which step failed, never about whom was asked. A flood is written at a bounded rate: what is over
//! it stands in the operator's log alone. Failing to keep an attempt never changes the answer.

use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Fault, Id, Party, ServiceId};
use web::limits::Buckets;

use crate::Exchange;
use crate::ask::AskError;
use crate::sql::refusal::{self as sql, RefusalRow};
use crate::why::{Diagnosis, Noticed};

/// Attempts that are kept: some weeks of usual trouble, about 8 MB.
pub const KEPT_MAX: usize = 20_000;
/// Attempts between two prunings.
const PRUNE_EVERY: u64 = 256;
/// Attempts kept at once after a pause.
const BURST: u32 = 500;
/// Attempts kept per second in the long run.
const PER_SECOND: u32 = 20;
/// Longest foreign text that is kept, in characters.
const TEXT_CHARS_MAX: usize = 300;

/// Counts what is kept.
pub(crate) struct Ledger {
    buckets: Buckets,
    entered: AtomicU64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            buckets: Buckets::new(BURST, PER_SECOND),
            entered: AtomicU64::new(0),
        }
    }
}

/// What is known of a refused attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempt {
    /// `client`, `provider` or `system`.
    pub side: &'static str,
    /// SHA-256 of the peer's certificate.
    pub peer: Option<String>,
    /// Who it claims to be.
    pub client: Option<String>,
    /// What it wants.
    pub service: Option<String>,
    /// Its message number.
    pub number: Option<String>,
}

impl Attempt {
    /// An attempt of this body.
    pub(crate) fn ours(client: &Party, service: &ServiceId, number: &str) -> Self {
        Self {
            side: "client",
            peer: None,
            client: Some(client.to_string()),
            service: Some(service.to_string()),
            number: Some(number.to_owned()),
        }
    }
}

impl Exchange {
    /// Keeps why a question of ours failed.
    pub(crate) async fn note_failure(&self, noticed: Noticed, attempt: Attempt, error: &AskError) {
        let reference = self.inner.chance.uuid();
        let code = error.code();
        self.note_refusal(&reference, noticed, attempt, &code, &error.to_string())
            .await;
    }

    /// Keeps a refused attempt under the reference that the sender is told.
    pub(crate) async fn note_refusal(
        &self,
        reference: &str,
        noticed: Noticed,
        attempt: Attempt,
        code: &str,
        cause: &str,
    ) {
        let inner = &self.inner;
        let now = inner.clock.now();
        if !inner.ledger.buckets.take(attempt.side, now) {
            return;
        }
        let row = RefusalRow {
            id: Id::new(&*inner.clock, &*inner.chance),
            reference: reference.to_owned(),
            at: now,
            side: attempt.side.to_owned(),
            peer: attempt.peer,
            client: attempt.client.as_deref().map(short),
            service: attempt.service.as_deref().map(short),
            number: attempt.number.as_deref().map(short),
            step: Diagnosis::of(noticed, code, cause).stage.word().to_owned(),
            code: short(code),
            cause: short(cause),
        };
        if let Err(fault) = self.enter_refusal(&row).await {
            tracing::warn!(%fault, %reference, "a refused attempt could not be kept");
        }
    }

    async fn enter_refusal(&self, row: &RefusalRow) -> Result<(), Fault> {
        let mut tx = self.inner.store.begin().await?;
        sql::insert(&mut tx, row).await?;
        if self.inner.ledger.entered.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY
            == PRUNE_EVERY - 1
        {
            sql::prune(&mut tx, KEPT_MAX).await?;
        }
        Ok(tx.commit().await?)
    }
}

fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(TEXT_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use store::testing::both;

    use super::*;

    #[tokio::test]
    async fn the_oldest_are_forgotten() {
        both(|store| async move {
            store
                .migrate(&[("exchange", crate::MIGRATIONS)])
                .await
                .unwrap();
            let mut tx = store.begin().await.unwrap();
            for at in 0..10 {
                let row = RefusalRow {
                    id: Id::new(store.clock().as_ref(), store.chance().as_ref()),
                    reference: format!("r{at}"),
                    at: store.clock().now(),
                    side: "client".into(),
                    peer: None,
                    client: None,
                    service: None,
                    number: Some("n".into()),
                    step: "line".into(),
                    code: "c".into(),
                    cause: String::new(),
                };
                sql::insert(&mut tx, &row).await.unwrap();
            }
            assert_eq!(sql::prune(&mut tx, 3).await.unwrap(), 7);
            assert_eq!(sql::by_number(&mut tx, "n").await.unwrap().len(), 3);
            assert_eq!(sql::prune(&mut tx, 3).await.unwrap(), 0);
        })
        .await;
    }

    #[test]
    fn foreign_text_is_cut_and_cleaned() {
        assert_eq!(short("a\nb\0c"), "abc");
        assert_eq!(short(&"ñ".repeat(999)).chars().count(), TEXT_CHARS_MAX);
    }
}
