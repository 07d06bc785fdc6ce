//! What a receiver finds in the folder.

use std::{collections::BTreeMap, fs, path::Path};

use calamine::{Reader, Xlsx, open_workbook};
use connector_files::KIND;
use serde_json::{Value, json};
use yiku_connector::{
    Change, ChangeKind, ConnectorError, Parcel, Sink,
    conformance::{self, Received},
};
use yiku_core::batch::Cells;

use crate::support::{access, block_on};

/// Every file that a receiver would take, in order of names.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The rows of a file: operation, number, items.
fn rows(folder: &Path, name: &str, content: &[u8]) -> Vec<Vec<Option<String>>> {
    let text = |content: &[u8]| match std::str::from_utf8(content) {
        Ok(text) => text.trim_start_matches('\u{FEFF}').to_owned(),
        Err(_) => encoding_rs::GB18030.decode(content).0.into_owned(),
    };
    let delimited = |delimiter| {
        let text = text(content);
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        assert_eq!(
            reader.headers().unwrap().iter().take(3).collect::<Vec<_>>(),
            ["_operation", "_change", "region"]
        );
        let cell = |cell: &str| (!cell.is_empty()).then(|| unprotected(cell));
        reader.records().map(|row| row.unwrap().iter().map(cell).collect()).collect()
    };
    match name.rsplit_once('.').unwrap().1 {
        "csv" => delimited(b','),
        "tsv" => delimited(b'\t'),
        "jsonl" => text(content).lines().map(object).collect(),
        _ => {
            let mut workbook: Xlsx<_> = open_workbook(folder.join(name)).unwrap();
            let range = workbook.worksheet_range_at(0).unwrap().unwrap();
            let cell = |cell: &calamine::Data| {
                let text = cell.to_string();
                (!text.is_empty()).then_some(text)
            };
            range.rows().skip(1).map(|row| row.iter().map(cell).collect()).collect()
        }
    }
}

fn object(line: &str) -> Vec<Option<String>> {
    let object: Value = serde_json::from_str(line).unwrap();
    let cell = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    object.as_object().unwrap().values().map(cell).collect()
}

/// A cell without the sign that keeps spreadsheets from taking it for a formula.
fn unprotected(cell: &str) -> String {
    let rest = cell.strip_prefix('\'').filter(|rest| {
        let bare = rest.trim_start_matches('\'');
        bare.len() > 1 && bare.starts_with(['=', '+', '-', '@', '\t', '\r'])
    });
    rest.unwrap_or(cell).to_owned()
}

/// What a receiver holds who took all files in order of their names.
fn received(folder: &Path) -> Received {
    let mut held = BTreeMap::new();
    for (name, content) in files(folder) {
        assert!(!name.starts_with('.'), "{name} was left behind");
        for row in rows(folder, &name, &content) {
            let texts: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("∅")).collect();
            let key = texts[2..4].join("|");
            match texts[0] {
                "upsert" => drop(held.insert(key, texts[2..].join("|"))),
                "withdraw" => drop(held.remove(&key)),
                other => panic!("operation {other}"),
            }
        }
    }
    held
}

fn open(folder: &Path, config: &Value) -> Result<Box<dyn Sink>, ConnectorError> {
    (KIND.open_sink)(config.clone(), &access(folder))
}

#[track_caller]
fn check(config: Value) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config;
    config["folder"] = ".".into();
    block_on(conformance::check_sink(|| open(dir.path(), &config), async || received(dir.path())));
    assert_eq!(files(dir.path()).len(), 5, "one file for each parcel");
}

#[test]
fn every_format_in_every_encoding() {
    check(json!({}));
    check(json!({ "format": "csv", "encoding": "utf-8-bom" }));
    check(json!({ "format": "csv", "encoding": "gb18030" }));
    check(json!({ "format": "tsv" }));
    check(json!({ "format": "tsv", "encoding": "gb18030" }));
    check(json!({ "format": "jsonl" }));
    check(json!({ "format": "xlsx" }));
    check(json!({ "format": "csv", "name": "out_{first}_{key}" }));
}

