//! A connection to the store's database, whichever it is.

use std::ops::{Deref, DerefMut};

use sqlx::{Database, Postgres, Sqlite, Transaction, pool::PoolConnection};

/// What queries run on. A transaction, a snapshot and a reader all give one by `&mut *`.
pub struct Connection {
    link: Link,
}

/// Which database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Which database, and how the connection is held.
pub(crate) enum Link {
    Sqlite(Held<Sqlite>),
    Postgres(Held<Postgres>),
}

/// A connection of the driver's.
pub(crate) enum Held<DB: Database> {
    /// Opened for this alone.
    Own(Box<DB::Connection>),
    /// Goes back to its pool; every statement stands for itself.
    Pooled(PoolConnection<DB>),
    /// Inside a transaction, which is rolled back unless it is committed.
    Inside(Transaction<'static, DB>),
}

impl Connection {
    pub(crate) fn new(link: Link) -> Self {
        Self { link }
    }

    pub(crate) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Which database it is of.
    pub(crate) fn kind(&self) -> Kind {
        match self.link {
            Link::Sqlite(_) => Kind::Sqlite,
            Link::Postgres(_) => Kind::Postgres,
        }
    }

    pub(crate) fn into_link(self) -> Link {
        self.link
    }
}

impl<DB: Database> Held<DB> {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Inside(transaction) => transaction.commit().await,
            Self::Own(_) | Self::Pooled(_) => Ok(()),
        }
    }

    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Inside(transaction) => transaction.rollback().await,
            Self::Own(_) | Self::Pooled(_) => Ok(()),
        }
    }
}

impl<DB: Database> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Pooled(connection) => connection,
            Self::Inside(transaction) => transaction,
        }
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Pooled(connection) => connection,
            Self::Inside(transaction) => transaction,
        }
    }
}
