//! A mapping checked against its contract, with every problem found at once.

use std::{collections::HashMap, str::FromStr};

use chrono_tz::Tz;

use super::{ItemMapping, MappingSpec, Step, date_format::DateFormat};
use crate::{
    contract::Contract, entry::ItemType, operation::Operation, problem::Problem,
    violation::Severity,
};

/// How rows become an entry's, compiled.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// One for each item of the entry.
    pub(super) items: Vec<ItemPlan>,
    pub(super) operation: Option<(String, HashMap<String, Operation>)>,
    pub(super) zone: Tz,
    /// Whether a column that is no item is a finding.
    pub(super) by_name: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ItemPlan {
    pub name: String,
    /// Whether a row without it is not taken.
    pub required: bool,
    pub source: Source,
    /// Whether the cell is taken as it is.
    pub plain: bool,
    pub steps: Vec<Step>,
    pub codes: HashMap<String, Option<String>, ahash::RandomState>,
    pub dates: Vec<DateFormat>,
    /// Whether dates are written as days; moments otherwise.
    pub day: bool,
    pub zh: String,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Column(String),
    Constant(String),
    Nothing,
}

impl Mapping {
    /// Compiles what a connector declares. The problems have no path: the caller knows the file.
    pub fn compile(spec: Option<&MappingSpec>, contract: &Contract) -> Result<Self, Vec<Problem>> {
        let none = MappingSpec::default();
        let spec = spec.unwrap_or(&none);
        let mut problems = Vec::new();
        let entry = contract.entry();
        let mut items = Vec::new();
        for (index, item) in entry.items.iter().enumerate() {
            let declared = match &spec.map {
                None => Some(ItemMapping::default()),
                Some(map) => map.get(&item.name).cloned(),
            };
            let required = item.required || entry.key.contains(&index);
            if declared.is_none() && required {
                let name = &item.name;
                problems.push(problem(
                    format!("map 缺少必填项 {name}（{}）", item.zh),
                    format!("map has no `{name}`, which every row needs"),
                ));
            }
            items.push(plan(index, declared, contract, &mut problems));
        }
        for name in spec.map.iter().flat_map(|map| map.keys()) {
            if entry.item(name).is_none() {
                let known: Vec<&str> = entry.items.iter().map(|item| item.name.as_str()).collect();
                let known = known.join(", ");
                problems.push(problem(
                    format!("map 中的 {name} 不是该目录的数据项；数据项有：{known}"),
                    format!("`{name}` in map is no item of the entry; its items are: {known}"),
                ));
            }
        }
        let zone = spec.zone.as_deref().unwrap_or(ZONE);
        let zone = Tz::from_str(zone).unwrap_or_else(|_| {
            problems.push(problem(
                format!("没有时区 {zone}；请写 Asia/Shanghai 这样的名称"),
                format!("there is no time zone `{zone}`; write a name as Asia/Shanghai"),
            ));
            chrono_tz::Asia::Shanghai
        });
        let operation = spec.operation.as_ref().map(|operation| {
            if operation.codes.is_empty() {
                problems.push(problem(
                    "operation 没有 codes；请写明每个值的含义，例如 { I: upsert, D: delete }",
                    "operation has no codes; say what each value means: { I: upsert, D: delete }",
                ));
            }
            let codes = operation.codes.iter().map(|(code, does)| (code.clone(), *does));
            (operation.from.clone(), codes.collect())
        });
        if problems.is_empty() {
            Ok(Self { items, operation, zone, by_name: spec.map.is_none() })
        } else {
            Err(problems)
        }
    }
}

fn plan(
    index: usize,
    declared: Option<ItemMapping>,
    contract: &Contract,
    problems: &mut Vec<Problem>,
) -> ItemPlan {
    let entry = contract.entry();
    let item = &entry.items[index];
    let nothing = declared.is_none();
    let declared = declared.unwrap_or_default();
    let mut note = |zh: String, en: String| {
        let name = &item.name;
        problems.push(problem(format!("map.{name}：{zh}"), format!("map.{name}: {en}")));
    };
    let is_worked_on =
        !declared.steps.is_empty() || !declared.codes.is_empty() || !declared.date.is_empty();
    if declared.constant.is_some() && (declared.from.is_some() || is_worked_on) {
        note("const 不能与 from、do、codes、date 同用".into(), "const stands alone".into());
    }
    let targets = declared.codes.values().flatten().chain(declared.constant.iter());
    for target in targets {
        if is_wrong(contract, index, target) {
            note(
                format!("{target} 不是该项允许的值"),
                format!("`{target}` is no value of this item"),
            );
        }
    }
    let dated = matches!(item.kind, ItemType::Date(_) | ItemType::DateTime);
    if !declared.date.is_empty() && !dated {
        let kind = item.kind.as_str();
        note(
            format!("该项的类型是 {kind}，不能声明 date"),
            format!("the item is of type {kind}: date is for dates and datetimes"),
        );
    }
    let mut dates = Vec::new();
    for format in &declared.date {
        match DateFormat::parse(format) {
            Ok(format) => dates.push(format),
            Err((zh, en)) => note(zh, en),
        }
    }
    let source = match (declared.constant, declared.from) {
        (Some(constant), _) => Source::Constant(constant),
        _ if nothing => Source::Nothing,
        (None, from) => Source::Column(from.unwrap_or_else(|| item.name.clone())),
    };
    ItemPlan {
        name: item.name.clone(),
        required: item.required || entry.key.contains(&index),
        source,
        plain: !is_worked_on,
        steps: declared.steps,
        codes: declared.codes.into_iter().collect(),
        dates,
        day: matches!(item.kind, ItemType::Date(_)),
        zh: item.zh.clone(),
    }
}

/// Whether the contract would reject the value.
fn is_wrong(contract: &Contract, item: usize, value: &str) -> bool {
    let findings = contract.check_value(item, value);
    findings.iter().any(|finding| finding.severity == Severity::Reject)
}

fn problem(zh: impl Into<String>, en: impl Into<String>) -> Problem {
    Problem::of_file("", zh, en)
}

/// Where this is for.
const ZONE: &str = "Asia/Shanghai";
