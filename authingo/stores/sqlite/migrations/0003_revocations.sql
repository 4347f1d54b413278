-- oldest program: 1

-- Who caches sessions looks here whenever the file has changed: the epoch moves in
-- the transaction that revokes, whoever makes it, and only for what a check could
-- still have answered otherwise. It is drawn, not counted, so that a backup that is
-- put back does not bring an old number to life.
CREATE TABLE authingo_epoch (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    epoch BLOB NOT NULL
);
INSERT INTO authingo_epoch (id, epoch) VALUES (1, randomblob(16));

CREATE TRIGGER authingo_sessions_changed AFTER UPDATE OF
    id, user_id, token_digest, selector_digest, previous_token_digest, grace_expires_at,
    created_at, expires_at, refresh_expires_at ON authingo_sessions
WHEN OLD.expires_at > 1000000 * CAST(strftime('%s', 'now') AS INTEGER)
 AND (OLD.id, OLD.user_id, OLD.token_digest, OLD.selector_digest,
      OLD.previous_token_digest, OLD.grace_expires_at, OLD.created_at, OLD.expires_at,
      OLD.refresh_expires_at)
  IS NOT
     (NEW.id, NEW.user_id, NEW.token_digest, NEW.selector_digest,
      NEW.previous_token_digest, NEW.grace_expires_at, NEW.created_at, NEW.expires_at,
      NEW.refresh_expires_at)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;

CREATE TRIGGER authingo_sessions_deleted AFTER DELETE ON authingo_sessions
WHEN OLD.expires_at > 1000000 * CAST(strftime('%s', 'now') AS INTEGER)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;

CREATE TRIGGER authingo_users_changed AFTER UPDATE OF
    id, email, name, email_verified, created_at, updated_at, disabled_at ON authingo_users
WHEN (OLD.id, OLD.email, OLD.name, OLD.email_verified, OLD.created_at, OLD.updated_at,
      OLD.disabled_at)
  IS NOT
     (NEW.id, NEW.email, NEW.name, NEW.email_verified, NEW.created_at, NEW.updated_at,
      NEW.disabled_at)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;

CREATE TRIGGER authingo_users_deleted AFTER DELETE ON authingo_users
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;

-- INSERT OR REPLACE deletes without firing the triggers above.
CREATE TRIGGER authingo_sessions_replaced BEFORE INSERT ON authingo_sessions
WHEN EXISTS (SELECT 1 FROM authingo_sessions WHERE id = NEW.id
    OR token_digest = NEW.token_digest OR selector_digest = NEW.selector_digest
    OR previous_token_digest = NEW.previous_token_digest)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;

CREATE TRIGGER authingo_users_replaced BEFORE INSERT ON authingo_users
WHEN EXISTS (SELECT 1 FROM authingo_users WHERE id = NEW.id OR email = NEW.email)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;
