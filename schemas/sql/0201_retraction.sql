-- What a subscription's generation shows, kept as JSON so that it can be taken back when the grant
-- has changed.
ALTER TABLE subscription ADD COLUMN shown TEXT NOT NULL DEFAULT '';

-- A generation that is being taken back, before the next one's backfill begins. number: the last change
-- number that its deliveries held. page_key: the last key that its backfill had reached, when that
-- was not done. began: its first change number, when it had no backfill. after_key: the last key
-- taken back.
CREATE TABLE retraction (
    subscription TEXT   NOT NULL PRIMARY KEY,
    generation   BIGINT NOT NULL,
    shown        TEXT   NOT NULL,
    mask_key     BYTEA  NOT NULL,
    number       BIGINT NOT NULL,
    began        BIGINT NOT NULL,
    backfilled   BIGINT NOT NULL,
    page_key     TEXT,
    after_key    TEXT
);
