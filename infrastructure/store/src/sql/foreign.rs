//! Statements on a database that is not ours: one row of one table or view, by its key.
//!
//! The names come from the body's settings, were checked by [`crate::foreign::Name`] and are quoted; every column is
//! named with its table, because SQLite would take a quoted name that it does not know for a text. The key is bound.

use crate::foreign::View;

/// The row of one key, every column as text. Two rows are asked for, so that a key that is not unique shows.
pub(crate) fn row(view: &View, columns: &[&str], limit: u8) -> String {
    let list: Vec<String> = columns
        .iter()
        .map(|column| format!("CAST(t.{} AS TEXT)", quoted(column)))
        .collect();
    let table: Vec<String> = view.table.parts().map(quoted).collect();
    format!(
        "SELECT {} FROM {} AS t WHERE t.{} = $1 LIMIT {limit}",
        list.join(", "),
        table.join("."),
        quoted(view.key.as_str()),
    )
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The columns of a table or view, for advice when one is missing.
pub(crate) const COLUMNS_SQLITE: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
/// The same on PostgreSQL, in whichever schema the search path finds it.
pub(crate) const COLUMNS_POSTGRES: &str = "SELECT CAST(attname AS TEXT) FROM pg_catalog.pg_attribute \
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
/// Reading only, within seconds, dates as ISO 8601.
pub(crate) const SESSION_POSTGRES: [(&str, &str); 3] = [
    ("default_transaction_read_only", "on"),
    ("datestyle", "ISO"),
    ("idle_in_transaction_session_timeout", "10000"),
];
