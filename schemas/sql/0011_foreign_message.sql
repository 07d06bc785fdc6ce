-- Messages that came upon a topic of the hub and that no hub wrote: passed over, and kept in mind with
-- their place and the rule that they break, without anything of their content. partition is the number
-- of a log (bus_log).
CREATE TABLE foreign_message (
    topic          TEXT   NOT NULL,
    partition      BIGINT NOT NULL,
    message_offset BIGINT NOT NULL,
    zh             TEXT   NOT NULL,
    en             TEXT   NOT NULL,
    at             BIGINT NOT NULL,
    PRIMARY KEY (topic, partition, message_offset)
);
