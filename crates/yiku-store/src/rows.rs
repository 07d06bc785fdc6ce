//! Many rows per statement: a statement per row would cost a hop to the driver's thread each.
//!
//! These statements have thousands of values. Their places are written `?`, without numbers: for
//! each numbered place the driver asks SQLite for its name, which SQLite looks up from the first
//! one on, so that three quarters of the time went there. (PostgreSQL wants the numbers.)

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Sqlite,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{Connection, StoreError};

/// A statement whose values are being bound.
pub(crate) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Inserts `rows` by `head VALUES (…), (…) tail`, in statements of a few fixed sizes, so that each
/// is prepared once. `bind` binds the `columns` values of one row. Returns how many rows changed.
pub(crate) async fn insert<T>(
    db: &mut Connection,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[T],
    bind: impl for<'q> Fn(Statement<'q>, &T) -> Statement<'q>,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    let mut rest = rows;
    while !rest.is_empty() {
        let size = SIZES.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let mut statement = sqlx::query(AssertSqlSafe(text(head, columns, size, tail)));
        for row in chunk {
            statement = bind(statement, row);
        }
        changed += statement.execute(&mut *db).await?.rows_affected();
    }
    Ok(changed)
}

/// `head VALUES (?, ?), (?, ?) tail`.
fn text(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let row = format!("({})", places(columns));
    format!("{head} VALUES {} {tail}", vec![row.as_str(); rows].join(", "))
}

/// `?, ?, ?`.
fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Runs `head IN (?, …)` for `values`, in statements of a few fixed sizes; `bind` binds what `head`
/// asks for before them, also as `?`. Returns how many rows changed.
pub(crate) async fn change_in(
    db: &mut Connection,
    head: &str,
    values: &[i64],
    bind: impl for<'q> Fn(Statement<'q>) -> Statement<'q>,
) -> Result<u64, StoreError> {
    let mut changed = 0;
    let mut rest = values;
    while !rest.is_empty() {
        let size = SIZES.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let sql = format!("{head} IN ({})", places(size));
        let mut statement = bind(sqlx::query(AssertSqlSafe(sql)));
        for value in chunk {
            statement = statement.bind(*value);
        }
        changed += statement.execute(&mut *db).await?.rows_affected();
    }
    Ok(changed)
}

/// Runs `head (?, …)` for `keys`, in statements of a few fixed sizes, and hands over each row
/// found.
pub(crate) async fn select_in(
    db: &mut Connection,
    head: &str,
    keys: &[&str],
    mut take: impl FnMut(&SqliteRow) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut rest = keys;
    while !rest.is_empty() {
        let size = SIZES.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
        let (chunk, after) = rest.split_at(size);
        rest = after;
        let mut statement = sqlx::query(AssertSqlSafe(format!("{head} ({})", places(size))));
        for key in chunk {
            statement = statement.bind(Arc::<str>::from(*key));
        }
        for row in statement.fetch_all(&mut *db).await? {
            take(&row)?;
        }
    }
    Ok(())
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

const SIZES: [usize; 4] = [128, 32, 8, 1];
