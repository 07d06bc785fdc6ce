//! The JSON Schema (2020-12) of an entry's rows.
//!
//! A row is a JSON object: integers and booleans as such, everything else as text in canonical
//! form; NULL is an absent property or `null`. The schema accepts what the contract takes. What
//! plain JSON Schema cannot say stands in it as formats and keywords of our own, which
//! [`super::validator`] knows and others ignore:
//!
//! | in the schema | says |
//! |---|---|
//! | `format: citizen-id`, `credit-code`, `organisation-code`, `license-id` | the check character is right, and the birth date in an id is a day of the calendar |
//! | `format: citizen-id-form` | only the latter: the check character warns |
//! | `x-yiku-minimum`, `x-yiku-maximum` | bounds of a date or a decimal, which are texts |
//! | `x-yiku-known-division` | the division, or the address in an id, is in the list `division` |
//! | `x-yiku-rules` | rules between items, for people: no validator checks them |

use serde_json::{Map, Value, json};

use crate::{
    code_list::{CodeLists, DIVISIONS},
    contract::{form, number},
    entry::{Bounds, DataItem, EntryVersion, ItemType, Rule},
    identifier::{citizen_id, credit_code, division, license_id, organisation_code},
    violation::Severity,
};

/// The schema of one row.
pub fn json_schema(entry: &EntryVersion, lists: &CodeLists) -> Value {
    let properties: Map<String, Value> =
        entry.items.iter().map(|item| (item.name.clone(), property(item, lists))).collect();
    let required: Vec<&str> =
        entry.items.iter().filter(|item| item.required).map(|item| item.name.as_str()).collect();
    let key: Vec<&str> = entry.key.iter().map(|&index| entry.items[index].name.as_str()).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:yiku:entry:{}@{}", entry.name, entry.version),
        "title": entry.metadata.name.zh,
        "description": entry.metadata.name.en,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "x-yiku-key": key,
    });
    if let Some(index) = entry.order_by {
        schema["x-yiku-order-by"] = entry.items[index].name.as_str().into();
    }
    if !entry.rules.is_empty() {
        schema["x-yiku-rules"] = entry.rules.iter().map(rule).collect();
    }
    schema
}

fn rule(rule: &Rule) -> Value {
    let severity = match rule.severity {
        Severity::Reject => "reject",
        Severity::Warn => "warn",
    };
    json!({ "id": rule.id, "severity": severity, "zh": rule.message.zh, "en": rule.message.en })
}

/// The property of an item.
pub(super) fn property(item: &DataItem, lists: &CodeLists) -> Value {
    let mut property = Map::new();
    property.insert("title".into(), item.zh.as_str().into());
    if let Some(en) = &item.en {
        property.insert("description".into(), en.as_str().into());
    }
    if let Some(std) = &item.std {
        property.insert("x-yiku-std".into(), std.as_str().into());
    }
    let base = match item.kind {
        ItemType::Integer(_) => "integer",
        ItemType::Boolean => "boolean",
        _ => "string",
    };
    let base_type = if item.required { json!(base) } else { json!([base, "null"]) };
    property.insert("type".into(), base_type);
    values(item, lists, &mut property);
    Value::Object(property)
}

/// What the values must be. Keywords for strings and numbers pass over null by themselves.
fn values(item: &DataItem, lists: &CodeLists, out: &mut Map<String, Value>) {
    let mut set = |keyword: &str, value: Value| drop(out.insert(keyword.into(), value));
    let wrong_rejects = item.doubt != Some(Severity::Warn);
    let doubt_rejects = item.doubt == Some(Severity::Reject);
    match &item.kind {
        ItemType::Text { min_length, max_length, pattern } => {
            set("minLength", (*min_length).into());
            set("maxLength", (*max_length).into());
            set("pattern", form::TEXT.into());
            if let Some(pattern) = pattern {
                let whole = format!("^(?:{})$", without_dots(pattern));
                set("allOf", json!([{ "pattern": whole }]));
            }
        }
        ItemType::Code { list } => code(item, list, lists, out),
        ItemType::Integer(bounds) => {
            let bound = |text: &Option<String>, otherwise: i64| {
                text.as_ref().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
            };
            set("minimum", bound(&bounds.min, i64::MIN).into());
            set("maximum", bound(&bounds.max, i64::MAX).into());
        }
        ItemType::Decimal { precision, scale, bounds } => {
            set("pattern", number::decimal_pattern(*precision, *scale).into());
            text_bounds(bounds, out);
        }
        ItemType::Boolean => {}
        ItemType::Date(bounds) => {
            set("pattern", form::DATE.into());
            set("format", "date".into());
            text_bounds(bounds, out);
        }
        ItemType::DateTime => {
            set("pattern", form::DATETIME.into());
            set("format", "date-time".into());
        }
        ItemType::CitizenId => {
            set("pattern", citizen_id::PATTERN.into());
            set("format", if wrong_rejects { "citizen-id" } else { "citizen-id-form" }.into());
            if doubt_rejects {
                set("x-yiku-known-division", true.into());
            }
        }
        ItemType::CreditCode => {
            set("pattern", credit_code::PATTERN.into());
            if doubt_rejects {
                set("format", "credit-code".into());
            }
        }
        ItemType::OrganisationCode => {
            set("pattern", organisation_code::PATTERN.into());
            if wrong_rejects {
                set("format", "organisation-code".into());
            }
        }
        ItemType::LicenseId => {
            set("pattern", license_id::PATTERN.into());
            if wrong_rejects {
                set("format", "license-id".into());
            }
        }
        ItemType::Division => {
            set("pattern", division::PATTERN.into());
            set("x-yiku-code-list", DIVISIONS.into());
            if doubt_rejects {
                set("x-yiku-known-division", true.into());
            }
        }
    }
}

