//! Every statement of this crate, in the portable subset. Read by the stories beside it.

pub const ADD_ACCOUNT: &str = "INSERT INTO identity_account (id, subject, name, handle, created_at) \
    VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (subject) DO UPDATE SET name = excluded.name RETURNING id";
pub const ACCOUNT_BY_ID: &str =
    "SELECT id, subject, name, handle FROM identity_account WHERE id = $1";
pub const ACCOUNT_BY_SUBJECT: &str =
    "SELECT id, subject, name, handle FROM identity_account WHERE subject = $1";
pub const ACCOUNT_BY_HANDLE: &str =
    "SELECT id, subject, name, handle FROM identity_account WHERE handle = $1";
pub const ACCOUNTS: &str = "SELECT a.id, a.subject, a.name, a.handle, p.name FROM identity_account a \
    LEFT JOIN identity_official o ON o.account = a.id AND o.until IS NULL \
    LEFT JOIN identity_post p ON p.code = o.post ORDER BY a.id LIMIT $1";

pub const PUT_POST: &str = "INSERT INTO identity_post (code, name, rights) VALUES ($1, $2, $3) \
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, rights = excluded.rights";
pub const POST_BY_CODE: &str = "SELECT code, name, rights FROM identity_post WHERE code = $1";
pub const APPOINT: &str = "INSERT INTO identity_official (account, post, since) VALUES ($1, $2, $3) \
    ON CONFLICT (account, post) DO UPDATE SET until = NULL";
pub const DISMISS: &str =
    "UPDATE identity_official SET until = $3 WHERE account = $1 AND post = $2 AND until IS NULL";
pub const POSTS_OF: &str = "SELECT p.code, p.name, p.rights FROM identity_official o \
    JOIN identity_post p ON p.code = o.post \
    WHERE o.account = $1 AND o.until IS NULL ORDER BY o.since, p.code";

pub const FORGET_CODES: &str = "DELETE FROM identity_code WHERE account = $1 OR expires_at <= $2";
pub const ADD_CODE: &str = "INSERT INTO identity_code \
    (id, account, hash, issued_by, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
pub const CODES_OF: &str =
    "SELECT id, hash FROM identity_code WHERE account = $1 AND expires_at > $2";
pub const TAKE_CODE: &str = "DELETE FROM identity_code WHERE id = $1";

pub const FAILURES: &str = "SELECT failures FROM identity_attempt WHERE key = $1 AND since > $2";
pub const FAILED: &str = "INSERT INTO identity_attempt (key, failures, since) VALUES ($1, 1, $2) \
    ON CONFLICT (key) DO UPDATE SET \
    failures = CASE WHEN identity_attempt.since > $3 THEN identity_attempt.failures + 1 ELSE 1 END, \
    since = CASE WHEN identity_attempt.since > $3 THEN identity_attempt.since ELSE excluded.since END";
pub const FORGIVE: &str = "DELETE FROM identity_attempt WHERE key = $1";

pub const ADD_SESSION: &str = "INSERT INTO identity_session \
    (hash, account, post, method, created_at, used_at, expires_at) \
    VALUES ($1, $2, $3, $4, $5, $5, $6)";
pub const SESSION: &str = "SELECT s.account, s.post, s.method, s.used_at, a.subject, a.name \
    FROM identity_session s JOIN identity_account a ON a.id = s.account \
    WHERE s.hash = $1 AND s.expires_at > $2 AND s.used_at > $3";
pub const RIGHTS_NOW: &str = "SELECT p.rights FROM identity_official o \
    JOIN identity_post p ON p.code = o.post \
    WHERE o.account = $1 AND o.post = $2 AND o.until IS NULL";
pub const TOUCH_SESSION: &str = "UPDATE identity_session SET used_at = $2 WHERE hash = $1";
pub const END_SESSION: &str = "DELETE FROM identity_session WHERE hash = $1";
pub const END_OTHER_SESSIONS: &str =
    "DELETE FROM identity_session WHERE account = $1 AND hash <> $2";
pub const END_ALL_SESSIONS: &str = "DELETE FROM identity_session WHERE account = $1";
pub const SESSIONS_OF: &str = "SELECT hash, method, created_at, used_at FROM identity_session \
    WHERE account = $1 AND expires_at > $2 AND used_at > $3 ORDER BY used_at DESC LIMIT 50";

pub const ADD_CEREMONY: &str = "INSERT INTO identity_ceremony \
    (id, visitor, account, state, expires_at) VALUES ($1, $2, $3, $4, $5)";
pub const TAKE_CEREMONY: &str = "DELETE FROM identity_ceremony \
    WHERE id = $1 AND visitor = $2 AND expires_at > $3 RETURNING state, account";

pub const ADD_PASSKEY: &str = "INSERT INTO identity_passkey \
    (id, account, credential, key, label, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
pub const PASSKEYS_OF: &str = "SELECT id, credential, key, label, created_at, used_at \
    FROM identity_passkey WHERE account = $1 ORDER BY id";
pub const PASSKEY: &str =
    "SELECT id, key FROM identity_passkey WHERE credential = $1 AND account = $2";
pub const USE_PASSKEY: &str = "UPDATE identity_passkey SET key = $2, used_at = $3 WHERE id = $1";
pub const REMOVE_PASSKEY: &str = "DELETE FROM identity_passkey WHERE id = $1 AND account = $2";

pub const SWEEP_SESSIONS: &str =
    "DELETE FROM identity_session WHERE expires_at <= $1 OR used_at <= $2";
pub const SWEEP_CEREMONIES: &str = "DELETE FROM identity_ceremony WHERE expires_at <= $1";
pub const SWEEP_CODES: &str = "DELETE FROM identity_code WHERE expires_at <= $1";
pub const SWEEP_ATTEMPTS: &str = "DELETE FROM identity_attempt WHERE since <= $1";
