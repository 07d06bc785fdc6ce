//! What a source says when the far side is not as its file says.

use serde_json::{Value, json};
use yiku_connector::{ConnectorError, Load, Position};

use crate::far::{ALL, Far};

/// The error of a check and of a pull, as its variant and text; they must be the same.
async fn complaint(far: &Far, config: Value) -> String {
    let mut texts = Vec::new();
    for pulls in [false, true] {
        let source = far.try_open(Load::Changes, config.clone(), &Position::default());
        let result = match source {
            Err(error) => Err(error),
            Ok(mut source) if pulls => source.pull(ALL).await.map(drop),
            Ok(mut source) => source.check().await,
        };
        let error = result.expect_err("something is wrong");
        let variant = match &error {
            ConnectorError::Config(_) => "config",
            ConnectorError::Unavailable { .. } => "unavailable",
            ConnectorError::Unreadable { .. } => "unreadable",
            ConnectorError::Position(_) => "position",
        };
        assert!(!error.to_string().contains("secret"), "{error}");
        texts.push(format!("{variant}: {error}"));
    }
    assert_eq!(texts[0], texts[1]);
    texts.remove(0)
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
}

#[tokio::test]
async fn tables_and_columns_that_are_not_there() {
    for far in Far::all() {
        far.execute("CREATE TABLE t (id INT PRIMARY KEY, w VARCHAR(20))").await;
        let text = complaint(&far, json!({ "table": "gone" })).await;
        has(&text, &["unreadable: ", "gone", "no such table"]);
        let text = complaint(&far, json!({ "table": "t", "columns": ["id", "xm"] })).await;
        has(&text, &["unreadable: ", "t has no column xm; it has id, w"]);
        let text =
            complaint(&far, json!({ "table": "t", "watermark": { "column": "gxsj" } })).await;
        has(&text, &["unreadable: ", "no column gxsj"]);
        far.execute("CREATE VIEW bare AS SELECT w FROM t").await;
        let text = complaint(&far, json!({ "table": "bare" })).await;
        has(&text, &["config: ", "bare has no primary key", "`key`"]);
    }
}

#[tokio::test]
async fn a_table_that_vanishes_between_two_pulls() {
    for far in Far::all() {
        far.execute("CREATE TABLE t (id INT PRIMARY KEY, w INT)").await;
        far.execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)").await;
        let config = json!({ "table": "t", "watermark": { "column": "w" } });
        let mut source = far.open(Load::Changes, config.clone(), &Position::default());
        let one = yiku_connector::PullLimit { rows: 1, bytes: 1 };
        let pull = source.pull(one).await.unwrap().unwrap();
        far.execute("ALTER TABLE t RENAME COLUMN w TO v").await;
        let error = source.pull(one).await.unwrap_err();
        assert!(matches!(error, ConnectorError::Unreadable { .. }), "{} {error}", far.name);
        let mut source = far.open(Load::Changes, config, &pull.position);
        has(&source.pull(one).await.unwrap_err().to_string(), &["has no column w; it has id, v"]);
    }
}

#[tokio::test]
async fn rows_that_cannot_be_put_in_order() {
    for far in Far::all() {
        far.execute("CREATE TABLE t (id INT, w INT, d DOUBLE PRECISION)").await;
        far.execute("INSERT INTO t VALUES (1, 1, 1.5), (1, 1, 1.5), (2, 1, 1.5)").await;
        let by = |tie: &str| json!({ "table": "t", "watermark": { "column": "w", "tie": tie } });
        let mut source = far.open(Load::Changes, by("id"), &Position::default());
        let error = source.pull(ALL).await.unwrap_err().to_string();
        has(&error, &["two rows have the same w, id", "`tie:`"]);
        let text = complaint(&far, by("d")).await;
        has(&text, &["order"]);
        far.execute("INSERT INTO t VALUES (NULL, 9, 1)").await;
        let text = complaint(&far, by("id")).await;
        has(&text, &["unreadable: ", "1 rows have no value in id"]);
    }
}

#[tokio::test]
async fn bytes_are_refused_with_the_column() {
    for (far, kind) in [(Far::postgres(), "bytea"), (Far::mariadb(), "mediumblob")] {
        far.execute(&format!("CREATE TABLE t (id INT PRIMARY KEY, photo {kind})")).await;
        let text = complaint(&far, json!({ "table": "t" })).await;
        has(&text, &["config: ", "column photo holds bytes", "`columns:`"]);
        let config = json!({ "table": "t", "columns": ["id"] });
        far.open(Load::Full, config, &Position::default()).check().await.unwrap();
    }
}

