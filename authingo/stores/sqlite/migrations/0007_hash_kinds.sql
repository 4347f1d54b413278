-- oldest program: 1

-- The dearest kind of hash of each family that users have, so that every comparison takes as
-- long as theirs. `pattern`, of LIKE, finds them; `sample` is such a hash, and nobody's.
CREATE TABLE authingo_hash_kinds (
    family  TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    sample  TEXT NOT NULL,
    work    INTEGER NOT NULL
);
