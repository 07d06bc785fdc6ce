//! Materialising: what a publish wrote on the bus is carried into the store.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::FromRow;
use yiku_core::{
    digest::Digester,
    entry::EntryName,
    publication::{Idempotency, Publication, RejectedRow},
    row_version::RowVersion,
    violation::Severity,
};

use crate::{
    Connection, StoreError, Tx, bus_log, connector, quarantine, receipt,
    rows::{self, number},
    sql,
};

/// The publisher of rows that come out of quarantine. Its position is `{"queue": n}`.
pub const REDRIVE: &str = "redrive";

/// The publisher of deletes of records that a full run did not bring. Its position says how far
/// each line was swept.
pub const SWEEP: &str = "sweep";

/// Takes one batch: its receipt with the rows' digests, the line's position, the counts, the push
/// request that brought it, the rejected rows; and marks as redriven what `redrive` has taken.
///
/// Runs in the caller's transaction after [`crate::cursor::advance`] of the topics that the
/// publication and the rejected rows were read from. `rejected` are all rejected rows of this batch
/// and no others. [`StoreError::Disordered`]: bus and store do not fit together, roll back and
/// stop.
pub async fn take(
    tx: &mut Tx,
    digester: &Digester,
    publication: &Publication,
    rejected: &[RejectedRow],
) -> Result<(), StoreError> {
    check(publication, rejected)?;
    let (entry, line, batch) = (&publication.entry, publication.line, publication.batch);
    let (before, after) = (&publication.position_before, &publication.position_after);
    connector::move_line(tx, entry, line, batch, before, after).await?;
    let (receipt_id, receipt) =
        receipt::take(tx, &publication.receipt, &publication.digests).await?;
    insert(tx, publication, receipt_id).await?;
    insert_ranges(tx, publication).await?;
    insert_violations(tx, publication).await?;
    if let Some(idempotency) = &publication.idempotency {
        insert_idempotency(tx, publication, idempotency).await?;
    }
    quarantine::insert(tx, digester, rejected, receipt.at).await?;
    if publication.connector == REDRIVE {
        quarantine::redriven(tx, entry, queue(before), queue(after), receipt.at).await?;
    }
    Ok(())
}

/// The place in the redrive queue that a position of `redrive` names.
fn queue(position: &Value) -> i64 {
    position.get("queue").and_then(Value::as_i64).unwrap_or(0)
}

fn check(publication: &Publication, rejected: &[RejectedRow]) -> Result<(), StoreError> {
    let Publication { entry, line, batch, .. } = publication;
    let disordered = |problem: String| {
        Err(StoreError::disordered(format!("batch {batch} of line {line} of `{entry}`"), problem))
    };
    let pulled = publication.accepted + publication.rejected;
    if publication.pulled != pulled {
        return disordered(format!("{} pulled, {pulled} accounted for", publication.pulled));
    }
    if rejected.len() as u64 != publication.rejected {
        let found = rejected.len();
        return disordered(format!("{} rejected, {found} found", publication.rejected));
    }
    let placed: u64 = publication.ranges().iter().map(|range| range.accepted).sum();
    if placed != publication.accepted {
        return disordered(format!("{} accepted, {placed} placed", publication.accepted));
    }
    if publication.digests.len() as u64 != publication.accepted {
        let found = publication.digests.len();
        return disordered(format!("{} accepted, {found} digests", publication.accepted));
    }
    let other = |row: &RejectedRow| row.entry != *entry || row.line != *line || row.batch != *batch;
    match rejected.iter().any(other) {
        true => disordered("a rejected row belongs to another batch".into()),
        false => Ok(()),
    }
}

