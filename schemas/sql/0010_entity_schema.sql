-- The schemas of entities' rows as clients of the bus know them: number and text, for ever. They share
-- their numbers with registered_schema. version: rises with each change of the library's file that
-- changes the schema. format: AVRO, JSON.
CREATE TABLE entity_schema (
    id      BIGINT NOT NULL PRIMARY KEY,
    entity  TEXT   NOT NULL,
    version BIGINT NOT NULL,
    format  TEXT   NOT NULL,
    content TEXT   NOT NULL,
    UNIQUE (entity, version, format)
);
