-- Every batch as the bus holds it: what the books are counted from.
CREATE TABLE batch (
    entry           TEXT   NOT NULL,
    line            BIGINT NOT NULL,
    batch           BIGINT NOT NULL,
    connector       TEXT   NOT NULL,
    version         TEXT   NOT NULL,
    origin          TEXT   NOT NULL,
    at              BIGINT NOT NULL,
    run             BIGINT,
    run_begins      BIGINT NOT NULL,
    run_ends        BIGINT NOT NULL,
    run_full        BIGINT NOT NULL,
    run_version     BYTEA,
    keyless         BIGINT NOT NULL,
    position_before TEXT   NOT NULL,
    position_after  TEXT   NOT NULL,
    bus             TEXT   NOT NULL,
    topic           TEXT   NOT NULL,
    partition       BIGINT NOT NULL,
    base_offset     BIGINT NOT NULL,
    pulled          BIGINT NOT NULL,
    accepted        BIGINT NOT NULL,
    rejected        BIGINT NOT NULL,
    warned          BIGINT NOT NULL,
    deletes         BIGINT NOT NULL,
    receipt_id      BIGINT NOT NULL REFERENCES receipt (id),
    PRIMARY KEY (entry, line, batch)
);

CREATE INDEX batch_by_offset ON batch (topic, partition, base_offset);
CREATE INDEX batch_by_connector ON batch (connector, at);
CREATE INDEX batch_by_run ON batch (entry, line, run, batch) WHERE run IS NOT NULL;

-- rule is '' where the code is not `rule`, item is '' where no item is to blame.
CREATE TABLE batch_violation (
    entry    TEXT   NOT NULL,
    line     BIGINT NOT NULL,
    batch    BIGINT NOT NULL,
    code     TEXT   NOT NULL,
    item     TEXT   NOT NULL,
    rule     TEXT   NOT NULL,
    severity TEXT   NOT NULL,
    count    BIGINT NOT NULL,
    PRIMARY KEY (entry, line, batch, code, item, rule, severity)
);

-- A push request that was taken: another try of it gets the same answer.
CREATE TABLE idempotency (
    connector TEXT   NOT NULL,
    entry     TEXT   NOT NULL,
    key       TEXT   NOT NULL,
    digest    TEXT   NOT NULL,
    line      BIGINT NOT NULL,
    batch     BIGINT NOT NULL,
    answer    TEXT,
    at        BIGINT NOT NULL,
    PRIMARY KEY (connector, entry, key)
);
