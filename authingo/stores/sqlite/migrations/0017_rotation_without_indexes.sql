-- A program that does not know this migration must not run beside it: it would not find sessions.
-- It answers 503, because the columns that it asks for have other names. Stop it before. SQLite
-- cannot drop a constraint, so the table is written again: a million sessions take up to a minute.

-- A session token names its session by id, and the digest of its secret is compared. So no index
-- contains what a rotation changes, and a rotation writes one page.
--
-- `legacy_digest` finds a token of the form that was given out before, which has no id. It is the
-- current one while `secret_digest` is NULL, the previous one until the next rotation, then NULL.
CREATE TABLE authingo_sessions_new (
    id                       TEXT PRIMARY KEY,
    user_id                  TEXT NOT NULL REFERENCES authingo_users (id) ON DELETE CASCADE,
    legacy_digest            BLOB,
    secret_digest            BLOB,
    previous_secret_digest   BLOB,
    previous_token_ended     INTEGER NOT NULL DEFAULT 0,
    selector_digest          BLOB NOT NULL,
    verifier_digest          BLOB NOT NULL,
    previous_verifier_digest BLOB,
    rotation_nonce           BLOB,     -- worthless without the previous verifier
    grace_expires_at         INTEGER,  -- until then the previous pair is answered
    created_at               INTEGER NOT NULL,
    last_used_at             INTEGER NOT NULL,
    expires_at               INTEGER NOT NULL,
    refresh_expires_at       INTEGER NOT NULL,  -- never after absolute_expires_at
    absolute_expires_at      INTEGER NOT NULL,
    authenticated_at         INTEGER,
    methods                  TEXT NOT NULL DEFAULT 'password',
    ip                       TEXT,
    user_agent               TEXT,
    -- How long an answer about the session may stay in the memory of any process, in microseconds.
    -- NULL: as long as that process likes, so that the next rotation must be noticed.
    remembered_for           INTEGER,
    -- The day in UTC, counted from 1970, on which prune looks at the session: never after that of
    -- refresh_expires_at. A rotation leaves it alone, and prune puts it off.
    prune_on                 INTEGER NOT NULL DEFAULT 0
);
INSERT INTO authingo_sessions_new
    (id, user_id, legacy_digest, previous_secret_digest, previous_token_ended, selector_digest,
     verifier_digest, previous_verifier_digest, rotation_nonce, grace_expires_at, created_at,
     last_used_at, expires_at, refresh_expires_at, absolute_expires_at, authenticated_at, methods,
     ip, user_agent, prune_on)
SELECT id, user_id, token_digest, previous_token_digest, previous_token_ended, selector_digest,
     verifier_digest, previous_verifier_digest, rotation_nonce, grace_expires_at, created_at,
     last_used_at, expires_at, refresh_expires_at, absolute_expires_at, authenticated_at, methods,
     ip, user_agent, refresh_expires_at / 86400000000
FROM authingo_sessions;
DROP TABLE authingo_sessions;
ALTER TABLE authingo_sessions_new RENAME TO authingo_sessions;
CREATE UNIQUE INDEX authingo_sessions_selector_digest ON authingo_sessions (selector_digest);
CREATE UNIQUE INDEX authingo_sessions_legacy_digest ON authingo_sessions (legacy_digest)
    WHERE legacy_digest IS NOT NULL;
CREATE INDEX authingo_sessions_user_id ON authingo_sessions (user_id);
CREATE INDEX authingo_sessions_prune_on ON authingo_sessions (prune_on);

CREATE TRIGGER authingo_sessions_shortened AFTER UPDATE OF refresh_expires_at, prune_on
    ON authingo_sessions
WHEN NEW.prune_on > NEW.refresh_expires_at / 86400000000
BEGIN
    UPDATE authingo_sessions SET prune_on = refresh_expires_at / 86400000000 WHERE id = NEW.id;
END;

-- As before, the epoch changes in the transaction that changes what a check could have answered from
-- memory. An ordinary rotation changes nothing of that: the token that it replaces stays valid for
-- the grace, and no process remembers an answer for longer than `remembered_for`. It is silent only
-- if the row proves that: the current token becomes the previous one, the one before is over, no
-- deadline is nearer, and the grace ends later than any answer that was read before the commit. The
-- commit may take two seconds, and SQLite's clock has whole seconds.
CREATE TRIGGER authingo_sessions_changed AFTER UPDATE OF
    id, user_id, legacy_digest, secret_digest, selector_digest, previous_secret_digest,
    previous_token_ended, grace_expires_at, created_at, expires_at, refresh_expires_at,
    authenticated_at, methods, remembered_for
    ON authingo_sessions
WHEN OLD.expires_at > 1000000 * CAST(strftime('%s', 'now') AS INTEGER)
 AND (OLD.id, OLD.user_id, OLD.legacy_digest, OLD.secret_digest, OLD.selector_digest,
      OLD.previous_secret_digest, OLD.previous_token_ended, OLD.grace_expires_at, OLD.created_at,
      OLD.expires_at, OLD.refresh_expires_at, OLD.authenticated_at, OLD.methods, OLD.remembered_for)
  IS NOT
     (NEW.id, NEW.user_id, NEW.legacy_digest, NEW.secret_digest, NEW.selector_digest,
      NEW.previous_secret_digest, NEW.previous_token_ended, NEW.grace_expires_at, NEW.created_at,
      NEW.expires_at, NEW.refresh_expires_at, NEW.authenticated_at, NEW.methods, NEW.remembered_for)
 AND (NEW.previous_secret_digest = OLD.secret_digest
      AND NOT NEW.previous_token_ended
      AND (OLD.previous_secret_digest IS NULL OR OLD.previous_token_ended
           OR OLD.grace_expires_at <= 1000000 * CAST(strftime('%s', 'now') AS INTEGER))
      AND NEW.grace_expires_at
          >= 1000000 * (CAST(strftime('%s', 'now') AS INTEGER) + 3) + OLD.remembered_for
      AND NEW.expires_at >= OLD.expires_at
      AND NEW.refresh_expires_at >= OLD.refresh_expires_at
      AND (OLD.id, OLD.user_id, OLD.selector_digest, OLD.created_at, OLD.authenticated_at,
           OLD.methods)
       IS (NEW.id, NEW.user_id, NEW.selector_digest, NEW.created_at, NEW.authenticated_at,
           NEW.methods)) IS NOT TRUE
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;

CREATE TRIGGER authingo_sessions_deleted AFTER DELETE ON authingo_sessions
WHEN OLD.expires_at > 1000000 * CAST(strftime('%s', 'now') AS INTEGER)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;

-- INSERT OR REPLACE deletes without firing the triggers above.
CREATE TRIGGER authingo_sessions_replaced BEFORE INSERT ON authingo_sessions
WHEN EXISTS (SELECT 1 FROM authingo_sessions WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM authingo_sessions WHERE legacy_digest = NEW.legacy_digest)
  OR EXISTS (SELECT 1 FROM authingo_sessions WHERE selector_digest = NEW.selector_digest)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;
