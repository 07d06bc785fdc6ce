//! What the demo came to: tables for people, one JSON object for programs.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use indicatif::HumanCount;
use serde::Serialize;

use crate::hub::answer::{Books, Library, Rows, Status, Subscription, Term, Violations};

/// Everything counted, as totals of the data folder.
#[derive(Serialize)]
pub struct Report {
    rows: Rows,
    connectors: Vec<Source>,
    libraries: Vec<Library>,
    subscriptions: Vec<Subscription>,
    violations: Vec<Violations>,
    /// Whether every equation holds.
    pub balanced: bool,
    seconds: f64,
    peak_rss_mb: f64,
}

#[derive(Serialize)]
struct Source {
    name: String,
    entry: String,
    pulled: u64,
    accepted: u64,
    rejected: u64,
    rows_per_s: f64,
}

impl Report {
    /// Puts together what the hub said.
    pub fn new(status: Status, books: &Books, seconds: f64, peak_rss_mb: f64) -> Self {
        let sources = status.connectors.into_iter().filter_map(|connector| {
            Some(Source {
                entry: connector.entry?,
                name: connector.name,
                pulled: connector.pulled,
                accepted: connector.accepted,
                rejected: connector.rejected,
                rows_per_s: tenths(connector.rows_per_s.unwrap_or(0.0)),
            })
        });
        Self {
            rows: status.rows,
            connectors: sources.collect(),
            libraries: status.libraries,
            subscriptions: status.subscriptions,
            violations: status.violations,
            balanced: books.balanced,
            seconds: tenths(seconds),
            peak_rss_mb: tenths(peak_rss_mb),
        }
    }

    /// The tables.
    pub fn tables(&self, books: &Books) -> String {
        let parts = [
            self.connectors().to_string(),
            self.libraries().to_string(),
            self.subscriptions().to_string(),
            self.violations().to_string(),
            equations(books).to_string(),
            format!(
                "{} rows in {:.1} s, {:.0} MB at most; the books {}",
                HumanCount(self.rows.pulled),
                self.seconds,
                self.peak_rss_mb,
                if self.balanced { "balance" } else { "DO NOT BALANCE" },
            ),
        ];
        parts.join("\n")
    }

    fn connectors(&self) -> Table {
        let mut table =
            table(["connector", "entry", "pulled", "accepted", "rejected", "rows/s"], 2);
        for source in &self.connectors {
            table.add_row([
                source.name.clone(),
                source.entry.clone(),
                count(source.pulled),
                count(source.accepted),
                count(source.rejected),
                count(source.rows_per_s as u64),
            ]);
        }
        let Rows { pulled, accepted, rejected } = self.rows;
        let total = [count(pulled), count(accepted), count(rejected)];
        table.add_row(["all".into(), String::new()].into_iter().chain(total));
        table
    }

    fn libraries(&self) -> Table {
        let mut table = table(["library entity", "rows", "history", "conflicts"], 1);
        for library in &self.libraries {
            let counts = [library.rows, library.history_rows, library.conflicts].map(count);
            table.add_row([library.entity.clone()].into_iter().chain(counts));
        }
        table
    }

    fn subscriptions(&self) -> Table {
        let mut table =
            table(["subscription", "offered", "delivered", "withheld", "parked", "folded"], 1);
        for it in &self.subscriptions {
            let counts = [it.offered, it.delivered, it.withheld, it.parked, it.folded].map(count);
            table.add_row([it.name.clone()].into_iter().chain(counts));
        }
        table
    }

    fn violations(&self) -> Table {
        let mut table = table(["violation", "rows"], 1);
        for violation in &self.violations {
            table.add_row([violation.code.clone(), count(violation.count)]);
        }
        table
    }
}

/// The books. An equation that holds for many subjects is one line with its sums; one that does
/// not hold is shown by itself.
fn equations(books: &Books) -> Table {
    let mut table = table(["books", "left", "right", ""], 4);
    let mut sums: BTreeMap<String, (Vec<Term>, Vec<Term>, usize)> = BTreeMap::new();
    for equation in &books.equations {
        if !equation.holds {
            let (left, right) = (side(&equation.left), side(&equation.right));
            table.add_row([equation.subject.clone(), left, right, "DOES NOT HOLD".into()]);
            continue;
        }
        let terms = equation.left.iter().chain(&equation.right).map(|term| term.name.as_str());
        let form = format!("{} {}", equation.number, terms.collect::<Vec<_>>().join(" "));
        let (left, right, subjects) = sums.entry(form).or_default();
        add(left, &equation.left);
        add(right, &equation.right);
        *subjects += 1;
    }
    for (form, (left, right, subjects)) in sums {
        let number = form.split(' ').next().unwrap_or_default().to_owned();
        table.add_row([number, side(&left), side(&right), format!("holds for {subjects}")]);
    }
    table
}

fn add(sum: &mut Vec<Term>, part: &[Term]) {
    for term in part {
        match sum.iter_mut().find(|known| known.name == term.name) {
            Some(known) => known.value += term.value,
            None => sum.push(term.clone()),
        }
    }
}

fn side(sum: &[Term]) -> String {
    let terms: Vec<_> = sum.iter().map(|term| format!("{} {}", term.name, term.value)).collect();
    terms.join(" + ")
}

/// A table whose columns from `numbers` on are numbers.
fn table<const N: usize>(header: [&str; N], numbers: usize) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    for column in table.column_iter_mut().skip(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
