//! CSV and TSV that are broken in their form.

use crate::file_cases::{Case, check};

#[test]
fn broken_tables_are_told_with_place_and_remedy() {
    let long_line = format!("no,name\nP1,肖文\nP2,{}\nP3,刘洋\n", "x".repeat(5_000));
    let wide = (0..60).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    let settings = "[limits]\nrecord_bytes_max = 4096\ncolumns_max = 50\nfile_bytes_max = 8192\n";
    check(
        "delimited",
        settings,
        vec![
            Case::new("empty file", "a.csv", "", 0, 0),
            Case::new("header only", "a.csv", "no,name\n", 0, 0),
            Case::new("a required column is missing", "a.csv", "no,sex\nP1,1\n", 0, 1),
            Case::new("the key column is missing", "a.csv", "name,sex\n肖文,1\n", 0, 1),
            Case::new("a mapped column is missing", "a.csv", "no,name\nP1,肖文\n", 0, 1)
                .more("map: { no: { from: no }, name: { from: XM } }\n"),
            Case::new("an extra column", "a.csv", "no,name,memo\nP1,肖文,x\n", 0, 1),
            Case::new("a doubled column", "a.csv", "no,name,name\nP1,肖文,x\n", 0, 1),
            Case::new("a column without a name", "a.csv", "no,,name\nP1,x,肖文\n", 0, 1),
            Case::new("reordered columns", "a.csv", "name,no\n肖文,P1\n", 1, 0),
            Case::new("swapped columns", "a.csv", "no,name,sex\nP1,肖文,2026-01-01\n", 0, 1),
            Case::new("a row too short", "a.csv", "no,name,sex\nP1,肖文\nP2,曾凡,1\n", 1, 1),
            Case::new("a row too long", "a.csv", "no,name\nP1,肖文,1\nP2,曾凡\n", 1, 1),
            Case::new("a quote that never closes", "a.csv", "no,name\nP1,\"肖文\nP2,曾凡\n", 1, 1),
            Case::new("text behind a quote", "a.csv", "no,name\nP1,\"肖\"文\nP2,曾凡\n", 1, 1),
            Case::new("the header's quote never closes", "a.csv", "no,\"name\nP1,肖文\n", 0, 1),
            Case::new("NUL bytes", "a.csv", b"no,name\nP1,\0\nP2,x\n".to_vec(), 1, 1),
            Case::new("NUL bytes in the header", "a.csv", b"no\0,name\nP1,x\n".to_vec(), 0, 1),
            Case::new("CR-only line ends", "a.csv", "no,name\rP1,肖文\rP2,曾凡\r", 2, 0),
            Case::new("the delimiter is another", "a.csv", "no;name\nP1;肖文\n", 0, 1),
            Case::new("a line longer than allowed", "a.csv", long_line, 2, 1),
            Case::new("more columns than allowed", "a.csv", format!("{wide}\n"), 0, 1),
            Case::new("a file larger than allowed", "a.csv", "x".repeat(9_000), 0, 1),
            Case::new("a key twice in a full load", "a.csv", "no,name\nQ1,肖文\nQ1,曾凡\n", 1, 1)
                .more("load: full\n"),
            Case::new(
                "swapped columns beyond `stop_over`",
                "a.csv",
                "no,name,sex\nP1,x,男\n",
                0,
                0,
            )
            .more("stop_over: { rejected: 20% }\n"),
        ],
    );
}
