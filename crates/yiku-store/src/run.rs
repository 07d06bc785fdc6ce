//! Runs that were broken off: where the source stood when they began.

use serde_json::Value;
use yiku_core::entry::EntryName;

use crate::{Connection, StoreError, sql};

/// How many rows of a line's last run were published, and what the last of them came from.
pub async fn published_of(
    db: &mut Connection,
    entry: &EntryName,
    line: u32,
) -> Result<(u64, String), StoreError> {
    let sql = "SELECT CAST(sum(pulled) AS BIGINT), max(origin) FROM batch
               WHERE entry = $1 AND line = $2 AND run = (
                   SELECT run FROM batch WHERE entry = $1 AND line = $2
                   ORDER BY batch DESC
                   LIMIT 1)";
    let (pulled, origin): (Option<i64>, Option<String>) =
        sql::query_as(sql).bind(entry.as_str()).bind(i64::from(line)).fetch_one(&mut *db).await?;
    Ok((pulled.unwrap_or(0).cast_unsigned(), origin.unwrap_or_default()))
}

/// The position before the first batch of a line's last run, if that run has not ended.
pub async fn began_at(
    db: &mut Connection,
    entry: &EntryName,
    line: u32,
) -> Result<Option<Value>, StoreError> {
    let last: Option<(Option<i64>, i64)> = sql::query_as(
        "SELECT run, run_ends FROM batch
         WHERE entry = $1 AND line = $2
         ORDER BY batch DESC
         LIMIT 1",
    )
    .bind(entry.as_str())
    .bind(i64::from(line))
    .fetch_optional(&mut *db)
    .await?;
    let Some((Some(run), 0)) = last else { return Ok(None) };
    let position: Option<String> = sql::query_scalar(
        "SELECT position_before FROM batch
         WHERE entry = $1 AND line = $2 AND run = $3 AND run_begins = 1
         ORDER BY batch DESC
         LIMIT 1",
    )
    .bind(entry.as_str())
    .bind(i64::from(line))
    .bind(run)
    .fetch_optional(&mut *db)
    .await?;
    let parse = |text: String| {
        serde_json::from_str(&text)
            .map_err(|error| StoreError::unreadable("batch.position_before", error))
    };
    position.map(parse).transpose()
}
