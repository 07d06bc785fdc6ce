//! The quick road into a SQLite file: one prepared statement, run for each row.
//!
//! It writes a whole parcel or nothing. Where it fails, for whatever reason, the parcel goes the
//! way of all databases (`sink`), which finds out what is to blame.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, Statement, TransactionBehavior};
use yiku_connector::{ChangeKind, Parcel};
use yiku_core::batch::Row;

use crate::{
    target::Target,
    write::{Deed, Value},
};

/// Opens a file that is there.
pub fn open(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", CACHE)?;
    Ok(connection)
}

/// Writes a parcel in one transaction: deletes by key, then upserts by key.
pub fn write(
    connection: &mut Connection,
    target: &Target,
    parcel: &Parcel,
) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (kind, deed) in [(ChangeKind::Withdraw, Deed::Delete), (ChangeKind::Upsert, Deed::Upsert)] {
        let needed = target.needed(deed);
        let mut statement = tx.prepare(&target.statement(deed, 1))?;
        let rows = parcel.changes.iter().zip(parcel.cells.rows());
        for (_, row) in rows.filter(|(change, _)| change.kind == kind) {
            bind(&mut statement, target, &needed, row)?;
            statement.raw_execute()?;
        }
    }
    tx.commit()
}

fn bind(
    statement: &mut Statement<'_>,
    target: &Target,
    needed: &[usize],
    row: Row<'_>,
) -> rusqlite::Result<()> {
    for (place, &index) in (1..).zip(needed) {
        match target.value(row, index) {
            Value::Null => statement.raw_bind_parameter(place, None::<&str>)?,
            Value::Integer(number) => statement.raw_bind_parameter(place, number)?,
            Value::Text(text) => statement.raw_bind_parameter(place, &*text)?,
        }
    }
    Ok(())
}

/// Another program's turn is waited for on the other road.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);
/// Negative: KiB. Keys come in any order: their index is worth being held.
const CACHE: i64 = -32_768;
