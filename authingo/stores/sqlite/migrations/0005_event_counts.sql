-- oldest program: 1

-- Of how many an event tells that is about many, such as an import; else NULL.
ALTER TABLE authingo_events ADD COLUMN count INTEGER;
