CREATE TABLE exchange_settlement (
    question TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    there TEXT NOT NULL,
    at BIGINT NOT NULL,
    evidence TEXT NOT NULL,
    log_entry TEXT NOT NULL
);
CREATE INDEX exchange_settlement_number ON exchange_settlement (number);
CREATE INDEX exchange_question_failed ON exchange_question (asked_at)
    WHERE side = 'client' AND outcome IN ('timeout', 'unreachable', 'bad-signature', 'broken-off', 'refused');
