//! Mapping: how a department's columns become an entry's items, as its owner declared.
//!
//! - [`MappingSpec`]: what stands in a connector's file;
//! - [`Mapping`]: the same compiled against a contract, with every problem found at once;
//! - [`Bound`]: a mapping that knows where the columns of a header stand; applies it row by row.
//!
//! A value that no declared code or format fits is a finding, never a guess. Without `map:`
//! columns are matched by the items' names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod apply;
mod compile;
mod date_format;
mod step;

pub use apply::{Bound, Missing};
pub use compile::Mapping;
pub use step::Step;

use crate::{operation::Operation, printable::printable};

/// The parts of a connector's file that say how its rows become the entry's.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MappingSpec {
    /// Item → where it comes from. Without it, columns are matched by name; with it, other
    /// columns are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, ItemMapping>>,
    /// Which column says whether a row is there or gone. Without it, every row is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationMapping>,
    /// The time zone of moments written without offset; `Asia/Shanghai` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl MappingSpec {
    /// Reads the parts of a connector's file. The error is one line for people.
    pub fn read(parts: serde_json::Value) -> Result<Self, String> {
        serde_json::from_value(parts).map_err(|error| printable(&error.to_string()).into_owned())
    }
}

/// Where an item comes from, and what is done to it on the way: first the steps of `do` in their
/// order, then `codes`, then `date`. What is empty after that is NULL: departments write `""` where
/// nothing was filled in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ItemMapping {
    /// The column; the item's own name unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// One value for every row, instead of a column.
    #[serde(default, rename = "const", skip_serializing_if = "Option::is_none")]
    pub constant: Option<String>,
    /// Steps, each a word.
    #[serde(default, rename = "do", skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// The department's code → the entry's; `null` for none. A value that is not here is a
    /// finding, unless `date` formats follow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<String, Option<String>>,
    /// Forms in which dates and moments come, tried in order: `yyyyMMdd`, `yyyy-MM-dd HH:mm:ss`,
    /// `yyyy年M月d日`, `excel`, `unix-seconds`, `unix-millis`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub date: Vec<String>,
}

/// The column that says what a row does, such as the flag of an exchange table.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperationMapping {
    /// The column.
    pub from: String,
    /// Its values: `I: upsert`, `D: delete`. A value that is not here is a finding.
    pub codes: BTreeMap<String, Operation>,
}

#[cfg(test)]
mod tests;
