-- oldest program: 1

-- The transaction that recorded an event. Events are read in this order by hooks that must miss none:
-- only those of transactions below pg_snapshot_xmin, so that none can be committed later before them.
-- Events from before this migration have none, and no hook reads them.
ALTER TABLE authingo_events ADD COLUMN xid xid8;
ALTER TABLE authingo_events ALTER COLUMN xid SET DEFAULT pg_current_xact_id();

CREATE INDEX authingo_events_xid ON authingo_events (xid, id) WHERE xid IS NOT NULL;

-- How far a durable hook has read. `fence` grows with each lease, so that a process whose lease is
-- over cannot move the cursor.
CREATE TABLE authingo_cursors (
    name         text COLLATE "C" PRIMARY KEY,
    xid          xid8 NOT NULL,
    event_id     text COLLATE "C" NOT NULL DEFAULT '',
    moved_at     timestamptz NOT NULL DEFAULT now(),
    fence        bigint NOT NULL DEFAULT 0,
    leased_until timestamptz
);
