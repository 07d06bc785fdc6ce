//! The walk over a row's cells.

use super::{
    Cause, Checked, Contract, Finding, MappedRow, Operation, Verdict,
    compile::{Column, Kind},
    encode, number, rule,
    value::{self, Held},
};
use crate::{
    batch::Row,
    calendar,
    violation::{Code, Severity},
};

impl Contract {
    /// Checks a row. If it is taken, its Avro body is appended to `work.body` (nothing for a
    /// delete); if not, the body is as it was. Key, order and findings are this row's alone.
    ///
    /// A delete is judged by its key items, and by the `order_by` item where the entry demands
    /// one: without it nobody could say which rows are older than the delete.
    pub fn check(&self, row: &MappedRow, work: &mut Checked) -> Verdict {
        work.key.clear();
        work.order_by = 0;
        work.findings.clear();
        work.held.clear();
        let start = work.body.len();
        if !row.findings.is_empty() {
            work.findings.extend_from_slice(&row.findings);
            if row.findings.iter().any(is_whole_row) {
                return Verdict::Rejected;
            }
        }
        let cells = row.cells.row(0);
        let given = row.findings.as_slice();
        match row.operation {
            Operation::Upsert => {
                self.walk(cells, given, work);
                self.check_rules(cells, work);
            }
            Operation::Delete => self.walk_delete(cells, given, work),
        }
        self.push_key(cells, work);
        if let Some(item) = self.entry.order_by {
            work.order_by = match work.held[item] {
                Held::Number(number) => number,
                _ => i64::MIN,
            };
        }
        let rejected = work.findings.iter().any(|finding| finding.severity == Severity::Reject);
        if rejected || row.operation == Operation::Delete {
            work.body.truncate(start);
        }
        if rejected { Verdict::Rejected } else { Verdict::Accepted }
    }

    fn walk(&self, cells: Row<'_>, given: &[Finding], work: &mut Checked) {
        for (item, column) in self.columns.iter().enumerate() {
            let held = match cells.get(item) {
                _ if !given.is_empty() && is_given(given, item) => Held::Broken,
                Some(text) => self.take(column, item, text, work),
                None => {
                    if column.required || column.key {
                        work.findings.push(missing(column, item));
                    } else {
                        work.body.push(encode::ABSENT);
                    }
                    Held::Null
                }
            };
            work.held.push(held);
        }
    }

    #[inline]
    fn take(&self, column: &Column, item: usize, text: &str, work: &mut Checked) -> Held {
        if !column.required {
            work.body.push(encode::PRESENT);
        }
        value::take(column, item, text, &self.divisions, &mut work.body, &mut work.findings)
    }

    fn walk_delete(&self, cells: Row<'_>, given: &[Finding], work: &mut Checked) {
        work.findings.retain(|finding| finding.item.is_none_or(|item| self.judges_delete(item)));
        for (item, column) in self.columns.iter().enumerate() {
            let held = match cells.get(item) {
                _ if !self.judges_delete(item) => Held::Null,
                _ if is_given(given, item) => Held::Broken,
                Some(text) => self.take(column, item, text, work),
                None => {
                    if column.required || column.key {
                        work.findings.push(missing(column, item));
                    }
                    Held::Null
                }
            };
            work.held.push(held);
        }
    }

    /// What the contract finds in one value of one item; empty when it is right.
    pub(crate) fn check_value(&self, item: usize, text: &str) -> Vec<Finding> {
        let mut work = Checked::default();
        self.take(&self.columns[item], item, text, &mut work);
        work.findings
    }

    fn judges_delete(&self, item: usize) -> bool {
        self.columns[item].key || self.entry.order_by == Some(item)
    }

    fn check_rules(&self, cells: Row<'_>, work: &mut Checked) {
        for (index, rule) in self.rules.iter().enumerate() {
            let cause = match rule::judge(rule, &self.columns, cells, &work.held) {
                rule::Judgement::Holds => continue,
                rule::Judgement::Broken => Cause::Rule(index),
                rule::Judgement::Failed => Cause::RuleError(index),
            };
            let item = rule.blamed();
            let severity = self.entry.rules[index].severity;
            work.findings.push(Finding { code: Code::Rule, severity, item, cause });
        }
    }

    fn push_key(&self, cells: Row<'_>, work: &mut Checked) {
        for (position, &item) in self.entry.key.iter().enumerate() {
            let (Some(text), false) = (cells.get(item), work.held[item] == Held::Broken) else {
                work.key.clear();
                return;
            };
            if position > 0 {
                work.key.push(KEY_SEPARATOR);
            }
            push_canonical(&self.columns[item].kind, text, work.held[item], &mut work.key);
        }
    }
}

/// Appends the canonical text of a value that was found right.
pub(super) fn push_canonical(kind: &Kind, text: &str, held: Held, out: &mut String) {
    match (kind, held) {
        (Kind::DateTime, Held::Number(millis)) => calendar::push_datetime(millis, out),
        (Kind::Decimal { precision, scale, .. }, _) => {
            if let Ok(value) = number::decimal(text.as_bytes(), *precision, *scale) {
                number::push_decimal(value, *scale, out);
            }
        }
        _ if kind.is_identifier() => {
            let start = out.len();
            out.push_str(text);
            out[start..].make_ascii_uppercase();
        }
        _ => out.push_str(text),
    }
}

impl Kind {
    /// Whether values are identifiers, whose letters are written in upper case.
    pub(super) fn is_identifier(&self) -> bool {
        matches!(
            self,
            Self::CitizenId { .. }
                | Self::CreditCode { .. }
                | Self::OrganisationCode { .. }
                | Self::LicenseId { .. }
                | Self::Division { .. }
        )
    }
}

/// Stands between the parts of a key.
pub const KEY_SEPARATOR: char = '\u{1f}';

#[cold]
fn missing(column: &Column, item: usize) -> Finding {
    Finding::plain(if column.key { Code::KeyMissing } else { Code::Required }, item)
}

#[cold]
fn is_given(given: &[Finding], item: usize) -> bool {
    given.iter().any(|finding| finding.item == Some(item) && finding.severity == Severity::Reject)
}

/// Whether nothing else in the row is worth looking at.
fn is_whole_row(finding: &Finding) -> bool {
    finding.item.is_none() && matches!(finding.code, Code::Unreadable | Code::Encoding)
}
