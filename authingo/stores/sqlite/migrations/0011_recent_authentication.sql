-- oldest program: 1

-- When and how the user last proved who they are in a session. `authenticated_at` is NULL, and
-- `methods` 'password', in sessions that a program began which does not know these columns: they
-- began with a password, at `created_at`. A program of that kind, if it runs meanwhile, still
-- accepts a token that a reauthentication replaced until `grace_expires_at`.
ALTER TABLE authingo_sessions ADD COLUMN authenticated_at INTEGER;
ALTER TABLE authingo_sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'password';
ALTER TABLE authingo_sessions ADD COLUMN previous_token_ended INTEGER NOT NULL DEFAULT 0;

-- The same as before, and it compares the new columns.
DROP TRIGGER authingo_sessions_changed;
CREATE TRIGGER authingo_sessions_changed AFTER UPDATE OF
    id, user_id, token_digest, selector_digest, previous_token_digest, previous_token_ended,
    grace_expires_at, created_at, expires_at, refresh_expires_at, authenticated_at, methods
    ON authingo_sessions
WHEN OLD.expires_at > 1000000 * CAST(strftime('%s', 'now') AS INTEGER)
 AND (OLD.id, OLD.user_id, OLD.token_digest, OLD.selector_digest,
      OLD.previous_token_digest, OLD.previous_token_ended, OLD.grace_expires_at, OLD.created_at,
      OLD.expires_at, OLD.refresh_expires_at, OLD.authenticated_at, OLD.methods)
  IS NOT
     (NEW.id, NEW.user_id, NEW.token_digest, NEW.selector_digest,
      NEW.previous_token_digest, NEW.previous_token_ended, NEW.grace_expires_at, NEW.created_at,
      NEW.expires_at, NEW.refresh_expires_at, NEW.authenticated_at, NEW.methods)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;
