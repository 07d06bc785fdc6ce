//! Every format in every encoding, through the whole suite.

use serde_json::json;

use crate::support::{Folder, gb};

const TABLE: &str =
    "id,姓名,note\n1,李娜,\n2,刘洋,\"a,b\"\n3,𠮷田,\"two\nlines\"\n4,,\"say \"\"hi\"\"\"\n";
const ROWS: [&str; 4] = ["1|李娜|∅", "2|刘洋|a,b", "3|𠮷田|two\nlines", "4|∅|say \"hi\""];

#[test]
fn csv_in_utf_8() {
    Folder::new().file("a.csv", TABLE).conforms(&ROWS);
}

#[test]
fn csv_with_a_byte_order_mark() {
    Folder::new().file("a.csv", format!("\u{FEFF}{TABLE}")).conforms(&ROWS);
}

#[test]
fn csv_in_gb18030_found_and_declared() {
    Folder::new().file("a.csv", gb(TABLE)).conforms(&ROWS);
    for encoding in ["gb18030", "gbk"] {
        Folder::new().file("a.csv", gb(TABLE)).with("encoding", encoding).conforms(&ROWS);
    }
}

#[test]
fn csv_with_other_line_ends() {
    let windows = TABLE.replace('\n', "\r\n");
    let rows = ["1|李娜|∅", "2|刘洋|a,b", "3|𠮷田|two\r\nlines", "4|∅|say \"hi\""];
    Folder::new().file("a.csv", gb(&windows)).conforms(&rows);
    let old = TABLE.replace('\n', "\r");
    let rows = ["1|李娜|∅", "2|刘洋|a,b", "3|𠮷田|two\rlines", "4|∅|say \"hi\""];
    Folder::new().file("a.csv", old).conforms(&rows);
}

#[test]
fn tsv_and_other_delimiters() {
    Folder::new().file("a.tsv", "id\tname\n1\t李娜\n2\t\"a\tb\"\n").conforms(&["1|李娜", "2|a\tb"]);
    Folder::new()
        .file("a.txt", "id;name\n1;李,娜\n")
        .with("pattern", "*.txt")
        .with("format", "csv")
        .with("delimiter", ";")
        .conforms(&["1|李,娜"]);
}

#[test]
fn a_delimiter_that_may_be_half_of_a_character() {
    // In GBK the second byte of 獆 and of others is that of `|`.
    let (whole, _, _) = encoding_rs::GBK.decode(&[0xAA, 0x7C, 0x81, 0x7C]);
    let text = format!("id|name\n1|{whole}\n2|\"{whole}|\"\n3|{whole}\"x\n");
    let folder = Folder::new().file("a.csv", gb(&text)).with("delimiter", "|");
    let folder = folder.with("encoding", "gb18030");
    let rows = [format!("1|{whole}"), format!("2|{whole}|"), format!("3|{whole}\"x")];
    folder.conforms(&rows.each_ref().map(String::as_str));
}

#[test]
fn rows_above_the_header_and_names_from_the_connector() {
    let text = "户籍信息表\n\n导出日期,2026-11-02\nid,name\n编号,姓名\n1,李娜\n";
    Folder::new().file("a.csv", text).with("skip", 3).with("header", 2).conforms(&["1|李娜"]);
    let folder = Folder::new().file("a.csv", "1,李娜\n2,刘洋\n");
    let folder = folder.with("header", 0).with("columns", json!(["id", "name"]));
    folder.conforms(&["1|李娜", "2|刘洋"]);
    let folder =
        Folder::new().file("a.csv", "a,a\n1,李娜\n").with("columns", json!(["id", "name"]));
    folder.conforms(&["1|李娜"]);
}

#[test]
fn several_files_in_order_of_their_names() {
    Folder::new()
        .file("2.csv", "a,b\n3,x\n")
        .file("1.csv", "a,b\n1,x\n2,y\n")
        .file("3.jsonl", "{\"a\":5}\n")
        .file("empty.csv", "")
        .file("header only.csv", "a,b\n")
        .file("4.tsv", gb("b\ta\n李\t6\n"))
        .conforms(&["1|x", "2|y", "3|x", "5", "李|6"]);
}

#[test]
fn json_lines_in_every_encoding() {
    let text = "{\"id\":1,\"姓名\":\"李娜\"}\n{\"姓名\":\"𠮷\",\"id\":2,\"late\":true}\n{\"id\":3}\n\n\
                {\"id\":null,\"extra\":1.50}\n";
    let rows = ["1|李娜", "2|𠮷|true", "3|∅|∅", "∅|∅|∅|1.50"];
    Folder::new().file("a.jsonl", text).conforms(&rows);
    Folder::new().file("a.ndjson", format!("\u{FEFF}{text}")).conforms(&rows);
    Folder::new().file("a.jsonl", gb(text)).conforms(&rows);
    Folder::new().file("a.jsonl", text.replace('\n', "\r\n")).conforms(&rows);
}
