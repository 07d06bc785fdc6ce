//! Tables for people. Chinese characters are two columns wide.

use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};

/// Rows under headings, ending with a line feed; a dash when there is no row.
pub fn of<const N: usize>(headings: [&str; N], rows: Vec<[String; N]>) -> String {
    if rows.is_empty() {
        return "–\n".into();
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(headings);
    table.add_rows(rows);
    format!("{table}\n")
}
