//! What schemas are compared by.
//!
//! Two schemas are equal when the same values can be written by them in the same bytes: order of
//! keys, spaces, ways to write a name, documentation and attributes of others make no difference;
//! names, types, order of fields, defaults and logical types do.

use apache_avro::Schema;
use serde_json::{Map, Value};

use super::{Format, LIST};
use crate::derive;

/// A schema that was sent, read.
#[derive(Debug)]
pub struct Candidate {
    pub(super) body: Body,
    form: String,
    words: String,
}

/// A schema by its format.
#[derive(Debug)]
pub(super) enum Body {
    Avro(Box<Schema>),
    Json(Value),
}

/// The text is no schema of its format.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSchema(pub String);

impl Candidate {
    /// Reads a schema; `references` are the texts of those whose names it uses.
    pub fn read(format: Format, text: &str, references: &[&str]) -> Result<Self, InvalidSchema> {
        let invalid = |error: &dyn std::fmt::Display| InvalidSchema(error.to_string());
        // A name alone, such as `string`, is an Avro schema too.
        let value: Result<Value, _> = serde_json::from_str(text);
        match format {
            Format::Avro => {
                let value = value.map_or_else(|_| plain_name(text), Ok)?;
                let text = value.to_string();
                let (schema, _) = Schema::parse_str_with_list(&text, references)
                    .map_err(|error| invalid(&error))?;
                let mut form = serde_json::to_value(&schema).map_err(|error| invalid(&error))?;
                avro_form(&mut form);
                Ok(Self::new(Body::Avro(Box::new(schema)), form, value))
            }
            Format::Json => {
                let value = value.map_err(|error| invalid(&error))?;
                if !value.is_object() && !value.is_boolean() {
                    return Err(InvalidSchema("a JSON Schema is an object or a boolean".into()));
                }
                derive::check_schema(&value).map_err(|error| invalid(&error))?;
                let mut form = value.clone();
                json_form(&mut form);
                Ok(Self::new(Body::Json(value.clone()), form, value))
            }
        }
    }

    fn new(body: Body, form: Value, words: Value) -> Self {
        let format = match body {
            Body::Avro(_) => Format::Avro,
            Body::Json(_) => Format::Json,
        };
        let sorted = |mut value: Value| {
            value.sort_all_objects();
            format!("{} {value}", format.as_str())
        };
        Self { body, form: sorted(form), words: sorted(words) }
    }

    /// Equal for equal schemas.
    pub(super) fn form(&self) -> &str {
        &self.form
    }

    /// Equal for schemas that are equal to the last word.
    pub(super) fn words(&self) -> &str {
        &self.words
    }
}

fn plain_name(text: &str) -> Result<Value, InvalidSchema> {
    let name = text.trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name { Ok(name.into()) } else { Err(InvalidSchema("it is no JSON".into())) }
}

/// Leaves what decides about names and bytes, in one form.
fn avro_form(value: &mut Value) {
    match value {
        Value::Array(branches) => branches.iter_mut().for_each(avro_form),
        Value::Object(keywords) => {
            keywords.retain(|keyword, _| AVRO_KEYWORDS.contains(&keyword.as_str()));
            full_name(keywords);
            for keyword in ["type", "items", "values"] {
                if let Some(value) = keywords.get_mut(keyword) {
                    avro_form(value);
                }
            }
            let fields = keywords.get_mut("fields").and_then(Value::as_array_mut);
            fields.into_iter().flatten().for_each(avro_form);
        }
        _ => {}
    }
}

fn full_name(keywords: &mut Map<String, Value>) {
    if let Some(Value::String(namespace)) = keywords.shift_remove("namespace")
        && let Some(Value::String(name)) = keywords.get_mut("name")
        && !name.contains('.')
    {
        *name = format!("{namespace}.{name}");
    }
}

/// Drops what is for people. Codes are dropped where a list is named: the list decides.
fn json_form(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(json_form),
        Value::Object(keywords) => {
            let names_list = keywords.contains_key(LIST);
            keywords.retain(|keyword, _| {
                let is_for_people =
                    keyword.starts_with("x-") || JSON_ANNOTATIONS.contains(&keyword.as_str());
                let is_of_list = names_list && LIST_KEYWORDS.contains(&keyword.as_str());
                !is_for_people && !is_of_list
            });
            for (keyword, value) in keywords.iter_mut() {
                match keyword.as_str() {
                    // Names of properties are no keywords.
                    "properties" | "patternProperties" | "$defs" | "definitions" => {
                        let named = value.as_object_mut().into_iter().flatten();
                        named.for_each(|(_, schema)| json_form(schema));
                    }
                    "enum" | "const" | "default" | "required" => {}
                    _ => json_form(value),
                }
            }
        }
        _ => {}
    }
}

const AVRO_KEYWORDS: &[&str] = &[
    "type",
    "name",
    "namespace",
    "fields",
    "symbols",
    "items",
    "values",
    "size",
    "default",
    "logicalType",
    "precision",
    "scale",
];
const JSON_ANNOTATIONS: &[&str] = &["$id", "$comment", "title", "description", "examples"];
const LIST_KEYWORDS: &[&str] = &["enum", "minLength", "maxLength", "pattern"];
