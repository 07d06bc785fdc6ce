//! The one writer of the embedded bus.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
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

/// Opens the file and brings its tables up to date.
pub(super) async fn open(
    path: &Path,
    options: &SqliteConnectOptions,
) -> Result<SqliteConnection, BusError> {
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
    Ok(db)
}

/// Runs until every sender is gone, or until the outcome of a write is not known.
pub(super) async fn run(
    mut db: SqliteConnection,
    mut waiting: mpsc::Receiver<Request>,
    moved: watch::Sender<u64>,
) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
        if commit_group(&mut db, group.drain(..)).await.is_err() {
            return;
        }
        moved.send_modify(|commits| *commits += 1);
    }
    let _ = db.close().await;
}

/// Writes a group in one transaction, then answers. An error means that the file's state is not
/// known any more.
async fn commit_group(
    db: &mut SqliteConnection,
    group: impl Iterator<Item = Request>,
) -> Result<(), ()> {
    let mut answers: Vec<Box<dyn FnOnce(bool) + Send>> = Vec::new();
    if sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut *db).await.is_err() {
        return Err(()); // dropping the requests tells their callers
    }
    let mut lost = false;
    for request in group {
        match request {
            Request::Append { reply, .. } if lost => answers.push(answer(reply, full())),
            Request::Retain { reply, .. } if lost => answers.push(answer(reply, full())),
            Request::Append { rows, finish, reply } => {
                let outcome = within_savepoint(db, async |db| append(db, rows, finish).await).await;
                lost = outcome.is_none();
                answers.push(answer(reply, outcome.unwrap_or_else(full)));
            }
            Request::Retain { topic, partition, before, reply } => {
                let outcome =
                    within_savepoint(db, async |db| retain(db, &topic, partition, before).await)
                        .await;
                lost = outcome.is_none();
                answers.push(answer(reply, outcome.unwrap_or_else(full)));
            }
        }
    }
    let committed = match lost {
        true => roll_back(db).await?,
        false => commit(db).await?,
    };
    answers.into_iter().for_each(|answer| answer(committed));
    Ok(())
}

/// Whether the group is durable; `false`: nothing of it happened, the disk is full.
async fn commit(db: &mut SqliteConnection) -> Result<bool, ()> {
    let Err(error) = sqlx::raw_sql("COMMIT").execute(&mut *db).await else { return Ok(true) };
    tracing::error!(%error, "committing to the bus failed");
    if !matches!(classify(error), BusError::DiskFull) {
        return Err(());
    }
    roll_back(db).await
}

/// Takes back what a full disk left open; SQLite may have done so by itself.
async fn roll_back(db: &mut SqliteConnection) -> Result<bool, ()> {
    match sqlx::raw_sql("ROLLBACK").execute(&mut *db).await {
        Err(error) if !is_without_transaction(&error) => Err(()),
        _ => Ok(false),
    }
}

fn full<T>() -> Result<T, BusError> {
    Err(BusError::DiskFull)
}

fn answer<T: Send + 'static>(
    reply: oneshot::Sender<Result<T, BusError>>,
    outcome: Result<T, BusError>,
) -> Box<dyn FnOnce(bool) + Send> {
    Box::new(move |committed| {
        // A caller that stopped waiting finds its batch on the bus when it opens anew.
        let _ = reply.send(if committed { outcome } else { Err(BusError::DiskFull) });
    })
}

/// Does the work, or takes back what it did; `None` when the disk was so full that SQLite took the
/// whole transaction back.
async fn within_savepoint<T>(
    db: &mut SqliteConnection,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
) -> Option<Result<T, BusError>> {
    if let Err(error) = sqlx::raw_sql("SAVEPOINT one").execute(&mut *db).await {
        return Some(Err(classify(error)));
    }
    let error = match work(&mut *db).await {
        Ok(value) => match sqlx::raw_sql("RELEASE one").execute(&mut *db).await {
            Ok(_) => return Some(Ok(value)),
            Err(error) => error,
        },
        Err(error) => error,
    };
    let failed = classify(error);
    match sqlx::raw_sql("ROLLBACK TO one; RELEASE one").execute(&mut *db).await {
        Ok(_) => Some(Err(failed)),
        Err(_) if matches!(failed, BusError::DiskFull) => None,
        Err(error) => Some(Err(BusError::Broken(error.into()))),
    }
}

async fn append(
    db: &mut SqliteConnection,
    rows: Vec<Append>,
    finish: Finish,
) -> Result<Vec<Placed>, sqlx::Error> {
    let mut placed = Vec::with_capacity(rows.len());
    for one in rows {
        placed.push(place(db, one).await?);
    }
    for one in finish(&placed) {
        place(db, one).await?;
    }
    Ok(placed)
}

async fn place(db: &mut SqliteConnection, one: Append) -> Result<Placed, sqlx::Error> {
    let count = one.records.len() as u32;
    let row = sqlx::query(
        "INSERT INTO topic (name, partition, uid, next_offset)
         VALUES ($1, $2, lower(hex(randomblob(16))), $3)
         ON CONFLICT (name, partition) DO UPDATE SET next_offset = next_offset + $3
         RETURNING id, next_offset - $3",
    )
    .bind(&one.topic)
    .bind(one.partition)
    .bind(count)
    .fetch_one(&mut *db)
    .await?;
    let base_offset: i64 = row.get(1);
    if count > 0 {
        sqlx::query(
            "INSERT INTO batch (topic_id, base_offset, count, bytes, envelope, records)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(row.get::<i64, _>(0))
        .bind(base_offset)
        .bind(count)
        .bind(one.records.as_bytes().len() as i64)
        .bind(serde_json::to_string(&one.envelope).expect("an envelope is plain data"))
        .bind(one.records.as_bytes())
        .execute(&mut *db)
        .await?;
    }
    Ok(Placed {
        topic: one.topic,
        partition: one.partition,
        base_offset: base_offset as u64,
        count,
    })
}

async fn retain(
    db: &mut SqliteConnection,
    topic: &str,
    partition: u32,
    before: u64,
) -> Result<u64, sqlx::Error> {
    sqlx::query(
        "DELETE FROM batch
         WHERE topic_id = (SELECT id FROM topic WHERE name = $1 AND partition = $2)
           AND base_offset + count <= $3",
    )
    .bind(topic)
    .bind(partition)
    .bind(before as i64)
    .execute(&mut *db)
    .await?;
    let first: Option<i64> = sqlx::query_scalar(
        "SELECT COALESCE((SELECT MIN(base_offset) FROM batch WHERE topic_id = topic.id), next_offset)
         FROM topic
         WHERE name = $1 AND partition = $2",
    )
    .bind(topic)
    .bind(partition)
    .fetch_optional(&mut *db)
    .await?;
    Ok(first.unwrap_or(0) as u64)
}

fn classify(error: sqlx::Error) -> BusError {
    let full = error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == SQLITE_FULL);
    if full { BusError::DiskFull } else { BusError::Broken(error.into()) }
}

/// What SQLite says where there is nothing to take back.
fn is_without_transaction(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|one| one.message().contains("no transaction is active"))
}

/// "Yibb": marks the file as a bus of ours.
const APPLICATION_ID: i64 = 1_500_078_690;
const SCHEMA_VERSION: i64 = 1;
const SQLITE_FULL: &str = "13";
/// Appends that one commit takes in.
const GROUP_MAX: usize = 64;
