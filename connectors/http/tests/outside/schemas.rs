//! The schema files say the same as the structs that read the configuration.

use serde_json::{Value, json};
use yiku_connector::{Load, Position};

use crate::fake::access;

const SOURCES: [&str; 24] = [
    r#"{}"#,
    r#"{"headers":{"a":"b","c":{"file":"d"}},"format":"csv","timeout":"30s","insecure":true}"#,
    r#"{"rows":"/data/rows","expect":{"/code":"0"},"answer_bytes_max":1}"#,
    r#"{"paging":{"page_parameter":"p","first_page":0,"size_parameter":"s","size":10}}"#,
    r#"{"paging":{"page_parameter":"p","size":10},"format":"ndjson"}"#,
    r#"{"paging":{"next_pointer":"/next","cursor_parameter":"c"}}"#,
    r#"{"paging":{"next_pointer":"/next","size_parameter":"s","size":10}}"#,
    r#"{"since":{"parameter":"s","column":"c","start":"0"},"timeout":"3600m"}"#,
    r#"!{"since":{"parameter":"s"}}"#,
    r#"!{"paging":{}}"#,
    r#"!{"paging":{"page_parameter":"p","next_pointer":"/next"}}"#,
    r#"!{"paging":{"page_parameter":"p","cursor_parameter":"c"}}"#,
    r#"!{"paging":{"next_pointer":"/next","first_page":1}}"#,
    r#"!{"paging":{"page_parameter":"p","size_parameter":"s"}}"#,
    r#"!{"paging":{"page_parameter":"p","size":0}}"#,
    r#"!{"paging":{"next_pointer":"next"}}"#,
    r#"!{"format":"xml"}"#,
    r#"!{"format":"csv","rows":"/a"}"#,
    r#"!{"format":"csv","paging":{"next_pointer":"/next"}}"#,
    r#"!{"format":"ndjson","expect":{"/code":"0"}}"#,
    r#"!{"rows":"a"}"#,
    r#"!{"expect":{"/code":0}}"#,
    r#"!{"timeout":"0s"}"#,
    r#"!{"timeout":"3601s"}"#,
];

const SINKS: [&str; 5] = [
    r#"{"secret":"s"}"#,
    r#"{"secret":{"file":"s"},"headers":{"a":{"env":"B"}},"timeout":"5m","insecure":false}"#,
    r#"!{}"#,
    r#"!{"secret":"s","timeout":"1h"}"#,
    r#"!{"secret":{"file":"s","env":"t"}}"#,
];

fn check(schema: &str, samples: &[&str], reads: impl Fn(Value) -> bool) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for sample in samples {
        let good = !sample.starts_with('!');
        for url in [json!("https://x/"), json!({ "file": "x" }), json!(1)] {
            let good = good && !url.is_number();
            let mut value: Value = serde_json::from_str(sample.trim_start_matches('!')).unwrap();
            value["url"] = url;
            assert_eq!(validator.is_valid(&value), good, "schema: {value}");
            assert_eq!(reads(value.clone()), good, "struct: {value}");
            value["other"] = json!(1);
            assert!(!validator.is_valid(&value) && !reads(value), "unknown fields are refused");
        }
    }
}

#[test]
fn schemas_and_structs_agree() {
    let access = access(Load::Changes, Vec::new());
    let kind = &connector_http::KIND;
    let start = Position::default();
    check(kind.source_schema, &SOURCES, |value| (kind.open_source)(value, &access, &start).is_ok());
    check(kind.sink_schema, &SINKS, |value| (kind.open_sink)(value, &access).is_ok());
}
