//! Differences between rules.

use super::{Differences, Level};
use crate::{
    entry::{EntryVersion, Operand, Prefix, Rule, RuleForm},
    violation::Severity,
};

pub(super) fn compare(old: &EntryVersion, new: &EntryVersion, found: &mut Differences) {
    let find =
        |entry: &'_ EntryVersion, id: &str| entry.rules.iter().position(|rule| rule.id == id);
    for rule in &old.rules {
        let id = &rule.id;
        let Some(index) = find(new, id) else {
            found.minor(format!("规则 `{id}` 被删去"), format!("rule `{id}` is gone"));
            continue;
        };
        let other = &new.rules[index];
        if written(&rule.form, old) != written(&other.form, new) {
            found.add(
                weight(other),
                format!("规则 `{id}` 有变化"),
                format!("rule `{id}` says otherwise"),
            );
        }
        match (rule.severity, other.severity) {
            (Severity::Warn, Severity::Reject) => found.major(
                format!("规则 `{id}` 由提醒改为拒绝"),
                format!("rule `{id}` warned and rejects"),
            ),
            (Severity::Reject, Severity::Warn) => found.minor(
                format!("规则 `{id}` 由拒绝改为提醒"),
                format!("rule `{id}` rejected and warns"),
            ),
            _ => {}
        }
        if rule.message != other.message {
            found.patch(
                format!("规则 `{id}` 的提示语有变化"),
                format!("the words of rule `{id}` differ"),
            );
        }
    }
    for rule in new.rules.iter().filter(|rule| find(old, &rule.id).is_none()) {
        let id = &rule.id;
        found.add(weight(rule), format!("新增规则 `{id}`"), format!("rule `{id}` is new"));
    }
}

/// A rule that only warns keeps no row out.
fn weight(rule: &Rule) -> Level {
    match rule.severity {
        Severity::Reject => Level::Major,
        Severity::Warn => Level::Minor,
    }
}

/// The form with names in place of indexes, which differ between versions.
fn written(form: &RuleForm, entry: &EntryVersion) -> String {
    let name = |index: usize| entry.items[index].name.clone();
    let operand = |operand: &Operand| match &operand.part {
        None => name(operand.item),
        Some(part) => format!("{}.{part}", name(operand.item)),
    };
    match form {
        RuleForm::Same(first, second) => format!("same {} {}", operand(first), operand(second)),
        RuleForm::Order(operands, operator) => {
            format!("order {operator:?} {:?}", operands.iter().map(operand).collect::<Vec<_>>())
        }
        RuleForm::Begins { item, prefix: Prefix::Texts(texts) } => {
            format!("{} begins with {texts:?}", name(*item))
        }
        RuleForm::Begins { item, prefix: Prefix::Item(other) } => {
            format!("{} begins with {}", name(*item), name(*other))
        }
        RuleForm::RequiredWhen { item, when, values } => {
            format!("required {} when {} {values:?}", name(*item), name(*when))
        }
        RuleForm::OneOf(items) => {
            format!("one of {:?}", items.iter().map(|&index| name(index)).collect::<Vec<_>>())
        }
        RuleForm::Cel(text) => format!("cel {text}"),
    }
}
