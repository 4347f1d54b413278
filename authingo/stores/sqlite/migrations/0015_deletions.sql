-- oldest program: 1

-- When a user wanted to be deleted. Until then the user may not sign in, and can undo it. A program
-- that does not know this column lets the user sign in meanwhile.
ALTER TABLE authingo_users ADD COLUMN delete_at INTEGER;
CREATE INDEX authingo_users_deletions ON authingo_users (id) WHERE delete_at IS NOT NULL;

-- The same as before, and it compares the new column.
DROP TRIGGER authingo_users_changed;
CREATE TRIGGER authingo_users_changed AFTER UPDATE OF
    id, email, name, email_verified, created_at, updated_at, disabled_at, roles, profile,
    delete_at ON authingo_users
WHEN (OLD.id, OLD.email, OLD.name, OLD.email_verified, OLD.created_at, OLD.updated_at,
      OLD.disabled_at, OLD.roles, OLD.profile, OLD.delete_at)
  IS NOT
     (NEW.id, NEW.email, NEW.name, NEW.email_verified, NEW.created_at, NEW.updated_at,
      NEW.disabled_at, NEW.roles, NEW.profile, NEW.delete_at)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;
