//! The harness itself: servers come up, share nothing, and survive being killed.

use yiku_tests::{Kafka, MariaDb, Postgres, mariadb, postgres};

#[test]
fn each_test_has_a_database_of_its_own() {
    assert_ne!(postgres().database(), postgres().database());
    assert_ne!(mariadb().database(), mariadb().database());
}

#[test]
fn a_killed_postgres_comes_back_with_its_data() {
    let mut server = Postgres::start();
    server.execute("postgres", "CREATE TABLE t (n int)");
    server.execute("postgres", "CHECKPOINT");
    server.kill();
    server.restart();
    server.execute("postgres", "INSERT INTO t VALUES (1)");
}

#[test]
fn a_killed_mariadb_comes_back_with_its_data() {
    let mut server = MariaDb::start();
    server.execute("mysql", "CREATE TABLE t (n int)");
    server.kill();
    server.restart();
    server.execute("mysql", "INSERT INTO t VALUES (1)");
}

#[test]
fn a_killed_kafka_comes_back() {
    let mut server = Kafka::start();
    server.kill();
    server.restart();
    assert!(server.kcat(&["-L"]).contains(" 1 brokers:"));
}
