-- oldest program: 1

-- The outbox. No foreign key: the last notice to a user who was deleted must go out. No column
-- holds a secret: a token is drawn when its mail is sent, and its SHA-256 digest is kept.
CREATE TABLE authingo_mails (
    id           text COLLATE "C" PRIMARY KEY,
    kind         text COLLATE "C" NOT NULL,
    address      text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C",
    language     text COLLATE "C" NOT NULL,
    facts        bytea,
    due          boolean NOT NULL,  -- false: will be deleted instead of sent
    lifetime     interval NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL DEFAULT now(),
    deadline     timestamptz NOT NULL,
    tries        integer NOT NULL DEFAULT 0,
    uncertain    integer NOT NULL DEFAULT 0,
    leased_until timestamptz,  -- NULL: no worker has it
    matter       bytea,
    token        bytea,
    failed_at    timestamptz,
    error        text
);

CREATE INDEX authingo_mails_due_at ON authingo_mails (due_at, id) WHERE failed_at IS NULL;
CREATE INDEX authingo_mails_leased_until ON authingo_mails (leased_until)
    WHERE leased_until IS NOT NULL;
CREATE INDEX authingo_mails_failed ON authingo_mails (id) WHERE failed_at IS NOT NULL;
