use std::path::Path;

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use yiku_store::{
    Store, StoreError,
    cursor::{self, Read},
    sql,
};

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
    let fresh = fresh().await;
    let incarnation = fresh.store.incarnation().to_owned();
    fresh.store.close().await;
    let again = Store::open(fresh.folder.path(), NOW + 1).await.expect("opens again");
    assert_eq!(again.incarnation(), incarnation);
    assert_eq!(incarnation.len(), 32);
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let fresh = fresh().await;
    fresh.store.close().await;
    let path = fresh.folder.path().join(Store::FILE);
    change_file(&path, "INSERT INTO schema_migration (number, name) VALUES (9999, 'later')").await;
    let text = refusal(fresh.folder.path()).await;
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
async fn what_is_dropped_never_was() {
    let fresh = fresh().await;
    let step = |from, to| Read {
        unit: "merge/population",
        topic: "entry.a.b",
        topic_id: "t1",
        partition: 0,
        from,
        to,
    };
    let mut tx = fresh.begin().await;
    cursor::advance(&mut tx, step(0, 5)).await.expect("moves");
    drop(tx);
    let mut tx = fresh.begin().await;
    assert_eq!(cursor::list(&mut tx).await.expect("reads"), []);
    cursor::advance(&mut tx, step(0, 7)).await.expect("moves");
    tx.commit().await.expect("commits");
    let mut reader = fresh.store.reader().await.expect("a reader");
    let cursors = cursor::list(&mut reader).await.expect("reads");
    assert_eq!(cursors.iter().map(|cursor| cursor.next).collect::<Vec<_>>(), [7]);
}

#[tokio::test]
async fn a_moved_cursor_fences() {
    let fresh = fresh().await;
    let step = |topic_id, from, to| Read {
        unit: "materialise/0",
        topic: "hub.publications",
        topic_id,
        partition: 0,
        from,
        to,
    };
    let mut tx = fresh.begin().await;
    let error = cursor::advance(&mut tx, step("t1", 3, 5)).await.expect_err("never read");
    assert!(matches!(error, StoreError::Fenced { expected: 3, .. }));
    cursor::advance(&mut tx, step("t1", 0, 5)).await.expect("moves");
    let error = cursor::advance(&mut tx, step("t1", 0, 6)).await.expect_err("moved already");
    assert_eq!(
        error.to_string(),
        "`materialise/0` was moved on by another process (expected 0 on `hub.publications`)"
    );
    let error = cursor::advance(&mut tx, step("t2", 5, 6)).await.expect_err("another topic");
    assert_eq!(
        error.to_string(),
        "`materialise/0` was reading another topic `hub.publications` (id t1, now t2); \
         the bus was replaced or restored: start a new incarnation, never reset the cursor"
    );
    cursor::advance(&mut tx, step("t1", 5, 6)).await.expect("moves on");
    cursor::forget(&mut tx, "materialise/0").await.expect("forgets");
    assert_eq!(cursor::list(&mut tx).await.expect("reads"), []);
}

#[tokio::test]
async fn readers_do_not_write_and_see_commits_only() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    sql::run(&mut tx, "INSERT INTO counter VALUES ('a', 1)").await.expect("writes");
    let mut snapshot = fresh.store.snapshot().await.expect("a reader");
    let count = "SELECT count(*) FROM counter";
    let seen: i64 = sql::query_scalar(count).fetch_one(&mut *snapshot).await.expect("reads");
    assert_eq!(seen, 0);
    tx.commit().await.expect("commits");
    let seen: i64 = sql::query_scalar(count).fetch_one(&mut *snapshot).await.expect("reads");
    assert_eq!(seen, 0, "a snapshot is of one moment");
    let mut reader = fresh.store.reader().await.expect("a reader");
    let seen: i64 = sql::query_scalar(count).fetch_one(&mut *reader).await.expect("reads");
    assert_eq!(seen, 1);
    assert!(sql::run(&mut reader, "DELETE FROM counter").await.is_err());
}

#[tokio::test]
async fn the_file_is_durable_by_default() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let mode: String =
        sql::query_scalar("PRAGMA journal_mode").fetch_one(&mut *tx).await.expect("reads");
    let synchronous: i64 =
        sql::query_scalar("PRAGMA synchronous").fetch_one(&mut *tx).await.expect("reads");
    let keys: i64 =
        sql::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *tx).await.expect("reads");
    assert_eq!((mode.as_str(), synchronous, keys), ("wal", 2, 1));
}
