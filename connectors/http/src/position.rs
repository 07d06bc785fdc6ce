//! Where an `http` source stands.

use serde::{Deserialize, Serialize};
use yiku_connector::{ConnectorError, Position};

/// The position: `{"run":3,"rows":1200,"ended":true,"since":"2026-11-02 08:00:00"}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Number of the run.
    pub run: u64,
    /// Rows of this run handed over.
    #[serde(default)]
    pub rows: u64,
    /// Whether the run is over.
    #[serde(default)]
    pub ended: bool,
    /// Inside a run: the page being read; the first one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Mark>,
    /// Inside a run: rows of that page handed over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: usize,
    /// What the run's requests say as `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Inside a run: the greatest value seen, for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
}

/// Names a page: its number, or the cursor or link that the page before it held.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Mark {
    /// The page's number.
    Number(u64),
    /// A cursor or link.
    Next(String),
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl At {
    /// Reads a stored position.
    pub fn read(position: &Position) -> Result<Self, ConnectorError> {
        if position.is_start() {
            return Ok(Self::default());
        }
        serde_json::from_value(position.0.clone())
            .map_err(|error| ConnectorError::Position(error.to_string()))
    }

    /// The position to store.
    pub fn to_position(&self) -> Position {
        Position(serde_json::to_value(self).expect("a position is plain data"))
    }
}
