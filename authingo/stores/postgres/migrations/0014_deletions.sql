-- oldest program: 1

-- When a user wanted to be deleted. Until then the user may not sign in, and can undo it. A program
-- that does not know this column lets the user sign in meanwhile.
ALTER TABLE authingo_users ADD COLUMN delete_at timestamptz;
CREATE INDEX authingo_users_deletions ON authingo_users (id) WHERE delete_at IS NOT NULL;

-- The same as before, and it compares the new column.
CREATE OR REPLACE FUNCTION authingo_users_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(o.id)
        FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id
        WHERE (o.email, o.name, o.email_verified, o.created_at, o.updated_at, o.disabled_at,
               o.roles, o.profile, o.delete_at)
           IS DISTINCT FROM
              (n.email, n.name, n.email_verified, n.created_at, n.updated_at, n.disabled_at,
               n.roles, n.profile, n.delete_at)));
    RETURN NULL;
END $$;
