//! Which rows a grant hands out.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::entry::ItemType;

/// Tests that a row must pass all of. Empty: every row.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct RowFilter {
    /// Item → test, in the order of the file.
    pub tests: Vec<(String, Test)>,
}

/// One test of one item. An item without a value passes none.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// `{ under: "431302" }`: the division, or one below it.
    Under(String),
    /// `{ is: "1" }`.
    Is(String),
    /// `{ in: ["1", "2"] }`.
    In(Vec<String>),
    /// `{ from: "2020-01-01", until: "2026-12-31" }`: one of them at least, both inclusive.
    Between {
        /// The least.
        from: Option<String>,
        /// The greatest.
        until: Option<String>,
    },
}

impl RowFilter {
    /// The filter in one fixed form, for digests.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (item, test) in &self.tests {
            text += &format!("{item:?} {test:?};");
        }
        text
    }
}

impl Test {
    /// Whether a value of this type passes.
    pub fn passes(&self, kind: &ItemType, value: Option<&str>) -> bool {
        let Some(value) = value else { return false };
        match self {
            Self::Under(division) => value.starts_with(division.as_str()),
            Self::Is(one) => equal(kind, value, one),
            Self::In(many) => many.iter().any(|one| equal(kind, value, one)),
            Self::Between { from, until } => {
                let not = |bound: &Option<String>, forbidden| {
                    bound.as_ref().is_none_or(|bound| compare(kind, value, bound) != forbidden)
                };
                not(from, Ordering::Less) && not(until, Ordering::Greater)
            }
        }
    }
}

fn equal(kind: &ItemType, value: &str, other: &str) -> bool {
    value == other || compare(kind, value, other) == Ordering::Equal
}

/// Compares canonical texts: numbers as numbers; dates and moments order as their texts do.
fn compare(kind: &ItemType, value: &str, other: &str) -> Ordering {
    let number = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
    match kind {
        ItemType::Integer(_) | ItemType::Decimal { .. } => match (number(value), number(other)) {
            (Some(value), Some(other)) => value.cmp(&other),
            _ => value.cmp(other),
        },
        // A bound given as a day covers the whole day of a moment.
        ItemType::DateTime if other.len() == 10 => value.get(..10).unwrap_or(value).cmp(other),
        _ => value.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Bounds;

    #[track_caller]
    fn check(test: Test, kind: ItemType, value: &str, expected: bool) {
        assert_eq!(test.passes(&kind, Some(value)), expected, "{test:?} {value}");
        assert!(!test.passes(&kind, None));
    }

    #[test]
    fn tests_of_items() {
        let division = || ItemType::Division;
        check(Test::Under("431302".into()), division(), "431302001", true);
        check(Test::Under("431302".into()), division(), "431381", false);
        check(Test::Is("2".into()), ItemType::Boolean, "2", true);
        check(Test::In(vec!["1".into(), "2".into()]), ItemType::Boolean, "3", false);
        let between = |from: &str, until: &str| Test::Between {
            from: Some(from.into()),
            until: Some(until.into()),
        };
        let number = || ItemType::Integer(Bounds::default());
        check(between("9", "10"), number(), "10", true);
        check(between("9", "10"), number(), "11", false);
        let date = || ItemType::Date(Bounds::default());
        check(between("2020-01-01", "2020-12-31"), date(), "2020-12-31", true);
        check(between("2020-01-01", "2020-12-31"), date(), "2021-01-01", false);
        let moment = "2020-12-31T23:00:00.000Z";
        check(between("2020-01-01", "2020-12-31"), ItemType::DateTime, moment, true);
    }
}