async fn insert(tx: &mut Tx, publication: &Publication, receipt_id: i64) -> Result<(), StoreError> {
    let run = publication.run.as_ref();
    let flag = |set: Option<bool>| i64::from(set.unwrap_or(false));
    let Publication { bus, topic, partition, .. } = publication;
    let part = bus_log::number(tx, bus, topic, *partition).await?;
    sql::query(
        "INSERT INTO batch (entry, line, batch, connector, version, origin, at, run, run_begins,
                            run_ends, run_full, run_version, keyless, position_before,
                            position_after, bus, topic, partition, base_offset, pulled, accepted,
                            rejected, warned, deletes, receipt_id, spread)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20, $21, $22, $23, $24, $25, $26)",
    )
    .bind(publication.entry.as_str())
    .bind(i64::from(publication.line))
    .bind(number(publication.batch))
    .bind(&publication.connector)
    .bind(publication.version.to_string())
    .bind(&publication.origin)
    .bind(publication.at_ms)
    .bind(run.map(|run| number(run.number)))
    .bind(flag(run.map(|run| run.begins)))
    .bind(flag(run.map(|run| run.ends)))
    .bind(flag(run.map(|run| run.full)))
    .bind(run.map(|run| run.version.as_bytes().as_slice()))
    .bind(number(run.map_or(0, |run| run.keyless)))
    .bind(publication.position_before.to_string())
    .bind(publication.position_after.to_string())
    .bind(bus)
    .bind(topic)
    .bind(i64::from(part))
    .bind(number(publication.base_offset))
    .bind(number(publication.pulled))
    .bind(number(publication.accepted))
    .bind(number(publication.rejected))
    .bind(number(publication.warned))
    .bind(number(publication.deletes))
    .bind(receipt_id)
    .bind(i64::from(!publication.spread.is_empty()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Where the rows of a spread batch stand, and how many partitions their topic has.
async fn insert_ranges(tx: &mut Tx, publication: &Publication) -> Result<(), StoreError> {
    let Publication { bus, topic, .. } = publication;
    let mut ranges = Vec::with_capacity(publication.spread.len());
    for range in &publication.spread {
        ranges.push((bus_log::number(tx, bus, topic, range.partition).await?, range));
    }
    if publication.partitions > 1 && publication.accepted > 0 {
        bus_log::note_partitions(tx, bus, topic, publication.partitions).await?;
    }
    rows::insert(
        tx,
        "INSERT INTO batch_range (entry, line, batch, topic, partition, base_offset, accepted)",
        7,
        "",
        &ranges,
        |values, (log, range)| {
            values
                .bind(publication.entry.as_str())
                .bind(i64::from(publication.line))
                .bind(number(publication.batch))
                .bind(topic)
                .bind(i64::from(*log))
                .bind(number(range.base_offset))
                .bind(number(range.accepted))
        },
    )
    .await?;
    Ok(())
}

async fn insert_violations(tx: &mut Tx, publication: &Publication) -> Result<(), StoreError> {
    let mut counts: BTreeMap<[&str; 4], u64> = BTreeMap::new();
    for found in &publication.violations {
        let item = found.item.as_deref().unwrap_or_default();
        let rule = found.rule.as_deref().unwrap_or_default();
        let severity = match found.severity {
            Severity::Reject => "reject",
            Severity::Warn => "warn",
        };
        *counts.entry([found.code.as_str(), item, rule, severity]).or_default() += found.count;
    }
    let counts: Vec<_> = counts.into_iter().collect();
    rows::insert(
        tx,
        "INSERT INTO batch_violation (entry, line, batch, code, item, rule, severity, count)",
        8,
        "",
        &counts,
        |values, (found, count)| {
            let values = values
                .bind(publication.entry.as_str())
                .bind(i64::from(publication.line))
                .bind(number(publication.batch));
            found.iter().fold(values, |values, word| values.bind(*word)).bind(number(*count))
        },
    )
    .await?;
    Ok(())
}

async fn insert_idempotency(
    tx: &mut Tx,
    publication: &Publication,
    idempotency: &Idempotency,
) -> Result<(), StoreError> {
    let changed = sql::query(
        "INSERT INTO idempotency (connector, entry, key, digest, line, batch, answer, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (connector, entry, key) DO UPDATE SET
             line = excluded.line, batch = excluded.batch, answer = excluded.answer
         WHERE idempotency.digest = excluded.digest AND idempotency.answer IS NULL",
    )
    .bind(&publication.connector)
    .bind(publication.entry.as_str())
    .bind(&idempotency.key)
    .bind(&idempotency.digest)
    .bind(i64::from(publication.line))
    .bind(number(publication.batch))
    .bind(idempotency.answer.as_ref().map(Value::to_string))
    .bind(publication.at_ms)
    .execute(tx)
    .await?;
    let Publication { entry, line, batch, .. } = publication;
    match changed.rows_affected() {
        0 => Err(StoreError::disordered(
            format!("batch {batch} of line {line} of `{entry}`"),
            "its push request was taken before",
        )),
        _ => Ok(()),
    }
}

/// A push request that was taken, whole or in part.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    /// The line that its rows are on.
    pub line: u32,
    /// The last batch of it.
    pub batch: u64,
    /// The answer to give again; `None` when the request did not reach its end.
    pub answer: Option<Value>,
}

/// Looks for an earlier request under this key. Refused when it had another body.
pub async fn pushed(
    db: &mut Connection,
    connector: &str,
    entry: &EntryName,
    key: &str,
    digest: &str,
) -> Result<Option<Pushed>, StoreError> {
    let row: Option<(String, i64, i64, Option<String>)> = sql::query_as(
        "SELECT digest, line, batch, answer FROM idempotency
         WHERE connector = $1 AND entry = $2 AND key = $3",
    )
    .bind(connector)
    .bind(entry.as_str())
    .bind(key)
    .fetch_optional(db)
    .await?;
    let Some((known, line, batch, answer)) = row else { return Ok(None) };
    if known != digest {
        return Err(StoreError::refused(
            "此 Idempotency-Key 已用于另一请求内容；新的内容请换一个键",
            "this Idempotency-Key was used with another body; send a new body under a new key",
        ));
    }
    let parse = |text: String| {
        serde_json::from_str(&text)
            .map_err(|error| StoreError::unreadable("idempotency.answer", error))
    };
    let line = u32::try_from(line).map_err(|error| StoreError::unreadable("line", error))?;
    let answer = answer.map(parse).transpose()?;
    Ok(Some(Pushed { line, batch: batch.cast_unsigned(), answer }))
}

/// What one connector has published of one resource, in all.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct Total {
    /// The connector.
    pub connector: String,
    /// The resource.
    pub entry: String,
    /// Batches.
    #[sqlx(try_from = "i64")]
    pub batches: u64,
    /// Rows pulled.
    #[sqlx(try_from = "i64")]
    pub pulled: u64,
    /// Rows accepted.
    #[sqlx(try_from = "i64")]
    pub accepted: u64,
    /// Rows rejected.
    #[sqlx(try_from = "i64")]
    pub rejected: u64,
    /// Accepted rows with a warning.
    #[sqlx(try_from = "i64")]
    pub warned: u64,
    /// When the first batch was published.
    pub first_at: i64,
    /// When the last batch was published.
    pub last_at: i64,
}

