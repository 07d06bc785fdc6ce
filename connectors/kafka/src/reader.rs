//! Reading runs of a topic: partition by partition, message by message. Calls wait for the cluster.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use yiku_connector::{ConnectorError, PullLimit, Run};
use yiku_core::batch::Batch;
use yiku_kafka::{
    ANSWER_MAX, Told,
    native::{self, Polled},
};

use crate::{
    far::Far,
    position::At,
    rows::{RAW_BYTES_MAX, Rows},
    topic::{Standing, Topic},
    value::{Decoder, Taken},
};

/// A topic that is read.
pub struct Reader {
    topic: Topic,
    consumer: BaseConsumer<Told>,
    decoder: Decoder,
    columns_max: usize,
    /// How the topic stood when it was opened, until a run begins.
    standing: Option<Standing>,
    cursor: Option<Cursor>,
    /// A message that was looked at and not handed over.
    ahead: Option<Taken>,
}

/// Where the consumer stands: it hands over what comes from `next` on, and from `after` to there
/// stands no message.
struct Cursor {
    partition: usize,
    after: u64,
    next: u64,
}

/// What a pull brought.
pub struct Portion {
    pub batch: Batch,
    pub at: At,
    pub run: Run,
}

impl Reader {
    /// Connects, and looks whether the position still fits the topic.
    pub fn open(
        far: Far,
        group: &str,
        decoder: Decoder,
        columns_max: usize,
        at: &At,
    ) -> Result<Self, ConnectorError> {
        let topic = Topic::connect(far)?;
        let config = topic.far.cluster.reading(group);
        let consumer = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| topic.far.unusable(&error))?;
        let standing = topic.look()?;
        fits(&topic.far, at, &standing)?;
        let standing = Some(standing);
        Ok(Self { topic, consumer, decoder, columns_max, standing, cursor: None, ahead: None })
    }

    /// The next rows, none when the topic has nothing more for now.
    pub fn pull(
        &mut self,
        mut at: At,
        limit: PullLimit,
    ) -> Result<Option<Portion>, ConnectorError> {
        let begins = !at.in_run();
        if begins && !self.begin(&mut at)? {
            return Ok(None);
        }
        let partition = self.unfinished(&mut at)?;
        let origin: Arc<str> =
            format!("{}/{}", self.topic.far.topic, partition.unwrap_or(0)).into();
        let mut rows = Rows::new(std::mem::take(&mut at.columns), origin);
        if let Some(partition) = partition {
            self.fill(partition, &mut at, &mut rows, limit)?;
        }
        at.columns = rows.columns().to_vec();
        let ends = self.unfinished(&mut at)?.is_none();
        if ends {
            at.end();
        }
        let run = Run { number: at.run, begins, ends };
        Ok(Some(Portion { batch: rows.into_batch(), at, run }))
    }

    /// Begins a run if there is something to read: it ends where the partitions end now.
    fn begin(&mut self, at: &mut At) -> Result<bool, ConnectorError> {
        let standing = match self.standing.take() {
            Some(standing) => standing,
            None => self.topic.look()?,
        };
        fits(&self.topic.far, at, &standing)?;
        let mut next = at.next.clone();
        next.extend_from_slice(&standing.first[next.len()..]);
        if next.iter().zip(&standing.next).all(|(next, end)| next >= end) {
            return Ok(false);
        }
        at.topic = standing.id;
        at.next = next;
        at.until = standing.next;
        at.run += 1;
        Ok(true)
    }

    /// The partition with the run's next message, which is then looked at. Partitions of which the
    /// rest holds no message are passed.
    fn unfinished(&mut self, at: &mut At) -> Result<Option<usize>, ConnectorError> {
        while let Some(partition) = at.partition() {
            match self.next(partition, at.next[partition], at.until[partition])? {
                Some(message) => {
                    self.ahead = Some(message);
                    return Ok(Some(partition));
                }
                None => at.next[partition] = at.until[partition],
            }
        }
        Ok(None)
    }

    fn fill(
        &mut self,
        partition: usize,
        at: &mut At,
        rows: &mut Rows,
        limit: PullLimit,
    ) -> Result<(), ConnectorError> {
        while at.next[partition] < at.until[partition] {
            let next = self.next(partition, at.next[partition], at.until[partition])?;
            let Some(message) = next else {
                at.next[partition] = at.until[partition];
                break;
            };
            let read = self.decoder.read(&message);
            if !rows.take(&message, read, limit, self.columns_max) {
                self.ahead = Some(message);
                break;
            }
            at.next[partition] = message.offset + 1;
        }
        Ok(())
    }

    /// The first message of a partition from an offset on; none when there is none before `until`.
    fn next(
        &mut self,
        partition: usize,
        from: u64,
        until: u64,
    ) -> Result<Option<Taken>, ConnectorError> {
        self.stand_at(partition, from)?;
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            if let Some(ahead) = self.ahead.take_if(|ahead| ahead.offset < until) {
                return Ok(Some(ahead));
            }
            let cursor = self.cursor.as_mut().expect("it stands somewhere");
            if self.ahead.is_some() || cursor.next >= until {
                return Ok(None);
            }
            match native::poll(&self.consumer, POLL) {
                Polled::Message(message) => {
                    let taken = taken(&message, self.decoder.value_bytes_max());
                    (cursor.after, cursor.next) = (taken.offset + 1, taken.offset + 1);
                    self.ahead = Some(taken);
                    continue;
                }
                Polled::End(offset) => cursor.next = cursor.next.max(offset),
                Polled::Failed(code, _) => self.pass_over(code)?,
                Polled::Nothing => {}
            }
            if Instant::now() > deadline {
                let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                return Err(self.topic.far.failed(self.topic.asking.context(), &error));
            }
        }
    }

    /// Assigns the partition unless the consumer stands there already.
    fn stand_at(&mut self, partition: usize, from: u64) -> Result<(), ConnectorError> {
        if let Some(ahead) = &self.ahead
            && self.cursor.as_ref().is_some_and(|cursor| cursor.partition == partition)
            && ahead.offset >= from
        {
            return Ok(());
        }
        self.ahead = None;
        let stands = self.cursor.as_ref().is_some_and(|cursor| {
            cursor.partition == partition && (cursor.after..=cursor.next).contains(&from)
        });
        if stands {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        let offset = Offset::Offset(from.cast_signed());
        list.add_partition_offset(&self.topic.far.topic, partition as i32, offset)
            .and_then(|()| self.consumer.assign(&list))
            .map_err(|error| self.topic.far.failed(self.topic.asking.context(), &error))?;
        self.cursor = Some(Cursor { partition, after: from, next: from });
        Ok(())
    }

    /// An error of a consumer ends the reading unless librdkafka goes on by itself.
    fn pass_over(&self, code: RDKafkaErrorCode) -> Result<(), ConnectorError> {
        use RDKafkaErrorCode::{
            AutoOffsetReset, OffsetOutOfRange, TopicAuthorizationFailed, UnknownPartition,
            UnknownTopic, UnknownTopicId, UnknownTopicOrPartition,
        };
        match code {
            OffsetOutOfRange | AutoOffsetReset => Err(ConnectorError::Position(format!(
                "{} lost messages that were to be read: {REMEDY}",
                self.topic.far.name()
            ))),
            UnknownTopicOrPartition
            | UnknownTopic
            | UnknownTopicId
            | UnknownPartition
            | TopicAuthorizationFailed => {
                let error = KafkaError::MessageConsumption(code);
                Err(self.topic.far.failed(self.topic.asking.context(), &error))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a topic still has what the position points to.
fn fits(far: &Far, at: &At, standing: &Standing) -> Result<(), ConnectorError> {
    let wrong =
        |problem: String| ConnectorError::Position(format!("{}: {problem}; {REMEDY}", far.name()));
    if at.is_start() {
        return Ok(());
    }
    if at.topic != standing.id {
        return Err(wrong("the topic was deleted and made again".into()));
    }
    if at.next.len() > standing.next.len() {
        let (read, now) = (at.next.len(), standing.next.len());
        return Err(wrong(format!("{read} partitions were read, and it has {now}")));
    }
    let bounds = standing.first.iter().zip(&standing.next);
    for (partition, (next, (first, end))) in at.next.iter().zip(bounds).enumerate() {
        if next < first {
            return Err(wrong(format!(
                "partition {partition} begins at offset {first} by now; the messages from {next} \
                 on were deleted before they were read"
            )));
        }
        if next > end {
            return Err(wrong(format!(
                "partition {partition} ends at offset {end}, before {next}, where the source \
                 stands"
            )));
        }
    }
    Ok(())
}

fn taken(message: &native::Message<'_>, value_bytes_max: usize) -> Taken {
    let value = message.value();
    let bytes = value.map_or(0, <[u8]>::len);
    // Of one that is too large only the beginning is kept.
    let kept = |value: &[u8]| match bytes > value_bytes_max {
        true => value[..bytes.min(RAW_BYTES_MAX)].to_vec(),
        false => value.to_vec(),
    };
    let key = message.key().map(<[u8]>::to_vec);
    Taken { offset: message.offset(), key, value: value.map(kept), bytes }
}

/// What a person does about a position that does not fit.
const REMEDY: &str = "make sure nothing is lost, then `yiku connector position NAME --set null` \
                      reads everything that is there";
const POLL: Duration = Duration::from_millis(100);