/// The codes of the list; or, where an unknown code only warns, any text that could be a code.
fn code(item: &DataItem, name: &str, lists: &CodeLists, out: &mut Map<String, Value>) {
    out.insert("x-yiku-code-list".into(), name.into());
    let list = lists.get(name);
    let list_warns = list.is_some_and(|list| list.warn_unknown);
    let warns = match item.doubt {
        Some(severity) => severity == Severity::Warn,
        None => list_warns,
    };
    if warns {
        out.insert("minLength".into(), 1.into());
        out.insert("maxLength".into(), form::UNKNOWN_CODE_LENGTH_MAX.into());
        out.insert("pattern".into(), form::TEXT.into());
        return;
    }
    let codes = list.into_iter().flat_map(|list| &list.codes);
    let mut codes: Vec<Value> = codes.map(|listed| listed.code.as_str().into()).collect();
    if !item.required {
        codes.push(Value::Null);
    }
    out.insert("enum".into(), codes.into());
}

fn text_bounds(bounds: &Bounds, out: &mut Map<String, Value>) {
    let both = [("x-yiku-minimum", &bounds.min), ("x-yiku-maximum", &bounds.max)];
    for (keyword, bound) in both {
        if let Some(text) = bound {
            out.insert(keyword.into(), text.as_str().into());
        }
    }
}

/// In ECMA's regular expressions a point stands for fewer characters than in ours: it is written
/// out.
fn without_dots(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                out.push('\\');
                out.extend(characters.next());
                continue;
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                out.push_str("[^\\n]");
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::test_entry;

    #[track_caller]
    fn check(change: Option<(&str, &str)>, item: &str, expected: Value) {
        let entry = test_entry::changed(change.as_slice());
        let schema = json_schema(&entry, &test_entry::lists());
        assert_eq!(schema["properties"][item], expected);
    }

    #[test]
    fn ids_texts_and_codes() {
        check(
            None,
            "citizen_id",
            json!({
                "title": "公民身份号码",
                "x-yiku-std": "GMSFHM",
                "type": "string",
                "pattern": citizen_id::PATTERN,
                "format": "citizen-id",
            }),
        );
        check(
            None,
            "name",
            json!({
                "title": "姓名",
                "type": "string",
                "minLength": 1,
                "maxLength": 50,
                "pattern": form::TEXT,
                "allOf": [{ "pattern": "^(?:[^0-9]+[^\\n]?)$" }],
            }),
        );
        check(
            Some(("list: sex }", "list: sex, optional: true }")),
            "sex",
            json!({
                "title": "性别",
                "description": "Sex",
                "type": ["string", "null"],
                "x-yiku-code-list": "sex",
                "enum": ["1", "2", null],
            }),
        );
        check(
            Some(("list: sex }", "list: sex, doubt: warn }")),
            "sex",
            json!({
                "title": "性别",
                "description": "Sex",
                "type": "string",
                "x-yiku-code-list": "sex",
                "minLength": 1,
                "maxLength": 64,
                "pattern": form::TEXT,
            }),
        );
    }

    #[test]
    fn numbers_dates_and_divisions() {
        check(
            None,
            "children",
            json!({ "title": "子女数", "type": ["integer", "null"], "minimum": 0, "maximum": 20 }),
        );
        check(
            None,
            "birth_date",
            json!({
                "title": "出生日期",
                "type": "string",
                "pattern": form::DATE,
                "format": "date",
                "x-yiku-minimum": "1900-01-01",
            }),
        );
        check(
            Some(("type: division", "type: division, doubt: reject")),
            "division",
            json!({
                "title": "户籍地",
                "type": ["string", "null"],
                "pattern": division::PATTERN,
                "x-yiku-code-list": "division",
                "x-yiku-known-division": true,
            }),
        );
    }

    #[test]
    fn the_whole() {
        let schema = json_schema(&test_entry::entry(), &test_entry::lists());
        assert_eq!(schema["$id"], "urn:yiku:entry:public-security/a-person@1.0.0");
        assert_eq!(schema["required"].as_array().unwrap().len(), 5);
        assert_eq!(schema["x-yiku-key"], json!(["citizen_id"]));
        assert_eq!(schema["x-yiku-order-by"], "updated_at");
        assert_eq!(schema["x-yiku-rules"][0]["id"], "birth-in-id");
    }
}