/// Totals by connector and resource, counted from the batches.
pub async fn totals(db: &mut Connection) -> Result<Vec<Total>, StoreError> {
    let sql = "SELECT connector, entry, count(*) AS batches, CAST(sum(pulled) AS BIGINT) AS pulled,
                      CAST(sum(accepted) AS BIGINT) AS accepted,
                      CAST(sum(rejected) AS BIGINT) AS rejected,
                      CAST(sum(warned) AS BIGINT) AS warned,
                      min(at) AS first_at, max(at) AS last_at
               FROM batch
               GROUP BY connector, entry
               ORDER BY connector, entry";
    Ok(sql::query_as(sql).fetch_all(db).await?)
}

/// How often a violation was found, in all.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct ViolationTotal {
    /// The code.
    pub code: String,
    /// `reject` or `warn`.
    pub severity: String,
    /// Times found.
    #[sqlx(try_from = "i64")]
    pub count: u64,
}

/// Violations of all batches, most frequent first.
pub async fn violations(db: &mut Connection) -> Result<Vec<ViolationTotal>, StoreError> {
    let sql = "SELECT code, severity, CAST(sum(count) AS BIGINT) AS count
               FROM batch_violation
               GROUP BY code, severity
               ORDER BY 3 DESC, code, severity";
    Ok(sql::query_as(sql).fetch_all(db).await?)
}

