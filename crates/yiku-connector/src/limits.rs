//! How much of anything a far system may bring: settings of the hub, for all its connectors.

use serde::Deserialize;

/// How much a far system may bring. What is more is reported with its place, never held in memory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Bytes of one line, of a record of several lines, or of a cell of a workbook.
    pub record_bytes_max: usize,
    /// Columns of a table, and keys of all objects of a file together.
    pub columns_max: usize,
    /// Bytes that a workbook's texts unpack to: they are held in memory.
    pub workbook_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 64 << 30,
            record_bytes_max: 8 << 20,
            columns_max: 1_000,
            workbook_bytes_max: 200 << 20,
        }
    }
}
