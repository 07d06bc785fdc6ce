//! Moving up: a hub on the embedded engine is exported and goes on with Kafka and PostgreSQL.
//! Everything that its store held is there, and what was begun before is ended after.

use std::{collections::BTreeMap, path::Path};

use rusqlite::types::ValueRef;
use sqlx::{AssertSqlSafe, Column as _, Connection as _, PgConnection, Row as _, TypeInfo as _};
use yiku_tests::{Hub, Postgres, kafka, sqlite_value};

const ROWS: usize = 2_000;
const CHANGED: usize = 300;

fn file(rows: usize, fee: &str) -> String {
    let rows = (0..rows).map(|number| format!("P{number},肖文{number},1,2026-03-05,{fee}\n"));
    "no,name,sex,seen_on,fee\n".to_owned() + &rows.collect::<String>()
}

/// A hub on the embedded engine with a source, a push, a rejected row and a receiver.
fn lived_in() -> (Hub, String) {
    let (mut hub, _) = Hub::of_patients_on_their_way("");
    hub.write("in/1.csv", file(ROWS, "12.50") + "W1,曾凡,7,2026-05-05,12.50\n");
    hub.start();
    hub.connector_until("patients-in", |one| one["accepted"] == ROWS as u64);
    hub.write("in/2.csv", file(CHANGED, "99.00"));
    hub.connector_until("patients-in", |one| one["accepted"] == (ROWS + CHANGED) as u64);
    let token = hub.token("health");
    assert_eq!(push(&hub, &token), 200);
    hub.settles();
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
    (hub, token)
}

fn receiver(hub: &Hub) -> std::path::PathBuf {
    hub.folder().join("receiver.db")
}

/// Pushes one row under a key; returns the status.
fn push(hub: &Hub, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-ndjson"),
        ("idempotency-key", "the-one"),
    ];
    let row = r#"{"no":"X1","name":"周敏","sex":"2","seen_on":"2026-04-01","fee":"1.00"}"#;
    let (status, body) =
        hub.http("POST", "/api/v1/entries/health/patient/rows", &headers, row.as_bytes());
    assert!(body.contains("accepted"), "{status} {body}");
    status
}

/// The settings of a store and a bus that nothing has happened in.
fn cluster(server: &Postgres) -> (String, String) {
    let url = server.database();
    server.execute("postgres", "CREATE ROLE hub LOGIN");
    let settings = format!(
        "[store]\nkind = \"postgres\"\nurl = \"{}\"\nuser = \"hub\"\n\
         owner = {{ user = \"postgres\" }}\n{}partitions = 4\n",
        url.replace("postgres@", ""),
        kafka().hub_settings(),
    );
    (url, settings)
}

/// Every row of every table but the cursors and migrations, each as one text.
type Tables = BTreeMap<String, Vec<String>>;

fn tables_of_file(file: &Path) -> Tables {
    let db = rusqlite::Connection::open(file).expect("the export has a store");
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let mut names = db.prepare(sql).expect("SQL");
    let names = names.query_map([], |row| row.get(0)).expect("tables");
    let names: Vec<String> = names.map(|name| name.expect("a name")).collect();
    let mut tables = Tables::new();
    for name in names {
        let mut select = db.prepare(&format!("SELECT * FROM {name}")).expect("SQL");
        let columns: Vec<String> = select.column_names().iter().map(|&one| one.into()).collect();
        let rows = select.query_map([], |row| {
            let cells = columns.iter().enumerate().map(|(place, column)| {
                let value = match row.get_ref(place).expect("a column") {
                    ValueRef::Null => "NULL".into(),
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    ValueRef::Blob(bytes) => format!("{bytes:?}"),
                    ValueRef::Real(number) => panic!("{name}.{column} holds {number}"),
                };
                (column.clone(), value)
            });
            Ok(format!("{:?}", cells.collect::<BTreeMap<_, _>>()))
        });
        let mut rows: Vec<String> = rows.expect("rows").map(|row| row.expect("a row")).collect();
        rows.sort();
        tables.insert(name, rows);
    }
    tables
}

async fn tables_of_server(url: &str) -> Tables {
    let mut db = PgConnection::connect(url).await.expect("the server answers");
    let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'yiku'";
    let names: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut db).await.expect("tables");
    let mut tables = Tables::new();
    for name in names {
        let sql = format!("SELECT * FROM yiku.{name}");
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut db).await.expect("rows");
        let row = |row: &sqlx::postgres::PgRow| {
            let cells = row.columns().iter().map(|column| {
                let place = column.ordinal();
                let value = match column.type_info().name() {
                    "INT8" => row.get::<Option<i64>, _>(place).map(|number| number.to_string()),
                    "BYTEA" => {
                        row.get::<Option<Vec<u8>>, _>(place).map(|bytes| format!("{bytes:?}"))
                    }
                    _ => row.get::<Option<String>, _>(place),
                };
                (column.name().to_owned(), value.unwrap_or_else(|| "NULL".into()))
            });
            format!("{:?}", cells.collect::<BTreeMap<_, _>>())
        };
        let mut rows: Vec<String> = found.iter().map(row).collect();
        rows.sort();
        tables.insert(name, rows);
    }
    tables
}

