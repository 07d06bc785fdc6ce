//! Broken JSON Lines.

use crate::support::Folder;

#[track_caller]
fn check(content: &str, expected: &[&str]) {
    let told = Folder::new().file("a.jsonl", content).told();
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        let told = told.strip_prefix("a.jsonl:").unwrap();
        assert!(told.starts_with(expected), "{told:?} is not {expected:?}");
    }
}

#[test]
fn lines_that_are_no_object() {
    check(
        "{\"a\":1}\n[1,2]\n\"x\"\n{\"a\":2,}\n{\"a\":3\n{\"a\":4} 5\n{\"a\":6}\n",
        &[
            "1 1",
            "2 [1,2] !unreadable (the line is a JSON array",
            "3 \"x\" !unreadable (the line is no JSON object",
            "4 {\"a\":2,} !unreadable (no valid JSON at byte 8",
            "5 {\"a\":3 !unreadable (no valid JSON at byte",
            "6 {\"a\":4} 5 !unreadable (no valid JSON at byte",
            "7 6",
        ],
    );
}

#[test]
fn a_broken_first_line_names_no_columns() {
    check("nonsense\n{\"a\":1}\n", &["1 nonsense !unreadable (the line is no JSON", "2 1"]);
    let folder = Folder::new().file("a.jsonl", "nonsense\nmore\n{\"a\":1,\"b\":2}\n{\"a\":3}\n");
    folder.conforms(&["nonsense !unreadable", "more !unreadable", "1|2", "3|∅"]);
}

#[test]
fn doubled_keys_and_values_that_are_no_cells() {
    check(
        "{\"a\":1,\"b\":2,\"a\":3}\n{\"a\":{\"x\":1},\"b\":[1]}\n{\"a\":1e999,\"b\":\"\\ud800\"}\n",
        &[
            "1 {\"a\":1,\"b\":2,\"a\":3} !unreadable (the key `a` stands there twice",
            "2 {\"x\":1}|[1] !unreadable@a !unreadable@b (the value is an object",
            "3 1e999|\"\\ud800\" !unreadable@a !encoding@b (a number of more than 64",
        ],
    );
}

#[test]
fn deep_nesting_is_no_danger() {
    let deep = format!("{{\"a\":{}{}}}\n{{\"a\":1}}\n", "[".repeat(100_000), "]".repeat(100_000));
    let told = Folder::new().file("a.jsonl", &deep).told();
    assert!(told[0].contains("the value is an object or array"));
    assert_eq!(told[1], "a.jsonl:2 1");
}

#[test]
fn keys_that_are_data_do_not_grow_without_bound() {
    let lines: String = (0..1_500).map(|at| format!("{{\"k{at}\":1}}\n")).collect();
    let told = Folder::new().file("a.jsonl", &lines).told();
    assert_eq!(told.len(), 1_500);
    assert!(told[1_499].contains("more than 1000 keys"), "{}", told[1_499]);
}
