-- oldest program: 1

-- When and how the user last proved who they are in a session. `authenticated_at` is NULL, and
-- `methods` 'password', in sessions that a program began which does not know these columns: they
-- began with a password, at `created_at`. A program of that kind, if it runs meanwhile, still
-- accepts a token that a reauthentication replaced until `grace_expires_at`.
ALTER TABLE authingo_sessions
    ADD COLUMN authenticated_at     timestamptz,
    ADD COLUMN methods              text COLLATE "C" NOT NULL DEFAULT 'password',
    ADD COLUMN previous_token_ended boolean NOT NULL DEFAULT false;

-- The same as before, and it compares the new columns.
CREATE OR REPLACE FUNCTION authingo_sessions_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(DISTINCT o.user_id)
        FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id
        WHERE o.expires_at > now()
          AND (o.user_id, o.token_digest, o.previous_token_digest, o.previous_token_ended,
               o.grace_expires_at, o.created_at, o.expires_at, o.refresh_expires_at,
               o.authenticated_at, o.methods)
           IS DISTINCT FROM
              (n.user_id, n.token_digest, n.previous_token_digest, n.previous_token_ended,
               n.grace_expires_at, n.created_at, n.expires_at, n.refresh_expires_at,
               n.authenticated_at, n.methods)));
    RETURN NULL;
END $$;
