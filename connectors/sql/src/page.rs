//! The page being read: rows of a result set as cells, with the marks to go on from.

use std::{fmt::Write, ops::ControlFlow, sync::Arc};

use yiku_connector::PullLimit;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    violation::Code,
};

use crate::{
    dialect::{Column, Kind},
    mark::Mark,
    statement::{Part, Table},
    watermark,
};

/// A value as a driver hands it over.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// Characters, or what was said to be characters.
    Text(&'a [u8]),
    /// A whole number of SQLite.
    Integer(i64),
    /// A floating number of SQLite.
    Real(f64),
    /// Bytes of SQLite.
    Bytes,
}

/// The rows of one page.
#[derive(Debug)]
pub struct Page {
    /// The rows that fit.
    pub batch: Batch,
    /// The marks of the last of them: watermark first, then ties.
    pub marks: Vec<Mark>,
    /// Whether more rows wait behind them.
    pub more: bool,
    /// Why reading had to stop: the table is not fit to be read in this way.
    pub problem: Option<String>,
    cells: Vec<Kind>,
    order: Vec<Column>,
    flags: Arc<[bool]>,
    limit: PullLimit,
    place: u64,
    fixed_order: Option<u64>,
    next: Vec<Mark>,
}

/// Where the rows of a page stand.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// The place of the first row.
    pub first: u64,
    /// The order of all rows; that of each row's watermark when left out.
    pub order: Option<u64>,
}

impl Page {
    /// An empty page. `flags` says which columns the entry knows as true or false.
    pub fn new(
        table: &Table,
        part: Part<'_>,
        header: Arc<Header>,
        origin: Arc<str>,
        flags: Arc<[bool]>,
        limit: PullLimit,
        places: Places,
    ) -> Self {
        Self {
            batch: Batch::new(header, origin),
            marks: Vec::new(),
            more: false,
            problem: None,
            cells: table.columns.iter().map(|column| column.kind).collect(),
            order: table.order(part).into_iter().cloned().collect(),
            flags,
            limit,
            place: places.first,
            fixed_order: places.order,
            next: Vec::new(),
        }
    }

    /// Takes the next row, or breaks when the page is full or the row cannot be put in order.
    pub fn take<'a>(&mut self, cell: impl Fn(usize) -> Cell<'a>) -> ControlFlow<()> {
        let width = self.cells.len();
        let bytes: usize = (0..width).map(|index| bytes_at_most(cell(index))).sum();
        let full = self.batch.len() >= self.limit.rows
            || self.batch.cells.bytes() + bytes > self.limit.bytes;
        self.next.clear();
        for (index, column) in self.order.iter().enumerate() {
            match mark(cell(width + index), column) {
                Ok(mark) => self.next.push(mark),
                Err(problem) => return self.stop(problem),
            }
        }
        if self.next == self.marks {
            let names = names(&self.order);
            return self.stop(format!(
                "two rows have the same {names}, so one of them could be missed: name columns \
                 under `tie:` that tell every two rows apart"
            ));
        }
        if full && !self.batch.is_empty() {
            self.more = true;
            return ControlFlow::Break(());
        }
        std::mem::swap(&mut self.marks, &mut self.next);
        let order = self.fixed_order.unwrap_or_else(|| watermark::order(&self.marks[0]));
        self.batch.places.push(RowPlace { place: self.place, order });
        self.place += 1;
        for index in 0..width {
            self.write(index, cell(index));
        }
        ControlFlow::Continue(())
    }

    fn stop(&mut self, problem: String) -> ControlFlow<()> {
        self.problem = Some(problem);
        ControlFlow::Break(())
    }

    fn write(&mut self, index: usize, cell: Cell<'_>) {
        let cells = &mut self.batch.cells;
        match cell {
            Cell::Null => cells.push(None),
            Cell::Integer(number @ (0 | 1)) if self.flags[index] => {
                cells.push(Some(if number == 1 { "true" } else { "false" }));
            }
            Cell::Integer(number) => {
                cells.push_with(|out| write!(out, "{number}").expect("a String takes all"));
            }
            Cell::Real(number) => {
                cells.push_with(|out| write!(out, "{number}").expect("a String takes all"));
            }
            Cell::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.write_text(index, text),
                Err(_) => {
                    cells.push(Some(&String::from_utf8_lossy(bytes)));
                    self.batch.note_defect(
                        index,
                        Code::Encoding,
                        "文本不是 UTF-8 编码",
                        "the text is not UTF-8",
                    );
                }
            },
            Cell::Bytes => {
                cells.push(None);
                self.batch.note_defect(
                    index,
                    Code::Unreadable,
                    "值是二进制数据，不是文本",
                    "the value is bytes, not text",
                );
            }
        }
    }

    fn write_text(&mut self, index: usize, text: &str) {
        let cells = &mut self.batch.cells;
        match (self.cells[index], text) {
            (Kind::Integer | Kind::Bits, "0") if self.flags[index] => cells.push(Some("false")),
            (Kind::Integer | Kind::Bits, "1") if self.flags[index] => cells.push(Some("true")),
            (Kind::DateTime, _) => cells.push_with(|out| write_time(text, out)),
            (Kind::Moment, _) => cells.push_with(|out| write_moment(text, out)),
            _ => cells.push(Some(text)),
        }
    }
}

