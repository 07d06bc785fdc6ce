//! Files as data: each case is a connector with a folder of its own, all of them in one hub, beside
//! a neighbour whose rows must arrive whatever the others bring.

use serde_json::Value;
use yiku_tests::Hub;

use crate::{
    catalog,
    table::{Said, Table},
};

/// One bad file.
pub struct Case {
    /// What is bad, in the table's words.
    pub case: &'static str,
    /// The file's name.
    pub file: &'static str,
    /// What it holds.
    pub content: Vec<u8>,
    /// Lines of the connector beside `kind: files`.
    pub source: &'static str,
    /// Lines of the connector beside `source:`.
    pub more: &'static str,
    /// Rows that are good nevertheless.
    pub accepted: u64,
    /// Rows that wait in quarantine.
    pub rejected: u64,
}

impl Case {
    /// A file, and how many of its rows are good and bad.
    pub fn new(
        case: &'static str,
        file: &'static str,
        content: impl Into<Vec<u8>>,
        accepted: u64,
        rejected: u64,
    ) -> Self {
        let content = content.into();
        Self { case, file, content, source: "", more: "", accepted, rejected }
    }

    /// With lines of the connector beside `kind: files`.
    pub fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// With lines of the connector beside `source:`.
    pub fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }
}

/// Registers a connector that reads a folder of this name.
pub fn files_connector(hub: &Hub, name: &str, source: &str, more: &str) {
    let mut yaml = format!(
        "entry: health/patient@1\nevery: 1s\nsource:\n  kind: files\n  folder: ../../in/{name}\n  \
         settle: 0s\n"
    );
    source.lines().for_each(|line| yaml.push_str(&format!("  {line}\n")));
    yaml.push_str(more);
    hub.connector(name, &yaml);
}

/// Puts all of them before one hub and looks at what it says.
#[track_caller]
pub fn check(theme: &'static str, settings: &str, cases: Vec<Case>) {
    let mut hub = Hub::new(&catalog());
    hub.settings(settings);
    for (number, case) in cases.iter().enumerate() {
        let name = name(number);
        hub.write(format!("in/{name}/{}", case.file), &case.content);
        files_connector(&hub, &name, case.source, case.more);
    }
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\nN2,曾凡\n");
    files_connector(&hub, "neighbour", "", "");
    hub.start();
    hub.settles();
    let mut table = Table::new(theme);
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        match look(&hub, &name(number), case) {
            Ok(said) => table.row(case.case, &said),
            Err(problem) => wrong.push(problem),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    hub.write("in/neighbour/2.csv", "no,name\nN3,刘洋\n");
    neighbour_has(&hub, 3);
    let accepted: u64 = cases.iter().map(|case| case.accepted).sum();
    hub.settles();
    assert!(hub.library_rows("population.patient") <= accepted + 3);
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
    table.compare();
}

/// Waits until the neighbour's rows arrived.
pub fn neighbour_has(hub: &Hub, rows: u64) {
    let status =
        hub.connector_until("neighbour", |status| status["accepted"].as_u64() >= Some(rows));
    assert_eq!(status["accepted"], rows, "{status}");
    assert_eq!(status["error"], Value::Null, "{status}");
}

fn name(number: usize) -> String {
    format!("case-{number:02}")
}

/// Compares a case's counts, and gives what the user reads.
fn look(hub: &Hub, name: &str, case: &Case) -> Result<Said, String> {
    let status = hub.connector_status(name).ok_or("it is not registered")?;
    let counts = |field: &str| status[field].as_u64().unwrap_or(0);
    let rejected = hub.rejected(name);
    let seen = (counts("accepted"), counts("rejected"), rejected.len() as u64);
    if seen != (case.accepted, case.rejected, case.rejected) {
        return Err(format!("{}: {seen:?} of {status:#}\n{rejected:#?}", case.case));
    }
    Ok(match rejected.first() {
        Some(row) => of_row(row),
        None if status["error"].is_string() => Said::by_status(&status),
        None => Said {
            place: String::new(),
            zh: format!("接收 {} 行", case.accepted),
            en: format!("{} rows accepted", case.accepted),
        },
    })
}

/// What is said about a rejected row: its place and its first violation.
pub fn of_row(row: &Value) -> Said {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let first = &row["violations"][0];
    let item = first["item"].as_str().map(|item| format!(" {item}")).unwrap_or_default();
    Said {
        place: format!(
            "{}:{}{item} ({})",
            text(&row["origin"]),
            row["place"],
            text(&first["code"])
        ),
        zh: without_digest(&text(&first["zh"])),
        en: without_digest(&text(&first["en"])),
    }
}

/// Replaces a digest, which says nothing to a reader of the table.
fn without_digest(text: &str) -> String {
    match text.split_once("SHA-256 ") {
        Some((before, after)) if after.len() >= 64 => format!("{before}SHA-256 …{}", &after[64..]),
        _ => text.to_owned(),
    }
}
