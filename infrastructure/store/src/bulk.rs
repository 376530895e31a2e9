//! Many rows in one go: a script of bulk statements that runs as one act, in one trip to the engine where it can.
//!
//! Read by crates whose work comes in bursts (a journal, a log). A [`Bulk`] is a statement over a list of rows; a
//! [`Script`] holds bulks with their rows. Rows come in chunks of a few fixed sizes, filled up with empty rows, so that
//! the engine meets few different texts and keeps them prepared. Refuses nothing that the engine takes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Engine;
use crate::{Row, Store, StoreError, Tx, Value};

/// Rows in a chunk, from the largest: with three sizes at most three texts of each statement are kept prepared.
const CHUNKS: [usize; 3] = [32, 8, 2];
/// Most joined texts that are remembered; the usual shapes of a script are a few dozen.
const TEXTS_MAX: usize = 256;

/// A statement over many rows.
///
/// The text is `head`, `($1, $2), ($3, $4) ...`, `tail`. Rows whose first column is null are filling: the statement must
/// pass over them, for example `INSERT INTO t (a, b) SELECT * FROM (VALUES ` and `) AS v WHERE column1 IS NOT NULL`.
#[derive(Debug)]
pub struct Bulk {
    /// The text before the rows.
    pub head: &'static str,
    /// The type of each column, to give filling rows theirs.
    pub columns: &'static [Kind],
    /// The text after the rows.
    pub tail: &'static str,
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

/// One chunk of a bulk's rows.
#[derive(Debug)]
struct Step {
    bulk: &'static Bulk,
    rows: usize,
    values: Vec<Value>,
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
        let width = bulk.columns.len();
        assert_eq!(values.len() % width, 0, "whole rows of {}", bulk.head);
        let mut left = values.len() / width;
        let mut values = values.into_iter();
        while left > 0 {
            let rows = *CHUNKS.iter().find(|size| **size <= left).unwrap_or(&2);
            let taken = rows.min(left);
            let mut chunk: Vec<Value> = values.by_ref().take(taken * width).collect();
            for _ in taken..rows {
                chunk.extend(bulk.columns.iter().map(|kind| kind.none()));
            }
            left -= taken;
            self.steps.push(Step {
                bulk,
                rows,
                values: chunk,
            });
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Texts that were put together before, by their steps.
#[derive(Debug, Default)]
pub(crate) struct Texts(Mutex<HashMap<Shape, Arc<str>>>);

/// The steps of an act, each by its statement and its number of rows.
type Shape = Vec<(usize, usize)>;

impl Texts {
    /// The text of these steps as one act, each parameter with its place in the joined list.
    fn joined(&self, steps: &[Step], frame: (&str, &str)) -> Arc<str> {
        let name = |step: &Step| (std::ptr::from_ref(step.bulk).addr(), step.rows);
        let mut key: Vec<(usize, usize)> = steps.iter().map(name).collect();
        key.push((frame.0.len(), frame.1.len()));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = known.get(&key) {
            return text.clone();
        }
        let mut text = frame.0.to_owned();
        let mut before = 0;
        for step in steps {
            push_statement(&mut text, step, before);
            before += step.values.len();
            text.push(';');
        }
        text.push_str(frame.1);
        let text: Arc<str> = text.into();
        if known.len() >= TEXTS_MAX {
            known.clear();
        }
        known.insert(key, text.clone());
        text
    }
}

fn push_statement(text: &mut String, step: &Step, before: usize) {
    text.push_str(step.bulk.head);
    let width = step.bulk.columns.len();
    for row in 0..step.rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}${}", before + row * width + column + 1);
        }
        text.push(')');
    }
    text.push_str(step.bulk.tail);
}

/// Begins and ends a script that is an act of its own on SQLite.
const ACT_SQLITE: (&str, &str) = ("BEGIN IMMEDIATE;", "COMMIT");

impl Store {
    /// Runs a script as an act of its own and gives the rows that its statements return, in order. When this returns,
    /// it is on disk; on SQLite it is one trip to the engine.
    ///
    /// # Errors
    /// The engine refuses or is away; then nothing of it happened.
    pub async fn run(&self, script: Script) -> Result<Vec<Row>, StoreError> {
        if let Engine::Sqlite { .. } = &self.inner.engine {
            let text = self.inner.texts.joined(&script.steps, ACT_SQLITE);
            let values = script.steps.into_iter().flat_map(|step| step.values);
            return self.inner.engine.act_sqlite(text, values).await;
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
        for step in script.steps {
            let text = store
                .inner
                .texts
                .joined(std::slice::from_ref(&step), ("", ""));
            rows.extend(self.all_shared(text, step.values).await?);
        }
        Ok(rows)
    }
}
