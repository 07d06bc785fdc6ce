//! Databases of a department in a file.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OptionalExtension, Row, types::Value};

/// Runs statements on a database file, making the file when it is not there.
#[track_caller]
pub fn sqlite(file: &Path, statements: &str) {
    open(file).execute_batch(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
}

/// The first cell of a query's first row; `NULL` when there is none.
#[track_caller]
pub fn sqlite_value(file: &Path, query: &str) -> Value {
    let first = |row: &Row<'_>| row.get(0);
    let found = open(file).query_row(query, [], first).optional();
    found.unwrap_or_else(|error| panic!("{query}: {error}")).unwrap_or(Value::Null)
}

fn open(file: &Path) -> Connection {
    let database = Connection::open(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    database.busy_timeout(Duration::from_secs(10)).expect("a time can be set");
    database
}
