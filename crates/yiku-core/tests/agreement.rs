//! The contract and the derived JSON Schema accept the same rows, with `jsonschema` as judge. Of
//! `begins` rules, which a schema cannot say, the contract finds what a plain reference finds.

use std::{cell::Cell, sync::Arc};

use jsonschema::Validator;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value};
use yiku_core::{
    catalog::Catalog,
    code_list::CodeLists,
    contract::{Cause, Checked, Contract, Finding, MappedRow, number},
    derive,
    entry::{EntryVersion, ItemType, Prefix, RuleForm},
    violation::{Code, Severity},
};

use crate::{catalog, rows};

#[test]
fn generated_entries_agree() {
    let lists = rows::lists();
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() };
    let cases = rows::any_entry().prop_flat_map(|entry| {
        let row = (rows::any_row(&entry, &rows::lists()), any::<Option<bool>>());
        let of = entry.clone();
        let row = row.prop_map(move |(row, aimed)| match aimed {
            Some(small) => rows::aimed(&of, row, small),
            None => row,
        });
        let rows = prop::collection::vec(row, 1..16);
        (Just(entry), rows)
    });
    let tally = Tally::default();
    TestRunner::new(config)
        .run(&cases, |(entry, rows)| {
            let pair = Pair::new(entry, &lists);
            rows.iter().try_for_each(|row| pair.check(row, &tally))
        })
        .unwrap();
    tally.assert_balanced();
}

#[test]
fn catalog_entries_agree() {
    let (catalog, _) = Catalog::read(&catalog::files());
    let tally = Tally::default();
    for entry in catalog.entries.values() {
        let config = ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() };
        let pair = Pair::new(entry.clone(), &catalog.lists);
        let cases = prop_oneof![
            rows::any_row(entry, &catalog.lists),
            rows::right_row(entry, &catalog.lists),
        ];
        TestRunner::new(config).run(&cases, |row| pair.check(&row, &tally)).unwrap();
    }
    tally.assert_balanced();
}

#[derive(Default)]
struct Tally {
    taken: Cell<u32>,
    refused: Cell<u32>,
    held: Cell<u32>,
    broken: Cell<u32>,
}

impl Tally {
    /// Many of both, or the property says little.
    fn assert_balanced(&self) {
        let (taken, refused) = (self.taken.get(), self.refused.get());
        let fifth = (taken + refused) / 5;
        assert!(taken > fifth && refused > fifth, "{taken} taken, {refused} refused");
        let (held, broken) = (self.held.get(), self.broken.get());
        let tenth = (held + broken) / 10;
        assert!(held > tenth && broken > tenth, "{held} rules held, {broken} broken");
    }
}

fn count(counter: &Cell<u32>) {
    counter.set(counter.get() + 1);
}

/// The two that must agree.
struct Pair {
    contract: Contract,
    schema: Validator,
}

impl Pair {
    fn new(mut entry: EntryVersion, lists: &CodeLists) -> Self {
        // Rules between items are what a schema cannot say; other forms have tests of their own.
        entry.rules.retain(|rule| matches!(rule.form, RuleForm::Begins { .. }));
        let schema = derive::json_schema(&entry, lists);
        let schema = derive::validator(&schema, lists).expect("a schema");
        let contract = Contract::compile(Arc::new(entry), lists).expect("an entry");
        Self { contract, schema }
    }

    fn check(&self, row: &rows::Cells, tally: &Tally) -> Result<(), TestCaseError> {
        let mut mapped = MappedRow::new(row.len());
        mapped.cells.push_row(row.iter().map(Option::as_deref));
        let mut work = Checked::default();
        self.contract.check(&mapped, &mut work);
        let (of_rules, of_items): (Vec<Finding>, Vec<Finding>) =
            work.findings.iter().cloned().partition(|finding| finding.code == Code::Rule);
        let taken = !of_items.iter().any(|finding| finding.severity == Severity::Reject);
        let instance = instance(self.contract.entry(), row);
        let errors: Vec<String> =
            self.schema.iter_errors(&instance).map(|error| error.to_string()).collect();
        prop_assert_eq!(
            taken,
            errors.is_empty(),
            "{}: contract {:?}, schema {:?}",
            instance,
            of_items,
            errors
        );
        count(if taken { &tally.taken } else { &tally.refused });
        let expected = broken_rules(self.contract.entry(), row, &of_items, tally);
        prop_assert_eq!(of_rules, expected, "{}", instance);
        Ok(())
    }
}

/// What is to be found of `begins` rules in a row in whose items `of_items` was found.
fn broken_rules(
    entry: &EntryVersion,
    row: &rows::Cells,
    of_items: &[Finding],
    tally: &Tally,
) -> Vec<Finding> {
    let is_broken = |item: usize| {
        of_items.iter().any(|one| one.item == Some(item) && one.severity == Severity::Reject)
    };
    let value = |item: usize| row[item].as_deref().filter(|_| !is_broken(item));
    let is_identifier = |item: usize| rows::is_identifier(&entry.items[item].kind);
    let mut findings = Vec::new();
    for (number, rule) in entry.rules.iter().enumerate() {
        let RuleForm::Begins { item, prefix } = &rule.form else { continue };
        let (prefixes, of_identifier) = match prefix {
            Prefix::Texts(texts) => (texts.iter().map(String::as_str).collect(), false),
            Prefix::Item(other) => (Vec::from_iter(value(*other)), is_identifier(*other)),
        };
        let (Some(text), false) = (value(*item), prefixes.is_empty()) else { continue };
        let fold = |text: &str| match of_identifier || is_identifier(*item) {
            true => text.to_ascii_uppercase(),
            false => text.to_owned(),
        };
        if prefixes.iter().any(|prefix| fold(text).starts_with(&fold(prefix))) {
            count(&tally.held);
            continue;
        }
        count(&tally.broken);
        findings.push(Finding {
            code: Code::Rule,
            severity: rule.severity,
            item: Some(*item),
            cause: Cause::Rule(number),
        });
    }
    findings
}

/// The row as a JSON object: integers and booleans as such where they are canonical, all else as
/// text. Of the items without value, every other one is left out and every other one null.
fn instance(entry: &EntryVersion, row: &rows::Cells) -> Value {
    let mut object = Map::new();
    for (index, (item, cell)) in entry.items.iter().zip(row).enumerate() {
        let Some(text) = cell else {
            if index % 2 == 0 {
                object.insert(item.name.clone(), Value::Null);
            }
            continue;
        };
        let value = match item.kind {
            ItemType::Integer(_) => {
                number::integer(text.as_bytes()).map_or(text.as_str().into(), Value::from)
            }
            ItemType::Boolean if text == "true" || text == "false" => Value::Bool(text == "true"),
            _ => text.as_str().into(),
        };
        object.insert(item.name.clone(), value);
    }
    Value::Object(object)
}
