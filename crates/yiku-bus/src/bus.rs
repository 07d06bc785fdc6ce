//! The contract of a bus.
//!
//! * An append to several topics becomes durable whole or not at all, and its records are read in
//!   the order in which appends returned.
//! * Offsets of a topic's partition begin at 0 and rise. The records of one append to a partition
//!   have neighbouring offsets; between appends there may be offsets that hold nothing (on Kafka
//!   the ends of transactions, and what was never committed). So a reader goes on at
//!   [`Read::next`], and rows are counted by [`Bus::count`], never by subtraction.
//! * A reader never sees a record that could still vanish.
//! * Nothing is ever deleted but by [`Bus::retain`]. A topic of an entity (`library.`) may be
//!   compacted beside: of a key's records the newest stays, of a deleted key none.
//! * A cursor outside what is kept is an error, never a reset.

use std::{sync::Arc, time::Duration};

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
    /// Number of the schema of the bodies in the hub's registry; the hub's own topics have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
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

/// What one read brought.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The batches, in the order of their offsets. The last one may be cut where a bound was met.
    pub batches: Vec<Stored>,
    /// What stands among them and was not put there by a hub.
    pub foreign: Vec<Foreign>,
    /// Where to go on. As far as there is nothing more it is the topic's end.
    pub next: u64,
}

/// A message on a topic of the hub that breaks the rules of its messages. It is passed over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Foreign {
    /// Where it stands.
    pub offset: u64,
    /// Which rule it breaks, without anything of its content, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// Its key, if it is a text: personal data as a rule, never to be logged.
    pub key: Option<String>,
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

/// Makes the records that go in with the rows, once the rows' places are known. It is asked again
/// when the rows get other places because nothing of a first try was kept.
pub type Finish = Box<dyn Fn(&[Placed]) -> Vec<Append> + Send>;

/// The durable log.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Takes a lane: from now on no earlier holder of it can append.
    async fn lane(&self, name: &str) -> Result<Arc<dyn Lane>, BusError>;

    /// What offsets of this bus are said to belong to: `embedded`, or Kafka with its cluster's id.
    fn id(&self) -> &str;

    /// Whether others read the topics by themselves. Where nobody does, no topics of entities are
    /// written: they would only hold the library once more.
    fn has_outside_readers(&self) -> bool {
        false
    }

    /// The batches that hold `from` and what follows. The first may begin before `from`.
    /// Empty when `from` is the end, or when the topic does not exist and `from` is 0.
    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Read, BusError>;

    /// Counts the records from `from` to before `to`, as they are there.
    async fn count(&self, topic: &str, partition: u32, from: u64, to: u64)
    -> Result<u64, BusError>;

    /// All topics with their bounds.
    async fn topics(&self) -> Result<Vec<TopicState>, BusError>;

    /// Deletes what ends at or below `before`, whole batches at least; returns the first offset
    /// kept.
    async fn retain(&self, topic: &str, partition: u32, before: u64) -> Result<u64, BusError>;

    /// For how long a transaction that does not end has held up the readers of some topic.
    async fn held_up_for(&self) -> Result<Duration, BusError> {
        Ok(Duration::ZERO)
    }

    /// Moves at each commit; it need not at one of rows of entities, which the hub does not read.
    fn appended(&self) -> watch::Receiver<u64>;
}

/// The right to append, held by one process at a time.
#[async_trait]
pub trait Lane: Send + Sync {
    /// Appends `rows` and what `finish` makes of their places, in one transaction, and returns once
    /// readers see them. Appends are taken in the order of the calls. After
    /// [`BusError::leaves_in_doubt`] nobody knows whether it was kept until [`Lane::settle`] has
    /// succeeded; after any other error nothing of it was.
    async fn append(&self, rows: Vec<Append>, finish: Finish) -> Result<Vec<Placed>, BusError>;

    /// How many partitions a topic has; it is made when there is none. The number never changes: an
    /// error once the topic has another one.
    async fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        let _ = topic;
        Ok(1)
    }

    /// Decides the fate of every append that is in doubt or whose caller gave up: from then on a
    /// reader sees it or it never was.
    async fn settle(&self) -> Result<(), BusError>;
}
