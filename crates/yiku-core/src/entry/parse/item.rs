//! The items of an entry.

use rust_decimal::Decimal;

use crate::{
    calendar,
    code_list::CodeLists,
    entry::{Bounds, DataItem, ItemType},
    mask::Mask,
    violation::Severity,
    yaml::{Content, Fields, Node, Place, Reader},
};

use super::pattern;

pub(super) fn items(
    reader: &mut Reader<'_>,
    node: &Node,
    lists: &CodeLists,
) -> Option<Vec<DataItem>> {
    let mut fields = reader.map(node)?;
    let pairs = fields.all();
    if pairs.is_empty() || pairs.len() > ITEMS_MAX {
        reader.note(
            node.place,
            format!("数据项应有 1 到 {ITEMS_MAX} 个"),
            format!("an entry has 1 to {ITEMS_MAX} items"),
        );
    }
    let items: Vec<DataItem> = pairs
        .iter()
        .filter_map(|(key, node)| {
            let named = item_name(reader, key.place, &key.text);
            let item = item(reader, &key.text, node, lists);
            if named { item } else { None }
        })
        .collect();
    (items.len() == pairs.len()).then_some(items)
}

fn item(reader: &mut Reader<'_>, name: &str, node: &Node, lists: &CodeLists) -> Option<DataItem> {
    let mut fields = reader.map(node)?;
    let (zh, en) = bilingual(reader, &mut fields);
    let std = fields.optional_text(reader, "std");
    let optional = fields.find("optional").and_then(|node| reader.boolean(node));
    let grade = fields.find("grade").and_then(|node| reader.listed(node, lists, "grade"));
    let mask_node = fields.find("mask");
    let mask: Option<Mask> = mask_node.and_then(|node| {
        let zh = "不是掩码：none、first-only、keep-N-M、year-only、county、pseudonym、blank";
        reader.parsed(node, zh)
    });
    let doubt_node = fields.find("doubt");
    let doubt = doubt_node.and_then(|node| reader.word(node, &SEVERITIES));
    // Which keys belong here follows from the type: without it none can be called unknown.
    let kind = item_type(reader, &mut fields, lists)?;
    fields.end(reader);
    if let (Some(node), Some(mask)) = (mask_node, mask)
        && !kind.takes_mask(mask)
    {
        reader.note(
            node.place,
            format!("掩码 `{}` 不适用于 {}", mask.to_text(), kind.as_str()),
            format!("mask `{}` does not fit {}", mask.to_text(), kind.as_str()),
        );
    }
    if let Some(node) = doubt_node
        && !kind.can_be_doubtful()
    {
        reader.note(
            node.place,
            format!("{} 没有校验码和代码表，不能写 doubt", kind.as_str()),
            format!("{} has no check digit and no list: remove `doubt`", kind.as_str()),
        );
    }
    let mask = mask.unwrap_or_else(|| kind.default_mask(grade.is_some()));
    let required = optional != Some(true);
    Some(DataItem { name: name.to_owned(), zh: zh?, en, std, kind, required, grade, doubt, mask })
}

/// Whether the name may be that of an item; notes it otherwise.
pub(crate) fn item_name(reader: &mut Reader<'_>, at: Place, name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let right = name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(word);
    if !right {
        reader.note(
            at,
            format!("`{name}` 不是数据项名：以字母开头，只用 a-z、0-9 和 _，最多 60 个字符"),
            format!("`{name}` is no item name: a letter first, only a-z, 0-9, _, at most 60"),
        );
    }
    right
}

/// The Chinese name, and the English one if given.
pub(crate) fn bilingual(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
) -> (Option<String>, Option<String>) {
    let zh = fields.text(reader, "zh").map(str::to_owned);
    (zh, fields.optional_text(reader, "en"))
}

/// `type` and the keys that belong to it. Entities of libraries define items in the same form.
pub(crate) fn item_type(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    lists: &CodeLists,
) -> Option<ItemType> {
    let node = fields.need(reader, "type")?;
    match reader.word(node, &TYPES)? {
        "text" => text_type(reader, fields),
        "code" => code_type(reader, fields, lists),
        "integer" => {
            let bounds = bounds(reader, fields, "整数", "a whole number", |text| {
                let number = text.parse::<i64>().ok()?;
                Some((Decimal::from(number), number.to_string()))
            })?;
            Some(ItemType::Integer(bounds))
        }
        "decimal" => decimal_type(reader, fields),
        "date" => {
            let bounds = bounds(reader, fields, "日期 yyyy-MM-dd", "a date yyyy-MM-dd", |text| {
                let days = calendar::days_of_date(text.as_bytes())?;
                Some((Decimal::from(days), text.to_owned()))
            })?;
            Some(ItemType::Date(bounds))
        }
        "boolean" => Some(ItemType::Boolean),
        "datetime" => Some(ItemType::DateTime),
        "citizen-id" => Some(ItemType::CitizenId),
        "credit-code" => Some(ItemType::CreditCode),
        "organisation-code" => Some(ItemType::OrganisationCode),
        "license-id" => Some(ItemType::LicenseId),
        "division" => Some(ItemType::Division),
        _ => unreachable!("every word of the list is handled"),
    }
}

