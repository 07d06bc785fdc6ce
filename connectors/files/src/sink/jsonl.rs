//! A parcel as JSON Lines: integers and booleans are JSON's own, all else is text; decimals are
//! text too, because most readers would turn them into binary floats.

use std::fmt::Write as _;

use yiku_connector::Parcel;
use yiku_core::derive::ColumnType;

use super::{CHANGE, OPERATION, operation};

/// Appends the row at `index`; there is no header.
pub(crate) fn write(parcel: &Parcel, index: Option<usize>, out: &mut String) {
    let Some(index) = index else { return };
    let change = parcel.changes[index];
    let _ =
        write!(out, "{{\"{OPERATION}\":\"{}\",\"{CHANGE}\":{}", operation(change), change.number);
    let row = parcel.cells.row(index);
    for (cell, column) in row.cells().zip(parcel.columns.iter()) {
        out.push(',');
        string(&column.name, out);
        out.push(':');
        match (cell, column.column_type) {
            (None, _) => out.push_str("null"),
            (Some(text), ColumnType::Integer | ColumnType::Boolean) if is_plain(text) => {
                out.push_str(text);
            }
            (Some(text), _) => string(text, out),
        }
    }
    out.push_str("}\n");
}

/// Whether a canonical integer or boolean: anything else would break the line.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    number || text == "true" || text == "false"
}

fn string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("text is JSON"));
}
