CREATE TABLE documents_document (
  id TEXT PRIMARY KEY,
  origin TEXT NOT NULL,
  kind TEXT NOT NULL,
  number TEXT,
  title TEXT NOT NULL,
  name TEXT NOT NULL,
  mime TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  owner_subject TEXT,
  case_id TEXT,
  made_by TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  code TEXT UNIQUE,
  signer TEXT,
  post TEXT,
  body TEXT,
  UNIQUE (kind, number)
);
CREATE INDEX documents_document_case ON documents_document (case_id, id);
CREATE INDEX documents_document_hash ON documents_document (sha256);
CREATE TABLE documents_series (
  series TEXT NOT NULL,
  year BIGINT NOT NULL,
  last BIGINT NOT NULL,
  PRIMARY KEY (series, year)
)
