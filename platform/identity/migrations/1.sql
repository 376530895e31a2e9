CREATE TABLE identity_account (
  id TEXT NOT NULL PRIMARY KEY,
  subject TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  handle TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
);
CREATE TABLE identity_post (
  code TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  rights TEXT NOT NULL
);
CREATE TABLE identity_official (
  account TEXT NOT NULL,
  post TEXT NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT,
  PRIMARY KEY (account, post)
);
CREATE TABLE identity_passkey (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  credential TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL,
  label TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE INDEX identity_passkey_account ON identity_passkey (account);
CREATE TABLE identity_code (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  hash BYTEA NOT NULL,
  issued_by TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX identity_code_account ON identity_code (account);
CREATE TABLE identity_attempt (
  key TEXT NOT NULL PRIMARY KEY,
  failures BIGINT NOT NULL,
  since BIGINT NOT NULL
);
CREATE TABLE identity_session (
  hash TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  post TEXT,
  method TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX identity_session_account ON identity_session (account);
CREATE TABLE identity_ceremony (
  id TEXT NOT NULL PRIMARY KEY,
  visitor TEXT NOT NULL,
  account TEXT,
  state TEXT NOT NULL,
  expires_at BIGINT NOT NULL
)
