//! The store on its database: one writer, several readers.
//!
//! Every commit is durable. Writers take turns in the order in which they asked; a [`Tx`] that is
//! dropped without [`Tx::commit`] is rolled back. Readers see the last commit and never wait.

mod postgres;
mod sqlite;

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

pub(crate) use self::postgres::as_owner;
pub use self::postgres::{Database, Login};
use crate::{
    StoreError,
    connection::{Connection, Link},
    sql,
};

/// The hub's own state.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    shared: Arc<Shared>,
}

#[derive(Clone)]
enum Engine {
    Sqlite(sqlite::File),
    Postgres(postgres::Server),
}

struct Shared {
    incarnation: String,
    broken: watch::Sender<bool>,
}

/// A transaction of the one writer.
pub struct Tx {
    connection: Connection,
    shared: Arc<Shared>,
}

/// A connection for reads, each of which sees the last commit.
pub struct Reader(Connection);

/// Several reads that see one moment.
pub struct Snapshot(Connection);

impl Store {
    /// The store's file in the data folder.
    pub const FILE: &str = "store.db";

    /// Opens the store of a data folder, or makes it. `at_ms` is the present time.
    ///
    /// The caller holds the folder's lock: a second process must not open the same store.
    pub async fn open(folder: &Path, at_ms: i64) -> Result<Self, StoreError> {
        let broken = watch::Sender::new(false);
        let path = folder.join(Self::FILE);
        let (file, incarnation) = sqlite::File::open(&path, at_ms, broken.clone()).await?;
        Ok(Self::new(Engine::Sqlite(file), incarnation, broken))
    }

    /// Opens the store in a PostgreSQL database, or makes it. `at_ms` is the present time.
    ///
    /// [`StoreError::Taken`]: another hub works on it.
    pub async fn connect(database: &Database, at_ms: i64) -> Result<Self, StoreError> {
        let (server, incarnation) = postgres::Server::open(database, at_ms).await?;
        Ok(Self::new(Engine::Postgres(server), incarnation, watch::Sender::new(false)))
    }

    fn new(engine: Engine, incarnation: String, broken: watch::Sender<bool>) -> Self {
        Self { engine, shared: Arc::new(Shared { incarnation, broken }) }
    }

    /// The id of the installation's present life.
    pub fn incarnation(&self) -> &str {
        &self.shared.incarnation
    }

    /// Whether it is a database on a server.
    pub fn is_on_server(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Waits for the writer and begins a transaction.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        if *self.shared.broken.borrow() {
            return Err(StoreError::Broken(None));
        }
        let link = match &self.engine {
            Engine::Sqlite(file) => Link::Sqlite(file.begin().await?),
            Engine::Postgres(server) => Link::Postgres(server.begin().await?),
        };
        Ok(Tx { connection: Connection::new(link), shared: Arc::clone(&self.shared) })
    }

    /// A connection for reads, each of which sees the last commit.
    pub async fn reader(&self) -> Result<Reader, StoreError> {
        let link = match &self.engine {
            Engine::Sqlite(file) => Link::Sqlite(file.reader().await?),
            Engine::Postgres(server) => Link::Postgres(server.reader().await?),
        };
        Ok(Reader(Connection::new(link)))
    }

    /// A connection for reads that all see one moment. Keep it short: what was deleted or replaced
    /// since then cannot be cleared away while it is open.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let link = match &self.engine {
            Engine::Sqlite(file) => Link::Sqlite(file.snapshot().await?),
            Engine::Postgres(server) => Link::Postgres(server.snapshot().await?),
        };
        Ok(Snapshot(Connection::new(link)))
    }

    /// Waits until nobody knows what the last commit wrote: the store takes no more, and the
    /// process must end.
    pub async fn breaks(&self) {
        // Both ends are ours, so it cannot be closed.
        let _ = self.shared.broken.subscribe().wait_for(|broken| *broken).await;
    }

    /// Waits for what is running and closes the database.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(file) => file.close().await,
            Engine::Postgres(server) => server.close().await,
        }
    }
}

impl Tx {
    /// Makes it durable. After [`StoreError::Broken`] nobody knows, and the store takes no more.
    pub async fn commit(self) -> Result<(), StoreError> {
        let outcome = match self.connection.into_link() {
            Link::Sqlite(held) => held.commit().await.map_err(StoreError::from),
            Link::Postgres(held) => held.commit().await.map_err(StoreError::in_commit),
        };
        if let Err(StoreError::Broken(_)) = outcome {
            self.shared.broken.send_replace(true);
        }
        outcome
    }

    /// Takes it all back.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.connection.into_link() {
            Link::Sqlite(held) => Ok(held.rollback().await?),
            Link::Postgres(held) => Ok(held.rollback().await?),
        }
    }

    /// The id of the installation's present life.
    pub fn incarnation(&self) -> &str {
        &self.shared.incarnation
    }
}

macro_rules! gives_connection {
    ($($holder:ident . $field:tt)*) => {$(
        impl Deref for $holder {
            type Target = Connection;

            fn deref(&self) -> &Connection {
                &self.$field
            }
        }

        impl DerefMut for $holder {
            fn deref_mut(&mut self) -> &mut Connection {
                &mut self.$field
            }
        }
    )*};
}

gives_connection! { Tx.connection Reader.0 Snapshot.0 }

/// The installation's present life; its first one begins now where there is none.
async fn incarnation(db: &mut Connection, at_ms: i64) -> Result<String, StoreError> {
    let newest = "SELECT id FROM incarnation ORDER BY number DESC LIMIT 1";
    let present: Option<String> = sql::query_scalar(newest).fetch_optional(&mut *db).await?;
    if let Some(incarnation) = present {
        return Ok(incarnation);
    }
    let id = uuid::Uuid::new_v4().simple().to_string();
    sql::query("INSERT INTO incarnation (number, id, began_at) VALUES (1, $1, $2)")
        .bind(&id)
        .bind(at_ms)
        .execute(db)
        .await?;
    Ok(id)
}

/// How long a caller queues for the writer or for a reader.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 400;
const READERS: u32 = 6;
