DROP INDEX trust_log_entry_about;
CREATE INDEX trust_log_entry_about ON trust_log_entry (about, id) WHERE about IS NOT NULL;
