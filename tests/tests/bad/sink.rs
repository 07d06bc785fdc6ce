//! Receivers that refuse, are slow, are gone, or lie; each is told, holds up nobody, and has
//! everything once it is mended.

use std::{collections::HashSet, fs, path::PathBuf, time::Duration};

use yiku_tests::{Hub, postgres, sqlite, sqlite_value};

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has},
    receiver::{Answer, Receiver},
    table::{Said, Table},
};

/// Web services: what each answers at first.
const SERVICES: &[(&str, &str, Answer)] = &[
    ("refuses", "a service that refuses the login", Answer::Says("401 Unauthorized", "{}")),
    ("fails", "a service that fails", Answer::Says("500 Internal Server Error", "<html>")),
    ("elsewhere", "a service that sends elsewhere", Answer::Says("302 Found", "")),
    ("busy", "a service that is busy", Answer::Says("429 Too Many Requests", "")),
    ("slow", "a service that answers too late", Answer::After(Duration::from_secs(3))),
    ("endless", "a service whose answer never ends", Answer::NeverEnds),
    ("cut-off", "a service whose answer breaks off", Answer::BreaksOff),
    (
        "lies-count",
        "a service that refuses a row that was not sent",
        Answer::Says("200 OK", "{\"refused\":[{\"index\":99,\"reason\":\"x\"}]}"),
    ),
    (
        "lies-form",
        "a service that says in another form what it refuses",
        Answer::Says("200 OK", "{\"refused\":\"P1\"}"),
    ),
];

fn service(hub: &Hub, name: &str, port: u16) {
    hub.connector(
        name,
        &format!(
            "grant: patients\nevery: 1s\nsink: {{ kind: http, timeout: 1s, \
             url: \"http://127.0.0.1:{port}/{name}\", secret: {{ file: hook.secret }} }}\n"
        ),
    );
}

fn table_of(hub: &Hub, name: &str, url: &str) {
    let sink = format!("{{ kind: sql, url: '{url}', table: patient }}");
    hub.connector(name, &format!("grant: patients\nevery: 1s\nsink: {sink}\n"));
}

/// What is said of a sink that cannot deliver.
fn error_of(hub: &Hub, name: &str, receiver: &Receiver) -> Said {
    let mut said = Said::by_status(&hub.connector_until(name, |one| one["error"].is_string()));
    said.hide(hub);
    said.replace(&receiver.port.to_string(), "PORT");
    said
}

/// What is said of the first parked row.
fn parked_of(hub: &Hub, name: &str) -> Said {
    let list = hub.until("a parked row", || {
        let list = hub.ask(&["delivery", "list", "--subscription", name]);
        list.as_array().filter(|all| !all.is_empty()).cloned()
    });
    let en = list[0]["reason"].as_str().unwrap_or_default().to_owned();
    Said { place: "`delivery list`".into(), zh: String::new(), en }
}

/// Where the receivers that a test mends lie.
struct Places {
    folder: PathBuf,
    narrow: PathBuf,
    empty: PathBuf,
    /// Host, port and name of the database that refuses the login.
    database: String,
}

fn lay_out(hub: &Hub, receiver: &Receiver) -> Places {
    hub.write("data/secrets/hook.secret", "a secret of this test's own");
    for (name, _, answer) in SERVICES {
        receiver.tell(name, *answer);
        service(hub, name, receiver.port);
    }
    service(hub, "healthy", receiver.port);
    service(hub, "gone", 1);
    receiver.tell(
        "one-row",
        Answer::Says("200 OK", "{\"refused\":[{\"index\":1,\"reason\":\"查无此卡\"}]}"),
    );
    service(hub, "one-row", receiver.port);
    let folder = hub.folder().join("out");
    let files = format!("{{ kind: files, folder: {}, format: csv }}", folder.display());
    hub.connector("no-folder", &format!("grant: patients\nevery: 1s\nsink: {files}\n"));

    let narrow = hub.folder().join("narrow.db");
    let narrow_url = format!("sqlite:{}", narrow.display());
    sqlite(&narrow, "CREATE TABLE patient (no TEXT PRIMARY KEY, name TEXT)");
    table_of(hub, "no-column", &narrow_url);
    let strict = hub.folder().join("strict.db");
    sqlite(
        &strict,
        "CREATE TABLE patient (no TEXT PRIMARY KEY, name TEXT CHECK (name <> '曾凡'), sex TEXT,
         seen_on TEXT, fee TEXT)",
    );
    table_of(hub, "refused-row", &format!("sqlite:{}", strict.display()));
    let empty = hub.folder().join("empty.db");
    sqlite(&empty, "CREATE TABLE other (no TEXT)");
    table_of(hub, "no-table", &format!("sqlite:{}", empty.display()));
    let url = postgres().database().replace("postgres@", "guarded:wrong-password@");
    let database = url.split('@').nth(1).unwrap_or_default().to_owned();
    table_of(hub, "wrong-login", &url);
    Places { folder, narrow, empty, database }
}

