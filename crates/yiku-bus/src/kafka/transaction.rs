//! One transaction: rows, then what is made of their places, then the commit.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    config::FromClientConfigAndContext,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, Producer, ThreadedProducer},
};
use yiku_kafka::{
    ANSWER_MAX, DELIVERY_MAX, Delivered, Deliveries, client,
    transaction::{is_fenced, is_retriable, requires_abort},
};

use super::{lane::Pending, message, settings::KafkaSettings, topics::Topics};
use crate::{Append, BusError, Placed};

/// The transactions of one lane.
pub(super) struct Transactions {
    settings: Arc<KafkaSettings>,
    topics: Arc<Topics>,
    lane: String,
    producer: Option<ThreadedProducer<Deliveries>>,
    /// Set once another process has taken the lane: taking it back would fence that one.
    fenced: Cell<bool>,
    /// Room for one value.
    value: Vec<u8>,
}

impl Transactions {
    pub(super) fn new(settings: Arc<KafkaSettings>, topics: Arc<Topics>, lane: &str) -> Self {
        let (lane, fenced) = (lane.to_owned(), Cell::new(false));
        Self { settings, topics, lane, producer: None, fenced, value: Vec::new() }
    }

    /// Takes the lane, unless it is held: ends what a holder before left open, and fences it.
    pub(super) fn take(&mut self) -> Result<(), BusError> {
        if self.fenced.get() {
            return Err(BusError::Fenced { lane: self.lane.clone() });
        }
        if self.producer.is_some() {
            return Ok(());
        }
        // A refused login is told by answers to questions only, never to a producer.
        client::metadata(&self.settings.cluster, self.topics.asking())?;
        let config = self.settings.appending(&self.lane);
        let producer = ThreadedProducer::from_config_and_context(&config, Deliveries::default())
            .map_err(|error| client::unusable(&self.settings.cluster, &error))?;
        let until = Instant::now() + ANSWER_MAX;
        while let Err(error) = producer.init_transactions(ANSWER_MAX) {
            if !is_retriable(&error) || Instant::now() > until {
                return Err(self.means(&producer, &error));
            }
        }
        self.producer = Some(producer);
        Ok(())
    }

    /// Appends all of them in one transaction; on an error none, unless it leaves in doubt.
    pub(super) fn append(&mut self, group: &[Pending]) -> Result<Vec<Vec<Placed>>, BusError> {
        self.take()?;
        for one in group.iter().flat_map(|pending| &pending.rows) {
            if !one.records.is_empty() {
                self.topics.ensure(&one.topic)?;
            }
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_append(group) {
                // Others wrote among our rows; they may do so once, not always.
                Err(Trouble::Broken(_)) if tries < TRIES => {}
                Err(Trouble::Broken(topic)) => {
                    let problem = "another program writes to it while the hub does; it must write \
                                   to the hub by POST or to a topic of its own"
                        .to_owned();
                    return Err(BusError::Topic { topic, problem });
                }
                Err(Trouble::Error(error)) => return Err(error),
                Ok(placed) => return Ok(placed),
            }
        }
    }

    fn try_append(&mut self, group: &[Pending]) -> Result<Vec<Vec<Placed>>, Trouble> {
        let Some(producer) = self.producer.take() else {
            return Err(Trouble::Error(self.lost("the lane is not held")));
        };
        let written = self.write(&producer, group);
        let (placed, ends) = match written {
            Ok(written) => written,
            Err(trouble) => {
                // Without an answer the cluster ends the transaction by itself; the producer is
                // destroyed, and the next one makes sure of it.
                if producer.abort_transaction(ANSWER_MAX).is_ok() {
                    self.producer = Some(producer);
                }
                return Err(trouble);
            }
        };
        let until = Instant::now() + COMMIT_MAX;
        while let Err(error) = producer.commit_transaction(ANSWER_MAX) {
            if requires_abort(&error) && producer.abort_transaction(ANSWER_MAX).is_ok() {
                let nothing = self.means(&producer, &error);
                self.producer = Some(producer);
                return Err(Trouble::Error(nothing));
            }
            if is_retriable(&error) && Instant::now() < until {
                continue;
            }
            return Err(Trouble::Error(match self.means(&producer, &error) {
                fenced @ BusError::Fenced { .. } => fenced,
                other => BusError::InDoubt {
                    brokers: self.settings.brokers(),
                    problem: other.to_string(),
                },
            }));
        }
        self.producer = Some(producer);
        self.wait_until_seen(&ends);
        Ok(placed)
    }

    /// Sends rows and control records; returns places and where each partition ends.
    fn write(
        &mut self,
        producer: &ThreadedProducer<Deliveries>,
        group: &[Pending],
    ) -> Result<(Vec<Vec<Placed>>, Vec<End>), Trouble> {
        let began = producer.begin_transaction();
        began.map_err(|error| Trouble::Error(self.means(producer, &error)))?;
        let deliveries = producer.context();
        deliveries.begin();
        let rows: Vec<&Append> = group.iter().flat_map(|pending| &pending.rows).collect();
        let delivered = self.send(producer, &rows)?;
        let mut places = self.places(&rows, &delivered)?.into_iter();
        let placed: Vec<Vec<Placed>> = group
            .iter()
            .map(|pending| places.by_ref().take(pending.rows.len()).collect())
            .collect();
        let made: Vec<Append> = group
            .iter()
            .zip(&placed)
            .flat_map(|(pending, placed)| (pending.finish)(placed))
            .filter(|one| !one.records.is_empty())
            .collect();
        for one in &made {
            self.topics.ensure(&one.topic).map_err(Trouble::Error)?;
        }
        deliveries.begin();
        let made: Vec<&Append> = made.iter().collect();
        let finished = self.send(producer, &made)?;
        let mut ends = Vec::new();
        for (one, delivered) in rows.iter().zip(&delivered).chain(made.iter().zip(&finished)) {
            if !delivered.is_unbroken() {
                return Err(Trouble::Broken(one.topic.clone()));
            }
            if delivered.count > 0 {
                let topic = one.topic.clone();
                ends.push(End { topic, partition: one.partition, last: delivered.last });
            }
        }
        Ok((placed, ends))
    }

