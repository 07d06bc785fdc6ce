//! The one writer of the embedded bus, on a thread of its own that drives SQLite itself: through
//! the driver each statement would be a hop to another thread and back, which of a pushed row would
//! be most of the work.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Statement, ffi, params};
use sqlx::{ConnectOptions, Connection as _, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Append, BusError, Finish, Placed};

/// What the writer is asked to do.
pub(super) enum Request {
    Append {
        rows: Vec<Append>,
        finish: Finish,
        reply: oneshot::Sender<Result<Vec<Placed>, BusError>>,
    },
    Retain {
        topic: String,
        partition: u32,
        before: u64,
        reply: oneshot::Sender<Result<u64, BusError>>,
    },
    /// Answered once whatever came before is decided.
    Settle { reply: oneshot::Sender<Result<(), BusError>> },
}

/// Why the file cannot be opened, and what to do.
fn cannot_open(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    let problem = match code.as_deref() {
        Some("26") => "it is no SQLite file; name another data folder, or put back",
        Some("11") => "it is damaged; put back",
        _ => {
            return format!(
                "it cannot be opened as SQLite ({error}); look whether its folder may be written \
                 and has room"
            );
        }
    };
    format!("{problem} bus.db and store.db of the last verified backup")
}

/// Opens the file, brings its tables up to date, and gives the connection for [`run`].
pub(super) async fn open(
    path: &Path,
    options: &SqliteConnectOptions,
) -> Result<Connection, BusError> {
    let unusable =
        |problem: String| BusError::Unusable { path: path.display().to_string(), problem };
    let mut db = options.connect().await.map_err(|error| unusable(cannot_open(&error)))?;
    let known: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut db).await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut db).await?;
    match (application, known) {
        (0, 0) => {
            let mut tx = db.begin().await?;
            sqlx::raw_sql(include_str!("../../../../schemas/bus/0001_log.sql"))
                .execute(&mut *tx)
                .await
                .map_err(|error| unusable(format!("it is a file of another kind ({error})")))?;
            sqlx::raw_sql("PRAGMA application_id = 1500078690; PRAGMA user_version = 1;")
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
        }
        (APPLICATION_ID, SCHEMA_VERSION) => {}
        (APPLICATION_ID, newer) => {
            return Err(unusable(format!(
                "it was written by a newer version (schema {newer}, this one knows {SCHEMA_VERSION}); \
                 start that version instead"
            )));
        }
        _ => return Err(unusable("it is a file of another kind".into())),
    }
    db.close().await?;
    connect(path).map_err(|error| unusable(error.to_string()))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.execute_batch(
        "PRAGMA foreign_keys = ON;
         PRAGMA synchronous = FULL;
         PRAGMA cache_size = -4000;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(db)
}

/// Runs until every sender is gone, or until the outcome of a write is not known.
pub(super) fn run(
    db: &Connection,
    mut waiting: mpsc::Receiver<Request>,
    moved: &watch::Sender<u64>,
) {
    let mut statements = match Statements::of(db) {
        Ok(statements) => statements,
        Err(error) => return tracing::error!(%error, "the bus cannot be written"),
    };
    let mut group = Vec::new();
    while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        if commit_group(db, &mut statements, group.drain(..)).is_err() {
            return;
        }
        moved.send_modify(|commits| *commits += 1);
    }
}

/// What every append needs, prepared once.
struct Statements<'c> {
    /// Moves the end of a partition; gives its number and where it ended.
    topic: Statement<'c>,
    batch: Statement<'c>,
}

