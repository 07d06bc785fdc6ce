//! Fences, and what is not committed.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use yiku_bus::{BusError, Kafka, KafkaSettings, ReadLimit};

use crate::engine::{Engine, TOPIC, append, keys, settings};

const LONG: Duration = Duration::from_secs(20);

/// A producer with transactions that is not the hub's own.
fn producer(settings: &KafkaSettings, id: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", settings.cluster.brokers.join(","));
    config.set("transactional.id", format!("{}{id}", settings.prefix));
    config.create().unwrap()
}

fn send(producer: &BaseProducer, settings: &KafkaSettings, key: &str) {
    let topic = format!("{}{TOPIC}", settings.prefix);
    producer.send(BaseRecord::to(&topic).key(key).payload("not committed").partition(0)).unwrap();
    producer.flush(LONG).unwrap();
}

fn of_kafka() -> (Engine, KafkaSettings) {
    let engine = Engine::kafka();
    let Engine::Kafka(settings) = &engine else { unreachable!() };
    let settings = settings.clone();
    (engine, settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_a_lane_fences_its_holder() {
    let (engine, _) = of_kafka();
    let (one, other) = (engine.open().await, engine.open().await);
    let old = one.lane("0").await.unwrap();
    append(&*old, 1, &["1"]).await.unwrap();
    let beside = one.lane("1").await.unwrap();
    let new = other.lane("0").await.unwrap();
    let refused = append(&*old, 2, &["lost"]).await.unwrap_err();
    assert!(matches!(refused, BusError::Fenced { .. }), "{refused}");
    assert!(refused.ends_process() && refused.to_string().contains("lane 0"), "{refused}");
    let again = append(&*old, 3, &["lost"]).await.unwrap_err();
    assert!(matches!(again, BusError::Fenced { .. }), "it does not take the lane back: {again}");
    assert!(matches!(old.settle().await, Err(BusError::Fenced { .. })));
    append(&*new, 2, &["2"]).await.unwrap();
    append(&*beside, 1, &["3"]).await.unwrap();
    assert_eq!(keys(&*one, TOPIC, 0).await, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_is_not_seen() {
    let (engine, settings) = of_kafka();
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1"]).await.unwrap();
    let end = bus.topics().await.unwrap()[0].next;
    let foreign = producer(&settings, "other");
    foreign.init_transactions(LONG).unwrap();
    foreign.begin_transaction().unwrap();
    send(&foreign, &settings, "open");
    let read = bus.read(TOPIC, 0, end, ReadLimit::default()).await.unwrap();
    assert!(read.batches.is_empty() && read.foreign.is_empty() && read.next == end, "{read:?}");
    assert_eq!(bus.topics().await.unwrap()[0].next, end, "the end is that of the stable records");
    foreign.abort_transaction(LONG).unwrap();
    append(&*lane, 2, &["2"]).await.unwrap();
    let read = bus.read(TOPIC, 0, end, ReadLimit::default()).await.unwrap();
    assert!(read.foreign.is_empty(), "{read:?}");
    assert_eq!(keys(&*bus, TOPIC, end).await, ["2"]);
    assert_eq!(read.next, bus.topics().await.unwrap()[0].next);
    assert_eq!(bus.count(TOPIC, 0, 0, read.next).await.unwrap(), 2);
}

/// A process that dies between rows and commit leaves its transaction open until its lane is
/// taken again.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_crashed_holder_never_were() {
    let (engine, settings) = of_kafka();
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1"]).await.unwrap();
    drop(lane);
    let crashed = producer(&settings, "yiku.lane.0");
    crashed.init_transactions(LONG).unwrap();
    crashed.begin_transaction().unwrap();
    send(&crashed, &settings, "half done");

    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 2, &["2"]).await.unwrap();
    assert_eq!(keys(&*bus, TOPIC, 0).await, ["1", "2"]);
    assert!(crashed.commit_transaction(LONG).is_err(), "it is fenced");
    assert_eq!(keys(&*bus, TOPIC, 0).await, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_with_other_prefixes_share_a_cluster() {
    let address = yiku_tests::kafka().address();
    let open = async |prefix: &str| {
        Kafka::open(KafkaSettings { prefix: prefix.into(), ..settings(&address) }).await.unwrap()
    };
    let (one, other) = (open("share-a.").await, open("share-b.").await);
    use yiku_bus::Bus;
    let (lane, beside) = (one.lane("0").await.unwrap(), other.lane("0").await.unwrap());
    append(&*lane, 1, &["a"]).await.unwrap();
    append(&*beside, 1, &["b"]).await.unwrap();
    assert_eq!(keys(&one, TOPIC, 0).await, ["a"]);
    assert_eq!(keys(&other, TOPIC, 0).await, ["b"]);
    assert_eq!(one.topics().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_does_not_end_is_noticed() {
    let (engine, settings) = of_kafka();
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1"]).await.unwrap();
    assert_eq!(bus.held_up_for().await.unwrap(), Duration::ZERO);
    let foreign = producer(&settings, "other");
    foreign.init_transactions(LONG).unwrap();
    foreign.begin_transaction().unwrap();
    send(&foreign, &settings, "open");
    bus.held_up_for().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let age = bus.held_up_for().await.unwrap();
    assert!(age >= Duration::from_millis(300) && age < LONG, "{age:?}");
    foreign.abort_transaction(LONG).unwrap();
    append(&*lane, 2, &["2"]).await.unwrap();
    assert_eq!(bus.held_up_for().await.unwrap(), Duration::ZERO);
}
