//! What an ended demo left behind, read from its files.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use sqlx::{
    AssertSqlSafe, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

/// The lines of a folder's JSON Lines files, in the order of the files' names.
pub fn json_lines(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let texts: Vec<_> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs a query on the hub's store. No hub may be running.
pub async fn query(demo: &Path, sql: &str) -> Vec<SqliteRow> {
    let options = SqliteConnectOptions::new().filename(demo.join("data/store.db")).read_only(true);
    let mut store = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut store).await.unwrap()
}

/// The rows of every entity and every conflict, by table: keys, states and values, without the
/// numbers and times of the changes, which depend on how batches were cut.
pub async fn libraries(demo: &Path) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema
               WHERE type = 'table' AND (name LIKE 'entity@_%' ESCAPE '@'
                                         OR name LIKE 'conflict@_%' ESCAPE '@')";
    let tables = query(demo, sql).await;
    let mut content = BTreeMap::new();
    for table in tables.iter().map(|row| row.get::<String, _>(0)) {
        let info = query(demo, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
        let columns: Vec<String> = info.iter().map(|row| row.get(0)).collect();
        let kept =
            columns.iter().filter(|name| !["_id", "_change", "_at"].contains(&name.as_str()));
        let values: Vec<_> = kept.map(|name| format!("quote(\"{name}\")")).collect();
        let sql =
            format!("SELECT {} AS line FROM {table} ORDER BY line", values.join(" || '|' || "));
        let lines = query(demo, &sql).await.iter().map(|row| row.get(0)).collect();
        content.insert(table, lines);
    }
    content
}
