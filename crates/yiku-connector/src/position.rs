//! Where a source stands: plain data that people can read and edit.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a source stands, in the source's own words. Durable together with the rows before it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Position(pub Value);

impl Position {
    /// Whether nothing was ever pulled.
    pub fn is_start(&self) -> bool {
        self.0.is_null()
    }
}
