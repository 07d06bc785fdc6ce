//! The contract of a bus.
//!
//! * An append to several topics becomes durable whole or not at all, and its records are read in
//!   the order in which appends returned.
//! * Offsets of a topic's partition begin at 0 and have no gaps on the embedded bus; on others they
//!   only rise.
//! * A reader never sees a record that could still vanish.
//! * Nothing is ever deleted but by [`Bus::retain`].
//! * A cursor outside what is kept is an error, never a reset.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{BusError, Records};

/// What is said of a batch beside its records.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Envelope {
    /// Entry and version under which the rows were checked: `public-security/household@1.2.0`.
    pub entry: String,
    /// The connector that published.
    pub connector: String,
    /// The resource's line.
    pub line: u32,
    /// The batch's number within its line.
    pub batch: u64,
    /// When it was published, milliseconds since 1970 in UTC.
    pub at_ms: i64,
}

/// Records for one partition of a topic. The topic is made when it does not exist.
#[derive(Clone, Debug)]
pub struct Append {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// What is said of the batch.
    pub envelope: Envelope,
    /// The records; may be none, then nothing is written for the topic.
    pub records: Records,
}

/// Where an append's records stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placed {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Offset of the first record (of the next one to come, when there were none).
    pub base_offset: u64,
    /// How many records.
    pub count: u32,
}

/// A batch as it is kept.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Offset of the first record.
    pub base_offset: u64,
    /// What is said of the batch.
    pub envelope: Envelope,
    /// The records.
    pub records: Records,
}

impl Stored {
    /// The offset after the last record.
    pub fn next_offset(&self) -> u64 {
        self.base_offset + self.records.len() as u64
    }
}

/// Bounds of one read. At least one batch is returned when there is one.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    /// Batches at most.
    pub batches: u32,
    /// Bytes of records, after which no further batch is added.
    pub bytes: usize,
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self { batches: 64, bytes: 8 << 20 }
    }
}

/// One partition of a topic, as it stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct TopicState {
    /// The topic's name.
    pub name: String,
    /// Tells this topic from one of the same name made later.
    pub id: String,
    /// The partition.
    pub partition: u32,
    /// First offset that is kept.
    pub first: u64,
    /// The offset that the next record will have.
    pub next: u64,
}

/// Makes the records that go in with the rows, once the rows' places are known.
pub type Finish = Box<dyn FnOnce(&[Placed]) -> Vec<Append> + Send>;

/// The durable log.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Takes a lane: from now on no earlier holder of it can append.
    async fn lane(&self, name: &str) -> Result<Arc<dyn Lane>, BusError>;

    /// The batches that hold `from` and what follows. The first may begin before `from`.
    /// Empty when `from` is the end, or when the topic does not exist and `from` is 0.
    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Stored>, BusError>;

    /// All topics with their bounds.
    async fn topics(&self) -> Result<Vec<TopicState>, BusError>;

    /// Deletes whole batches that end at or below `before`; returns the first offset kept.
    async fn retain(&self, topic: &str, partition: u32, before: u64) -> Result<u64, BusError>;

    /// Moves at each commit.
    fn appended(&self) -> watch::Receiver<u64>;
}

/// The right to append, held by one process at a time.
#[async_trait]
pub trait Lane: Send + Sync {
    /// Appends `rows` and what `finish` makes of their places, in one transaction. Appends are
    /// taken in the order of the calls. On [`BusError::Broken`] the outcome is unknown and the
    /// lane must be taken anew.
    async fn append(&self, rows: Vec<Append>, finish: Finish) -> Result<Vec<Placed>, BusError>;
}
