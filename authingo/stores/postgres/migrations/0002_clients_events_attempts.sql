-- oldest program: 1

-- Where a session was last used from, for its user to recognize it.
ALTER TABLE authingo_sessions
    ADD COLUMN ip         text,
    ADD COLUMN user_agent text;

-- What happened. No foreign keys: the record outlives what it is about.
CREATE TABLE authingo_events (
    id         text COLLATE "C" PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    name       text NOT NULL,
    user_id    text COLLATE "C",
    session_id text COLLATE "C",
    ip         text
);

CREATE INDEX authingo_events_at ON authingo_events (at);
CREATE INDEX authingo_events_user_id ON authingo_events (user_id, id);

-- Attempts, counted before a password is hashed. A key is a SHA-256 digest, and
-- the account it stands for need not exist.
CREATE TABLE authingo_attempts (
    key_digest    bytea PRIMARY KEY,
    count         integer NOT NULL,
    blocked_until timestamptz,
    expires_at    timestamptz NOT NULL
);

CREATE INDEX authingo_attempts_expires_at ON authingo_attempts (expires_at);
