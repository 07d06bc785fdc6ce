//! A row against its contract: what must hold for whatever stands in it.

use yiku_core::{
    batch::Cells,
    contract::{Checked, Contract, MappedRow, Operation, Verdict},
    violation::Severity,
};

use crate::message;

/// Checks a row, twice; an accepted one must come back from its body, and be accepted as it came
/// back, with the same body.
pub fn check(contract: &Contract, row: &MappedRow) -> Verdict {
    let (mut work, mut again) = (Checked::default(), Checked::default());
    let verdict = contract.check(row, &mut work);
    assert_eq!(verdict, contract.check(row, &mut again), "a second check says otherwise");
    assert_eq!(work.findings, again.findings, "a second check finds something else");
    assert_eq!((&work.body, &work.key), (&again.body, &again.key));
    for finding in &work.findings {
        message::check_violation(&contract.describe(finding, row));
    }
    let rejects = work.findings.iter().any(|finding| finding.severity == Severity::Reject);
    assert_eq!(verdict == Verdict::Rejected, rejects, "a row is rejected exactly with a reason");
    if rejects {
        assert!(work.body.is_empty(), "a rejected row leaves something in the body");
    } else {
        assert!(!work.key.is_empty(), "an accepted row has a key");
        if row.operation == Operation::Upsert {
            come_back(contract, &work);
        }
    }
    verdict
}

fn come_back(contract: &Contract, work: &Checked) {
    let mut cells = Cells::new(contract.entry().items.len());
    contract.decode(&work.body, &mut cells).expect("a body that the contract wrote");
    let row = MappedRow { cells, ..MappedRow::default() };
    let mut again = Checked::default();
    let verdict = contract.check(&row, &mut again);
    assert_eq!(verdict, Verdict::Accepted, "{:?}", again.findings);
    assert_eq!((&work.body, &work.key), (&again.body, &again.key));
    assert_eq!(work.order_by, again.order_by);
}
