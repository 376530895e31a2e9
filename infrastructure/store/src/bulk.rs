//! Many rows in one go: a script of bulk statements that runs as one act, in one trip to the engine where it can.
//!
//! Read by crates whose work comes in bursts (a journal, a log). A [`Bulk`] is a statement over a list of rows; a
//! [`Script`] holds bulks with their rows. An engine in this process takes them row by row, each with the one prepared
//! statement; one behind a line takes chunks of a few fixed sizes, filled up with empty rows, so that it meets few
//! different texts and keeps them prepared. Refuses nothing that the engine takes.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Engine;
use crate::{Row, Store, StoreError, Tx, Value};

/// Rows in a chunk, from the largest: with three sizes at most three texts of each statement are kept prepared.
const CHUNKS: [usize; 3] = [32, 8, 2];

/// A statement over many rows.
///
/// The text is `head`, `($1, $2), ($3, $4) ...`, `tail`. Rows whose first column is null are filling: the statement must
/// pass over them, for example `INSERT INTO t (a, b) SELECT * FROM (VALUES ` and `) AS v WHERE column1 IS NOT NULL`.
#[derive(Debug)]
pub struct Bulk {
    /// The same for one row on SQLite, as plainly as it can be said: `INSERT INTO t (a, b) VALUES (?1, ?2)`. (SQLite
    /// takes `$1` for a name and numbers names as they come; `?1` is the first column wherever it stands.)
    pub one: &'static str,
    /// The text before the rows.
    pub head: &'static str,
    /// The type of each column, to give filling rows theirs.
    pub columns: &'static [Kind],
    /// The text after the rows.
    pub tail: &'static str,
    /// Whether the first column of each row that was written is given back: `tail` ends with RETURNING then. `one` does
    /// not: SQLite makes a table for what a statement returns, and tells for nothing whether it wrote.
    pub tells: bool,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// BIGINT.
    Int,
    /// TEXT.
    Text,
    /// BYTEA.
    Bytes,
}

impl Kind {
    const fn none(self) -> Value {
        match self {
            Self::Int => Value::Int(None),
            Self::Text => Value::Text(None),
            Self::Bytes => Value::Bytes(None),
        }
    }
}

/// A bulk with its rows, one after the other.
#[derive(Debug)]
pub(crate) struct Step {
    pub bulk: &'static Bulk,
    pub values: Vec<Value>,
    /// Whom each row follows, if any of them follows one; see [`Script::add_following`].
    pub leaders: Vec<Option<Value>>,
}

/// Bulk statements in order, with their rows.
#[derive(Debug, Default)]
pub struct Script {
    steps: Vec<Step>,
}

impl Script {
    /// Adds the rows of a bulk, one after the other in one list. No rows add nothing.
    ///
    /// # Panics
    /// If the list does not divide into rows: a mistake of the caller's text, not of its data.
    pub fn add(&mut self, bulk: &'static Bulk, values: Vec<Value>) {
        self.add_following(bulk, values, Vec::new());
    }

    /// Adds the rows of a bulk; each with a leader is left out unless a statement before it told that value
    /// ([`Bulk::tells`]). One leader, or none, for each row, or none at all.
    ///
    /// # Panics
    /// As [`Script::add`].
    pub fn add_following(
        &mut self,
        bulk: &'static Bulk,
        values: Vec<Value>,
        leaders: Vec<Option<Value>>,
    ) {
        let width = bulk.columns.len();
        assert_eq!(values.len() % width, 0, "whole rows of {}", bulk.head);
        if !values.is_empty() {
            self.steps.push(Step {
                bulk,
                values,
                leaders,
            });
        }
    }

    /// Adds the rows of a bulk, all of which follow one leader; see [`Script::add_following`].
    ///
    /// # Panics
    /// As [`Script::add`].
    pub fn add_led(&mut self, bulk: &'static Bulk, values: Vec<Value>, leader: &Value) {
        let rows = values.len() / bulk.columns.len();
        self.add_following(bulk, values, vec![Some(leader.clone()); rows]);
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Step {
    /// Leaves out the rows whose leader is not among what was told so far.
    pub(crate) fn follow(&mut self, told: &[Row]) {
        let leaders = std::mem::take(&mut self.leaders);
        if leaders.iter().all(Option::is_none) {
            return;
        }
        let told: HashSet<&Value> = told.iter().filter_map(|row| row.0.first()).collect();
        let stays = |leader: &Option<Value>| leader.as_ref().is_none_or(|one| told.contains(one));
        let width = self.bulk.columns.len();
        let mut stay = leaders
            .iter()
            .flat_map(|one| std::iter::repeat_n(stays(one), width));
        self.values.retain(|_| stay.next().unwrap_or(true));
    }

    /// The rows in chunks of fixed sizes, filled up with empty rows; each with its number of rows.
    fn chunks(self) -> Vec<(usize, Vec<Value>)> {
        let columns = self.bulk.columns;
        let mut left = self.values.len() / columns.len();
        let (mut values, mut chunks) = (self.values.into_iter(), Vec::new());
        while left > 0 {
            let rows = *CHUNKS.iter().find(|size| **size <= left).unwrap_or(&2);
            let taken = rows.min(left);
            let mut chunk: Vec<Value> = values.by_ref().take(taken * columns.len()).collect();
            for _ in taken..rows {
                chunk.extend(columns.iter().map(|kind| kind.none()));
            }
            left -= taken;
            chunks.push((rows, chunk));
        }
        chunks
    }
}

/// Texts of chunks that were put together before, by their statement and their number of rows.
#[derive(Debug, Default)]
pub(crate) struct Texts(Mutex<HashMap<(usize, usize), Arc<str>>>);

impl Texts {
    /// The text of a statement over so many rows.
    fn of(&self, bulk: &'static Bulk, rows: usize) -> Arc<str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (std::ptr::from_ref(bulk).addr(), rows);
        known
            .entry(name)
            .or_insert_with(|| text(bulk, rows).into())
            .clone()
    }
}

fn text(bulk: &Bulk, rows: usize) -> String {
    let (mut text, width) = (bulk.head.to_owned(), bulk.columns.len());
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}${}", row * width + column + 1);
        }
        text.push(')');
    }
    text.push_str(bulk.tail);
    text
}

impl Store {
    /// Runs a script as an act of its own and gives the rows that its statements return, in order. When this returns,
    /// it is on disk; on SQLite it is one trip to the engine.
    ///
    /// # Errors
    /// The engine refuses or is away; then nothing of it happened.
    pub async fn run(&self, script: Script) -> Result<Vec<Row>, StoreError> {
        if let Engine::Sqlite { acts, .. } = &self.inner.engine {
            return acts.run(script.steps).await;
        }
        let mut tx = self.begin().await?;
        let rows = tx.run(script).await?;
        tx.commit().await?;
        Ok(rows)
    }
}

impl Tx {
    /// Runs a script within this transaction and gives the rows that its statements return, in order.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn run(&mut self, script: Script) -> Result<Vec<Row>, StoreError> {
        let store = self.store().clone();
        let mut rows = Vec::new();
        for mut step in script.steps {
            step.follow(&rows);
            let bulk = step.bulk;
            for (count, values) in step.chunks() {
                let text = store.inner.texts.of(bulk, count);
                rows.extend(self.all_shared(text, values).await?);
            }
        }
        Ok(rows)
    }
}
