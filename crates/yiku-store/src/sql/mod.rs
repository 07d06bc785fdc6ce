//! Statements on either database: the driver's own way of writing them, over a [`Connection`] that
//! knows which database it is of.

mod builder;
mod value;

use std::borrow::Cow;

use sqlx::{
    ColumnIndex, Decode, Error, FromRow, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Type,
    TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

pub(crate) use self::value::without_nul;
pub use self::{builder::QueryBuilder, value::Value};
use crate::connection::{Connection, Link};

/// A row of the answer.
pub enum Row {
    /// Of SQLite.
    Sqlite(SqliteRow),
    /// Of PostgreSQL.
    Postgres(PgRow),
}

/// What a column can be read as: its type in both databases.
pub trait Column<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

impl<'r, T> Column<'r> for T where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

/// What a row can be read as: a tuple, or a struct that derives `FromRow`.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

/// How a column is named: by number or by name.
pub trait Place: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> {}

impl<T> Place for T where T: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> {}

impl Row {
    /// A column's value.
    pub fn try_get<'r, T, I>(&'r self, place: I) -> Result<T, Error>
    where
        T: Column<'r>,
        I: Place,
    {
        match self {
            Self::Sqlite(row) => row.try_get(place),
            Self::Postgres(row) => row.try_get(place),
        }
    }
}

impl Row {
    /// A column of numbers that are never below 0 nor above [`u32::MAX`].
    pub fn small(&self, place: usize) -> Result<u32, Error> {
        let wide =
            |error| Error::ColumnDecode { index: place.to_string(), source: Box::new(error) };
        u32::try_from(self.try_get::<i64, _>(place)?).map_err(wide)
    }

    /// Every column's value, of whatever type it is.
    pub fn values(&self) -> Result<Vec<Value<'static>>, Error> {
        match self {
            Self::Sqlite(row) => (0..row.len()).map(|place| sqlite_value(row, place)).collect(),
            Self::Postgres(row) => (0..row.len()).map(|place| pg_value(row, place)).collect(),
        }
    }
}

fn sqlite_value(row: &SqliteRow, place: usize) -> Result<Value<'static>, Error> {
    let kind = row.try_get_raw(place)?.type_info().into_owned();
    Ok(match kind.name() {
        "INTEGER" => Value::Int(row.try_get(place)?),
        "BLOB" => Value::Blob(row.try_get::<Option<Vec<u8>>, _>(place)?.map(Cow::Owned)),
        _ => Value::Text(row.try_get::<Option<String>, _>(place)?.map(Cow::Owned)),
    })
}

fn pg_value(row: &PgRow, place: usize) -> Result<Value<'static>, Error> {
    let kind = row.try_get_raw(place)?.type_info().into_owned();
    Ok(match kind.name() {
        "INT4" => Value::Int(row.try_get::<Option<i32>, _>(place)?.map(i64::from)),
        "INT8" => Value::Int(row.try_get(place)?),
        "BYTEA" => Value::Blob(row.try_get::<Option<Vec<u8>>, _>(place)?.map(Cow::Owned)),
        _ => Value::Text(row.try_get::<Option<String>, _>(place)?.map(Cow::Owned)),
    })
}

/// A statement with its values.
#[must_use = "a statement does nothing until it is run"]
pub struct Query<'q, O> {
    sql: SqlStr,
    values: Vec<Value<'q>>,
    persistent: bool,
    read: fn(Row) -> Result<O, Error>,
}

/// A statement, or a query for rows.
pub fn query<'q>(sql: impl SqlSafeStr) -> Query<'q, Row> {
    Query::new(sql, Ok)
}

/// A query for rows as `O`.
pub fn query_as<'q, O: Record>(sql: impl SqlSafeStr) -> Query<'q, O> {
    Query::new(sql, |row| match row {
        Row::Sqlite(row) => O::from_row(&row),
        Row::Postgres(row) => O::from_row(&row),
    })
}

