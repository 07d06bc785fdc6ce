//! JSON Lines that are broken in their form.

use crate::file_cases::{Case, check};

#[test]
fn broken_objects_are_told_with_place_and_remedy() {
    let good = "{\"no\":\"P1\",\"name\":\"肖文\"}\n";
    let deep = format!("{{\"no\":\"P2\",\"name\":{}{}}}\n", "[".repeat(900), "]".repeat(900));
    let with = |line: &str| format!("{good}{line}\n{{\"no\":\"P3\",\"name\":\"曾凡\"}}\n");
    let many = (0..60).map(|key| format!("\"k{key}\":1")).collect::<Vec<_>>().join(",");
    let digits = "9".repeat(300);
    check(
        "json",
        "[limits]\nrecord_bytes_max = 4096\ncolumns_max = 50\n",
        vec![
            Case::new("a key twice", "a.jsonl", with(r#"{"no":"P2","name":"a","no":"P4"}"#), 2, 1),
            Case::new("a nested value", "a.jsonl", with(r#"{"no":"P2","name":{"x":1}}"#), 2, 1),
            Case::new("deep nesting", "a.jsonl", with(deep.trim()), 2, 1),
            Case::new(
                "a number of 300 digits",
                "a.jsonl",
                with(&format!(r#"{{"no":"P2","name":"a","fee":{digits}}}"#)),
                2,
                1,
            ),
            Case::new(
                "a number beyond every range",
                "a.jsonl",
                with(r#"{"no":"P2","name":"a","fee":1e999999}"#),
                2,
                1,
            ),
            Case::new("a lone surrogate", "a.jsonl", with(r#"{"no":"P2","name":"\ud83d"}"#), 2, 1),
            Case::new(
                "a lone surrogate in a key",
                "a.jsonl",
                with(r#"{"no":"P2","na\ud83dme":"x"}"#),
                2,
                1,
            ),
            Case::new("a line that is cut off", "a.jsonl", with(r#"{"no":"P2","name":"#), 2, 1),
            Case::new("an array around the rows", "a.jsonl", "[{\"no\":\"P1\"},\n{}]\n", 0, 2),
            Case::new("a line that is no object", "a.jsonl", with("P2,曾凡"), 2, 1),
            Case::new("more keys than allowed", "a.jsonl", with(&format!("{{{many}}}")), 2, 1),
            Case::new(
                "a line longer than allowed",
                "a.jsonl",
                with(&format!("{{\"no\":\"{}\"}}", "x".repeat(5_000))),
                2,
                1,
            ),
        ],
    );
}
