//! A parcel as CSV or TSV.
//!
//! A text that a spreadsheet would take for a formula gets a `'` in front: it begins with `=`, `+`,
//! `-`, `@`, tab or CR, is longer than one character and no plain number. A text that already
//! begins with `'` and such a text gets one more, so taking one `'` away gives what was sent. Only
//! text columns are touched. NULL is an empty cell; an empty text is `""`.

use yiku_connector::Parcel;
use yiku_core::derive::ColumnType;

use super::{CHANGE, OPERATION, operation};

/// Appends the row at `index`, or the header.
pub(crate) fn write(delimiter: u8, parcel: &Parcel, index: Option<usize>, out: &mut String) {
    let delimiter = char::from(delimiter);
    let Some(index) = index else {
        out.push_str(OPERATION);
        out.push(delimiter);
        out.push_str(CHANGE);
        for column in parcel.columns.iter() {
            out.push(delimiter);
            cell(&column.name, false, delimiter, out);
        }
        out.push('\n');
        return;
    };
    let change = parcel.changes[index];
    out.push_str(operation(change));
    out.push(delimiter);
    out.push_str(&change.number.to_string());
    let row = parcel.cells.row(index);
    for (text, column) in row.cells().zip(parcel.columns.iter()) {
        out.push(delimiter);
        if let Some(text) = text {
            let protect = matches!(column.column_type, ColumnType::Text { .. });
            cell(text, protect && is_like_formula(text), delimiter, out);
        }
    }
    out.push('\n');
}

fn cell(text: &str, protected: bool, delimiter: char, out: &mut String) {
    let special = |byte: u8| byte == delimiter as u8 || matches!(byte, b'"' | b'\n' | b'\r');
    let edge = |byte: Option<&u8>| byte.is_none_or(|byte| *byte == b' ');
    let bytes = text.as_bytes();
    let quoted = edge(bytes.first()) || edge(bytes.last()) || bytes.iter().copied().any(special);
    if !quoted {
        if protected {
            out.push('\'');
        }
        out.push_str(text);
        return;
    }
    out.push('"');
    if protected {
        out.push('\'');
    }
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

/// Whether a spreadsheet may take the text for a formula, or for one that is protected.
fn is_like_formula(text: &str) -> bool {
    let Some(first) = text.bytes().next() else { return false };
    match first {
        b'\'' => is_like_formula(&text[1..]),
        b'=' | b'@' | b'\t' | b'\r' => text.len() > 1,
        b'+' | b'-' => text.len() > 1 && !is_number(&text[1..]),
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut out = String::new();
        cell(text, is_like_formula(text), ',', &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn cells_are_quoted_and_protected() {
        check("李娜", "李娜");
        check("", "\"\"");
        check("a,b", "\"a,b\"");
        check("a\"b", "\"a\"\"b\"");
        check("a\nb", "\"a\nb\"");
        check(" a", "\" a\"");
        check("=1+1", "'=1+1");
        check("=\"a\"", "\"'=\"\"a\"\"\"");
        check("'=1", "''=1");
        check("'tis", "'tis");
        check("-5.20", "-5.20");
        check("+86138", "+86138");
        check("-", "-");
        check("-a", "'-a");
        check("@x", "'@x");
        check("\tx", "'\tx");
    }
}
