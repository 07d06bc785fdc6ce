-- The installation itself: which migrations ran, which life it is in, how far each unit of work
-- came, and the numbers that are handed out inside a transaction so that they have no gaps.

CREATE TABLE schema_migration (
    number     BIGINT NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL
);

-- A restore begins another life; lines, streams and generations start anew in it.
CREATE TABLE incarnation (
    number   BIGINT NOT NULL PRIMARY KEY,
    id       TEXT   NOT NULL UNIQUE,
    began_at BIGINT NOT NULL
);

-- How far a unit of work has read a topic. topic_id tells a topic from a later one of its name.
CREATE TABLE cursor (
    unit      TEXT   NOT NULL,
    topic     TEXT   NOT NULL,
    partition BIGINT NOT NULL,
    topic_id  TEXT   NOT NULL,
    next      BIGINT NOT NULL,
    PRIMARY KEY (unit, topic, partition)
);

-- The last number given out under a name.
CREATE TABLE counter (
    name TEXT   NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);
