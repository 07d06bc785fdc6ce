//! Clusters and topics that are not as the hub needs them.

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use yiku_bus::{Bus, BusError, Durability, Kafka, KafkaSettings, ReadLimit};

use crate::engine::{Engine, TOPIC, append, nothing_more, rows, settings};

fn admin(settings: &KafkaSettings) -> AdminClient<DefaultClientContext> {
    ClientConfig::new()
        .set("bootstrap.servers", settings.cluster.brokers.join(","))
        .create()
        .unwrap()
}

/// Deletes a topic, as an operator might.
pub async fn delete(settings: &KafkaSettings, topic: &str) {
    let full = format!("{}{topic}", settings.prefix);
    let done = admin(settings).delete_topics(&[&full], &AdminOptions::new()).await.unwrap();
    done.into_iter().for_each(|one| drop(one.unwrap()));
}

/// Makes a topic as somebody else might.
async fn make(settings: &KafkaSettings, partitions: i32, more: &[(&str, &str)]) {
    make_topic(settings, TOPIC, partitions, more).await;
}

async fn make_topic(settings: &KafkaSettings, topic: &str, partitions: i32, more: &[(&str, &str)]) {
    let full = format!("{}{topic}", settings.prefix);
    let mut new = NewTopic::new(&full, partitions, TopicReplication::Fixed(1));
    new.config.extend(more);
    let done = admin(settings).create_topics([&new], &AdminOptions::new()).await.unwrap();
    done.into_iter().for_each(|one| drop(one.unwrap()));
}

