//! One connection to one of the three databases, and the few things asked of all of them.

use std::{borrow::Cow, future::Future, ops::Range, path::Path, str::FromStr, time::Duration};

use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Connection, Decode, MySql, MySqlConnection, PgConnection, Postgres, Row, Sqlite,
    SqliteConnection, TypeInfo, ValueRef, mysql::MySqlConnectOptions, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use yiku_connector::ConnectorError;
use yiku_core::batch::Row as Cells;

use crate::{
    dialect::Dialect,
    failure::{System, failed, too_slow},
    page::{Cell, Page},
    statement::{Bind, Statement},
    target::Target,
    write::{Deed, Value},
};

/// A connection.
pub enum Database {
    /// To a SQLite file.
    Sqlite(SqliteConnection),
    /// To PostgreSQL.
    Postgres(PgConnection),
    /// To MySQL or MariaDB.
    MySql(MySqlConnection),
}

/// Whether a connection may change anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// It may only read.
    Read,
    /// It may write.
    Write,
    /// It may write, and make a SQLite file that is not there.
    Make,
}

/// Where a database is.
#[derive(Clone)]
pub struct Place {
    /// Its name for errors, without login.
    pub system: System,
    options: Options,
}

#[derive(Clone)]
enum Options {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
    MySql(MySqlConnectOptions),
}

const CONNECT_SECONDS: u64 = 10;
const STATEMENT_SECONDS: u64 = 300;
const BUSY_SECONDS: u64 = 5;
/// Placeholders of a statement: SQLite takes 32,766, MySQL 65,535.
const PLACEHOLDERS: usize = 32_000;