/// A query for the first column.
pub fn query_scalar<'q, O: for<'r> Column<'r>>(sql: impl SqlSafeStr) -> Query<'q, O> {
    Query::new(sql, |row| row.try_get(0))
}

/// What a statement did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    rows: u64,
}

impl Done {
    /// How many rows changed.
    pub fn rows_affected(self) -> u64 {
        self.rows
    }
}

impl<'q, O> Query<'q, O> {
    fn new(sql: impl SqlSafeStr, read: fn(Row) -> Result<O, Error>) -> Self {
        Self { sql: sql.into_sql_str(), values: Vec::new(), persistent: true, read }
    }

    /// Binds the next value.
    pub fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    fn with(mut self, values: Vec<Value<'q>>) -> Self {
        self.values = values;
        self
    }

    /// Whether the prepared statement is kept for the next time; it is unless said otherwise.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.persistent = persistent;
        self
    }

    /// Runs it.
    pub async fn execute(self, db: &mut Connection) -> Result<Done, Error> {
        let rows = match db.link() {
            Link::Sqlite(db) => {
                let query = sqlx::query_with(self.sql, sqlite(self.values)?);
                query.persistent(self.persistent).execute(&mut **db).await?.rows_affected()
            }
            Link::Postgres(db) => {
                let query = sqlx::query_with(self.sql, postgres(self.values)?);
                query.persistent(self.persistent).execute(&mut **db).await?.rows_affected()
            }
        };
        Ok(Done { rows })
    }

    /// All rows.
    pub async fn fetch_all(self, db: &mut Connection) -> Result<Vec<O>, Error> {
        let read = self.read;
        match db.link() {
            Link::Sqlite(db) => {
                let query = sqlx::query_with(self.sql, sqlite(self.values)?);
                let rows = query.persistent(self.persistent).fetch_all(&mut **db).await?;
                rows.into_iter().map(|row| read(Row::Sqlite(row))).collect()
            }
            Link::Postgres(db) => {
                let query = sqlx::query_with(self.sql, postgres(self.values)?);
                let rows = query.persistent(self.persistent).fetch_all(&mut **db).await?;
                rows.into_iter().map(|row| read(Row::Postgres(row))).collect()
            }
        }
    }

    /// The first row, if there is one.
    pub async fn fetch_optional(self, db: &mut Connection) -> Result<Option<O>, Error> {
        let read = self.read;
        match db.link() {
            Link::Sqlite(db) => {
                let query = sqlx::query_with(self.sql, sqlite(self.values)?);
                let row = query.persistent(self.persistent).fetch_optional(&mut **db).await?;
                row.map(|row| read(Row::Sqlite(row))).transpose()
            }
            Link::Postgres(db) => {
                let query = sqlx::query_with(self.sql, postgres(self.values)?);
                let row = query.persistent(self.persistent).fetch_optional(&mut **db).await?;
                row.map(|row| read(Row::Postgres(row))).transpose()
            }
        }
    }

    /// The first row. [`Error::RowNotFound`] when there is none.
    pub async fn fetch_one(self, db: &mut Connection) -> Result<O, Error> {
        self.fetch_optional(db).await?.ok_or(Error::RowNotFound)
    }
}

fn sqlite(values: Vec<Value<'_>>) -> Result<SqliteArguments, Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        sqlx::Arguments::add(&mut arguments, value).map_err(Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres(values: Vec<Value<'_>>) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        sqlx::Arguments::add(&mut arguments, value).map_err(Error::Encode)?;
    }
    Ok(arguments)
}

/// Statements without values, one or several, which are not kept prepared.
pub async fn run(db: &mut Connection, sql: impl SqlSafeStr) -> Result<(), Error> {
    match db.link() {
        Link::Sqlite(db) => sqlx::raw_sql(sql).execute(&mut **db).await.map(drop),
        Link::Postgres(db) => sqlx::raw_sql(sql).execute(&mut **db).await.map(drop),
    }
}
