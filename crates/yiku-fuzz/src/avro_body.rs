//! Bodies of rows as they come back from the bus.

use yiku_core::{
    batch::Cells,
    contract::{Checked, Contract, MappedRow, Verdict},
};

use crate::{folder, message};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "\u{0}",
    "\u{2}",
    "\u{1}",
    "\u{7f}",
    "\u{2}\u{24}431302199003070014",
    "\u{2}\u{c}431302",
    "\u{2}\u{4}01",
    "\u{2}\u{2}1",
    "\u{6}\u{674e}",
];

/// The first byte chooses an entry of the catalog, the others are a body.
pub fn run(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let contract = &folder::CONTRACTS[usize::from(*first) % folder::CONTRACTS.len()];
    let mut cells = Cells::new(contract.entry().items.len());
    match contract.decode(body, &mut cells) {
        Err(error) => message::check(&error.to_string()),
        Ok(()) => write_again(contract, cells),
    }
}

/// A row that the contract takes has the same cells after it was written anew. A body that decodes
/// may still break the contract: an older version of the entry has written it.
fn write_again(contract: &Contract, cells: Cells) {
    assert_eq!(cells.len(), 1, "a body is one row");
    let row = MappedRow { cells, ..MappedRow::default() };
    let mut work = Checked::default();
    if contract.check(&row, &mut work) == Verdict::Rejected {
        for finding in &work.findings {
            message::check_violation(&contract.describe(finding, &row));
        }
        return;
    }
    let mut again = Cells::new(row.cells.width());
    contract.decode(&work.body, &mut again).expect("a body that the contract wrote");
    let (before, after) = (row.cells.row(0), again.row(0));
    for (cell, again) in before.cells().zip(after.cells()) {
        // Codes and identifiers are written in upper case.
        let same = match (cell, again) {
            (Some(cell), Some(again)) => cell.eq_ignore_ascii_case(again),
            (cell, again) => cell == again,
        };
        assert!(same, "{cell:?} came back as {again:?}");
    }
}