fn text_type(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<ItemType> {
    let length_node = fields.need(reader, "length");
    let max_length = length_node.and_then(|node| reader.count(node));
    let least_node = fields.find("min_length");
    let min_length = least_node.and_then(|node| reader.count(node)).unwrap_or(1);
    let pattern = match fields.find("pattern") {
        None => None,
        Some(node) => Some(pattern::pattern(reader, node)?),
    };
    let max_length = max_length?;
    if max_length > LENGTH_MAX || !(1..=max_length).contains(&min_length) {
        reader.note(
            least_node.or(length_node)?.place,
            format!("长度应满足 1 ≤ min_length ≤ length ≤ {LENGTH_MAX}"),
            format!("lengths must be 1 ≤ min_length ≤ length ≤ {LENGTH_MAX}"),
        );
        return None;
    }
    Some(ItemType::Text { min_length, max_length, pattern })
}

fn code_type(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    lists: &CodeLists,
) -> Option<ItemType> {
    let node = fields.need(reader, "list")?;
    let list = reader.text(node)?;
    if lists.get(list).is_none() {
        reader.note(
            node.place,
            format!("没有代码表 `{list}`；请加文件 codelists/{list}.yaml，或改正名称"),
            format!("there is no code list `{list}`; add codelists/{list}.yaml, or mend the name"),
        );
        return None;
    }
    Some(ItemType::Code { list: list.to_owned() })
}

fn decimal_type(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<ItemType> {
    let node = fields.need(reader, "precision");
    let precision = node.and_then(|node| reader.count(node));
    let scale = fields.need(reader, "scale").and_then(|node| reader.count(node));
    let (precision, scale) = (precision?, scale?);
    if precision == 0 || precision > PRECISION_MAX || scale > precision {
        reader.note(
            node?.place,
            format!("应满足 1 ≤ precision ≤ {PRECISION_MAX}，且 scale ≤ precision"),
            format!("must be 1 ≤ precision ≤ {PRECISION_MAX} and scale ≤ precision"),
        );
        return None;
    }
    let zh = format!("最多 {} 位整数、{scale} 位小数的数", precision - scale);
    let en = format!("a number of at most {} and {scale} digits", precision - scale);
    let bounds = bounds(reader, fields, &zh, &en, |text| {
        let number = Decimal::from_str_exact(text).ok()?.normalize();
        let whole = number.trunc().abs().to_string();
        let digits = if whole == "0" { 0 } else { whole.len() as u32 };
        let fits = number.scale() <= scale && digits <= precision - scale;
        fits.then(|| (number, number.to_string()))
    })?;
    Some(ItemType::Decimal { precision, scale, bounds })
}

/// `min` and `max`. `parse` gives what compares, and the canonical text.
fn bounds(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    zh: &str,
    en: &str,
    parse: impl Fn(&str) -> Option<(Decimal, String)>,
) -> Option<Bounds> {
    let mut bound = |key: &'static str| -> Result<Option<(Decimal, String)>, ()> {
        let Some(node) = fields.find(key) else { return Ok(None) };
        let text = match &node.content {
            Content::Integer(number) => number.to_string(),
            _ => reader.text(node).ok_or(())?.to_owned(),
        };
        let parsed = parse(&text);
        if parsed.is_none() {
            reader.note(
                node.place,
                format!("`{text}` 不合类型：应为{zh}"),
                format!("`{text}` does not fit the type: write {en}"),
            );
        }
        parsed.map(Some).ok_or(())
    };
    let (min, max) = (bound("min"), bound("max"));
    let (min, max) = (min.ok()?, max.ok()?);
    if let (Some((least, _)), Some((greatest, _))) = (&min, &max)
        && least > greatest
    {
        reader.note(fields.place(), "min 大于 max", "min is greater than max");
        return None;
    }
    Some(Bounds { min: min.map(|(_, text)| text), max: max.map(|(_, text)| text) })
}

const ITEMS_MAX: usize = 500;
/// PostgreSQL cuts names at 63 bytes; suffixes of ours need room.
const NAME_LENGTH_MAX: usize = 60;
const LENGTH_MAX: u32 = 65_535;
const PRECISION_MAX: u32 = 28;
const SEVERITIES: [(&str, Severity); 2] = [("reject", Severity::Reject), ("warn", Severity::Warn)];
const TYPES: [(&str, &str); 12] = [
    ("text", "text"),
    ("code", "code"),
    ("integer", "integer"),
    ("decimal", "decimal"),
    ("boolean", "boolean"),
    ("date", "date"),
    ("datetime", "datetime"),
    ("citizen-id", "citizen-id"),
    ("credit-code", "credit-code"),
    ("organisation-code", "organisation-code"),
    ("license-id", "license-id"),
    ("division", "division"),
];
