//! Moving an installation: all that a store in a file holds goes into another one, which nothing
//! has happened in yet. Numbers, versions, positions and receipts stay what they were.
//!
//! Cursors stay behind: on its new bus the installation begins new logs ([`crate::bus_log`]).

use std::{ops::ControlFlow, path::Path};

use rusqlite::OpenFlags;
use sqlx::{AssertSqlSafe, ConnectOptions as _, sqlite::SqliteConnectOptions};

use crate::{
    Connection, Database, Store, StoreError, Tx,
    connection::{Held, Kind, Link},
    engine::as_owner,
    migration,
    rows::{self, Row},
    sql::{self, Value},
};

/// What was taken over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moved {
    /// Tables with rows.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
}

/// Copies the store of a data folder, as it stands, into a file that is not there yet.
///
/// Blocks. The caller holds the folder's lock.
pub fn copy(folder: &Path, to: &Path) -> Result<(), StoreError> {
    let store =
        rusqlite::Connection::open_with_flags(folder.join(Store::FILE), OpenFlags::default())?;
    store.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(sqlx::Error::Io)?;
    Ok(())
}

/// Takes over everything that the file `from` holds, in one transaction. `database` is where the
/// store is, if it is on a server.
///
/// [`StoreError::Unfit`]: the file is of another version of the hub, or something has happened in
/// this store before.
pub async fn take_over(
    store: &Store,
    database: Option<&Database>,
    from: &Path,
) -> Result<Moved, StoreError> {
    let shown = from.display().to_string();
    let options = SqliteConnectOptions::new().filename(from).read_only(true);
    let file = options.disable_statement_logging().connect().await;
    let file = file.map_err(|cause| StoreError::Unopened { path: shown.clone(), cause })?;
    let mut file = Connection::new(Link::Sqlite(Held::Own(Box::new(file))));
    if migration::recognise(&mut file, &shown).await? {
        return Err(StoreError::Foreign { path: shown, problem: "it is empty".into() });
    }
    let tables = tables(&mut file).await?;
    let mut tx = store.begin().await?;
    check(&mut file, &mut tx, &shown).await?;
    let lives = lives(&mut file).await?;
    if let Some(database) = database {
        let numbers = next_numbers(&mut file, tables.iter().filter(|one| one.always)).await?;
        as_owner(database, format!("BEGIN; {lives}; {numbers} COMMIT")).await?;
    } else {
        sql::run(&mut tx, AssertSqlSafe(lives)).await?;
    }
    let mut moved = Moved::default();
    for table in &tables {
        let rows = take_table(&mut file, &mut tx, table).await?;
        moved.tables += u64::from(rows > 0);
        moved.rows += rows;
    }
    if tx.kind() == Kind::Postgres {
        let numbers = next_numbers(&mut file, tables.iter().filter(|one| !one.always)).await?;
        sql::run(&mut tx, AssertSqlSafe(numbers)).await?;
    }
    tx.commit().await?;
    Ok(moved)
}

/// A table of the file.
struct Table {
    name: String,
    /// The statements that make it and its indexes.
    made_by: Vec<String>,
    /// Every store has it.
    always: bool,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: ColumnKind,
    /// Its values are given by the database.
    numbered: bool,
}

#[derive(Clone, Copy)]
enum ColumnKind {
    Int,
    Text,
    Blob,
}

/// The tables with rows to take, in the order in which they were made.
async fn tables(file: &mut Connection) -> Result<Vec<Table>, StoreError> {
    let always = migration::tables();
    let names: Vec<String> = sql::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY rowid",
    )
    .fetch_all(&mut *file)
    .await?;
    let mut tables = Vec::new();
    for name in names.into_iter().filter(|name| !LEFT_BEHIND.contains(&name.as_str())) {
        let made_by = "SELECT sql FROM sqlite_schema WHERE tbl_name = $1 AND sql IS NOT NULL
                       AND type IN ('table', 'index')
                       ORDER BY rowid";
        tables.push(Table {
            made_by: sql::query_scalar(made_by).bind(&name).fetch_all(&mut *file).await?,
            always: always.contains(&name.as_str()),
            columns: columns(file, &name).await?,
            name,
        });
    }
    Ok(tables)
}

async fn columns(file: &mut Connection, table: &str) -> Result<Vec<Column>, StoreError> {
    let sql = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
    let found: Vec<(String, String, i64)> = sql::query_as(sql).bind(table).fetch_all(file).await?;
    let column = |(name, kind, key): (String, String, i64)| {
        let numbered = kind == "INTEGER" && key == 1;
        let kind = match kind.as_str() {
            "INTEGER" | "BIGINT" => ColumnKind::Int,
            "TEXT" => ColumnKind::Text,
            "BYTEA" => ColumnKind::Blob,
            _ => return Err(StoreError::unreadable("a column", format!("of type {kind}"))),
        };
        Ok(Column { name, kind, numbered })
    };
    found.into_iter().map(column).collect()
}

