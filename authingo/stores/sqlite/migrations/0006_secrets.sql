-- oldest program: 1

-- What somebody can prove to have been given, such as a browser that has signed in before.
-- Digests are SHA-256; no secret is in any column.
CREATE TABLE authingo_secrets (
    digest     BLOB PRIMARY KEY,
    purpose    TEXT NOT NULL,
    user_id    TEXT REFERENCES authingo_users (id) ON DELETE CASCADE,
    subject    BLOB,  -- of a device: the part of its token that stays the same
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);

CREATE INDEX authingo_secrets_user_id ON authingo_secrets (user_id, purpose, expires_at);
CREATE INDEX authingo_secrets_subject ON authingo_secrets (subject) WHERE subject IS NOT NULL;
CREATE INDEX authingo_secrets_expires_at ON authingo_secrets (expires_at);
