//! The schema files say the same as the structs that read the configuration.

use serde_json::{Value, json};
use yiku_connector::{Load, Position};

use crate::far::Far;

const SOURCES: [&str; 12] = [
    r#"{"table":"t"}"#,
    r#"{"query":"SELECT 1"}"#,
    r#"{"table":"t","columns":["a"],"key":"a","page":10}"#,
    r#"{"table":"t","key":["a","b"]}"#,
    r#"{"table":"t","watermark":{"column":"w","tie":["a"],"overlap":"10m","unmarked_max":5}}"#,
    r#"{"table":"t","watermark":{"column":"w","overlap":100}}"#,
    r#"!{"table":"t","query":"SELECT 1"}"#,
    r#"!{}"#,
    r#"!{"table":"t","columns":[]}"#,
    r#"!{"table":"t","watermark":{"overlap":"10m"}}"#,
    r#"!{"table":"t","watermark":{"column":"w","overlap":"soon"}}"#,
    r#"!{"table":"t","page":0}"#,
];

const SINKS: [&str; 5] = [
    r#"{"table":"t"}"#,
    r#"{"table":"t","create":true}"#,
    r#"!{"table":"t","create":"yes"}"#,
    r#"!{}"#,
    r#"!{"table":"t","query":"x"}"#,
];

fn check(schema: &str, samples: &[&str], reads: impl Fn(Value) -> bool) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for sample in samples {
        let good = !sample.starts_with('!');
        for url in [json!("sqlite:x"), json!({ "file": "x" }), json!({ "env": "X" }), json!(1)] {
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
    let far = Far::sqlite();
    let access = far.access(Load::Changes, Vec::new());
    let kind = &connector_sql::KIND;
    let start = Position::default();
    check(kind.source_schema, &SOURCES, |value| (kind.open_source)(value, &access, &start).is_ok());
    check(kind.sink_schema, &SINKS, |value| (kind.open_sink)(value, &access).is_ok());
}
