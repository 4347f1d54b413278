-- oldest program: 1

-- What somebody can prove to have been given, such as a browser that has signed in before.
-- Digests are SHA-256; no secret is in any column.
CREATE TABLE authingo_secrets (
    digest     bytea PRIMARY KEY,
    purpose    text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C" REFERENCES authingo_users (id) ON DELETE CASCADE,
    subject    bytea,  -- of a device: the part of its token that stays the same
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX authingo_secrets_user_id ON authingo_secrets (user_id, purpose, expires_at);
CREATE INDEX authingo_secrets_subject ON authingo_secrets (subject) WHERE subject IS NOT NULL;
CREATE INDEX authingo_secrets_expires_at ON authingo_secrets (expires_at);

-- Whether an address is in an IPv6 network; false where either of them is neither.
CREATE FUNCTION authingo_in_network(ip text, network text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN ip::inet <<= network::inet;
EXCEPTION WHEN data_exception THEN
    RETURN false;
END $$;

-- How long a key refuses after this many attempts; NULL: until its window ends.
CREATE FUNCTION authingo_wait_after(
    count integer, allowed integer, first_wait interval, longest_wait interval
) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN first_wait IS NOT NULL
        THEN least(first_wait * power(2, least(count - allowed, 20)), longest_wait) END
$$;

-- Counts an attempt under every key that belongs to this way, or, where one of them refuses,
-- under none. Returns for each key, in the order given, its count, and how long it refuses.
-- Rows are locked in the order of their keys, so that no two attempts wait for each other.
CREATE FUNCTION authingo_count_attempt(
    way integer, ways integer[], keys bytea[], allowed integer[], windows interval[],
    first_waits interval[], longest_waits interval[], memories interval[],
    OUT counts integer[], OUT refused_for interval[]
) LANGUAGE plpgsql AS $$
DECLARE
    one   record;
    known integer;
BEGIN
    LOOP
        -- What is refused is refused here, where nothing is written yet.
        SELECT array_agg(coalesce(a.count, 0) ORDER BY k.n),
               array_agg(CASE WHEN a.blocked_until > now() THEN a.blocked_until - now() END
                   ORDER BY k.n)
          INTO counts, refused_for
          FROM unnest(ways, keys) WITH ORDINALITY AS k (way, key, n)
          LEFT JOIN authingo_attempts a ON a.key_digest = k.key AND a.expires_at > now()
         WHERE k.way = $1;
        IF counts IS NULL OR array_remove(refused_for, NULL) <> '{}' THEN
            RETURN;
        END IF;
        BEGIN
            FOR one IN
                SELECT k.*, row_number() OVER (ORDER BY k.n) AS place
                  FROM unnest(ways, keys, allowed, windows, first_waits, longest_waits, memories)
                       WITH ORDINALITY
                       AS k (way, key, allowed, win, first_wait, longest_wait, memory, n)
                 WHERE k.way = $1
                 ORDER BY k.key
            LOOP
                INSERT INTO authingo_attempts AS a (key_digest, count, blocked_until, expires_at)
                VALUES (one.key, 1,
                    CASE WHEN 1 >= one.allowed THEN now() + coalesce(authingo_wait_after(
                        1, one.allowed, one.first_wait, one.longest_wait), one.win) END,
                    now() + CASE WHEN 1 >= one.allowed AND one.first_wait IS NOT NULL
                        THEN one.memory ELSE one.win END)
                ON CONFLICT (key_digest) DO UPDATE SET (count, blocked_until, expires_at) = (
                    SELECT n.count,
                        CASE WHEN n.count >= one.allowed THEN coalesce(
                            now() + authingo_wait_after(
                                n.count, one.allowed, one.first_wait, one.longest_wait),
                            n.ends) END,
                        CASE WHEN n.count >= one.allowed AND one.first_wait IS NOT NULL
                            THEN now() + one.memory ELSE n.ends END
                    FROM (SELECT
                        CASE WHEN a.expires_at <= now() THEN 1 ELSE a.count + 1 END AS count,
                        CASE WHEN a.expires_at <= now() THEN now() + one.win
                            ELSE a.expires_at END AS ends) AS n)
                WHERE a.blocked_until IS NULL OR a.blocked_until <= now()
                RETURNING a.count INTO known;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'refused' USING ERRCODE = 'AU429';
                END IF;
                counts[one.place] := known;
            END LOOP;
            RETURN;
        EXCEPTION WHEN SQLSTATE 'AU429' THEN
            NULL;  -- others came first: what was counted here is undone, so look again
        END;
    END LOOP;
END $$;
