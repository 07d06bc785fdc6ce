//! Opening a store in a database, and who may do what in it.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use yiku_store::{Database, Store, StoreError, receipt, sql};
use yiku_tests::Postgres;

use crate::{
    login, new_database,
    support::{Fresh, NOW, batch},
};

async fn refusal(database: &Database) -> String {
    let error = Store::connect(database, NOW).await.err().expect("it must be refused");
    assert!(!error.zh().is_empty());
    error.to_string()
}

/// A session beside the hub's.
async fn beside(database: &Database) -> PgConnection {
    let url = database.url.replace("postgres://", "postgres://postgres@");
    PgConnection::connect(&url).await.expect("the server answers")
}

async fn run(database: &Database, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&mut beside(database).await).await.expect("runs");
}

#[tokio::test]
async fn a_reopened_store_is_the_same_life() {
    let database = new_database();
    let store = Store::connect(&database, NOW).await.expect("a new store");
    let incarnation = store.incarnation().to_owned();
    store.close().await;
    let again = Store::connect(&database, NOW + 1).await.expect("opens again");
    assert_eq!(again.incarnation(), incarnation);
    assert_eq!(incarnation.len(), 32);
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let database = new_database();
    Store::connect(&database, NOW).await.expect("a new store").close().await;
    run(&database, "INSERT INTO yiku.schema_migration VALUES (9999, 'later')").await;
    let text = refusal(&database).await;
    assert!(
        text.contains("was written by a newer hub (schema 9999, this one knows up to"),
        "{text}"
    );
}

#[tokio::test]
async fn a_schema_of_another_program_is_refused_and_left_as_it_was() {
    let database = new_database();
    run(&database, "CREATE SCHEMA yiku; CREATE TABLE yiku.theirs (a int)").await;
    let text = refusal(&database).await;
    assert!(text.ends_with("belongs to another program; name another database"), "{text}");
    let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('yiku')";
    let tables: i64 =
        sqlx::query_scalar(sql).fetch_one(&mut beside(&database).await).await.expect("reads");
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn what_cannot_be_reached_is_said() {
    let mut database = new_database();
    database.hub.user = "nobody".into();
    let text = refusal(&database).await;
    assert!(text.contains("the server refuses `nobody`"), "{text}");
    let mut database = new_database();
    database.url.push_str("_not");
    let text = refusal(&database).await;
    assert!(text.ends_with("there is no such database; make it by CREATE DATABASE"), "{text}");
    database.url = format!("postgres://127.0.0.1:{}/x", yiku_tests::free_port());
    let text = refusal(&database).await;
    assert!(text.starts_with("the store's database server does not answer"), "{text}");
    database.url = "postgres://me:secret@127.0.0.1/x".into();
    let text = refusal(&database).await;
    assert!(text.ends_with("give user and password as settings of their own"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_second_hub_is_kept_out_and_one_that_lost_its_session_too() {
    let database = new_database();
    let first = Store::connect(&database, NOW).await.expect("a new store");
    let error = Store::connect(&database, NOW).await.err().expect("the first one works");
    let StoreError::Taken { backend, ref holder, .. } = error else { panic!("{error}") };
    assert!(holder.starts_with("from 127.0.0.1"), "{holder}");
    assert!(error.zh().contains(&format!("pg_terminate_backend({backend})")));

    // The first hub is frozen: a person ends its session, the second one takes over.
    let mut tx = first.begin().await.expect("the writer");
    sql::run(&mut tx, "INSERT INTO counter VALUES ('a', 1)").await.expect("writes");
    let end = format!("SELECT pg_terminate_backend({backend})");
    sqlx::raw_sql(AssertSqlSafe(end)).execute(&mut beside(&database).await).await.expect("ends");
    let second = Store::connect(&database, NOW).await.expect("the lock is free");
    let error = tx.commit().await.expect_err("its session was ended");
    assert!(error.ends_process(), "{error}");
    assert!(first.begin().await.is_err(), "nobody knows what became of the commit");
    let mut reader = second.reader().await.expect("a reader");
    let sql = "SELECT count(*) FROM counter";
    let count: i64 = sql::query_scalar(sql).fetch_one(&mut reader).await.expect("reads");
    assert_eq!(count, 0);
}

#[tokio::test]
async fn the_hub_of_an_owned_store_may_not_change_receipts() {
    let mut database = new_database();
    run(&database, "CREATE ROLE hub_of_owned LOGIN").await;
    database.hub = login("hub_of_owned");
    let text = refusal(&database).await;
    assert!(text.contains("`hub_of_owned` may not make or update the tables"), "{text}");

    database.owner = Some(login("postgres"));
    let store = Store::connect(&database, NOW).await.expect("a new store");
    let (publication, rows) = batch(&store, 1, 3, &["k"]);
    let _folder = tempfile::tempdir().expect("a folder");
    let fresh = Fresh { store, _folder };
    fresh.take(publication.batch, 3, &[rows[0].key.as_deref().expect("a key")]).await;
    for table in ["receipt", "receipt_rows", "incarnation", "schema_migration"] {
        for sql in [
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("DROP TABLE {table} CASCADE"),
            format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
        ] {
            let mut tx = fresh.begin().await;
            let error = sql::run(&mut tx, AssertSqlSafe(sql)).await.expect_err("refused");
            let text = error.to_string();
            assert!(text.contains("permission denied") || text.contains("must be owner"), "{text}");
        }
    }
    let mut tx = fresh.begin().await;
    let sql = "UPDATE receipt SET actor = 'nobody'";
    let error = sql::run(&mut tx, sql).await.expect_err("refused");
    assert!(error.to_string().contains("permission denied for table receipt"), "{error}");
    drop(tx);
    let mut reader = fresh.store.reader().await.expect("a reader");
    let kept = receipt::list(&mut reader, &receipt::Filter::default(), None, 9).await;
    assert_eq!(kept.expect("reads").len(), 1);
    drop(reader);
    // Opened again, when there is nothing to make, the owner is not needed.
    fresh.store.close().await;
    database.owner = None;
    Store::connect(&database, NOW).await.expect("the tables are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_went_away_is_told_and_found_again() {
    let mut server = Postgres::start();
    let url = server.database().replace("postgres@", "");
    let database = Database { url, hub: login("postgres"), owner: None };
    let store = Store::connect(&database, NOW).await.expect("a new store");
    drop(store.reader().await.expect("a reader"));
    server.kill();
    for _ in 0..2 {
        let error = store.begin().await.err().expect("there is no server");
        assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
        let error = store.snapshot().await.err().expect("there is no server");
        assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
    }
    server.restart();
    let mut tx = store.begin().await.expect("the server is back");
    sql::run(&mut tx, "INSERT INTO counter VALUES ('a', 1)").await.expect("writes");
    tx.commit().await.expect("durable");
}
