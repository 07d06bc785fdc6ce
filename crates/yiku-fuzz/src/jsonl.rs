//! JSON Lines files of a folder that is watched.

use connector_files::{TextForm, TextInMemory};
use serde_json::{Map, Value};
use yiku_connector::Limits;

use crate::{
    delimited::{lines, read_all, read_twice},
    told::{Told, told},
};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\n",
    "\r",
    "null",
    "true",
    "1e999",
    "-0",
    "NaN",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "\\\"",
    "{}",
    "\"a\":",
    "123456789012345678901234567890",
    "431302199003070014",
    "\u{feff}",
    "1E-400",
    "0.1e5",
    "姓名",
];

/// Reads the bytes as a file.
pub fn run(bytes: &[u8]) {
    let Some(rows) = read_twice(bytes, TextForm::JsonLines) else { return };
    let lines = lines(bytes);
    let lines = lines.iter().zip(1u64..).filter(|(line, _)| !line.trim_ascii().is_empty());
    let lines: Vec<u64> = lines.map(|(_, number)| number).collect();
    let places: Vec<u64> = rows.iter().map(|row| row.place).collect();
    assert_eq!(places, lines, "each line is a row");
    write_again(&rows);
}

/// Right rows, written as objects of texts, are read as the same cells.
fn write_again(rows: &[Told]) {
    let right: Vec<&Told> = rows.iter().filter(|row| row.is_right()).collect();
    let mut text = String::new();
    for row in &right {
        let cells = row.cells.iter();
        let cells = cells.map(|(_, name, cell)| (name.clone(), Value::from(cell.as_str())));
        text.push_str(&Value::Object(cells.collect::<Map<_, _>>()).to_string());
        text.push('\n');
    }
    let form = TextForm::JsonLines;
    let Ok(mut reader) = TextInMemory::open(text.as_bytes(), form, Limits::default()) else {
        panic!("UTF-8 of our own is refused")
    };
    let again = told(&read_all(&mut reader));
    assert_eq!(again.len(), right.len());
    for (row, again) in right.iter().zip(&again) {
        assert!(again.is_right(), "{again:?}");
        let cells = |row: &Told| {
            let cells = row.cells.iter().map(|(_, name, cell)| (name.clone(), cell.clone()));
            let mut cells: Vec<(String, String)> = cells.collect();
            cells.sort();
            cells
        };
        assert_eq!(cells(row), cells(again));
    }
}
