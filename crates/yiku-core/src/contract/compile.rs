//! The entry's items as a table of columns that a row is checked against.

use std::{fmt, sync::Arc};

use regex::{Regex, RegexBuilder};

use super::{Contract, number, rule};
use crate::{
    calendar,
    code_list::{CodeLists, CodeSet, DIVISIONS},
    entry::{Bounds, DataItem, EntryVersion, ItemType},
    identifier::DivisionSet,
    printable::printable,
    violation::Severity,
};

/// One item, ready to check.
#[derive(Debug)]
pub(super) struct Column {
    pub kind: Kind,
    /// Whether NULL is a finding, and the Avro field has no null branch.
    pub required: bool,
    pub key: bool,
}

/// What the values of a column must be.
#[derive(Debug)]
pub(super) enum Kind {
    Text { min: usize, max: usize, pattern: Option<Regex> },
    Code { codes: CodeSet, unknown: Severity },
    Integer { min: i64, max: i64 },
    Decimal { precision: u32, scale: u32, min: i128, max: i128 },
    Boolean,
    Date { min: i32, max: i32 },
    DateTime,
    CitizenId { wrong: Severity, address: Severity },
    CreditCode { wrong: Severity },
    OrganisationCode { wrong: Severity },
    LicenseId { wrong: Severity },
    Division { unknown: Severity },
}

/// Where in an entry something does not compile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// The item of this index.
    Item(usize),
    /// The rule of this index.
    Rule(usize),
}

/// One thing that does not compile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompileFault {
    /// Where.
    pub place: Place,
    /// What is wrong and what to do, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// The entry cannot be a contract: all that is wrong with its items and rules.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct CompileError {
    /// Never empty.
    pub faults: Vec<CompileFault>,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}", printable(&fault.en))?;
        }
        Ok(())
    }
}

/// A message in both languages, Chinese first.
pub(super) type Message = (String, String);

impl Contract {
    /// Compiles an entry version with the code lists it names.
    pub fn compile(entry: Arc<EntryVersion>, lists: &CodeLists) -> Result<Contract, CompileError> {
        let mut faults = Vec::new();
        let mut columns = Vec::new();
        for (index, item) in entry.items.iter().enumerate() {
            match column(item, entry.key.contains(&index), lists) {
                Ok(column) => columns.push(column),
                Err((zh, en)) => {
                    let zh = format!("数据项 {}：{zh}", item.name);
                    let en = format!("item `{}`: {en}", item.name);
                    faults.push(CompileFault { place: Place::Item(index), zh, en });
                }
            }
        }
        let mut rules = Vec::new();
        for (index, rule) in entry.rules.iter().enumerate() {
            match rule::compile(rule, &entry) {
                Ok(rule) => rules.push(rule),
                Err((zh, en)) => {
                    let zh = format!("规则 {}：{zh}", rule.id);
                    let en = format!("rule `{}`: {en}", rule.id);
                    faults.push(CompileFault { place: Place::Rule(index), zh, en });
                }
            }
        }
        if let Some(index) = entry.order_by
            && !matches!(
                entry.items[index].kind,
                ItemType::Date(_) | ItemType::DateTime | ItemType::Integer(_)
            )
        {
            let zh = format!("order_by 只能是日期、日期时间或整数：{}", entry.items[index].name);
            let en = format!(
                "order_by must be a date, datetime or integer, `{}` is not",
                entry.items[index].name
            );
            faults.push(CompileFault { place: Place::Item(index), zh, en });
        }
        if !faults.is_empty() {
            return Err(CompileError { faults });
        }
        let divisions = Arc::new(lists.get(DIVISIONS).map_or_else(DivisionSet::default, |list| {
            DivisionSet::new(list.codes.iter().map(|listed| listed.code.as_str()))
        }));
        Ok(Contract { entry, columns, divisions, rules })
    }
}

