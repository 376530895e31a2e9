CREATE TABLE trust_certificate (
    issuer TEXT NOT NULL, serial TEXT NOT NULL, role TEXT NOT NULL, subject TEXT NOT NULL, der BYTEA NOT NULL,
    issued_at BIGINT NOT NULL, not_after BIGINT NOT NULL, PRIMARY KEY (issuer, serial));
CREATE INDEX trust_certificate_role ON trust_certificate (role, not_after);
CREATE TABLE trust_revocation (
    issuer TEXT NOT NULL, serial TEXT NOT NULL, revoked_at BIGINT NOT NULL, reason BIGINT NOT NULL,
    PRIMARY KEY (issuer, serial));
