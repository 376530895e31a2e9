//! A long past for a body's journal and log, to see whether their length costs anything.
//!
//! The rows are those of real exchanges (one question with two messages, one entry in the log, a fresh random number
//! each); what a signature's bytes would be is chance. Nothing here is signed, and nothing can be proved with it.

use kernel::{Id, Moment};
use store::{Script, Store, StoreError, params};
use trust::log::{Entry, Log};

use crate::sql::{self, Place, QuestionRow, Side};

/// Exchanges in one turn.
const TURN: usize = 500;
/// Bytes of a message's record, as measured with answers of 1 kB.
const RECORD: usize = 1_300;

/// Enters `exchanges` of the past, each with two messages.
///
/// # Errors
/// The store failed.
pub async fn lengthen(store: &Store, log: &Log, exchanges: usize) -> Result<(), StoreError> {
    let chance = store.chance().clone();
    let mut left = exchanges;
    while left > 0 {
        let count = left.min(TURN);
        left -= count;
        let at = store.clock().now();
        let mut records = vec![0; 2 * count * RECORD];
        chance.fill(&mut records);
        let digests = vec![7; 2 * count * 32];
        let mut script = Script::default();
        let messages = i64::try_from(2 * count).unwrap_or(i64::MAX);
        script.add(
            &sql::TURNS,
            params![at, messages, digests, records].to_vec(),
        );
        let ids: Vec<Id> = (0..count)
            .map(|_| Id::new(&**store.clock(), &*chance))
            .collect();
        let opens = ids
            .iter()
            .flat_map(|id| sql::open_values(&past(*id, &chance.uuid(), at)));
        script.add(&sql::QUESTIONS_OPEN, opens.collect());
        let (mut ends, mut entries) = (Vec::new(), Vec::new());
        for id in ids {
            let entry = Entry::new("exchange.answered", at, [7; 32]).note("number", id.to_string());
            let Ok(entry) = log.prepare(entry) else {
                continue;
            };
            let code: Option<String> = None;
            ends.extend(params![id, "answered", code, at, entry.id(), 0_i64]);
            entries.push(entry);
        }
        script.add(&sql::QUESTIONS_END, ends);
        log.enter_many(&mut script, entries);
        store.run(script).await?;
    }
    Ok(())
}

fn past(id: Id, number: &str, at: Moment) -> QuestionRow {
    QuestionRow {
        id,
        side: Side::Provider,
        number: number.to_owned(),
        client: super::asking().to_string(),
        service: super::persons().to_string(),
        purpose: Some(super::PURPOSE.to_owned()),
        case: None,
        agreement: None,
        subject: None,
        fields: None,
        trace: None,
        asked_at: at,
        outcome: "asked".to_owned(),
        code: None,
        answered_at: None,
        log_entry: None,
        request: Place { turn: 0, at: 0 },
        response: None,
    }
}
