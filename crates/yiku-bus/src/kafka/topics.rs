//! The hub's topics on the cluster: found, made, looked after.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    config::FromClientConfigAndContext,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
};
use yiku_kafka::{ANSWER_MAX, Asking, Told, client, native};

use super::settings::{Durability, KafkaSettings, MESSAGE_BYTES_MAX};
use crate::{BusError, TopicState};

/// The topics, and the clients that ask about them. Calls wait for the cluster: they belong on a
/// thread that may.
pub(super) struct Topics {
    settings: Arc<KafkaSettings>,
    asking: Asking,
    admin: AdminClient<Told>,
    known: Mutex<Known>,
}

/// Topics by name without prefix, with their ids.
#[derive(Default)]
struct Known {
    /// At the last look.
    seen: BTreeMap<String, Seen>,
    looked: Option<Instant>,
    /// As they were when this process saw them first.
    first_seen: BTreeMap<String, Seen>,
}

/// A topic, as it was at one look.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Seen {
    id: String,
    partitions: u32,
}

/// One partition of a topic.
pub(super) type Part = (String, u32);

/// A partition's first kept offset and its end: that of the last stable record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) first: u64,
    pub(super) next: u64,
}

impl Topics {
    /// Connects and looks whether cluster and topics are as the settings want them.
    pub(super) fn open(settings: Arc<KafkaSettings>) -> Result<Self, BusError> {
        let asking = client::connect(&settings.cluster)?;
        let admin = AdminClient::from_config_and_context(&settings.asking(), Told::default())
            .map_err(|error| client::unusable(&settings.cluster, &error))?;
        let this = Self { settings, asking, admin, known: Mutex::default() };
        this.check_cluster()?;
        this.check_topics()?;
        Ok(this)
    }

    /// The client that asks.
    pub(super) fn asking(&self) -> &Asking {
        &self.asking
    }

    /// The cluster's own id.
    pub(super) fn cluster_id(&self) -> Result<String, BusError> {
        let id = self.asking.client().fetch_cluster_id(ANSWER_MAX);
        id.ok_or_else(|| client::too_old(&self.settings.cluster).into())
    }

    fn check_cluster(&self) -> Result<(), BusError> {
        let settings = &*self.settings;
        let brokers = client::metadata(&settings.cluster, &self.asking)?.brokers().len();
        let refused = |problem| Err(BusError::Refused { brokers: settings.brokers(), problem });
        if usize::from(settings.replication) > brokers {
            return refused(format!(
                "it has {brokers} broker(s), and bus.kafka.replication is {}; start the others, or \
                 set durability = \"single\" and replication = 1 if rows may be lost with a broker",
                settings.replication
            ));
        }
        if settings.durability == Durability::Replicated && settings.replication < REPLICAS_MIN {
            return refused(format!(
                "bus.kafka.replication is {}, and durability = \"replicated\" needs {REPLICAS_MIN}; \
                 raise it, or set durability = \"single\" if rows may be lost with a broker",
                settings.replication
            ));
        }
        Ok(())
    }

    /// Looks whether each topic of ours that is there keeps what it is given.
    fn check_topics(&self) -> Result<(), BusError> {
        let described = self.describe()?;
        for topic in &described {
            let name = self.own_name(&topic.name).unwrap_or(&topic.name).to_owned();
            let wrong = |problem| Err(BusError::Topic { topic: name.clone(), problem });
            if topic.replicas.len() != 1 && !name.starts_with(OF_ROWS) {
                return wrong(format!(
                    "it has {} partitions, and the hub writes one; make it anew with one",
                    topic.replicas.len()
                ));
            }
            let replicas = topic.replicas.iter().min().copied().unwrap_or(0);
            if replicas < usize::from(self.settings.replication) {
                return wrong(format!(
                    "it has {replicas} replica(s), and bus.kafka.replication is {}; add replicas by \
                     Kafka's kafka-reassign-partitions",
                    self.settings.replication
                ));
            }
        }
        self.check_settings(described.iter().map(|topic| topic.name.as_str()))
    }

