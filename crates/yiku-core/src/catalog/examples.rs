//! An entry's examples under its own contract: valid rows are taken, invalid rows are found wrong
//! as they say.

use std::collections::BTreeMap;

use crate::{
    contract::{Checked, Contract, MappedRow, Verdict},
    problem::{Problem, SourceFile},
    violation::{Severity, Violation},
};

use super::problem_at;

pub(super) fn problems(file: &SourceFile, contract: &Contract) -> Vec<Problem> {
    let examples = &contract.entry().examples;
    let mut problems = Vec::new();
    for (index, row) in examples.valid.iter().enumerate() {
        let (_, violations) = check(contract, row);
        let index = index.to_string();
        for violation in violations.iter().filter(|found| found.severity == Severity::Reject) {
            problems.push(problem_at(
                file,
                &["examples", "valid", &index],
                format!("示例应通过，却有问题 {}：{}", named(violation), violation.zh),
                format!("a valid example has a problem, {}: {}", named(violation), violation.en),
            ));
        }
    }
    for (index, example) in examples.invalid.iter().enumerate() {
        let (_, violations) = check(contract, &example.row);
        let index = index.to_string();
        for (code, item, rule) in &example.expect {
            let is_found = violations.iter().any(|found| {
                found.code == *code
                    && (item.is_none() || found.item == *item)
                    && (rule.is_none() || found.rule == *rule)
            });
            if !is_found {
                let found: Vec<String> = violations.iter().map(named).collect();
                let found = if found.is_empty() { "-".to_owned() } else { found.join(", ") };
                problems.push(problem_at(
                    file,
                    &["examples", "invalid", &index],
                    format!("期望的问题 {code} 没有出现；实际有：{found}"),
                    format!("the problem {code} was expected and not found; found: {found}"),
                ));
            }
        }
    }
    problems
}

fn check(contract: &Contract, row: &BTreeMap<String, String>) -> (Verdict, Vec<Violation>) {
    let items = &contract.entry().items;
    let mut mapped = MappedRow::new(items.len());
    mapped.cells.push_row(items.iter().map(|item| row.get(&item.name).map(String::as_str)));
    let mut work = Checked::default();
    let verdict = contract.check(&mapped, &mut work);
    let describe = |finding| contract.describe(finding, &mapped);
    (verdict, work.findings.iter().map(describe).collect())
}

/// `check-digit citizen_id`, `rule birth-in-id`.
fn named(violation: &Violation) -> String {
    let what = violation.rule.as_ref().or(violation.item.as_ref());
    match what {
        Some(what) => format!("{} {what}", violation.code),
        None => violation.code.to_string(),
    }
}
