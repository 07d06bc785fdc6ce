//! The suite that every connector is put through.

use serde_json::{Value, json};
use yiku_connector::{
    Position,
    conformance::{Received, check_schema, check_sink, check_source},
};

use crate::support::{LONG, Topic, access, framed, transactional};
use rdkafka::producer::Producer;

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_json_conforms() {
    let topic = Topic::new(3).await;
    topic.send_values(
        0,
        &[
            r#"{"id":1,"name":"甲"}"#,
            r#"{"id":2}"#,
            "no object",
            r#"{"more":true,"id":3,"name":""}"#,
            r#"{"id":4,"name":"a name that takes more than forty bytes, surely"}"#,
        ],
    );
    topic.send_values(2, &["null", r#"{"id":5,"other":"y"}"#, "{}"]);
    let open = |position: &Position| topic.source(&json!({}), position);
    let expected = [
        "1|甲",
        "2|∅",
        "no object|∅ !unreadable",
        "3||true",
        "4|a name that takes more than forty bytes, surely|∅",
        "null|∅|∅ !unreadable",
        "5|∅|∅|y",
        "∅|∅|∅|∅",
    ];
    check_source(open, &expected).await;
}

/// Offsets have gaps: what was aborted, and the ends of transactions.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_transactions_conforms() {
    let topic = Topic::new(2).await;
    let producer = transactional(&topic.name);
    for (number, commits) in [(1, true), (2, false), (3, true), (4, false)] {
        let value = format!(r#"{{"id":{number}}}"#);
        producer.begin_transaction().unwrap();
        for partition in 0..2 {
            topic.send_by(&producer, partition, &[(None, Some(value.as_bytes()))]);
        }
        match commits {
            true => producer.commit_transaction(LONG).unwrap(),
            false => producer.abort_transaction(LONG).unwrap(),
        }
    }
    let open = |position: &Position| topic.source(&json!({}), position);
    check_source(open, &["1", "3", "1", "3"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_of_registered_values_conform() {
    let avro = Topic::new(1).await;
    let values = [
        framed(7, b"\x04P1\x02\x06\xe7\x94\xb2\x02\x04\x04\xe2"),
        framed(7, b"\x04P2\0\0"),
        framed(7, b"\x04P3"),
        framed(9, b"\x04P4\0\0"),
    ];
    let messages: Vec<_> = values.iter().map(|value| (Some("k"), Some(&value[..]))).collect();
    avro.send(0, &messages);
    let raw = |value: &[u8]| {
        let hex: Vec<_> = value.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("hex:{}|∅|∅ !unreadable", hex.concat())
    };
    let (short, unknown) = (raw(&values[2]), raw(&values[3]));
    let open = |position: &Position| avro.source(&json!({ "format": "avro" }), position);
    check_source(open, &["P1|甲|12.50", "P2|∅|∅", &short, &unknown]).await;

    let twin = Topic::new(1).await;
    let values = [framed(8, br#"{"no":"P1","fee":"12.50"}"#), framed(8, br#"{"no":"P2"}"#)];
    let messages: Vec<_> = values.iter().map(|value| (None, Some(&value[..]))).collect();
    twin.send(0, &messages);
    let open = |position: &Position| twin.source(&json!({ "format": "json-schema" }), position);
    check_source(open, &["P1|12.50", "P2|∅"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_tombstones_conforms() {
    let topic = Topic::new(1).await;
    topic.send(
        0,
        &[
            (Some("P1"), Some(br#"{"no":"P1","name":"x"}"#)),
            (Some("P2"), None),
            (None, None),
            (Some("P3"), Some(br#"{"no":"P3","gone":true}"#)),
        ],
    );
    let more = json!({ "tombstones": { "key": "no", "column": "gone" } });
    let open = |position: &Position| topic.source(&more, position);
    let own = r#"{"no":"P3","gone":true}|∅|∅ !unreadable"#;
    check_source(open, &["P1|x|false", "P2|∅|true", "|∅|∅ !unreadable", own]).await;

    let topic = Topic::new(1).await;
    let key = r#"{"region":"431302","number":7}"#;
    topic.send(0, &[(Some(key), None), (Some(r#"{"region":"431302"}"#), None)]);
    let more = json!({ "tombstones": { "key": ["region", "number"] } });
    let open = |position: &Position| topic.source(&more, position);
    let lacking = r#"{"region":"431302"}|∅|∅ !unreadable"#;
    check_source(open, &["431302|7|true", lacking]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_conforms() {
    for partitions in [1, 3] {
        let topic = Topic::new(partitions).await;
        let open = || topic.sink("out", &json!({}));
        check_sink(open, async || received(&topic)).await;
        let seen = topic.seen();
        assert_eq!(seen.len(), 22, "each change was written once");
    }
}

/// What a receiver holds who keeps the newest value of each key.
fn received(topic: &Topic) -> Received {
    let mut held = Received::new();
    for message in topic.seen() {
        let key: Value = serde_json::from_str(&message.key).unwrap();
        let key = format!("{}|{}", key["region"].as_str().unwrap(), key["number"]);
        let Some(value) = message.value else {
            held.remove(&key);
            continue;
        };
        let row: Value = serde_json::from_str(&value).unwrap();
        let cell = |cell: &Value| match cell {
            Value::Null => "∅".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let cells: Vec<_> = row.as_object().unwrap().values().map(cell).collect();
        held.insert(key, cells.join("|"));
    }
    held
}

const SOURCES: [&str; 16] = [
    r#"{"format":"avro"}"#,
    r#"{"format":"json-schema","tls":{},"tombstones":{"key":"a"}}"#,
    r#"{"format":"json","tombstones":{"key":["a","b"],"column":"c"}}"#,
    r#"{"format":"json","tls":{"ca":"a","certificate":"b","key":"c"}}"#,
    r#"{"format":"json","sasl":{"mechanism":"scram-sha-256","user":"u","password":{"file":"p"}}}"#,
    r#"{"format":"json","tls":{},"sasl":{"mechanism":"plain","user":"u","password":{"env":"p"}}}"#,
    r#"!{}"#,
    r#"!{"format":"xml"}"#,
    r#"!{"format":"json","tombstones":{}}"#,
    r#"!{"format":"json","tombstones":{"key":[]}}"#,
    r#"!{"format":"json","tombstones":{"key":["a","a"]}}"#,
    r#"!{"format":"json","tombstones":{"key":""}}"#,
    r#"!{"format":"json","tls":{"cert":"a"}}"#,
    r#"!{"format":"json","sasl":{"mechanism":"plain","user":"u","password":{"env":"p"}}}"#,
    r#"!{"format":"json","sasl":{"mechanism":"scram-sha-512","user":"u","password":"p"}}"#,
    r#"!{"format":"json","sasl":{"mechanism":"gssapi","user":"u","password":{"env":"p"}}}"#,
];

const SINKS: [&str; 6] = [
    r#"{"tls":{"ca":"a"}}"#,
    r#"{"message_bytes_max":16777216,
        "sasl":{"mechanism":"scram-sha-512","user":"u","password":{"env":"p"}}}"#,
    r#"!{"message_bytes_max":999}"#,
    r#"!{"message_bytes_max":100000000}"#,
    r#"!{"format":"xml"}"#,
    r#"!{"sasl":{"mechanism":"plain","user":"u","password":{"env":"p"}}}"#,
];

/// The samples that begin with `!`, or those that do not, with a place; bad ones also a good
/// sample with a place that is none.
fn samples(samples: &[&str], bad: bool) -> Vec<Value> {
    let at = |sample: &str, brokers: Value, topic: &str| {
        let mut value: Value = serde_json::from_str(sample.trim_start_matches('!')).unwrap();
        value["brokers"] = brokers;
        value["topic"] = topic.into();
        value
    };
    let own = samples.iter().filter(|sample| sample.starts_with('!') == bad);
    let mut values: Vec<_> =
        own.map(|sample| at(sample, json!(["a:1", "b:2"]), "t.a-b_c")).collect();
    if bad {
        let good = samples[0];
        let brokers = [json!([]), json!("a:1"), json!([""]), json!(["a:1,b:1"])];
        values.extend(brokers.map(|brokers| at(good, brokers, "t")));
        let topics =
            ["", "a b", "主题", &"x".repeat(250)].map(|topic| at(good, json!(["a:1"]), topic));
        values.extend(topics);
    }
    values
}

#[test]
fn schemas_and_code_agree() {
    let (access, start) = (access("in"), Position::default());
    let kind = &connector_kafka::KIND;
    let read = |value| (kind.open_source)(value, &access, &start).map(drop);
    check_schema(kind.source_schema, read, &samples(&SOURCES, false), &samples(&SOURCES, true));
    let read = |value| (kind.open_sink)(value, &access).map(drop);
    check_schema(kind.sink_schema, read, &samples(&SINKS, false), &samples(&SINKS, true));
}
