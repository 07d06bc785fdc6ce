//! What an entry says about itself.

use std::collections::BTreeMap;

use crate::{
    code_list::CodeLists,
    entry::{Metadata, Share, SharingClass, name::is_name},
    yaml::{Fields, Node, Reader},
};

use super::date;

pub(super) fn metadata(
    reader: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    lists: &CodeLists,
) -> Option<Metadata> {
    let code = fields.need(reader, "code").and_then(|node| resource_code(reader, node));
    let name = fields.need(reader, "name").and_then(|node| reader.both(node));
    let summary = fields.need(reader, "summary").and_then(|node| reader.both(node));
    let attribute = fields.need(reader, "attribute").and_then(|node| attribute(reader, node));
    let level = fields.need(reader, "level").and_then(|node| reader.word(node, &LEVELS));
    let format = fields.need(reader, "format").and_then(|node| format(reader, node));
    let source_system = fields.text(reader, "source_system").map(str::to_owned);
    let update =
        fields.need(reader, "update").and_then(|node| reader.listed(node, lists, "update-cycle"));
    let related = fields.find("related").map(|node| related(reader, node)).unwrap_or_default();
    let basis = fields.text(reader, "basis").map(str::to_owned);
    let secrecy = fields.need(reader, "secrecy").and_then(|node| secrecy(reader, node));
    let grading = fields.need(reader, "grading").and_then(|node| grading(reader, node, lists));
    let review = fields.need(reader, "review").and_then(|node| review(reader, node));
    let share = fields.need(reader, "share").and_then(|node| share(reader, node));
    let open = fields.need(reader, "open").and_then(|node| open(reader, node));
    let (category, grade) = grading?;
    let (open, open_conditions) = open?;
    Some(Metadata {
        code: code?,
        name: name?,
        summary: summary?,
        attribute: attribute?,
        level: level?.to_owned(),
        format: format?,
        source_system: source_system?,
        update: update?,
        related,
        basis: basis?,
        secrecy: secrecy?,
        category,
        grade,
        review: review?,
        share: share?,
        open,
        open_conditions,
    })
}

/// 信息资源代码: 分类码/顺序码, digits both.
fn resource_code(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let code = reader.text(node)?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if code.split_once('/').is_some_and(|(class, number)| digits(class) && digits(number)) {
        return Some(code.to_owned());
    }
    reader.note(
        node.place,
        format!("`{code}` 不是信息资源代码：请写 \"分类码/顺序码\"，都是数字"),
        format!("`{code}` is not a resource code: write \"class/number\", digits both"),
    );
    None
}

fn attribute(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    let right = match text.split_once('/') {
        None => text == "department",
        Some(("base" | "theme", word)) => is_name(word),
        Some(_) => false,
    };
    if !right {
        reader.note(
            node.place,
            format!("`{text}` 不是资源属性：请写 base/…、theme/… 或 department"),
            format!("`{text}` is no attribute: write base/…, theme/… or department"),
        );
    }
    right.then(|| text.to_owned())
}

fn format(reader: &mut Reader<'_>, node: &Node) -> Option<(String, String)> {
    let mut fields = reader.map(node)?;
    let class = fields.need(reader, "class").and_then(|node| reader.word(node, &FORMATS));
    let kind = fields.text(reader, "kind");
    fields.end(reader);
    Some((class?.to_owned(), kind?.to_owned()))
}

fn related(reader: &mut Reader<'_>, node: &Node) -> Vec<String> {
    let list = reader.list(node).unwrap_or_default();
    list.iter().filter_map(|node| resource_code(reader, node)).collect()
}

/// 条例 art. 3: what is secret is outside the regulation, and outside this hub.
fn secrecy(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    if text == "none" {
        return Some(text.to_owned());
    }
    reader.note(
        node.place,
        format!("涉密属性 `{text}`：涉密资源不得在此共享（条例第三条）；非涉密请写 none"),
        format!("secrecy `{text}`: secret data must not be shared here (art. 3); else write none"),
    );
    None
}

fn grading(reader: &mut Reader<'_>, node: &Node, lists: &CodeLists) -> Option<(String, String)> {
    let mut fields = reader.map(node)?;
    let category = fields.text(reader, "category");
    let grade = fields.need(reader, "grade").and_then(|node| reader.listed(node, lists, "grade"));
    fields.end(reader);
    Some((category?.to_owned(), grade?))
}

