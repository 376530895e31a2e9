//! Deliveries that wait for a line or a provider.

use kernel::{Id, Moment};
use store::{Row, StoreError, Tx, params};

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRow {
    /// Ours; sorts by acceptance.
    pub id: Id,
    /// The asking subsystem.
    pub client: String,
    /// The message number.
    pub number: String,
    /// The provider's member.
    pub provider: String,
    /// Deliveries of one lane go in order; empty for none.
    pub lane: String,
    /// The request without its body, as JSON.
    pub request: String,
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// See `deliver::State`.
    pub state: String,
    /// Whether it may have arrived already.
    pub doubt: bool,
    /// Attempts so far.
    pub attempts: i64,
    /// The one server that it may be sent to, once it may have arrived there; empty for any.
    pub server: String,
    /// When it was accepted.
    pub accepted_at: Moment,
    /// When it is given up.
    pub expires_at: Moment,
    /// When its next attempt is due.
    pub next_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// Error code of the end.
    pub code: Option<String>,
    /// What last went wrong.
    pub cause: Option<String>,
    /// HTTP status of the answer.
    pub status: Option<i64>,
    /// Its headers, as JSON.
    pub headers: Option<String>,
    /// Its body.
    pub answer: Option<Vec<u8>>,
}

const INSERT: &str = "INSERT INTO exchange_outgoing (id, seq, client, number, provider, lane, request, body, bytes, state, doubt, \
     attempts, server, accepted_at, expires_at, next_at) \
     VALUES ($1, $11, $2, $3, $4, $5, $6, $7, $8, 'waiting', 0, 0, '', $9, $10, $9) ON CONFLICT (client, number) DO NOTHING";
const GET: &str = "SELECT id, client, number, provider, lane, request, body, state, doubt, attempts, server, accepted_at, \
     expires_at, next_at, ended_at, code, cause, status, headers, answer FROM exchange_outgoing \
     WHERE number = $1 ORDER BY id LIMIT 20";
const DUE: &str = "SELECT id, client, number, provider, lane, request, NULL, state, doubt, attempts, server, accepted_at, \
     expires_at, next_at, ended_at, code, cause, status, NULL, NULL FROM exchange_outgoing o \
     WHERE state = 'waiting' AND next_at <= $1 AND (lane = '' OR NOT EXISTS (SELECT 1 FROM exchange_outgoing e \
     WHERE e.lane = o.lane AND e.seq < o.seq AND e.state IN ('waiting', 'sending', 'unknown'))) \
     ORDER BY next_at, seq LIMIT $2";
const LISTED: &str = "SELECT id, client, number, provider, lane, request, NULL, state, doubt, attempts, server, accepted_at, \
     expires_at, next_at, ended_at, code, cause, status, NULL, NULL FROM exchange_outgoing \
     WHERE state IN ('waiting', 'sending', 'unknown') AND id > $1 ORDER BY id LIMIT $2";
const CLAIM: &str = "UPDATE exchange_outgoing SET state = 'sending', attempts = attempts + 1 \
     WHERE id = $1 AND state = 'waiting' RETURNING body";
const LEAVES: &str =
    "UPDATE exchange_outgoing SET doubt = 1, server = $2 WHERE id = $1 AND state = 'sending'";
const AGAIN: &str = "UPDATE exchange_outgoing SET state = 'waiting', doubt = $2, server = $3, next_at = $4, cause = $5 \
     WHERE id = $1 AND state = 'sending'";
const END: &str = "UPDATE exchange_outgoing SET state = $2, ended_at = $3, code = $4, cause = $5, status = $6, \
     headers = $7, answer = $8, body = NULL WHERE id = $1 AND state IN ('waiting', 'sending', 'unknown')";
const WITHDRAW: &str = "UPDATE exchange_outgoing SET state = 'withdrawn', ended_at = $2, body = NULL \
     WHERE id = $1 AND ((state = 'waiting' AND doubt = 0) OR state = 'unknown')";
const RETRY: &str = "UPDATE exchange_outgoing SET state = 'waiting', doubt = 0, server = '', next_at = $2, expires_at = $3, \
     ended_at = NULL WHERE id = $1 AND state = 'unknown'";
