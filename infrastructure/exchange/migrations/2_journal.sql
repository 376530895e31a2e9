DROP TABLE exchange_message;
DROP TABLE exchange_stamp;
DROP TABLE exchange_question;
CREATE TABLE exchange_turn (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    digests BYTEA NOT NULL,
    records BYTEA NOT NULL
);
CREATE TABLE exchange_part (
    digest BYTEA PRIMARY KEY,
    bytes BYTEA NOT NULL
);
CREATE TABLE exchange_body (
    question TEXT NOT NULL,
    half TEXT NOT NULL,
    piece BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (question, half, piece)
);
CREATE TABLE exchange_stamp (
    last_turn BIGINT PRIMARY KEY,
    first_turn BIGINT NOT NULL,
    at BIGINT NOT NULL,
    chain_result BYTEA NOT NULL,
    token BYTEA NOT NULL
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
    request_turn BIGINT NOT NULL,
    request_place BIGINT NOT NULL,
    response_turn BIGINT,
    response_place BIGINT
);
CREATE UNIQUE INDEX exchange_question_number ON exchange_question (number, client, side);
CREATE INDEX exchange_question_open ON exchange_question (asked_at) WHERE outcome = 'asked';
CREATE INDEX exchange_question_subject ON exchange_question (subject, id) WHERE subject IS NOT NULL;
