//! Findings as people read them: what is wrong and what to do, in Chinese and English, with the
//! value masked. Made only for rows that have findings.

use super::{Cause, Contract, Finding, MappedRow, compile::Message, form::UNKNOWN_CODE_LENGTH_MAX};
use crate::{
    entry::{Bounds, DataItem, ItemType, Text},
    identifier::Fault,
    mask::Mask,
    printable::printable,
    violation::{Code, Violation},
};

impl Contract {
    /// Puts a finding of this row into words.
    pub fn describe(&self, finding: &Finding, row: &MappedRow) -> Violation {
        let item = finding.item.map(|index| &self.entry.items[index]);
        let cell = finding.item.and_then(|index| (!row.cells.is_empty()).then_some(index));
        let mut value = cell.and_then(|index| row.cells.row(0).get(index));
        let mut name = item.map(|item| item.name.clone());
        let mut rule = None;
        let (zh, en) = match &finding.cause {
            Cause::Said(said) => {
                value = said.value.as_deref().or(value);
                name = name.or_else(|| said.column.clone());
                (said.zh.clone(), said.en.clone())
            }
            Cause::Rule(index) => {
                let broken = &self.entry.rules[*index];
                rule = Some(broken.id.clone());
                (broken.message.zh.clone(), broken.message.en.clone())
            }
            Cause::RuleError(index) => {
                let broken = &self.entry.rules[*index];
                rule = Some(broken.id.clone());
                let Text { zh, en } = &broken.message;
                (
                    format!("规则无法计算，按不符合处理：{zh}"),
                    format!("the rule could not be worked out and counts as broken: {en}"),
                )
            }
            cause => match item {
                Some(item) => item_message(item, finding.code, cause, value),
                None => (finding.code.to_string(), finding.code.to_string()),
            },
        };
        let value = value.and_then(|value| match item {
            Some(item) => shown(item, value),
            None => guarded(value, Mask::None),
        });
        Violation {
            code: finding.code,
            severity: finding.severity,
            item: name.map(|name| printable(&name).into_owned()),
            rule,
            value: value.map(|value| printable(&value).into_owned()),
            zh: printable(&zh).into_owned(),
            en: printable(&en).into_owned(),
        }
    }
}

/// A value as it may be shown beside its item: under the item's mask, and never a person's
/// identifier or name whole, even where it stands in the wrong column. `None` when nothing may.
pub fn shown(item: &DataItem, value: &str) -> Option<String> {
    let mask = match (item.mask, &item.kind) {
        (Mask::None | Mask::Pseudonym, ItemType::CitizenId) => Mask::Keep { first: 6, last: 4 },
        // Nobody's key is at hand here, and a digest without one can be guessed back.
        (Mask::Pseudonym, _) => Mask::Blank,
        // A broken date has no year to keep.
        (Mask::YearOnly, _) if !is_dated(value) => Mask::FirstOnly,
        (Mask::None, kind) if !is_free(kind) && !value.is_ascii() => Mask::FirstOnly,
        (mask, _) => mask.for_people(),
    };
    guarded(value, mask)
}

/// Applies the mask; hides long runs of digits that the mask would leave, and cuts long texts.
fn guarded(value: &str, mask: Mask) -> Option<String> {
    let mask = match mask {
        Mask::None if longest_digits(value) >= PERSONAL_DIGITS => Mask::Keep { first: 6, last: 4 },
        mask => mask,
    };
    let mut out = String::new();
    if !mask.apply(value, &[], &mut out) {
        return None;
    }
    if let Some((cut, _)) = out.char_indices().nth(SHOWN_LENGTH_MAX) {
        out.truncate(cut);
        out.push('…');
    }
    Some(out)
}

/// Whether texts of any script belong into the item.
fn is_free(kind: &ItemType) -> bool {
    matches!(kind, ItemType::Text { .. })
}

fn is_dated(value: &str) -> bool {
    value.len() >= 10 && value.as_bytes()[..4].iter().all(u8::is_ascii_digit)
}

fn longest_digits(value: &str) -> usize {
    value.split(|character: char| !character.is_ascii_digit()).map(str::len).max().unwrap_or(0)
}

/// As many digits in a row as a citizen's id has at least.
const PERSONAL_DIGITS: usize = 15;
const SHOWN_LENGTH_MAX: usize = 40;

/// What is wrong with a value, and what to do.
fn item_message(item: &DataItem, code: Code, cause: &Cause, value: Option<&str>) -> Message {
    let (zh, en) = (&item.zh, &item.name);
    match (code, cause) {
        (Code::Required, _) => {
            (format!("{zh}为空；该项必填，请补录"), format!("{en} has no value; it must have one"))
        }
        (Code::KeyMissing, _) => (
            format!("{zh}为空；它是主键，缺少时无法识别记录，请补录"),
            format!("{en} has no value; it is a key, without it the record cannot be told apart"),
        ),
        (_, Cause::Identifier(fault)) => identifier_message(item, *fault),
        (_, Cause::Address) => (
            format!("{zh}的前六位不是已知的行政区划（含历史代码）；请核对"),
            format!("the first six digits of {en} are no known division, past ones included"),
        ),
        (_, Cause::Control(position)) => (
            format!("{zh}的第 {position} 个字符是控制字符；请删除"),
            format!("character {position} of {en} is a control character; remove it"),
        ),
        (Code::Length, _) => length_message(item, value),
        (Code::Pattern, _) => {
            (format!("{zh}的格式不符；请按目录要求填写"), format!("{en} has the wrong form"))
        }
        (Code::CodeList, _) => code_message(item),
        (Code::Range, _) => range_message(item),
        (Code::Precision, _) => precision_message(item),
        _ => type_message(item),
    }
}