/// 条例 art. 13: assessed and approved before it enters the catalog.
fn review(reader: &mut Reader<'_>, node: &Node) -> Option<BTreeMap<String, String>> {
    let mut fields = reader.map(node)?;
    let mut review = BTreeMap::new();
    for key in ["secrecy", "personal_impact", "approved_by"] {
        let text = fields.text(reader, key);
        review.extend(text.map(|text| (key.to_owned(), text.to_owned())));
    }
    let approved_on = fields.need(reader, "approved_on").and_then(|node| date(reader, node));
    review.extend(approved_on.map(|day| ("approved_on".to_owned(), day.to_string())));
    fields.end(reader);
    Some(review)
}

/// 条例 art. 14, 15 and 22.
fn share(reader: &mut Reader<'_>, node: &Node) -> Option<Share> {
    let mut fields = reader.map(node)?;
    let class = fields.need(reader, "class").and_then(|node| reader.word(node, &CLASSES));
    let share = Share {
        class: class.unwrap_or(SharingClass::Unconditional),
        scope: fields.optional_text(reader, "scope"),
        purpose: fields.optional_text(reader, "purpose"),
        conditions: fields.optional_text(reader, "conditions"),
        reason: fields.optional_text(reader, "reason"),
        legal_basis: fields.optional_text(reader, "legal_basis"),
        modes: fields.find("modes").map(|node| modes(reader, node)).unwrap_or_default(),
    };
    let place = fields.place();
    fields.end(reader);
    let class = class?;
    let mut missing = |key: &str, zh: &str, en: &str| {
        reader.note(place, format!("{zh}：缺少 `{key}`"), format!("{en}: `{key}` is missing"));
    };
    if class == SharingClass::Conditional {
        let (zh, en) = ("有条件共享须写明范围和用途（条例第十五条）", CONDITIONAL);
        [("scope", &share.scope), ("purpose", &share.purpose)]
            .iter()
            .filter(|(_, value)| value.is_none())
            .for_each(|(key, _)| missing(key, zh, en));
    }
    if class == SharingClass::Withheld {
        let (zh, en) = ("不予共享须写明理由和法律依据（条例第十五条）", WITHHELD);
        [("reason", &share.reason), ("legal_basis", &share.legal_basis)]
            .iter()
            .filter(|(_, value)| value.is_none())
            .for_each(|(key, _)| missing(key, zh, en));
    } else if share.modes.is_empty() {
        missing("modes", "须写明共享方式（条例第二十二条）", "say how it is shared (art. 22)");
    }
    if class == SharingClass::Unconditional
        && (share.conditions.is_some() || share.scope.is_some() || share.purpose.is_some())
    {
        reader.note(
            place,
            "无条件共享不得附加条件（条例第十五条）：请删去 scope、purpose、conditions",
            "unconditional sharing has no conditions (art. 15): remove scope, purpose, conditions",
        );
    }
    Some(share)
}

fn modes(reader: &mut Reader<'_>, node: &Node) -> Vec<String> {
    let list = reader.list(node).unwrap_or_default();
    list.iter().filter_map(|node| reader.word(node, &MODES)).map(str::to_owned).collect()
}

/// 开放属性 and 开放条件.
fn open(reader: &mut Reader<'_>, node: &Node) -> Option<(String, Option<String>)> {
    let mut fields = reader.map(node)?;
    let class = fields.need(reader, "class").and_then(|node| reader.word(node, &OPEN));
    let conditions = fields.optional_text(reader, "conditions");
    let place = fields.place();
    fields.end(reader);
    let class = class?;
    if class != "closed" && conditions.is_none() {
        reader.note(
            place,
            "向社会开放须写明条件：缺少 `conditions`",
            "open data says under which conditions: `conditions` is missing",
        );
    }
    Some((class.to_owned(), conditions))
}

const CONDITIONAL: &str = "conditional sharing says scope and purpose (art. 15)";
const WITHHELD: &str = "withholding says reason and legal basis (art. 15)";
const CLASSES: [(&str, SharingClass); 3] = [
    ("unconditional", SharingClass::Unconditional),
    ("conditional", SharingClass::Conditional),
    ("withheld", SharingClass::Withheld),
];
const LEVELS: [(&str, &str); 2] = [("department", "department"), ("national", "national")];
const MODES: [(&str, &str); 3] = [("service", "service"), ("batch", "batch"), ("file", "file")];
const OPEN: [(&str, &str); 3] =
    [("public", "public"), ("on-request", "on-request"), ("closed", "closed")];
/// The seven classes of the guide of 2017, in its order.
const FORMATS: [(&str, &str); 7] = [
    ("document", "document"),
    ("spreadsheet", "spreadsheet"),
    ("database", "database"),
    ("image", "image"),
    ("stream", "stream"),
    ("self-describing", "self-describing"),
    ("service", "service"),
];
