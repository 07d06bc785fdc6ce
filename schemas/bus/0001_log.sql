-- The embedded bus: one row per partition of a topic, one row per appended batch. A batch is one
-- blob of records with the offset of its first one, so that a million rows are a few hundred inserts.
CREATE TABLE topic (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    partition   INTEGER NOT NULL,
    uid         TEXT NOT NULL,
    next_offset INTEGER NOT NULL,
    UNIQUE (name, partition)
);

CREATE TABLE batch (
    id          INTEGER PRIMARY KEY,
    topic_id    INTEGER NOT NULL REFERENCES topic (id),
    base_offset INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    envelope    TEXT NOT NULL,
    records     BLOB NOT NULL,
    UNIQUE (topic_id, base_offset)
);
