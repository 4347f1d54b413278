-- oldest program: 1

-- The dearest kind of hash of each family that users have, so that every comparison takes as
-- long as theirs. `pattern`, of LIKE, finds them; `sample` is such a hash, and nobody's.
CREATE TABLE authingo_hash_kinds (
    family  text COLLATE "C" PRIMARY KEY,
    pattern text COLLATE "C" NOT NULL,
    sample  text COLLATE "C" NOT NULL,
    work    bigint NOT NULL
);
