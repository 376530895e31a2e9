//! A whole store as lines of JSON, readable by either engine: for backups, restores and moving from SQLite to PostgreSQL.
//!
//! Line form: `{"table":"x","columns":[..]}` opens a table, then one array for each row; bytes are `{"b":"<base64>"}`.
//! The export is one unchanging view; the import is one transaction into a store that has the same migrations.

use std::io::{BufRead, Write};

use data_encoding::BASE64;
use serde_json::{Value as Json, json};

use crate::engine::Engine;
use crate::{Row, Store, StoreError, Tx, Value, params, sql};

/// Rows read at a time.
const PAGE: usize = 500;
/// Longest line that an import reads: a 64 MiB message in base64 with room to spare.
const LINE_BYTES_MAX: usize = 96 * 1024 * 1024;

fn damaged(problem: impl std::fmt::Display) -> StoreError {
    StoreError::Export(problem.to_string())
}

impl Store {
    /// Names of all tables, sorted.
    async fn tables(&self, tx: &mut Tx) -> Result<Vec<String>, StoreError> {
        let statement = match &self.inner.engine {
            Engine::Sqlite { .. } => sql::TABLES_SQLITE,
            Engine::Postgres(_) => sql::TABLES_POSTGRES,
        };
        tx.all(statement, &[])
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }

    async fn columns(&self, tx: &mut Tx, table: &str) -> Result<Vec<String>, StoreError> {
        let statement = match &self.inner.engine {
            Engine::Sqlite { .. } => sql::COLUMNS_SQLITE,
            Engine::Postgres(_) => sql::COLUMNS_POSTGRES,
        };
        tx.all(statement, &params![table])
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }

    /// Writes everything in this store to `out` and tells how many rows that is.
    ///
    /// # Errors
    /// The engine or the writer fails.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<u64, StoreError> {
        let mut tx = self.read().await?;
        let mut count = 0;
        for table in self.tables(&mut tx).await? {
            let columns = self.columns(&mut tx, &table).await?;
            writeln!(out, "{}", json!({"table": table, "columns": columns})).map_err(damaged)?;
            let order: Vec<String> = (1..=columns.len()).map(|n| n.to_string()).collect();
            let statement = format!(
                "SELECT {} FROM \"{table}\" ORDER BY {} LIMIT $1 OFFSET $2",
                quoted(&columns),
                order.join(", ")
            );
            for page in 0_usize.. {
                let rows = tx
                    .all_text(statement.clone(), &params![PAGE, page * PAGE])
                    .await?;
                for row in &rows {
                    writeln!(out, "{}", row_json(row)).map_err(damaged)?;
                    count += 1;
                }
                if rows.len() < PAGE {
                    break;
                }
            }
        }
        Ok(count)
    }

    /// Fills this store, which must be empty, with what `input` holds and tells how many rows that is.
    ///
    /// # Errors
    /// The store is not empty, the input is damaged or knows other tables, or the engine fails; then nothing has changed.
    pub async fn import(&self, input: &mut (dyn BufRead + Send)) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let tables = self.tables(&mut tx).await?;
        for table in &tables {
            self.must_be_empty(&mut tx, table).await?;
        }
        let mut target: Option<(String, usize)> = None;
        let mut count = 0;
        for line in std::io::BufRead::lines(input) {
            let line = line.map_err(damaged)?;
            if line.len() > LINE_BYTES_MAX {
                return Err(damaged("a line is too long"));
            }
            match serde_json::from_str(&line).map_err(damaged)? {
                Json::Object(head) => {
                    target = Some(self.insert_into(&mut tx, &tables, &head).await?)
                }
                Json::Array(row) => {
                    let (statement, width) = target
                        .as_ref()
                        .ok_or_else(|| damaged("a row before its table"))?;
                    if row.len() != *width {
                        return Err(damaged("a row of another width than its table"));
                    }
                    let values: Vec<Value> =
                        row.into_iter().map(json_value).collect::<Result<_, _>>()?;
                    tx.all_text(typed_nulls(statement, &values), &values)
                        .await?;
                    count += 1;
                }
                _ => return Err(damaged("a line that is neither table nor row")),
            }
        }
        tx.commit().await?;
        Ok(count)
    }

    /// A restore never overwrites: the store that is named may be the one that is in use.
    async fn must_be_empty(&self, tx: &mut Tx, table: &str) -> Result<(), StoreError> {
        if table == sql::MIGRATION_TABLE {
            // Opening the store has written what the import brings again.
            return tx.execute_text(format!("DELETE FROM \"{table}\"")).await;
        }
        match tx
            .all_text(format!("SELECT 1 FROM \"{table}\" LIMIT 1"), &[])
            .await?
            .is_empty()
        {
            true => Ok(()),
            false => Err(damaged(format!(
                "the store holds data already ({table}); name an empty one"
            ))),
        }
    }

    async fn insert_into(
        &self,
        tx: &mut Tx,
        tables: &[String],
        head: &serde_json::Map<String, Json>,
    ) -> Result<(String, usize), StoreError> {
        let table = head.get("table").and_then(Json::as_str).unwrap_or("");
        if !tables.iter().any(|known| known == table) {
            return Err(damaged(format!(
                "table {table:?} is unknown to this program"
            )));
        }
        let known = self.columns(tx, table).await?;
        let columns: Vec<String> = head
            .get("columns")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap_or("").to_owned())
            .collect();
        if let Some(odd) = columns.iter().find(|name| !known.contains(name)) {
            return Err(damaged(format!(
                "column {odd:?} of {table:?} is unknown to this program"
            )));
        }
        let slots: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
        let statement = format!(
            "INSERT INTO \"{table}\" ({}) VALUES ({})",
            quoted(&columns),
            slots.join(", ")
        );
        Ok((statement, columns.len()))
    }
}

fn quoted(columns: &[String]) -> String {
    columns
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A null has no type in JSON: it is written into the statement instead of being bound.
fn typed_nulls(statement: &str, values: &[Value]) -> String {
    let Some((head, _)) = statement.rsplit_once(" VALUES ") else {
        return statement.to_owned();
    };
    let slots: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            if value.is_null() {
                "NULL".to_owned()
            } else {
                format!("${}", at + 1)
            }
        })
        .collect();
    format!("{head} VALUES ({})", slots.join(", "))
}

fn row_json(row: &Row) -> Json {
    let columns = row.0.iter().map(|value| match value {
        Value::Int(Some(number)) => json!(number),
        Value::Text(Some(text)) => json!(text),
        Value::Bytes(Some(bytes)) => json!({"b": BASE64.encode(bytes)}),
        Value::Int(None) | Value::Text(None) | Value::Bytes(None) => Json::Null,
    });
    Json::Array(columns.collect())
}

fn json_value(json: Json) -> Result<Value, StoreError> {
    match json {
        Json::Null => Ok(Value::Text(None)),
        Json::String(text) => Ok(Value::Text(Some(text))),
        Json::Number(number) => number
            .as_i64()
            .map(|n| Value::Int(Some(n)))
            .ok_or_else(|| damaged("a number that is not whole")),
        Json::Object(object) => {
            let text = object
                .get("b")
                .and_then(Json::as_str)
                .ok_or_else(|| damaged("an odd value"))?;
            BASE64
                .decode(text.as_bytes())
                .map(|bytes| Value::Bytes(Some(bytes)))
                .map_err(damaged)
        }
        Json::Bool(_) | Json::Array(_) => Err(damaged("an odd value")),
    }
}
