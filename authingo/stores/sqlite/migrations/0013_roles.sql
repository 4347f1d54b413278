-- oldest program: 1

-- The roles of a user, in order, with a space between two. Their permissions are in the program.
ALTER TABLE authingo_users ADD COLUMN roles TEXT NOT NULL DEFAULT '';

-- Few users have one. They are found by it without reading the others.
CREATE INDEX authingo_users_with_roles ON authingo_users (id) WHERE roles <> '';

-- The same as before, and it compares the new column.
DROP TRIGGER authingo_users_changed;
CREATE TRIGGER authingo_users_changed AFTER UPDATE OF
    id, email, name, email_verified, created_at, updated_at, disabled_at, roles ON authingo_users
WHEN (OLD.id, OLD.email, OLD.name, OLD.email_verified, OLD.created_at, OLD.updated_at,
      OLD.disabled_at, OLD.roles)
  IS NOT
     (NEW.id, NEW.email, NEW.name, NEW.email_verified, NEW.created_at, NEW.updated_at,
      NEW.disabled_at, NEW.roles)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;
