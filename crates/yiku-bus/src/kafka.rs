//! The bus on Apache Kafka: a topic per resource and per entity, some of the hub's own, one message
//! per row.
//!
//! Appends go through one transactional producer per lane, which fences whoever had the lane
//! before. Readers see committed records only. The hub deletes records, not the clock. A topic's id
//! is the one that the cluster gave it: a topic that was deleted and made again is another.

mod broken;
mod held_up;
mod lane;
mod message;
mod reader;
mod settings;
mod topics;
mod transaction;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{Bus, BusError, Lane, Read, ReadLimit, TopicState};
use held_up::HeldUp;
use lane::KafkaLane;
use reader::{Readers, Wanted};
use topics::Topics;

pub use settings::{Durability, KafkaSettings};
pub use yiku_kafka::{Cluster, Mechanism, Password, Sasl, Tls};

/// The bus in a Kafka cluster.
pub struct Kafka {
    settings: Arc<KafkaSettings>,
    topics: Arc<Topics>,
    readers: Arc<Readers>,
    id: String,
    moved: Arc<watch::Sender<u64>>,
    held_up: Arc<HeldUp>,
}

impl Kafka {
    /// Connects, and looks whether cluster and topics are as the settings want them: an error
    /// otherwise, or when nobody answers within ten seconds.
    pub async fn open(settings: KafkaSettings) -> Result<Self, BusError> {
        let settings = Arc::new(settings);
        let of_topics = settings.clone();
        let (topics, cluster) = waiting(move || {
            let topics = Topics::open(of_topics)?;
            let cluster = topics.cluster_id()?;
            Ok((topics, cluster))
        })
        .await?;
        let topics = Arc::new(topics);
        let readers = Arc::new(Readers::new(settings.clone(), topics.clone()));
        let moved = Arc::new(watch::Sender::new(0));
        let held_up = Arc::new(HeldUp::new(&settings)?);
        let id = format!("kafka/{cluster}");
        Ok(Self { settings, topics, readers, id, moved, held_up })
    }
}

#[async_trait]
impl Bus for Kafka {
    async fn lane(&self, name: &str) -> Result<Arc<dyn Lane>, BusError> {
        let (settings, topics) = (self.settings.clone(), self.topics.clone());
        let (name, moved) = (name.to_owned(), self.moved.clone());
        let lane = waiting(move || KafkaLane::take(settings, topics, &name, moved)).await?;
        Ok(Arc::new(lane))
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn has_outside_readers(&self) -> bool {
        true
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Read, BusError> {
        let topic = topic.to_owned();
        self.readers.read(Wanted { topic, partition, from, to: None, limit }).await
    }

    async fn count(
        &self,
        topic: &str,
        partition: u32,
        from: u64,
        to: u64,
    ) -> Result<u64, BusError> {
        let (mut count, mut next) = (0, from);
        while next < to {
            let (topic, limit) = (topic.to_owned(), ReadLimit::default());
            let wanted = Wanted { topic, partition, from: next, to: Some(to), limit };
            let read = self.readers.read(wanted).await?;
            if read.next <= next {
                break;
            }
            next = read.next;
            for batch in &read.batches {
                let end = batch.next_offset().min(to);
                count += end.saturating_sub(batch.base_offset);
            }
        }
        Ok(count)
    }

    async fn topics(&self) -> Result<Vec<TopicState>, BusError> {
        let topics = self.topics.clone();
        waiting(move || topics.list()).await
    }

    async fn retain(&self, topic: &str, partition: u32, before: u64) -> Result<u64, BusError> {
        let (topics, topic) = (self.topics.clone(), topic.to_owned());
        waiting(move || topics.delete_before(&topic, partition, before)).await
    }

    async fn held_up_for(&self) -> Result<Duration, BusError> {
        let (topics, held_up) = (self.topics.clone(), self.held_up.clone());
        waiting(move || held_up.longest(&topics)).await
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }
}

/// Runs what waits for the cluster on a thread that may.
async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BusError> + Send + 'static,
) -> Result<T, BusError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| BusError::Read(error.into()))?
}
