-- The generic relation: one row per document, keyed by its owner's table and key.
CREATE TABLE documents (
    tbl TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (tbl, key)
);

-- CloudWatch Logs (crate `logs`). Identifiers are never used twice, so that rows left
-- behind by a deleted group or stream can be swept at leisure and are never seen.
CREATE TABLE log_groups (
    id INTEGER PRIMARY KEY,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    retention INTEGER,
    extra TEXT NOT NULL,
    UNIQUE (region, name)
);
CREATE TABLE log_streams (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    first_event INTEGER,
    last_event INTEGER,
    last_ingestion INTEGER,
    UNIQUE (group_id, name)
);
CREATE TABLE log_events (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    stream_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ingested INTEGER NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX log_events_of_group ON log_events (group_id, at, id);
CREATE INDEX log_events_of_stream ON log_events (stream_id, at, id);
-- Where an ingesting source stands, stored with the events it brought.
CREATE TABLE log_positions (
    source TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
