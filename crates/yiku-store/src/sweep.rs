//! Which records a whole full pull did not bring.
//!
//! A record belongs to the line that brought its key last, late and unchanged rows included; it is
//! gone when that was before the run. Keys of the run's rejected rows count as brought.

use sqlx::AssertSqlSafe;
use yiku_core::{
    entry::EntryName,
    library::SweepNumbers,
    row_version::{RowVersion, VersionParts},
};

use crate::{
    Connection, StoreError,
    merge::{SEEN, SEEN_FROM, version},
    publication::RunSoFar,
    rows::number,
    sql, subject,
};

/// A record that a full run did not bring.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Vanished {
    /// Its number: where the next page begins.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// The version that its delete carries: newer than the record, older than what the next run
    /// brings.
    pub version: RowVersion,
}

/// Counts what [`yiku_core::library::may_sweep`] decides by.
///
/// Ask only once merge has passed the run's end on every partition.
pub async fn numbers(
    db: &mut Connection,
    resource: &EntryName,
    line: u32,
    run: &RunSoFar,
) -> Result<SweepNumbers, StoreError> {
    let keyless = run.keyless;
    let Some(subject) = subject::get(db, resource.as_str()).await? else {
        return Ok(SweepNumbers { keyless, ..Default::default() });
    };
    let [first, begins] = bounds(line, run);
    let gone = gone();
    let sql = format!(
        "SELECT count(*), coalesce(sum(CASE WHEN {gone} THEN 1 ELSE 0 END), 0)
         FROM record_{} AS record
         WHERE body IS NOT NULL AND {SEEN_AT} >= $1 AND {SEEN_AT} < $6",
        subject.table
    );
    let row = sql::query(AssertSqlSafe(sql))
        .bind(first)
        .bind(begins)
        .bind(resource.as_str())
        .bind(i64::from(line))
        .bind(number(run.number))
        .bind(line.wrapping_add(1).to_be_bytes().to_vec())
        .fetch_one(db)
        .await?;
    let count = |index: usize| row.try_get::<i64, _>(index).map(i64::cast_unsigned);
    Ok(SweepNumbers { live: count(0)?, vanished: count(1)?, keyless })
}

/// The keys of the next records that belong to the line, after the record numbered `after`, and
/// that record's number.
pub async fn keys(
    db: &mut Connection,
    resource: &EntryName,
    line: u32,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, String)>, StoreError> {
    let Some(subject) = subject::get(db, resource.as_str()).await? else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT _id, key FROM record_{} AS record
         WHERE _id > $1 AND body IS NOT NULL AND {SEEN_AT} >= $2 AND {SEEN_AT} < $3
         ORDER BY _id
         LIMIT $4",
        subject.table
    );
    let rows = sql::query_as(AssertSqlSafe(sql))
        .bind(after)
        .bind(line.to_be_bytes().to_vec())
        .bind(line.wrapping_add(1).to_be_bytes().to_vec())
        .bind(limit);
    Ok(rows.fetch_all(db).await?)
}

/// The next records that the run did not bring, after the record numbered `after`.
pub async fn page(
    db: &mut Connection,
    resource: &EntryName,
    line: u32,
    run: &RunSoFar,
    after: i64,
    limit: u32,
) -> Result<Vec<Vanished>, StoreError> {
    let Some(subject) = subject::get(db, resource.as_str()).await? else { return Ok(Vec::new()) };
    let [first, begins] = bounds(line, run);
    let gone = gone();
    let sql = format!(
        "SELECT _id, key, version FROM record_{} AS record
         WHERE _id > $6 AND body IS NOT NULL AND {SEEN_AT} >= $1 AND {gone}
         ORDER BY _id
         LIMIT $7",
        subject.table
    );
    let rows = sql::query(AssertSqlSafe(sql))
        .bind(first)
        .bind(begins)
        .bind(resource.as_str())
        .bind(i64::from(line))
        .bind(number(run.number))
        .bind(after)
        .bind(limit)
        .fetch_all(db)
        .await?;
    let run = run.version.parts();
    let vanished = |row: &sql::Row| {
        let kept = version(row.try_get(2)?)?.parts();
        // The run's place among versions, but the record's own `order_by`: the row may come back
        // with the same one.
        let version = RowVersion::new(VersionParts { order_by: kept.order_by, ..run });
        Ok(Vanished { id: row.try_get(0)?, key: row.try_get(1)?, version })
    };
    rows.iter().map(vanished).collect()
}

/// The least line and order of the line, and those of the run.
fn bounds(line: u32, run: &RunSoFar) -> [Vec<u8>; 2] {
    let begins = run.version.as_bytes()[SEEN_FROM..SEEN_FROM + SEEN].to_vec();
    [line.to_be_bytes().to_vec(), begins]
}

/// Seen before the run, and not among its rejected rows. $2 to $5: the run's line and order, entry,
/// line and run.
fn gone() -> String {
    format!(
        "{SEEN_AT} < $2 AND record.key NOT IN (
             SELECT quarantine.key FROM quarantine
             JOIN batch ON batch.entry = quarantine.entry AND batch.line = quarantine.line
                       AND batch.batch = quarantine.batch
             WHERE quarantine.entry = $3 AND quarantine.line = $4 AND batch.run = $5
               AND quarantine.key IS NOT NULL)"
    )
}

/// Line and order of the newest row of a record's key.
const SEEN_AT: &str = "coalesce(record.seen, substr(record.version, 9, 12))";
