//! A store in a folder of its own.

use tempfile::TempDir;
use yiku_store::{Store, Tx};

/// The time of every test.
pub const NOW: i64 = 1_795_000_000_000;

/// A store, and the folder that goes with it.
pub struct Fresh {
    /// The store.
    pub store: Store,
    /// Its folder.
    pub folder: TempDir,
}

/// Makes an empty store.
pub async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path(), NOW).await.expect("a new store opens");
    Fresh { store, folder }
}

impl Fresh {
    /// Begins a transaction.
    pub async fn begin(&self) -> Tx {
        self.store.begin().await.expect("the writer is free")
    }
}
