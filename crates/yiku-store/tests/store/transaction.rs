//! What holds of transactions on either database.

use yiku_store::{
    StoreError,
    cursor::{self, Read},
    sql,
};

use crate::support::fresh;

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
    let seen: i64 = sql::query_scalar(count).fetch_one(&mut snapshot).await.expect("reads");
    assert_eq!(seen, 0);
    tx.commit().await.expect("commits");
    let seen: i64 = sql::query_scalar(count).fetch_one(&mut snapshot).await.expect("reads");
    assert_eq!(seen, 0, "a snapshot is of one moment");
    let mut reader = fresh.store.reader().await.expect("a reader");
    let seen: i64 = sql::query_scalar(count).fetch_one(&mut reader).await.expect("reads");
    assert_eq!(seen, 1);
    assert!(sql::run(&mut reader, "DELETE FROM counter").await.is_err());
}
