//! Text in another encoding than the connector says, or in two at once.

use crate::file_cases::{Case, check};

fn gbk(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xFF, 0xFE].into_iter().chain(units).collect()
}

#[test]
fn foreign_and_mixed_encodings_are_told() {
    let table = "no,name\nP1,肖文\n";
    let many: String = (10..40).map(|row| format!("P{row},刘洋\n")).collect();
    let mixed = [table.as_bytes(), &gbk("P2,曾凡\n")[..], many.as_bytes()].concat();
    let other = [&gbk(table)[..], "P2,曾凡\n".as_bytes(), &gbk(&many)].concat();
    let with_utf8 = [&gbk("no,name\nP1,肖文\n")[..], b"P2,\xFF\xFF\nP3,x\n"].concat();
    check(
        "encoding",
        "",
        vec![
            Case::new("GBK, found by itself", "a.csv", gbk(table), 1, 0),
            Case::new("UTF-8 with byte order mark", "a.csv", format!("\u{feff}{table}"), 1, 0),
            Case::new("GBK where UTF-8 is declared", "a.csv", gbk(table), 0, 1)
                .source("encoding: utf-8"),
            Case::new("UTF-8 where GB18030 is declared", "a.csv", table, 0, 1)
                .source("encoding: gb18030"),
            Case::new("a GBK line in a UTF-8 file", "a.csv", mixed, 31, 1),
            Case::new("a UTF-8 line in a GBK file", "a.csv", other, 31, 1),
            Case::new("bytes of no encoding in a GBK file", "a.csv", with_utf8, 2, 1),
            Case::new("UTF-16", "a.csv", utf16(table), 0, 1),
        ],
    );
}
