-- oldest program: 1

-- A matter (a reset, a change of address, one ceremony) is a row whose `matter` is NULL. Its
-- tokens are rows that name its digest, and count only while it is there. `security_version`
-- is the user's password_version when the matter was opened.
ALTER TABLE authingo_secrets ADD COLUMN matter BLOB;
ALTER TABLE authingo_secrets ADD COLUMN address TEXT;
ALTER TABLE authingo_secrets ADD COLUMN security_version INTEGER;
ALTER TABLE authingo_secrets ADD COLUMN data BLOB;
ALTER TABLE authingo_secrets ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;

CREATE INDEX authingo_secrets_matter ON authingo_secrets (matter) WHERE matter IS NOT NULL;
