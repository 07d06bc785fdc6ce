-- Views for reports (BI), read-only: counts, states and receipts, no values of rows. Each shows a login
-- only the lines of the departments that bi_reader names for it, whatever role it takes on. Libraries
-- are not here: they reach departments by grants alone.
CREATE SCHEMA yiku_bi;

CREATE VIEW yiku_bi.batch WITH (security_barrier) AS
SELECT split_part(entry, '/', 1) AS department, split_part(entry, '/', 2) AS resource, connector,
       version, to_timestamp(at / 1000.0) AS at, line, batch, run, pulled, accepted, rejected, warned,
       deletes
FROM batch
WHERE EXISTS (SELECT FROM bi_reader reader
              WHERE reader.login = session_user
                AND reader.department IN (split_part(entry, '/', 1), '*'));

CREATE VIEW yiku_bi.violation WITH (security_barrier) AS
SELECT split_part(found.entry, '/', 1) AS department, split_part(found.entry, '/', 2) AS resource,
       batch.connector, to_timestamp(batch.at / 1000.0) AS at, found.line, found.batch, found.code,
       found.item, found.rule, found.severity, found.count
FROM batch_violation found
JOIN batch ON batch.entry = found.entry AND batch.line = found.line AND batch.batch = found.batch
WHERE EXISTS (SELECT FROM bi_reader reader
              WHERE reader.login = session_user
                AND reader.department IN (split_part(found.entry, '/', 1), '*'));

CREATE VIEW yiku_bi.quarantine WITH (security_barrier) AS
SELECT id, split_part(entry, '/', 1) AS department, split_part(entry, '/', 2) AS resource, connector,
       version, to_timestamp(at / 1000.0) AS at, state, to_timestamp(state_at / 1000.0) AS state_at
FROM quarantine
WHERE EXISTS (SELECT FROM bi_reader reader
              WHERE reader.login = session_user
                AND reader.department IN (split_part(entry, '/', 1), '*'));

CREATE VIEW yiku_bi.connector WITH (security_barrier) AS
SELECT name, department, role, kind, entry, grant_name, state,
       to_timestamp(state_at / 1000.0) AS state_at,
       to_timestamp(run_ended_at / 1000.0) AS run_ended_at,
       to_timestamp(succeeded_at / 1000.0) AS succeeded_at, error_zh, error_en,
       to_timestamp(error_at / 1000.0) AS error_at
FROM connector
WHERE EXISTS (SELECT FROM bi_reader reader
              WHERE reader.login = session_user
                AND reader.department IN (connector.department, '*'));

CREATE VIEW yiku_bi.delivery WITH (security_barrier) AS
SELECT delivery.id, sink.department, delivery.subscription, sink.grant_name, delivery.generation,
       delivery.kind, to_timestamp(delivery.frozen_at / 1000.0) AS frozen_at,
       to_timestamp(delivery.settled_at / 1000.0) AS settled_at, delivery.delivered,
       delivery.withheld, delivery.parked, delivery.folded, delivery.covered
FROM delivery
JOIN connector sink ON sink.name = delivery.subscription
WHERE EXISTS (SELECT FROM bi_reader reader
              WHERE reader.login = session_user
                AND reader.department IN (sink.department, '*'));

CREATE VIEW yiku_bi.receipt WITH (security_barrier) AS
SELECT incarnation, stream, number, to_timestamp(at / 1000.0) AS at, deed, actor, department, resource,
       grant_name, result
FROM receipt
WHERE EXISTS (SELECT FROM bi_reader reader
              WHERE reader.login = session_user
                AND reader.department IN (receipt.department, '*'));

GRANT USAGE ON SCHEMA yiku_bi TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA yiku_bi TO PUBLIC;
