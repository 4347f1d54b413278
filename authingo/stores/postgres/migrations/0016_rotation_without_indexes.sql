-- A program that does not know this migration must not run beside it: it would not find sessions.
-- It answers 503, because the columns that it asks for have other names. Stop it before. Nothing
-- here rewrites the table, so a million sessions take about a second.

-- A session token names its session by id, and the digest of its secret is compared. So no index
-- contains what a rotation changes, and PostgreSQL keeps the new row in the page of the old one,
-- without touching any index (a HOT update). Pages keep some room for that.
--
-- `legacy_digest` finds a token of the form that was given out before, which has no id. It is the
-- current one while `secret_digest` is NULL, the previous one until the next rotation, then NULL.
ALTER TABLE authingo_sessions RENAME COLUMN token_digest TO legacy_digest;
ALTER TABLE authingo_sessions RENAME CONSTRAINT authingo_sessions_token_digest_key
    TO authingo_sessions_legacy_digest_key;
ALTER TABLE authingo_sessions
    DROP CONSTRAINT authingo_sessions_previous_token_digest_key,
    ALTER COLUMN legacy_digest DROP NOT NULL,
    ADD COLUMN secret_digest bytea,
    -- How long an answer about the session may stay in the memory of any process. NULL: as long as
    -- that process likes, so that the next rotation must be notified.
    ADD COLUMN remembered_for interval,
    -- The day in UTC on which prune looks at the session: never after that of refresh_expires_at.
    -- A rotation leaves it alone, and prune puts it off. What was there before is looked at once.
    ADD COLUMN prune_on date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    SET (fillfactor = 80);
ALTER TABLE authingo_sessions RENAME COLUMN previous_token_digest TO previous_secret_digest;
DROP INDEX authingo_sessions_spent_nonces;
DROP INDEX authingo_sessions_refresh_expires_at;
CREATE INDEX authingo_sessions_prune_on ON authingo_sessions (prune_on);

CREATE FUNCTION authingo_sessions_shortened() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE authingo_sessions SET prune_on = (refresh_expires_at AT TIME ZONE 'UTC')::date
        WHERE id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER authingo_sessions_shortened AFTER UPDATE ON authingo_sessions
    FOR EACH ROW WHEN (NEW.prune_on > (NEW.refresh_expires_at AT TIME ZONE 'UTC')::date)
    EXECUTE FUNCTION authingo_sessions_shortened();

-- As before, a notice is sent in the transaction that changes what a check could have answered from
-- memory. An ordinary rotation changes nothing of that: the token that it replaces stays valid for
-- the grace, and no process remembers an answer for longer than `remembered_for`. It is silent only
-- if the row proves that: the current token becomes the previous one, the one before is over, no
-- deadline is nearer, and the grace ends later than any answer that was read before the commit. The
-- commit may take two seconds.
--
-- The condition is that of a row trigger, which costs an update a microsecond if it is not met.
DROP TRIGGER authingo_sessions_changed ON authingo_sessions;
CREATE OR REPLACE FUNCTION authingo_sessions_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM authingo_notify(ARRAY[OLD.user_id]);
    RETURN NULL;
END $$;

CREATE TRIGGER authingo_sessions_changed AFTER UPDATE ON authingo_sessions
    FOR EACH ROW WHEN (
        OLD.expires_at > now()
        AND (OLD.id, OLD.user_id, OLD.legacy_digest, OLD.secret_digest,
             OLD.previous_secret_digest, OLD.previous_token_ended, OLD.grace_expires_at,
             OLD.created_at, OLD.expires_at, OLD.refresh_expires_at, OLD.authenticated_at,
             OLD.methods, OLD.remembered_for)
         IS DISTINCT FROM
            (NEW.id, NEW.user_id, NEW.legacy_digest, NEW.secret_digest,
             NEW.previous_secret_digest, NEW.previous_token_ended, NEW.grace_expires_at,
             NEW.created_at, NEW.expires_at, NEW.refresh_expires_at, NEW.authenticated_at,
             NEW.methods, NEW.remembered_for)
        AND (
            NEW.previous_secret_digest = OLD.secret_digest
            AND NOT NEW.previous_token_ended
            AND (OLD.previous_secret_digest IS NULL OR OLD.previous_token_ended
                 OR OLD.grace_expires_at <= now())
            AND NEW.grace_expires_at
                >= clock_timestamp() + OLD.remembered_for + interval '2 seconds'
            AND NEW.expires_at >= OLD.expires_at
            AND NEW.refresh_expires_at >= OLD.refresh_expires_at
            AND (OLD.id, OLD.user_id, OLD.created_at, OLD.authenticated_at, OLD.methods)
             IS NOT DISTINCT FROM
                (NEW.id, NEW.user_id, NEW.created_at, NEW.authenticated_at, NEW.methods)
        ) IS NOT TRUE)
    EXECUTE FUNCTION authingo_sessions_changed();
ALTER TABLE authingo_sessions ENABLE ALWAYS TRIGGER authingo_sessions_changed;
