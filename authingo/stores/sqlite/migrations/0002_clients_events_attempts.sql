-- oldest program: 1

-- Where a session was last used from, for its user to recognize it.
ALTER TABLE authingo_sessions ADD COLUMN ip TEXT;
ALTER TABLE authingo_sessions ADD COLUMN user_agent TEXT;

-- What happened. No foreign keys: the record outlives what it is about.
CREATE TABLE authingo_events (
    id         TEXT PRIMARY KEY,
    at         INTEGER NOT NULL,
    name       TEXT NOT NULL,
    user_id    TEXT,
    session_id TEXT,
    ip         TEXT
);

CREATE INDEX authingo_events_at ON authingo_events (at);
CREATE INDEX authingo_events_user_id ON authingo_events (user_id, id);

-- Attempts, counted before a password is hashed. A key is a SHA-256 digest, and
-- the account it stands for need not exist.
CREATE TABLE authingo_attempts (
    key_digest    BLOB PRIMARY KEY,
    count         INTEGER NOT NULL,
    blocked_until INTEGER,
    expires_at    INTEGER NOT NULL
);

CREATE INDEX authingo_attempts_expires_at ON authingo_attempts (expires_at);
