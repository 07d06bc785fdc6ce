//! SQLite databases of departments: one table each.

use std::{
    fs, mem,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sqlx::{
    AssertSqlSafe, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::runtime::Runtime;

use super::{Damage, Place, Writer};
use crate::demo::system::{ROW_NUMBER, Row, System};

/// Rows per statement.
const CHUNK: usize = 200;

/// Writes one table. The database is made beside its target without a journal: half of it is of
/// no use to anybody.
pub struct Sqlite {
    table: &'static str,
    columns: Vec<&'static str>,
    runtime: Runtime,
    database: SqliteConnection,
    waiting: Vec<Row>,
    rows: u64,
    part: PathBuf,
    target: PathBuf,
}

impl Sqlite {
    /// Begins the database with its table.
    pub fn new(system: &'static System, folder: &Path, table: &'static str) -> Result<Self> {
        let name = format!("{}.db", system.connector);
        let part = folder.join(format!(".{name}.part"));
        if part.exists() {
            fs::remove_file(&part)?;
        }
        let columns: Vec<_> = system.columns.iter().map(|column| column.name).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = SqliteConnectOptions::new()
            .filename(&part)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off);
        let definitions: Vec<_> = columns.iter().map(|column| format!("{column} TEXT")).collect();
        let create = format!(
            "CREATE TABLE {table} ({ROW_NUMBER} INTEGER PRIMARY KEY, {}); BEGIN",
            definitions.join(", ")
        );
        let database = runtime
            .block_on(async {
                let mut database = SqliteConnection::connect_with(&options).await?;
                sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut database).await?;
                Ok::<_, sqlx::Error>(database)
            })
            .with_context(|| format!("cannot write {}", part.display()))?;
        let target = folder.join(name);
        Ok(Self { table, columns, runtime, database, waiting: vec![], rows: 0, part, target })
    }

    fn flush(&mut self) -> Result<()> {
        let rows = mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        let marks = format!("({})", vec!["?"; self.columns.len()].join(", "));
        let sql = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.table,
            self.columns.join(", "),
            vec![marks; rows.len()].join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for cell in rows.into_iter().flatten() {
            query = query.bind(cell.filter(|text| !text.is_empty()));
        }
        self.runtime.block_on(query.execute(&mut self.database))?;
        Ok(())
    }
}

impl Writer for Sqlite {
    fn row(&mut self, row: &Row, _damage: Damage) -> Result<Place> {
        self.rows += 1;
        self.waiting.push(row.clone());
        if self.waiting.len() == CHUNK {
            self.flush()?;
        }
        Ok(Place { origin: self.table.to_owned(), place: self.rows - 1 })
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()?;
        let Self { runtime, mut database, part, target, .. } = *self;
        runtime.block_on(async {
            sqlx::raw_sql("COMMIT").execute(&mut database).await?;
            database.close().await
        })?;
        Ok(fs::rename(part, target)?)
    }
}
