//! Time stamps over the journal: every minute one stamp covers all signatures since the last (facts section 8).
//!
//! Run by a timer. A hash chain is built over the signatures of some turns of the journal, and its result is stamped by
//! an authority of the directory (RFC 3161). The chain of one message is written when its container is asked for, from
//! the digests that the turns keep, so that stamping writes nothing per message. When stamps have been missing for too
//! long the node takes no more messages: what can't be dated can't be defended later.

use kernel::{Fault, FaultKind, Moment};
use store::{StoreError, Tx};
use trust::asic::{self, BatchStamp};
use trust::sigalg::Hash;
use trust::tsp;

use crate::Exchange;
use crate::record::sha256;
use crate::sql::{self, StampRow};

/// Signatures after which a stamp takes no more turns; the chain of each is then at most 14 steps long.
pub const BATCH_MAX: usize = 10_000;
/// Turns read at a time.
const TURNS_MAX: usize = 500;

impl Exchange {
    /// Stamps all messages that wait, in batches. Tells how many signatures there were.
    ///
    /// # Errors
    /// No authority of the directory gives a time stamp; the messages go on waiting.
    pub async fn stamp(&self) -> Result<usize, Fault> {
        let mut stamped = 0;
        loop {
            let (turns, digests) = self.unstamped().await?;
            if digests.is_empty() {
                break;
            }
            let count = digests.len();
            let result = self.stamp_batch(turns, digests).await;
            if result.is_err() {
                self.note_backlog().await?;
            }
            result?;
            stamped += count;
        }
        self.note_backlog().await?;
        Ok(stamped)
    }

    /// The oldest turns without stamp, with the digests of their signatures.
    async fn unstamped(&self) -> Result<((i64, i64), Vec<[u8; 32]>), Fault> {
        let mut tx = self.inner.store.read().await?;
        let stamped = sql::last_stamped(&mut tx).await?;
        let mut digests = Vec::new();
        let mut last = stamped;
        loop {
            let turns = sql::turns(&mut tx, (last + 1, i64::MAX), TURNS_MAX).await?;
            for turn in &turns {
                digests.extend_from_slice(turn.digests.as_chunks().0);
                last = turn.turn;
                if digests.len() >= BATCH_MAX {
                    return Ok(((stamped + 1, last), digests));
                }
            }
            if turns.len() < TURNS_MAX {
                return Ok(((stamped + 1, last), digests));
            }
        }
    }

    async fn stamp_batch(&self, turns: (i64, i64), digests: Vec<[u8; 32]>) -> Result<(), Fault> {
        // Some thousand digests take milliseconds, for which no message should wait.
        let result = move || asic::stamp_tree(&digests).map(|tree| tree.result().into_bytes());
        let chain_result = tokio::task::spawn_blocking(result).await;
        let chain_result = chain_result
            .map_err(Fault::internal)?
            .map_err(Fault::internal)?;
        let token = self.fetch_stamp(&chain_result).await?;
        let inner = &self.inner;
        let stamp = StampRow {
            turns,
            chain_result,
            token,
        };
        let mut tx = inner.store.begin().await?;
        sql::insert_stamp(&mut tx, inner.clock.now(), &stamp).await?;
        Ok(tx.commit().await?)
    }

    /// The stamp over a message, as its container holds it; `None` if its turn has none yet.
    pub(crate) async fn batch_stamp(
        &self,
        turn: i64,
        signature: &[u8],
    ) -> Result<Option<BatchStamp>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let Some(stamp) = sql::stamp_of(&mut tx, turn).await? else {
            return Ok(None);
        };
        let digests = stamped_digests(&mut tx, stamp.turns).await?;
        let wanted = sha256(signature);
        let missing = || Fault::internal("a stamped signature is not among its batch");
        let at = digests.iter().position(|digest| *digest == wanted);
        let at = at.ok_or_else(missing)?;
        let tree = asic::stamp_tree(&digests).map_err(Fault::internal)?;
        Ok(Some(BatchStamp {
            result: stamp.chain_result,
            chain: tree.chain(at).ok_or_else(missing)?.into_bytes(),
            token: stamp.token,
        }))
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
                    .check(&reply.body, view.stamp_anchors())
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

/// The digests that a stamp over these turns covers, in its order.
pub(crate) async fn stamped_digests(
    tx: &mut Tx,
    (mut next, last): (i64, i64),
) -> Result<Vec<[u8; 32]>, StoreError> {
    let mut digests: Vec<[u8; 32]> = Vec::new();
    while next <= last {
        let turns = sql::turns(tx, (next, last), TURNS_MAX).await?;
        let Some(end) = turns.last().map(|turn| turn.turn) else {
            break;
        };
        for turn in &turns {
            digests.extend_from_slice(turn.digests.as_chunks().0);
        }
        next = end + 1;
    }
    Ok(digests)
}