/// Bytes of a cell's text, or a few more.
fn bytes_at_most(cell: Cell<'_>) -> usize {
    match cell {
        Cell::Null | Cell::Bytes => 0,
        Cell::Integer(_) => 20,
        Cell::Real(number) => number.to_string().len(),
        // Thousandths and a zone may be added to a time; what is not UTF-8 grows when it is shown.
        Cell::Text(bytes) if std::str::from_utf8(bytes).is_ok() => bytes.len() + 4,
        Cell::Text(bytes) => 3 * bytes.len(),
    }
}

fn mark(cell: Cell<'_>, column: &Column) -> Result<Mark, String> {
    let name = &column.name;
    match cell {
        Cell::Integer(number) => Ok(Mark::Integer(number)),
        Cell::Text(bytes) => {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| format!("column {name} holds text that is not UTF-8"))?;
            let number = (column.kind == Kind::Integer).then(|| text.parse().ok()).flatten();
            Ok(number.map_or_else(|| Mark::Text(text.to_owned()), Mark::Integer))
        }
        Cell::Null => Err(format!(
            "column {name} has no value in some rows, so they cannot be put in order: name \
             columns under `tie:` that always have one"
        )),
        Cell::Real(_) | Cell::Bytes => Err(format!(
            "column {name} holds floating numbers or bytes, by which rows cannot be put in order"
        )),
    }
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// `2026-11-02 08:00:00.120000` to `2026-11-02 08:00:00.120`: thousandths, or none when they are 0.
fn write_time(text: &str, out: &mut String) {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = rest.trim_end_matches(|c: char| !c.is_ascii_digit());
    out.push_str(whole);
    let thousandths = &digits[..digits.len().min(3)];
    if thousandths.bytes().any(|digit| digit != b'0') {
        out.push('.');
        out.push_str(thousandths);
        (thousandths.len()..3).for_each(|_| out.push('0'));
    }
}

/// `2026-11-02 08:00:00.12+00` to `2026-11-02T08:00:00.120Z`. Sessions read moments in UTC; what is
/// no common moment (`infinity`, years before Christ) stays as it is and fails the contract.
fn write_moment(text: &str, out: &mut String) {
    let time = text.strip_suffix("+00").unwrap_or(text);
    let common = time.len() >= 19 && time.as_bytes()[4] == b'-' && time.as_bytes()[10] == b' ';
    if !common || time.contains(|c: char| !(c.is_ascii_digit() || "-: .".contains(c))) {
        out.push_str(text);
        return;
    }
    out.push_str(&time[..10]);
    out.push('T');
    write_time(&time[11..], out);
    out.push('Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: fn(&str, &mut String), text: &str, expected: &str) {
        let mut out = String::new();
        write(text, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn times() {
        check(write_time, "2026-11-02 08:00:00", "2026-11-02 08:00:00");
        check(write_time, "2026-11-02 08:00:00.5", "2026-11-02 08:00:00.500");
        check(write_time, "2026-11-02 08:00:00.123456", "2026-11-02 08:00:00.123");
        check(write_time, "2026-11-02 08:00:00.000000", "2026-11-02 08:00:00");
        check(write_moment, "2026-11-02 08:00:00.12+00", "2026-11-02T08:00:00.120Z");
        check(write_moment, "2026-11-02 08:00:00", "2026-11-02T08:00:00Z");
        check(write_moment, "infinity", "infinity");
        check(write_moment, "0044-03-15 00:00:00+00 BC", "0044-03-15 00:00:00+00 BC");
        check(write_moment, "10000-01-01 00:00:00+00", "10000-01-01 00:00:00+00");
    }
}
