-- A log is one partition of a topic on one bus: what offsets count in. Where an installation moves to
-- another bus its topics go on in new logs, and offsets of old ones keep their meaning. What `batch`,
-- `merge_batch`, `refused_row` and the tables of records call partition is the number of a log.
CREATE TABLE bus_log (
    topic     TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    bus       TEXT   NOT NULL,
    partition BIGINT NOT NULL,
    PRIMARY KEY (topic, number),
    UNIQUE (topic, bus, partition)
);

INSERT INTO bus_log (topic, number, bus, partition)
SELECT DISTINCT topic, partition, bus, partition FROM batch;
