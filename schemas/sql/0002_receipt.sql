-- Receipts, as canonical bytes. The columns beside the bytes only repeat what the bytes say, to find
-- them by. A stream's numbers have no gaps: its last number is moved in the deed's transaction.
CREATE TABLE stream (
    incarnation TEXT   NOT NULL,
    stream      TEXT   NOT NULL,
    last        BIGINT NOT NULL,
    PRIMARY KEY (incarnation, stream)
);

CREATE TABLE receipt (
    id          INTEGER PRIMARY KEY,
    incarnation TEXT   NOT NULL,
    stream      TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    deed        TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    department  TEXT,
    resource    TEXT,
    grant_name  TEXT,
    result      TEXT   NOT NULL,
    bytes       TEXT   NOT NULL,
    UNIQUE (stream, number, incarnation)
);

CREATE INDEX receipt_by_time ON receipt (at, id);
CREATE INDEX receipt_by_department ON receipt (department, at, id);
CREATE INDEX receipt_by_resource ON receipt (resource, at, id);
CREATE INDEX receipt_by_grant ON receipt (grant_name, at, id) WHERE grant_name IS NOT NULL;
CREATE INDEX receipt_by_actor ON receipt (actor, at, id);
CREATE INDEX receipt_by_deed ON receipt (deed, at, id);
CREATE INDEX receipt_by_result ON receipt (result, at, id);

-- The rows' digests under a receipt's root, 32 bytes each: a proof needs all of them.
CREATE TABLE receipt_rows (
    receipt_id BIGINT NOT NULL PRIMARY KEY REFERENCES receipt (id),
    digests    BYTEA  NOT NULL
);
