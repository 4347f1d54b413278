-- oldest program: 1

-- The application's own fields of a user, as JSON. NULL: nothing was ever written.
ALTER TABLE authingo_users ADD COLUMN profile TEXT;

-- The same as before, and it compares the new column.
DROP TRIGGER authingo_users_changed;
CREATE TRIGGER authingo_users_changed AFTER UPDATE OF
    id, email, name, email_verified, created_at, updated_at, disabled_at, roles, profile
    ON authingo_users
WHEN (OLD.id, OLD.email, OLD.name, OLD.email_verified, OLD.created_at, OLD.updated_at,
      OLD.disabled_at, OLD.roles, OLD.profile)
  IS NOT
     (NEW.id, NEW.email, NEW.name, NEW.email_verified, NEW.created_at, NEW.updated_at,
      NEW.disabled_at, NEW.roles, NEW.profile)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;
