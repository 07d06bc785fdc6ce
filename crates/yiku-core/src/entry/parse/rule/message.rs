//! The messages that the native forms bring.

use super::{Class, class};
use crate::entry::{DataItem, Operand, OrderOperator, Prefix, RuleForm, Text};

/// What people read when a native rule is broken.
pub(super) fn native(form: &RuleForm, items: &[DataItem]) -> Option<Text> {
    let zh = |index: usize| items[index].zh.clone();
    let en = |index: usize| items[index].name.clone();
    Some(match form {
        RuleForm::Same(first, second) => {
            let ((first_zh, first_en), (second_zh, second_en)) =
                (spoken(first, items), spoken(second, items));
            Text {
                zh: format!("{first_zh}与{second_zh}不一致，请核对"),
                en: format!("{first_en} differs from {second_en}; check both"),
            }
        }
        RuleForm::Order(operands, operator) => order(operands, *operator, items),
        RuleForm::Begins { item, prefix: Prefix::Texts(texts) } => Text {
            zh: format!("{}应以 {} 开头", zh(*item), texts.join(" 或 ")),
            en: format!("{} must begin with {}", en(*item), texts.join(" or ")),
        },
        RuleForm::Begins { item, prefix: Prefix::Item(other) } => Text {
            zh: format!("{}应以{}开头", zh(*item), zh(*other)),
            en: format!("{} must begin with {}", en(*item), en(*other)),
        },
        RuleForm::RequiredWhen { item, when, values } if values.is_empty() => Text {
            zh: format!("有{}时应填{}", zh(*when), zh(*item)),
            en: format!("{} is required when {} has a value", en(*item), en(*when)),
        },
        RuleForm::RequiredWhen { item, when, values } => Text {
            zh: format!("{}为 {} 时应填{}", zh(*when), values.join("、"), zh(*item)),
            en: format!("{} is required when {} is {}", en(*item), en(*when), values.join(", ")),
        },
        RuleForm::OneOf(of) => Text {
            zh: format!(
                "{}至少填一项",
                of.iter().map(|&index| zh(index)).collect::<Vec<_>>().join("、")
            ),
            en: format!(
                "at least one of {} is required",
                of.iter().map(|&index| en(index)).collect::<Vec<_>>().join(", ")
            ),
        },
        RuleForm::Cel(_) => return None,
    })
}

/// Two are compared by name; of several, the order is told.
fn order(operands: &[Operand], operator: OrderOperator, items: &[DataItem]) -> Text {
    let (zh, en): (Vec<String>, Vec<String>) =
        operands.iter().map(|operand| spoken(operand, items)).unzip();
    let numbers = class(&operands[0], items) == Class::Number;
    let (word_zh, word_en) = match (operator, numbers) {
        (OrderOperator::NotAfter, false) => ("不应晚于", "must not be after"),
        (OrderOperator::NotAfter, true) => ("不应大于", "must not exceed"),
        (OrderOperator::Before, false) => ("应早于", "must be before"),
        (OrderOperator::Before, true) => ("应小于", "must be less than"),
    };
    match (zh.as_slice(), en.as_slice()) {
        ([first_zh, second_zh], [first_en, second_en]) => Text {
            zh: format!("{first_zh}{word_zh}{second_zh}"),
            en: format!("{first_en} {word_en} {second_en}"),
        },
        _ => Text {
            zh: format!("{}：每一项{word_zh}后一项", zh.join("、")),
            en: format!("{}: each {word_en} the next", en.join(", ")),
        },
    }
}

fn spoken(operand: &Operand, items: &[DataItem]) -> (String, String) {
    let item = &items[operand.item];
    match operand.part.as_deref() {
        None => (item.zh.clone(), item.name.clone()),
        Some(part) => {
            let part_zh = match part {
                "birth_date" => "出生日期",
                "sex" => "性别",
                "division" => "地区代码",
                _ => "组织机构代码",
            };
            let part_en = part.replace('_', " ");
            (format!("{}中的{part_zh}", item.zh), format!("the {part_en} in {}", item.name))
        }
    }
}
