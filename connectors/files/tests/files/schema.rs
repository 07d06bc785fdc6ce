//! The JSON Schemas and the code hold one opinion of what a configuration may be.

use std::path::Path;

use connector_files::KIND;
use serde_json::{Value, json};
use yiku_connector::{Position, conformance::check_schema};

use crate::support::access;

#[test]
fn source_schema_and_code_agree() {
    let good = [
        json!({ "folder": "in" }),
        json!({ "folder": "/data/in", "pattern": "户籍_*.txt", "format": "csv", "encoding": "gbk",
                "delimiter": "|", "skip": 2, "header": 2, "columns": ["a", "b"],
                "settle": "500ms" }),
        json!({ "folder": "in", "format": "tsv", "encoding": "gb18030", "delimiter": "\\t" }),
        json!({ "folder": "in", "format": "xlsx", "sheet": "表1", "skip": 1 }),
        json!({ "folder": "in", "format": "jsonl", "encoding": "utf-8", "ready": "{stem}.done" }),
        json!({ "folder": "in", "header": 0, "columns": ["a"], "settle": "2 m",
                "delimiter": "\t" }),
    ];
    let bad = [
        json!({}),
        json!({ "folder": 1 }),
        json!({ "folder": "" }),
        json!({ "folder": "in", "pattern": "" }),
        json!({ "folder": "in", "pattern": "a/b" }),
        json!({ "folder": "in", "format": "xls" }),
        json!({ "folder": "in", "encoding": "latin1" }),
        json!({ "folder": "in", "delimiter": "" }),
        json!({ "folder": "in", "delimiter": "ab" }),
        json!({ "folder": "in", "delimiter": "\"" }),
        json!({ "folder": "in", "delimiter": "，" }),
        json!({ "folder": "in", "delimiter": "a" }),
        json!({ "folder": "in", "skip": -1 }),
        json!({ "folder": "in", "header": 0 }),
        json!({ "folder": "in", "columns": [] }),
        json!({ "folder": "in", "columns": ["a", "a"] }),
        json!({ "folder": "in", "columns": ["a", " "] }),
        json!({ "folder": "in", "sheet": "" }),
        json!({ "folder": "in", "settle": "2" }),
        json!({ "folder": "in", "settle": 2 }),
        json!({ "folder": "in", "settle": "12345678901s" }),
        json!({ "folder": "in", "ready": "done" }),
        json!({ "folder": "in", "ready": "../{name}" }),
        json!({ "folder": "in", "format": "jsonl", "delimiter": "," }),
        json!({ "folder": "in", "format": "jsonl", "columns": ["a"] }),
        json!({ "folder": "in", "format": "jsonl", "header": 2 }),
        json!({ "folder": "in", "format": "jsonl", "skip": 1 }),
        json!({ "folder": "in", "format": "jsonl", "sheet": "a" }),
        json!({ "folder": "in", "format": "xlsx", "delimiter": "," }),
        json!({ "folder": "in", "format": "xlsx", "encoding": "gbk" }),
        json!({ "folder": "in", "format": "csv", "sheet": "a" }),
    ];
    let open = |config: Value| {
        (KIND.open_source)(config, &access(Path::new("/")), &Position::default()).map(drop)
    };
    check_schema(KIND.source_schema, open, &good, &bad);
}

#[test]
fn sink_schema_and_code_agree() {
    let good = [
        json!({ "folder": "out" }),
        json!({ "folder": "out", "format": "csv", "encoding": "utf-8-bom", "name": "a {key}" }),
        json!({ "folder": "out", "format": "jsonl", "name": "{subject}.{first}.{key}" }),
        json!({ "folder": "out", "format": "xlsx", "encoding": "utf-8" }),
    ];
    let bad = [
        json!({}),
        json!({ "folder": "" }),
        json!({ "folder": "out", "format": "xls" }),
        json!({ "folder": "out", "encoding": "gbk" }),
        json!({ "folder": "out", "name": "{subject}" }),
        json!({ "folder": "out", "name": "a/{key}" }),
        json!({ "folder": "out", "name": ".{key}" }),
        json!({ "folder": "out", "name": "{key}{date}" }),
        json!({ "folder": "out", "name": "{key}\n" }),
        json!({ "folder": "out", "format": "jsonl", "encoding": "gb18030" }),
        json!({ "folder": "out", "format": "xlsx", "encoding": "utf-8-bom" }),
    ];
    let open = |config: Value| (KIND.open_sink)(config, &access(Path::new("/"))).map(drop);
    check_schema(KIND.sink_schema, open, &good, &bad);
}
