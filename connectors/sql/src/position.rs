//! Where a `sql` source stands.

use serde::{Deserialize, Serialize};
use yiku_connector::{ConnectorError, Position};

use crate::mark::Mark;

/// The position: `{"run":3,"rows":12000,"ended":true,"marks":["2026-11-02 08:00:00",4711]}`.
///
/// To read everything again, a person clears it; to read from a moment on, a person sets `marks` to
/// that moment alone.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Number of the run: the pass over what changed, or over the whole table.
    pub run: u64,
    /// Rows handed over: by all runs when there is a watermark, else by this one. It is the rows'
    /// place, so that of two rows with one watermark the one read later is the newer.
    #[serde(default)]
    pub rows: u64,
    /// Whether the run is over.
    #[serde(default)]
    pub ended: bool,
    /// The last row's watermark (if there is one) and ties.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// While rows without a watermark are read, at the begin of a run: the last one's ties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmarked: Option<Vec<Mark>>,
    /// With an overlap, inside a run that looks back: the marks where it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Vec<Mark>>,
    /// With an overlap, inside a run: when it began, in seconds since 1970.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub started_at: u64,
    /// With an overlap of time: a run that begins at or before this second looks back, for a late
    /// commit may still add rows before `marks`. 0 when a later run has looked already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub look_back_until: u64,
}

fn is_zero(number: &u64) -> bool {
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
