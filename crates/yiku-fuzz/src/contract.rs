//! Rows of any entry of the catalog.

use yiku_core::contract::{MappedRow, Operation};

use crate::{checked_row, folder};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "\t",
    "\n",
    "431302199003070014",
    "43130219900307001X",
    "４３１３０２１９９００３０７００１４",
    "91431300MA4L0AB12X",
    "1990-03-07",
    "2026-12-01T08:00:00+08:00",
    "0001-01-01",
    "9999-12-31",
    "-0",
    "0.10",
    "1e5",
    "NaN",
    "99999999999999999999999999999999999999",
    "-9223372036854775808",
    "\u{0}",
    "\u{3000}",
    "\u{200b}",
    "true",
    "李娜",
    "·",
    "01",
    "431302",
    "2024-02-30",
];

/// The first line names an entry; each line below is a row, its cells between tabs in the order of
/// the items, an empty one NULL. A line that begins with `-` and a tab is a delete.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let contract = folder::contract(lines.next().unwrap_or_default());
    let width = contract.entry().items.len();
    let mut row = MappedRow::default();
    for line in lines.take(ROWS_MAX) {
        row.clear(width);
        let line = match line.strip_prefix("-\t") {
            Some(rest) => {
                row.operation = Operation::Delete;
                rest
            }
            None => line,
        };
        let mut cells = line.split('\t').map(|cell| (!cell.is_empty()).then_some(cell));
        row.cells.push_row((0..width).map(|_| cells.next().flatten()));
        checked_row::check(contract, &row);
    }
}

/// What more rows would show, these do too.
const ROWS_MAX: usize = 16;
