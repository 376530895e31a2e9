CREATE TABLE trust_log_head (
    name TEXT PRIMARY KEY, origin TEXT NOT NULL, size BIGINT NOT NULL, witnessed BIGINT NOT NULL,
    behind BIGINT NOT NULL, turns BIGINT NOT NULL);
CREATE TABLE trust_log_entry (
    id TEXT PRIMARY KEY, idx BIGINT, about BYTEA, salt BYTEA NOT NULL, digest BYTEA NOT NULL, leaf BYTEA NOT NULL);
CREATE UNIQUE INDEX trust_log_entry_idx ON trust_log_entry (idx);
CREATE INDEX trust_log_entry_about ON trust_log_entry (about, id);
CREATE TABLE trust_log_tile (
    level BIGINT NOT NULL, pos BIGINT NOT NULL, hashes BYTEA NOT NULL, PRIMARY KEY (level, pos));
CREATE TABLE trust_log_checkpoint (size BIGINT PRIMARY KEY, note TEXT NOT NULL, cosigned TEXT NOT NULL);
CREATE TABLE trust_witness_log (
    origin TEXT PRIMARY KEY, origin_hash TEXT NOT NULL UNIQUE, verifier TEXT NOT NULL,
    size BIGINT NOT NULL, root BYTEA NOT NULL, note TEXT NOT NULL, turns BIGINT NOT NULL);
