//! One figure of a bench, and how it is measured.

use std::fmt;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

/// What was measured, and what it is held against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured, kebab-case, unique among all benches.
    pub name: &'static str,
    /// Of `ours` and `beside`, such as `rows/s`.
    pub unit: &'static str,
    /// Our figure.
    pub ours: f64,
    /// The figure measured beside it, or the limit.
    pub beside: f64,
    /// What was measured beside it; `limit` for a fixed one.
    pub beside_name: &'static str,
    /// How much better ours is: above 1 is better, whichever way the unit counts.
    pub ratio: f64,
    /// What the ratio must reach.
    pub bar: f64,
    /// `ratio >= bar`.
    pub met: bool,
}

impl Figure {
    /// A speed beside another speed: more is better.
    pub fn speed(
        name: &'static str,
        unit: &'static str,
        (ours, beside): (f64, f64),
        beside_name: &'static str,
        bar: f64,
    ) -> Self {
        let ratio = ours / beside;
        Self { name, unit, ours, beside, beside_name, ratio, bar, met: ratio >= bar }
    }

    /// A cost, such as a time or a size, that must stay within a limit: less is better.
    pub fn within(name: &'static str, unit: &'static str, ours: f64, limit: f64) -> Self {
        let ratio = limit / ours;
        let met = ratio >= 1.0;
        Self { name, unit, ours, beside: limit, beside_name: "limit", ratio, bar: 1.0, met }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, ours, beside, beside_name, ratio, bar, met } = self;
        let verdict = if *met { "met" } else { "MISSED" };
        write!(
            f,
            "{name}: {ours:.1} {unit}, {beside_name} {beside:.1}, ratio {ratio:.2}, bar {bar}: \
             {verdict}"
        )
    }
}

/// Measures two things in turn, three times each, and returns the median of each: what disturbs
/// the machine for a while disturbs both.
pub fn alternate(mut ours: impl FnMut() -> f64, mut beside: impl FnMut() -> f64) -> (f64, f64) {
    let pairs: [(f64, f64); 3] = std::array::from_fn(|_| (ours(), beside()));
    (median(pairs.map(|pair| pair.0).to_vec()), median(pairs.map(|pair| pair.1).to_vec()))
}

/// The middle one of an odd number of values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The figures as a table for people.
pub fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["figure", "unit", "ours", "beside", "", "ratio", "bar", "met"]);
    for figure in figures {
        table.add_row([
            figure.name.to_owned(),
            figure.unit.to_owned(),
            format!("{:.1}", figure.ours),
            format!("{:.1}", figure.beside),
            figure.beside_name.to_owned(),
            format!("{:.2}", figure.ratio),
            figure.bar.to_string(),
            if figure.met { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_measured_in_turn_and_its_medians_are_kept() {
        let mut ours = [3.0, 1.0, 2.0].into_iter();
        let mut beside = [10.0, 30.0, 20.0].into_iter();
        let pair = alternate(|| ours.next().unwrap(), || beside.next().unwrap());
        assert_eq!(pair, (2.0, 20.0));
    }

    #[test]
    fn above_one_is_better_whichever_way_the_unit_counts() {
        assert!(Figure::speed("a", "rows/s", (6.0, 1.0), "plain", 6.0).met);
        assert!(!Figure::speed("a", "rows/s", (5.9, 1.0), "plain", 6.0).met);
        assert!(Figure::within("a", "MB", 299.0, 300.0).met);
        assert!(!Figure::within("a", "MB", 301.0, 300.0).met);
    }
}
