//! Reading an entry file.
//!
//! Every problem of the file is noted, each where it stands. What can only be known beside other
//! files (its department, the libraries it feeds) is checked by the catalog.

mod examples;
mod feed;
mod item;
mod metadata;
mod pattern;
mod rule;

use chrono::NaiveDate;

use crate::{
    code_list::CodeLists,
    problem::Problem,
    yaml::{self, Fields, Node, Reader},
};

use super::{DataItem, EntryVersion, ItemType};

#[allow(unused_imports)] // entities of libraries define items in this form
pub(crate) use item::{bilingual, item_name, item_type};

/// Reads one version of an entry. `path` is only for the problems.
pub fn parse(path: &str, text: &str, lists: &CodeLists) -> Result<EntryVersion, Vec<Problem>> {
    let root = yaml::parse(path, text)?;
    let mut reader = Reader::new(path);
    let entry = entry(&mut reader, &root, lists);
    match entry {
        Some(entry) if reader.is_clean() => Ok(entry),
        _ => Err(reader.into_problems()),
    }
}

fn entry(reader: &mut Reader<'_>, root: &Node, lists: &CodeLists) -> Option<EntryVersion> {
    let mut fields = reader.map(root)?;
    let name = fields
        .need(reader, "entry")
        .and_then(|node| reader.parsed(node, "不是条目名：请写 <部门>/<资源>，只用 a-z、0-9 和 -"));
    let version = fields
        .need(reader, "version")
        .and_then(|node| reader.parsed(node, "不是版本号：请写 \"1.0.0\"，第一个数不小于 1"));
    let published_on = fields.find("published_on").and_then(|node| date(reader, node));
    let metadata = metadata::metadata(reader, &mut fields, lists);
    let key = fields.need(reader, "key");
    let order_by = fields.find("order_by");
    let items = fields.need(reader, "items").map(|node| item::items(reader, node, lists));
    let rules = fields.find("rules");
    let feeds = fields.find("feeds");
    let examples = fields.need(reader, "examples");
    fields.end(reader);

    let items = items.flatten()?;
    let key = key.and_then(|node| key_items(reader, node, &items));
    let order_by = order_by.map(|node| order_item(reader, node, &items));
    let rules = rules.map(|node| rule::rules(reader, node, &items, lists)).unwrap_or_default();
    let feeds = feeds.map(|node| feed::feeds(reader, node, &items)).unwrap_or_default();
    let examples = examples.map(|node| examples::examples(reader, node, &items, &rules));
    Some(EntryVersion {
        name: name?,
        version: version?,
        published_on,
        metadata: metadata?,
        key: key?,
        order_by: order_by.flatten(),
        rules,
        feeds,
        examples: examples?,
        items,
    })
}

/// `key: [citizen_id]` or `key: citizen_id`: items that every row has.
fn key_items(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<Vec<usize>> {
    let names = one_or_more(reader, node)?;
    let mut key = Vec::new();
    for name in names {
        let Some(index) = find_item(reader, name, items) else { continue };
        let item = &items[index];
        if key.contains(&index) {
            reader.note(
                name.place,
                format!("`{}` 在主键中重复；请删去一处", item.name),
                format!("`{}` is twice in the key; remove one", item.name),
            );
        } else if !item.required {
            reader.note(
                name.place,
                format!("主键 `{}` 不能是 optional；请去掉 optional", item.name),
                format!("key item `{}` must not be optional; remove `optional`", item.name),
            );
        } else if matches!(item.kind, ItemType::Decimal { .. } | ItemType::Boolean) {
            reader.note(
                name.place,
                format!("`{}` 是 {}，不能作主键", item.name, item.kind.as_str()),
                format!("`{}` is {} and cannot be a key", item.name, item.kind.as_str()),
            );
        } else {
            key.push(index);
        }
    }
    if key.is_empty() && reader.is_clean() {
        reader.note(node.place, "主键至少要有一个数据项", "the key needs at least one item");
    }
    (!key.is_empty()).then_some(key)
}

fn order_item(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<usize> {
    let index = find_item(reader, node, items)?;
    let item = &items[index];
    let ordered =
        matches!(item.kind, ItemType::Date(_) | ItemType::DateTime | ItemType::Integer(_));
    if !ordered || !item.required {
        reader.note(
            node.place,
            format!("order_by 的 `{}` 应为必填的 datetime、date 或 integer", item.name),
            format!("order_by `{}` must be a required datetime, date or integer", item.name),
        );
        return None;
    }
    Some(index)
}

/// A text, or a list of nodes.
fn one_or_more<'n>(reader: &mut Reader<'_>, node: &'n Node) -> Option<Vec<&'n Node>> {
    match &node.content {
        yaml::Content::List(list) if list.is_empty() => {
            reader.note(node.place, "列表是空的", "the list is empty");
            None
        }
        yaml::Content::List(list) => Some(list.iter().collect()),
        _ => Some(vec![node]),
    }
}

/// The item that `node` names.
fn find_item(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<usize> {
    let name = reader.text(node)?;
    let found = items.iter().position(|item| item.name == name);
    if found.is_none() {
        reader.note(
            node.place,
            format!("没有数据项 `{name}`；请先写在 items 中，或改正名称"),
            format!("there is no item `{name}`; add it to `items`, or mend the name"),
        );
    }
    found
}

/// A day of the calendar, `yyyy-MM-dd`.
fn date(reader: &mut Reader<'_>, node: &Node) -> Option<NaiveDate> {
    let text = reader.text(node)?;
    let days = crate::calendar::days_of_date(text.as_bytes());
    if days.is_none() {
        reader.note(
            node.place,
            format!("`{text}` 不是日期；请写 \"yyyy-MM-dd\""),
            format!("`{text}` is not a date; write \"yyyy-MM-dd\""),
        );
    }
    days.map(crate::calendar::date)
}

/// Both messages or none.
fn both_or_none(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<super::Text> {
    let zh = fields.optional_text(reader, "zh");
    let en = fields.optional_text(reader, "en");
    match (zh, en) {
        (Some(zh), Some(en)) => Some(super::Text { zh, en }),
        (None, None) => None,
        _ => {
            reader.note(
                fields.place(),
                "提示语要中英文都有：请写 zh 和 en",
                "a message needs both languages: write zh and en",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests;