/// Both have the same tables, and nothing has happened in the one that takes over.
async fn check(file: &mut Connection, tx: &mut Tx, shown: &str) -> Result<(), StoreError> {
    let unfit = |zh: &str, en: &str| {
        let (zh, en) = (zh.to_owned(), en.to_owned());
        Err(StoreError::Unfit { database: shown.to_owned(), zh, en })
    };
    let sql = "SELECT number FROM schema_migration ORDER BY number";
    let there: Vec<i64> = sql::query_scalar(sql).fetch_all(file).await?;
    let here: Vec<i64> = sql::query_scalar(sql).fetch_all(&mut *tx).await?;
    if there != here {
        return unfit(
            "导出文件来自另一版本的程序；请用本版本的程序重新导出",
            "it was exported by another version of the hub; export again with this version",
        );
    }
    for table in migration::tables().into_iter().filter(|name| !LEFT_BEHIND.contains(name)) {
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1) one");
        let rows: i64 = sql::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *tx).await?;
        if rows > 0 {
            return unfit(
                "目标库已有数据；请导入到新的空数据库",
                "the store that it would go into has been used; name a new, empty database",
            );
        }
    }
    Ok(())
}

/// The statements that make the installation's lives those of the file.
async fn lives(file: &mut Connection) -> Result<String, StoreError> {
    let sql = "SELECT number, id, began_at FROM incarnation ORDER BY number";
    let lives: Vec<(i64, String, i64)> = sql::query_as(sql).fetch_all(file).await?;
    let lives = lives
        .iter()
        .map(|(number, id, at)| format!("({number}, '{}', {at})", id.replace('\'', "''")));
    let lives = lives.collect::<Vec<_>>().join(", ");
    Ok(format!(
        "DELETE FROM incarnation; INSERT INTO incarnation (number, id, began_at) VALUES {lives}"
    ))
}

/// The statements after which PostgreSQL goes on numbering behind the rows of the file.
async fn next_numbers(
    file: &mut Connection,
    tables: impl Iterator<Item = &Table>,
) -> Result<String, StoreError> {
    let mut statements = String::new();
    for table in tables {
        for column in table.columns.iter().filter(|column| column.numbered) {
            let (table, column) = (&table.name, &column.name);
            let sql = format!("SELECT max({column}) FROM {table}");
            let last: Option<i64> =
                sql::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *file).await?;
            if let Some(last) = last {
                statements.push_str(&format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {last}); "
                ));
            }
        }
    }
    Ok(statements)
}

/// Makes the table if it is not there, and copies its rows page by page.
async fn take_table(file: &mut Connection, tx: &mut Tx, table: &Table) -> Result<u64, StoreError> {
    let Table { name, columns, .. } = table;
    let kind = tx.kind();
    for statement in table.made_by.iter().filter(|_| !table.always) {
        let statement = migration::ddl(kind, statement).into_owned();
        sql::run(tx, AssertSqlSafe(statement)).await?;
    }
    let names: Vec<String> = columns.iter().map(|one| format!("\"{}\"", one.name)).collect();
    let names = names.join(", ");
    let page = format!(
        "SELECT {names}, rowid FROM {name} WHERE rowid > $1 ORDER BY rowid LIMIT {PAGE_ROWS}"
    );
    let (into, mut after, mut taken) = (format!("{name} ({names})"), i64::MIN, 0);
    loop {
        let mut rows: Vec<Vec<Value<'static>>> = Vec::new();
        rows::select(file, &page, &[after.into()], |row| {
            let values = columns.iter().enumerate().map(|(place, one)| read(row, place, one.kind));
            rows.push(values.collect::<Result<_, _>>()?);
            after = row.int(columns.len())?;
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        if rows.is_empty() {
            return Ok(taken);
        }
        taken += rows.len() as u64;
        rows::load(tx, &into, columns.len(), &rows, |values, row| {
            row.iter().fold(values, |values, value| values.bind(value.clone()))
        })
        .await?;
    }
}

fn read(row: Row<'_>, place: usize, kind: ColumnKind) -> Result<Value<'static>, StoreError> {
    Ok(match kind {
        ColumnKind::Int => Value::Int(row.int_or_null(place)?),
        ColumnKind::Text => {
            Value::Text(row.text_or_null(place)?.map(|text| text.to_owned().into()))
        }
        ColumnKind::Blob => {
            Value::Blob(row.blob_or_null(place)?.map(|bytes| bytes.to_vec().into()))
        }
    })
}

/// The tables that are not copied row by row: what the hub's login may not write, and cursors.
const LEFT_BEHIND: &[&str] = &["schema_migration", "incarnation", "cursor"];
const PAGE_ROWS: u32 = 2_000;
