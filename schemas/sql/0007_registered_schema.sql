-- The schemas of published versions as clients of the bus know them: number and text, for ever.
-- format: AVRO, JSON. The text is kept, because a later hub may derive another one.
CREATE TABLE registered_schema (
    id            BIGINT NOT NULL PRIMARY KEY,
    entry_version BIGINT NOT NULL REFERENCES entry_version (id),
    format        TEXT   NOT NULL,
    content       TEXT   NOT NULL,
    UNIQUE (entry_version, format)
);
