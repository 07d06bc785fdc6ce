//! Reading library files, and what a row gives to an entity.

use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::{
    batch::Cells,
    code_list::CodeLists,
    contract::Contract,
    entry::{
        Bounds, DataItem, EntryVersion, Examples, Feed, Metadata, SetValue, Share, SharingClass,
    },
};

fn item(name: &str, zh: &str, kind: ItemType) -> DataItem {
    DataItem {
        name: name.into(),
        zh: zh.into(),
        en: None,
        std: None,
        kind,
        required: false,
        grade: None,
        doubt: None,
        mask: Mask::None,
    }
}

fn entry(
    name: &str,
    items: Vec<DataItem>,
    order_by: Option<usize>,
    feeds: Vec<Feed>,
) -> EntryVersion {
    EntryVersion {
        name: name.parse().expect("a name"),
        version: "1.0.0".parse().expect("a version"),
        published_on: None,
        metadata: Metadata {
            code: String::new(),
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
            review: BTreeMap::new(),
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
        },
        items,
        key: vec![0],
        order_by,
        rules: Vec::new(),
        feeds,
        examples: Examples::default(),
    }
}

fn entries() -> BTreeMap<EntryName, EntryVersion> {
    let text = ItemType::Text { min_length: 1, max_length: 50, pattern: None };
    let date = ItemType::Date(Bounds::default());
    let person = |key: usize, set: Vec<(&str, SetValue)>| Feed {
        entity: "population.person".into(),
        key: vec![key],
        set: set.into_iter().map(|(name, value)| (name.into(), value)).collect(),
    };
    let household = entry(
        "public-security/household",
        vec![
            item("citizen_id", "公民身份号码", ItemType::CitizenId),
            item("name", "姓名", text.clone()),
            item("died_on", "死亡日期", date.clone()),
        ],
        None,
        vec![person(0, vec![("name", SetValue::Item(1)), ("death_date", SetValue::Item(2))])],
    );
    let marriage = entry(
        "civil-affairs/marriage",
        vec![
            item("certificate", "证号", text.clone()),
            item("husband", "男方", ItemType::CitizenId),
            item("wife", "女方", ItemType::CitizenId),
            item("registered_on", "登记日期", date),
            item("wife_name", "女方姓名", text),
        ],
        Some(3),
        vec![
            person(1, vec![("marital", SetValue::Const("20".into()))]),
            person(2, vec![("marital", SetValue::Const("20".into())), ("name", SetValue::Item(4))]),
        ],
    );
    [household, marriage].into_iter().map(|entry| (entry.name.clone(), entry)).collect()
}

fn lists() -> CodeLists {
    let text = "
list: marital
title: { zh: 婚姻状况, en: Marital status }
standard: GB/T 2261.2-2003
source: a sample
verified: false
unknown: reject
codes: { \"20\": { zh: 已婚, en: Married } }
";
    let mut lists = CodeLists::default();
    lists.insert(crate::code_list::parse("marital.yaml", text, |_| None).expect("a list"));
    lists
}

const LIBRARY: &str = "
library: population
name: { zh: 人口库, en: Population }
entities:
  person:
    name: { zh: 自然人, en: Person }
    key: citizen_id
    items:
      citizen_id: { zh: 公民身份号码, type: citizen-id }
      name:       [public-security/household, civil-affairs/marriage]
      death_date: [public-security/household]
      marital:    { zh: 婚姻状况, type: code, list: marital, from: [[civil-affairs/marriage]] }
    ends: { dead: death_date }
";

/// The problems of the library with one text put for another.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(LIBRARY.contains(from), "{from}");
    let text = LIBRARY.replacen(from, to, 1);
    let problems =
        parse("libraries/population.yaml", &text, &entries(), &lists()).expect_err("refused");
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let expected: Vec<String> =
        expected.iter().map(|line| format!("libraries/population.yaml:{line}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_library_takes_types_from_its_first_sources() {
    let library = parse("population.yaml", LIBRARY, &entries(), &lists()).expect("right");
    let person = library.entity("person").expect("it is there");
    assert_eq!(person.full_name(), "population.person");
    assert_eq!(person.table_name(), "population__person");
    assert_eq!(
        person.sources.iter().map(EntryName::as_str).collect::<Vec<_>>(),
        ["public-security/household", "civil-affairs/marriage"]
    );
    let shown: Vec<_> = person
        .items
        .iter()
        .map(|item| format!("{} {} {} {:?}", item.name, item.zh, item.kind.as_str(), item.ranks))
        .collect();
    assert_eq!(
        shown,
        [
            "citizen_id 公民身份号码 citizen-id [None, None]",
            "name 姓名 text [Some(0), Some(1)]",
            "death_date 死亡日期 date [Some(0), None]",
            "marital 婚姻状况 code [None, Some(0)]",
        ]
    );
}

#[test]
fn mistakes_are_found_where_they_stand() {
    check(
        "key: citizen_id",
        "key: citizen",
        &["7:10: `citizen` is not known here; known are: citizen_id, name, death_date, marital"],
    );
    check(
        "public-security/household, civil",
        "public-security/houshold, civil",
        &[
            "5:3: `public-security/household` sets `name` of population.person, but is no source \
             of it here",
            "10:20: the catalog has no entry `public-security/houshold`",
        ],
    );
    check(
        "death_date: [public-security/household]",
        "death_date: { zh: 死亡日期, type: date, from: [civil-affairs/marriage] }",
        &[
            "5:3: `public-security/household` sets `death_date` of population.person, but is no \
             source of it here",
            "11:50: `civil-affairs/marriage` does not set `death_date` of population.person: add \
             it to its feeds or remove it here",
        ],
    );
}

#[test]
fn a_marriage_gives_to_two_persons() {
    let entries = entries();
    let library = parse("population.yaml", LIBRARY, &entries, &lists()).expect("right");
    let marriage = Arc::new(entries.values().next().expect("marriage").clone());
    let contract = Contract::compile(Arc::clone(&marriage), &lists()).expect("it compiles");
    let contract = Arc::new(contract);
    let merging = Merging::new([&library], [contract]);
    let plan = merging.newest(&marriage.name).expect("it is bound");
    let mut cells = Cells::new(5);
    cells.push_row([Some("M1"), None, Some("W"), Some("2026-01-02"), Some("李娜")]);
    let row = cells.row(0);
    let keys: Vec<_> = plan.feeds.iter().map(|feed| feed.entity_key(&row)).collect();
    assert_eq!(keys, [None, Some("W".to_owned())]);
    assert!(!plan.feeds[0].direct);
    let mut out = Cells::new(4);
    plan.feeds[1].push_values(&row, &mut out);
    let values: Vec<_> = out.row(0).cells().collect();
    assert_eq!(values, [None, Some("李娜"), None, Some("20")]);
}
