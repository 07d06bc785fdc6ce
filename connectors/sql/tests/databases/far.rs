//! The databases under test, and what every test asks of them.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use yiku_connector::{
    Access, ConnectorError, Limits, Load, Position, Pull, PullLimit, Schemas, Source, Surroundings,
};
use yiku_core::derive::{ColumnType, TableColumn};

/// One empty database.
pub struct Far {
    pub name: &'static str,
    pub url: String,
    pub folder: TempDir,
}

impl Far {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { name: "sqlite", url: "sqlite:far.db".into(), folder }
    }

    pub fn postgres() -> Self {
        let url = yiku_tests::postgres().database();
        Self { name: "postgres", url, folder: tempfile::tempdir().unwrap() }
    }

    pub fn mariadb() -> Self {
        let url = yiku_tests::mariadb().database();
        Self { name: "mariadb", url, folder: tempfile::tempdir().unwrap() }
    }

    pub fn all() -> [Self; 3] {
        [Self::sqlite(), Self::postgres(), Self::mariadb()]
    }

    /// Runs statements.
    pub async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        let done = match self.name {
            "sqlite" => {
                let mut connection = self.sqlite_connection().await;
                let done = sqlx::raw_sql(sql).execute(&mut connection).await.map(drop);
                connection.close().await.unwrap();
                done
            }
            "postgres" => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
            }
            _ => {
                let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
            }
        };
        done.unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// All rows of a query of one text column, joined by `;`. NULL is written `-`.
    pub async fn ask(&self, sql: &str) -> String {
        let sql = AssertSqlSafe(sql.to_owned());
        let rows: Vec<Option<String>> = match self.name {
            "sqlite" => {
                let mut connection = self.sqlite_connection().await;
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
            "postgres" => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
            _ => {
                let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
        };
        let rows: Vec<_> = rows.into_iter().map(|row| row.unwrap_or("-".into())).collect();
        rows.join(";")
    }

    async fn sqlite_connection(&self) -> SqliteConnection {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.folder.path().join("far.db"))
            .create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    pub fn access(&self, load: Load, columns: Vec<TableColumn>) -> Access {
        let folder = self.folder.path().to_owned();
        Access {
            connector: "household".into(),
            load,
            columns: columns.into(),
            key: Arc::new([0]),
            schemas: Schemas::default(),
            surroundings: Surroundings {
                secrets: folder.clone(),
                folder,
                limits: Limits::default(),
            },
        }
    }

    /// Opens a source with the database's URL put into `config`.
    pub fn open(&self, load: Load, config: Value, position: &Position) -> Box<dyn Source> {
        self.try_open(load, config, position).unwrap()
    }

    /// Opens a source, reads until there is nothing more, and moves the position.
    pub async fn run(&self, load: Load, config: &Value, position: &mut Position) -> Vec<String> {
        let mut source = self.open(load, config.clone(), position);
        let (rows, after) = one_run(source.as_mut()).await;
        *position = after.unwrap_or(position.clone());
        rows
    }

    pub fn try_open(
        &self,
        load: Load,
        config: Value,
        position: &Position,
    ) -> Result<Box<dyn Source>, ConnectorError> {
        let flag = column("flag", ColumnType::Boolean);
        self.try_open_with(load, config, position, vec![flag])
    }

    /// Opens a source for an entry with these columns.
    pub fn try_open_with(
        &self,
        load: Load,
        mut config: Value,
        position: &Position,
        columns: Vec<TableColumn>,
    ) -> Result<Box<dyn Source>, ConnectorError> {
        config["url"] = json!(self.url);
        (connector_sql::KIND.open_source)(config, &self.access(load, columns), position)
    }
}

pub fn column(name: &str, column_type: ColumnType) -> TableColumn {
    TableColumn { name: name.into(), zh: name.into(), column_type, required: false }
}

pub const ALL: PullLimit = PullLimit { rows: 1_000, bytes: 1 << 20 };

pub fn rows_at_most(rows: usize) -> PullLimit {
    PullLimit { rows, bytes: 1 << 20 }
}

/// The rows of a pull: cells joined by `,`, NULL as `-`.
pub fn rows(pull: &Pull) -> Vec<String> {
    let row = |row: yiku_core::batch::Row<'_>| {
        row.cells().map(|cell| cell.unwrap_or("-").to_owned()).collect::<Vec<_>>().join(",")
    };
    pull.batch.cells.rows().map(row).collect()
}

/// Pulls one run to its end and returns its rows and the last position.
pub async fn one_run(source: &mut dyn Source) -> (Vec<String>, Option<Position>) {
    let (mut all, mut position) = (Vec::new(), None);
    while let Some(pull) = source.pull(ALL).await.unwrap() {
        all.extend(rows(&pull));
        position = Some(pull.position);
    }
    (all, position)
}
