-- oldest program: 1

-- The same table with a number that grows with each event and is never used again: SQLite has one
-- writer at a time, so it is the order of the commits. A rowid would be used again after a deletion,
-- and changed by VACUUM.
CREATE TABLE authingo_events_numbered (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    at         INTEGER NOT NULL,
    name       TEXT NOT NULL,
    user_id    TEXT,
    session_id TEXT,
    ip         TEXT,
    count      INTEGER
);
INSERT INTO authingo_events_numbered (id, at, name, user_id, session_id, ip, count)
    SELECT id, at, name, user_id, session_id, ip, count FROM authingo_events ORDER BY id;
DROP TABLE authingo_events;
ALTER TABLE authingo_events_numbered RENAME TO authingo_events;
CREATE INDEX authingo_events_at ON authingo_events (at);
CREATE INDEX authingo_events_user_id ON authingo_events (user_id, id);

-- How far a durable hook has read. `fence` grows with each lease, so that a process whose lease is
-- over cannot move the cursor.
CREATE TABLE authingo_cursors (
    name         TEXT PRIMARY KEY,
    number       INTEGER NOT NULL,
    moved_at     INTEGER NOT NULL,
    fence        INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER
);
