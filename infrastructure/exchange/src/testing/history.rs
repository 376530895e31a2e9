//! A long past for a body's journal and log, to see whether their length costs anything.
//!
//! Read by `tambo bench`. Each exchange has the rows of a real one: a question with two messages, persons' pseudonyms,
//! an entry in the log with its place; `tambo check` finds the log whole. What is synthetic: the messages are filling of
//! a given length under signatures that nobody made, fifty exchanges lie in a turn, and all lie half a second
//! apart. The indexes whose rows come at random places are made at the end.

use kernel::{Fault, Id, Moment, SetClock};
use store::{Script, Store, Tx, Value, params};
use trust::log::{Entry, Log, LogError, Pseudonym};

use crate::Exchange;
use crate::domain::multipart::Envelope;
use crate::record::{Parts, Record, sha256};
use crate::sql::past as rows;

/// Exchanges in one transaction.
const ACT: usize = 10_000;
/// Exchanges in one turn of the journal.
const TURN: usize = 50;
/// Between two exchanges, in microseconds.
const PACE: i64 = 500_000;
/// The past ends so many seconds ago: old enough to be archived.
const AGO: i64 = 3_600;
/// Persons who were asked about.
const PERSONS: usize = 100_000;

/// What kind of past.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Exchanges, each with two messages.
    pub exchanges: usize,
    /// Bytes of each message.
    pub bytes: usize,
    /// Whether numbers are random, as other programs make them; ours sort by time.
    pub scattered: bool,
}

/// The national number of one of the persons who were asked about.
pub fn person(number: usize) -> String {
    format!("4{:07}", number % PERSONS)
}

/// Enters a past, unless one lies there already.
///
/// # Errors
/// The store failed, or holds a shorter past.
pub async fn lengthen(store: &Store, log: &Log, past: Past) -> Result<(), LogError> {
    let held = usize::try_from(log.standing().await?.size).unwrap_or(usize::MAX);
    if held >= past.exchanges {
        return Ok(());
    }
    if held > 0 {
        return Err(LogError::Damaged(
            "the folder holds a shorter past: name another",
        ));
    }
    let mut tx = store.begin().await?;
    rows::index(&mut tx, false).await?;
    log.index_persons(&mut tx, false).await?;
    tx.commit().await?;
    let persons: Vec<Pseudonym> = (0..PERSONS).map(|n| log.pseudonym(&person(n))).collect();
    let mut maker = Maker {
        past,
        persons,
        record: record(past.bytes),
        first: first(store.clock().now(), past.exchanges),
    };
    for from in (0..past.exchanges).step_by(ACT) {
        let to = past.exchanges.min(from + ACT);
        let mut tx = store.begin().await?;
        maker.enter(&mut tx, log, from..to).await?;
        tx.commit().await?;
    }
    let mut tx = store.begin().await?;
    rows::index(&mut tx, true).await?;
    log.index_persons(&mut tx, true).await?;
    Ok(tx.commit().await?)
}

fn first(now: Moment, exchanges: usize) -> Moment {
    let span = i64::try_from(exchanges)
        .unwrap_or(i64::MAX)
        .saturating_mul(PACE);
    Moment(now.plus_seconds(-AGO).0.saturating_sub(span))
}

/// A message whose signature is no text, so that all of it lies in the record.
fn record(bytes: usize) -> (Record, [u8; 32]) {
    let signature = vec![0xff; 64];
    let digest = sha256(&signature);
    let envelope = Envelope {
        rest: vec![b'x'; bytes.saturating_sub(signature.len())].into(),
        signature,
        ..Envelope::default()
    };
    (Parts::default().write(&envelope), digest)
}

struct Maker {
    past: Past,
    persons: Vec<Pseudonym>,
    record: (Record, [u8; 32]),
    first: Moment,
}

