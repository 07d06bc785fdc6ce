//! The store in a file: SQLite in WAL mode, every commit synced.

mod checkpoint;

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection as _, Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
};

use super::{READERS, STATEMENTS, WAIT_TIMEOUT};
use crate::{
    StoreError,
    connection::{Connection, Held, Link},
    error::{SQLITE_CANTOPEN, primary_code},
    migration,
};

/// An opened file.
#[derive(Clone)]
pub(super) struct File {
    writer: SqlitePool,
    readers: SqlitePool,
    checkpoints: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl File {
    /// Opens the file, or makes it; with the present incarnation. `broken` is told when nobody
    /// knows what the file holds.
    pub(super) async fn open(
        path: &Path,
        at_ms: i64,
        broken: watch::Sender<bool>,
    ) -> Result<(Self, String), StoreError> {
        let shown = path.display().to_string();
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .page_size(PAGE_BYTES)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS)
            .pragma("cache_size", WRITER_CACHE)
            .pragma("wal_autocheckpoint", WAL_PAGES)
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging();
        let incarnation = prepare(&options, path, &shown, at_ms).await?;
        let options = options.thread_name(|_| "yiku-store-w".into());
        let readers = options
            .clone()
            .thread_name(|_| "yiku-store-r".into())
            .create_if_missing(false)
            .pragma("cache_size", READER_CACHE)
            .pragma("query_only", "ON");
        let pool = || {
            SqlitePoolOptions::new()
                .test_before_acquire(false)
                .max_lifetime(None)
                .idle_timeout(None)
                .acquire_timeout(WAIT_TIMEOUT)
        };
        let beside = options.clone().thread_name(|_| "yiku-store-c".into());
        let writer = pool().max_connections(1).connect_lazy_with(options);
        let checkpoints = tokio::spawn(checkpoint::keep(writer.clone(), beside, broken));
        let file = Self {
            writer,
            readers: pool().max_connections(READERS).connect_lazy_with(readers),
            checkpoints: Arc::new(Mutex::new(Some(checkpoints))),
        };
        Ok((file, incarnation))
    }

    pub(super) async fn begin(&self) -> Result<Held<Sqlite>, StoreError> {
        let mut tries = 0;
        loop {
            match self.writer.begin_with(BEGIN).await {
                // SQLite rolls a transaction back by itself when the disk is full. The driver does
                // not notice and takes the connection for busy from then on: it needs another one.
                // Who waits beside this may run into the same with that one, so try again.
                Err(sqlx::Error::InvalidSavePointStatement) if tries < TRIES_MAX => {
                    self.writer.acquire().await?.close().await?;
                    tries += 1;
                }
                begun => return Ok(Held::Inside(begun?)),
            }
        }
    }

    pub(super) async fn reader(&self) -> Result<Held<Sqlite>, StoreError> {
        Ok(Held::Pooled(self.readers.acquire().await?))
    }

    pub(super) async fn snapshot(&self) -> Result<Held<Sqlite>, StoreError> {
        Ok(Held::Inside(self.readers.begin().await?))
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(checkpoints) = self.checkpoints.lock().await.take() {
            // It ends with the writer; a panic of it was told where it happened.
            let _ = checkpoints.await;
        }
    }
}

/// Makes or checks the file; returns the present incarnation.
async fn prepare(
    options: &SqliteConnectOptions,
    path: &Path,
    shown: &str,
    at_ms: i64,
) -> Result<String, StoreError> {
    // Switching to WAL would write to a foreign file: look at it first as it is.
    if path.exists() {
        let looking = SqliteConnectOptions::new().filename(path).disable_statement_logging();
        let mut db = connect(&looking, shown).await?;
        migration::recognise(&mut db, shown).await.map_err(|error| in_opening(shown, error))?;
        close(db).await?;
    }
    let mut db = connect(options, shown).await?;
    migration::migrate(&mut db, shown).await.map_err(|error| in_opening(shown, error))?;
    let incarnation = super::incarnation(&mut db, at_ms).await?;
    close(db).await?;
    Ok(incarnation)
}

async fn connect(options: &SqliteConnectOptions, shown: &str) -> Result<Connection, StoreError> {
    let connection = options.connect().await.map_err(|error| unopened(shown, error))?;
    Ok(Connection::new(Link::Sqlite(Held::Own(Box::new(connection)))))
}

async fn close(db: Connection) -> Result<(), StoreError> {
    match db.into_link() {
        Link::Sqlite(Held::Own(connection)) => Ok(connection.close().await?),
        Link::Sqlite(_) | Link::Postgres(_) => Ok(()),
    }
}

fn unopened(shown: &str, cause: sqlx::Error) -> StoreError {
    match StoreError::from(cause) {
        StoreError::Database(cause) => StoreError::Unopened { path: shown.to_owned(), cause },
        StoreError::Damaged(_) => {
            StoreError::Foreign { path: shown.to_owned(), problem: "it is no SQLite file".into() }
        }
        other => other,
    }
}

/// SQLite opens its log with the first statement, which then says what opening did not.
fn in_opening(shown: &str, error: StoreError) -> StoreError {
    let code = |cause: &sqlx::Error| cause.as_database_error().and_then(primary_code);
    match error {
        StoreError::Database(cause) if code(&cause) == Some(SQLITE_CANTOPEN) => {
            StoreError::Unopened { path: shown.to_owned(), cause }
        }
        other => other,
    }
}

const BEGIN: &str = "BEGIN IMMEDIATE";
const PAGE_BYTES: u32 = 8192;
/// Connections closed for one transaction.
const TRIES_MAX: u32 = 20;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Negative: KiB.
const WRITER_CACHE: &str = "-49152";
const READER_CACHE: &str = "-4096";
/// Pages of the log after which the writer carries over itself, where [`checkpoint`] does not keep
/// up.
const WAL_PAGES: &str = "48000";
