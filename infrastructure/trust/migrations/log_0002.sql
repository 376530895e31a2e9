CREATE TABLE trust_log_former (
    origin TEXT NOT NULL, size BIGINT NOT NULL, note TEXT NOT NULL, cosigned TEXT NOT NULL, PRIMARY KEY (origin, size));
