-- What is registered: published entry versions, connectors, lines, tokens.

-- The text of each published version, for ever. id is what other tables name it by.
CREATE TABLE entry_version (
    id           BIGINT NOT NULL PRIMARY KEY,
    entry        TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    digest       BYTEA  NOT NULL,
    content      TEXT   NOT NULL,
    published_at BIGINT NOT NULL,
    UNIQUE (entry, version)
);

CREATE TABLE connector (
    name         TEXT   NOT NULL PRIMARY KEY,
    role         TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    entry        TEXT,
    grant_name   TEXT,
    department   TEXT   NOT NULL,
    file         TEXT   NOT NULL,
    file_digest  BYTEA  NOT NULL,
    state        TEXT   NOT NULL,
    state_at     BIGINT NOT NULL,
    added_at     BIGINT NOT NULL,
    run_began_at BIGINT,
    run_ended_at BIGINT,
    succeeded_at BIGINT,
    error_zh     TEXT,
    error_en     TEXT,
    error_at     BIGINT
);

-- A line is one publisher's numbering of batches for one resource. A line number rises per resource
-- whenever a connector is made or its source is rebuilt. position: where its source stands.
CREATE TABLE line (
    entry       TEXT   NOT NULL,
    line        BIGINT NOT NULL,
    connector   TEXT   NOT NULL,
    incarnation TEXT   NOT NULL,
    began_at    BIGINT NOT NULL,
    next_batch  BIGINT NOT NULL,
    position    TEXT   NOT NULL,
    PRIMARY KEY (entry, line)
);

CREATE INDEX line_by_connector ON line (connector, entry, line);

CREATE TABLE token (
    name       TEXT   NOT NULL PRIMARY KEY,
    hash       BYTEA  NOT NULL UNIQUE,
    department TEXT,
    role       TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    used_at    BIGINT,
    CHECK ((department IS NULL) <> (role IS NULL))
);
