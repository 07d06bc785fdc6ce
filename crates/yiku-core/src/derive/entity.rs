//! The schemas of an entity's rows, as its library's topic carries them.

use serde_json::{Map, Value, json};

use super::{avro_schema::field, json_schema::property};
use crate::{code_list::CodeLists, entry::DataItem, library::Entity, violation::Severity};

/// The Avro schema: one record, its fields the items in the order of the library's file. Items of
/// the key always have a value; any other is `["null", type]` with null as its default.
pub fn entity_avro_schema(entity: &Entity) -> Value {
    json!({
        "type": "record",
        "name": entity.name,
        "namespace": format!("yiku.library.{}", entity.library.replace('-', "_")),
        "doc": format!("{} / {}", entity.title.zh, entity.title.en),
        "yiku.entity": entity.full_name(),
        "fields": items(entity).iter().map(field).collect::<Vec<_>>(),
    })
}

/// Its JSON Schema twin. Codes and check characters are not judged: a library keeps what its
/// sources were let through with.
pub fn entity_json_schema(entity: &Entity) -> Value {
    let (items, lists) = (items(entity), CodeLists::default());
    let properties: Map<String, Value> =
        items.iter().map(|item| (item.name.clone(), property(item, &lists))).collect();
    let key: Vec<&str> = entity.key.iter().map(|&at| entity.items[at].name.as_str()).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:yiku:library:{}", entity.full_name()),
        "title": entity.title.zh,
        "description": entity.title.en,
        "type": "object",
        "properties": properties,
        "required": key,
        "additionalProperties": false,
        "x-yiku-key": key,
    })
}

fn items(entity: &Entity) -> Vec<DataItem> {
    let item = |(index, item): (usize, &crate::library::EntityItem)| DataItem {
        name: item.name.clone(),
        zh: item.zh.clone(),
        en: None,
        std: None,
        kind: item.kind.clone(),
        required: entity.key.contains(&index),
        grade: None,
        doubt: item.kind.can_be_doubtful().then_some(Severity::Warn),
        mask: item.mask,
    };
    entity.items.iter().enumerate().map(item).collect()
}
