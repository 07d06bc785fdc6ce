//! Parcels as transactions, and the mark of the last one. Calls wait for the cluster.

use std::time::{Duration, Instant};

use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ThreadedProducer},
};
use yiku_connector::{ConnectorError, Parcel, Refused, Settled};
use yiku_kafka::{
    ANSWER_MAX, DELIVERY_MAX, Deliveries, Told,
    transaction::{is_fenced, is_retriable, requires_abort},
};

use crate::{
    far::Far,
    message::{Body, CHANGE, PARCEL, SUBJECT},
    topic::Topic,
};

/// The one who writes to a topic for a connector. Another one that is opened for it fences this.
pub struct Writer {
    topic: Topic,
    producer: ThreadedProducer<Deliveries>,
    /// Of the group that keeps the mark.
    marks: BaseConsumer<Told>,
    message_bytes_max: usize,
    /// The key of the parcel that was committed last; empty when none is known.
    last: String,
}

impl Writer {
    /// Connects, ends what a writer before left open, and learns which parcel was the last.
    pub fn open(
        far: Far,
        connector: &str,
        message_bytes_max: usize,
    ) -> Result<Self, ConnectorError> {
        // A refused login is told by answers to questions only, never to a producer.
        let topic = Topic::connect(far)?;
        topic.describe()?;
        let far = &topic.far;
        let id = format!("yiku.sink.{}.{connector}", far.topic);
        let config = far.cluster.appending(&id, message_bytes_max);
        let producer = ThreadedProducer::from_config_and_context(&config, Deliveries::default())
            .map_err(|error| far.unusable(&error))?;
        let config = far.cluster.reading(&id);
        let marks = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| far.unusable(&error))?;
        let mut this = Self { topic, producer, marks, message_bytes_max, last: String::new() };
        this.patiently(|producer| producer.init_transactions(ANSWER_MAX))?;
        this.last = this.mark()?;
        Ok(this)
    }

    /// Writes a parcel unless it was the last one that was written. After an error the writer is
    /// of no use; a new one finds out what became of the parcel.
    pub fn deliver(&mut self, parcel: &Parcel) -> Result<Settled, ConnectorError> {
        let mut bodies = Vec::with_capacity(parcel.changes.len());
        let mut refused = Vec::new();
        for index in 0..parcel.changes.len() {
            let body = Body::of(parcel, index);
            let bytes = body.bytes(parcel);
            match bytes > self.message_bytes_max {
                false => bodies.push((index, body)),
                true => refused.push(Refused { index, reason: self.too_large(bytes) }),
            }
        }
        if !bodies.is_empty() && self.last != *parcel.idempotency_key {
            self.write(parcel, &bodies)?;
            self.last = parcel.idempotency_key.to_string();
        }
        Ok(Settled { refused })
    }

    fn write(&self, parcel: &Parcel, bodies: &[(usize, Body)]) -> Result<(), ConnectorError> {
        self.producer.begin_transaction().map_err(|error| self.means(&error))?;
        let sent = self.send(parcel, bodies).and_then(|()| self.send_mark(parcel));
        if let Err(error) = sent {
            // Else readers would wait for the transaction's end until its time is over.
            let _ = self.producer.abort_transaction(ANSWER_MAX);
            return Err(error);
        }
        self.patiently(|producer| {
            let committed = producer.commit_transaction(ANSWER_MAX);
            if committed.as_ref().is_err_and(requires_abort) {
                let _ = producer.abort_transaction(ANSWER_MAX);
            }
            committed
        })
    }

    fn send(&self, parcel: &Parcel, bodies: &[(usize, Body)]) -> Result<(), ConnectorError> {
        let deliveries = self.producer.context();
        deliveries.begin();
        let tag = deliveries.tag(deliveries.slot(bodies.len()));
        let headers = [(PARCEL, &parcel.idempotency_key), (SUBJECT, &parcel.subject)];
        let headers =
            headers.iter().fold(OwnedHeaders::new_with_capacity(3), |own, (key, text)| {
                own.insert(Header { key, value: Some(text.as_bytes()) })
            });
        for (index, body) in bodies {
            let number = parcel.changes[*index].number.to_string();
            let own = Header { key: CHANGE, value: Some(number.as_bytes()) };
            let mut record: BaseRecord<'_, str, str, usize> =
                BaseRecord::with_opaque_to(&self.topic.far.topic, tag)
                    .key(body.key.as_str())
                    .headers(headers.clone().insert(own));
            if let Some(value) = &body.value {
                record = record.payload(value.as_str());
            }
            while let Err((error, back)) = self.producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(self.means(&error));
                }
                std::thread::sleep(QUEUE_FULL_WAIT);
                record = back;
            }
        }
        let delivered = deliveries.wait(DELIVERY_MAX);
        delivered.map(drop).map_err(|code| self.undelivered(code))
    }

    /// Makes the mark part of the transaction.
    fn send_mark(&self, parcel: &Parcel) -> Result<(), ConnectorError> {
        let group = self.marks.group_metadata();
        let group = group.ok_or_else(|| self.topic.far.unavailable("its group cannot be named"))?;
        let number = parcel.changes.last().map_or(0, |change| change.number);
        let mut list = TopicPartitionList::new();
        let mut mark = list.add_partition(&self.topic.far.topic, MARK_PARTITION);
        mark.set_offset(Offset::Offset(number.cast_signed()))
            .map_err(|error| self.means(&error))?;
        mark.set_metadata(&*parcel.idempotency_key);
        self.patiently(|producer| producer.send_offsets_to_transaction(&list, &group, ANSWER_MAX))
    }

    /// The key of the parcel that was committed last.
    fn mark(&self) -> Result<String, ConnectorError> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic.far.topic, MARK_PARTITION);
        let found = self.marks.committed_offsets(list, ANSWER_MAX);
        let failed = |error| self.topic.far.failed(self.marks.context(), &error);
        let found = found.map_err(failed)?;
        let mark = found.find_partition(&self.topic.far.topic, MARK_PARTITION);
        match mark {
            Some(mark) => {
                mark.error().map_err(failed)?;
                Ok(mark.metadata().to_owned())
            }
            None => Ok(String::new()),
        }
    }

    /// Calls again as long as that may help.
    fn patiently(
        &self,
        call: impl Fn(&ThreadedProducer<Deliveries>) -> Result<(), KafkaError>,
    ) -> Result<(), ConnectorError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match call(&self.producer) {
                Ok(()) => return Ok(()),
                Err(error) if is_retriable(&error) && Instant::now() < until => {}
                Err(error) => return Err(self.means(&error)),
            }
        }
    }

    /// What an error of the producer means.
    fn means(&self, error: &KafkaError) -> ConnectorError {
        let far = &self.topic.far;
        let fatal = self.producer.client().fatal_error().map(|(code, _)| code);
        if fatal.or(error.rdkafka_error_code()).is_some_and(is_fenced) {
            return far.unavailable(
                "another one writes to it for a connector of this name; of hubs that share a \
                 cluster each names its connectors its own way",
            );
        }
        far.failed(&self.producer.context().told, error)
    }

    fn undelivered(&self, code: RDKafkaErrorCode) -> ConnectorError {
        match code {
            RDKafkaErrorCode::MessageSizeTooLarge => self.topic.far.unreadable(format!(
                "it takes no message of {} bytes: raise its max.message.bytes, or lower \
                 `message_bytes_max`",
                self.message_bytes_max
            )),
            code => match self.topic.describe() {
                Ok(_) => self.means(&KafkaError::MessageProduction(code)),
                Err(gone) => gone,
            },
        }
    }

    fn too_large(&self, bytes: usize) -> String {
        format!("the message has {bytes} bytes, more than message_bytes_max")
    }
}

/// Of the topic, the one whose offset of the group carries the mark.
const MARK_PARTITION: i32 = 0;
/// How long a call is repeated.
const PATIENCE: Duration = Duration::from_secs(20);
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(1);
