//! Reads `catalog/grants/<grant>.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::{
    entry::EntryName,
    mask::Mask,
    problem::Problem,
    yaml::{self, Content, Fields, Node, Reader},
};

use super::{Approval, AtEnd, Grant, RowFilter, Subject, Test};

/// Reads a grant's file. Whether subject and departments exist is for the catalog to say
/// ([`super::check()`]).
pub fn parse(path: &str, text: &str) -> Result<Grant, Vec<Problem>> {
    let root = yaml::parse(path, text)?;
    let mut reader = Reader::new(path);
    let grant = read_grant(&mut reader, &root);
    match grant {
        Some(grant) if reader.is_clean() => Ok(grant),
        _ => Err(reader.into_problems()),
    }
}

fn read_grant(reader: &mut Reader<'_>, root: &Node) -> Option<Grant> {
    let mut fields = reader.map(root)?;
    let name = read_name(reader, &mut fields, "grant");
    let to = read_name(reader, &mut fields, "to");
    let of = fields.need(reader, "of").and_then(|node| read_subject(reader, node));
    let basis = fields.text(reader, "basis").map(str::to_owned);
    let scenario = fields.text(reader, "scenario").map(str::to_owned);
    let scope = fields.text(reader, "scope").map(str::to_owned);
    let modes = fields.need(reader, "modes").and_then(|node| read_modes(reader, node));
    let period = fields.need(reader, "period").and_then(|node| read_period(reader, node));
    let items = fields.need(reader, "items").and_then(|node| read_items(reader, node));
    let rows = fields.find("rows").map(|node| read_rows(reader, node)).unwrap_or_default();
    let masks = fields.find("masks").map(|node| read_masks(reader, node)).unwrap_or_default();
    let rows_per_day = fields.find("quota").and_then(|node| read_quota(reader, node));
    let approved = fields.need(reader, "approved").map(|node| read_approved(reader, node));
    let ends =
        [("destroy", AtEnd::Destroy), ("return", AtEnd::Return), ("archive", AtEnd::Archive)];
    let at_end = fields.need(reader, "at_end").and_then(|node| reader.word(node, &ends));
    fields.end(reader);
    let (from, until) = period?;
    let grant = Grant {
        name: name?,
        to: to?,
        of: of?,
        basis: basis?,
        scenario: scenario?,
        scope: scope?,
        modes: modes?,
        from,
        until,
        items: items?,
        rows,
        masks,
        rows_per_day,
        approved: approved?,
        at_end: at_end?,
    };
    check_masked(reader, root, &grant);
    Some(grant)
}

fn read_name(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    key: &'static str,
) -> Option<String> {
    let node = fields.need(reader, key)?;
    let text = reader.text(node)?;
    if !crate::entry::is_name(text) {
        reader.note(
            node.place,
            format!("`{text}` 不能作名称；请用小写字母、数字和连字符"),
            format!("`{text}` cannot be a name: write a-z, 0-9 and hyphens"),
        );
        return None;
    }
    Some(text.to_owned())
}

/// `population.person` or `public-security/household`.
fn read_subject(reader: &mut Reader<'_>, node: &Node) -> Option<Subject> {
    let text = reader.text(node)?;
    if let Some((library, entity)) = text.split_once('.') {
        return Some(Subject::Entity { library: library.to_owned(), entity: entity.to_owned() });
    }
    let name: EntryName =
        reader.parsed(node, "既不是实体（<库>.<实体>）也不是条目（<部门>/<资源>）")?;
    Some(Subject::Entry(name))
}

