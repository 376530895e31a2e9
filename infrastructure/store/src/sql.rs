//! Every statement of the store's own tables, and the few places where the engines differ.

pub(crate) mod foreign;

use crate::Migration;

pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "jobs",
    sql: include_str!("../migrations/0001_jobs.sql"),
}];

pub(crate) const CREATE_MIGRATIONS: &str = "CREATE TABLE IF NOT EXISTS store_migration (
    room TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
    applied_at BIGINT NOT NULL, PRIMARY KEY (room, version))";
pub(crate) const MIGRATION_TABLE: &str = "store_migration";
pub(crate) const MIGRATIONS_OF: &str =
    "SELECT version, digest FROM store_migration WHERE room = $1 ORDER BY version";
pub(crate) const MIGRATION_DONE: &str = "INSERT INTO store_migration (room, version, name, digest, applied_at) VALUES ($1, $2, $3, $4, $5)";

pub(crate) const JOB_INSERT: &str =
    "INSERT INTO store_job (id, kind, dedupe, payload, run_at, attempt, state, leased_until, error, created_at)
     VALUES ($1, $2, $3, $4, $5, 0, 'ready', 0, NULL, $6) ON CONFLICT (kind, dedupe) DO NOTHING";
pub(crate) const JOB_DUE: &str = "SELECT id FROM store_job WHERE (state = 'ready' AND run_at <= $1)
        OR (state = 'running' AND leased_until < $1) ORDER BY run_at, id LIMIT $2";
pub(crate) const JOB_CLAIM: &str =
    "UPDATE store_job SET state = 'running', leased_until = $2, attempt = attempt + 1
     WHERE id = $3 AND ((state = 'ready' AND run_at <= $1) OR (state = 'running' AND leased_until < $1))
     RETURNING id, kind, payload, attempt";
pub(crate) const JOB_DONE: &str = "DELETE FROM store_job WHERE id = $1";
pub(crate) const JOB_RETRY: &str =
    "UPDATE store_job SET state = 'ready', run_at = $2, error = $3, leased_until = 0 WHERE id = $1";
pub(crate) const JOB_DEAD: &str =
    "UPDATE store_job SET state = 'dead', error = $2, leased_until = 0 WHERE id = $1";
pub(crate) const JOB_REPLAY: &str = "UPDATE store_job SET state = 'ready', run_at = $2, attempt = 0 WHERE id = $1 AND state = 'dead'";
pub(crate) const JOBS_DEAD: &str =
    "SELECT id, kind, attempt, error, created_at FROM store_job WHERE state = 'dead'
     ORDER BY id DESC LIMIT $1";
pub(crate) const JOB_COUNTS: &str = "SELECT state, COUNT(*) FROM store_job GROUP BY state";
/// At start-up no job of this process is running: what a killed process left goes back at once.
pub(crate) const JOBS_RELEASE: &str =
    "UPDATE store_job SET state = 'ready', leased_until = 0 WHERE state = 'running'";

// Where the engines differ (the count of these constants is kept low by a test of the project).
pub(crate) const VERSION_SQLITE: &str = "SELECT sqlite_version()";
pub(crate) const VERSION_POSTGRES: &str = "SELECT current_setting('server_version')";
pub(crate) const TABLES_SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
pub(crate) const TABLES_POSTGRES: &str = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema() ORDER BY tablename";
pub(crate) const COLUMNS_SQLITE: &str = "SELECT name FROM pragma_table_info($1) ORDER BY cid";
pub(crate) const COLUMNS_POSTGRES: &str =
    "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
