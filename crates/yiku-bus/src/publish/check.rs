//! Checking a batch: every row mapped, checked and encoded, or rejected with every reason.

use std::{collections::BTreeMap, io};

use yiku_core::{
    batch::Batch,
    contract::{Checked, Contract, Finding, MappedRow, Verdict},
    digest::Digester,
    mapping::Bound,
    operation::Operation,
    publication::{RejectedRow, ViolationCount},
    row_version::{RowVersion, VersionParts},
    tree::Hash,
    violation::{Code, Severity, Violation},
};

use super::{
    line::Line,
    run_keys::{RunKeys, Seen},
};
use crate::Records;

/// What rows are checked with.
#[derive(Clone, Copy)]
pub struct Checking<'a> {
    /// The entry version, compiled.
    pub contract: &'a Contract,
    /// The mapping, bound to the batch's header.
    pub bound: &'a Bound<'a>,
    /// Who publishes.
    pub connector: &'a str,
    /// The line they go to.
    pub line: &'a Line,
    /// The number of the batch to come: the order of rows whose source has none.
    pub batch: u64,
    /// Rows that were rejected before: one per row of the batch, or none at all.
    pub retried: &'a [Retried],
}

/// A rejected row that is tried again: it keeps its place among the rows of its key.
#[derive(Clone, Copy, Debug)]
pub struct Retried {
    /// The quarantine's number of the row.
    pub id: i64,
    /// The version it came with.
    pub version: RowVersion,
}

/// A batch as it would be published.
#[derive(Debug, Default)]
pub struct CheckedBatch {
    records: Records,
    rest: Rest,
}

/// All of a checked batch but its records.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) digests: Vec<Hash>,
    pub(super) rejected: Vec<RejectedRow>,
    pub(super) pulled: u64,
    pub(super) warned: u64,
    pub(super) deletes: u64,
    pub(super) keyless: u64,
    counts: BTreeMap<(Code, Severity, Option<String>, Option<String>), u64>,
}

impl CheckedBatch {
    /// A batch of no rows, for a position that moves alone.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Rows handed over by the source.
    pub fn pulled(&self) -> u64 {
        self.rest.pulled
    }

    /// Rows that pass.
    pub fn accepted(&self) -> u64 {
        self.records.len() as u64
    }

    /// Rows that pass with a warning.
    pub fn warned(&self) -> u64 {
        self.rest.warned
    }

    /// Rows that do not, as they go to quarantine.
    pub fn rejected(&self) -> &[RejectedRow] {
        &self.rest.rejected
    }

    /// The records of the rows that pass.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// How often each violation was found.
    pub fn violations(&self) -> Vec<ViolationCount> {
        self.rest.tally()
    }

    pub(super) fn split(mut self, digester: &Digester) -> (Records, Rest) {
        let digest = |record: crate::Record<'_>| {
            digester.row(record.key, &record.version, record.operation, record.body)
        };
        self.rest.digests = self.records.iter().flatten().map(digest).collect();
        self.rest.rejected.iter_mut().for_each(|row| row.shorten(digester));
        (self.records, self.rest)
    }

    /// Appends a delete of a key that no source row stands for: a sweep's.
    pub fn push_delete(&mut self, key: &str, version: &RowVersion) {
        self.records.push(key, version, Operation::Delete, &[]);
        self.rest.pulled += 1;
        self.rest.deletes += 1;
    }
}

impl Rest {
    pub(super) fn tally(&self) -> Vec<ViolationCount> {
        let one = |((code, severity, item, rule), count): (&_, &_)| {
            let (item, rule): (&Option<String>, &Option<String>) = (item, rule);
            ViolationCount {
                code: *code,
                severity: *severity,
                item: item.clone(),
                rule: rule.clone(),
                count: *count,
            }
        };
        self.counts.iter().map(one).collect()
    }

    fn count(&mut self, violations: &[Violation]) {
        for violation in violations {
            let key = (
                violation.code,
                violation.severity,
                violation.item.clone(),
                violation.rule.clone(),
            );
            *self.counts.entry(key).or_default() += 1;
        }
    }
}

