//! Whether a reader with a new schema reads what was written by an earlier one: BACKWARD, as
//! registries call it.

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};

use super::{
    form::{Body, Candidate},
    json_compatibility,
};

/// What is in the way, in words; empty when nothing is.
pub(super) fn obstacles(written: &Candidate, reader: &Candidate) -> Vec<String> {
    match (&written.body, &reader.body) {
        (Body::Avro(written), Body::Avro(reader)) => avro(written, reader),
        (Body::Json(written), Body::Json(reader)) => json_compatibility::obstacles(written, reader),
        _ => vec!["the subject's schemas are of another type (AVRO, JSON)".to_owned()],
    }
}

/// Field by field where both are records, so that every obstacle is named at once.
fn avro(written: &Schema, reader: &Schema) -> Vec<String> {
    let (Schema::Record(old), Schema::Record(new)) = (written, reader) else {
        return whole(written, reader).into_iter().collect();
    };
    if old.name != new.name {
        return vec![format!("the record was `{}` and is `{}`", old.name, new.name)];
    }
    let mut found = Vec::new();
    for field in &new.fields {
        let mut names = std::iter::once(&field.name).chain(&field.aliases);
        match names.find_map(|name| old.fields.iter().find(|one| one.name == *name)) {
            Some(before) => {
                let problem = whole(&before.schema, &field.schema);
                found.extend(problem.map(|problem| format!("field `{}`: {problem}", field.name)));
            }
            None if field.default.is_none() => {
                found.push(format!("field `{}` is new and has no default", field.name));
            }
            None => {}
        }
    }
    found
}

fn whole(written: &Schema, reader: &Schema) -> Option<String> {
    match SchemaCompatibility::can_read(written, reader) {
        Ok(Compatibility::Full) => None,
        Ok(Compatibility::Partial) => {
            Some("some values of the earlier type are none of the new one".to_owned())
        }
        Err(error) => Some(error.to_string()),
    }
}
