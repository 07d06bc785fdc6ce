//! The Avro schema of an entry's bodies: what the contract writes and any Avro reader reads.

use serde_json::{Map, Value, json};

use crate::entry::{DataItem, EntryVersion, ItemType};

/// One record; its fields are the items in order. An optional item is `["null", type]` with null
/// as its default, so that a reader of a newer minor version reads older bodies.
pub fn avro_schema(entry: &EntryVersion) -> Value {
    json!({
        "type": "record",
        "name": entry.name.resource().replace('-', "_"),
        "namespace": format!("yiku.{}", entry.name.department().replace('-', "_")),
        "doc": format!("{} / {}", entry.metadata.name.zh, entry.metadata.name.en),
        "yiku.entry": entry.name.as_str(),
        "yiku.version": entry.version.to_string(),
        "fields": entry.items.iter().map(field).collect::<Vec<_>>(),
    })
}

/// The field of an item.
pub(super) fn field(item: &DataItem) -> Value {
    let mut field = Map::new();
    field.insert("name".into(), item.name.as_str().into());
    let value_type = value_type(&item.kind);
    if item.required {
        field.insert("type".into(), value_type);
    } else {
        field.insert("type".into(), json!(["null", value_type]));
        field.insert("default".into(), Value::Null);
    }
    let doc = match &item.en {
        Some(en) => format!("{} / {en}", item.zh),
        None => item.zh.clone(),
    };
    field.insert("doc".into(), doc.into());
    field.insert("yiku.zh".into(), item.zh.as_str().into());
    field.insert("yiku.type".into(), item.kind.as_str().into());
    if let ItemType::Code { list } = &item.kind {
        field.insert("yiku.list".into(), list.as_str().into());
    }
    if let Some(std) = &item.std {
        field.insert("yiku.std".into(), std.as_str().into());
    }
    Value::Object(field)
}

fn value_type(kind: &ItemType) -> Value {
    match kind {
        ItemType::Integer(_) => json!("long"),
        ItemType::Decimal { precision, scale, .. } => json!({
            "type": "bytes",
            "logicalType": "decimal",
            "precision": precision,
            "scale": scale,
        }),
        ItemType::Boolean => json!("boolean"),
        ItemType::Date(_) => json!({ "type": "int", "logicalType": "date" }),
        ItemType::DateTime => json!({ "type": "long", "logicalType": "timestamp-millis" }),
        ItemType::Text { .. }
        | ItemType::Code { .. }
        | ItemType::CitizenId
        | ItemType::CreditCode
        | ItemType::OrganisationCode
        | ItemType::LicenseId
        | ItemType::Division => json!("string"),
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::Schema;

    use super::*;
    use crate::derive::test_entry;

    #[test]
    fn every_type_has_its_own() {
        let schema = avro_schema(&test_entry::entry());
        let field = |name: &str| {
            let fields = schema["fields"].as_array().unwrap();
            fields.iter().find(|field| field["name"] == name).unwrap().clone()
        };
        assert_eq!(field("name")["type"], "string");
        assert_eq!(field("height")["type"][1]["scale"], 1);
        assert_eq!(field("height")["default"], Value::Null);
        assert_eq!(field("birth_date")["type"]["logicalType"], "date");
        assert_eq!(field("updated_at")["type"]["logicalType"], "timestamp-millis");
        assert_eq!(field("sex")["yiku.list"], "sex");
        assert_eq!(field("sex")["doc"], "性别 / Sex");
        assert_eq!(schema["namespace"], "yiku.public_security");
        assert_eq!(schema["name"], "a_person");
    }

    #[test]
    fn avro_reads_it() {
        let schema = Schema::parse(&avro_schema(&test_entry::entry())).unwrap();
        let Schema::Record(record) = schema else { panic!("not a record") };
        assert_eq!(record.fields.len(), 12);
        assert_eq!(record.name.to_string(), "yiku.public_security.a_person");
    }
}
