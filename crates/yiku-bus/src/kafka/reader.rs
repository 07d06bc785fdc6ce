//! Reading partitions, committed records only.
//!
//! A few consumers, each on one partition at a time, which it goes on fetching ahead of. Whoever
//! reads on where the last read ended finds the next rows there already.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::sync::Semaphore;
use yiku_kafka::{
    ANSWER_MAX, Told, client,
    native::{self, Polled},
};

use super::{message::Batches, settings::KafkaSettings, topics::Topics};
use crate::{BusError, Read, ReadLimit};

/// The consumers.
pub(super) struct Readers {
    settings: Arc<KafkaSettings>,
    topics: Arc<Topics>,
    turns: Semaphore,
    pool: Mutex<Pool>,
}

/// The consumers that nobody reads by now. The one used last stands last.
#[derive(Default)]
struct Pool {
    idle: Vec<Reader>,
    made: usize,
}

/// What is to be read.
pub(super) struct Wanted {
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) from: u64,
    /// Where the caller wants no more; `None`: the end.
    pub(super) to: Option<u64>,
    pub(super) limit: ReadLimit,
}

struct Reader {
    consumer: BaseConsumer<Told>,
    /// Topic, partition and the offset it hands over next.
    at: Option<(String, u32, u64)>,
}

impl Readers {
    pub(super) fn new(settings: Arc<KafkaSettings>, topics: Arc<Topics>) -> Self {
        Self { settings, topics, turns: Semaphore::new(READERS_MAX), pool: Mutex::default() }
    }

    /// Reads on a thread that may wait.
    pub(super) async fn read(self: &Arc<Self>, wanted: Wanted) -> Result<Read, BusError> {
        let _turn = self.turns.acquire().await.expect("never closed");
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || this.read_now(&wanted));
        read.await.map_err(|error| BusError::Read(error.into()))?
    }

    fn read_now(&self, wanted: &Wanted) -> Result<Read, BusError> {
        let Wanted { topic, partition, from, .. } = wanted;
        if !self.topics.is_there(topic)? {
            return match from {
                0 => Ok(Read::default()),
                _ => Err(self.topics.gone(topic)),
            };
        }
        let ends = self.topics.ends_of(topic, *partition)?;
        if !(ends.first..=ends.next).contains(from) {
            let (topic, partition) = (topic.clone(), *partition);
            let (from, first, next) = (*from, ends.first, ends.next);
            return Err(BusError::OutOfRange { topic, partition, from, first, next });
        }
        let end = wanted.to.map_or(ends.next, |to| to.min(ends.next));
        if *from >= end {
            return Ok(Read { next: *from, ..Read::default() });
        }
        let mut reader = self.take(wanted)?;
        let read = match reader.at.is_some() {
            true => Ok(()),
            false => self.assign(&reader, wanted),
        };
        let read = read.and_then(|()| self.batches(&mut reader, wanted, end));
        self.pool().idle.push(reader);
        read
    }

    /// A consumer that stands where it is to read, else a new one, else the one unused for longest.
    fn take(&self, wanted: &Wanted) -> Result<Reader, BusError> {
        let mut pool = self.pool();
        let stands = |reader: &Reader| {
            reader.at.as_ref().is_some_and(|(topic, partition, next)| {
                *topic == wanted.topic && *partition == wanted.partition && *next == wanted.from
            })
        };
        if let Some(index) = pool.idle.iter().position(stands) {
            return Ok(pool.idle.remove(index));
        }
        if pool.made == READERS_MAX && !pool.idle.is_empty() {
            return Ok(Reader { at: None, ..pool.idle.remove(0) });
        }
        let reader = Reader { consumer: self.consumer()?, at: None };
        pool.made += 1;
        Ok(reader)
    }

    fn assign(&self, reader: &Reader, wanted: &Wanted) -> Result<(), BusError> {
        let (full, from) = (self.settings.full_name(&wanted.topic), wanted.from.cast_signed());
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&full, wanted.partition as i32, Offset::Offset(from))
            .and_then(|()| reader.consumer.assign(&list))
            .map_err(|error| self.topics.failed(&wanted.topic, &error))
    }

    fn consumer(&self) -> Result<BaseConsumer<Told>, BusError> {
        BaseConsumer::from_config_and_context(&self.settings.reading(), Told::default())
            .map_err(|error| client::unusable(&self.settings.cluster, &error).into())
    }

    fn batches(&self, reader: &mut Reader, wanted: &Wanted, end: u64) -> Result<Read, BusError> {
        let ReadLimit { batches: batches_max, bytes: bytes_max } = wanted.limit;
        let mut found = Batches::new(&wanted.topic, wanted.from);
        let until = Instant::now() + ANSWER_MAX;
        reader.at = None;
        while found.next() < end {
            let (batches, bytes) = found.size();
            if batches >= (batches_max as usize).max(1) || bytes >= bytes_max.max(1) {
                break;
            }
            match native::poll(&reader.consumer, POLL) {
                Polled::Message(message) => found.take(&message),
                Polled::End(offset) => found.skip_to(offset),
                Polled::Nothing if Instant::now() < until => {}
                // What was read so far is good.
                Polled::Nothing if found.next() > wanted.from => return Ok(found.into_read()),
                Polled::Nothing => {
                    let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                    return Err(self.topics.failed(&wanted.topic, &error));
                }
                Polled::Failed(code, said) => self.pass_over(wanted, code, &said)?,
            }
        }
        reader.at = Some((wanted.topic.clone(), wanted.partition, found.next()));
        Ok(found.into_read())
    }

    /// An error of a consumer ends a read unless librdkafka goes on by itself.
    fn pass_over(
        &self,
        wanted: &Wanted,
        code: RDKafkaErrorCode,
        said: &str,
    ) -> Result<(), BusError> {
        use RDKafkaErrorCode::{
            AutoOffsetReset, BrokerTransportFailure, OffsetOutOfRange, TopicAuthorizationFailed,
            UnknownTopic, UnknownTopicId, UnknownTopicOrPartition,
        };
        match code {
            OffsetOutOfRange | AutoOffsetReset => {
                let ends = self.topics.ends_of(&wanted.topic, wanted.partition)?;
                Err(BusError::OutOfRange {
                    topic: wanted.topic.clone(),
                    partition: wanted.partition,
                    from: wanted.from,
                    first: ends.first,
                    next: ends.next,
                })
            }
            UnknownTopicOrPartition | UnknownTopic | UnknownTopicId | TopicAuthorizationFailed => {
                Err(self.topics.failed(&wanted.topic, &KafkaError::MessageConsumption(code)))
            }
            BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown => Ok(()),
            _ => {
                tracing::warn!(topic = wanted.topic, %code, "reading from Kafka: {said}");
                Ok(())
            }
        }
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Consumers, and so reads at one time.
const READERS_MAX: usize = 4;
const POLL: Duration = Duration::from_millis(100);
