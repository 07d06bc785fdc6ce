-- Libraries: what has records, rows and a log of changes. The tables of each resource and entity are
-- made when they are first needed, from the entry's or the entity's items (crates/yiku-store/src/subject.rs):
--
--   record_<table>    per resource: the row of the greatest version per key, deletes too
--   past_<table>      per resource: replaced records, with the change numbers from and to
--   late_<table>      per resource: rows that came after a newer one of their key
--   entity_<table>    per entity: the current rows, typed, ended ones too
--   history_<table>   per entity: replaced rows, with the change numbers from and to
--   link_<table>      per entity: which records speak of it, where their keys differ
--   conflict_<table>  per entity: where ranks disagree

-- kind: resource or entity. columns: the items that the tables have, as JSON. form: digest of the
-- library's file by which the rows are folded; another one asks for folding again.
CREATE TABLE subject (
    id         BIGINT NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL UNIQUE,
    table_name TEXT   NOT NULL UNIQUE,
    columns    TEXT   NOT NULL,
    form       TEXT   NOT NULL
);

-- A shard is a range of a subject's keys by hash. Its row hands out change numbers within the
-- transaction that uses them: no gaps, in commit order. last_at keeps times from going back.
CREATE TABLE shard (
    subject_id BIGINT NOT NULL REFERENCES subject (id),
    shard      BIGINT NOT NULL,
    last       BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    PRIMARY KEY (subject_id, shard)
);

-- The log of changes: one row per merge and shard, its changes packed in body (kind, length, key),
-- so that a million created rows cost a few hundred rows here. The values are where they are kept
-- anyhow: change n is the current row whose change is n, else the history row from n; what it
-- replaced is the history row to n.
CREATE TABLE change_log (
    subject_id BIGINT NOT NULL REFERENCES subject (id),
    shard      BIGINT NOT NULL,
    first      BIGINT NOT NULL,
    last       BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    changed    BIGINT NOT NULL,
    ended      BIGINT NOT NULL,
    restored   BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    body       BYTEA  NOT NULL,
    PRIMARY KEY (subject_id, shard, first)
);

-- What became of the rows of each merge.
CREATE TABLE merge_batch (
    id          INTEGER PRIMARY KEY,
    subject_id  BIGINT NOT NULL REFERENCES subject (id),
    topic       TEXT   NOT NULL,
    partition   BIGINT NOT NULL,
    from_offset BIGINT NOT NULL,
    to_offset   BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    new         BIGINT NOT NULL,
    changed     BIGINT NOT NULL,
    unchanged   BIGINT NOT NULL,
    removed     BIGINT NOT NULL,
    superseded  BIGINT NOT NULL,
    refused     BIGINT NOT NULL
);

CREATE INDEX merge_batch_by_offset ON merge_batch (subject_id, partition, from_offset);

-- Rows of a topic that merging could not read: foreign, or under an unknown entry version.
CREATE TABLE refused_row (
    subject_id BIGINT NOT NULL REFERENCES subject (id),
    partition  BIGINT NOT NULL,
    row_offset BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (subject_id, partition, row_offset)
);
