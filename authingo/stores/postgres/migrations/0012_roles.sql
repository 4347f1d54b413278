-- oldest program: 1

-- The roles of a user, in order, with a space between two. Their permissions are in the program.
ALTER TABLE authingo_users ADD COLUMN roles text COLLATE "C" NOT NULL DEFAULT '';

-- Few users have one. They are found by it without reading the others.
CREATE INDEX authingo_users_with_roles ON authingo_users (id) WHERE roles <> '';

-- The same as before, and it compares the new column.
CREATE OR REPLACE FUNCTION authingo_users_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(o.id)
        FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id
        WHERE (o.email, o.name, o.email_verified, o.created_at, o.updated_at, o.disabled_at,
               o.roles)
           IS DISTINCT FROM
              (n.email, n.name, n.email_verified, n.created_at, n.updated_at, n.disabled_at,
               n.roles)));
    RETURN NULL;
END $$;
