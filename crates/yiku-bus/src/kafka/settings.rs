//! What the configuration says of the cluster and of the hub's topics there.

use rdkafka::ClientConfig;
use yiku_kafka::Cluster;

/// The cluster, how to reach it, and what the hub keeps there.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// The cluster.
    pub cluster: Cluster,
    /// What the names of topics and transactions begin with: hubs that share a cluster have
    /// different ones.
    pub prefix: String,
    /// What may be lost with a broker.
    pub durability: Durability,
    /// Replicas of the topics that the hub makes.
    pub replication: u16,
    /// Partitions of the topics of rows that the hub makes; those that are there keep theirs.
    pub partitions: u16,
}

/// What may be lost with a broker.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Durability {
    /// Nothing: three replicas at least, two of which have each row before it counts as kept.
    #[default]
    Replicated,
    /// All of it: one broker, for trials and tests.
    Single,
}

impl KafkaSettings {
    /// The addresses as errors name them.
    pub(super) fn brokers(&self) -> String {
        self.cluster.brokers()
    }

    /// The name on the cluster of a topic of ours.
    pub(super) fn full_name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// How many replicas must have a row before it counts as kept.
    pub(super) fn in_sync_min(&self) -> u16 {
        match self.durability {
            Durability::Replicated => 2,
            Durability::Single => 1,
        }
    }

    /// For questions: metadata, ends of topics, making topics.
    pub(super) fn asking(&self) -> ClientConfig {
        self.cluster.asking()
    }

    /// For one partition at a time, from a given offset.
    pub(super) fn reading(&self) -> ClientConfig {
        let mut config = self.cluster.reading(&format!("{}yiku", self.prefix));
        // A broker does not always tell of what is committed while it lets a question wait.
        config.set("fetch.wait.max.ms", "10");
        config
    }

    /// For one lane.
    pub(super) fn appending(&self, lane: &str) -> ClientConfig {
        let id = format!("{}yiku.lane.{lane}", self.prefix);
        self.cluster.appending(&id, MESSAGE_BYTES_MAX)
    }
}

/// Of a message, and so of a row or of a publication.
pub(super) const MESSAGE_BYTES_MAX: usize = 16 << 20;
