//! Time stamps over the journal: every minute one stamp covers all signatures since the last (facts section 8).
//!
//! Run by a timer. A hash chain is built over the signatures, its result is stamped by an authority of the directory
//! (RFC 3161), and each message keeps its own chain, so that it proves its time alone. When stamps have been missing
//! for too long the node takes no more messages: what can't be dated can't be defended later.

use kernel::{Fault, FaultKind, Id, Moment};
use trust::sigalg::Hash;
use trust::{asic, tsp};

use crate::Exchange;
use crate::sql;

/// Most messages under one stamp; the chain of each is then 10 steps long.
pub const BATCH_MAX: usize = 1_000;

impl Exchange {
    /// Stamps all messages that wait, in batches. Tells how many there were.
    ///
    /// # Errors
    /// No authority of the directory gives a time stamp; the messages go on waiting.
    pub async fn stamp(&self) -> Result<usize, Fault> {
        let mut stamped = 0;
        loop {
            let mut tx = self.inner.store.read().await?;
            let waiting = sql::unstamped(&mut tx, BATCH_MAX).await?;
            drop(tx);
            if waiting.is_empty() {
                break;
            }
            let result = self.stamp_batch(&waiting).await;
            if result.is_err() {
                self.note_backlog().await?;
            }
            result?;
            stamped += waiting.len();
        }
        self.note_backlog().await?;
        Ok(stamped)
    }

    async fn stamp_batch(&self, waiting: &[sql::Unstamped]) -> Result<(), Fault> {
        let signatures: Vec<&[u8]> = waiting
            .iter()
            .map(|message| message.signature.as_slice())
            .collect();
        let built = asic::stamp_chains(&signatures).map_err(Fault::internal)?;
        let token = self.fetch_stamp(built.result.as_bytes()).await?;
        let inner = &self.inner;
        let id = Id::new(&*inner.clock, &*inner.chance);
        let mut tx = inner.store.begin().await?;
        let result = Some(built.result.as_bytes());
        sql::insert_stamp(&mut tx, id, inner.clock.now(), result, &token).await?;
        for (message, chain) in waiting.iter().zip(&built.chains) {
            sql::set_stamp(&mut tx, message, id, Some(chain.as_bytes())).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A time stamp over `data` from the first authority that gives a good one.
    async fn fetch_stamp(&self, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let inner = &self.inner;
        let unavailable = || Fault::new(FaultKind::Unavailable, "fault-exchange-no-stamp");
        let view = inner
            .held
            .current(inner.clock.now())
            .ok_or_else(unavailable)?;
        let mut last = "the directory names no time stamping authority".to_owned();
        for (url, certificate) in view.stampers() {
            let request = tsp::Request::over(data, Hash::Sha512, &*inner.chance);
            let reply = inner
                .http
                .post(url, "application/timestamp-query", request.to_der())
                .await;
            let checked = match reply {
                Ok(reply) => request
                    .check(&reply.body, view.anchors())
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match checked {
                Ok(stamped) if stamped.unit().leaf() == certificate => {
                    return Ok(stamped.token().to_vec());
                }
                Ok(_) => {
                    last = "the time stamp is of a unit that the directory does not name".to_owned()
                }
                Err(cause) => last = cause,
            }
        }
        Err(unavailable().detail(last))
    }

    /// Remembers since when messages wait, so that each message need not ask the store.
    async fn note_backlog(&self) -> Result<(), Fault> {
        let mut tx = self.inner.store.read().await?;
        let (oldest, count) = sql::stamp_backlog(&mut tx).await?;
        self.inner.set_waiting_since(oldest);
        self.inner.meters.unstamped(count);
        Ok(())
    }
}

impl crate::Inner {
    /// Whether messages have been without time stamps for longer than the settings allow.
    pub(crate) fn stamps_are_late(&self, now: Moment) -> bool {
        let grace = self.settings.stamp_grace_seconds;
        let since = self
            .waiting_since
            .load(std::sync::atomic::Ordering::Relaxed);
        grace > 0 && since != 0 && now.seconds_since(Moment(since)) > grace
    }

    fn set_waiting_since(&self, oldest: Option<Moment>) {
        let micros = oldest.map_or(0, |moment| moment.0);
        self.waiting_since
            .store(micros, std::sync::atomic::Ordering::Relaxed);
    }
}
