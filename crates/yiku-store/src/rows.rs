//! Many rows at once: one prepared statement, run for each row on the connection itself.
//!
//! Through the driver each statement costs a hop to its thread and each value an allocation, which
//! is most of the time of a load. So the connection is borrowed from the driver meanwhile, as its
//! `lock_handle` is for, and driven by `rusqlite`. Whatever is not many rows goes through the
//! driver. (PostgreSQL's road is COPY.)

use std::ops::ControlFlow;

use rusqlite::{Params, Row, ToSql};
use sqlx::{Connection as _, sqlite::LockedSqliteHandle};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

use crate::{Connection, StoreError};

/// A statement whose values are being bound.
pub(crate) struct Values<'s, 'c> {
    statement: &'s mut rusqlite::Statement<'c>,
    bound: usize,
    outcome: rusqlite::Result<()>,
}

impl Values<'_, '_> {
    /// Binds the next value.
    pub(crate) fn bind(mut self, value: impl ToSql) -> Self {
        self.bound += 1;
        if self.outcome.is_ok() {
            self.outcome = self.statement.raw_bind_parameter(self.bound, value);
        }
        self
    }
}

/// Runs `head VALUES (?, …) tail` for each of `rows`, whose `columns` values `bind` binds. Returns
/// how many rows changed.
pub(crate) async fn insert<T>(
    db: &mut Connection,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    let sql = format!("{head} VALUES ({}) {tail}", vec!["?"; columns].join(", "));
    each(db, &sql, rows, bind).await
}

/// Runs `head = ?` for each of `values`; `bind` binds what `head` asks for before it. Returns how
/// many rows changed.
pub(crate) async fn change_by(
    db: &mut Connection,
    head: &str,
    values: &[i64],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    each(db, &format!("{head} = ?"), values, |statement, value| bind(statement).bind(value)).await
}

/// Runs `head = ?` for each of `keys`, and hands over each row found.
pub(crate) async fn select_by(
    db: &mut Connection,
    head: &str,
    keys: &[&str],
    mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = format!("{head} = ?");
    select_each(db, &sql, keys, |values, key| values.bind(key), |_, row| take(row)).await
}

/// Looks up the row of each of `keys`, and hands over each one found, as [`select_by`] does, for
/// rows that most often stand in the table one behind the other: from a row found `by_key` on, the
/// ones `behind` it are read as long as they are those asked for next. Both queries give the key
/// first and the row's number last.
pub(crate) async fn select_runs(
    db: &mut Connection,
    by_key: &str,
    behind: &str,
    keys: &[&str],
    mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    on_connection(db, |db| {
        let (mut by_key, mut behind) = (db.prepare(by_key)?, db.prepare(behind)?);
        let last = by_key.column_count() - 1;
        let mut left = keys;
        let mut in_vain = 0;
        while let [key, rest @ ..] = left {
            left = rest;
            let mut found = by_key.query([key])?;
            let Some(row) = found.next()? else { continue };
            take(row)?;
            if left.is_empty() || in_vain == RUNS_IN_VAIN {
                continue;
            }
            let mut run = behind.query([row.get::<_, i64>(last)?])?;
            let before = left.len();
            while let Some(row) = run.next()? {
                match left {
                    [key, rest @ ..] if text(row, 0)? == *key => {
                        take(row)?;
                        left = rest;
                    }
                    _ => break,
                }
            }
            in_vain = if left.len() < before { 0 } else { in_vain + 1 };
        }
        Ok(())
    })
    .await
}

/// How often in a row the next key's row may stand elsewhere before runs are looked for no more.
const RUNS_IN_VAIN: u32 = 8;

