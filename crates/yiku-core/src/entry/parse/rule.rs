//! The cross-item rules of an entry.

use crate::{
    code_list::CodeLists,
    entry::{DataItem, ItemType, Operand, OrderOperator, Prefix, Rule, RuleForm, name::is_name},
    violation::Severity,
    yaml::{Content, Fields, Node, Place, Reader},
};

use super::{both_or_none, find_item, one_or_more};

mod message;

pub(super) fn rules(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[DataItem],
    lists: &CodeLists,
) -> Vec<Rule> {
    let Some(mut fields) = reader.map(node) else { return Vec::new() };
    let mut rules = Vec::new();
    for (key, node) in fields.all() {
        if !is_name(&key.text) {
            reader.note(
                key.place,
                format!("`{}` 不是规则名：只用 a-z、0-9 和 -", key.text),
                format!("`{}` is no name of a rule: use a-z, 0-9 and -", key.text),
            );
        }
        rules.extend(rule(reader, &key.text, node, items, lists));
    }
    rules
}

fn rule(
    reader: &mut Reader<'_>,
    id: &str,
    node: &Node,
    items: &[DataItem],
    lists: &CodeLists,
) -> Option<Rule> {
    let mut fields = reader.map(node)?;
    let severity = fields.find("severity").and_then(|node| reader.word(node, &SEVERITIES));
    let message = both_or_none(reader, &mut fields);
    let form = form(reader, &mut fields, items, lists);
    let place = fields.place();
    fields.end(reader);
    let form = form?;
    let message = match message {
        Some(message) => message,
        None => message::native(&form, items).or_else(|| {
            reader.note(
                place,
                "cel 规则没有自带的提示语：请写 zh 和 en",
                "a cel rule has no message of its own: write zh and en",
            );
            None
        })?,
    };
    Some(Rule { id: id.to_owned(), form, severity: severity.unwrap_or(Severity::Reject), message })
}

fn form(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    items: &[DataItem],
    lists: &CodeLists,
) -> Option<RuleForm> {
    let same = fields.find("same");
    let order = fields.find("order");
    let begins = fields.find("begins");
    let required_when = fields.find("required_when");
    let one_of = fields.find("one_of");
    let cel = fields.find("cel");
    let found = [same, order, begins, required_when, one_of, cel];
    if found.iter().flatten().count() != 1 {
        reader.note(
            fields.place(),
            "一条规则应是 same、order、begins、required_when、one_of、cel 之一",
            "a rule is one of same, order, begins, required_when, one_of, cel",
        );
        return None;
    }
    let strict = order.and_then(|_| fields.find("strict"));
    match found {
        [Some(node), ..] => self::same(reader, node, items),
        [_, Some(node), ..] => {
            let strict = strict.and_then(|node| reader.boolean(node)) == Some(true);
            self::order(reader, node, items, strict)
        }
        [_, _, Some(node), ..] => self::begins(reader, node, items),
        [_, _, _, Some(node), ..] => self::required_when(reader, node, items, lists),
        [.., Some(node), _] => {
            let nodes = one_or_more(reader, node)?;
            let found: Vec<usize> =
                nodes.iter().filter_map(|node| find_item(reader, node, items)).collect();
            if nodes.len() < 2 {
                reader.note(node.place, "至少要有两个数据项", "at least two items are needed");
                return None;
            }
            Some(RuleForm::OneOf(found))
        }
        [.., Some(node)] => {
            let text = reader.text(node)?;
            if text.chars().count() > CEL_LENGTH_MAX {
                reader.note(
                    node.place,
                    format!("表达式超过 {CEL_LENGTH_MAX} 个字符；请拆成几条规则"),
                    format!("longer than {CEL_LENGTH_MAX} characters; make several rules of it"),
                );
                return None;
            }
            Some(RuleForm::Cel(text.trim().to_owned()))
        }
        _ => None,
    }
}

