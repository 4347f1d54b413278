-- Emails arrive lower-cased, and text compares by code point whatever the locale
-- of the database: hence COLLATE "C".

CREATE TABLE authingo_users (
    id               text COLLATE "C" PRIMARY KEY,
    email            text COLLATE "C" NOT NULL UNIQUE,
    name             text COLLATE "C" NOT NULL,
    email_verified   boolean NOT NULL DEFAULT false,
    password_hash    text NOT NULL,
    password_version bigint NOT NULL DEFAULT 1,  -- grows with each new password
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    disabled_at      timestamptz
);

-- Digests are SHA-256. No token, whole or in part, is in any column.
CREATE TABLE authingo_sessions (
    id                       text COLLATE "C" PRIMARY KEY,
    user_id                  text COLLATE "C" NOT NULL
                             REFERENCES authingo_users (id) ON DELETE CASCADE,
    token_digest             bytea NOT NULL UNIQUE,
    selector_digest          bytea NOT NULL UNIQUE,
    verifier_digest          bytea NOT NULL,
    previous_token_digest    bytea UNIQUE,
    previous_verifier_digest bytea,
    rotation_nonce           bytea,        -- worthless without the previous verifier
    grace_expires_at         timestamptz,  -- until then the previous pair is answered
    created_at               timestamptz NOT NULL,
    last_used_at             timestamptz NOT NULL,
    expires_at               timestamptz NOT NULL,
    refresh_expires_at       timestamptz NOT NULL,  -- never after absolute_expires_at
    absolute_expires_at      timestamptz NOT NULL
);

CREATE INDEX authingo_sessions_user_id ON authingo_sessions (user_id);
CREATE INDEX authingo_sessions_refresh_expires_at ON authingo_sessions (refresh_expires_at);
CREATE INDEX authingo_sessions_spent_nonces ON authingo_sessions (grace_expires_at)
    WHERE rotation_nonce IS NOT NULL;
