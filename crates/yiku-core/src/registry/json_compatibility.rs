//! Whether whatever one JSON Schema allows is allowed by another, as far as schemas of flat
//! objects are concerned. What is not understood must be the same in both.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What is in the way, in words; empty when nothing is.
pub(super) fn obstacles(written: &Value, reader: &Value) -> Vec<String> {
    let (Some(old), Some(new)) = (written.as_object(), reader.as_object()) else {
        let same = written == reader || *reader == Value::Bool(true);
        return if same { Vec::new() } else { vec!["the schema is another one".to_owned()] };
    };
    let mut found = Vec::new();
    let none = Map::new();
    let properties = |schema: &'_ Map<String, Value>| {
        schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_else(|| none.clone())
    };
    let (before, after) = (properties(old), properties(new));
    let is_closed = new.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, property) in &before {
        match after.get(name) {
            Some(now) => found.extend(
                narrower(property, now).into_iter().map(|what| format!("property `{name}` {what}")),
            ),
            None if is_closed => found.push(format!("property `{name}` is gone")),
            None => {}
        }
    }
    let required = |schema: &Map<String, Value>| {
        let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect::<BTreeSet<_>>()
    };
    for name in required(new).difference(&required(old)) {
        found.push(format!("property `{name}` becomes required"));
    }
    let handled = ["properties", "required", "additionalProperties", "type"];
    found.extend(narrower_keywords(old, new, &handled));
    if is_closed && old.get("additionalProperties") != Some(&Value::Bool(false)) {
        found.push("additional properties are forbidden now".to_owned());
    }
    if let Some(what) = narrower_type(old, new) {
        found.push(what);
    }
    found
}

/// What a property's new schema forbids that its old one allowed.
fn narrower(old: &Value, new: &Value) -> Vec<String> {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        let same = old == new || *new == Value::Bool(true);
        return if same { Vec::new() } else { vec!["has another schema".to_owned()] };
    };
    let mut found: Vec<_> = narrower_type(old, new).into_iter().collect();
    found.extend(narrower_keywords(old, new, &["type"]));
    found
}

fn narrower_type(old: &Map<String, Value>, new: &Map<String, Value>) -> Option<String> {
    let now = types(new)?;
    let fits = types(old).is_some_and(|before| {
        let wider = |name: &String| name == "integer" && now.contains("number");
        before.iter().all(|name| now.contains(name) || wider(name))
    });
    let shown = || now.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
    (!fits).then(|| format!("must be {} now", shown()))
}

/// The names of the types that are allowed; `None` when all are.
fn types(schema: &Map<String, Value>) -> Option<BTreeSet<String>> {
    match schema.get("type")? {
        Value::String(name) => Some(BTreeSet::from([name.clone()])),
        Value::Array(names) => {
            Some(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
        }
        _ => None,
    }
}

fn narrower_keywords(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    handled: &[&str],
) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, now) in new {
        let is_annotation = keyword.starts_with("x-") || ANNOTATIONS.contains(&keyword.as_str());
        if is_annotation || handled.contains(&keyword.as_str()) {
            continue;
        }
        let number = |value: &Value| value.as_f64();
        let before = old.get(keyword);
        let as_wide = before.is_some_and(|before| match keyword.as_str() {
            "minLength" | "minimum" | "minItems" | "exclusiveMinimum" => {
                number(now) <= number(before)
            }
            "maxLength" | "maximum" | "maxItems" | "exclusiveMaximum" => {
                number(now) >= number(before)
            }
            "enum" => is_within(before, now),
            _ => now == before,
        });
        if !as_wide {
            found.push(match before {
                Some(_) => format!("has a narrower `{keyword}`"),
                None => format!("has `{keyword}`, which it had not"),
            });
        }
    }
    found
}

fn is_within(few: &Value, many: &Value) -> bool {
    match (few.as_array(), many.as_array()) {
        (Some(few), Some(many)) => few.iter().all(|value| many.contains(value)),
        _ => false,
    }
}

const ANNOTATIONS: &[&str] =
    &["$schema", "$id", "$comment", "title", "description", "examples", "default"];
