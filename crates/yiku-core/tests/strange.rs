//! Whatever comes in, nothing panics, and nothing is shown that should not be.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    contract::{Checked, Contract, MappedRow, Operation, Verdict},
    mapping::{ItemMapping, Mapping, MappingSpec, Step},
};

use crate::rows;

const STEPS: [Step; 11] = [
    Step::Trim,
    Step::HalfWidth,
    Step::Upper,
    Step::Lower,
    Step::Id15To18,
    Step::CollapseSpace,
    Step::DropSpace,
    Step::DropHyphen,
    Step::DropComma,
    Step::DigitsOnly,
    Step::BlankToNull,
];

const FORMATS: [&str; 7] = [
    "yyyyMMdd",
    "yyyy/M/d H:mm:ss",
    "yyyy年M月d日",
    "yyyy-MM-ddTHH:mm:ss.SSSXXX",
    "excel",
    "unix-seconds",
    "unix-millis",
];

/// Anything, and things that look like dates and numbers.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{0,20}",
        "[0-9]{4}[-/年][0-9０-９]{1,2}[-/月][0-9]{1,2}日?([T ][0-9:.]{0,12}([+-][0-9:]{0,5}|Z)?)?",
        "[-+]?[0-9,，.]{0,30}",
        "[ \u{3000}\u{FEFF}\t]{0,3}[0-9A-Za-z０-９Ｘ-]{0,20}[ \u{3000}]{0,3}",
    ]
}

#[test]
fn no_value_is_too_strange() {
    let lists = rows::lists();
    let config = ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() };
    let item = (vec(prop::sample::select(STEPS.to_vec()), 0..4), any::<bool>());
    let cases = rows::any_entry().prop_flat_map(move |entry| {
        let width = entry.items.len();
        let cells = vec(prop::option::weighted(0.9, any_text()), width);
        (Just(entry), vec(item.clone(), width), cells, any::<bool>())
    });
    TestRunner::new(config)
        .run(&cases, |(entry, declared, cells, delete)| {
            let map: BTreeMap<String, ItemMapping> = entry
                .items
                .iter()
                .zip(declared)
                .map(|(item, (steps, dated))| {
                    let dated = dated && matches!(item.kind.as_str(), "date" | "datetime");
                    let date = FORMATS.iter().filter(|_| dated).map(|&form| form.into()).collect();
                    (item.name.clone(), ItemMapping { steps, date, ..ItemMapping::default() })
                })
                .collect();
            let header = Header::new(entry.items.iter().map(|item| item.name.as_str()));
            let contract = Contract::compile(Arc::new(entry), &lists).expect("an entry");
            let spec = MappingSpec { map: Some(map), ..MappingSpec::default() };
            let mapping = Mapping::compile(Some(&spec), &contract).expect("a mapping");
            let mut batch = Batch::new(Arc::new(header), "strange.csv");
            batch.push_row(RowPlace::default(), cells.iter().map(Option::as_deref));
            let mut row = MappedRow::default();
            mapping.bind(&batch.header).apply(&batch, 0, &mut row);
            if delete {
                row.operation = Operation::Delete;
            }
            look(&contract, &row)
        })
        .unwrap();
}

/// Checks the row and describes what was found.
fn look(contract: &Contract, row: &MappedRow) -> Result<(), TestCaseError> {
    let mut work = Checked::default();
    let verdict = contract.check(row, &mut work);
    prop_assert_eq!(verdict == Verdict::Rejected && !work.body.is_empty(), false);
    for finding in &work.findings {
        let violation = contract.describe(finding, row);
        prop_assert!(!violation.zh.is_empty() && !violation.en.is_empty());
        let shown = violation.value.unwrap_or_default();
        let digits = shown.split(|character: char| !character.is_ascii_digit());
        let longest = digits.map(str::len).max().unwrap_or(0);
        prop_assert!(longest < 15, "as many digits as an id has: {}", shown);
    }
    Ok(())
}
