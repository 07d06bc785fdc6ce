//! The SQL table that an entry or a grant describes.

use serde::{Deserialize, Serialize};

/// The type of a column, apart from any database.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum ColumnType {
    /// Text of at most so many characters.
    Text {
        /// Characters at most.
        max_length: u32,
    },
    /// 64 bits, signed.
    Integer,
    /// Exact decimal.
    Decimal {
        /// Digits in all.
        precision: u32,
        /// Digits after the point.
        scale: u32,
    },
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// A moment, to the millisecond, in UTC.
    DateTime,
}

/// One column of a table that an entry, an entity or a grant describes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TableColumn {
    /// The item's name.
    pub name: String,
    /// Its Chinese name, for headings and comments.
    pub zh: String,
    /// Its type.
    #[serde(flatten)]
    pub column_type: ColumnType,
    /// Whether it always has a value.
    pub required: bool,
}
