-- oldest program: 1

-- The outbox. No foreign key: the last notice to a user who was deleted must go out. No column
-- holds a secret: a token is drawn when its mail is sent, and its SHA-256 digest is kept.
CREATE TABLE authingo_mails (
    id           TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    address      TEXT NOT NULL,
    user_id      TEXT,
    language     TEXT NOT NULL,
    facts        BLOB,
    due          INTEGER NOT NULL,  -- 0: will be deleted instead of sent
    lifetime     INTEGER NOT NULL,  -- microseconds
    created_at   INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    deadline     INTEGER NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    uncertain    INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER,  -- NULL: no worker has it
    matter       BLOB,
    token        BLOB,
    failed_at    INTEGER,
    error        TEXT
);

CREATE INDEX authingo_mails_due_at ON authingo_mails (due_at, id) WHERE failed_at IS NULL;
CREATE INDEX authingo_mails_leased_until ON authingo_mails (leased_until)
    WHERE leased_until IS NOT NULL;
CREATE INDEX authingo_mails_failed ON authingo_mails (id) WHERE failed_at IS NOT NULL;
