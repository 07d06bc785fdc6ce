//! The store on a real PostgreSQL server: the texts of `tests/store`, and what only a server has.

mod engine;
#[path = "../store/library.rs"]
mod library;
#[path = "../store/merge.rs"]
mod merge;
#[path = "../store/merge_model.rs"]
mod merge_model;
#[path = "../store/publication.rs"]
mod publication;
#[path = "../store/quarantine.rs"]
mod quarantine;
#[path = "../store/receipt.rs"]
mod receipt;
#[path = "../store/reconcile.rs"]
mod reconcile;
#[path = "../store/registry.rs"]
mod registry;
#[path = "../store/relay_books.rs"]
mod relay_books;
mod reports;
#[path = "../store/subscription_books.rs"]
mod subscription_books;
#[path = "../store/support.rs"]
mod support;
#[path = "../store/sweep.rs"]
mod sweep;
#[path = "../store/transaction.rs"]
mod transaction;

use std::path::Path;

use yiku_store::{Database, Login, Store, StoreError};
use yiku_tests::postgres;

/// Takes away what keeps receipts from being changed by their owner.
const FORGE_RECEIPTS: &str = "ALTER TABLE receipt DISABLE TRIGGER USER;
                              ALTER TABLE receipt_rows DISABLE TRIGGER USER";

/// Makes an empty store in a database of its own.
async fn new_store(_: &Path, at_ms: i64) -> Result<Store, StoreError> {
    Store::connect(&new_database(), at_ms).await
}

/// Makes an empty database, in which the hub owns its tables.
fn new_database() -> Database {
    let url = postgres().database().replace("postgres@", "");
    Database { url, hub: login("postgres"), owner: None }
}

fn login(user: &str) -> Login {
    Login { user: user.to_owned(), password: None }
}
