//! The rows of one answer.

use std::{collections::HashMap, sync::Arc};

use serde_json::value::RawValue;
use yiku_connector::PullLimit;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    json_row::JsonRow,
    violation::Code,
};

use crate::{
    config::{Format, SourceConfig},
    pointer,
};

/// The rows of one answer, and what it says of the next.
#[derive(Debug)]
pub struct Page {
    rows: Batch,
    /// The link or cursor of the next page, as the answer holds it.
    pub next: Option<String>,
}

/// A row that could not be read is kept up to this many bytes.
const RAW_BYTES_MAX: usize = 64 << 10;

impl Page {
    /// Reads an answer. The error says what is wrong with it, without its values.
    pub fn read(config: &SourceConfig, body: &[u8], origin: Arc<str>) -> Result<Self, String> {
        let text = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
            .map_err(|error| {
                format!("the answer is not UTF-8 (at byte {})", error.valid_up_to() + 1)
            })?;
        match config.format {
            Format::Csv => Ok(Self { rows: csv(text, origin)?, next: None }),
            Format::Ndjson => {
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                Ok(Self { rows: objects(lines, origin), next: None })
            }
            Format::JsonArray => json(config, text, origin),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows from `from` on, as many as the limit allows, placed in a run.
    pub fn slice(&self, from: usize, limit: PullLimit, run: u64, first: u64) -> Batch {
        let mut batch = Batch::new(self.rows.header.clone(), self.rows.origin.clone());
        for index in from..self.rows.len() {
            let row = self.rows.cells.row(index);
            let bytes: usize = row.cells().flatten().map(str::len).sum();
            let full = batch.len() >= limit.rows || batch.cells.bytes() + bytes > limit.bytes;
            if full && !batch.is_empty() {
                break;
            }
            let place = first + (index - from) as u64;
            batch.push_row(RowPlace { place, order: run }, row.cells());
        }
        let to = from + batch.len();
        let defects = self.rows.defects.iter().filter(|defect| (from..to).contains(&defect.row));
        batch.defects.extend(defects.cloned().map(|mut defect| {
            defect.row -= from;
            defect
        }));
        batch
    }

    /// The greatest value of a column in a slice, compared as numbers where both are numbers.
    pub fn greatest(batch: &Batch, column: &str, so_far: Option<String>) -> Option<String> {
        let Some(index) = batch.header.position(column) else { return so_far };
        batch.cells.rows().filter_map(|row| row.get(index)).fold(so_far, |greatest, cell| {
            match greatest {
                Some(greatest) if !is_greater(cell, &greatest) => Some(greatest),
                _ if cell.is_empty() => None,
                _ => Some(cell.to_owned()),
            }
        })
    }
}

fn is_greater(one: &str, other: &str) -> bool {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => one > other,
        _ => one > other,
    }
}

fn json(config: &SourceConfig, text: &str, origin: Arc<str>) -> Result<Page, String> {
    let answer: &RawValue = serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        format!("the answer is not JSON, or it was cut off ({place})")
    })?;
    for (place, expected) in &config.expect {
        let found = pointer::find(answer, place).and_then(pointer::text);
        if found.as_ref() != Some(expected) {
            return Err(format!("the answer reports a failure: {place} is not {expected}"));
        }
    }
    let rows = pointer::find(answer, &config.rows);
    let rows: Option<Vec<&RawValue>> = rows.and_then(|rows| serde_json::from_str(rows.get()).ok());
    let Some(rows) = rows else {
        let place = if config.rows.is_empty() { "its top" } else { &config.rows };
        return Err(format!("the answer has no array at {place}: check `rows:`"));
    };
    let next = config.paging.as_ref().and_then(|paging| paging.next_pointer.as_ref());
    let next = next.and_then(|place| pointer::text(pointer::find(answer, place)?));
    let next = next.filter(|next| !next.is_empty());
    Ok(Page { rows: objects(rows.into_iter().map(RawValue::get), origin), next })
}

/// Objects as rows. The columns are all names that stand in any of them.
fn objects<'a>(texts: impl Iterator<Item = &'a str>, origin: Arc<str>) -> Batch {
    let mut columns: Vec<String> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut rows = Vec::new();
    for text in texts {
        let row = JsonRow::parse(text).map_err(|error| (text, error.to_string()));
        for (name, _) in row.iter().flat_map(|row| &row.cells) {
            if !places.contains_key(name) {
                places.insert(name.clone(), columns.len());
                columns.push(name.clone());
            }
        }
        rows.push(row);
    }
    if columns.is_empty() && !rows.is_empty() {
        // A row that cannot be read needs a cell to stand in.
        columns.push("row".into());
    }
    let width = columns.len();
    let mut batch = Batch::new(Arc::new(Header::new(columns)), origin);
    let mut cells: Vec<Option<&str>> = Vec::new();
    for row in &rows {
        match row {
            Ok(row) => {
                cells.clear();
                cells.resize(width, None);
                for (name, cell) in &row.cells {
                    cells[places[name]] = cell.as_deref();
                }
                batch.push_row(RowPlace::default(), cells.iter().copied());
            }
            Err((text, problem)) => batch.push_unreadable(
                RowPlace::default(),
                kept(text),
                Code::Unreadable,
                "这一行不是一个由单个值组成的 JSON 对象",
                &format!("the row is not a JSON object of single values: {problem}"),
            ),
        }
    }
    batch
}

fn csv(text: &str, origin: Arc<str>) -> Result<Batch, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let wrong = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        format!("the answer is no CSV (line {line})")
    };
    let columns = reader.headers().map_err(wrong)?.clone();
    let mut batch = Batch::new(Arc::new(Header::new(columns.iter())), origin);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(wrong)? {
        if record.len() == columns.len() {
            let cells = record.iter().map(|cell| (!cell.is_empty()).then_some(cell));
            batch.push_row(RowPlace::default(), cells);
            continue;
        }
        let raw = record.iter().collect::<Vec<_>>().join(",");
        batch.push_unreadable(
            RowPlace::default(),
            kept(&raw),
            Code::Unreadable,
            &format!("应有 {} 列，实有 {} 列", columns.len(), record.len()),
            &format!("{} columns instead of {}", record.len(), columns.len()),
        );
    }
    Ok(batch)
}

fn kept(text: &str) -> &str {
    let mut end = text.len().min(RAW_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
