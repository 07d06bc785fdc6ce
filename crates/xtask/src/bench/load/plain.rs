//! What is measured beside the hub: SQLite and the csv crate alone.

use std::{
    fs::{self, File},
    path::Path,
    time::Instant,
};

use anyhow::{Context, Result};
use rusqlite::{Connection, Row, Statement, types::ValueRef};

/// The table of persons in a hub's store.
pub fn library_table(store: &Connection) -> Result<String> {
    let sql = "SELECT 'entity_' || table_name FROM subject WHERE name = 'population.person'";
    store.query_row(sql, [], |row| row.get(0)).context("the library has persons")
}

/// Rows a second of SQLite's own bulk load of the file: the same table with its index, one
/// transaction, one prepared statement, synced.
pub fn bulk_load(store: &Connection, csv: &Path, database: &Path) -> Result<f64> {
    let table = library_table(store)?;
    let sql: String = store.query_row(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = $1",
        [&table],
        |row| row.get(0),
    )?;
    let mut plain = fresh(database)?;
    plain.execute_batch(&sql)?;
    let started = Instant::now();
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_path(csv)?;
    let items: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    // The library has all items of the register but the time of its last update.
    let held: Vec<usize> = (0..items.len()).filter(|&item| items[item] != "updated_at").collect();
    let names: Vec<String> = held.iter().map(|&item| format!("\"{}\"", items[item])).collect();
    let marks: Vec<String> = (0..held.len()).map(|item| format!("?{}", item + 1)).collect();
    let tx = plain.transaction()?;
    let mut statement = tx.prepare(&format!(
        "INSERT INTO {table} (_key, _change, _at, {}) VALUES (?1, 0, 0, {})",
        names.join(", "),
        marks.join(", ")
    ))?;
    let mut record = csv::StringRecord::new();
    let mut rows = 0_u64;
    while reader.read_record(&mut record)? {
        for (place, &item) in held.iter().enumerate() {
            let cell = Some(&record[item]).filter(|cell| !cell.is_empty());
            statement.raw_bind_parameter(place + 1, cell)?;
        }
        statement.raw_execute()?;
        rows += 1;
    }
    drop(statement);
    tx.commit()?;
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}

/// Rows a second from one SELECT to a CSV file with one fsync.
pub fn to_csv(store: &Connection, path: &Path) -> Result<f64> {
    let started = Instant::now();
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 20).from_writer(file);
    writer.write_record(ITEMS.split(", "))?;
    let rows = each_row(store, |row, width| {
        for index in 0..width {
            writer.write_field(text(row, index)?.unwrap_or_default())?;
        }
        Ok(writer.write_record(None::<&[u8]>)?)
    })?;
    writer.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}

/// Rows a second from one SELECT to another SQLite file in one transaction.
pub fn to_sql(store: &Connection, path: &Path) -> Result<f64> {
    let mut plain = fresh(path)?;
    let columns = ITEMS.replace(", ", " TEXT, ");
    plain.execute_batch(&format!(
        "CREATE TABLE person ({columns} TEXT, PRIMARY KEY (citizen_id))"
    ))?;
    let started = Instant::now();
    let tx = plain.transaction()?;
    let marks = vec!["?"; ITEMS.split(", ").count()].join(", ");
    let mut statement = tx.prepare(&format!("INSERT INTO person ({ITEMS}) VALUES ({marks})"))?;
    let rows = each_row(store, |row, width| insert(&mut statement, row, width))?;
    drop(statement);
    tx.commit()?;
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}

fn insert(statement: &mut Statement<'_>, row: &Row<'_>, width: usize) -> Result<()> {
    for index in 0..width {
        statement.raw_bind_parameter(index + 1, text(row, index)?)?;
    }
    statement.raw_execute()?;
    Ok(())
}

fn each_row(
    store: &Connection,
    mut take: impl FnMut(&Row<'_>, usize) -> Result<()>,
) -> Result<u64> {
    let mut select = store.prepare(&format!("SELECT {ITEMS} FROM {}", library_table(store)?))?;
    let width = select.column_count();
    let (mut found, mut rows) = (select.query([])?, 0);
    while let Some(row) = found.next()? {
        take(row, width)?;
        rows += 1;
    }
    Ok(rows)
}

fn text<'r>(row: &'r Row<'_>, index: usize) -> Result<Option<&'r str>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => None,
        value => Some(value.as_str()?),
    })
}

/// An empty database that syncs as the hub's does.
fn fresh(path: &Path) -> Result<Connection> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    let plain = Connection::open(path)?;
    plain.execute_batch("PRAGMA page_size = 8192; PRAGMA synchronous = FULL;")?;
    Ok(plain)
}

/// What the bench's grant gives, and so what its sinks are written.
const ITEMS: &str = "citizen_id, name, sex, ethnic_group, birth_date, household_no, \
    household_relation, division, address, residence_division, residence_address, education, \
    marital, workplace, height_cm, phone";
