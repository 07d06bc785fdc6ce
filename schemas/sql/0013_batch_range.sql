-- The accepted rows of one batch may stand on several partitions of their topic. Such a batch is
-- spread: `batch` has the log and the first offset of its first range, and as accepted the rows of
-- all ranges. partition is the number of a log.
ALTER TABLE batch ADD COLUMN spread BIGINT NOT NULL DEFAULT 0;

CREATE TABLE batch_range (
    entry       TEXT   NOT NULL,
    line        BIGINT NOT NULL,
    batch       BIGINT NOT NULL,
    topic       TEXT   NOT NULL,
    partition   BIGINT NOT NULL,
    base_offset BIGINT NOT NULL,
    accepted    BIGINT NOT NULL,
    PRIMARY KEY (entry, line, batch, partition)
);

CREATE INDEX batch_range_by_offset ON batch_range (topic, partition, base_offset);

-- Where the rows of every batch stand.
CREATE VIEW batch_place AS
SELECT entry, line, batch, topic, partition, base_offset, accepted FROM batch WHERE spread = 0
UNION ALL
SELECT entry, line, batch, topic, partition, base_offset, accepted FROM batch_range;

-- How many partitions the topic of a log had when the hub wrote rows to it first. It keeps them for
-- ever: with others the keys would stand elsewhere.
ALTER TABLE bus_log ADD COLUMN partitions BIGINT NOT NULL DEFAULT 1;
