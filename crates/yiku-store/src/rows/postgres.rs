//! Many rows on PostgreSQL: one statement for all of them.
//!
//! New rows go by COPY into their table. Whatever has to find its row travels as one array per
//! value, and is joined with the table: `$1` of the statement for one row becomes a column of the
//! arrays' rows.

use std::{fmt::Write as _, ops::ControlFlow};

use sqlx::{
    Arguments as _, AssertSqlSafe, Encode, PgConnection, Postgres, Row as _, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo},
};

use super::{Row, Values};
use crate::{
    StoreError,
    sql::{Value, without_nul},
};

/// Writes rows into a table. COPY takes them as they are; few rows, or such as may be there
/// already, are inserted from arrays.
pub(super) async fn insert<T>(
    db: &mut PgConnection,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    if tail.is_empty() && rows.len() >= COPY_MIN {
        let into = head.trim_start().trim_start_matches("INSERT INTO");
        return copy(db, into, columns, rows, bind).await;
    }
    let places: Vec<String> = (1..=columns).map(|number| format!("v._{number}")).collect();
    let arrays = Arrays::of(rows, bind);
    let sql = format!("{head} SELECT {} FROM {} {tail}", places.join(", "), arrays.as_rows());
    let done = sqlx::query_with(AssertSqlSafe(sql), arrays.arguments()?).execute(db).await?;
    Ok(done.rows_affected())
}

/// Copies rows into `table (columns)`.
pub(super) async fn copy<T>(
    db: &mut PgConnection,
    into: &str,
    columns: usize,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    let columns = i16::try_from(columns).expect("a table has few columns");
    let mut out = CopyRows::new();
    let mut copy = db.copy_in_raw(&format!("COPY {into} FROM STDIN (FORMAT binary)")).await?;
    for row in rows {
        out.bytes.extend_from_slice(&columns.to_be_bytes());
        bind(Values::Copy(&mut out), row);
        if out.bytes.len() >= COPY_PART_BYTES {
            copy.send(out.bytes.as_slice()).await?;
            out.bytes.clear();
        }
    }
    out.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    copy.send(out.bytes.as_slice()).await?;
    Ok(copy.finish().await?)
}

/// Runs an `UPDATE` or `DELETE` for all rows at once. Returns how many rows changed.
pub(super) async fn each<T>(
    db: &mut PgConnection,
    sql: &str,
    rows: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
) -> Result<u64, StoreError> {
    let arrays = Arrays::of(rows, bind);
    let sql = of_arrays(sql);
    let (what, which) = sql.rsplit_once("WHERE").expect("a row is chosen by a condition");
    let from = if sql.trim_start().starts_with("DELETE") { "USING" } else { "FROM" };
    let sql = format!("{what}{from} {} WHERE{which}", arrays.as_rows());
    let query = sqlx::query_with(AssertSqlSafe(sql), arrays.arguments()?);
    Ok(query.execute(db).await?.rows_affected())
}

