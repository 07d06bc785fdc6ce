//! Reading: the contract of a source.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use yiku_core::batch::Batch;

use crate::{ConnectorError, Position};

/// What a pull hands over: rows, and where the source stands after them.
#[derive(Debug)]
pub struct Pull {
    /// The rows. May be empty when only the position moves (an empty file).
    pub batch: Batch,
    /// Where the source stands after these rows.
    pub position: Position,
    /// The run these rows belong to.
    pub run: Run,
}

/// A run is what is complete in itself: one file, one answer, one pass over a table.
///
/// Duplicate keys are looked for within a run, limits (`stop_over`) are counted over a run, and
/// with `load: full` rows that a whole run does not hold are gone. A batch never holds rows
/// of two runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Run {
    /// Names the run within its source and rises from run to run: a file's number, a pass's number.
    pub number: u64,
    /// Whether these rows are the first of the run.
    pub begins: bool,
    /// Whether the run ends with these rows.
    pub ends: bool,
}

/// How much one pull may hand over. Both bounds hold; one row may exceed the bytes.
#[derive(Clone, Copy, Debug)]
pub struct PullLimit {
    /// Rows at most.
    pub rows: usize,
    /// Bytes of cells at most.
    pub bytes: usize,
}

impl Default for PullLimit {
    fn default() -> Self {
        Self { rows: 5_000, bytes: 4 << 20 }
    }
}

/// What the rows of a source are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// Each run brings what changed.
    #[default]
    Changes,
    /// Each run brings everything there is.
    Full,
}

/// One outside system that rows are read from.
///
/// Opened with the stored position, a source gives the rows after it, in an order that does not
/// depend on how it is cut: reopened at any position it handed over, it goes on with the same rows
/// (unless the far side changed). It keeps no state but the position.
#[async_trait]
pub trait Source: Send {
    /// Reaches the far system and looks whether the configuration fits, changing nothing.
    async fn check(&mut self) -> Result<(), ConnectorError>;

    /// The next rows, or `None` when there is nothing more for now.
    ///
    /// After the end of a run come the rows of the next one if it waits (another file). A source
    /// whose runs are passes over the same rows (a table, a service) then gives `None`, and
    /// begins the next pass when it is opened anew at the position behind the last one.
    ///
    /// After an error the caller opens the source anew at the last durable position.
    async fn pull(&mut self, limit: PullLimit) -> Result<Option<Pull>, ConnectorError>;

    /// Told once the rows up to `position` are durable; rows behind it may have been pulled by
    /// then. May be repeated after a crash.
    async fn acknowledge(&mut self, position: &Position) -> Result<(), ConnectorError> {
        let _ = position;
        Ok(())
    }
}
