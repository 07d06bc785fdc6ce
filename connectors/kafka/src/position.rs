//! Where a `kafka` source stands.

use serde::{Deserialize, Serialize};
use yiku_connector::{ConnectorError, Position};

/// The position: `{"topic":"zW7x…","run":3,"next":[120,98]}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// The id that the cluster gave the topic: one that is made anew has another.
    pub topic: String,
    /// Number of the run.
    pub run: u64,
    /// Of each partition, the offset to read next.
    pub next: Vec<u64>,
    /// Inside a run: of each partition, the offset at which the run ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub until: Vec<u64>,
    /// Inside a run: the columns of its rows so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

impl At {
    /// Reads a stored position; the default one stands before everything.
    pub fn read(position: &Position) -> Result<Self, ConnectorError> {
        if position.is_start() {
            return Ok(Self::default());
        }
        let at: Self = serde_json::from_value(position.0.clone())
            .map_err(|error| ConnectorError::Position(error.to_string()))?;
        if !at.until.is_empty() && at.until.len() != at.next.len() {
            let problem = "`until` and `next` are of as many partitions".to_owned();
            return Err(ConnectorError::Position(problem));
        }
        Ok(at)
    }

    /// The position to store.
    pub fn to_position(&self) -> Position {
        Position(serde_json::to_value(self).expect("a position is plain data"))
    }

    /// Whether nothing was ever pulled.
    pub fn is_start(&self) -> bool {
        self.topic.is_empty()
    }

    /// Whether a run has begun and not ended.
    pub fn in_run(&self) -> bool {
        !self.until.is_empty()
    }

    /// The partition that the run reads next; none when all of it was read.
    pub fn partition(&self) -> Option<usize> {
        self.next.iter().zip(&self.until).position(|(next, until)| next < until)
    }

    /// Ends the run.
    pub fn end(&mut self) {
        self.until.clear();
        self.columns.clear();
    }
}
