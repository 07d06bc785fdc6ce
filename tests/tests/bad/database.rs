//! Databases that refuse, change or go back, on both sides.

use yiku_tests::{Hub, postgres, sqlite};

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has, of_row},
    table::{Said, Table},
};

fn source(hub: &Hub, name: &str, url: &str, more: &str) {
    hub.connector(
        name,
        &format!(
            "entry: health/patient@1\nevery: 1s\nsource:\n  kind: sql\n  url: '{url}'\n  \
             table: patient\n{more}map: {{ no: {{ from: no }}, name: {{ from: name }} }}\n"
        ),
    );
}

const WATERMARK: &str = "  watermark: { column: at, tie: no }\n";

fn error_of(hub: &Hub, name: &str) -> Said {
    let mut said = Said::by_status(&hub.connector_until(name, |one| one["error"].is_string()));
    said.hide(hub);
    said
}

#[test]
fn databases_that_refuse_or_change_are_told() {
    let mut hub = Hub::new(&catalog());
    let mut table = Table::new("database");
    let names = ["vanished-table", "changed-type", "null-watermark", "backward-watermark"];
    let file = |hub: &Hub, name: &str| hub.folder().join(format!("{name}.db"));
    for name in names {
        let file = file(&hub, name);
        sqlite(&file, "CREATE TABLE patient (no TEXT PRIMARY KEY, name TEXT, at INTEGER);");
        sqlite(
            &file,
            &format!("INSERT INTO patient VALUES ('{name}-1','肖文',10)").replace("-", ""),
        );
        source(&hub, name, &format!("sqlite:{}", file.display()), WATERMARK);
    }
    let url = postgres().database().replace("postgres@", "guarded:wrong-password@");
    let place = url.split('@').nth(1).unwrap_or_default().to_owned();
    source(&hub, "wrong-password", &url, "");
    source(&hub, "nobody-there", "postgres://a@127.0.0.1:1/none", "");
    files_connector(&hub, "neighbour", "", "");
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\n");
    hub.start();
    neighbour_has(&hub, 1);
    for name in names {
        hub.connector_until(name, |one| one["accepted"] == 1);
    }
    sqlite(&file(&hub, "vanished-table"), "DROP TABLE patient");
    sqlite(
        &file(&hub, "changed-type"),
        "DROP TABLE patient; CREATE TABLE patient (no TEXT PRIMARY KEY, name BLOB, at INTEGER);
         INSERT INTO patient VALUES ('changedtype2', x'FF00', 20)",
    );
    sqlite(
        &file(&hub, "null-watermark"),
        "INSERT INTO patient VALUES ('nullwatermark2','曾凡',NULL)",
    );
    sqlite(&file(&hub, "backward-watermark"), "INSERT INTO patient VALUES ('backward2','曾凡',5)");
    let mut refused = error_of(&hub, "wrong-password");
    assert!(!refused.en.contains("wrong-password"), "{refused:?}");
    refused.replace(&place, "host:port/name");
    table.row("a wrong password", &refused);
    table.row("a database that does not answer", &error_of(&hub, "nobody-there"));
    table.row("a table that vanished", &error_of(&hub, "vanished-table"));
    let changed =
        hub.until("the changed type", || hub.rejected("changed-type").first().map(of_row));
    table.row("a column of another type", &changed);
    hub.connector_until("null-watermark", |one| one["accepted"] == 2);
    let read = Said {
        place: "running".into(),
        zh: "每次都读取没有水位的行".into(),
        en: "rows without a watermark are read in every run".into(),
    };
    table.row("a watermark that is NULL", &read);
    hub.write("in/neighbour/2.csv", "no,name\nN2,肖文\n");
    neighbour_has(&hub, 2);
    let backward = hub.connector_status("backward-watermark").unwrap();
    let behind = Said {
        place: backward["state"].as_str().unwrap_or_default().into(),
        zh: String::new(),
        en: format!(
            "{} rows read: a row behind the watermark is read by `overlap` or a full load only",
            backward["accepted"]
        ),
    };
    table.row("a watermark that goes back", &behind);
    hub.settles();
    hub.balances();
    table.compare();
}
