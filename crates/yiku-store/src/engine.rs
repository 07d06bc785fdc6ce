//! The store's file: one writer, several readers.
//!
//! SQLite in WAL mode, every commit synced. Writers take turns in the order in which they asked;
//! a [`Tx`] that is dropped without [`Tx::commit`] is rolled back. Readers see the last commit and
//! never wait.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection as _, Sqlite, SqlitePool, Transaction,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    StoreError,
    error::{SQLITE_CANTOPEN, primary_code},
    migration,
};

/// What queries run on. A [`Tx`], a [`Snapshot`] and a pooled reader all give one by `&mut *`.
pub type Connection = sqlx::SqliteConnection;

/// Several reads that see one moment.
pub type Snapshot = Transaction<'static, Sqlite>;

/// The hub's own state.
#[derive(Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    shared: Arc<Shared>,
}

struct Shared {
    incarnation: String,
    broken: AtomicBool,
}

/// A transaction of the one writer.
pub struct Tx {
    inner: Transaction<'static, Sqlite>,
    shared: Arc<Shared>,
}

impl Store {
    /// The store's file in the data folder.
    pub const FILE: &str = "store.db";

    /// Opens the store of a data folder, or makes it. `at_ms` is the present time.
    ///
    /// The caller holds the folder's lock: a second process must not open the same store.
    pub async fn open(folder: &Path, at_ms: i64) -> Result<Self, StoreError> {
        let path = folder.join(Self::FILE);
        let shown = path.display().to_string();
        let options = SqliteConnectOptions::new()
            .filename(&path)
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
        let incarnation = prepare(&options, &path, &shown, at_ms).await?;
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
        Ok(Self {
            writer: pool().max_connections(1).connect_lazy_with(options),
            readers: pool().max_connections(READERS).connect_lazy_with(readers),
            shared: Arc::new(Shared { incarnation, broken: AtomicBool::new(false) }),
        })
    }

    /// The id of the installation's present life.
    pub fn incarnation(&self) -> &str {
        &self.shared.incarnation
    }

    /// Waits for the writer and begins a transaction.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        if self.shared.broken.load(Ordering::Acquire) {
            return Err(StoreError::Broken(None));
        }
        let mut tries = 0;
        let inner = loop {
            match self.writer.begin_with(BEGIN).await {
                // SQLite rolls a transaction back by itself when the disk is full. The driver does
                // not notice and takes the connection for busy from then on: it needs another one.
                // Who waits beside this may run into the same with that one, so try again.
                Err(sqlx::Error::InvalidSavePointStatement) if tries < TRIES_MAX => {
                    self.writer.acquire().await?.close().await?;
                    tries += 1;
                }
                begun => break begun?,
            }
        };
        Ok(Tx { inner, shared: Arc::clone(&self.shared) })
    }

    /// A connection for reads, each of which sees the last commit.
    pub async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// A connection for reads that all see one moment. Keep it short: the log of changes grows
    /// while it is open.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// Waits for what is running and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Tx {
    /// Makes it durable. After [`StoreError::Broken`] nobody knows, and the store takes no more.
    pub async fn commit(self) -> Result<(), StoreError> {
        let outcome = self.inner.commit().await.map_err(StoreError::from);
        if let Err(StoreError::Broken(_)) = outcome {
            self.shared.broken.store(true, Ordering::Release);
        }
        outcome
    }

    /// Takes it all back.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.inner.rollback().await?)
    }

    /// The id of the installation's present life.
    pub fn incarnation(&self) -> &str {
        &self.shared.incarnation
    }
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.inner
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
        let mut db = looking.connect().await.map_err(|error| unopened(shown, error))?;
        migration::recognise(&mut db, shown).await.map_err(|error| in_opening(shown, error))?;
        db.close().await?;
    }
    let mut db = options.connect().await.map_err(|error| unopened(shown, error))?;
    migration::migrate(&mut db, shown).await.map_err(|error| in_opening(shown, error))?;
    let sql = "SELECT id FROM incarnation ORDER BY number DESC LIMIT 1";
    let present: Option<String> = sqlx::query_scalar(sql).fetch_optional(&mut db).await?;
    let incarnation = match present {
        Some(incarnation) => incarnation,
        None => {
            let id = uuid::Uuid::new_v4().simple().to_string();
            sqlx::query("INSERT INTO incarnation (number, id, began_at) VALUES (1, $1, $2)")
                .bind(&id)
                .bind(at_ms)
                .execute(&mut db)
                .await?;
            id
        }
    };
    db.close().await?;
    Ok(incarnation)
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
/// How long a caller queues for the writer or for a reader.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);
const STATEMENTS: usize = 400;
const READERS: u32 = 6;
/// Negative: KiB.
const WRITER_CACHE: &str = "-49152";
const READER_CACHE: &str = "-4096";
/// Pages of the log that are carried over at once: the more, the more writes to a page become one.
const WAL_PAGES: &str = "16000";
