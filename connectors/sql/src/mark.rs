//! Marks: the values a position remembers to go on from.

use serde::{Deserialize, Serialize};

/// A watermark's or tie's value as a position holds it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Mark {
    /// A whole number.
    Integer(i64),
    /// The text of anything else.
    Text(String),
}

impl Mark {
    /// The mark as text, for databases that cast it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}
