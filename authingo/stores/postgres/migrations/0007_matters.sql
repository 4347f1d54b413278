-- oldest program: 1

-- A matter (a reset, a change of address, one ceremony) is a row whose `matter` is NULL. Its
-- tokens are rows that name its digest, and count only while it is there: no foreign key, whose
-- cascades would let two that prune at once wait for each other. `security_version` is the
-- user's password_version when the matter was opened.
ALTER TABLE authingo_secrets
    ADD COLUMN matter           bytea,
    ADD COLUMN address          text COLLATE "C",
    ADD COLUMN security_version bigint,
    ADD COLUMN data             bytea,
    ADD COLUMN tries            integer NOT NULL DEFAULT 0;

CREATE INDEX authingo_secrets_matter ON authingo_secrets (matter) WHERE matter IS NOT NULL;