impl Maker {
    async fn enter(
        &mut self,
        tx: &mut Tx,
        log: &Log,
        range: std::ops::Range<usize>,
    ) -> Result<(), LogError> {
        let mut turn = rows::last_turn(tx).await?;
        let (mut turns, mut questions, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for from in range.clone().step_by(TURN) {
            turn += 1;
            let mut records = Vec::new();
            let count = TURN.min(range.end - from);
            for number in from..from + count {
                let places = [0, 1].map(|_| {
                    let start = i64::try_from(records.len()).unwrap_or(i64::MAX);
                    self.record.0.append_to(&mut records, None);
                    start
                });
                let (row, entry) = self.exchange(log, number, (turn, places));
                questions.extend(row);
                entries.push(entry);
            }
            let digests = self.record.1.repeat(2 * count);
            turns.extend(params![turn, self.at(from), 2 * count, digests, records]);
        }
        let mut script = Script::default();
        script.add(&rows::TURNS, turns);
        script.add(&rows::QUESTIONS, questions);
        tx.run(script).await?;
        log.enter_past(tx, entries).await
    }

    fn at(&self, number: usize) -> Moment {
        Moment(self.first.0 + i64::try_from(number).unwrap_or(0) * PACE)
    }

    /// The row of a question, and its entry.
    fn exchange(
        &self,
        log: &Log,
        number: usize,
        (turn, places): (i64, [i64; 2]),
    ) -> ([Value; 20], (Id, Entry)) {
        let chance = log.store().chance();
        let at = self.at(number);
        let clock = SetClock::at(at);
        let (id, entry_id) = (Id::new(&clock, &**chance), Id::new(&clock, &**chance));
        let uuid = if self.past.scattered {
            chance.uuid()
        } else {
            chance.uuid_at(at)
        };
        let named = format!("PE-{uuid}");
        let (client, service) = (super::asking().to_string(), super::persons().to_string());
        let about = self.persons[number * 7_919 % PERSONS];
        let entry = Entry::new("exchange.answered", at, self.record.1)
            .note("number", &named)
            .note("client", &client)
            .note("service", &service)
            .note("purpose", super::PURPOSE)
            .note("agreement", "AG-0")
            .about(about);
        let none: Option<String> = None;
        let row = params![
            id,
            "provider",
            named,
            client,
            service,
            super::PURPOSE,
            none.clone(),
            "AG-0",
            about.to_string(),
            "person.name,over18",
            none.clone(),
            at,
            "answered",
            none,
            Moment(at.0 + 5_000),
            entry_id,
            turn,
            places[0],
            turn,
            places[1],
        ];
        (row, (entry_id, entry))
    }
}

/// Message numbers and log entries from all over a past of so many exchanges.
///
/// # Errors
/// The store failed.
pub async fn samples(
    exchange: &Exchange,
    exchanges: usize,
    count: usize,
) -> Result<Vec<(String, Id)>, Fault> {
    let now = exchange.inner.clock.now();
    let first = first(now, exchanges);
    let mut tx = exchange.inner.store.read().await?;
    let mut found = Vec::new();
    for n in 0..count {
        let number = i64::try_from(exchanges / count * n).unwrap_or(0);
        let id = Id::first_at(Moment(first.0 + number * PACE));
        found.extend(rows::one_after(&mut tx, id).await?);
    }
    Ok(found)
}

/// Writes one archive file of what waits for it; tells how many containers it holds.
///
/// # Errors
/// The store failed, or the folder can't be written.
pub async fn archive_one(exchange: &Exchange, folder: &std::path::Path) -> Result<usize, Fault> {
    let before = exchange.inner.clock.now().plus_seconds(-AGO / 2);
    let written = exchange.write_archive(folder, before).await?;
    Ok(written.map_or(0, |(_, containers)| containers))
}

/// Removes from the store what is in archives; tells how many turns were emptied.
///
/// # Errors
/// The store failed.
pub async fn remove_archived(exchange: &Exchange) -> Result<u64, Fault> {
    let before = exchange.inner.clock.now();
    let mut tx = exchange.inner.store.begin().await?;
    let Some(archived) = crate::sql::archive::latest(&mut tx).await?.0 else {
        return Ok(0);
    };
    let settled = crate::archive::SETTLED_SECONDS;
    let last = &archived.last;
    let emptied = crate::sql::archive::remove(&mut tx, last, before, settled).await?;
    tx.commit().await?;
    Ok(emptied)
}

/// Whether an agreement of this number is in force.
///
/// # Errors
/// The store failed.
pub async fn holds(exchange: &Exchange, number: &str) -> Result<bool, Fault> {
    let mut tx = exchange.inner.store.read().await?;
    let held = crate::sql::agreement_by_number(&mut tx, number).await?;
    Ok(held.is_some())
}
