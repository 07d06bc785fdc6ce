//! The store on real SQLite files. `tests/store_postgres` runs the same texts on PostgreSQL.

mod engine;
mod library;
mod merge;
mod merge_model;
mod publication;
mod quarantine;
mod receipt;
mod reconcile;
mod registry;
mod relay_books;
mod subscription_books;
mod support;
mod sweep;
mod transaction;

use std::path::Path;

use yiku_store::{Store, StoreError};

/// Takes away what keeps receipts from being changed.
const FORGE_RECEIPTS: &str = "DROP TRIGGER receipt_is_not_changed;
                              DROP TRIGGER receipt_rows_are_not_changed;
                              DROP TRIGGER receipt_rows_are_not_deleted";

/// Makes an empty store, which may use the folder.
async fn new_store(folder: &Path, at_ms: i64) -> Result<Store, StoreError> {
    Store::open(folder, at_ms).await
}