    fn check_settings<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<(), BusError> {
        let asked: Vec<_> = names.map(ResourceSpecifier::Topic).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let answers = wait(self.admin.describe_configs(&asked, &options()));
        let answers = answers.map_err(|error| self.unanswered(&error))?;
        for answer in answers.iter().flatten() {
            let rdkafka::admin::OwnedResourceSpecifier::Topic(full) = &answer.specifier else {
                continue;
            };
            let value = |name: &str| {
                let entry = answer.entries.iter().find(|entry| entry.name == name);
                entry.and_then(|entry| entry.value.clone()).unwrap_or_default()
            };
            let topic = self.own_name(full).unwrap_or(full).to_owned();
            let wrong = |name: &str, wanted: &str| {
                let problem = format!(
                    "its {name} is {}, and the hub needs {wanted}; set it by Kafka's kafka-configs",
                    value(name)
                );
                Err(BusError::Topic { topic: topic.clone(), problem })
            };
            for &(name, wanted) in kept(&topic) {
                if value(name) != wanted {
                    return wrong(name, wanted);
                }
            }
            let in_sync = value("min.insync.replicas").parse::<u16>().unwrap_or(0);
            if in_sync < self.settings.in_sync_min() {
                return wrong("min.insync.replicas", "2 or more");
            }
        }
        Ok(())
    }

    /// Looks anew which topics there are.
    fn describe(&self) -> Result<Vec<native::Described>, BusError> {
        let metadata = client::metadata(&self.settings.cluster, &self.asking)?;
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        let names: Vec<String> = names.filter(|name| self.own_name(name).is_some()).collect();
        let described = match names.is_empty() {
            true => Vec::new(),
            false => native::describe(self.asking.client(), &names, ANSWER_MAX)
                .map_err(|error| self.unanswered(&error))?,
        };
        if described.iter().any(|topic| topic.id.is_empty() || topic.id == NO_ID) {
            return Err(client::too_old(&self.settings.cluster).into());
        }
        // One without partitions is being made.
        let made = described.iter().filter(|topic| !topic.replicas.is_empty());
        let seen = made.filter_map(|topic| {
            let partitions = topic.replicas.len() as u32;
            let seen = Seen { id: topic.id.clone(), partitions };
            Some((self.own_name(&topic.name)?.to_owned(), seen))
        });
        let mut known = self.known();
        known.seen = seen.collect();
        known.looked = Some(Instant::now());
        let Known { seen, first_seen, .. } = &mut *known;
        for (name, one) in seen {
            first_seen.entry(name.clone()).or_insert_with(|| one.clone());
        }
        drop(known);
        Ok(described)
    }

