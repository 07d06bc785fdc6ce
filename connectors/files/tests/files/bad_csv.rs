//! Broken CSV: every broken row is a row with a defect, and all others are read.

use crate::support::{Folder, gb};

#[track_caller]
fn check(content: impl AsRef<[u8]>, expected: &[&str]) {
    let folder = Folder::new().file("a.csv", content);
    let told = folder.told();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        let told = told.strip_prefix("a.csv:").unwrap();
        assert!(told.starts_with(expected), "{told:?} is not {expected:?}");
    }
    let plain: Vec<String> = folder.told().iter().map(|line| suite_text(line)).collect();
    folder.conforms(&plain.iter().map(String::as_str).collect::<Vec<_>>());
}

fn suite_text(line: &str) -> String {
    let text = line.split_once(' ').unwrap().1;
    let ends = [" !unreadable", " !encoding"];
    let end = ends.iter().find_map(|end| text.find(*end).map(|at| at + end.len()));
    text[..end.unwrap_or(text.len())].to_owned()
}

#[test]
fn ragged_rows() {
    check(
        "a,b\n1\n2,x\n3,y,z\n",
        &[
            "2 1|∅ !unreadable (1 cells for 2 columns",
            "3 2|x",
            "4 3,y,z|∅ !unreadable (3 cells for 2 columns",
        ],
    );
}

#[test]
fn a_quote_that_never_closes_costs_one_row() {
    check(
        "a,b\n1,\"x\n2,y\n3,z\n",
        &["2 1,\"x|∅ !unreadable (a quote is never closed", "3 2|y", "4 3|z"],
    );
}

#[test]
fn a_quote_that_closes_in_another_row_costs_one_row() {
    check(
        "a,b\n1,\"x\n2,y\n3,\"z\"\n4,w\n",
        &["2 1,\"x|∅ !unreadable (something stands behind", "3 2|y", "4 3|z", "5 4|w"],
    );
    check(
        "a,b\n1,\"x\n2,y\",z\n3,w\n",
        &[
            "2 1,\"x|∅ !unreadable (3 cells for 2 columns",
            "3 2,y\",z|∅ !unreadable (3 cells for 2 columns",
            "4 3|w",
        ],
    );
}

#[test]
fn text_behind_a_closing_quote() {
    check("a,b\n\"1\"x,2\n3,4\n", &["2 \"1\"x,2|∅ !unreadable (something stands behind", "3 3|4"]);
}

#[test]
fn nul_bytes() {
    check("a,b\n1,x\0y\n2,z\n", &["2 1,x\0y|∅ !unreadable (holds a NUL byte", "3 2|z"]);
}

#[test]
fn bytes_of_another_encoding() {
    let mut mixed = format!("a,b\n{}", "1,李娜刘洋王芳张伟\n".repeat(9)).into_bytes();
    mixed.extend(gb("2,李\n"));
    mixed.extend("3,刘\n".as_bytes());
    let mut expected = vec!["2 1|李娜", "3 1", "4 1", "5 1", "6 1", "7 1", "8 1", "9 1", "10 1"];
    expected
        .extend(["11 2,\u{FFFD}\u{FFFD}|∅ !encoding (holds bytes that are not UTF-8", "12 3|刘"]);
    check(&mixed, &expected);
    let mut mixed = gb("a,b\n1,李娜刘洋王芳张伟\n");
    mixed.extend(b"2,\xFF\n");
    mixed.extend(gb("3,刘\n"));
    check(
        &mixed,
        &["2 1|李娜", "3 2,\u{FFFD}|∅ !encoding (holds bytes that are not GB18030", "4 3|刘"],
    );
}

#[test]
fn a_line_longer_than_any_record() {
    let long = "x".repeat(9 << 20);
    let content = format!("a,b\n1,y\n2,{long}\n3,z\n");
    let folder = Folder::new().file("a.csv", &content);
    let told = folder.told();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], "a.csv:2 1|y");
    let kept = format!("a.csv:3 2,{}|∅ !unreadable", "x".repeat((64 << 10) - 2));
    assert!(told[1].starts_with(&kept));
    assert!(told[1].contains("(the line has 9437186 bytes, more than 8 MiB"));
    assert_eq!(told[2], "a.csv:4 3|z");
}

#[test]
fn a_record_of_lines_longer_than_any_record() {
    let lines = format!("{}\n", "x".repeat(999)).repeat(9 << 10);
    let content = format!("a,b\n1,\"y\n{lines}2,z\n");
    let told = Folder::new().file("a.csv", &content).told();
    assert!(told[0].contains("a quote is never closed"));
    assert_eq!(told.last().unwrap(), &format!("a.csv:{} 2|z", (9 << 10) + 3));
}

#[test]
fn headers_that_name_nothing_or_one_thing_twice() {
    check("a,\n1,2\n", &["1 a, !unreadable (column 2 of the header has no name"]);
    check("a,b, a\n1,2,3\n", &["1 a,b, a !unreadable (two columns of the header are named `a`"]);
    check("a,\"b\n1,2\n", &["1 a,\"b !unreadable (the header cannot be read"]);
}

#[test]
fn utf_16_is_named() {
    check(b"\xFF\xFEa\0,\0", &["1  !unreadable (the file is UTF-16"]);
}

#[test]
fn a_broken_file_does_not_hold_up_the_next() {
    let folder = Folder::new()
        .file("1.csv", "a,a\n1,2\n")
        .file("2.csv", "a,b\n1,2\n")
        .file("3.dat", "a,b\n1,2\n")
        .file("4.csv", "a,b\n3,4\n")
        .with("pattern", "*");
    let told = folder.told();
    assert!(told[0].starts_with("1.csv:1 a,a !unreadable (two columns"), "{told:?}");
    assert_eq!(told[1], "2.csv:2 1|2");
    assert!(told[2].starts_with("3.dat:1  !unreadable (its extension tells no format"));
    assert_eq!(told[3], "4.csv:2 3|4");
    assert_eq!(told.len(), 4);
}
