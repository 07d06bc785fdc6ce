//! What a text runs on, and small words for appends and reads.

use std::sync::Arc;

use tempfile::TempDir;
use yiku_bus::{
    Append, Bus, BusError, Cluster, Durability, Embedded, Envelope, Finish, Kafka, KafkaSettings,
    Lane, Operation, Placed, ReadLimit, Records,
};
use yiku_core::row_version::{RowVersion, VersionParts};

/// A bus that can be opened again and again.
pub enum Engine {
    Embedded(TempDir),
    Kafka(KafkaSettings),
}

impl Engine {
    pub fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }

    /// On the broker that all tests share, with topics of its own.
    pub fn kafka() -> Self {
        let server = yiku_tests::kafka();
        Self::Kafka(KafkaSettings { prefix: server.prefix(), ..settings(&server.address()) })
    }

    pub async fn open(&self) -> Arc<dyn Bus> {
        match self {
            Self::Embedded(folder) => Arc::new(Embedded::open(folder.path()).await.unwrap()),
            Self::Kafka(settings) => Arc::new(Kafka::open(settings.clone()).await.unwrap()),
        }
    }
}

/// A cluster of one broker.
pub fn settings(address: &str) -> KafkaSettings {
    KafkaSettings {
        cluster: Cluster {
            settings: "bus.kafka",
            brokers: vec![address.to_owned()],
            ..Cluster::default()
        },
        prefix: String::new(),
        durability: Durability::Single,
        replication: 1,
        partitions: 1,
    }
}

/// A topic of rows.
pub const TOPIC: &str = "entry.a.b";

pub fn envelope(batch: u64) -> Envelope {
    Envelope {
        entry: "a/b@1.0.0".into(),
        connector: "c".into(),
        line: 1,
        batch,
        at_ms: 1_795_000_000_000,
        schema: Some(7),
    }
}

/// Rows with these keys.
pub fn rows(topic: &str, batch: u64, keys: &[&str]) -> Append {
    let mut records = Records::new();
    for (row, key) in (1..).zip(keys) {
        let version = RowVersion::new(VersionParts { line: 1, row, ..Default::default() });
        records.push(key, &version, Operation::Upsert, format!("body of {key}").as_bytes());
    }
    Append { topic: topic.into(), partition: 0, envelope: envelope(batch), records }
}

pub fn nothing_more() -> Finish {
    Box::new(|_| Vec::new())
}

/// Appends rows with these keys and nothing more.
pub async fn append(lane: &dyn Lane, batch: u64, keys: &[&str]) -> Result<Vec<Placed>, BusError> {
    lane.append(vec![rows(TOPIC, batch, keys)], nothing_more()).await
}

/// The keys of a topic from an offset to its end, by reads within a limit.
pub async fn keys_within(bus: &dyn Bus, topic: &str, from: u64, limit: ReadLimit) -> Vec<String> {
    let (mut keys, mut next) = (Vec::new(), from);
    loop {
        let read = bus.read(topic, 0, next, limit).await.unwrap();
        assert!(read.next >= next && read.foreign.is_empty(), "{read:?}");
        for batch in &read.batches {
            for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
                let record = record.unwrap();
                assert_eq!(record.body, format!("body of {}", record.key).as_bytes());
                if offset >= next {
                    keys.push(record.key.to_owned());
                }
            }
        }
        if read.next == next {
            return keys;
        }
        next = read.next;
    }
}

pub async fn keys(bus: &dyn Bus, topic: &str, from: u64) -> Vec<String> {
    keys_within(bus, topic, from, ReadLimit::default()).await
}
