//! Many rows at once, by each database's own quick road: on SQLite one prepared statement run for
//! each row on the connection itself (`rows/sqlite.rs`), on PostgreSQL COPY, or one statement over
//! arrays (`rows/postgres.rs`). Whatever is not many rows goes through
//! `sql`.
//!
//! Places for values are numbered: `$1` is what is bound first.

mod postgres;
mod sqlite;

use std::ops::ControlFlow;

use sqlx::{Row as _, postgres::PgRow};

use crate::{
    Connection, StoreError,
    connection::Link,
    sql::{self, Value},
};

/// A statement whose values are being bound for one row.
pub(crate) enum Values<'s, 'c> {
    Sqlite(sqlite::Binding<'s, 'c>),
    Copy(&'s mut postgres::CopyRows),
    Arrays(&'s mut postgres::Arrays),
}

impl Values<'_, '_> {
    /// Binds the next value.
    pub(crate) fn bind<'v>(mut self, value: impl Into<Value<'v>>) -> Self {
        match &mut self {
            Self::Sqlite(binding) => binding.bind(&value.into()),
            Self::Copy(rows) => rows.bind(&value.into()),
            Self::Arrays(arrays) => arrays.bind(&value.into()),
        }
        self
    }
}

/// A row that was found, lent for a look.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r PgRow),
}

impl<'r> Row<'r> {
    /// A column of numbers that is never NULL.
    pub(crate) fn int(self, column: usize) -> Result<i64, StoreError> {
        self.int_or_null(column)?.ok_or_else(null)
    }

    /// A column of numbers.
    pub(crate) fn int_or_null(self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_i64_or_null()?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// A column of text that is never NULL.
    pub(crate) fn text(self, column: usize) -> Result<&'r str, StoreError> {
        self.text_or_null(column)?.ok_or_else(null)
    }

    /// A column of text.
    pub(crate) fn text_or_null(self, column: usize) -> Result<Option<&'r str>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_str_or_null()?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// A column of bytes that is never NULL.
    pub(crate) fn blob(self, column: usize) -> Result<&'r [u8], StoreError> {
        self.blob_or_null(column)?.ok_or_else(null)
    }

    /// A column of bytes.
    pub(crate) fn blob_or_null(self, column: usize) -> Result<Option<&'r [u8]>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?.as_blob_or_null()?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }
}

fn null() -> StoreError {
    StoreError::unreadable("a column", "it is NULL")
}

/// Runs `head VALUES ($1, …) tail` for each of `rows`, whose `columns` values `bind` binds. Returns
/// how many rows changed.
pub(crate) async fn insert<T>(
    db: &mut Connection,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    match db.link() {
        Link::Sqlite(db) => {
            let places: Vec<String> = (1..=columns).map(|number| format!("${number}")).collect();
            let sql = format!("{head} VALUES ({}) {tail}", places.join(", "));
            sqlite::each(db, &sql, rows, bind).await
        }
        Link::Postgres(db) => postgres::insert(db, head, columns, tail, rows, bind).await,
    }
}

/// Writes rows of another store: with the numbers that they had there, where a table gives its own.
pub(crate) async fn load<T>(
    db: &mut Connection,
    into: &str,
    columns: usize,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    match db.link() {
        Link::Sqlite(_) => {
            insert(db, &format!("INSERT INTO {into}"), columns, "", rows, bind).await
        }
        Link::Postgres(db) => postgres::copy(db, into, columns, rows, bind).await,
    }
}

/// Runs an `UPDATE` or `DELETE` for each of `rows`, whose values `bind` binds; no two of them may
/// be about the same row of the table. Returns how many rows changed.
pub(crate) async fn each<T>(
    db: &mut Connection,
    sql: &str,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    match db.link() {
        Link::Sqlite(db) => sqlite::each(db, sql, rows, bind).await,
        Link::Postgres(db) => postgres::each(db, sql, rows, bind).await,
    }
}

/// Runs a query for each of `keys`, its one value, and hands over each row found, in their order.
pub(crate) async fn select_by(
    db: &mut Connection,
    sql: &str,
    keys: &[&str],
    mut take: impl FnMut(Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    select_each(db, sql, keys, |values, key| values.bind(*key), |_, row| take(row)).await
}

/// Looks up the row of each of `keys`, and hands over each one found, as [`select_by`] does, for
/// rows that most often stand in the table one behind the other: from a row found `by_key` on, the
/// ones `behind` it may be read as long as they are those asked for next. Both queries give the key
/// first and the row's number last.
pub(crate) async fn select_runs(
    db: &mut Connection,
    by_key: &str,
    behind: &str,
    keys: &[&str],
    take: impl FnMut(Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    match db.link() {
        Link::Sqlite(db) => sqlite::select_runs(db, by_key, behind, keys, take).await,
        Link::Postgres(_) => select_by(db, by_key, keys, take).await,
    }
}

/// Runs a query for each of `asked`, whose values `bind` binds, and hands over each row found, in
/// their order.
pub(crate) async fn select_each<T>(
    db: &mut Connection,
    sql: &str,
    asked: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
    take: impl FnMut(&T, Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    match db.link() {
        Link::Sqlite(db) => sqlite::select_each(db, sql, asked, bind, take).await,
        Link::Postgres(db) => postgres::select_each(db, sql, asked, bind, take).await,
    }
}

/// Runs a query that finds a bounded number of rows, and hands over each one until `take` breaks
/// off.
pub(crate) async fn select(
    db: &mut Connection,
    sql: &str,
    values: &[Value<'_>],
    take: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    match db.link() {
        Link::Sqlite(db) => sqlite::select(db, sql, values, take).await,
        Link::Postgres(db) => postgres::select(db, sql, values, take).await,
    }
}

/// Takes `count` numbers under a name, without gaps; returns the first of them, from 1.
pub(crate) async fn numbers(
    db: &mut Connection,
    name: &str,
    count: usize,
) -> Result<i64, StoreError> {
    let count = i64::try_from(count).expect("a batch is small");
    let last: i64 = sql::query_scalar(
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
