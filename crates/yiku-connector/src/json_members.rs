//! Cells as the members of a JSON object: integers and booleans are JSON's own, all else is text;
//! decimals are text too, because most readers would turn them into binary floats.

use yiku_core::derive::{ColumnType, TableColumn};

/// Appends `"a":1,"b":"x","c":null`, without the braces.
pub fn push_members<'a>(
    cells: impl IntoIterator<Item = (&'a TableColumn, Option<&'a str>)>,
    out: &mut String,
) {
    for (index, (column, cell)) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_text(&column.name, out);
        out.push(':');
        match (cell, column.column_type) {
            (None, _) => out.push_str("null"),
            (Some(text), ColumnType::Integer | ColumnType::Boolean) if is_plain(text) => {
                out.push_str(text);
            }
            (Some(text), _) => push_text(text, out),
        }
    }
}

/// Whether a canonical integer or boolean: anything else would be no JSON.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    number || text == "true" || text == "false"
}

fn push_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("text is JSON"));
}
