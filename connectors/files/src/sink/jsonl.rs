//! A parcel as JSON Lines, cells as `json_members` writes them.

use std::fmt::Write as _;

use yiku_connector::{Parcel, json_members::push_members};

use super::{CHANGE, OPERATION, operation};

/// Appends the row at `index`; there is no header.
pub(crate) fn write(parcel: &Parcel, index: Option<usize>, out: &mut String) {
    let Some(index) = index else { return };
    let change = parcel.changes[index];
    let _ =
        write!(out, "{{\"{OPERATION}\":\"{}\",\"{CHANGE}\":{},", operation(change), change.number);
    push_members(parcel.columns.iter().zip(parcel.cells.row(index).cells()), out);
    out.push_str("}\n");
}