/// A run as far as it was published.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSoFar {
    /// The run's number.
    pub number: u64,
    /// Whether its first batch is there.
    pub begun: bool,
    /// Whether its last batch is there.
    pub ended: bool,
    /// Whether it brings everything there is.
    pub full: bool,
    /// The version that deletes of missing rows carry.
    pub version: RowVersion,
    /// Rows pulled.
    pub pulled: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Rejected rows without a readable key.
    pub keyless: u64,
}

/// One run of a line; `None` when nothing of it was published.
pub async fn run(
    db: &mut Connection,
    entry: &EntryName,
    line: u32,
    run: u64,
) -> Result<Option<RunSoFar>, StoreError> {
    let sql = "SELECT run, max(run_begins), max(run_ends), max(run_full),
                      (SELECT one.run_version FROM batch one
                       WHERE one.entry = $1 AND one.line = $2 AND one.run = batch.run
                       ORDER BY one.run_version DESC
                       LIMIT 1),
                      CAST(sum(pulled) AS BIGINT), CAST(sum(rejected) AS BIGINT),
                      CAST(sum(keyless) AS BIGINT)
               FROM batch
               WHERE entry = $1 AND line = $2 AND run = $3
               GROUP BY run";
    let row: Option<RunRow> = sql::query_as(sql)
        .bind(entry.as_str())
        .bind(i64::from(line))
        .bind(number(run))
        .fetch_optional(db)
        .await?;
    row.map(RunSoFar::try_from).transpose()
}

/// Full runs of a line after the run `after` that ended whole, oldest first: the ones to sweep.
pub async fn full_runs(
    db: &mut Connection,
    entry: &EntryName,
    line: u32,
    after: Option<u64>,
) -> Result<Vec<RunSoFar>, StoreError> {
    let sql = "SELECT run, max(run_begins), max(run_ends), max(run_full),
                      (SELECT one.run_version FROM batch one
                       WHERE one.entry = $1 AND one.line = $2 AND one.run = batch.run
                       ORDER BY one.run_version DESC
                       LIMIT 1),
                      CAST(sum(pulled) AS BIGINT), CAST(sum(rejected) AS BIGINT),
                      CAST(sum(keyless) AS BIGINT)
               FROM batch
               WHERE entry = $1 AND line = $2 AND run > $3
               GROUP BY run
               HAVING max(run_begins) = 1 AND max(run_ends) = 1 AND max(run_full) = 1
               ORDER BY run";
    let rows: Vec<RunRow> = sql::query_as(sql)
        .bind(entry.as_str())
        .bind(i64::from(line))
        .bind(after.map_or(-1, number))
        .fetch_all(db)
        .await?;
    rows.into_iter().map(RunSoFar::try_from).collect()
}

type RunRow = (i64, i64, i64, i64, Vec<u8>, i64, i64, i64);

impl TryFrom<RunRow> for RunSoFar {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Self, StoreError> {
        let version = RowVersion::from_bytes(&row.4);
        Ok(Self {
            number: row.0.cast_unsigned(),
            begun: row.1 == 1,
            ended: row.2 == 1,
            full: row.3 == 1,
            version: version
                .ok_or_else(|| StoreError::unreadable("batch.run_version", "not 28 bytes"))?,
            pulled: row.5.cast_unsigned(),
            rejected: row.6.cast_unsigned(),
            keyless: row.7.cast_unsigned(),
        })
    }
}
