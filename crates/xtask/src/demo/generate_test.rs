//! The generator against the catalog: what is broken is found as the truth says, what is not
//! broken passes, all by the contract alone. What only a file reader can see (encodings, ragged
//! lines, doubled keys) is left to the test of the whole demo.

use std::{fs, sync::Arc};

use serde_json::Value;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    catalog::Catalog,
    contract::{Checked, Contract, MappedRow},
    mapping::{Mapping, MappingSpec},
    violation::{Severity, Violation},
};

use super::{
    city::City,
    connector,
    generate::write_rows,
    system::{Row, SYSTEMS, System},
    truth::Truth,
    write::{Damage, Place, Writer},
};
use crate::{tidy, workspace};

/// Keeps rows instead of writing them.
#[derive(Default)]
struct Kept(Vec<(Row, Damage)>);

impl Writer for Kept {
    fn row(&mut self, row: &Row, damage: Damage) -> anyhow::Result<Place> {
        self.0.push((row.clone(), damage));
        Ok(Place { origin: String::new(), place: self.0.len() as u64 - 1 })
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(())
    }
}

fn catalog() -> Catalog {
    let files = tidy::catalog::source_files(&workspace::text_files().unwrap());
    let (catalog, problems) = Catalog::read(&files);
    assert!(problems.is_empty(), "{}", problems[0]);
    catalog
}

fn mapping_of(system: &System, contract: &Contract) -> Mapping {
    let file: Value = serde_saphyr::from_str(&connector::source(system, "")).unwrap();
    let mut spec = serde_json::Map::new();
    for part in ["map", "operation", "zone"] {
        if let Some(value) = file.get(part) {
            spec.insert(part.to_owned(), value.clone());
        }
    }
    let spec: MappingSpec = serde_json::from_value(spec.into()).unwrap();
    Mapping::compile(Some(&spec), contract)
        .unwrap_or_else(|problems| panic!("{}: {}", system.connector, problems[0]))
}

/// What the contract says of each row, in order; `None` where a file reader has its say first.
fn judge(
    system: &System,
    contract: &Contract,
    rows: &[(Row, Damage)],
) -> Vec<Option<Vec<Violation>>> {
    let mapping = mapping_of(system, contract);
    let header = Arc::new(Header::new(system.columns.iter().map(|column| column.name)));
    let bound = mapping.bind(&header);
    let mut work = Checked::default();
    let mut out = MappedRow::new(contract.entry().items.len());
    let judge_one = |(row, damage): &(Row, Damage)| {
        if *damage != Damage::None {
            return None;
        }
        let mut batch = Batch::new(header.clone(), "test");
        let cells = row.iter().map(|cell| cell.as_deref().filter(|text| !text.is_empty()));
        batch.push_row(RowPlace::default(), cells);
        bound.apply(&batch, 0, &mut out);
        contract.check(&out, &mut work);
        work.body.clear();
        Some(work.findings.iter().map(|finding| contract.describe(finding, &out)).collect())
    };
    rows.iter().map(judge_one).collect()
}

fn truth_fits(truth: &Value, found: &[Violation]) -> bool {
    let severity = match truth["outcome"].as_str().unwrap() {
        "accepted" => return found.is_empty(),
        "warned" => Severity::Warn,
        _ => Severity::Reject,
    };
    let none_worse = severity == Severity::Reject
        || found.iter().all(|violation| violation.severity == Severity::Warn);
    let same = |expected: &Value, found: Option<&str>| {
        expected.is_null() || expected == &Value::from(found)
    };
    none_worse
        && found.iter().any(|violation| {
            violation.severity == severity
                && truth["code"] == violation.code.as_str()
                && same(&truth["item"], violation.item.as_deref())
                && same(&truth["rule"], violation.rule.as_deref())
        })
}

#[test]
fn the_contract_finds_what_was_broken_and_nothing_else() {
    let root = workspace::root();
    let city = City::new(20_000, &root.join("catalog/codelists/division.csv")).unwrap();
    let catalog = catalog();
    let folder = tempfile::tempdir().unwrap();
    let mut problems = Vec::new();
    for &system in SYSTEMS {
        let entry = catalog.entries[&system.entry.parse().unwrap()].clone();
        let contract = Contract::compile(Arc::new(entry), &catalog.lists).unwrap();
        let path = folder.path().join(system.connector);
        let (mut kept, mut truth) = (Kept::default(), Truth::create(&path).unwrap());
        write_rows(&city, system, &mut kept, &mut truth).unwrap();
        truth.finish().unwrap();
        let truths = fs::read_to_string(&path).unwrap();
        let mut truths = truths.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut next = truths.next();
        for (index, found) in judge(system, &contract, &kept.0).into_iter().enumerate() {
            let truth = next.take_if(|truth| truth["place"] == index as u64);
            if truth.is_some() {
                next = truths.next();
            }
            let Some(found) = found else { continue };
            let fits = match &truth {
                Some(truth) if truth["code"] == "duplicate-key" => true,
                Some(truth) => truth_fits(truth, &found),
                None => found.is_empty(),
            };
            if !fits {
                let row = &kept.0[index].0;
                problems.push(format!("{}: {truth:?}\n{found:?}\n{row:?}", system.connector));
            }
        }
    }
    let shown = problems.iter().take(8).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(problems.is_empty(), "{} rows:\n{shown}", problems.len());
}