#[tokio::test]
async fn logins_and_places_that_are_wrong() {
    let config = || json!({ "table": "t" });
    let mut far = Far::postgres();
    let good = far.url.clone();
    far.url = good.replace("postgres@", "guarded:secret1@");
    has(&complaint(&far, config()).await, &["config: 127.0.0.1:", "/test", "login was refused"]);
    far.url = good.replace("/test", "/nothing");
    has(&complaint(&far, config()).await, &["config: ", "no such database"]);
    far.url = "postgres://u:secret@127.0.0.1:1/db".into();
    has(&complaint(&far, config()).await, &["unavailable: 127.0.0.1:1/db: ", "cannot be reached"]);
    far.url = "postgres://u:secret@no-such-host.invalid/db".into();
    has(&complaint(&far, config()).await, &["unavailable: no-such-host.invalid:5432/db: "]);
    far.url = "oracle://u:secret@h/db".into();
    has(&complaint(&far, config()).await, &["config: the url must begin with sqlite:"]);
    far.url = "postgres://u:secret@h:port/db".into();
    has(&complaint(&far, config()).await, &["config: the url after `postgres:` cannot be read"]);

    let mut far = Far::mariadb();
    let good = far.url.clone();
    far.url = good.replace(":secret@", ":secret1@");
    has(&complaint(&far, config()).await, &["config: ", "login was refused"]);
    far.url = good.replace("/test", "/nothing");
    has(&complaint(&far, config()).await, &["config: ", "no such database"]);

    let mut far = Far::sqlite();
    has(&complaint(&far, config()).await, &["unreadable: ", "far.db", "cannot be opened"]);
    std::fs::write(far.folder.path().join("far.db"), "not a database, but long enough".repeat(99))
        .unwrap();
    has(&complaint(&far, config()).await, &["unreadable: ", "no SQLite database"]);
    far.url = "sqlite:/dev/null/x".into();
    has(&complaint(&far, config()).await, &["unreadable: /dev/null/x: connecting"]);
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back() {
    let mut server = yiku_tests::Postgres::start();
    let mut far = Far::sqlite();
    far.url = server.database();
    far.name = "postgres";
    far.execute("CREATE TABLE t (id INT PRIMARY KEY)").await;
    far.execute("INSERT INTO t VALUES (1), (2), (3)").await;
    let config = json!({ "table": "t" });
    let one = yiku_connector::PullLimit { rows: 1, bytes: 1 };
    let mut source = far.open(Load::Full, config.clone(), &Position::default());
    let pull = source.pull(one).await.unwrap().unwrap();
    server.kill();
    let error = source.pull(one).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Unavailable { .. }), "{error}");
    server.restart();
    let mut source = far.open(Load::Full, config, &pull.position);
    let (rows, _) = crate::far::one_run(source.as_mut()).await;
    assert_eq!(rows, ["2", "3"]);
}

#[tokio::test]
async fn a_query_cannot_write() {
    for far in Far::all() {
        far.execute("CREATE TABLE t (id INT PRIMARY KEY)").await;
        let text = complaint(&far, json!({ "query": "DELETE FROM t", "key": "id" })).await;
        has(&text, &["config: ", "must begin with SELECT"]);
        let text = complaint(&far, json!({ "query": "SELECT 1; DROP TABLE t", "key": "id" })).await;
        has(&text, &["config: ", "one statement"]);
    }
    let far = Far::postgres();
    far.execute("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let sly = "WITH gone AS (DELETE FROM t RETURNING id) SELECT id FROM gone";
    has(&complaint(&far, json!({ "query": sly, "key": "id" })).await, &["unreadable: "]);
    let sly = "SELECT nextval('s') AS id";
    far.execute("CREATE SEQUENCE s").await;
    has(&complaint(&far, json!({ "query": sly, "key": "id" })).await, &["unreadable: "]);
}

#[tokio::test]
async fn files_that_contradict_themselves() {
    let far = Far::sqlite();
    for (config, part) in [
        (json!({}), "either `table:` or `query:`"),
        (json!({ "table": "t", "query": "SELECT 1" }), "either `table:` or `query:`"),
        (json!({ "table": "t", "tabel": "t" }), "unknown field `tabel`"),
        (json!({ "table": "t", "columns": [] }), "`columns:` names none"),
        (json!({ "table": "t", "page": 0 }), "`page:` is at least 1"),
        (json!({ "table": "t", "key": [] }), "names no column"),
        (json!({ "table": "t", "watermark": { "column": "w" }, "key": "id" }), "`watermark.tie`"),
        (json!({ "table": "t", "watermark": { "column": "w", "overlap": "10" } }), "10m"),
    ] {
        has(&complaint(&far, config).await, &["config: source of kind sql: ", part]);
    }
    let config = json!({ "table": "t", "watermark": { "column": "w" } });
    let error = far.try_open(Load::Full, config, &Position::default()).err().unwrap();
    has(&error.to_string(), &["`load: full` reads the whole table"]);
}
