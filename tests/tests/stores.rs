//! One scenario through the real program on each store: rows of files merge and are delivered,
//! wrong ones wait, through a killed hub and, where there is one, a killed database server.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use yiku_tests::{Hub, Postgres, kafka, root, sqlite_value};

const ROWS: usize = 3_000;
const CHANGED: usize = 700;
const WRONG: usize = 5;

/// Rows by number, and as many wrong ones.
fn file(rows: usize, fee: &str) -> String {
    let mut text = "no,name,sex,seen_on,fee\n".to_owned();
    for number in 0..rows {
        let month = number % 12 + 1;
        text.push_str(&format!("P{number},肖文{number},1,2026-{month:02}-05,{fee}\n"));
    }
    for number in 0..WRONG {
        text.push_str(&format!("W{number},曾凡,7,2026-05-05,{fee}\n"));
    }
    text
}

fn counted(file: &Path, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM patient WHERE {condition}");
    match sqlite_value(file, &sql) {
        rusqlite::types::Value::Integer(count) => count,
        other => panic!("{other:?}"),
    }
}

/// `between` may do harm once the first rows are merged. Returns the hub, stopped.
fn walk(settings: &str, between: impl FnOnce(&Hub)) -> Hub {
    let (mut hub, receiver) = Hub::of_patients_on_their_way(settings);
    hub.write("in/1.csv", file(ROWS, "12.50"));
    hub.start();
    hub.until("the first rows", || (hub.library_rows("population.patient") > 0).then_some(()));
    hub.kill();
    hub.start();
    hub.write("in/2.csv", file(CHANGED, "99.00"));
    between(&hub);
    keep_until_accepted(&mut hub, (ROWS + CHANGED) as u64);
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), ROWS as u64);
    assert_eq!(hub.rejected("patients-in").len(), 2 * WRONG);
    hub.balances();
    hub.until("the receiver has every change", || {
        let changed = counted(&receiver, "fee = '99.00'") == CHANGED as i64;
        (changed && counted(&receiver, "1 = 1") == ROWS as i64).then_some(())
    });
    let trace = hub.yiku_with(&["trace", "population.patient"], "P1\n");
    assert!(trace.success && trace.stdout.contains("2.csv"), "{trace:?}");
    hub.settles();
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
    hub
}

/// Where a commit went unanswered the hub ends, and whoever keeps it starts it again.
fn keep_until_accepted(hub: &mut Hub, accepted: u64) {
    let begun = Instant::now();
    loop {
        if hub.has_ended() {
            hub.start();
        }
        let told = hub.yiku(&["status", "--json"]);
        let status: Value = serde_json::from_str(&told.stdout).unwrap_or_default();
        let connectors = status["connectors"].as_array();
        let source = connectors.and_then(|all| all.iter().find(|one| one["name"] == "patients-in"));
        if source.is_some_and(|one| one["accepted"] == accepted) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{accepted} accepted: {told:?}\n{}", hub.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn rows_walk_through_a_store_in_a_file() {
    walk("", |_| ());
}

/// A database with a login for the hub beside its owner: its name and what the hub is told.
fn database(server: &Postgres) -> (String, String) {
    let url = server.database();
    let place = url.replace("postgres@", "");
    let name = url.rsplit('/').next().expect("a name");
    server.execute(name, "CREATE ROLE hub LOGIN");
    let settings = format!(
        "[store]\nkind = \"postgres\"\nurl = \"{place}\"\nuser = \"hub\"\n\
         owner = {{ user = \"postgres\" }}\n"
    );
    (name.to_owned(), settings)
}

/// The server goes and comes back; a connector file is touched meanwhile.
fn interrupt(server: &mut Postgres, hub: &Hub) {
    server.kill();
    let file = hub.folder().join("data/connectors/patients-in.yaml");
    let text = std::fs::read_to_string(file).expect("it was laid out");
    let (_, rest) = text.split_once('\n').expect("its name is its first line");
    hub.connector("patients-in", &format!("{rest}# changed\n"));
    std::thread::sleep(Duration::from_secs(2));
    server.restart();
}

#[test]
fn rows_walk_through_a_store_on_a_server() {
    let mut server = Postgres::start();
    let (database, settings) = database(&server);
    let hub = walk(&settings, |hub| interrupt(&mut server, hub));
    assert!(!hub.folder().join("data/store.db").exists());
    let count = "SELECT count(*) FROM yiku.entity_population__patient";
    server.execute(&database, &format!("DO $$ BEGIN ASSERT ({count}) = {ROWS}; END $$"));
}

#[test]
fn rows_walk_through_kafka_and_a_store_on_a_server() {
    let mut server = Postgres::start();
    let (_, settings) = database(&server);
    let settings = format!("{settings}{}", kafka().hub_settings());
    let hub = walk(&settings, |hub| interrupt(&mut server, hub));
    for file in ["data/store.db", "data/bus.db"] {
        assert!(!hub.folder().join(file).exists(), "{file}");
    }
}

#[test]
fn a_server_is_reached_by_tls_with_a_password_from_a_file() {
    let server = Postgres::start_with_tls();
    let url = server.database();
    let name = url.rsplit('/').next().expect("a name");
    server.execute("postgres", &format!("GRANT CREATE ON DATABASE {name} TO sealed"));
    let settings = |more: &str| {
        format!(
            "[store]\nkind = \"postgres\"\nurl = \"{}?{more}\"\nuser = \"sealed\"\n\
             password = {{ file = \"store.password\" }}\n",
            url.replace("postgres@", "")
        )
    };
    let by = |authority: &str| {
        let file = server.certificate(authority);
        settings(&format!("sslmode=verify-full&sslrootcert={}", file.display()))
    };
    let hub = Hub::unpublished(&root().join("tests/tests/bad/catalog"), &by("ca.crt"));
    hub.write("data/secrets/store.password", "secret\n");
    let ended = hub.yiku(&["catalog", "publish", "--all"]);
    assert!(ended.success, "{ended:?}");
    hub.balances();
    let refused = |settings: &str, told: &str| {
        hub.settings(settings);
        let ended = hub.yiku(&["status"]);
        assert!(!ended.success && ended.stderr.contains(told), "{ended:?}");
        assert!(!ended.stderr.contains("tiger"), "{ended:?}");
    };
    refused(&by("stranger.crt"), "certificate");
    refused(&settings("sslmode=disable"), "pg_hba.conf");
    hub.write("data/secrets/store.password", "tiger\n");
    refused(&by("ca.crt"), "the server refuses `sealed`");
}
