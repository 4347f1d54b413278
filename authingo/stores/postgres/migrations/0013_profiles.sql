-- oldest program: 1

-- The application's own fields of a user, as JSON. NULL: nothing was ever written.
ALTER TABLE authingo_users ADD COLUMN profile text COLLATE "C";

-- The same as before, and it compares the new column.
CREATE OR REPLACE FUNCTION authingo_users_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(o.id)
        FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id
        WHERE (o.email, o.name, o.email_verified, o.created_at, o.updated_at, o.disabled_at,
               o.roles, o.profile)
           IS DISTINCT FROM
              (n.email, n.name, n.email_verified, n.created_at, n.updated_at, n.disabled_at,
               n.roles, n.profile)));
    RETURN NULL;
END $$;
