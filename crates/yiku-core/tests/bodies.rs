//! Avro bodies: what the contract writes, `apache-avro` reads as the same values, and the other
//! way round.

use std::{cell::Cell, sync::Arc};

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use proptest::{prelude::*, test_runner::TestRunner};
use yiku_core::{
    batch::Cells,
    calendar,
    catalog::Catalog,
    contract::{Checked, Contract, MappedRow, Verdict, number},
    derive,
    entry::{EntryVersion, ItemType},
};

use crate::{catalog, rows};

#[test]
fn bodies_are_what_apache_avro_reads_and_writes() {
    let lists = rows::lists();
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..Default::default() };
    let entries = rows::any_entry();
    let entries_with_rows = entries.prop_flat_map(|entry| {
        let row = rows::right_row(&entry, &rows::lists());
        (Just(entry), row)
    });
    let taken = Cell::new(0);
    TestRunner::new(config)
        .run(&entries_with_rows, |(entry, row)| {
            let entry = Arc::new(entry);
            let contract = Contract::compile(Arc::clone(&entry), &lists).expect("an entry");
            taken.set(taken.get() + u32::from(check(&contract, &entry, &row)?));
            Ok(())
        })
        .unwrap();
    assert!(taken.get() > 750, "most rows are right, {} were", taken.get());
}

#[test]
fn bodies_of_the_catalog_are_too() {
    let (catalog, _) = Catalog::read(&catalog::files());
    for entry in catalog.entries.values() {
        let mut entry = entry.clone();
        entry.rules.clear();
        let entry = Arc::new(entry);
        let contract = Contract::compile(Arc::clone(&entry), &catalog.lists).expect("an entry");
        let config = ProptestConfig { cases: 20, failure_persistence: None, ..Default::default() };
        TestRunner::new(config)
            .run(&rows::right_row(&entry, &catalog.lists), |row| {
                check(&contract, &entry, &row).map(drop)
            })
            .unwrap();
    }
}

/// Takes the row to Avro and back on both ways; false when the contract rejects it.
fn check(
    contract: &Contract,
    entry: &EntryVersion,
    row: &rows::Cells,
) -> Result<bool, TestCaseError> {
    let mut mapped = MappedRow::new(row.len());
    mapped.cells.push_row(row.iter().map(Option::as_deref));
    let mut work = Checked::default();
    if contract.check(&mapped, &mut work) == Verdict::Rejected {
        return Ok(false);
    }
    let mut ours = Cells::new(row.len());
    contract.decode(&work.body, &mut ours).expect("our own body");

    let schema = Schema::parse(&derive::avro_schema(entry)).expect("an Avro schema");
    let mut rest = work.body.as_slice();
    let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
    let value = reader.read_value(&mut rest).expect("a body");
    prop_assert!(rest.is_empty(), "nothing follows the record");
    let Value::Record(fields) = &value else { panic!("a record") };
    for (index, (name, field)) in fields.iter().enumerate() {
        let item = &entry.items[index];
        prop_assert_eq!(name, &item.name);
        let theirs = canonical(&item.kind, field);
        prop_assert_eq!(theirs.as_deref(), ours.row(0).get(index));
    }

    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    let theirs = writer.write_value_to_vec(value).expect("the same values");
    let mut again = Cells::new(row.len());
    contract.decode(&theirs, &mut again).expect("a body of apache-avro");
    prop_assert!(again.row(0).cells().eq(ours.row(0).cells()));
    Ok(true)
}

/// A value of `apache-avro` as canonical text.
fn canonical(kind: &ItemType, value: &Value) -> Option<String> {
    let mut text = String::new();
    match (kind, value) {
        (_, Value::Union(_, value)) => return canonical(kind, value),
        (_, Value::Null) => return None,
        (_, Value::String(value)) => text.push_str(value),
        (_, Value::Boolean(value)) => text.push_str(if *value { "true" } else { "false" }),
        (_, Value::Long(value)) => number::push_integer(*value, &mut text),
        (_, Value::Date(days)) => calendar::push_date(*days, &mut text),
        (_, Value::TimestampMillis(millis)) => calendar::push_datetime(*millis, &mut text),
        (ItemType::Decimal { scale, .. }, Value::Decimal(value)) => {
            let bytes = Vec::<u8>::try_from(value).expect("bytes");
            let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
            let mut all = if negative { [0xFF; 16] } else { [0; 16] };
            let start = 16 - bytes.len();
            all[start..].copy_from_slice(&bytes);
            number::push_decimal(i128::from_be_bytes(all), *scale, &mut text);
        }
        (kind, value) => panic!("{kind:?} cannot be {value:?}"),
    }
    Some(text)
}

#[test]
fn a_damaged_body_is_an_error_and_no_panic() {
    let lists = rows::lists();
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() };
    let cases = (rows::any_entry(), prop::collection::vec(any::<u8>(), 0..80));
    TestRunner::new(config)
        .run(&cases, |(entry, body)| {
            let contract = Contract::compile(Arc::new(entry), &lists).expect("an entry");
            let mut cells = Cells::new(contract.entry().items.len());
            let _ = contract.decode(&body, &mut cells);
            Ok(())
        })
        .unwrap();
}
