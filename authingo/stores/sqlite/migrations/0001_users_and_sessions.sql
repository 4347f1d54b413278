-- Times are microseconds since 1970 in UTC. Emails arrive lower-cased; text
-- compares by code point (SQLite's default, BINARY).

CREATE TABLE authingo_users (
    id               TEXT PRIMARY KEY,
    email            TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    email_verified   INTEGER NOT NULL DEFAULT 0,
    password_hash    TEXT NOT NULL,
    password_version INTEGER NOT NULL DEFAULT 1,  -- grows with each new password
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    disabled_at      INTEGER
);

-- Digests are SHA-256. No token, whole or in part, is in any column.
CREATE TABLE authingo_sessions (
    id                       TEXT PRIMARY KEY,
    user_id                  TEXT NOT NULL REFERENCES authingo_users (id) ON DELETE CASCADE,
    token_digest             BLOB NOT NULL UNIQUE,
    selector_digest          BLOB NOT NULL UNIQUE,
    verifier_digest          BLOB NOT NULL,
    previous_token_digest    BLOB UNIQUE,
    previous_verifier_digest BLOB,
    rotation_nonce           BLOB,     -- worthless without the previous verifier
    grace_expires_at         INTEGER,  -- until then the previous pair is answered
    created_at               INTEGER NOT NULL,
    last_used_at             INTEGER NOT NULL,
    expires_at               INTEGER NOT NULL,
    refresh_expires_at       INTEGER NOT NULL,  -- never after absolute_expires_at
    absolute_expires_at      INTEGER NOT NULL
);

CREATE INDEX authingo_sessions_user_id ON authingo_sessions (user_id);
CREATE INDEX authingo_sessions_refresh_expires_at ON authingo_sessions (refresh_expires_at);
CREATE INDEX authingo_sessions_spent_nonces ON authingo_sessions (grace_expires_at)
    WHERE rotation_nonce IS NOT NULL;
