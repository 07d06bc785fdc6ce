//! Departments' systems: what each table is called, which columns it has, and its rows.

mod credit;
mod legal;
mod license;
mod marriage;
mod population;
mod service;
mod social;
mod spatial;
mod value;
mod vital;

use super::{
    city::City,
    fault::{Fault, How},
};

/// One table of one department's system, and the connector that reads it.
pub struct System {
    /// The connector's name, and the folder of the data.
    pub connector: &'static str,
    /// The catalog entry that its rows are for.
    pub entry: &'static str,
    /// What the data lies in.
    pub form: Form,
    /// What else its connector's file says, as YAML lines.
    pub more: &'static str,
    /// The columns, as the department calls them.
    pub columns: &'static [Column],
    /// The columns that identify a row, by name.
    pub key: &'static [&'static str],
    /// Its rows, without faults.
    pub rows: fn(&City) -> Rows<'_>,
    /// The ways in which rows get broken, in turn.
    pub faults: &'static [Fault],
}

/// Rows of a system in order, made while they are asked for.
pub type Rows<'a> = Box<dyn Iterator<Item = Row> + 'a>;

/// Cells in the order of the columns; `None` is an empty cell or NULL.
pub type Row = Vec<Option<String>>;

/// What the data lies in.
#[derive(Clone, Copy)]
pub enum Form {
    /// Text files with a header line.
    Delimited {
        /// `csv` or `tsv`.
        extension: &'static str,
        /// How text becomes bytes.
        encoding: Encoding,
        /// After how many rows a new file begins.
        rows_per_file: u64,
    },
    /// One JSON object a line.
    JsonLines,
    /// A workbook with one sheet.
    Xlsx,
    /// A table of a SQLite database: a number that rises with each row, then the columns.
    Sqlite {
        /// The table.
        table: &'static str,
        /// The columns that say when a row changed, and its number.
        watermark: &'static str,
    },
    /// An HTTP service that answers pages of JSON: the number of each row, then the columns.
    Http,
}

/// How text becomes bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 after a byte order mark, as spreadsheets write it.
    Utf8Bom,
    /// GBK.
    Gbk,
}

/// A column, and how its connector maps it.
pub struct Column {
    /// As the department calls it.
    pub name: &'static str,
    /// The item of the entry; empty when no item comes of it.
    pub item: &'static str,
    /// What the mapping does: YAML beside `from:`.
    pub map: &'static str,
}

/// A column that an item comes from.
pub const fn column(name: &'static str, item: &'static str, map: &'static str) -> Column {
    Column { name, item, map }
}

/// Every system of the city.
pub static SYSTEMS: &[&System] = &[
    &population::HOUSEHOLD,
    &population::RESIDENCE,
    &vital::BIRTH,
    &vital::DEATH,
    &vital::CREMATION,
    &marriage::MARRIAGE,
    &marriage::DIVORCE,
    &social::INSURANCE,
    &legal::ENTERPRISE,
    &legal::INDIVIDUAL,
    &legal::INSTITUTION,
    &legal::SOCIAL,
    &credit::LICENCE,
    &credit::PENALTY,
    &credit::DISHONESTY,
    &license::REAL_ESTATE,
    &license::PERMIT,
    &spatial::DIVISION,
    &spatial::ADDRESS,
    &service::ITEM,
    &service::CASE,
];

/// How citizen ids are mapped everywhere.
const ID: &str = "do: [trim, half-width, id-15-to-18]";
/// How the sex is mapped everywhere.
const SEX: &str = r#"codes: { 男: "1", 女: "2", 未知: "0" }"#;

/// The column that numbers rows where a system numbers them.
pub const ROW_NUMBER: &str = "xh";

/// The column that says what an exchange table's row does.
const OPERATION: &str = "czbz";

impl System {
    /// Whether a row says that a record is gone. Little of such a row matters, so it is not broken.
    pub fn is_delete(&self, row: &Row) -> bool {
        let at = self.columns.iter().position(|column| column.name == OPERATION);
        at.is_some_and(|at| row[at].as_deref() == Some("D"))
    }

    /// The department that runs it.
    pub fn department(&self) -> &'static str {
        self.entry.split_once('/').map_or(self.entry, |(department, _)| department)
    }

    /// Where a column stands. Names are our own, so a wrong one is a mistake of the program.
    pub fn column(&self, name: &str) -> usize {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .unwrap_or_else(|| panic!("{}: no column {name}", self.connector))
    }

    /// What identifies a row.
    pub fn key_of(&self, row: &Row) -> String {
        let cells = self.key.iter().map(|name| row[self.column(name)].clone().unwrap_or_default());
        cells.collect::<Vec<_>>().join("\u{1f}")
    }

    /// The fault for a last line that ends in the middle, if the system has one.
    pub fn cut_off(&self) -> Option<&'static Fault> {
        self.faults.iter().find(|fault| matches!(fault.how, How::CutOff))
    }
}