    /// The name without prefix of a topic of ours.
    fn own_name<'a>(&self, full: &'a str) -> Option<&'a str> {
        let name = full.strip_prefix(self.settings.prefix.as_str())?;
        OWN.iter().any(|own| name.starts_with(own)).then_some(name)
    }

    /// Whether there is this topic.
    pub(super) fn is_there(&self, topic: &str) -> Result<bool, BusError> {
        if self.known().seen.contains_key(topic) {
            return Ok(true);
        }
        self.look_if_older_than(Duration::ZERO)?;
        Ok(self.known().seen.contains_key(topic))
    }

    fn look_if_older_than(&self, age: Duration) -> Result<(), BusError> {
        let looked = self.known().looked;
        match looked.is_some_and(|looked| looked.elapsed() < age) {
            true => Ok(()),
            false => self.describe().map(drop),
        }
    }

    /// Makes the topic when there is none; one that was there before and is gone, or has other
    /// partitions, is an error.
    pub(super) fn ensure(&self, topic: &str) -> Result<(), BusError> {
        let is_there = self.is_there(topic)?;
        self.check_same(topic)?;
        match is_there {
            true => Ok(()),
            false => self.make(topic),
        }
    }

    /// An error when a topic that was there is gone or another by now: time-outs do not say so.
    pub(super) fn look_for(&self, topic: &str) -> Result<(), BusError> {
        self.describe()?;
        self.check_same(topic)
    }

    /// An error when the topic is not the one that this process saw first.
    fn check_same(&self, topic: &str) -> Result<(), BusError> {
        let known = self.known();
        match (known.first_seen.get(topic), known.seen.get(topic)) {
            (first, now) if first == now => Ok(()),
            (Some(first), Some(now)) if first.id == now.id => {
                Err(other_partitions(topic, first.partitions, now.partitions))
            }
            _ => Err(self.gone(topic)),
        }
    }

    /// How many partitions the topic has if it is known and as it was, without asking anybody.
    pub(super) fn known_partitions(&self, topic: &str) -> Option<u32> {
        let known = self.known();
        let first = known.first_seen.get(topic)?;
        (known.seen.get(topic) == Some(first)).then_some(first.partitions)
    }

    /// How many partitions the topic has; it is made when there is none.
    pub(super) fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        self.ensure(topic)?;
        self.known_partitions(topic).ok_or_else(|| self.gone(topic))
    }

    fn make(&self, topic: &str) -> Result<(), BusError> {
        let full = self.settings.full_name(topic);
        let replication = TopicReplication::Fixed(i32::from(self.settings.replication));
        let (in_sync, bytes) =
            (self.settings.in_sync_min().to_string(), MESSAGE_BYTES_MAX.to_string());
        let partitions = match topic.starts_with(OF_ROWS) {
            true => self.settings.partitions,
            false => 1,
        };
        let mut new = NewTopic::new(&full, i32::from(partitions), replication)
            .set("min.insync.replicas", &in_sync)
            .set("max.message.bytes", &bytes)
            .set("compression.type", "lz4");
        new.config.extend(kept(topic));
        let made = wait(self.admin.create_topics([&new], &options()));
        let made = made.map_err(|error| self.unanswered(&error))?;
        match made.into_iter().next() {
            Some(Ok(_)) | Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {}
            Some(Err((_, code))) => {
                let problem = format!(
                    "it cannot be made: {code}; look at the user's rights and at \
                                       the number of brokers"
                );
                return Err(BusError::Topic { topic: topic.to_owned(), problem });
            }
            None => return Err(client::too_old(&self.settings.cluster).into()),
        }
        let until = Instant::now() + ANSWER_MAX;
        // Another hub may have made it, with other partitions.
        let is_led = || {
            let partitions = self.known_partitions(topic).unwrap_or(1);
            (0..partitions).all(|one| self.ends_of(topic, one).is_ok())
        };
        while !self.is_there(topic)? || !is_led() {
            if Instant::now() > until {
                let problem = "it was made, but no broker leads it yet".to_owned();
                return Err(BusError::Topic { topic: topic.to_owned(), problem });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// All topics with their bounds. New ones of other hubs are seen within [`LOOK_EVERY`].
    pub(super) fn list(&self) -> Result<Vec<TopicState>, BusError> {
        self.look_if_older_than(LOOK_EVERY)?;
        let seen = self.known().seen.clone();
        let all = seen.iter().flat_map(|(name, topic)| {
            (0..topic.partitions).map(|partition| (name.clone(), partition))
        });
        let all: Vec<Part> = all.collect();
        let first = self.offsets(&self.asking, &all, Offset::Beginning)?;
        let next = self.offsets(&self.asking, &all, Offset::End)?;
        let state = |part: Part| match (first.get(&part), next.get(&part)) {
            (Some(&first), Some(&next)) => {
                let (name, partition) = part;
                let id = seen[&name].id.clone();
                Ok(TopicState { name, id, partition, first, next })
            }
            _ => Err(self.gone(&part.0)),
        };
        all.into_iter().map(state).collect()
    }

    /// The first offset or the end of each of these partitions, as `asking` sees it; those without
    /// an answer are left out.
    pub(super) fn offsets(
        &self,
        asking: &Asking,
        parts: &[Part],
        place: Offset,
    ) -> Result<BTreeMap<Part, u64>, BusError> {
        let mut list = TopicPartitionList::new();
        for (name, partition) in parts {
            let full = self.settings.full_name(name);
            list.add_partition_offset(&full, partition.cast_signed(), place)
                .expect("an offset that can be asked for");
        }
        if list.count() == 0 {
            return Ok(BTreeMap::new());
        }
        let found = asking.offsets_for_times(list, ANSWER_MAX);
        let found = found.map_err(|error| self.unanswered(&error))?;
        let one =
            |one: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match one.offset() {
                Offset::Offset(offset) if one.error().is_ok() => {
                    let part =
                        (self.own_name(one.topic())?.to_owned(), one.partition().cast_unsigned());
                    Some((part, offset.cast_unsigned()))
                }
                _ => None,
            };
        Ok(found.elements().iter().filter_map(one).collect())
    }

    /// The bounds of one partition.
    pub(super) fn ends_of(&self, topic: &str, partition: u32) -> Result<Ends, BusError> {
        let full = self.settings.full_name(topic);
        match self.asking.fetch_watermarks(&full, partition as i32, ANSWER_MAX) {
            Ok((first, next)) => {
                Ok(Ends { first: first.cast_unsigned(), next: next.cast_unsigned() })
            }
            Err(error) => Err(self.failed(topic, &error)),
        }
    }

    /// Deletes what stands before an offset; returns the first offset kept.
    pub(super) fn delete_before(
        &self,
        topic: &str,
        partition: u32,
        before: u64,
    ) -> Result<u64, BusError> {
        let full = self.settings.full_name(topic);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&full, partition as i32, Offset::Offset(before.cast_signed()))
            .map_err(|error| self.failed(topic, &error))?;
        let deleted = wait(self.admin.delete_records(&list, &options()));
        let deleted = deleted.map_err(|error| self.failed(topic, &error))?;
        let one = deleted.find_partition(&full, partition as i32);
        match one.map(|one| one.error().map(|()| one.offset())) {
            Some(Ok(Offset::Offset(first))) => Ok(first.cast_unsigned()),
            Some(Err(error)) => Err(self.failed(topic, &error)),
            _ => Err(client::too_old(&self.settings.cluster).into()),
        }
    }

    /// What an error about a topic means.
    pub(super) fn failed(&self, topic: &str, error: &KafkaError) -> BusError {
        use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
        match error.rdkafka_error_code() {
            Some(UnknownTopicOrPartition | UnknownTopic | UnknownPartition) => self.gone(topic),
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                let problem = "the user may not read and write it; give it the rights that \
                               docs/operating.md lists"
                    .to_owned();
                BusError::Topic { topic: topic.to_owned(), problem }
            }
            _ => self.unanswered(error),
        }
    }

    /// A topic that was there and is no more, or is another one now.
    pub(super) fn gone(&self, topic: &str) -> BusError {
        let remedy = match topic.starts_with(OF_ENTITIES) {
            true => "start the hub again, it fills it anew from the library",
            false => "put back what the cluster and the store were at one time",
        };
        let problem = format!("it was deleted from the cluster; {remedy}");
        BusError::Topic { topic: topic.to_owned(), problem }
    }

    fn unanswered(&self, error: &KafkaError) -> BusError {
        let _ = self.asking.poll(Duration::ZERO);
        client::unanswered(&self.settings.cluster, self.asking.client().context(), error).into()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose keys would stand on other partitions than their earlier rows.
fn other_partitions(topic: &str, first: u32, now: u32) -> BusError {
    let problem = format!(
        "it had {first} partition(s) and has {now}, so that keys would stand elsewhere than \
         before; the partitions of a topic stay as they are: put back the cluster as it was"
    );
    BusError::Topic { topic: topic.to_owned(), problem }
}

/// What a topic must be set to.
fn kept(topic: &str) -> &'static [(&'static str, &'static str)] {
    match topic.starts_with(OF_ENTITIES) {
        true => KEPT_BY_KEY,
        false => KEPT,
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_MAX)).operation_timeout(Some(ANSWER_MAX))
}

/// Waits for an answer that a thread of librdkafka's brings.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers")
        .block_on(answer)
}

/// Of a topic that loses nothing with a broker.
const REPLICAS_MIN: u16 = 3;
/// What the names of our topics begin with.
const OWN: [&str; 3] = [OF_ROWS, "hub.", OF_ENTITIES];
/// They alone may have several partitions.
const OF_ROWS: &str = "entry.";
const OF_ENTITIES: &str = "library.";
/// The hub deletes records, not the clock.
const KEPT: &[(&str, &str)] =
    &[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];
/// Readers from outside come and go: they find the newest record of each key, and for seven days
/// that a key is gone.
const KEPT_BY_KEY: &[(&str, &str)] =
    &[("cleanup.policy", "compact"), ("delete.retention.ms", "604800000")];
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The id that a cluster without ids gives.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
