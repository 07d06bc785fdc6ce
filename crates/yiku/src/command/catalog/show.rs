//! `yiku catalog show`: the entries, or everything that one entry says about itself: the elements
//! of 政务数据共享条例 art. 13 to 15 and the core metadata of the guide of 2017.

use yiku_core::{
    catalog::Catalog,
    entry::{
        Bounds, DataItem, EntryName, EntryVersion, ItemType, SetValue, Share, SharingClass, Text,
    },
    violation::Severity,
};

use super::{super::ExitCode, Session, newest_or_draft, table};
use crate::{clock, hub::Live};

pub(super) async fn list(session: &mut Session<'_>) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let row = |entry: &EntryVersion| {
        let newest = live.published.newest(&entry.name);
        [
            entry.name.to_string(),
            entry.metadata.name.zh.clone(),
            entry.version.to_string(),
            newest.map(|contract| contract.entry().version.to_string()).unwrap_or_default(),
            entry.items.len().to_string(),
        ]
    };
    let rows = live.folder.entries.values().map(row).collect();
    let headings = ["entry", "名称", "folder", "published", "items"];
    session.console.print(&table::of(headings, rows)).await?;
    Ok(0)
}

pub(super) async fn one(session: &mut Session<'_>, name: &EntryName) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let entry = newest_or_draft(&live, name)?;
    let said = &entry.metadata;
    session.line(format!("{name}@{}  {} / {}", entry.version, said.name.zh, said.name.en)).await?;
    session.line(format!("{}\n{}", said.summary.zh, said.summary.en)).await?;
    let mut elements = vec![published(session, &live, &entry).await?];
    elements.extend(self::elements(&entry, &live.folder));
    let rows = elements.into_iter().map(|(zh, en, value)| [zh.to_owned(), en.to_owned(), value]);
    session.console.print(&table::of(["元数据", "element", ""], rows.collect())).await?;
    let rows = entry.items.iter().enumerate().map(|(index, item)| row(&entry, index, item));
    let headings = ["item", "名称", "type", "", "std", "grade", "mask"];
    session.console.print(&table::of(headings, rows.collect())).await?;
    for rule in &entry.rules {
        let Text { zh, en } = &rule.message;
        let word = match rule.severity {
            Severity::Reject => "reject",
            Severity::Warn => "warn",
        };
        session.line(format!("rule {} ({word}): {zh} / {en}", rule.id)).await?;
    }
    for feed in &entry.feeds {
        let set: Vec<String> = feed.set.iter().map(|(to, value)| set(&entry, to, value)).collect();
        let key = names(&entry, &feed.key);
        session.line(format!("feeds {} by {key}: {}", feed.entity, set.join(", "))).await?;
    }
    Ok(0)
}

type Element = (&'static str, &'static str, String);

/// When it was published, and whether the folder holds another version.
async fn published(
    session: &Session<'_>,
    live: &Live,
    entry: &EntryVersion,
) -> anyhow::Result<Element> {
    let mut db = session.hub.store.reader().await?;
    let all = yiku_store::catalog::list(&mut db).await?;
    let own = all.iter().find(|one| one.entry == entry.name && one.version == entry.version);
    let mut text = match (own, entry.published_on) {
        (None, _) => "not published; `yiku catalog publish` does it".to_owned(),
        (Some(_), Some(day)) => day.to_string(),
        (Some(one), None) => clock::written(one.published_at),
    };
    let draft = live.folder.entries.get(&entry.name).map(|draft| draft.version);
    if let Some(draft) = draft.filter(|draft| *draft != entry.version) {
        text.push_str(&format!(
            " (the folder holds {draft}; `yiku catalog diff {}` compares)",
            entry.name
        ));
    }
    Ok(("发布日期", "published", text))
}

