CREATE TABLE exchange_agreement_text (
    number TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    other TEXT NOT NULL,
    valid_until BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (number, version)
);
CREATE INDEX exchange_agreement_text_state ON exchange_agreement_text (state, number);
CREATE TABLE exchange_agreement_act (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    step BIGINT NOT NULL,
    version BIGINT NOT NULL,
    act TEXT NOT NULL,
    member TEXT NOT NULL,
    account TEXT,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    sent TEXT NOT NULL,
    message TEXT,
    evidence BYTEA,
    evidence_at BIGINT,
    log_entry TEXT
);
CREATE INDEX exchange_agreement_act_text ON exchange_agreement_act (number, step);
CREATE INDEX exchange_agreement_act_sent ON exchange_agreement_act (sent, id);
CREATE TABLE exchange_refusal (
    id TEXT PRIMARY KEY,
    reference TEXT NOT NULL,
    at BIGINT NOT NULL,
    side TEXT NOT NULL,
    peer TEXT,
    client TEXT,
    service TEXT,
    number TEXT,
    step TEXT NOT NULL,
    code TEXT NOT NULL,
    cause TEXT NOT NULL
);
CREATE INDEX exchange_refusal_reference ON exchange_refusal (reference);
CREATE INDEX exchange_refusal_number ON exchange_refusal (number);
CREATE TABLE exchange_report_sent (
    day TEXT PRIMARY KEY,
    message TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE TABLE exchange_report (
    day TEXT NOT NULL,
    member TEXT NOT NULL,
    digest TEXT NOT NULL,
    message TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (day, member)
)
