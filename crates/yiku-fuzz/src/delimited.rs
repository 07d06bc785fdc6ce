//! CSV and TSV files of a folder that is watched.

use connector_files::{TextForm, TextInMemory};
use yiku_connector::{Limits, PullLimit};
use yiku_core::batch::Batch;

use crate::told::{Told, told};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "\"",
    "\"\"",
    ",",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\u{feff}",
    "\0",
    ",\"",
    "\",",
    "\"\n",
    "姓名",
    "\u{3000}",
    "４３１３０２",
    "431302199003070014",
];

/// Reads the bytes as a file. A tab in the first line makes it TSV.
pub fn run(bytes: &[u8]) {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if first.contains(&b'\t') { b'\t' } else { b',' };
    let form = TextForm::Delimited(delimiter);
    let Some(rows) = read_twice(bytes, form) else { return };
    let lines = lines(bytes);
    let filled = lines.iter().filter(|line| !line.is_empty()).count();
    if bytes.contains(&b'"') {
        assert!(rows.len() < filled.max(1), "more rows than lines below the header");
    } else {
        assert_eq!(rows.len(), filled.saturating_sub(1), "each line is a row");
    }
    for row in &rows {
        let line = lines.get(row.place as usize - 1);
        assert!(line.is_some_and(|line| !line.is_empty()), "line {} holds no row", row.place);
    }
    write_again(&rows, delimiter);
}

/// Reads a text file whole, and again in small parts and started anew after each of them: both
/// must tell the same rows. `None` when the file cannot be read at all.
pub(crate) fn read_twice(bytes: &[u8], form: TextForm) -> Option<Vec<Told>> {
    let mut whole = match TextInMemory::open(bytes, form, LIMITS) {
        Ok(reader) => reader,
        Err(fault) => {
            let told = told([&*fault]);
            assert!(told.len() == 1 && !told[0].is_right(), "a fault is one row");
            return None;
        }
    };
    let whole = told(&read_all(&mut whole));
    let Ok(mut reader) = TextInMemory::open(bytes, form, LIMITS) else {
        panic!("a second reading refuses the file")
    };
    let mut parts = Vec::new();
    loop {
        let (batch, ended) = reader.read(PullLimit { rows: 2, bytes: 16 });
        assert!(ended || !batch.is_empty(), "the reader stands still");
        assert!(batch.len() <= 2, "a batch of more rows than asked for");
        parts.push(batch);
        if ended {
            break;
        }
        reader = reader.resume();
    }
    assert_eq!(whole, told(&parts), "read in parts the rows are others");
    Some(whole)
}

pub(crate) fn read_all(reader: &mut TextInMemory<'_>) -> Vec<Batch> {
    let mut batches = Vec::new();
    loop {
        let (batch, ended) = reader.read(PullLimit::default());
        batches.push(batch);
        if ended {
            return batches;
        }
    }
}

/// The lines of a file, without its byte order mark.
pub(crate) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let marks: [&[u8]; 2] = [b"\xEF\xBB\xBF", b"\x84\x31\x95\x33"];
    let mark = marks.iter().find(|mark| bytes.starts_with(mark)).map_or(0, |mark| mark.len());
    let mut lines = Vec::new();
    let mut rest = &bytes[mark..];
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        lines.push(&rest[..at]);
        let end = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[at + end..];
    }
    lines.push(rest);
    lines
}

/// Right rows, written with every cell in quotes, are read as the same cells.
fn write_again(rows: &[Told], delimiter: u8) {
    let right: Vec<&Told> = rows.iter().filter(|row| row.is_right()).collect();
    let width = right.iter().flat_map(|row| &row.cells).map(|(column, ..)| column + 1).max();
    let Some(width) = width else { return };
    let separator = String::from(char::from(delimiter));
    let names: Vec<String> = (0..width).map(|column| format!("c{column}")).collect();
    let mut text = names.join(&separator);
    for row in &right {
        let mut cells = vec!["\"\"".to_owned(); width];
        for (column, _, cell) in &row.cells {
            cells[*column] = format!("\"{}\"", cell.replace('"', "\"\""));
        }
        text.push('\n');
        text.push_str(&cells.join(&separator));
    }
    let form = TextForm::Delimited(delimiter);
    let Ok(mut reader) = TextInMemory::open(text.as_bytes(), form, Limits::default()) else {
        panic!("a header of our own is refused")
    };
    let again = told(&read_all(&mut reader));
    assert_eq!(again.len(), right.len());
    for (row, again) in right.iter().zip(&again) {
        assert!(again.is_right(), "{again:?}");
        let cells = |row: &Told| -> Vec<(usize, String)> {
            row.cells.iter().map(|(column, _, cell)| (*column, cell.clone())).collect()
        };
        assert_eq!(cells(row), cells(again));
    }
}

/// Small, so that small inputs meet them.
const LIMITS: Limits = Limits {
    file_bytes_max: 1 << 20,
    record_bytes_max: 512,
    columns_max: 16,
    workbook_bytes_max: 1 << 20,
};
