CREATE TABLE exchange_directory (
    instance TEXT PRIMARY KEY,
    serial BIGINT NOT NULL,
    published TEXT NOT NULL,
    fetched_at BIGINT NOT NULL
);
CREATE TABLE exchange_ocsp (
    certificate TEXT PRIMARY KEY,
    response BYTEA NOT NULL,
    fetched_at BIGINT NOT NULL
);
CREATE TABLE exchange_agreement (
    number TEXT PRIMARY KEY,
    client TEXT NOT NULL,
    service TEXT NOT NULL,
    purpose TEXT NOT NULL,
    fields TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    legal_ground TEXT NOT NULL,
    daily_limit BIGINT
);
CREATE INDEX exchange_agreement_parties ON exchange_agreement (client, service, purpose);
CREATE TABLE exchange_agreement_day (
    agreement TEXT NOT NULL,
    day BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    PRIMARY KEY (agreement, day)
);
CREATE TABLE exchange_right (
    client TEXT NOT NULL,
    service TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (client, service, method, path)
);
CREATE TABLE exchange_service (
    service TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    enabled BIGINT NOT NULL
);
CREATE TABLE exchange_record (
    register TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts TEXT NOT NULL,
    valid_until BIGINT,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (register, subject)
);
CREATE TABLE exchange_question (
    id TEXT PRIMARY KEY,
    side TEXT NOT NULL,
    number TEXT NOT NULL,
    client TEXT NOT NULL,
    service TEXT NOT NULL,
    purpose TEXT,
    case_number TEXT,
    agreement TEXT,
    subject TEXT,
    fields TEXT,
    trace TEXT,
    asked_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    code TEXT,
    answered_at BIGINT,
    log_entry TEXT,
    answer_log_entry TEXT,
    UNIQUE (side, client, number)
);
CREATE INDEX exchange_question_number ON exchange_question (number);
CREATE INDEX exchange_question_outcome ON exchange_question (outcome, asked_at);
CREATE INDEX exchange_question_subject ON exchange_question (subject, id);
CREATE TABLE exchange_message (
    question TEXT NOT NULL,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    rest BYTEA NOT NULL,
    body BYTEA,
    signature BYTEA NOT NULL,
    chain_result BYTEA,
    chain BYTEA,
    stamp TEXT,
    stamp_chain BYTEA,
    PRIMARY KEY (question, kind)
);
CREATE INDEX exchange_message_unstamped ON exchange_message (stamp, at);
CREATE TABLE exchange_stamp (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    chain_result BYTEA,
    token BYTEA NOT NULL
);