const TAKE_UP: &str =
    "UPDATE exchange_outgoing SET state = 'waiting', next_at = $1 WHERE state = 'sending'";
const WAKE: &str = "UPDATE exchange_outgoing SET next_at = $2 WHERE state = 'waiting' AND provider = $1 AND next_at > $2";
const NEXT: &str =
    "SELECT MIN(next_at) FROM exchange_outgoing WHERE state = 'waiting' AND next_at > $1";
const HELD: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT), MIN(accepted_at) FROM exchange_outgoing \
     WHERE state IN ('waiting', 'sending')";
const FORGET: &str = "DELETE FROM exchange_outgoing WHERE id IN (SELECT id FROM exchange_outgoing \
     WHERE ended_at IS NOT NULL AND ended_at < $1 AND state <> 'unknown' ORDER BY id LIMIT $2)";

fn outgoing(row: &Row) -> Result<OutgoingRow, StoreError> {
    Ok(OutgoingRow {
        id: row.id(0)?,
        client: row.text(1)?,
        number: row.text(2)?,
        provider: row.text(3)?,
        lane: row.text(4)?,
        request: row.text(5)?,
        body: row.opt_bytes(6)?,
        state: row.text(7)?,
        doubt: row.flag(8)?,
        attempts: row.int(9)?,
        server: row.text(10)?,
        accepted_at: row.moment(11)?,
        expires_at: row.moment(12)?,
        next_at: row.moment(13)?,
        ended_at: row.opt_moment(14)?,
        code: row.opt_text(15)?,
        cause: row.opt_text(16)?,
        status: row.opt_int(17)?,
        headers: row.opt_text(18)?,
        answer: row.opt_bytes(19)?,
    })
}

const NEXT_IN_ORDER: &str = "INSERT INTO exchange_counter (name, value) VALUES ('outgoing', 1) \
     ON CONFLICT (name) DO UPDATE SET value = exchange_counter.value + 1 RETURNING value";

/// The place in the order of acceptance; whoever comes at the same moment waits for the end of `tx`.
async fn next_in_order(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.one(NEXT_IN_ORDER, &[]).await?.int(0)
}

/// Enters a delivery; `false` if the client has used the number before.
pub async fn insert(tx: &mut Tx, row: &OutgoingRow) -> Result<bool, StoreError> {
    let bytes = row.request.len() + row.body.as_ref().map_or(0, Vec::len);
    let values = params![
        row.id,
        &row.client,
        &row.number,
        &row.provider,
        &row.lane,
        &row.request,
        row.body.clone(),
        bytes,
        row.accepted_at,
        row.expires_at,
        next_in_order(tx).await?,
    ];
    Ok(tx.execute(INSERT, &values).await? == 1)
}

/// The deliveries with a number: one for each client that used it.
pub async fn by_number(tx: &mut Tx, number: &str) -> Result<Vec<OutgoingRow>, StoreError> {
    let rows = tx.all(GET, &params![number]).await?;
    rows.iter().map(outgoing).collect()
}

/// Deliveries that are due, of each lane only the first that has not ended; without their bodies.
pub async fn due(tx: &mut Tx, now: Moment, limit: usize) -> Result<Vec<OutgoingRow>, StoreError> {
    let rows = tx.all(DUE, &params![now, limit]).await?;
    rows.iter().map(outgoing).collect()
}

/// Deliveries that have not ended or wait for a decision, oldest first, without their bodies.
pub async fn listed(
    tx: &mut Tx,
    after: &str,
    limit: usize,
) -> Result<Vec<OutgoingRow>, StoreError> {
    let rows = tx.all(LISTED, &params![after, limit]).await?;
    rows.iter().map(outgoing).collect()
}

/// Takes a waiting delivery for an attempt and gives its body; `None` if somebody else was faster or it was taken back.
pub async fn claim(tx: &mut Tx, id: Id) -> Result<Option<Option<Vec<u8>>>, StoreError> {
    let row = tx.maybe(CLAIM, &params![id]).await?;
    row.map(|row| row.opt_bytes(0)).transpose()
}