    /// Hands the messages to librdkafka and waits until they are there.
    fn send(
        &mut self,
        producer: &ThreadedProducer<Deliveries>,
        appends: &[&Append],
    ) -> Result<Vec<Delivered>, Trouble> {
        let deliveries = producer.context();
        for one in appends {
            let tag = deliveries.tag(deliveries.slot(one.records.len()));
            self.enqueue(producer, one, tag)?;
        }
        deliveries.wait(DELIVERY_MAX).map_err(|code| {
            let error = KafkaError::MessageProduction(code);
            let gone = appends.iter().find_map(|one| match self.topics.look_for(&one.topic) {
                Err(gone @ BusError::Topic { .. }) => Some(gone),
                _ => None,
            });
            Trouble::Error(gone.unwrap_or_else(|| self.means(producer, &error)))
        })
    }

    fn enqueue(
        &mut self,
        producer: &ThreadedProducer<Deliveries>,
        one: &Append,
        tag: usize,
    ) -> Result<(), Trouble> {
        let unusable =
            |problem: String| Trouble::Error(BusError::Topic { topic: one.topic.clone(), problem });
        let schema = one.envelope.schema.filter(|_| message::carries_rows(&one.topic));
        if schema.is_none() && message::carries_rows(&one.topic) {
            return Err(unusable("its rows have no registered schema".into()));
        }
        let topic = self.settings.full_name(&one.topic);
        let headers = message::Headers::of_batch(&one.topic, &one.envelope);
        for record in one.records.iter() {
            let record = record.ok_or_else(|| unusable("a record of it is damaged".into()))?;
            let has_value = message::write_value(schema, &record, &mut self.value);
            let mut sent: BaseRecord<'_, str, [u8], usize> =
                BaseRecord::with_opaque_to(&topic, tag)
                    .partition(one.partition as i32)
                    .timestamp(one.envelope.at_ms)
                    .headers(headers.of_row(&record));
            if has_value {
                sent = sent.payload(&self.value);
            }
            if !record.key.is_empty() {
                sent = sent.key(record.key);
            }
            while let Err((error, back)) = producer.send(sent) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    let said = self.means(producer, &error);
                    return Err(match error.rdkafka_error_code() {
                        Some(RDKafkaErrorCode::MessageSizeTooLarge) => unusable(format!(
                            "a record of it is larger than {} bytes",
                            super::settings::MESSAGE_BYTES_MAX
                        )),
                        _ => Trouble::Error(said),
                    });
                }
                std::thread::sleep(QUEUE_FULL_WAIT);
                sent = back;
            }
        }
        Ok(())
    }

    /// Where each append stands. One without records stands at its topic's end.
    fn places(&self, rows: &[&Append], delivered: &[Delivered]) -> Result<Vec<Placed>, Trouble> {
        let place = |(one, delivered): (&&Append, &Delivered)| {
            let base_offset = match delivered.count {
                0 => self.end_of(&one.topic, one.partition).map_err(Trouble::Error)?,
                _ => delivered.first,
            };
            let count = delivered.count as u32;
            Ok(Placed { topic: one.topic.clone(), partition: one.partition, base_offset, count })
        };
        rows.iter().zip(delivered).map(place).collect()
    }

    fn end_of(&self, topic: &str, partition: u32) -> Result<u64, BusError> {
        match self.topics.is_there(topic)? {
            true => Ok(self.topics.ends_of(topic, partition)?.next),
            false => Ok(0),
        }
    }

    /// Readers see a transaction a moment after its commit was answered.
    fn wait_until_seen(&self, ends: &[End]) {
        let until = Instant::now() + ANSWER_MAX;
        for end in ends {
            let seen = || {
                let ends = self.topics.ends_of(&end.topic, end.partition);
                ends.is_ok_and(|ends| ends.next > end.last)
            };
            while !seen() && Instant::now() < until {
                std::thread::sleep(SEEN_WAIT);
            }
        }
    }

    fn lost(&self, problem: &str) -> BusError {
        BusError::Unreachable { brokers: self.settings.brokers(), problem: problem.into() }
    }

    /// What an error of the producer means.
    fn means(&self, producer: &ThreadedProducer<Deliveries>, error: &KafkaError) -> BusError {
        let fatal = producer.client().fatal_error().map(|(code, _)| code);
        let code = fatal.or(error.rdkafka_error_code());
        if code.is_some_and(is_fenced) {
            self.fenced.set(true);
            return BusError::Fenced { lane: self.lane.clone() };
        }
        client::unanswered(&self.settings.cluster, &producer.context().told, error).into()
    }
}

/// Where a transaction's last record of a partition stands.
struct End {
    topic: String,
    partition: u32,
    last: u64,
}

/// Why nothing of a transaction was kept, unless the error leaves in doubt.
enum Trouble {
    /// Another program's messages stand among the rows of this topic.
    Broken(String),
    Error(BusError),
}

/// How often rows are sent while others write among them.
const TRIES: u32 = 3;
/// How long a commit is asked for.
const COMMIT_MAX: Duration = Duration::from_secs(20);
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(1);
const SEEN_WAIT: Duration = Duration::from_micros(200);
