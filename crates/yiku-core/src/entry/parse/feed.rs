//! Which library entities a row feeds.

use crate::{
    entry::{DataItem, Feed, SetValue, name::is_name},
    yaml::{Content, Node, Reader},
};

use super::{find_item, item_name, one_or_more};

pub(super) fn feeds(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Vec<Feed> {
    let list = reader.list(node).unwrap_or_default();
    list.iter().filter_map(|node| feed(reader, node, items)).collect()
}

fn feed(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<Feed> {
    let mut fields = reader.map(node)?;
    let entity = fields.need(reader, "entity").and_then(|node| entity_name(reader, node));
    let key = fields.need(reader, "key").and_then(|node| {
        let nodes = one_or_more(reader, node)?;
        let key: Vec<usize> =
            nodes.iter().filter_map(|node| find_item(reader, node, items)).collect();
        (key.len() == nodes.len()).then_some(key)
    });
    let set = fields.find("set").map(|node| set_items(reader, node, items)).unwrap_or_default();
    fields.end(reader);
    Some(Feed { entity: entity?, key: key?, set })
}

/// `<library>.<entity>`.
fn entity_name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let right = text
        .split_once('.')
        .is_some_and(|(library, entity)| is_name(library) && is_name(&entity.replace('_', "-")));
    if !right {
        reader.note(
            node.place,
            format!("`{text}` 不是基础库实体：请写 <库>.<实体>，如 population.person"),
            format!("`{text}` is no entity: write <library>.<entity>, as population.person"),
        );
    }
    right.then(|| text.to_owned())
}

/// A list of items of the same name, or `{ entity_item: row_item }`, or
/// `{ entity_item: { const: "20" } }`.
fn set_items(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Vec<(String, SetValue)> {
    let mut set: Vec<(String, SetValue)> = Vec::new();
    match &node.content {
        Content::List(list) => {
            for node in list {
                let Some(index) = find_item(reader, node, items) else { continue };
                let name = items[index].name.clone();
                if set.iter().any(|(known, _)| *known == name) {
                    reader.note(
                        node.place,
                        format!("`{name}` 重复；请删去一处"),
                        format!("`{name}` stands here twice; remove one"),
                    );
                }
                set.push((name, SetValue::Item(index)));
            }
        }
        _ => {
            let Some(mut fields) = reader.map(node) else { return set };
            for (key, node) in fields.all() {
                item_name(reader, key.place, &key.text);
                let value = set_value(reader, node, items);
                set.extend(value.map(|value| (key.text.clone(), value)));
            }
        }
    }
    set
}

fn set_value(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<SetValue> {
    if !matches!(node.content, Content::Map(_)) {
        return find_item(reader, node, items).map(SetValue::Item);
    }
    let mut fields = reader.map(node)?;
    let constant = fields.text(reader, "const").map(str::to_owned);
    fields.end(reader);
    constant.map(SetValue::Const)
}