/// Maps and checks every row of the batch. Touches nothing.
///
/// With `keys`, a second row of one key is a finding: the same row warns, another is rejected.
/// Fails only where they are spilled and their files cannot be written or read.
pub fn check_batch(
    checking: &Checking<'_>,
    batch: &Batch,
    mut keys: Option<&mut RunKeys>,
) -> io::Result<CheckedBatch> {
    let mut out = CheckedBatch::default();
    let mut mapped = MappedRow::new(checking.contract.entry().items.len());
    let mut checked = Checked::default();
    let first_key = checking.contract.entry().key[0];
    for row in 0..batch.len() {
        checking.bound.apply(batch, row, &mut mapped);
        checked.body.clear();
        let mut verdict = checking.contract.check(&mapped, &mut checked);
        if verdict == Verdict::Accepted
            && let Some(keys) = keys.as_deref_mut()
        {
            verdict = note_key(keys, &mapped, &mut checked, first_key)?;
        }
        let version = checking.version(batch, row, checked.order_by);
        out.rest.pulled += 1;
        let describe = |finding: &Finding| checking.contract.describe(finding, &mapped);
        let violations: Vec<_> = checked.findings.iter().map(describe).collect();
        out.rest.count(&violations);
        match verdict {
            Verdict::Accepted => {
                out.rest.warned += u64::from(!violations.is_empty());
                out.rest.deletes += u64::from(mapped.operation == Operation::Delete);
                out.records.push(&checked.key, &version, mapped.operation, &checked.body);
            }
            Verdict::Rejected => {
                let key = (!checked.key.is_empty()).then(|| checked.key.clone());
                out.rest.keyless += u64::from(key.is_none());
                let operation = mapped.operation;
                out.rest.rejected.push(RejectedRow {
                    key,
                    operation,
                    violations,
                    ..checking.rejected(batch, row, version)
                });
            }
        }
    }
    Ok(out)
}

fn note_key(
    keys: &mut RunKeys,
    mapped: &MappedRow,
    checked: &mut Checked,
    key_item: usize,
) -> io::Result<Verdict> {
    let (severity, verdict) = match keys.note(&checked.key, mapped.operation, &checked.body)? {
        Seen::First => return Ok(Verdict::Accepted),
        Seen::Same => (Severity::Warn, Verdict::Accepted),
        Seen::Other => (Severity::Reject, Verdict::Rejected),
    };
    checked.findings.push(Finding::duplicate_key(severity, key_item));
    Ok(verdict)
}

impl Checking<'_> {
    fn version(&self, batch: &Batch, row: usize, order_by: i64) -> RowVersion {
        let parts = match self.retried.get(row) {
            Some(retried) => {
                let parts = retried.version.parts();
                VersionParts { order_by, attempt: parts.attempt + 1, ..parts }
            }
            None => {
                let place = batch.places[row];
                VersionParts {
                    order_by,
                    line: self.line.number,
                    order: if place.order == 0 { self.batch } else { place.order },
                    row: u32::try_from(place.place).unwrap_or(u32::MAX),
                    attempt: 0,
                }
            }
        };
        RowVersion::new(parts)
    }

    fn rejected(&self, batch: &Batch, row: usize, row_version: RowVersion) -> RejectedRow {
        RejectedRow {
            connector: self.connector.to_owned(),
            entry: self.line.entry.clone(),
            version: self.contract.entry().version,
            line: self.line.number,
            batch: self.batch,
            origin: batch.origin.to_string(),
            place: batch.places[row].place,
            row_version,
            operation: Operation::Upsert,
            columns: batch.header.columns().to_vec(),
            cells: batch.cells.row(row).cells().map(|cell| cell.map(str::to_owned)).collect(),
            key: None,
            violations: Vec::new(),
            cut: None,
            retried: self.retried.get(row).map(|retried| retried.id),
        }
    }
}
