CREATE TABLE workflow_counter (
  series TEXT NOT NULL,
  year BIGINT NOT NULL,
  last BIGINT NOT NULL,
  PRIMARY KEY (series, year)
);
CREATE TABLE workflow_draft (
  subject TEXT NOT NULL,
  procedure_id TEXT NOT NULL,
  filing_key TEXT NOT NULL,
  answers TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (subject, procedure_id)
);
CREATE TABLE workflow_draft_fact (
  subject TEXT NOT NULL,
  procedure_id TEXT NOT NULL,
  service TEXT NOT NULL,
  about TEXT NOT NULL,
  outcome TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (subject, procedure_id, service, about)
);
CREATE TABLE workflow_case (
  id TEXT NOT NULL PRIMARY KEY,
  number TEXT NOT NULL UNIQUE,
  code TEXT NOT NULL UNIQUE,
  procedure_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  subject TEXT NOT NULL,
  account TEXT NOT NULL,
  applicant TEXT NOT NULL,
  title TEXT NOT NULL,
  post TEXT NOT NULL,
  risk TEXT NOT NULL,
  state TEXT NOT NULL,
  silence TEXT NOT NULL,
  presented_at BIGINT NOT NULL,
  received_at BIGINT,
  cure_until BIGINT,
  ended_at BIGINT,
  timeline TEXT NOT NULL,
  due BIGINT NOT NULL,
  silence_at BIGINT,
  revision BIGINT NOT NULL,
  locale TEXT NOT NULL,
  filing_key TEXT NOT NULL,
  answers TEXT NOT NULL,
  UNIQUE (subject, filing_key)
);
CREATE INDEX workflow_case_desk ON workflow_case (ended_at, post, due, id);
CREATE INDEX workflow_case_subject ON workflow_case (subject, id);
CREATE INDEX workflow_case_silence ON workflow_case (silence_at);
CREATE INDEX workflow_case_cure ON workflow_case (cure_until);
CREATE TABLE workflow_need (
  case_id TEXT NOT NULL,
  service TEXT NOT NULL,
  about TEXT NOT NULL,
  fields TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  problem TEXT,
  asked_at BIGINT,
  PRIMARY KEY (case_id, service, about)
);
CREATE TABLE workflow_fact (
  case_id TEXT NOT NULL,
  field TEXT NOT NULL,
  service TEXT NOT NULL,
  about TEXT NOT NULL,
  fact TEXT,
  why TEXT,
  at BIGINT,
  evidence TEXT,
  PRIMARY KEY (case_id, field)
);
CREATE TABLE workflow_event (
  id TEXT NOT NULL PRIMARY KEY,
  case_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  post TEXT,
  words TEXT,
  note TEXT NOT NULL,
  place BIGINT NOT NULL
);
CREATE INDEX workflow_event_case ON workflow_event (case_id, place);
CREATE TABLE workflow_paper (
  case_id TEXT NOT NULL,
  template TEXT NOT NULL,
  number TEXT,
  orders TEXT NOT NULL,
  document TEXT,
  at BIGINT NOT NULL,
  PRIMARY KEY (case_id, template)
)
