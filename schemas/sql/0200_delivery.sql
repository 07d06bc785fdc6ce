-- Subscriptions and what was delivered. A subscription is a sink connector with its grant.

-- generation: rises when the grant's filter, items, masks or mask key change. start: the subject's
-- last change number when the generation began; cursor: the last change number settled. Until
-- backfilled is 1 the subject's rows are paged by key, page_key being the last one settled.
CREATE TABLE subscription (
    name        TEXT   NOT NULL PRIMARY KEY,
    grant_name  TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    generation  BIGINT NOT NULL,
    digest      TEXT   NOT NULL,
    mask_key    BYTEA  NOT NULL,
    start       BIGINT NOT NULL,
    cursor      BIGINT NOT NULL,
    backfilled  BIGINT NOT NULL,
    page_key    TEXT,
    refused     TEXT   NOT NULL DEFAULT '',
    began_at    BIGINT NOT NULL
);

-- Where each page of a backfill ends, and the subject's last change number when it was read: a
-- change of the page's rows up to that number is covered by the page.
CREATE TABLE backfill_page (
    subscription TEXT   NOT NULL,
    generation   BIGINT NOT NULL,
    page_to      TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    PRIMARY KEY (subscription, generation, page_to)
);

-- One frozen parcel, and how it was settled. kind: page, changes, release. For changes the range is
-- from_number (exclusive) to to_number; outcomes has one byte per change of the range, in order:
-- d delivered, w withheld, p parked, f folded, c covered. For a page there is one byte per row.
-- parcel: the frozen rows, until they are settled.
CREATE TABLE delivery (
    id           BIGINT NOT NULL PRIMARY KEY,
    subscription TEXT   NOT NULL,
    generation   BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    from_number  BIGINT NOT NULL,
    to_number    BIGINT NOT NULL,
    page_from    TEXT,
    page_to      TEXT,
    idempotency  TEXT   NOT NULL UNIQUE,
    parcel       BYTEA,
    digest       BYTEA  NOT NULL,
    outcomes     BYTEA  NOT NULL,
    delivered    BIGINT NOT NULL DEFAULT 0,
    withheld     BIGINT NOT NULL DEFAULT 0,
    parked       BIGINT NOT NULL DEFAULT 0,
    folded       BIGINT NOT NULL DEFAULT 0,
    covered      BIGINT NOT NULL DEFAULT 0,
    settled      BIGINT NOT NULL DEFAULT 0,
    frozen_at    BIGINT NOT NULL,
    settled_at   BIGINT
);

CREATE INDEX delivery_by_subscription ON delivery (subscription, settled, id);

-- Changes that the receiver refused, and those that follow of their keys. state: parked, delivered,
-- folded, dropped.
CREATE TABLE parked (
    id           BIGINT NOT NULL PRIMARY KEY,
    subscription TEXT   NOT NULL,
    generation   BIGINT NOT NULL,
    delivery_id  BIGINT NOT NULL,
    number       BIGINT NOT NULL,
    key          TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    at           BIGINT NOT NULL
);

CREATE INDEX parked_by_key ON parked (subscription, state, key);
