//! Entries made by hand, for the tests of this crate.

use std::sync::Arc;

use super::Contract;
use crate::{
    code_list::{CodeList, CodeLists, DIVISIONS, ListedCode},
    entry::{
        Bounds, DataItem, EntryVersion, Examples, ItemType, Metadata, Operand, OrderOperator, Rule,
        RuleForm, Share, SharingClass, Text, Version,
    },
    mask::Mask,
    violation::Severity,
};

pub(crate) fn item(name: &str, kind: ItemType) -> DataItem {
    DataItem {
        name: name.into(),
        zh: format!("[{name}]"),
        en: None,
        std: None,
        kind,
        required: false,
        grade: None,
        doubt: None,
        mask: Mask::None,
    }
}

pub(crate) fn text(max_length: u32, pattern: Option<&str>) -> ItemType {
    ItemType::Text { min_length: 1, max_length, pattern: pattern.map(Into::into) }
}

pub(crate) fn bounds(min: &str, max: &str) -> Bounds {
    let bound = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Bounds { min: bound(min), max: bound(max) }
}

pub(crate) fn list(name: &str, codes: &[&str]) -> CodeList {
    let codes = codes.iter().map(|code| ListedCode {
        code: (*code).into(),
        current: true,
        ..ListedCode::default()
    });
    CodeList { name: name.into(), codes: codes.collect(), ..CodeList::default() }
}

pub(crate) fn lists() -> CodeLists {
    let mut lists = CodeLists::default();
    lists.insert(list("sex", &["0", "1", "2", "9"]));
    lists.insert(list(DIVISIONS, &["431300", "431302", "431381", "432501"]));
    lists
}

pub(crate) fn metadata() -> Metadata {
    Metadata {
        code: "307021000/000042".into(),
        name: Text::default(),
        summary: Text::default(),
        attribute: "department".into(),
        level: "department".into(),
        format: ("database".into(), "mysql".into()),
        source_system: String::new(),
        update: "daily".into(),
        related: Vec::new(),
        basis: String::new(),
        secrecy: "none".into(),
        category: String::new(),
        grade: String::new(),
        review: Default::default(),
        share: Share {
            class: SharingClass::Unconditional,
            scope: None,
            purpose: None,
            conditions: None,
            reason: None,
            legal_basis: None,
            modes: Vec::new(),
        },
        open: "closed".into(),
        open_conditions: None,
    }
}

/// An entry of these items: the first is required and the key.
pub(crate) fn entry(mut items: Vec<DataItem>, rules: Vec<RuleForm>) -> EntryVersion {
    items[0].required = true;
    let rules = rules.into_iter().enumerate().map(|(index, form)| Rule {
        id: format!("rule-{index}"),
        form,
        severity: Severity::Reject,
        message: Text { zh: "不符".into(), en: "broken".into() },
    });
    EntryVersion {
        name: "public-security/household".parse().unwrap(),
        version: Version { major: 1, minor: 0, patch: 0 },
        published_on: None,
        metadata: metadata(),
        items,
        key: vec![0],
        order_by: None,
        rules: rules.collect(),
        feeds: Vec::new(),
        examples: Examples::default(),
    }
}

pub(crate) fn household_entry() -> EntryVersion {
    let operand = |item, part: Option<&str>| Operand { item, part: part.map(Into::into) };
    let items = vec![
        item("citizen_id", ItemType::CitizenId),
        item("name", text(50, None)),
        item("sex", ItemType::Code { list: "sex".into() }),
        item("birth_date", ItemType::Date(Bounds::default())),
        item("death_date", ItemType::Date(Bounds::default())),
        item("spouse", ItemType::CitizenId),
        item("updated_at", ItemType::DateTime),
    ];
    let rules = vec![
        RuleForm::Same(operand(3, None), operand(0, Some("birth_date"))),
        RuleForm::Same(operand(2, None), operand(0, Some("sex"))),
        RuleForm::Order(vec![operand(3, None), operand(4, None)], OrderOperator::NotAfter),
        RuleForm::RequiredWhen { item: 1, when: 2, values: vec!["1".into(), "2".into()] },
        RuleForm::OneOf(vec![1, 5]),
    ];
    EntryVersion { order_by: Some(6), ..entry(items, rules) }
}

/// The household register's contract.
pub(crate) fn household() -> Contract {
    Contract::compile(Arc::new(household_entry()), &lists()).unwrap()
}