/// Runs a query for each of `asked`, whose values `bind` binds, and hands over each row found.
pub(crate) async fn select_each<T>(
    db: &mut Connection,
    sql: &str,
    asked: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
    mut take: impl FnMut(&T, &Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    on_connection(db, |db| {
        let mut statement = db.prepare(sql)?;
        for one in asked {
            let values = Values { statement: &mut statement, bound: 0, outcome: Ok(()) };
            bind(values, one).outcome?;
            let mut found = statement.raw_query();
            while let Some(row) = found.next()? {
                take(one, row)?;
            }
        }
        Ok(())
    })
    .await
}

/// Runs a query, and hands over each row found until `take` breaks off.
pub(crate) async fn select(
    db: &mut Connection,
    sql: &str,
    values: impl Params,
    mut take: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    on_connection(db, |db| {
        let mut statement = db.prepare(sql)?;
        let mut found = statement.query(values)?;
        while let Some(row) = found.next()? {
            if take(row)?.is_break() {
                break;
            }
        }
        Ok(())
    })
    .await
}

/// Runs a statement for each of `rows`, whose values `bind` binds. Returns how many rows changed.
pub(crate) async fn each<T>(
    db: &mut Connection,
    sql: &str,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    on_connection(db, |db| {
        let mut statement = db.prepare(sql)?;
        let mut changed = 0;
        for row in rows {
            let values = Values { statement: &mut statement, bound: 0, outcome: Ok(()) };
            bind(values, row).outcome?;
            changed += statement.raw_execute()? as u64;
        }
        Ok(changed)
    })
    .await
}

/// Works on the connection while the driver's thread waits. What else the runtime has to do goes on
/// on other threads, where it has any.
async fn on_connection<R>(
    db: &mut Connection,
    work: impl FnOnce(&rusqlite::Connection) -> Result<R, StoreError>,
) -> Result<R, StoreError> {
    let outcome = with_handle(&mut db.lock_handle().await?, work);
    // The driver's thread may not yet know that it was asked to wait. Fifty such requests fill its
    // queue, and the next one would wait for that thread while it waits for the handle.
    db.ping().await?;
    outcome
}

fn with_handle<R>(
    locked: &mut LockedSqliteHandle<'_>,
    work: impl FnOnce(&rusqlite::Connection) -> Result<R, StoreError>,
) -> Result<R, StoreError> {
    let handle = locked.as_raw_handle().as_ptr();
    let work = || {
        // SAFETY: the driver keeps the handle open and touches it no more as long as `locked` is
        // there; both sides link the same SQLite; the borrowed connection does not close it.
        #[allow(unsafe_code, reason = "the one place where the driver's connection is borrowed")]
        let borrowed = unsafe { rusqlite::Connection::from_handle(handle) }?;
        work(&borrowed)
    };
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(work),
        _ => work(),
    }
}

/// Takes `count` numbers under a name, without gaps; returns the first of them, from 1.
pub(crate) async fn numbers(
    db: &mut Connection,
    name: &str,
    count: usize,
) -> Result<i64, StoreError> {
    let count = i64::try_from(count).expect("a batch is small");
    let last: i64 = sqlx::query_scalar(
        "INSERT INTO counter (name, last) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET last = counter.last + excluded.last
         RETURNING last",
    )
    .bind(name)
    .bind(count)
    .fetch_one(db)
    .await?;
    Ok(last - count + 1)
}

/// A count or an offset, as databases hold it.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).expect("counts and offsets stay below 2^63")
}

/// A column of text that is never NULL.
pub(crate) fn text<'r>(row: &'r Row<'_>, index: usize) -> Result<&'r str, StoreError> {
    Ok(row.get_ref(index)?.as_str().map_err(rusqlite::Error::from)?)
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    #[tokio::test]
    async fn rows_in_any_order_are_found_as_by_their_keys() {
        let mut db = Connection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (_id INTEGER PRIMARY KEY, key TEXT UNIQUE)")
            .execute(&mut db)
            .await
            .unwrap();
        let there: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        insert(&mut db, "INSERT INTO t (key)", 1, "", &there, |values, key| values.bind(key))
            .await
            .unwrap();
        let keys = |numbers: &[i32]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>();
        let backward: Vec<i32> = (0..200).rev().collect();
        let broken: Vec<i32> = (0..40).chain([500, 7, 7]).chain(90..200).chain(-3..3).collect();
        for wanted in [there.clone(), keys(&backward), keys(&broken), Vec::new()] {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let mut found = Vec::new();
            let (by_key, behind) = (
                "SELECT key, _id FROM t WHERE key = ?",
                "SELECT key, _id FROM t WHERE _id > ? ORDER BY _id",
            );
            select_runs(&mut db, by_key, behind, &wanted, |row| {
                found.push(text(row, 0)?.to_owned());
                Ok(())
            })
            .await
            .unwrap();
            let expected = wanted.into_iter().filter(|key| there.iter().any(|one| one == key));
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }
}