async fn refusal(settings: KafkaSettings) -> BusError {
    match Kafka::open(settings).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

fn own() -> KafkaSettings {
    match Engine::kafka() {
        Engine::Kafka(settings) => settings,
        Engine::Embedded(_) => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_with_the_address() {
    let address = format!("127.0.0.1:{}", yiku_tests::free_port());
    let refused = refusal(settings(&address)).await;
    assert!(matches!(refused, BusError::Unreachable { .. }) && refused.may_pass(), "{refused}");
    let text = refused.to_string();
    assert!(text.contains(&address) && text.contains("Connection refused"), "{text}");
    assert!(refused.zh().contains("没有应答"), "{}", refused.zh());
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_replicas_than_durability_needs_are_refused() {
    let lasting = KafkaSettings { durability: Durability::Replicated, replication: 3, ..own() };
    let text = refusal(lasting.clone()).await.to_string();
    assert!(text.contains("it has 1 broker(s), and bus.kafka.replication is 3"), "{text}");
    assert!(text.contains("durability = \"single\""), "{text}");
    let text = refusal(KafkaSettings { replication: 1, ..lasting }).await.to_string();
    assert!(text.contains("durability = \"replicated\" needs 3"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_would_lose_rows_are_refused() {
    let kept = [("retention.ms", "-1"), ("retention.bytes", "-1"), ("cleanup.policy", "delete")];
    let with = |name: &'static str, value: &'static str| {
        let mut all = kept.to_vec();
        all.retain(|one| one.0 != name);
        all.push((name, value));
        all
    };
    let cases = [
        (
            1,
            with("retention.ms", "604800000"),
            "its retention.ms is 604800000, and the hub needs -1",
        ),
        (1, with("retention.bytes", "1000"), "its retention.bytes is 1000"),
        (1, with("cleanup.policy", "compact"), "its cleanup.policy is compact"),
    ];
    for (partitions, more, told) in cases {
        let own = own();
        make(&own, partitions, &more).await;
        let refused = refusal(own).await;
        let text = refused.to_string();
        assert!(
            text.contains(&format!("topic {TOPIC} of the bus")) && text.contains(told),
            "{text}"
        );
    }
    let own = own();
    make(&own, 1, &kept).await;
    assert!(Kafka::open(own).await.is_ok(), "a topic that somebody made right is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_topics_of_rows_may_have_several_partitions() {
    let own = own();
    let kept = [("retention.ms", "-1"), ("retention.bytes", "-1"), ("cleanup.policy", "delete")];
    make(&own, 3, &kept).await;
    let bus = Kafka::open(own.clone()).await.unwrap();
    let lane = bus.lane("0").await.unwrap();
    assert_eq!(lane.partitions(TOPIC).await.unwrap(), 3, "what is there, not what is set");
    assert_eq!(bus.topics().await.unwrap().len(), 3);
    make_topic(&own, "hub.rejects", 2, &kept).await;
    let text = refusal(own).await.to_string();
    assert!(text.contains("topic hub.rejects of the bus"), "{text}");
    assert!(text.contains("it has 2 partitions, and the hub writes one"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_were_added_are_refused() {
    let own = KafkaSettings { partitions: 2, ..own() };
    let bus = Kafka::open(own.clone()).await.unwrap();
    let lane = bus.lane("0").await.unwrap();
    assert_eq!(lane.partitions(TOPIC).await.unwrap(), 2, "the topic was made");
    let full = format!("{}{TOPIC}", own.prefix);
    let more = [NewPartitions::new(&full, 3)];
    let done = admin(&own).create_partitions(&more, &AdminOptions::new()).await.unwrap();
    done.into_iter().for_each(|one| drop(one.unwrap()));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let refused = loop {
        bus.topics().await.unwrap();
        match lane.partitions(TOPIC).await {
            Err(error) => break error,
            Ok(2) => assert!(std::time::Instant::now() < until, "it was never seen"),
            Ok(other) => panic!("keys would move among {other}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let text = refused.to_string();
    assert!(text.contains("it had 2 partition(s) and has 3"), "{text}");
    let rows = lane.append(vec![rows(TOPIC, 1, &["1"])], nothing_more()).await.unwrap_err();
    assert!(rows.to_string().contains("it had 2 partition(s) and has 3"), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_an_entity_that_is_not_compacted_is_refused() {
    let topic = "library.a.b";
    let cases: [(&[_], _); 2] = [
        (
            &[("cleanup.policy", "delete")],
            "its cleanup.policy is delete, and the hub needs compact",
        ),
        (
            &[("cleanup.policy", "compact")],
            "its delete.retention.ms is 86400000, and the hub needs",
        ),
    ];
    for (more, told) in cases {
        let own = own();
        make_topic(&own, topic, 1, more).await;
        let text = refusal(own).await.to_string();
        assert!(
            text.contains(&format!("topic {topic} of the bus")) && text.contains(told),
            "{text}"
        );
    }
    let own = own();
    let bus = Kafka::open(own.clone()).await.unwrap();
    let lane = bus.lane("relay").await.unwrap();
    let rows = crate::engine::rows(topic, 1, &["1"]);
    lane.append(vec![rows], crate::engine::nothing_more()).await.unwrap();
    drop((lane, bus));
    assert!(Kafka::open(own).await.is_ok(), "it is made as it is wanted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_deleted_is_not_made_again_in_silence() {
    let own = own();
    let bus = Kafka::open(own.clone()).await.unwrap();
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1"]).await.unwrap();
    delete(&own, TOPIC).await;
    let refused = append(&*lane, 2, &["2"]).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains(TOPIC) && text.contains("was deleted from the cluster"), "{text}");
    let refused = bus.read(TOPIC, 0, 1, ReadLimit::default()).await.unwrap_err();
    assert!(refused.to_string().contains("was deleted from the cluster"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_schema_number_are_refused() {
    let bus = Kafka::open(own()).await.unwrap();
    let lane = bus.lane("0").await.unwrap();
    let mut rows = crate::engine::rows(TOPIC, 1, &["1"]);
    rows.envelope.schema = None;
    let refused = lane.append(vec![rows], crate::engine::nothing_more()).await.unwrap_err();
    assert!(refused.to_string().contains("no registered schema"), "{refused}");
    append(&*lane, 1, &["the lane goes on"]).await.unwrap();
}

#[cfg(feature = "kafka-tls")]
mod login {
    use yiku_bus::{Cluster, Mechanism, Password, Sasl, Tls};

    use super::*;

    fn logging_in(mechanism: Mechanism, password: &str) -> KafkaSettings {
        let server = yiku_tests::kafka();
        let sasl = Sasl {
            mechanism,
            user: yiku_tests::Kafka::USER.into(),
            password: Password(password.into()),
        };
        let plain = settings(&server.login_address());
        let cluster = Cluster { sasl: Some(sasl), ..plain.cluster };
        KafkaSettings { prefix: server.prefix(), cluster, ..plain }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_login_by_scram_works() {
        for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
            let own = logging_in(mechanism, yiku_tests::Kafka::PASSWORD);
            let bus = Kafka::open(own).await.unwrap();
            let lane = bus.lane("0").await.unwrap();
            append(&*lane, 1, &["1"]).await.unwrap();
            assert_eq!(crate::engine::keys(&bus, TOPIC, 0).await, ["1"]);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_is_told_at_once_and_not_shown() {
        let began = std::time::Instant::now();
        let refused = refusal(logging_in(Mechanism::ScramSha256, "wrong-password")).await;
        assert!(matches!(refused, BusError::Refused { .. }), "{refused}");
        let text = refused.to_string();
        assert!(text.contains("uthentication") && text.contains("user `yiku`"), "{text}");
        assert!(!text.contains("wrong-password"), "{text}");
        assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    }

    fn encrypted(ca: &str, certificate: Option<&str>) -> KafkaSettings {
        let server = yiku_tests::kafka();
        let tls = Tls {
            ca: Some(server.certificate(ca)),
            certificate: certificate.map(|_| server.certificate("client.crt")),
            key: certificate.map(|_| server.certificate("client.key")),
        };
        let plain = settings(&server.tls_address());
        let cluster = Cluster { tls: Some(tls), ..plain.cluster };
        KafkaSettings { prefix: server.prefix(), cluster, ..plain }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_login_by_certificate_works() {
        let bus = Kafka::open(encrypted("ca.crt", Some("client"))).await.unwrap();
        let lane = bus.lane("0").await.unwrap();
        append(&*lane, 1, &["1"]).await.unwrap();
        assert_eq!(crate::engine::keys(&bus, TOPIC, 0).await, ["1"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_login_without_or_with_a_wrong_certificate_is_told() {
        let unknown = refusal(encrypted("stranger.crt", Some("client"))).await;
        assert!(matches!(unknown, BusError::Refused { .. }), "{unknown}");
        let text = unknown.to_string();
        assert!(text.contains("certificate") && text.contains("bus.kafka.tls"), "{text}");
        let nobody = refusal(encrypted("ca.crt", None)).await;
        assert!(matches!(nobody, BusError::Refused { .. }), "{nobody}");
        let missing = refusal(encrypted("no-such.crt", None)).await.to_string();
        assert!(missing.contains("no-such.crt"), "{missing}");
    }
}
