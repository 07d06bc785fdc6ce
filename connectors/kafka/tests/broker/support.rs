//! Topics of the tests' own, and what others do to them.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};
use serde_json::{Value, json};
use yiku_connector::{
    Access, ConnectorError, Limits, Load, Position, PullLimit, Schemas, Sink, Source, Surroundings,
    conformance::{row_text, sink_columns, sink_key},
};
use yiku_core::registry::{Format, KeptSchema, Registry, SchemaOf};

pub const LONG: Duration = Duration::from_secs(20);

/// The Avro schema of number 7; number 8 is its JSON Schema twin.
pub const AVRO: &str = r#"{"type":"record","name":"patient","fields":[
    {"name":"no","type":"string"},
    {"name":"name","type":["null","string"],"default":null},
    {"name":"fee","type":["null",
        {"type":"bytes","logicalType":"decimal","precision":10,"scale":2}],"default":null}]}"#;

/// A topic that no other test has.
pub struct Topic {
    pub name: String,
}

/// A message as others see it.
#[derive(Debug)]
pub struct Seen {
    pub key: String,
    pub value: Option<String>,
    pub headers: BTreeMap<String, String>,
}

impl Topic {
    pub async fn new(partitions: i32) -> Self {
        let topic = Self { name: format!("{}topic", yiku_tests::kafka().prefix()) };
        topic.make(partitions).await;
        topic
    }

    pub async fn make(&self, partitions: i32) {
        let new = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        let done = admin().create_topics([&new], &AdminOptions::new()).await.unwrap();
        done.into_iter().for_each(|one| drop(one.unwrap()));
        let consumer: BaseConsumer = client().create().unwrap();
        let until = Instant::now() + LONG;
        while (0..partitions)
            .any(|one| consumer.fetch_watermarks(&self.name, one, Duration::from_secs(1)).is_err())
        {
            assert!(Instant::now() < until, "the topic has no leader");
        }
    }

    pub async fn delete(&self) {
        let done = admin().delete_topics(&[&self.name], &AdminOptions::new()).await.unwrap();
        done.into_iter().for_each(|one| drop(one.unwrap()));
    }

    /// Deletes what stands before an offset of partition 0, as retention does.
    pub async fn delete_before(&self, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name, 0, Offset::Offset(offset)).unwrap();
        admin().delete_records(&list, &AdminOptions::new()).await.unwrap();
    }

    /// Writes messages into a partition.
    pub fn send(&self, partition: i32, messages: &[(Option<&str>, Option<&[u8]>)]) {
        let producer: BaseProducer = client().set("message.max.bytes", "1000000").create().unwrap();
        self.send_by(&producer, partition, messages);
    }

    /// Writes values without keys into a partition.
    pub fn send_values(&self, partition: i32, values: &[&str]) {
        let messages: Vec<_> = values.iter().map(|value| (None, Some(value.as_bytes()))).collect();
        self.send(partition, &messages);
    }

    pub fn send_by(
        &self,
        producer: &BaseProducer,
        partition: i32,
        messages: &[(Option<&str>, Option<&[u8]>)],
    ) {
        for (key, value) in messages {
            let mut record: BaseRecord<'_, str, [u8]> =
                BaseRecord::to(&self.name).partition(partition);
            record.key = *key;
            record.payload = *value;
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(LONG).unwrap();
    }

    /// A source of it, with more configuration.
    pub fn source(
        &self,
        more: &Value,
        position: &Position,
    ) -> Result<Box<dyn Source>, ConnectorError> {
        let mut config = self.config();
        config["format"] = "json".into();
        add(&mut config, more);
        (connector_kafka::KIND.open_source)(config, &access("in"), position)
    }

    /// A sink into it for a connector of this name, with more configuration.
    pub fn sink(&self, name: &str, more: &Value) -> Result<Box<dyn Sink>, ConnectorError> {
        let mut config = self.config();
        add(&mut config, more);
        (connector_kafka::KIND.open_sink)(config, &access(name))
    }

    fn config(&self) -> Value {
        json!({ "brokers": [yiku_tests::kafka().address()], "topic": self.name })
    }

    /// All committed messages, in their order within a partition.
    pub fn seen(&self) -> Vec<Seen> {
        // Our values are JSON, in which neither tabs nor lines stand as such.
        let words = ["-C", "-t", &self.name, "-o", "beginning", "-e", "-q", "-X"];
        let form = ["isolation.level=read_committed", "-f", "%k\t%S\t%s\t%h\n"];
        let text = yiku_tests::kafka().kcat(&[&words[..], &form].concat());
        text.lines().map(one).collect()
    }
}

/// A line of kcat's: key, length of the value (-1 for null), value, headers.
fn one(line: &str) -> Seen {
    let parts: Vec<_> = line.split('\t').collect();
    let [key, length, value, headers] = parts[..] else { panic!("{line}") };
    let headers = headers.split(',').filter_map(|one| one.split_once('='));
    Seen {
        key: key.to_owned(),
        value: (length != "-1").then(|| value.to_owned()),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}

fn add(config: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
}

pub fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", yiku_tests::kafka().address());
    config
}

pub fn admin() -> AdminClient<DefaultClientContext> {
    client().create().unwrap()
}

/// A producer with transactions under this id.
pub fn transactional(id: &str) -> BaseProducer {
    let producer: BaseProducer = client().set("transactional.id", id).create().unwrap();
    producer.init_transactions(LONG).unwrap();
    producer
}

pub fn access(name: &str) -> Access {
    let folder = Path::new("/nowhere");
    Access {
        connector: name.into(),
        load: Load::Changes,
        columns: sink_columns(),
        key: sink_key(),
        schemas: schemas(),
        surroundings: Surroundings {
            folder: folder.into(),
            secrets: folder.into(),
            limits: Limits { record_bytes_max: 100_000, columns_max: 20, ..Limits::default() },
        },
    }
}

fn schemas() -> Schemas {
    let kept = |id, format, text: &str| KeptSchema {
        id,
        of: SchemaOf::Entry("health/patient".parse().unwrap(), "1.0.0".parse().unwrap()),
        format,
        text: text.to_owned(),
    };
    let twin = r#"{"type":"object"}"#;
    let all = [kept(7, Format::Avro, AVRO), kept(8, Format::Json, twin)];
    let registry = Arc::new(Registry::new(all));
    Schemas::new(move || registry.clone())
}

/// A value behind the number of a schema.
pub fn framed(schema: u32, body: &[u8]) -> Vec<u8> {
    [&[0], &schema.to_be_bytes()[..], body].concat()
}

/// All that a source gives now, as the suite writes rows; and where it stands then.
pub async fn rows(source: &mut dyn Source) -> (Vec<String>, Position) {
    let (mut rows, mut position) = (Vec::new(), Position::default());
    while let Some(pull) = source.pull(PullLimit::default()).await.unwrap() {
        rows.extend((0..pull.batch.len()).map(|row| row_text(&pull.batch, row)));
        position = pull.position;
    }
    (rows, position)
}

/// Why a source gives nothing.
pub async fn refusal(source: &mut dyn Source) -> ConnectorError {
    match source.pull(PullLimit::default()).await {
        Err(error) => error,
        Ok(pull) => panic!("it gave {pull:?}"),
    }
}
