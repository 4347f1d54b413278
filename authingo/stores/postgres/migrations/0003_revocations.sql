-- oldest program: 1

-- Who caches sessions is told, from within the revoking transaction, whose are no
-- longer what they were: by authingo, another program or a hand in psql. The
-- payload names users by id, or everybody by '*'.
--
-- A commit that notifies takes a lock that all of them share, so: only for what
-- a check could still have answered, only where an answer changes, never for the
-- last use; and once '*' in place of more than a hundred notices of a transaction, or
-- of ids that do not go between spaces. Each trigger finds authingo_notify whatever the
-- search path of the hand that revokes.

CREATE FUNCTION authingo_notify(user_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before integer := coalesce(nullif(current_setting('authingo.notices', true), ''), '0');
    after  integer := before + coalesce(cardinality(user_ids), 0);
BEGIN
    IF after = before OR before > 100 THEN
        RETURN;
    END IF;
    -- Of this transaction alone, and undone with it, as the notices are.
    PERFORM set_config('authingo.notices', after::text, true);
    PERFORM pg_notify('authingo', CASE
        WHEN after > 100
            OR array_to_string(user_ids, '') !~ '^[A-Za-z0-9_-]+$'
            OR octet_length(array_to_string(user_ids, ' ')) > 7000 THEN '*'
        ELSE array_to_string(user_ids, ' ') END);
END $$;

CREATE FUNCTION authingo_sessions_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(DISTINCT o.user_id)
        FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id
        WHERE o.expires_at > now()
          AND (o.user_id, o.token_digest, o.previous_token_digest, o.grace_expires_at,
               o.created_at, o.expires_at, o.refresh_expires_at)
           IS DISTINCT FROM
              (n.user_id, n.token_digest, n.previous_token_digest, n.grace_expires_at,
               n.created_at, n.expires_at, n.refresh_expires_at)));
    RETURN NULL;
END $$;

CREATE FUNCTION authingo_sessions_deleted() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(DISTINCT o.user_id)
        FROM old_rows o WHERE o.expires_at > now()));
    RETURN NULL;
END $$;

CREATE FUNCTION authingo_users_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(o.id)
        FROM old_rows o LEFT JOIN new_rows n ON n.id = o.id
        WHERE (o.email, o.name, o.email_verified, o.created_at, o.updated_at, o.disabled_at)
           IS DISTINCT FROM
              (n.email, n.name, n.email_verified, n.created_at, n.updated_at, n.disabled_at)));
    RETURN NULL;
END $$;

CREATE FUNCTION authingo_users_deleted() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify((SELECT array_agg(o.id) FROM old_rows o));
    RETURN NULL;
END $$;

CREATE FUNCTION authingo_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('authingo', '*');
    RETURN NULL;
END $$;

CREATE TRIGGER authingo_sessions_changed AFTER UPDATE ON authingo_sessions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION authingo_sessions_changed();
CREATE TRIGGER authingo_sessions_deleted AFTER DELETE ON authingo_sessions
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION authingo_sessions_deleted();
CREATE TRIGGER authingo_sessions_emptied AFTER TRUNCATE ON authingo_sessions
    FOR EACH STATEMENT EXECUTE FUNCTION authingo_emptied();
CREATE TRIGGER authingo_users_changed AFTER UPDATE ON authingo_users
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION authingo_users_changed();
CREATE TRIGGER authingo_users_deleted AFTER DELETE ON authingo_users
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION authingo_users_deleted();
CREATE TRIGGER authingo_users_emptied AFTER TRUNCATE ON authingo_users
    FOR EACH STATEMENT EXECUTE FUNCTION authingo_emptied();

-- Also for a program that writes as a replica, which leaves ordinary triggers out.
-- Logical replication fires none of a statement: a subscriber does not listen.
ALTER TABLE authingo_sessions
    ENABLE ALWAYS TRIGGER authingo_sessions_changed,
    ENABLE ALWAYS TRIGGER authingo_sessions_deleted,
    ENABLE ALWAYS TRIGGER authingo_sessions_emptied;
ALTER TABLE authingo_users
    ENABLE ALWAYS TRIGGER authingo_users_changed,
    ENABLE ALWAYS TRIGGER authingo_users_deleted,
    ENABLE ALWAYS TRIGGER authingo_users_emptied;
