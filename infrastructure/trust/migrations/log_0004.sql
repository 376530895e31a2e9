DROP INDEX trust_log_entry_idx;
CREATE UNIQUE INDEX trust_log_entry_idx ON trust_log_entry (idx) WHERE idx IS NOT NULL;
CREATE INDEX trust_log_entry_staged ON trust_log_entry (id) WHERE idx IS NULL;
