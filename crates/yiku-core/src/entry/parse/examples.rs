//! The example rows of an entry.

use std::collections::BTreeMap;

use crate::{
    entry::{DataItem, Examples, InvalidExample, Rule},
    violation::Code,
    yaml::{Content, Node, Reader},
};

use super::find_item;

pub(super) fn examples(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[DataItem],
    rules: &[Rule],
) -> Examples {
    let Some(mut fields) = reader.map(node) else { return Examples::default() };
    let valid = fields.need(reader, "valid").and_then(|node| reader.list(node)).unwrap_or_default();
    let invalid =
        fields.need(reader, "invalid").and_then(|node| reader.list(node)).unwrap_or_default();
    fields.end(reader);
    Examples {
        valid: valid.iter().filter_map(|node| row(reader, node, items)).collect(),
        invalid: invalid
            .iter()
            .filter_map(|node| invalid_row(reader, node, items, rules))
            .collect(),
    }
}

/// Item → text. Whole numbers and truth values may stand without quotes.
fn row(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[DataItem],
) -> Option<BTreeMap<String, String>> {
    let mut fields = reader.map(node)?;
    let mut row = BTreeMap::new();
    for (key, node) in fields.all() {
        let name = Node { place: key.place, content: Content::Text(key.text.clone()) };
        find_item(reader, &name, items);
        let value = match &node.content {
            Content::Null => continue,
            Content::Text(text) => text.clone(),
            Content::Integer(number) => number.to_string(),
            Content::Boolean(boolean) => boolean.to_string(),
            _ => match reader.text(node) {
                Some(text) => text.to_owned(),
                None => continue,
            },
        };
        row.insert(key.text.clone(), value);
    }
    Some(row)
}

fn invalid_row(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[DataItem],
    rules: &[Rule],
) -> Option<InvalidExample> {
    let mut fields = reader.map(node)?;
    let row = fields.need(reader, "row").and_then(|node| row(reader, node, items));
    let expect_node = fields.need(reader, "expect");
    fields.end(reader);
    let list = reader.list(expect_node?)?;
    if list.is_empty() {
        reader.note(
            node.place,
            "expect 是空的：请写期望的问题",
            "expect is empty: say what is wrong",
        );
    }
    let expect = list.iter().filter_map(|node| expected(reader, node, items, rules)).collect();
    Some(InvalidExample { row: row?, expect })
}

fn expected(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[DataItem],
    rules: &[Rule],
) -> Option<(Code, Option<String>, Option<String>)> {
    let mut fields = reader.map(node)?;
    let words = Code::ALL.map(|code| (code.as_str(), code));
    let code = fields.need(reader, "code").and_then(|node| reader.word(node, &words));
    let item = fields.find("item").and_then(|node| find_item(reader, node, items));
    let rule = fields.find("rule").and_then(|node| {
        let id = reader.text(node)?;
        if !rules.iter().any(|rule| rule.id == id) {
            let known: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
            reader.unknown(node.place, id, &known);
        }
        Some(id.to_owned())
    });
    fields.end(reader);
    Some((code?, item.map(|index| items[index].name.clone()), rule))
}
