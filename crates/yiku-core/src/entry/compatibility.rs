//! What differs between two versions of an entry, and which version number that asks for.
//!
//! Major: a row good before may fail now, or a reader loses what it had. Minor: more rows pass,
//! items or feeds are added. Patch: words.

mod item;
mod rule;

use super::{EntryVersion, Feed, Metadata, SetValue, Version};

/// How much a difference weighs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Words.
    Patch,
    /// More is possible than before.
    Minor,
    /// Something of before is not possible any more.
    Major,
}

/// One thing that differs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// How much it weighs.
    pub level: Level,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// The new version's number does not say what changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{en}")]
pub struct VersionFault {
    /// The least number that would do.
    pub needed: Version,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Level {
    /// `major`, `minor` or `patch`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
        }
    }

    /// The first version after `version` that says this.
    pub fn after(self, version: Version) -> Version {
        let Version { major, minor, patch } = version;
        match self {
            Self::Major => Version { major: major + 1, minor: 0, patch: 0 },
            Self::Minor => Version { major, minor: minor + 1, patch: 0 },
            Self::Patch => Version { major, minor, patch: patch + 1 },
        }
    }
}

/// All differences, the heaviest first.
pub fn compare(old: &EntryVersion, new: &EntryVersion) -> Vec<Difference> {
    let mut found = Differences(Vec::new());
    if old.name != new.name {
        found.major(
            format!("条目名由 {} 改为 {}", old.name, new.name),
            format!("the entry's name was {} and is {}", old.name, new.name),
        );
    }
    item::compare(old, new, &mut found);
    key_and_order(old, new, &mut found);
    rule::compare(old, new, &mut found);
    feeds(old, new, &mut found);
    metadata(&old.metadata, &new.metadata, &mut found);
    if old.examples != new.examples {
        found.patch("示例有变化", "examples differ");
    }
    let Differences(mut list) = found;
    list.sort_by_key(|difference| std::cmp::Reverse(difference.level));
    list
}

/// Whether the new version's number suffices for what differs. Equal contents may have any higher
/// number, never the same or a lower one.
pub fn check_version(old: &EntryVersion, new: &EntryVersion) -> Result<(), VersionFault> {
    let differences = compare(old, new);
    let heaviest = differences.first();
    let needed = heaviest.map_or(Level::Patch, |difference| difference.level).after(old.version);
    if new.version >= needed {
        return Ok(());
    }
    let (why_zh, why_en) = match heaviest {
        None => ("版本号须大于已发布的版本".to_owned(), "it must be above the last one".to_owned()),
        Some(heaviest) => (heaviest.zh.clone(), heaviest.en.clone()),
    };
    let (old, new) = (old.version, new.version);
    Err(VersionFault {
        needed,
        zh: format!("版本 {new} 不足以接续 {old}，至少应为 {needed}：{why_zh}"),
        en: format!("version {new} after {old} must be at least {needed}: {why_en}"),
    })
}

struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, level: Level, zh: impl Into<String>, en: impl Into<String>) {
        self.0.push(Difference { level, zh: zh.into(), en: en.into() });
    }

    fn major(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.add(Level::Major, zh, en);
    }

    fn minor(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.add(Level::Minor, zh, en);
    }

    fn patch(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.add(Level::Patch, zh, en);
    }
}

fn key_and_order(old: &EntryVersion, new: &EntryVersion, found: &mut Differences) {
    let names = |entry: &EntryVersion| {
        let names = entry.key.iter().map(|&index| entry.items[index].name.clone());
        names.collect::<Vec<_>>().join(", ")
    };
    let (before, after) = (names(old), names(new));
    if before != after {
        found.major(
            format!("主键由 [{before}] 改为 [{after}]"),
            format!("the key was [{before}] and is [{after}]"),
        );
    }
    let order = |entry: &EntryVersion| {
        entry.order_by.map_or("-".to_owned(), |index| entry.items[index].name.clone())
    };
    let (before, after) = (order(old), order(new));
    if before != after {
        found.major(
            format!("order_by 由 {before} 改为 {after}：新旧记录无法比较先后"),
            format!("order_by was {before} and is {after}: rows of both cannot be put in order"),
        );
    }
}

fn feeds(old: &EntryVersion, new: &EntryVersion, found: &mut Differences) {
    let old_feeds: Vec<(String, String)> =
        old.feeds.iter().map(|feed| written(feed, old)).collect();
    let new_feeds: Vec<(String, String)> =
        new.feeds.iter().map(|feed| written(feed, new)).collect();
    for (head, set) in &old_feeds {
        match new_feeds.iter().find(|(other, _)| other == head) {
            None => found.major(format!("不再提供 {head}"), format!("{head} is fed no more")),
            Some((_, other)) if other != set => found.minor(
                format!("提供 {head} 的数据项由 {set} 改为 {other}"),
                format!("items set of {head} were {set} and are {other}"),
            ),
            Some(_) => {}
        }
    }
    for (head, _) in new_feeds.iter().filter(|(head, _)| !old_feeds.iter().any(|(o, _)| o == head))
    {
        found.minor(format!("新提供 {head}"), format!("{head} is fed newly"));
    }
}

/// `population.person by citizen_id`, and `name, marital="20"`.
fn written(feed: &Feed, entry: &EntryVersion) -> (String, String) {
    let name = |index: usize| entry.items[index].name.as_str();
    let key: Vec<&str> = feed.key.iter().map(|&index| name(index)).collect();
    let set: Vec<String> = feed
        .set
        .iter()
        .map(|(item, value)| match value {
            SetValue::Item(index) if name(*index) == item => item.clone(),
            SetValue::Item(index) => format!("{item}={}", name(*index)),
            SetValue::Const(text) => format!("{item}=\"{text}\""),
        })
        .collect();
    (format!("{} ({})", feed.entity, key.join(", ")), set.join(", "))
}

/// What decides over sharing is more than words.
fn metadata(old: &Metadata, new: &Metadata, found: &mut Differences) {
    let weighty = [
        ("共享类型", "sharing class", old.share.class != new.share.class),
        ("共享条件", "sharing conditions", old.share != new.share),
        (
            "开放属性",
            "openness",
            (&old.open, &old.open_conditions) != (&new.open, &new.open_conditions),
        ),
        ("数据分级", "grade", old.grade != new.grade),
        ("更新周期", "update cycle", old.update != new.update),
    ];
    for (zh, en, _) in weighty.iter().filter(|(_, _, differs)| *differs) {
        found.minor(format!("{zh}有变化"), format!("the {en} differs"));
    }
    let words = [
        ("名称", "name", old.name != new.name),
        ("摘要", "summary", old.summary != new.summary),
        ("信息资源代码", "resource code", old.code != new.code),
        ("资源属性", "attribute", old.attribute != new.attribute),
        ("层级属性", "level", old.level != new.level),
        ("信息资源格式", "format", old.format != new.format),
        ("来源系统", "source system", old.source_system != new.source_system),
        ("关联资源", "related resources", old.related != new.related),
        ("采集依据", "basis", old.basis != new.basis),
        ("数据分类", "category", old.category != new.category),
        ("发布前审核", "review", old.review != new.review),
    ];
    for (zh, en, _) in words.iter().filter(|(_, _, differs)| *differs) {
        found.patch(format!("{zh}有变化"), format!("the {en} differs"));
    }
}

#[cfg(test)]
mod tests;
