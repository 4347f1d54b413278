-- oldest program: 1

-- What a user can sign in with besides a password. Subjects are SHA-256 digests.
CREATE TABLE authingo_credentials (
    id           TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    subject      BLOB NOT NULL,
    user_id      TEXT NOT NULL REFERENCES authingo_users (id) ON DELETE CASCADE,
    label        TEXT,
    data         BLOB,
    counter      INTEGER NOT NULL DEFAULT 0,  -- never goes back
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    UNIQUE (kind, subject)
);

CREATE INDEX authingo_credentials_user_id ON authingo_credentials (user_id, kind);
