DROP TABLE exchange_directory;
CREATE TABLE exchange_configuration (
    instance TEXT PRIMARY KEY,
    anchor TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    directory BYTEA NOT NULL,
    signer BYTEA NOT NULL,
    shared BYTEA NOT NULL,
    private BYTEA,
    fetched_at BIGINT NOT NULL
);
