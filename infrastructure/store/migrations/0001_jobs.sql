CREATE TABLE store_job (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    dedupe TEXT,
    payload TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    state TEXT NOT NULL,
    leased_until BIGINT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, dedupe)
);
CREATE INDEX store_job_due ON store_job (state, run_at);