impl Place {
    /// Reads a URL. The path of a SQLite file starts at `folder`. The error never shows the URL.
    pub fn read(url: &str, folder: &Path) -> Result<Self, ConnectorError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let wrong = |_| {
            ConnectorError::Config(format!(
                "the url after `{scheme}:` cannot be read: in user and password every character \
                 but letters and digits is written as %XX"
            ))
        };
        let port = |host: &str, port: u16, database: Option<&str>| {
            format!("{host}:{port}/{}", database.unwrap_or_default())
        };
        let (dialect, name, options) = match scheme {
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url).map_err(wrong)?;
                let file = folder.join(options.get_filename());
                let options = options.filename(&file);
                (Dialect::Sqlite, file.display().to_string(), Options::Sqlite(options))
            }
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).map_err(wrong)?;
                let name = port(options.get_host(), options.get_port(), options.get_database());
                (Dialect::Postgres, name, Options::Postgres(options.application_name("yiku")))
            }
            "mysql" | "mariadb" => {
                let options = MySqlConnectOptions::from_str(url).map_err(wrong)?;
                let name = port(options.get_host(), options.get_port(), options.get_database());
                (Dialect::MySql, name, Options::MySql(options))
            }
            _ => {
                return Err(ConnectorError::Config(
                    "the url must begin with sqlite:, postgres://, mysql:// or mariadb://".into(),
                ));
            }
        };
        Ok(Self { system: System { dialect, name }, options })
    }

    /// Whether this is a SQLite file that is not there, in a folder that is.
    pub fn file_can_be_made(&self) -> bool {
        match &self.options {
            Options::Sqlite(options) => {
                let file = options.get_filename();
                !file.exists() && file.parent().is_some_and(Path::is_dir)
            }
            _ => false,
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.options {
            Options::Sqlite(options) => Some(options.get_filename()),
            _ => None,
        }
    }

    /// Connects, within ten seconds.
    pub async fn connect(&self, mode: Mode) -> Result<Database, ConnectorError> {
        let connecting = async {
            let mut database = match &self.options {
                Options::Sqlite(options) => {
                    let options = options
                        .clone()
                        .read_only(mode == Mode::Read)
                        .create_if_missing(mode == Mode::Make)
                        .busy_timeout(Duration::from_secs(BUSY_SECONDS));
                    Database::Sqlite(SqliteConnection::connect_with(&options).await?)
                }
                Options::Postgres(options) => {
                    Database::Postgres(PgConnection::connect_with(options).await?)
                }
                Options::MySql(options) => {
                    Database::MySql(MySqlConnection::connect_with(options).await?)
                }
            };
            match mode {
                Mode::Read => database.forbid_writes().await?,
                Mode::Write | Mode::Make => database.forbid_losses().await?,
            }
            Ok(database)
        };
        within(&self.system, "connecting", CONNECT_SECONDS, connecting).await
    }

    /// Runs something on a connection of this place, within five minutes.
    pub async fn within<T>(
        &self,
        doing: &str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, ConnectorError> {
        within(&self.system, doing, STATEMENT_SECONDS, work).await
    }
}

async fn within<T>(
    system: &System,
    doing: &str,
    seconds: u64,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, ConnectorError> {
    match tokio::time::timeout(Duration::from_secs(seconds), work).await {
        Ok(result) => result.map_err(|error| failed(system, doing, error)),
        Err(_) => Err(too_slow(system, doing, seconds)),
    }
}

impl Database {
    /// Makes sure that a query given by the connector's file can only read.
    async fn forbid_writes(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                self.execute_text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").await
            }
            Self::MySql(_) => self.execute_text("SET SESSION TRANSACTION READ ONLY").await,
        }
    }

    /// Has pages of a table read by an index where there is one that gives their order. Before its
    /// statistics are made, PostgreSQL would rather sort a new table for every page.
    pub async fn prefer_order(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(_) => self.execute_text("SET enable_sort = off").await,
            Self::Sqlite(_) | Self::MySql(_) => Ok(()),
        }
    }

    /// Makes sure that a value that does not fit is refused, not cut.
    async fn forbid_losses(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::MySql(_) => {
                let modes = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";
                self.execute_text(modes).await
            }
            Self::Sqlite(_) | Self::Postgres(_) => Ok(()),
        }
    }

    /// Reads rows until the statement or the page is at its end.
    pub async fn read(
        &mut self,
        statement: &Statement,
        page: &mut Page,
    ) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(statement.sql.as_str());
        match self {
            Self::Sqlite(connection) => {
                let mut query = sqlx::query::<Sqlite>(sql);
                for bind in &statement.binds {
                    query = match bind {
                        Bind::Integer(number) => query.bind(*number),
                        Bind::Unsigned(number) => query.bind(number.to_string()),
                        Bind::Text(text) => query.bind(text.as_str()),
                    };
                }
                let mut rows = query.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    if page.take(|index| sqlite_cell(&row, index)).is_break() {
                        break;
                    }
                }
            }
            Self::Postgres(connection) => {
                let mut query = sqlx::query::<Postgres>(sql);
                for bind in &statement.binds {
                    query = match bind {
                        Bind::Integer(number) => query.bind(number.to_string()),
                        Bind::Unsigned(number) => query.bind(number.to_string()),
                        Bind::Text(text) => query.bind(text.as_str()),
                    };
                }
                let mut rows = query.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    let cell = |index| match row.try_get_raw(index).map(|value| value.as_bytes()) {
                        Ok(Ok(bytes)) => Cell::Text(bytes),
                        _ => Cell::Null,
                    };
                    if page.take(cell).is_break() {
                        break;
                    }
                }
            }
            Self::MySql(connection) => {
                let mut query = sqlx::query::<MySql>(sql);
                for bind in &statement.binds {
                    query = match bind {
                        Bind::Integer(number) => query.bind(*number),
                        Bind::Unsigned(number) => query.bind(*number),
                        Bind::Text(text) => query.bind(text.as_str()),
                    };
                }
                let mut rows = query.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    let cell = |index| match row.try_get_raw(index) {
                        Ok(value) if !value.is_null() => {
                            <&[u8] as Decode<MySql>>::decode(value).map_or(Cell::Bytes, Cell::Text)
                        }
                        _ => Cell::Null,
                    };
                    if page.take(cell).is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The single number that a statement without placeholders gives.
    pub async fn number(&mut self, sql: &str) -> Result<i64, sqlx::Error> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await,
            Self::MySql(connection) => sqlx::query_scalar(sql).fetch_one(connection).await,
        }
    }

    /// Runs a statement of our own, without values.
    pub async fn execute_text(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(connection) => sql.execute(connection).await.map(drop),
            Self::Postgres(connection) => sql.execute(connection).await.map(drop),
            Self::MySql(connection) => sql.execute(connection).await.map(drop),
        }
    }

    /// Begins a transaction. Dropping the connection rolls it back.
    pub async fn begin(&mut self) -> Result<(), sqlx::Error> {
        let sql = match self {
            // Taking the lock at once: two readers that both want to write would wait for ever.
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            // A constraint that is looked at only by COMMIT would refuse all rows for one.
            Self::Postgres(_) => "BEGIN; SET CONSTRAINTS ALL IMMEDIATE",
            Self::MySql(_) => "START TRANSACTION",
        };
        self.execute_text(sql).await
    }

    /// Sets, frees or goes back to a savepoint where a refused statement would otherwise spoil the
    /// transaction: the others undo that statement alone.
    pub async fn savepoint(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(_) => self.execute_text(sql).await,
            Self::Sqlite(_) | Self::MySql(_) => Ok(()),
        }
    }

    /// Cuts `rows` rows into what goes into one statement. The sizes are powers of four, so that
    /// few different statements are prepared.
    pub fn portions(&self, target: &Target, deed: Deed, rows: usize) -> Vec<Range<usize>> {
        let mut size = match self {
            Self::Postgres(_) => rows.max(1),
            Self::Sqlite(_) | Self::MySql(_) => 256,
        };
        let most = match self {
            Self::Postgres(_) => usize::MAX,
            _ => PLACEHOLDERS / target.needed(deed).len().max(1),
        };
        let mut portions = Vec::new();
        let mut start = 0;
        while start < rows {
            while size > 1 && (size > rows - start || size > most) {
                size /= 4;
            }
            portions.push(start..start + size);
            start += size;
        }
        portions
    }

    /// Writes rows by one statement.
    pub async fn write(
        &mut self,
        target: &Target,
        deed: Deed,
        rows: &[Cells<'_>],
    ) -> Result<(), sqlx::Error> {
        let sql = target.statement(deed, rows.len());
        let needed = target.needed(deed);
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Postgres(connection) => {
                let mut query = sqlx::query::<Postgres>(sql);
                for &index in &needed {
                    let values = rows.iter().map(|row| match target.value(*row, index) {
                        Value::Null => None,
                        Value::Integer(number) => Some(Cow::Owned(number.to_string())),
                        Value::Text(text) => Some(text),
                    });
                    query = query.bind(values.collect::<Vec<_>>());
                }
                query.execute(connection).await.map(drop)
            }
            Self::Sqlite(connection) => {
                let mut query = sqlx::query::<Sqlite>(sql);
                for (row, &index) in
                    rows.iter().flat_map(|row| needed.iter().map(move |i| (row, i)))
                {
                    query = match target.value(*row, index) {
                        Value::Null => query.bind(None::<&str>),
                        Value::Integer(number) => query.bind(number),
                        Value::Text(text) => query.bind(text),
                    };
                }
                query.execute(connection).await.map(drop)
            }
            Self::MySql(connection) => {
                let mut query = sqlx::query::<MySql>(sql);
                for (row, &index) in
                    rows.iter().flat_map(|row| needed.iter().map(move |i| (row, i)))
                {
                    query = match target.value(*row, index) {
                        Value::Null => query.bind(None::<&str>),
                        Value::Integer(number) => query.bind(number),
                        Value::Text(text) => query.bind(text),
                    };
                }
                query.execute(connection).await.map(drop)
            }
        }
    }

    /// Closes the prepared statements that are kept.
    pub async fn forget_statements(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.clear_cached_statements().await,
            Self::Postgres(connection) => connection.clear_cached_statements().await,
            Self::MySql(connection) => connection.clear_cached_statements().await,
        }
    }

    /// Says goodbye to the far side, as far as it still listens.
    pub async fn close(self) {
        let closing = async {
            let _ = match self {
                Self::Sqlite(connection) => connection.close().await,
                Self::Postgres(connection) => connection.close().await,
                Self::MySql(connection) => connection.close().await,
            };
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
    }
}

fn sqlite_cell(row: &sqlx::sqlite::SqliteRow, index: usize) -> Cell<'_> {
    let Ok(value) = row.try_get_raw(index) else { return Cell::Null };
    let class = value.type_info();
    let class = class.name();
    if value.is_null() {
        return Cell::Null;
    }
    match class {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map_or(Cell::Bytes, Cell::Integer),
        "REAL" => <f64 as Decode<Sqlite>>::decode(value).map_or(Cell::Bytes, Cell::Real),
        "TEXT" => <&[u8] as Decode<Sqlite>>::decode(value).map_or(Cell::Bytes, Cell::Text),
        _ => Cell::Bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_never_answers() {
        let system = System { dialect: Dialect::Postgres, name: "10.0.0.1:5432/db".into() };
        let error = within::<()>(&system, "connecting", 0, std::future::pending()).await;
        let expected = "10.0.0.1:5432/db: connecting: no answer within 0 s";
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}
