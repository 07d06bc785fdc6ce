//! Many rows on SQLite: one prepared statement, run for each row on the connection itself.
//!
//! Through the driver each statement costs a hop to its thread and each value an allocation, which
//! is most of the time of a load. So the connection is borrowed from the driver meanwhile, as its
//! `lock_handle` is for, and driven by `rusqlite`.

use std::ops::ControlFlow;

use rusqlite::types::Null;
use sqlx::{Connection as _, SqliteConnection, sqlite::LockedSqliteHandle};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

use super::{Row, Values};
use crate::{StoreError, sql::Value};

/// A prepared statement whose values are being bound.
pub(crate) struct Binding<'s, 'c> {
    statement: &'s mut rusqlite::Statement<'c>,
    bound: usize,
    outcome: rusqlite::Result<()>,
}

impl<'s, 'c> Binding<'s, 'c> {
    fn new(statement: &'s mut rusqlite::Statement<'c>) -> Self {
        Self { statement, bound: 0, outcome: Ok(()) }
    }

    /// Binds the next value.
    pub(super) fn bind(&mut self, value: &Value<'_>) {
        self.bound += 1;
        if self.outcome.is_ok() {
            self.outcome = match value {
                Value::Int(Some(number)) => self.statement.raw_bind_parameter(self.bound, number),
                Value::Text(Some(text)) => self.statement.raw_bind_parameter(self.bound, &**text),
                Value::Blob(Some(bytes)) => self.statement.raw_bind_parameter(self.bound, &**bytes),
                Value::Int(None) | Value::Text(None) | Value::Blob(None) => {
                    self.statement.raw_bind_parameter(self.bound, Null)
                }
            };
        }
    }
}

fn bind_all<T>(
    statement: &mut rusqlite::Statement<'_>,
    row: &T,
    bind: &impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> rusqlite::Result<()> {
    match bind(Values::Sqlite(Binding::new(statement)), row) {
        Values::Sqlite(binding) => binding.outcome,
        Values::Copy(_) | Values::Arrays(_) => unreachable!("what is bound comes back"),
    }
}

/// To the database `$1` is a name, `?1` the first value.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

/// Runs a statement for each of `rows`. Returns how many rows changed.
pub(super) async fn each<T>(
    db: &mut SqliteConnection,
    sql: &str,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    on_connection(db, |db| {
        let mut statement = db.prepare(&numbered(sql))?;
        let mut changed = 0;
        for row in rows {
            bind_all(&mut statement, row, &bind)?;
            changed += statement.raw_execute()? as u64;
        }
        Ok(changed)
    })
    .await
}

/// Runs a query for each of `asked`, and hands over each row found.
pub(super) async fn select_each<T>(
    db: &mut SqliteConnection,
    sql: &str,
    asked: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
    mut take: impl FnMut(&T, Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    on_connection(db, |db| {
        let mut statement = db.prepare(&numbered(sql))?;
        for one in asked {
            bind_all(&mut statement, one, &bind)?;
            let mut found = statement.raw_query();
            while let Some(row) = found.next()? {
                take(one, Row::Sqlite(row))?;
            }
        }
        Ok(())
    })
    .await
}

/// Looks up the row of each key, and reads on from each one found while the next ones follow.
pub(super) async fn select_runs(
    db: &mut SqliteConnection,
    by_key: &str,
    behind: &str,
    keys: &[&str],
    mut take: impl FnMut(Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    on_connection(db, |db| {
        let mut by_key = db.prepare(&numbered(by_key))?;
        let mut behind = db.prepare(&numbered(behind))?;
        let last = by_key.column_count() - 1;
        let mut left = keys;
        let mut in_vain = 0;
        while let [key, rest @ ..] = left {
            left = rest;
            let mut found = by_key.query([key])?;
            let Some(row) = found.next()? else { continue };
            take(Row::Sqlite(row))?;
            if left.is_empty() || in_vain == RUNS_IN_VAIN {
                continue;
            }
            let mut run = behind.query([row.get::<_, i64>(last)?])?;
            let before = left.len();
            while let Some(row) = run.next()? {
                match left {
                    [key, rest @ ..] if Row::Sqlite(row).text(0)? == *key => {
                        take(Row::Sqlite(row))?;
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

/// Runs a query, and hands over each row found until `take` breaks off.
pub(super) async fn select(
    db: &mut SqliteConnection,
    sql: &str,
    values: &[Value<'_>],
    mut take: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    on_connection(db, |db| {
        let mut statement = db.prepare(&numbered(sql))?;
        let mut binding = Binding::new(&mut statement);
        values.iter().for_each(|value| binding.bind(value));
        binding.outcome?;
        let mut found = statement.raw_query();
        while let Some(row) = found.next()? {
            if take(Row::Sqlite(row))?.is_break() {
                break;
            }
        }
        Ok(())
    })
    .await
}

/// Works on the connection while the driver's thread waits. What else the runtime has to do goes on
/// on other threads, where it has any.
async fn on_connection<R>(
    db: &mut SqliteConnection,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_in_any_order_are_found_as_by_their_keys() {
        let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE t (_id INTEGER PRIMARY KEY, key TEXT UNIQUE)")
            .execute(&mut db)
            .await
            .unwrap();
        let there: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let sql = "INSERT INTO t (key) VALUES ($1)";
        each(&mut db, sql, &there, |values, key| values.bind(key)).await.unwrap();
        let keys = |numbers: &[i32]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>();
        let backward: Vec<i32> = (0..200).rev().collect();
        let broken: Vec<i32> = (0..40).chain([500, 7, 7]).chain(90..200).chain(-3..3).collect();
        for wanted in [there.clone(), keys(&backward), keys(&broken), Vec::new()] {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let mut found = Vec::new();
            let (by_key, behind) = (
                "SELECT key, _id FROM t WHERE key = $1",
                "SELECT key, _id FROM t WHERE _id > $1 ORDER BY _id",
            );
            select_runs(&mut db, by_key, behind, &wanted, |row| {
                found.push(row.text(0)?.to_owned());
                Ok(())
            })
            .await
            .unwrap();
            let expected = wanted.into_iter().filter(|key| there.iter().any(|one| one == key));
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }
}
