//! A line: one unbroken row of batches of one resource by one publisher.

use serde_json::Value;
use yiku_core::entry::EntryName;

/// Names a line. Its number rises per resource when a connector is made or its source is rebuilt.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Line {
    /// The resource.
    pub entry: EntryName,
    /// Its number among the resource's lines, from 1.
    pub number: u32,
}

/// Where a line stands. Held by the one who publishes on it.
#[derive(Clone, Debug)]
pub struct LineState {
    /// The line.
    pub line: Line,
    /// The number of the batch to come, from 1.
    pub next_batch: u64,
    /// Where the source stands.
    pub position: Value,
}
