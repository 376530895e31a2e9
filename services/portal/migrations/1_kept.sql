-- What was typed into a form when the session had ended: kept for a few hours, shown again to the same person on the
-- same browser. Holds no number and no name of its own. `whose` is a digest of the account.
CREATE TABLE portal_kept (
    browser TEXT NOT NULL,
    place TEXT NOT NULL,
    whose TEXT NOT NULL,
    fields TEXT NOT NULL,
    kept_at BIGINT NOT NULL,
    PRIMARY KEY (browser, place)
);
CREATE INDEX portal_kept_by_time ON portal_kept (kept_at);
