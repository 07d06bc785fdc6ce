//! The contract: an entry version compiled for checking and encoding rows.
//!
//! [`Contract::check`] walks the cells of a row once. Each cell is checked and at once written as
//! a field of the row's Avro body; the key and the number that orders rows of one key fall out of
//! the same walk. Whatever is wrong is noted, and a row with anything that rejects leaves nothing
//! in the body. An accepted row costs no allocation, no formatting and no map.
//!
//! - `compile`: the entry's items and code lists as a table of columns;
//! - `check`: the walk; `value`, `number`, `encode`: one cell;
//! - `rule`, `cel`: what holds between items;
//! - `decode`: the body back to canonical cells;
//! - `describe`: findings as people read them, made only for rows that have some.
//!
//! The published JSON Schema says the same as far as it can; property tests hold the two equal.

use std::sync::Arc;

use crate::{
    batch::Cells,
    entry::EntryVersion,
    identifier::{DivisionSet, Fault},
    violation::{Code, Severity},
};

mod cel;
mod check;
mod compile;
pub(crate) mod decode;
mod describe;
pub(crate) mod encode;
pub mod form;
pub mod number;
mod rule;
mod value;

pub use crate::operation::Operation;
pub use check::KEY_SEPARATOR;
pub use compile::{CompileError, CompileFault, Place};
pub use decode::DecodeError;
pub use describe::shown;

/// An entry version, compiled. Shared by all who check or read its rows.
#[derive(Debug)]
pub struct Contract {
    entry: Arc<EntryVersion>,
    columns: Vec<compile::Column>,
    divisions: Arc<DivisionSet>,
    rules: Vec<rule::CompiledRule>,
}

/// A row in the order of the entry's items, and what mapping found wrong with it.
#[derive(Clone, Debug, Default)]
pub struct MappedRow {
    /// One row.
    pub cells: Cells,
    /// What it does.
    pub operation: Operation,
    /// What mapping could not do. An item with a finding is not judged again.
    pub findings: Vec<Finding>,
}

/// What a check leaves behind. Kept from row to row, so that its memory is.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The Avro body of an accepted row is appended here; the caller clears it. A delete has none.
    pub body: Vec<u8>,
    /// The key items' canonical texts joined by U+001F. Empty when one of them is missing or
    /// broken; readable even when something else rejects the row.
    pub key: String,
    /// The `order_by` item as a number: days, milliseconds or the integer. Least when it has no
    /// value, 0 when the entry names none.
    pub order_by: i64,
    /// Everything found in the row, mapping's findings first.
    pub findings: Vec<Finding>,
    held: Vec<value::Held>,
}

/// Whether a row is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is, perhaps with warnings.
    Accepted,
    /// It is not, and `findings` says why.
    Rejected,
}

/// Something wrong with a row, before anybody reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Which kind.
    pub code: Code,
    /// Whether it keeps the row out.
    pub severity: Severity,
    /// Index of the item to blame, if it is one.
    pub item: Option<usize>,
    /// What more there is to say.
    pub cause: Cause,
}

/// What a finding rests on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Code, item and cell say it all.
    Plain,
    /// A control character in a text, counted from 1.
    Control(u32),
    /// What is wrong with an identifier.
    Identifier(Fault),
    /// The first six digits of an identifier are no known division.
    Address,
    /// Index of the broken rule.
    Rule(usize),
    /// Index of a CEL rule that could not be worked out for this row.
    RuleError(usize),
    /// Found before the check, by the source or by mapping, and said there.
    Said(Box<Said>),
}

/// A finding that brings its own words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Said {
    /// The column, if no item has its place.
    pub column: Option<String>,
    /// The value as it came; shown masked only.
    pub value: Option<String>,
    /// What is wrong and what to do, in Chinese, without the value.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

impl Contract {
    /// The entry.
    pub fn entry(&self) -> &Arc<EntryVersion> {
        &self.entry
    }
}

impl MappedRow {
    /// An empty row of `width` items, to be written to.
    pub fn new(width: usize) -> Self {
        Self { cells: Cells::new(width), ..Self::default() }
    }

    /// Forgets the row; keeps the memory.
    pub fn clear(&mut self, width: usize) {
        self.cells.clear(width);
        self.operation = Operation::Upsert;
        self.findings.clear();
    }
}

impl Finding {
    /// A finding that rejects the row and needs no more words.
    pub fn plain(code: Code, item: usize) -> Self {
        Self { code, severity: Severity::Reject, item: Some(item), cause: Cause::Plain }
    }

    /// An earlier row of the run has the same key: the same row warns, another one rejects.
    /// `item` is the first of the key items.
    pub fn duplicate_key(severity: Severity, item: usize) -> Self {
        let (zh, en) = match severity {
            Severity::Warn => {
                ("同一批数据中有完全相同的行", "the same row stood earlier in this file")
            }
            Severity::Reject => (
                "同一批数据中主键重复且内容不同，请保留正确的一行",
                "another row with this key stood earlier in this file; keep the right one",
            ),
        };
        let said = Said { zh: zh.into(), en: en.into(), ..Said::default() };
        let cause = Cause::Said(Box::new(said));
        Self { code: Code::DuplicateKey, severity, item: Some(item), cause }
    }
}

#[cfg(test)]
pub(crate) mod test_entry;
#[cfg(test)]
mod tests;
