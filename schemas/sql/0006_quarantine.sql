-- Rejected rows, as their source gave them, until somebody has decided about each.

-- Column names are the same for all rows of a source: kept once.
CREATE TABLE quarantine_header (
    id      INTEGER PRIMARY KEY,
    columns TEXT NOT NULL UNIQUE
);

-- state: open, queued, redriven, returned, overtaken, dropped. key_digest is keyed, so that no index
-- holds personal data. edited: the cells after a fix, beside the original ones. queue: the row's
-- number in its resource's redrive queue. retry_of: the row that this one was before it failed again.
CREATE TABLE quarantine (
    id          BIGINT NOT NULL PRIMARY KEY,
    state       TEXT   NOT NULL,
    state_at    BIGINT NOT NULL,
    state_by    TEXT   NOT NULL,
    entry       TEXT   NOT NULL,
    connector   TEXT   NOT NULL,
    version     TEXT   NOT NULL,
    line        BIGINT NOT NULL,
    batch       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    origin      TEXT   NOT NULL,
    place       BIGINT NOT NULL,
    row_version BYTEA  NOT NULL,
    operation   TEXT   NOT NULL,
    header_id   BIGINT NOT NULL REFERENCES quarantine_header (id),
    cells       TEXT   NOT NULL,
    edited      TEXT,
    fixes       BIGINT NOT NULL,
    key         TEXT,
    key_digest  BYTEA,
    violations  TEXT   NOT NULL,
    cut         TEXT,
    queue       BIGINT,
    report      TEXT,
    retry_of    BIGINT
);

CREATE INDEX quarantine_by_state ON quarantine (state, id);
CREATE INDEX quarantine_by_entry ON quarantine (state, entry, id);
CREATE INDEX quarantine_by_connector ON quarantine (state, connector, id);
CREATE INDEX quarantine_by_batch ON quarantine (entry, line, batch);
CREATE INDEX quarantine_by_key ON quarantine (key_digest) WHERE key_digest IS NOT NULL;
CREATE INDEX quarantine_by_queue ON quarantine (entry, queue) WHERE queue IS NOT NULL;
CREATE INDEX quarantine_by_report ON quarantine (report, id) WHERE report IS NOT NULL;

-- The codes that reject a row, each once: to filter and count by.
CREATE TABLE quarantine_code (
    code  TEXT   NOT NULL,
    state TEXT   NOT NULL,
    entry TEXT   NOT NULL,
    id    BIGINT NOT NULL REFERENCES quarantine (id),
    PRIMARY KEY (code, state, entry, id)
);

CREATE INDEX quarantine_code_by_row ON quarantine_code (id);