/// What the entry says about itself, in the order of the guide.
fn elements(entry: &EntryVersion, catalog: &Catalog) -> Vec<Element> {
    let said = &entry.metadata;
    let listed = |list: &str, code: &str| {
        let found = catalog.lists.get(list).and_then(|list| list.find(code));
        found.map_or_else(|| code.to_owned(), |one| format!("{code} {}", one.name.zh))
    };
    let department = catalog.departments.get(entry.name.department());
    let or_none = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let review = |key: &str| or_none(said.review.get(key).cloned().unwrap_or_default());
    let (class, kind) = &said.format;
    let mut all = vec![
        ("信息资源代码", "code", said.code.clone()),
        ("资源属性", "attribute", said.attribute.clone()),
        ("层级属性", "level", said.level.clone()),
        (
            "信息资源提供方",
            "provider",
            department.map_or_else(
                || entry.name.department().to_owned(),
                |one| format!("{} / {}", one.title.zh, one.title.en),
            ),
        ),
        (
            "提供方代码",
            "provider code",
            or_none(department.map(|one| one.credit_code.clone()).unwrap_or_default()),
        ),
        ("信息资源格式", "format", format!("{class}/{kind}")),
        ("来源系统", "source system", said.source_system.clone()),
        ("更新周期", "update", listed("update-cycle", &said.update)),
        ("关联资源代码", "related", or_none(said.related.join(", "))),
        ("采集依据", "basis", said.basis.clone()),
        ("涉密属性", "secrecy", said.secrecy.clone()),
        ("数据分类", "category", said.category.clone()),
        ("数据分级", "grade", listed("grade", &said.grade)),
        ("保密审查", "review: secrecy", review("secrecy")),
        ("个人信息影响评估", "review: personal impact", review("personal_impact")),
        ("审核人", "review: approved by", review("approved_by")),
        ("审核日期", "review: approved on", review("approved_on")),
    ];
    all.extend(share(&said.share));
    all.push(("开放属性", "open", said.open.clone()));
    all.extend(
        said.open_conditions.iter().map(|text| ("开放条件", "open: conditions", text.clone())),
    );
    all.push(("主键", "key", names(entry, &entry.key)));
    all.extend(entry.order_by.map(|item| ("先后依据", "order by", names(entry, &[item]))));
    all
}

fn share(share: &Share) -> Vec<Element> {
    let class = match share.class {
        SharingClass::Unconditional => "unconditional 无条件共享",
        SharingClass::Conditional => "conditional 有条件共享",
        SharingClass::Withheld => "withheld 不予共享",
    };
    let said = [
        ("共享范围", "share: scope", &share.scope),
        ("使用用途", "share: purpose", &share.purpose),
        ("使用条件", "share: conditions", &share.conditions),
        ("不予共享理由", "share: reason", &share.reason),
        ("不予共享依据", "share: legal basis", &share.legal_basis),
    ];
    let said = said.into_iter().filter_map(|(zh, en, text)| Some((zh, en, text.clone()?)));
    let mut all = vec![("共享类型", "share: class", class.to_owned())];
    all.extend(said);
    if !share.modes.is_empty() {
        all.push(("共享方式", "share: modes", share.modes.join(", ")));
    }
    all
}

fn row(entry: &EntryVersion, index: usize, item: &DataItem) -> [String; 7] {
    let need = match (entry.key.contains(&index), item.required) {
        (true, _) => "key",
        (false, true) => "required",
        (false, false) => "",
    };
    let grade = item.grade.as_ref().unwrap_or(&entry.metadata.grade);
    [
        item.name.clone(),
        item.zh.clone(),
        written(&item.kind),
        need.to_owned(),
        item.std.clone().unwrap_or_default(),
        grade.clone(),
        item.mask.to_text(),
    ]
}

/// The type with its length, precision, list or bounds.
fn written(kind: &ItemType) -> String {
    let word = kind.as_str();
    match kind {
        ItemType::Text { min_length, max_length, pattern } => {
            let pattern = pattern.as_ref().map(|pattern| format!(" {pattern}")).unwrap_or_default();
            format!("{word} {min_length}..{max_length}{pattern}")
        }
        ItemType::Code { list } => format!("{word} {list}"),
        ItemType::Integer(bounds) | ItemType::Date(bounds) => format!("{word}{}", range(bounds)),
        ItemType::Decimal { precision, scale, bounds } => {
            format!("{word}({precision},{scale}){}", range(bounds))
        }
        _ => word.to_owned(),
    }
}

fn range(Bounds { min, max }: &Bounds) -> String {
    let end = |text: &Option<String>| text.clone().unwrap_or_default();
    match (min, max) {
        (None, None) => String::new(),
        (min, max) => format!(" {}..{}", end(min), end(max)),
    }
}

fn names(entry: &EntryVersion, indexes: &[usize]) -> String {
    let names: Vec<&str> = indexes.iter().map(|&index| entry.items[index].name.as_str()).collect();
    names.join(", ")
}

/// `name`, `person_id=citizen_id`, `marital="20"`.
fn set(entry: &EntryVersion, to: &str, value: &SetValue) -> String {
    match value {
        SetValue::Item(index) if entry.items[*index].name == to => to.to_owned(),
        SetValue::Item(index) => format!("{to}={}", entry.items[*index].name),
        SetValue::Const(text) => format!("{to}=\"{text}\""),
    }
}