fn parcel(name: &str) -> Parcel {
    let columns = conformance::sink_columns();
    let mut cells = Cells::new(columns.len());
    cells.push_row([Some("431302"), Some("7"), Some(name), None, Some("true"), None, None]);
    cells.push_row([Some("431302"), Some("8"), None, None, None, None, None]);
    let change = |kind, number| Change { kind, number };
    Parcel {
        idempotency_key: "k-1".into(),
        subject: "population.person".into(),
        columns,
        key: conformance::sink_key(),
        changes: [change(ChangeKind::Upsert, 41), change(ChangeKind::Withdraw, 42)].into(),
        cells: cells.into(),
    }
}

#[test]
fn a_file_as_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = open(dir.path(), &json!({ "folder": "." })).unwrap();
    block_on(sink.deliver(&parcel("=李"))).unwrap();
    let [(name, content)] = &files(dir.path())[..] else { panic!("one file") };
    assert_eq!(name, "population.person-000000000041-k-1.csv");
    let expected = "_operation,_change,region,number,name,amount,active,born,seen\n\
                    upsert,41,431302,7,'=李,,true,,\nwithdraw,42,431302,8,,,,,\n";
    assert_eq!(String::from_utf8_lossy(content), expected);
    let mut sink = open(dir.path(), &json!({ "folder": ".", "format": "jsonl" })).unwrap();
    block_on(sink.deliver(&parcel("=李"))).unwrap();
    let expected = "{\"_operation\":\"upsert\",\"_change\":41,\"region\":\"431302\",\"number\":7,\
                    \"name\":\"=李\",\"amount\":null,\"active\":true,\"born\":null,\"seen\":null}\n";
    let (_, content) = &files(dir.path())[1];
    assert_eq!(String::from_utf8_lossy(content).lines().next(), expected.lines().next());
}

#[test]
fn a_repeated_parcel_is_the_same_file_with_the_same_bytes() {
    for format in ["csv", "jsonl", "xlsx"] {
        let dir = tempfile::tempdir().unwrap();
        let config = json!({ "folder": ".", "format": format });
        block_on(open(dir.path(), &config).unwrap().deliver(&parcel("李娜"))).unwrap();
        let first = files(dir.path());
        // A crash may leave a half written temporary file, which the repetition replaces.
        fs::write(dir.path().join(format!(".{}.tmp", first[0].0)), "half").unwrap();
        block_on(open(dir.path(), &config).unwrap().deliver(&parcel("李娜"))).unwrap();
        assert_eq!(files(dir.path()), first, "{format}");
    }
}

#[test]
fn rows_that_a_form_cannot_hold_are_refused_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |config: Value, name: &str| {
        let settled = block_on(open(dir.path(), &config).unwrap().deliver(&parcel(name))).unwrap();
        settled.refused.iter().map(|refused| (refused.index, refused.reason.clone())).collect()
    };
    let told: Vec<(usize, String)> =
        refused(json!({ "folder": ".", "format": "xlsx" }), &"x".repeat(40_000));
    assert_eq!(told, [(0, "a cell of a sheet holds at most 32767 characters".to_owned())]);
    let told: Vec<(usize, String)> =
        refused(json!({ "folder": ".", "encoding": "gb18030" }), "\u{E5E5}");
    assert_eq!(told.len(), 1);
}

#[test]
fn a_missing_folder_is_told_and_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = open(dir.path(), &json!({ "folder": "out" })).unwrap();
    for error in
        [block_on(sink.check()).unwrap_err(), block_on(sink.deliver(&parcel("x"))).unwrap_err()]
    {
        let told = error.to_string();
        assert!(matches!(error, ConnectorError::Unavailable { .. }));
        assert!(told.contains("/out: cannot write files into it: it does not exist"), "{told}");
    }
    fs::create_dir(dir.path().join("out")).unwrap();
    block_on(sink.check()).unwrap();
    assert!(files(&dir.path().join("out")).is_empty());
}
