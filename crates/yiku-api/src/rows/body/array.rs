//! A JSON array whose elements are not held when they are too many.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::ROWS_MAX;

/// A JSON array of anything: the rows, but no more than a body may have, and how many there are.
pub(super) struct Array<'t> {
    pub(super) rows: Vec<&'t RawValue>,
    pub(super) count: usize,
}

impl<'de> Deserialize<'de> for Array<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArrayVisitor)
    }
}

struct ArrayVisitor;

impl<'de> Visitor<'de> for ArrayVisitor {
    type Value = Array<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Array<'de>, A::Error> {
        let mut array = Array { rows: Vec::new(), count: 0 };
        while let Some(row) = seq.next_element()? {
            array.count += 1;
            if array.count <= ROWS_MAX {
                array.rows.push(row);
            }
        }
        Ok(array)
    }
}