/// From here on the delivery may have arrived at `server`, and goes nowhere else.
pub async fn leaves(tx: &mut Tx, id: Id, server: &str) -> Result<(), StoreError> {
    tx.execute(LEAVES, &params![id, server]).await.map(drop)
}

/// Puts a delivery back for another attempt.
pub async fn again(
    tx: &mut Tx,
    id: Id,
    doubt: bool,
    server: &str,
    next_at: Moment,
    cause: &str,
) -> Result<(), StoreError> {
    let values = params![id, doubt, server, next_at, cause];
    tx.execute(AGAIN, &values).await.map(drop)
}

/// How a delivery ended.
#[derive(Clone, Debug, Default)]
pub struct End<'a> {
    /// `deliver::State`.
    pub state: &'a str,
    /// Error code.
    pub code: Option<String>,
    /// What went wrong.
    pub cause: Option<String>,
    /// HTTP status of the answer.
    pub status: Option<i64>,
    /// Its headers, as JSON.
    pub headers: Option<String>,
    /// Its body.
    pub answer: Option<Vec<u8>>,
}

/// Enters how a delivery ended. One whose fate is unknown keeps its body, so that it can be sent again.
pub async fn end(tx: &mut Tx, id: Id, at: Moment, end: End<'_>) -> Result<(), StoreError> {
    let sql = if end.state == "unknown" { DOUBT } else { END };
    let values = params![
        id,
        end.state,
        at,
        end.code,
        end.cause,
        end.status,
        end.headers,
        end.answer
    ];
    tx.execute(sql, &values).await.map(drop)
}

const DOUBT: &str = "UPDATE exchange_outgoing SET state = $2, ended_at = $3, code = $4, cause = $5, status = $6, \
     headers = $7, answer = $8 WHERE id = $1 AND state IN ('waiting', 'sending')";

/// Takes back what has not left, or closes what nobody knows about; `false` if it is too late.
pub async fn withdraw(tx: &mut Tx, id: Id, at: Moment) -> Result<bool, StoreError> {
    Ok(tx.execute(WITHDRAW, &params![id, at]).await? == 1)
}

/// Sends a delivery of unknown fate again, because its sender wants it; `false` if it is not one.
pub async fn retry(
    tx: &mut Tx,
    id: Id,
    now: Moment,
    expires_at: Moment,
) -> Result<bool, StoreError> {
    Ok(tx.execute(RETRY, &params![id, now, expires_at]).await? == 1)
}

/// Puts back what was being sent when the process ended; it stays in doubt.
pub async fn take_up(tx: &mut Tx, now: Moment) -> Result<u64, StoreError> {
    tx.execute(TAKE_UP, &params![now]).await
}

/// Makes everything due that waits for a provider who is back.
pub async fn wake(tx: &mut Tx, provider: &str, now: Moment) -> Result<u64, StoreError> {
    tx.execute(WAKE, &params![provider, now]).await
}

/// When the next delivery becomes due after a moment.
pub async fn next(tx: &mut Tx, now: Moment) -> Result<Option<Moment>, StoreError> {
    tx.one(NEXT, &params![now]).await?.opt_moment(0)
}

/// How many deliveries have not ended, how many bytes they hold, and since when the oldest waits.
pub async fn held(tx: &mut Tx) -> Result<(i64, i64, Option<Moment>), StoreError> {
    let row = tx.one(HELD, &[]).await?;
    Ok((row.int(0)?, row.int(1)?, row.opt_moment(2)?))
}

const HELD_FOR: &str = "SELECT provider, COUNT(*), MIN(accepted_at) FROM exchange_outgoing \
     WHERE state IN ('waiting', 'sending') GROUP BY provider ORDER BY COUNT(*) DESC, provider LIMIT $1";

/// The same for each provider, those with most first.
pub async fn held_for(tx: &mut Tx, limit: usize) -> Result<Vec<(String, i64, Moment)>, StoreError> {
    let rows = tx.all(HELD_FOR, &params![limit]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.int(1)?, row.moment(2)?)))
        .collect()
}

/// Forgets deliveries that ended before a moment; their messages stay in the log.
pub async fn forget(tx: &mut Tx, before: Moment, limit: usize) -> Result<u64, StoreError> {
    tx.execute(FORGET, &params![before, limit]).await
}