fn column(item: &DataItem, key: bool, lists: &CodeLists) -> Result<Column, Message> {
    let wrong = item.doubt.unwrap_or(Severity::Reject);
    let doubtful = item.doubt.unwrap_or(Severity::Warn);
    let kind = match &item.kind {
        ItemType::Text { min_length, max_length, pattern } => Kind::Text {
            min: *min_length as usize,
            max: *max_length as usize,
            pattern: pattern.as_deref().map(compile_pattern).transpose()?,
        },
        ItemType::Code { list } => {
            let list = lists.get(list).ok_or_else(|| {
                (format!("没有代码表 {list}"), format!("there is no code list `{list}`"))
            })?;
            let unknown = if list.warn_unknown { doubtful } else { wrong };
            Kind::Code { codes: list.to_set(), unknown }
        }
        ItemType::Integer(bounds) => {
            let read = |text: &str| number::integer(text.as_bytes()).ok();
            let (min, max) = range(bounds, i64::MIN, i64::MAX, read)?;
            Kind::Integer { min, max }
        }
        ItemType::Decimal { precision, scale, bounds } => decimal(*precision, *scale, bounds)?,
        ItemType::Boolean => Kind::Boolean,
        ItemType::Date(bounds) => {
            let read = |text: &str| calendar::days_of_date(text.as_bytes());
            let (min, max) = range(bounds, i32::MIN, i32::MAX, read)?;
            Kind::Date { min, max }
        }
        ItemType::DateTime => Kind::DateTime,
        ItemType::CitizenId => Kind::CitizenId { wrong, address: doubtful },
        ItemType::CreditCode => Kind::CreditCode { wrong: doubtful },
        ItemType::OrganisationCode => Kind::OrganisationCode { wrong },
        ItemType::LicenseId => Kind::LicenseId { wrong },
        ItemType::Division => Kind::Division { unknown: doubtful },
    };
    Ok(Column { kind, required: item.required, key })
}

fn decimal(precision: u32, scale: u32, bounds: &Bounds) -> Result<Kind, Message> {
    if precision == 0 || precision > number::PRECISION_MAX || scale > precision {
        let max = number::PRECISION_MAX;
        return Err((
            format!("精度须为 1 至 {max}，小数位数不大于精度"),
            format!("precision must be 1 to {max}, and scale at most the precision"),
        ));
    }
    let read = |text: &str| number::decimal(text.as_bytes(), precision, scale).ok();
    let (min, max) = range(bounds, i128::MIN, i128::MAX, read)?;
    Ok(Kind::Decimal { precision, scale, min, max })
}

/// Both bounds as values of the type, `least` and `greatest` where there is none.
fn range<T: PartialOrd + Copy>(
    bounds: &Bounds,
    least: T,
    greatest: T,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(T, T), Message> {
    let bound = |text: &Option<String>, otherwise| match text {
        None => Ok(otherwise),
        Some(text) => read(text).ok_or_else(|| {
            (format!("界限 {text} 不是该类型的值"), format!("`{text}` is no value of the type"))
        }),
    };
    let (min, max) = (bound(&bounds.min, least)?, bound(&bounds.max, greatest)?);
    if min > max {
        return Err(("min 大于 max".into(), "min is greater than max".into()));
    }
    Ok((min, max))
}

/// Compiles a pattern that the whole value must match. Linear time and bounded size.
fn compile_pattern(pattern: &str) -> Result<Regex, Message> {
    if let Some(class) = ambiguous_class(pattern) {
        return Err((
            format!("正则表达式中不要用 \\{class}（各工具含义不同），请写明字符，例如 [0-9]"),
            format!("do not use \\{class}: tools differ in what it means; write it out, as [0-9]"),
        ));
    }
    RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES_MAX).build().map_err(
        |error| {
            let last = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
            (
                format!("正则表达式不能用（不支持环视和反向引用）：{last}"),
                format!("the pattern cannot be used (no look-around, no back-reference): {last}"),
            )
        },
    )
}

/// A class whose meaning differs between this engine (all of Unicode) and JSON Schema's.
fn ambiguous_class(pattern: &str) -> Option<char> {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == '\\'
            && let Some(class @ ('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B')) = characters.next()
        {
            return Some(class);
        }
    }
    None
}

const PATTERN_BYTES_MAX: usize = 1 << 20;