/// Mended, each has every row; what was refused waits for a person.
fn mend(hub: &Hub, receiver: &Receiver, places: &Places) {
    let Places { folder, narrow, empty, .. } = places;
    for (name, ..) in SERVICES {
        receiver.tell(name, Answer::Says("200 OK", ""));
    }
    service(hub, "gone", receiver.port);
    fs::create_dir(folder).unwrap();
    sqlite(empty, "CREATE TABLE patient (no TEXT PRIMARY KEY, name, sex, seen_on, fee)");
    for column in ["sex", "seen_on", "fee"] {
        sqlite(narrow, &format!("ALTER TABLE patient ADD COLUMN {column} TEXT"));
    }
    let mended = SERVICES.iter().map(|(name, ..)| *name).chain(["gone"]);
    for name in mended.clone().chain(["no-folder", "no-table", "no-column"]) {
        hub.until(name, || hub.yiku(&["connector", "run", name]).success.then_some(()));
    }
    for name in mended {
        let cards = receiver.cards(name).into_iter().collect::<HashSet<_>>();
        assert_eq!(cards.len(), 3, "{name}: {cards:?}");
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    for file in [empty, narrow] {
        assert_eq!(sqlite_value(file, "SELECT count(*) FROM patient"), 3.into());
    }
    receiver.tell("one-row", Answer::Says("200 OK", ""));
    let released = hub.yiku(&["delivery", "retry", "one-row"]);
    assert!(released.success, "{released:?}");
    assert!(receiver.cards("one-row").ends_with(&["N2".to_owned()]));
}

#[test]
fn receivers_that_refuse_or_lie_hold_up_nobody() {
    let mut hub = Hub::new(&catalog());
    let receiver = Receiver::listen();
    let places = lay_out(&hub, &receiver);
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\nN2,曾凡\nN3,刘洋\n");
    files_connector(&hub, "neighbour", "", "");
    hub.start();
    neighbour_has(&hub, 3);

    let mut table = Table::new("sink");
    for (name, case, _) in SERVICES {
        table.row(case, &error_of(&hub, name, &receiver));
    }
    table.row("a service that is gone", &error_of(&hub, "gone", &receiver));
    table.row("a service that refuses one row", &parked_of(&hub, "one-row"));
    table.row("a folder that is gone", &error_of(&hub, "no-folder", &receiver));
    table.row("a table that is not there", &error_of(&hub, "no-table", &receiver));
    table.row("a table that lacks a column", &error_of(&hub, "no-column", &receiver));
    table.row("a table that refuses one row", &parked_of(&hub, "refused-row"));
    let mut login = error_of(&hub, "wrong-login", &receiver);
    assert!(!login.en.contains("wrong-password"), "{login:?}");
    login.replace(&places.database, "host:port/name");
    table.row("a database that refuses the login", &login);
    hub.until("the healthy one has all", || (receiver.cards("healthy").len() == 3).then_some(()));
    hub.balances();

    mend(&hub, &receiver, &places);
    hub.balances();
    table.compare();
}

#[test]
fn a_key_behind_a_refused_row_waits_also_in_the_parcel_formed_meanwhile() {
    let mut hub = Hub::new(&catalog());
    let strict = hub.folder().join("strict.db");
    sqlite(
        &strict,
        "CREATE TABLE patient (no TEXT PRIMARY KEY, name TEXT CHECK (name <> '曾凡'), sex TEXT,
         seen_on TEXT, fee TEXT)",
    );
    let sink = format!("{{ kind: sql, url: 'sqlite:{}', table: patient }}", strict.display());
    hub.connector("out", &format!("grant: patients\nevery: 1d\nsink: {sink}\nstart: changes\n"));
    // More than two parcels of the kind, the second with a change of the key that is refused.
    let numbers = |from: u32, to: u32| {
        (from..to)
            .map(|n| format!("N{n},肖文\n"))
            .fold("no,name\n".to_owned(), |all, one| all + &one)
    };
    fs::create_dir_all(hub.folder().join("in/patients")).unwrap();
    files_connector(&hub, "patients", "", "");
    hub.start();
    hub.until("the subscription", || {
        let status = hub.ask(&["status"]);
        status["subscriptions"].as_array()?.iter().find(|one| one["name"] == "out").cloned()
    });
    assert!(hub.yiku(&["connector", "pause", "out"]).success);
    hub.write("in/patients/1.csv", numbers(0, 11_000).replace("N3,肖文", "N3,曾凡"));
    hub.write("in/patients/2.csv", "no,name\nN3,刘洋\nN4,刘洋\n");
    hub.write("in/patients/3.csv", numbers(11_000, 21_000));
    hub.connector_until("patients", |one| one["accepted"] == 21_002);
    hub.settles();
    let delivered = hub.yiku(&["connector", "run", "out"]);
    assert!(delivered.success, "{delivered:?}");
    let rows =
        |which: &str| sqlite_value(&strict, &format!("SELECT count(*) FROM patient WHERE {which}"));
    assert_eq!(
        (rows("true"), rows("no = 'N3'"), rows("name = '刘洋'")),
        (20_999.into(), 0.into(), 1.into())
    );
    let parked = hub.ask(&["delivery", "list", "--subscription", "out"]);
    assert_eq!(parked.as_array().unwrap().len(), 2, "{parked}");
    hub.balances();
    let released = hub.yiku(&["delivery", "retry", "out"]);
    assert!(released.success, "{released:?}");
    assert_eq!((rows("true"), rows("no = 'N3' AND name = '刘洋'")), (21_000.into(), 1.into()));
    hub.balances();
}
