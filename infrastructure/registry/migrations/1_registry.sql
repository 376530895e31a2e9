CREATE TABLE registry_member (
    id TEXT PRIMARY KEY,
    class TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    ended_at BIGINT,
    why TEXT
);
CREATE TABLE registry_subsystem (
    id TEXT PRIMARY KEY,
    member TEXT NOT NULL,
    code TEXT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX registry_subsystem_member ON registry_subsystem (member, code);
CREATE TABLE registry_server (
    id TEXT PRIMARY KEY,
    member TEXT NOT NULL,
    code TEXT NOT NULL,
    address TEXT NOT NULL,
    log_key TEXT NOT NULL,
    maintenance BIGINT NOT NULL,
    notice TEXT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX registry_server_member ON registry_server (member, code);
CREATE TABLE registry_certificate (
    sha256 TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    purpose TEXT NOT NULL,
    serial TEXT NOT NULL,
    spki TEXT NOT NULL,
    der BYTEA NOT NULL,
    not_after BIGINT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX registry_certificate_server ON registry_certificate (server, purpose);
CREATE INDEX registry_certificate_spki ON registry_certificate (spki);
CREATE TABLE registry_client (
    subsystem TEXT NOT NULL,
    server TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (subsystem, server)
);
CREATE TABLE registry_group (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    since BIGINT NOT NULL
);
CREATE TABLE registry_group_member (
    code TEXT NOT NULL,
    subsystem TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (code, subsystem)
);
CREATE TABLE registry_service (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    profile TEXT NOT NULL,
    der BYTEA NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL
);
CREATE TABLE registry_application (
    number TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    server TEXT NOT NULL,
    state TEXT NOT NULL,
    digest BYTEA NOT NULL UNIQUE,
    envelope TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    why TEXT,
    given TEXT
);
CREATE INDEX registry_application_state ON registry_application (state, number);
CREATE TABLE registry_link (
    id TEXT PRIMARY KEY,
    secret BYTEA NOT NULL,
    member TEXT,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    application TEXT
);
CREATE TABLE registry_setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