fn same(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<RuleForm> {
    let operands = operands(reader, node, items)?;
    let classes: Vec<Class> = operands.iter().map(|operand| class(operand, items)).collect();
    let Ok([first, second]) = <[Operand; 2]>::try_from(operands) else {
        reader.note(node.place, "same 要有两个数据项", "same compares two items");
        return None;
    };
    if classes[0] != classes[1] {
        not_comparable(reader, node.place);
        return None;
    }
    Some(RuleForm::Same(first, second))
}

fn order(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[DataItem],
    strict: bool,
) -> Option<RuleForm> {
    let operands = operands(reader, node, items)?;
    if operands.len() < 2 {
        reader.note(node.place, "至少要有两个数据项", "at least two items are needed");
        return None;
    }
    let first = class(&operands[0], items);
    if first == Class::Text || operands.iter().any(|operand| class(operand, items) != first) {
        not_comparable(reader, node.place);
        return None;
    }
    let operator = if strict { OrderOperator::Before } else { OrderOperator::NotAfter };
    Some(RuleForm::Order(operands, operator))
}

fn not_comparable(reader: &mut Reader<'_>, at: Place) {
    reader.note(
        at,
        "类型不能相比：应都是日期、都是时间、都是数，或（same）都是文本",
        "these cannot be compared: all dates, all moments, all numbers, or (same) all text",
    );
}

fn begins(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<RuleForm> {
    let mut fields = reader.map(node)?;
    let item = fields.need(reader, "item").and_then(|node| text_item(reader, node, items));
    let texts = fields.find("with");
    let other = fields.find("with_item");
    let place = fields.place();
    fields.end(reader);
    let prefix = match (texts, other) {
        (Some(texts), None) => {
            let texts = one_or_more(reader, texts)?;
            let texts = texts.into_iter().map(|node| reader.text(node).map(str::to_owned));
            Prefix::Texts(texts.collect::<Option<_>>()?)
        }
        (None, Some(other)) => Prefix::Item(text_item(reader, other, items)?),
        _ => {
            reader.note(
                place,
                "begins 要写 with（开头的文字）或 with_item（另一数据项），二者取一",
                "begins has either with (texts) or with_item (another item)",
            );
            return None;
        }
    };
    Some(RuleForm::Begins { item: item?, prefix })
}

/// An item whose values are texts, codes or identifiers.
fn text_item(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<usize> {
    let item = find_item(reader, node, items)?;
    let kind = &items[item].kind;
    if class(&Operand { item, part: None }, items) != Class::Text || *kind == ItemType::Boolean {
        reader.note(
            node.place,
            format!("begins 只看文本、代码和标识，{} 不是", kind.as_str()),
            format!("begins looks at texts, codes and identifiers; {} is none", kind.as_str()),
        );
        return None;
    }
    Some(item)
}

fn required_when(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[DataItem],
    lists: &CodeLists,
) -> Option<RuleForm> {
    let mut fields = reader.map(node)?;
    let item = fields.need(reader, "item").and_then(|node| find_item(reader, node, items));
    let when = fields.need(reader, "when");
    fields.end(reader);
    let when = when?;
    let mut condition = reader.map(when)?;
    let [(key, values)] = condition.all() else {
        reader.note(
            when.place,
            "when 应只有一个数据项及其取值：{ 数据项: [值, …] }",
            "when holds one item and its values: { item: [value, …] }",
        );
        return None;
    };
    let name = Node { place: key.place, content: Content::Text(key.text.clone()) };
    let when = find_item(reader, &name, items);
    let values_found = reader.texts(values)?;
    let when = when?;
    if let ItemType::Code { list } = &items[when].kind
        && let Some(list) = lists.get(list)
    {
        for value in values_found.iter().filter(|value| list.find(value).is_none()) {
            reader.note(
                values.place,
                format!("代码表 `{}` 中没有 `{value}`", list.name),
                format!("code list `{}` has no `{value}`", list.name),
            );
        }
    }
    Some(RuleForm::RequiredWhen { item: item?, when, values: values_found })
}

fn operands(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<Vec<Operand>> {
    let list = reader.list(node)?;
    let operands: Vec<Operand> =
        list.iter().filter_map(|node| operand(reader, node, items)).collect();
    (operands.len() == list.len()).then_some(operands)
}

fn operand(reader: &mut Reader<'_>, node: &Node, items: &[DataItem]) -> Option<Operand> {
    let text = reader.text(node)?;
    let (name, part) = match text.split_once('.') {
        None => (text, None),
        Some((name, part)) => (name, Some(part)),
    };
    let name = Node { place: node.place, content: Content::Text(name.to_owned()) };
    let item = find_item(reader, &name, items)?;
    if let Some(part) = part {
        let parts = items[item].kind.parts();
        if parts.is_empty() {
            reader.note(
                node.place,
                format!("{} 没有组成部分：请删去 `.{part}`", items[item].kind.as_str()),
                format!("{} has no parts: remove `.{part}`", items[item].kind.as_str()),
            );
            return None;
        }
        if !parts.contains(&part) {
            reader.unknown(node.place, part, parts);
            return None;
        }
    }
    Some(Operand { item, part: part.map(str::to_owned) })
}

/// What can be compared with what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    Date,
    DateTime,
    Number,
    Text,
}

fn class(operand: &Operand, items: &[DataItem]) -> Class {
    match (&operand.part, &items[operand.item].kind) {
        (Some(part), _) if part == "birth_date" => Class::Date,
        (None, ItemType::Date(_)) => Class::Date,
        (None, ItemType::DateTime) => Class::DateTime,
        (None, ItemType::Integer(_) | ItemType::Decimal { .. }) => Class::Number,
        _ => Class::Text,
    }
}

const SEVERITIES: [(&str, Severity); 2] = [("reject", Severity::Reject), ("warn", Severity::Warn)];
const CEL_LENGTH_MAX: usize = 500;