impl<'c> Statements<'c> {
    fn of(db: &'c Connection) -> rusqlite::Result<Self> {
        let topic = db.prepare(
            "INSERT INTO topic (name, partition, uid, next_offset)
             VALUES (?1, ?2, lower(hex(randomblob(16))), ?3)
             ON CONFLICT (name, partition) DO UPDATE SET next_offset = next_offset + ?3
             RETURNING id, next_offset - ?3",
        )?;
        let batch = db.prepare(
            "INSERT INTO batch (topic_id, base_offset, count, bytes, envelope, records)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        Ok(Self { topic, batch })
    }
}

/// Writes a group in one transaction, then answers. An error means that the file's state is not
/// known any more.
fn commit_group(
    db: &Connection,
    statements: &mut Statements<'_>,
    group: impl Iterator<Item = Request>,
) -> Result<(), ()> {
    let mut answers: Vec<Box<dyn FnOnce(bool)>> = Vec::new();
    if db.execute_batch("BEGIN IMMEDIATE").is_err() {
        return Err(()); // dropping the requests tells their callers
    }
    let mut lost = false;
    for request in group {
        match request {
            Request::Settle { reply } => answers.push(Box::new(|_| drop(reply.send(Ok(()))))),
            Request::Append { reply, .. } if lost => answers.push(answer(reply, full())),
            Request::Retain { reply, .. } if lost => answers.push(answer(reply, full())),
            Request::Append { rows, finish, reply } => {
                let outcome = within_savepoint(db, || append(statements, rows, &finish));
                lost = outcome.is_none();
                answers.push(answer(reply, outcome.unwrap_or_else(full)));
            }
            Request::Retain { topic, partition, before, reply } => {
                let outcome = within_savepoint(db, || retain(db, &topic, partition, before));
                lost = outcome.is_none();
                answers.push(answer(reply, outcome.unwrap_or_else(full)));
            }
        }
    }
    let committed = match lost {
        true => roll_back(db)?,
        false => commit(db)?,
    };
    answers.into_iter().for_each(|answer| answer(committed));
    Ok(())
}

/// Whether the group is durable; `false`: nothing of it happened, the disk is full.
fn commit(db: &Connection) -> Result<bool, ()> {
    let Err(error) = db.execute_batch("COMMIT") else { return Ok(true) };
    tracing::error!(%error, "committing to the bus failed");
    if !matches!(classify(error), BusError::DiskFull) {
        return Err(());
    }
    roll_back(db)
}

/// Takes back what a full disk left open; SQLite may have done so by itself.
fn roll_back(db: &Connection) -> Result<bool, ()> {
    if db.is_autocommit() {
        return Ok(false);
    }
    db.execute_batch("ROLLBACK").map(|()| false).map_err(drop)
}

fn full<T>() -> Result<T, BusError> {
    Err(BusError::DiskFull)
}

fn answer<T: 'static>(
    reply: oneshot::Sender<Result<T, BusError>>,
    outcome: Result<T, BusError>,
) -> Box<dyn FnOnce(bool)> {
    Box::new(move |committed| {
        // A caller that stopped waiting finds its batch on the bus when it opens anew.
        let _ = reply.send(if committed { outcome } else { Err(BusError::DiskFull) });
    })
}

/// Does the work, or takes back what it did; `None` when the disk was so full that SQLite took the
/// whole transaction back.
fn within_savepoint<T>(
    db: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> Option<Result<T, BusError>> {
    if let Err(error) = db.execute_batch("SAVEPOINT one") {
        return Some(Err(classify(error)));
    }
    let done = work().and_then(|value| db.execute_batch("RELEASE one").map(|()| value));
    let failed = match done {
        Ok(value) => return Some(Ok(value)),
        Err(error) => classify(error),
    };
    match db.execute_batch("ROLLBACK TO one; RELEASE one") {
        Ok(()) => Some(Err(failed)),
        Err(_) if matches!(failed, BusError::DiskFull) => None,
        Err(error) => Some(Err(BusError::Broken(error.into()))),
    }
}

fn append(
    statements: &mut Statements<'_>,
    rows: Vec<Append>,
    finish: &Finish,
) -> rusqlite::Result<Vec<Placed>> {
    let mut placed = Vec::with_capacity(rows.len());
    for one in rows {
        placed.push(place(statements, one)?);
    }
    for one in finish(&placed) {
        place(statements, one)?;
    }
    Ok(placed)
}

fn place(statements: &mut Statements<'_>, one: Append) -> rusqlite::Result<Placed> {
    let count = one.records.len() as u32;
    let (id, base_offset): (i64, i64) =
        statements.topic.query_row(params![one.topic, one.partition, count], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if count > 0 {
        let envelope = serde_json::to_string(&one.envelope).expect("an envelope is plain data");
        let records = one.records.as_bytes();
        let bytes = records.len() as i64;
        statements.batch.execute(params![id, base_offset, count, bytes, envelope, records])?;
    }
    Ok(Placed {
        topic: one.topic,
        partition: one.partition,
        base_offset: base_offset as u64,
        count,
    })
}

fn retain(db: &Connection, topic: &str, partition: u32, before: u64) -> rusqlite::Result<u64> {
    db.execute(
        "DELETE FROM batch
         WHERE topic_id = (SELECT id FROM topic WHERE name = ?1 AND partition = ?2)
           AND base_offset + count <= ?3",
        params![topic, partition, before as i64],
    )?;
    let first: Option<i64> = db
        .query_row(
            "SELECT COALESCE((SELECT MIN(base_offset) FROM batch WHERE topic_id = topic.id),
                             next_offset)
             FROM topic
             WHERE name = ?1 AND partition = ?2",
            params![topic, partition],
            |row| row.get(0),
        )
        .optional()?;
    Ok(first.unwrap_or(0) as u64)
}

fn classify(error: rusqlite::Error) -> BusError {
    match error.sqlite_error().map(|error| error.extended_code & 0xff) {
        Some(ffi::SQLITE_FULL) => BusError::DiskFull,
        _ => BusError::Broken(error.into()),
    }
}

/// "Yibb": marks the file as a bus of ours.
const APPLICATION_ID: i64 = 1_500_078_690;
const SCHEMA_VERSION: i64 = 1;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Appends that one commit takes in.
const GROUP_MAX: usize = 64;