fn compare(mut before: Tables, mut after: Tables) {
    for left_behind in ["cursor", "schema_migration"] {
        before.remove(left_behind).expect("every store has it");
        after.remove(left_behind).expect("every store has it");
    }
    let names = |tables: &Tables| tables.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    assert!(before.values().map(Vec::len).sum::<usize>() > 2 * ROWS, "rows were there");
    for (name, rows) in &before {
        assert_eq!(rows.len(), after[name].len(), "{name}");
        let other = rows.iter().zip(&after[name]).find(|(before, after)| before != after);
        assert!(other.is_none(), "{name}: {other:?}");
    }
}

fn received(hub: &Hub, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM patient WHERE {condition}");
    match sqlite_value(&receiver(hub), &sql) {
        rusqlite::types::Value::Integer(count) => count,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_embedded_hub_goes_on_as_a_cluster() {
    let (mut hub, token) = lived_in();
    let told = hub.yiku(&["export", "moved"]);
    assert!(told.success, "{told:?}");
    let told = hub.yiku(&["status"]);
    assert!(!told.success && told.stderr.contains("was exported"), "{told:?}");

    let server = Postgres::start();
    let (url, settings) = cluster(&server);
    hub.settings(&settings);
    let told = hub.yiku(&["import", "moved"]);
    assert!(told.success, "{told:?}");
    let before = tables_of_file(&hub.folder().join("moved/store.db"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    compare(before, runtime.block_on(tables_of_server(&url)));
    let told = hub.yiku(&["import", "moved"]);
    assert!(!told.success && told.stderr.contains("has been used"), "{told:?}");

    hub.start();
    hub.settles();
    // The books say, too, that the entity's topic has every row: it was filled from the start.
    hub.balances();
    assert_eq!(hub.ask(&["status"])["libraries"][0]["backlog"], 0);
    assert_eq!(hub.library_rows("population.patient"), ROWS as u64 + 1);
    assert_eq!(push(&hub, &token), 200, "the same push is answered again");
    let rejected = hub.rejected("patients-in")[0]["id"].as_i64().expect("a number").to_string();
    let told = hub.yiku_with(&["quarantine", "fix", &rejected], "sex=1\n");
    assert!(told.success, "{told:?}");
    let told = hub.yiku(&["quarantine", "redrive", &rejected]);
    assert!(told.success, "{told:?}");
    hub.write("in/3.csv", file(2 * CHANGED, "150.00"));
    hub.connector_until("patients-in", |one| one["accepted"] == (ROWS + 3 * CHANGED) as u64);
    hub.settles();
    hub.balances();
    assert_eq!(hub.library_rows("population.patient"), ROWS as u64 + 2);
    hub.until("the receiver has every change", || {
        let changed = received(&hub, "fee = '150.00'") == 2 * CHANGED as i64;
        (changed && received(&hub, "1 = 1") == ROWS as i64 + 2).then_some(())
    });
    let bus_of = |key: &str| {
        let told = hub.yiku_with(&["trace", "population.patient", "--json"], key);
        let story: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
        let record = &story["records"][0];
        (record["bus"].clone(), record["batch"]["origin"].clone())
    };
    let (bus, origin) = bus_of("P1999\n");
    assert_eq!(bus, "embedded");
    assert!(origin.as_str().is_some_and(|origin| origin.contains("1.csv")), "{origin}");
    let (bus, origin) = bus_of("P1\n");
    assert_ne!(bus, "embedded");
    assert!(origin.as_str().is_some_and(|origin| origin.contains("3.csv")), "{origin}");
    assert!(hub.stop(), "{}", hub.log());
}

#[test]
fn what_cannot_be_moved_is_told() {
    let (mut hub, _) = lived_in();
    hub.start();
    let told = hub.yiku(&["export", "moved"]);
    assert!(!told.success && told.stderr.contains("stop it"), "{told:?}");
    assert!(hub.stop(), "{}", hub.log());
    let told = hub.yiku(&["import", "moved"]);
    assert!(!told.success && told.stderr.contains("no export"), "{told:?}");
    hub.write("moved/else.txt", "");
    let told = hub.yiku(&["export", "moved"]);
    assert!(!told.success && told.stderr.contains("not empty"), "{told:?}");
    let told = hub.yiku(&["export", "out"]);
    assert!(told.success, "{told:?}");
    hub.settings(&format!("{}[folders]\ndata = \"elsewhere\"\n", kafka().hub_settings()));
    hub.write("elsewhere/digest.key", [7; 32]);
    let told = hub.yiku(&["import", "out"]);
    assert!(!told.success && told.stderr.contains("another one"), "{told:?}");
    hub.settings("[folders]\ndata = \"afresh\"\n");
    let told = hub.yiku(&["import", "out"]);
    assert!(!told.success && told.stderr.contains("kind = \"kafka\""), "{told:?}");
    // A store in a file again, in a new data folder.
    hub.settings(&format!("{}[folders]\ndata = \"afresh\"\n", kafka().hub_settings()));
    let told = hub.yiku(&["import", "out"]);
    assert!(told.success, "{told:?}");
    hub.start();
    hub.until("the rows are there", || {
        (hub.library_rows("population.patient") == ROWS as u64 + 1).then_some(())
    });
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
}
