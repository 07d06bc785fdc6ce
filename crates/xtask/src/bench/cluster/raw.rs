//! What PostgreSQL does alone between the same two servers.

use std::time::Instant;

use anyhow::Result;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use yiku_core::{
    derive::{self, Dialect},
    entry::EntryVersion,
};

use super::servers::Servers;

/// Every row.
pub const ALL: &str = "TRUE";
/// The rows that [`Servers::change_a_fifth`] changed.
pub const CHANGED: &str = "updated_at >= '2026-11-03T08:00:00+08:00'";

/// Rows a second of `COPY` out, `COPY` in and one `INSERT … ON CONFLICT`, in one transaction. The
/// first one makes the table.
pub async fn pipe(servers: &Servers, entry: &EntryVersion, which: &str) -> Result<f64> {
    let mut source = PgConnection::connect(&servers.source).await?;
    let mut target = PgConnection::connect(&servers.library).await?;
    let columns = derive::table(entry);
    let table = derive::create_table_sql(Dialect::Postgresql, "raw_person", &columns, &entry.key);
    let table = table.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");
    sqlx::raw_sql(AssertSqlSafe(table)).execute(&mut target).await?;

    let started = Instant::now();
    let mut tx = target.begin().await?;
    let stage = "CREATE TEMPORARY TABLE stage (LIKE raw_person) ON COMMIT DROP";
    sqlx::raw_sql(stage).execute(&mut *tx).await?;
    let rows = {
        let out = format!("COPY (SELECT * FROM household WHERE {which}) TO STDOUT");
        let mut out = source.copy_out_raw(&out).await?;
        let mut copy = tx.copy_in_raw("COPY stage FROM STDIN").await?;
        while let Some(bytes) = out.try_next().await? {
            copy.send(bytes).await?;
        }
        copy.finish().await?
    };
    sqlx::raw_sql(AssertSqlSafe(upsert(entry))).execute(&mut *tx).await?;
    tx.commit().await?;
    let speed = rows as f64 / started.elapsed().as_secs_f64();
    eprintln!("COPY and INSERT of {rows} rows: {speed:.0} rows/s");
    Ok(speed)
}

/// Drops the table.
pub async fn forget(servers: &Servers) -> Result<()> {
    let mut target = PgConnection::connect(&servers.library).await?;
    sqlx::raw_sql("DROP TABLE raw_person").execute(&mut target).await?;
    Ok(())
}

fn upsert(entry: &EntryVersion) -> String {
    let key = &entry.items[entry.key[0]].name;
    let others = entry.items.iter().map(|item| &item.name).filter(|name| *name != key);
    let set: Vec<String> = others.map(|name| format!("{name} = excluded.{name}")).collect();
    let set = set.join(", ");
    format!("INSERT INTO raw_person SELECT * FROM stage ON CONFLICT ({key}) DO UPDATE SET {set}")
}
