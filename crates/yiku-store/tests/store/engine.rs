use std::path::Path;

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use yiku_store::{Store, sql};

use crate::support::{NOW, fresh};

async fn change_file(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut db = options.connect().await.expect("opens");
    sqlx::raw_sql(sql).execute(&mut db).await.expect("runs");
    db.close().await.expect("closes");
}

async fn refusal(folder: &Path) -> String {
    let error = Store::open(folder, NOW).await.err().expect("it must be refused");
    assert!(!error.zh().is_empty());
    error.to_string()
}

#[tokio::test]
async fn a_reopened_store_is_the_same_life() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path(), NOW).await.expect("a new store opens");
    let incarnation = store.incarnation().to_owned();
    store.close().await;
    let again = Store::open(folder.path(), NOW + 1).await.expect("opens again");
    assert_eq!(again.incarnation(), incarnation);
    assert_eq!(incarnation.len(), 32);
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Store::open(folder.path(), NOW).await.expect("a new store opens").close().await;
    let path = folder.path().join(Store::FILE);
    change_file(&path, "INSERT INTO schema_migration (number, name) VALUES (9999, 'later')").await;
    let text = refusal(folder.path()).await;
    assert!(
        text.contains("was written by a newer hub (schema 9999, this one knows up to"),
        "{text}"
    );
    assert!(text.ends_with("start the newer hub, or restore a copy made before it"), "{text}");
}

#[tokio::test]
async fn a_foreign_file_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(Store::FILE);
    change_file(&path, "CREATE TABLE theirs (a)").await;
    let before = std::fs::read(&path).expect("readable");
    let text = refusal(folder.path()).await;
    assert!(text.ends_with(
        "is not a store of this hub: it is a database of another program; name another data folder"
    ));
    assert_eq!(std::fs::read(&path).expect("readable"), before);

    std::fs::write(
        &path,
        "this is a text of more than one hundred bytes, so that it is taken for \
        a file with a header, which it is not, whatever its name may say",
    )
    .expect("writable");
    let text = refusal(folder.path()).await;
    assert!(text.ends_with("it is no SQLite file; name another data folder"), "{text}");
}

#[tokio::test]
async fn a_missing_folder_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = refusal(&folder.path().join("none")).await;
    assert!(text.ends_with(
        "cannot be opened; look whether its folder exists, may be written and has room"
    ));
}

#[tokio::test]
async fn the_file_is_durable_by_default() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let mode: String =
        sql::query_scalar("PRAGMA journal_mode").fetch_one(&mut tx).await.expect("reads");
    let synchronous: i64 =
        sql::query_scalar("PRAGMA synchronous").fetch_one(&mut tx).await.expect("reads");
    let keys: i64 =
        sql::query_scalar("PRAGMA foreign_keys").fetch_one(&mut tx).await.expect("reads");
    assert_eq!((mode.as_str(), synchronous, keys), ("wal", 2, 1));
}
