-- oldest program: 1

-- What a user can sign in with besides a password. Subjects are SHA-256 digests.
CREATE TABLE authingo_credentials (
    id           text COLLATE "C" PRIMARY KEY,
    kind         text COLLATE "C" NOT NULL,
    subject      bytea NOT NULL,
    user_id      text COLLATE "C" NOT NULL REFERENCES authingo_users (id) ON DELETE CASCADE,
    label        text,
    data         bytea,
    counter      bigint NOT NULL DEFAULT 0,  -- never goes back
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    UNIQUE (kind, subject)
);

CREATE INDEX authingo_credentials_user_id ON authingo_credentials (user_id, kind);