/// Runs a query for each of `asked`, all at once, and hands over the rows found in their order.
pub(super) async fn select_each<T>(
    db: &mut PgConnection,
    sql: &str,
    asked: &[T],
    bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>,
    mut take: impl FnMut(&T, Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let arrays = Arrays::of(asked, bind);
    let sql = format!(
        "SELECT q.*, v._n FROM {} CROSS JOIN LATERAL ({}) AS q ORDER BY v._n",
        arrays.as_rows(),
        of_arrays(sql)
    );
    let query = sqlx::query_with(AssertSqlSafe(sql), arrays.arguments()?);
    for row in query.fetch_all(db).await? {
        let number: i64 = row.try_get(row.len() - 1)?;
        take(&asked[number.cast_unsigned() as usize - 1], Row::Postgres(&row))?;
    }
    Ok(())
}

/// Runs a query, and hands over each row found until `take` breaks off.
pub(super) async fn select(
    db: &mut PgConnection,
    sql: &str,
    values: &[Value<'_>],
    mut take: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut arguments = PgArguments::default();
    for value in values {
        arguments.add(value).map_err(sqlx::Error::Encode)?;
    }
    let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments);
    for row in query.fetch_all(db).await? {
        if take(Row::Postgres(&row))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// `$1` as `v._1`: the value of the row of arrays.
fn of_arrays(sql: &str) -> String {
    sql.replace('$', "v._")
}

/// Rows on their way into a table, as COPY's binary form has them.
pub(crate) struct CopyRows {
    bytes: Vec<u8>,
}

impl CopyRows {
    fn new() -> Self {
        // Signature, flags, length of the header's extension.
        Self { bytes: b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec() }
    }

    pub(super) fn bind(&mut self, value: &Value<'_>) {
        push(&mut self.bytes, value);
    }
}

/// Values of many rows, one array per place of the statement.
#[derive(Default)]
pub(crate) struct Arrays {
    columns: Vec<Array>,
    next: usize,
}

struct Array {
    kind: ArrayKind,
    count: i32,
    nulls: bool,
    elements: Vec<u8>,
}

#[derive(Clone, Copy)]
enum ArrayKind {
    Int,
    Text,
    Blob,
}

impl Arrays {
    fn of<T>(rows: &[T], bind: impl for<'s, 'c> Fn(Values<'s, 'c>, &T) -> Values<'s, 'c>) -> Self {
        let mut arrays = Self::default();
        for row in rows {
            arrays.next = 0;
            bind(Values::Arrays(&mut arrays), row);
        }
        arrays
    }

    pub(super) fn bind(&mut self, value: &Value<'_>) {
        if self.next == self.columns.len() {
            self.columns.push(Array::new(value));
        }
        self.columns[self.next].push(value);
        self.next += 1;
    }

    /// `unnest($1, $2) WITH ORDINALITY AS v (_1, _2, _n)`.
    fn as_rows(&self) -> String {
        let (mut places, mut names) = (String::new(), String::new());
        for number in 1..=self.columns.len() {
            let comma = if number > 1 { ", " } else { "" };
            write!(places, "{comma}${number}").expect("writing to a string");
            write!(names, "_{number}, ").expect("writing to a string");
        }
        format!("unnest({places}) WITH ORDINALITY AS v ({names}_n)")
    }

    fn arguments(self) -> Result<PgArguments, StoreError> {
        let mut arguments = PgArguments::default();
        for column in self.columns {
            arguments.add(column).map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

impl Array {
    fn new(first: &Value<'_>) -> Self {
        let kind = match first {
            Value::Int(_) => ArrayKind::Int,
            Value::Text(_) => ArrayKind::Text,
            Value::Blob(_) => ArrayKind::Blob,
        };
        Self { kind, count: 0, nulls: false, elements: Vec::new() }
    }

    fn push(&mut self, value: &Value<'_>) {
        self.nulls |= push(&mut self.elements, value);
        self.count += 1;
    }
}

/// Appends a value with its length before it; says whether it is NULL.
fn push(out: &mut Vec<u8>, value: &Value<'_>) -> bool {
    let text;
    let bytes: &[u8] = match value {
        Value::Int(Some(number)) => &number.to_be_bytes(),
        Value::Text(Some(found)) => {
            text = without_nul(found);
            text.as_bytes()
        }
        Value::Blob(Some(bytes)) => bytes,
        Value::Int(None) | Value::Text(None) | Value::Blob(None) => {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            return true;
        }
    };
    let length = i32::try_from(bytes.len()).expect("a value is smaller than 2 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    false
}

impl Type<Postgres> for Array {
    fn type_info() -> PgTypeInfo {
        <Vec<String> as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Array {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let element: u32 = match self.kind {
            ArrayKind::Int => 20,
            ArrayKind::Text => 25,
            ArrayKind::Blob => 17,
        };
        // One dimension, whether there are NULLs, the elements' type, how many, from 1.
        buffer.extend_from_slice(&1_i32.to_be_bytes());
        buffer.extend_from_slice(&i32::from(self.nulls).to_be_bytes());
        buffer.extend_from_slice(&element.to_be_bytes());
        buffer.extend_from_slice(&self.count.to_be_bytes());
        buffer.extend_from_slice(&1_i32.to_be_bytes());
        buffer.extend_from_slice(&self.elements);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(match self.kind {
            ArrayKind::Int => <Vec<i64> as Type<Postgres>>::type_info(),
            ArrayKind::Text => <Vec<String> as Type<Postgres>>::type_info(),
            ArrayKind::Blob => <Vec<Vec<u8>> as Type<Postgres>>::type_info(),
        })
    }
}

/// With fewer rows COPY costs more than it saves.
const COPY_MIN: usize = 32;
const COPY_PART_BYTES: usize = 256 << 10;
