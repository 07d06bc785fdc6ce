//! The contract and the derived JSON Schema accept the same rows, with `jsonschema` as judge.

use std::{cell::Cell, sync::Arc};

use jsonschema::Validator;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value};
use yiku_core::{
    catalog::Catalog,
    code_list::CodeLists,
    contract::{Checked, Contract, MappedRow, number},
    derive,
    entry::{EntryVersion, ItemType},
    violation::Severity,
};

use crate::{catalog, rows};

#[test]
fn generated_entries_agree() {
    let lists = rows::lists();
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() };
    let cases = rows::any_entry().prop_flat_map(|entry| {
        let rows = prop::collection::vec(rows::any_row(&entry, &rows::lists()), 1..16);
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
}

impl Tally {
    /// Many of both, or the property says little.
    fn assert_balanced(&self) {
        let (taken, refused) = (self.taken.get(), self.refused.get());
        let fifth = (taken + refused) / 5;
        assert!(taken > fifth && refused > fifth, "{taken} taken, {refused} refused");
    }
}

/// The two that must agree.
struct Pair {
    contract: Contract,
    schema: Validator,
}

impl Pair {
    fn new(mut entry: EntryVersion, lists: &CodeLists) -> Self {
        // Rules between items are what a schema cannot say.
        entry.rules.clear();
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
        let taken = !work.findings.iter().any(|finding| finding.severity == Severity::Reject);
        let instance = instance(self.contract.entry(), row);
        let errors: Vec<String> =
            self.schema.iter_errors(&instance).map(|error| error.to_string()).collect();
        prop_assert_eq!(
            taken,
            errors.is_empty(),
            "{}: contract {:?}, schema {:?}",
            instance,
            work.findings,
            errors
        );
        let count = if taken { &tally.taken } else { &tally.refused };
        count.set(count.get() + 1);
        Ok(())
    }
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
