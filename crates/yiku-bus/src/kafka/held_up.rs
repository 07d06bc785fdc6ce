//! Transactions that do not end: every reader of their topics stands before them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{Offset, config::FromClientConfigAndContext, consumer::BaseConsumer};
use yiku_kafka::{Asking, Told, client};

use super::{
    settings::KafkaSettings,
    topics::{Part, Topics},
};
use crate::{BusError, TopicState};

/// Where readers were seen to stand before rows that are not committed.
pub(super) struct HeldUp {
    /// It is told of open transactions, too.
    asking: Asking,
    /// By partition: the last stable offset, and since when it is seen to be below the end.
    since: Mutex<BTreeMap<Part, (u64, Instant)>>,
}

impl HeldUp {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, BusError> {
        let mut config = settings.asking();
        config.set("isolation.level", "read_uncommitted");
        let asking = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| client::unusable(&settings.cluster, &error))?;
        Ok(Self { asking, since: Mutex::default() })
    }

    /// For how long the oldest open transaction is known to hold up readers.
    pub(super) fn longest(&self, topics: &Topics) -> Result<Duration, BusError> {
        let stable = topics.list()?;
        let part = |topic: &TopicState| (topic.name.clone(), topic.partition);
        let parts: Vec<Part> = stable.iter().map(part).collect();
        let ends = topics.offsets(&self.asking, &parts, Offset::End)?;
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, part) in stable.iter().zip(parts) {
            if ends.get(&part).is_none_or(|end| *end <= topic.next) {
                since.remove(&part);
                continue;
            }
            let known = since.entry(part).or_insert((topic.next, Instant::now()));
            if known.0 != topic.next {
                *known = (topic.next, Instant::now());
            }
        }
        Ok(since.values().map(|(_, began)| began.elapsed()).max().unwrap_or_default())
    }
}
