//! Carrying the log of commits over into the file, beside the writer. Within a commit it would hold
//! up whoever waits for the writer: of a large load that is a tenth of the time.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions,
};
use tokio::sync::watch;

use crate::StoreError;

/// Carries over whenever the log has become long, until the writer is closed. A log that cannot be
/// synced breaks the store.
pub(super) async fn keep(
    writer: SqlitePool,
    options: SqliteConnectOptions,
    broken: watch::Sender<bool>,
) {
    let mut db = None;
    let kept = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = look(&mut db, &writer, &options).await {
                let error = StoreError::from(error);
                tracing::warn!(%error, "carrying the store's log over into its file");
                if matches!(error, StoreError::Broken(_)) {
                    broken.send_replace(true);
                }
                tokio::time::sleep(REST).await;
            }
        }
    };
    tokio::select! {
        biased;
        () = writer.close_event() => {}
        () = kept => {}
    }
    if let Some(db) = db {
        // Who closes last carries over what is left; if that fails, the next one to open does.
        let _ = db.close().await;
    }
}

async fn look(
    db: &mut Option<SqliteConnection>,
    writer: &SqlitePool,
    options: &SqliteConnectOptions,
) -> Result<(), sqlx::Error> {
    let db = match db {
        Some(db) => db,
        None => db.insert(options.connect().await?),
    };
    if left(db).await? < PAGES_MIN {
        return Ok(());
    }
    for _ in 0..TRIES {
        carry_over(db).await?;
        if left(db).await? < PAGES_FEW {
            break;
        }
    }
    // What was written meanwhile is little. Carried over while nobody writes, it lets the next
    // commit begin the log anew.
    let _turn = writer.acquire().await?;
    carry_over(db).await
}

/// Pages of the log that are not carried over.
async fn left(db: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let sql = "PRAGMA wal_checkpoint = NOOP";
    let (_, pages, carried): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(db).await?;
    Ok(pages - carried)
}

/// Carries over what no reader needs from the log, without waiting for anybody.
async fn carry_over(db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA wal_checkpoint = PASSIVE").fetch_one(db).await.map(drop)
}

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long it is left alone after an error.
const REST: Duration = Duration::from_secs(5);
/// Pages that are carried over at once: the more, the more writes to a page become one.
const PAGES_MIN: i64 = 12_000;
/// So few that nobody minds waiting for them.
const PAGES_FEW: i64 = 1_000;
/// How often it is tried to come so near to the writer.
const TRIES: u32 = 4;