fn read_modes(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<String>> {
    let words = ["service", "batch", "file"].map(|word| (word, word));
    let list = reader.list(node)?;
    let modes: Vec<String> =
        list.iter().filter_map(|node| reader.word(node, &words)).map(str::to_owned).collect();
    if list.is_empty() {
        reader.note(node.place, "至少写一种共享方式", "name one mode at least");
    }
    Some(modes)
}

fn read_period(reader: &mut Reader<'_>, node: &Node) -> Option<(NaiveDate, NaiveDate)> {
    let mut fields = reader.map(node)?;
    let from = fields.need(reader, "from").and_then(|node| read_day(reader, node));
    let until = fields.need(reader, "until").and_then(|node| read_day(reader, node));
    fields.end(reader);
    let (from, until) = (from?, until?);
    if until < from {
        reader.note(node.place, "`until` 早于 `from`", "`until` is before `from`");
    }
    Some((from, until))
}

fn read_day(reader: &mut Reader<'_>, node: &Node) -> Option<NaiveDate> {
    let text = reader.text(node)?;
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    if day.is_none() {
        reader.note(
            node.place,
            format!("`{text}` 不是日期；请写 \"2026-12-01\""),
            format!("`{text}` is no date: write \"2026-12-01\""),
        );
    }
    day
}

fn read_items(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<String>> {
    let items = reader.texts(node)?;
    if items.is_empty() {
        reader.note(node.place, "至少写一个数据项", "name one item at least");
    }
    let mut seen = BTreeSet::new();
    for item in &items {
        if !seen.insert(item) {
            reader.note(
                node.place,
                format!("数据项 `{item}` 写了两次；请删去一处"),
                format!("item `{item}` stands here twice; remove one"),
            );
        }
    }
    Some(items)
}

fn read_rows(reader: &mut Reader<'_>, node: &Node) -> RowFilter {
    let mut filter = RowFilter::default();
    if let Some(mut fields) = reader.map(node) {
        for (item, node) in fields.all() {
            filter.tests.extend(read_test(reader, node).map(|test| (item.text.clone(), test)));
        }
    }
    filter
}

fn read_test(reader: &mut Reader<'_>, node: &Node) -> Option<Test> {
    let mut fields = reader.map(node)?;
    let under = fields.optional_text(reader, "under");
    let is = fields.optional_text(reader, "is");
    let many = fields.find("in").and_then(|node| reader.texts(node));
    let from = fields.optional_text(reader, "from");
    let until = fields.optional_text(reader, "until");
    fields.end(reader);
    match (under, is, many, from.is_some() || until.is_some()) {
        (Some(division), None, None, false) => read_division(reader, node, division),
        (None, Some(value), None, false) => Some(Test::Is(value)),
        (None, None, Some(values), false) if !values.is_empty() => Some(Test::In(values)),
        (None, None, None, true) => Some(Test::Between { from, until }),
        _ => {
            reader.note(
                node.place,
                "请写 under、is、in 之一，或 from 和（或）until",
                "write one of under, is, in, or from and (or) until",
            );
            None
        }
    }
}

/// A whole level of a division code: province, city, county, town, village.
fn read_division(reader: &mut Reader<'_>, node: &Node, division: String) -> Option<Test> {
    let digits = division.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !matches!(division.len(), 2 | 4 | 6 | 9 | 12) {
        reader.note(
            node.place,
            format!("`{division}` 不是 2、4、6、9 或 12 位行政区划代码"),
            format!("`{division}` is no division code of 2, 4, 6, 9 or 12 digits"),
        );
        return None;
    }
    Some(Test::Under(division))
}

fn read_masks(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, Mask> {
    let mut masks = BTreeMap::new();
    if let Some(mut fields) = reader.map(node) {
        for (item, node) in fields.all() {
            if let Some(mask) = reader.parsed(node, "不是一种脱敏方式") {
                masks.insert(item.text.clone(), mask);
            }
        }
    }
    masks
}

fn read_quota(reader: &mut Reader<'_>, node: &Node) -> Option<u64> {
    let mut fields = reader.map(node)?;
    let rows = fields.need(reader, "rows_per_day").and_then(|node| reader.count(node));
    fields.end(reader);
    rows.map(u64::from)
}

fn read_approved(reader: &mut Reader<'_>, node: &Node) -> Vec<Approval> {
    let mut approved = Vec::new();
    for node in reader.list(node).unwrap_or_default() {
        let Some(mut fields) = reader.map(node) else { continue };
        let department = read_name(reader, &mut fields, "department");
        let reference = fields.text(reader, "ref").map(str::to_owned);
        let on = fields.need(reader, "approved_on").and_then(|node| read_day(reader, node));
        fields.end(reader);
        if let (Some(department), Some(reference), Some(approved_on)) = (department, reference, on)
        {
            approved.push(Approval { department, reference, approved_on });
        }
    }
    approved
}

/// A mask for an item that is not handed out is a slip.
fn check_masked(reader: &mut Reader<'_>, root: &Node, grant: &Grant) {
    let place = match &root.content {
        Content::Map(pairs) => pairs
            .iter()
            .find(|(key, _)| key.text == "masks")
            .map_or(root.place, |(key, _)| key.place),
        _ => root.place,
    };
    for item in grant.masks.keys().filter(|item| !grant.items.contains(item)) {
        reader.note(
            place,
            format!("`{item}` 有脱敏方式，却不在 items 中"),
            format!("`{item}` has a mask, but is not among the items"),
        );
    }
}
