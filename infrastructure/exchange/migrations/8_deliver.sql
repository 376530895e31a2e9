CREATE TABLE exchange_outgoing (
    id TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    client TEXT NOT NULL,
    number TEXT NOT NULL,
    provider TEXT NOT NULL,
    lane TEXT NOT NULL,
    request TEXT NOT NULL,
    body BYTEA,
    bytes BIGINT NOT NULL,
    state TEXT NOT NULL,
    doubt BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    server TEXT NOT NULL,
    accepted_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    ended_at BIGINT,
    code TEXT,
    cause TEXT,
    status BIGINT,
    headers TEXT,
    answer BYTEA,
    UNIQUE (client, number)
);
CREATE INDEX exchange_outgoing_due ON exchange_outgoing (state, next_at);
CREATE INDEX exchange_outgoing_lane ON exchange_outgoing (lane, seq);
CREATE TABLE exchange_counter (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
CREATE TABLE exchange_topic (
    topic TEXT PRIMARY KEY,
    head BIGINT NOT NULL,
    oldest BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    link TEXT NOT NULL,
    tail TEXT NOT NULL
);
CREATE TABLE exchange_event (
    topic TEXT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    number TEXT,
    link TEXT NOT NULL,
    poison TEXT,
    PRIMARY KEY (topic, n),
    UNIQUE (topic, number)
);
CREATE INDEX exchange_event_age ON exchange_event (topic, at);
CREATE TABLE exchange_subscription (
    side TEXT NOT NULL,
    topic TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    acked BIGINT NOT NULL,
    link TEXT NOT NULL,
    gap_from BIGINT NOT NULL,
    gap_to BIGINT NOT NULL,
    pushed BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (side, topic, subscriber)
);
CREATE TABLE exchange_archive (
    n BIGINT PRIMARY KEY,
    file TEXT NOT NULL,
    state TEXT NOT NULL,
    digest TEXT NOT NULL,
    last_question TEXT NOT NULL,
    containers BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE TABLE exchange_archive_late (
    question TEXT PRIMARY KEY
);
CREATE TABLE exchange_operation (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    records TEXT NOT NULL,
    count BIGINT NOT NULL
);
CREATE INDEX exchange_operation_at ON exchange_operation (at, id);