fn identifier_message(item: &DataItem, fault: Fault) -> Message {
    let (zh, en) = (&item.zh, &item.name);
    match fault {
        Fault::Length { actual, expected } => (
            format!("{zh}有 {actual} 个字符，应为 {expected} 个；请核对是否缺位或多位"),
            format!("{en} has {actual} characters and should have {expected}"),
        ),
        Fault::Character { position } => (
            format!("{zh}的第 {position} 个字符不合规定；请检查全角字符、空格或误填"),
            format!(
                "character {position} of {en} cannot stand there; look for full-width \
                 characters, blanks or another item's value"
            ),
        ),
        Fault::BirthDate => (
            format!("{zh}中的出生日期不存在；请核对原件"),
            format!("the birth date in {en} is not in the calendar; compare the document"),
        ),
        Fault::CheckDigit if item.kind == ItemType::CreditCode => (
            format!("{zh}的校验码不符；试点时期的代码如此则属正常，否则请核对"),
            format!("the check character of {en} is wrong; codes of the pilot years may be so"),
        ),
        Fault::CheckDigit => (
            format!("{zh}的校验码不符，至少有一位有误；请核对原件"),
            format!("the check character of {en} is wrong: compare the document"),
        ),
    }
}

fn length_message(item: &DataItem, value: Option<&str>) -> Message {
    let (zh, en) = (&item.zh, &item.name);
    let actual = value.map_or(0, |value| value.chars().count());
    let (min, max) = match item.kind {
        ItemType::Text { min_length, max_length, .. } => (min_length as usize, max_length as usize),
        _ => (1, UNKNOWN_CODE_LENGTH_MAX),
    };
    (
        format!("{zh}有 {actual} 个字符，应为 {min} 至 {max} 个"),
        format!("{en} has {actual} characters and may have {min} to {max}"),
    )
}

fn code_message(item: &DataItem) -> Message {
    let (zh, en) = (&item.zh, &item.name);
    match &item.kind {
        ItemType::Code { list } => (
            format!("{zh}不在代码表 {list} 中；请改用表中代码，或在映射中声明对应关系"),
            format!("{en} is not in the code list `{list}`; use one of its codes or map it"),
        ),
        _ => (
            format!("{zh}不是已知的行政区划代码（含历史代码）；请核对"),
            format!("{en} is no known division code, past ones included"),
        ),
    }
}

fn range_message(item: &DataItem) -> Message {
    let (zh, en) = (&item.zh, &item.name);
    let none = Bounds::default();
    let bounds = match &item.kind {
        ItemType::Integer(bounds) | ItemType::Date(bounds) => bounds,
        ItemType::Decimal { bounds, .. } => bounds,
        _ => &none,
    };
    match (&bounds.min, &bounds.max) {
        (Some(min), Some(max)) => (
            format!("{zh}超出范围，应在 {min} 与 {max} 之间；请核对数值和单位"),
            format!("{en} must lie between {min} and {max}; look at the value and its unit"),
        ),
        (Some(min), None) => {
            (format!("{zh}不能小于 {min}"), format!("{en} must not be below {min}"))
        }
        (None, Some(max)) => {
            (format!("{zh}不能大于 {max}"), format!("{en} must not be above {max}"))
        }
        (None, None) => (format!("{zh}超出 64 位整数的范围"), format!("{en} does not fit 64 bits")),
    }
}

fn precision_message(item: &DataItem) -> Message {
    let (zh, en) = (&item.zh, &item.name);
    match item.kind {
        ItemType::Decimal { precision, scale, .. } => (
            format!("{zh}位数过多，最多 {precision} 位，其中小数 {scale} 位"),
            format!("{en} has too many digits: at most {precision}, {scale} of them decimals"),
        ),
        _ => (format!("{zh}位数过多"), format!("{en} has too many digits")),
    }
}

fn type_message(item: &DataItem) -> Message {
    let (zh, en) = (&item.zh, &item.name);
    match item.kind {
        ItemType::Integer(_) => (
            format!("{zh}不是整数；请写阿拉伯数字，不加前导零和千分位"),
            format!("{en} is no whole number; write digits, no leading zeros, no separators"),
        ),
        ItemType::Decimal { .. } => (
            format!("{zh}不是数值；请写阿拉伯数字和小数点"),
            format!("{en} is no number; write digits and a decimal point"),
        ),
        ItemType::Boolean => (
            format!("{zh}应为 true 或 false；其他写法请在映射中声明"),
            format!("{en} must be true or false; map other ways of writing it"),
        ),
        ItemType::Date(_) => (
            format!("{zh}不是有效日期；应为 yyyy-MM-dd，且日历中确有该日"),
            format!("{en} is no date of the calendar in the form yyyy-MM-dd"),
        ),
        ItemType::DateTime => (
            format!("{zh}不是有效的日期时间；应为 yyyy-MM-ddTHH:mm:ss 加时区"),
            format!("{en} is no moment in the form yyyy-MM-ddTHH:mm:ss with an offset"),
        ),
        _ => (format!("{zh}的类型不符"), format!("{en} is not of its type")),
    }
}
