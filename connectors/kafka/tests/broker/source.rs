//! What is special about reading a topic.

use rdkafka::producer::Producer;
use serde_json::json;
use yiku_connector::{Position, PullLimit, conformance::row_text};

use crate::support::{LONG, Topic, framed, rows, transactional};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_where_the_topic_ended_when_it_began() {
    let topic = Topic::new(1).await;
    topic.send_values(0, &[r#"{"id":1}"#, r#"{"id":2}"#]);
    let mut source = topic.source(&json!({}), &Position::default()).unwrap();
    let one = PullLimit { rows: 1, ..PullLimit::default() };
    let mut told = Vec::new();
    while let Some(pull) = source.pull(one).await.unwrap() {
        let run = &pull.run;
        let row = row_text(&pull.batch, 0);
        told.push(format!("{row} in {} {} {}", run.number, run.begins, run.ends));
        if told.len() == 1 {
            topic.send_values(0, &[r#"{"id":3}"#]);
        }
    }
    assert_eq!(told, ["1 in 1 true false", "2 in 1 false true", "3 in 2 true true"]);
    topic.send_values(0, &[r#"{"id":4}"#]);
    assert_eq!(rows(&mut *source).await.0, ["4"], "it goes on where it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_waits() {
    let topic = Topic::new(1).await;
    let producer = transactional(&topic.name);
    producer.begin_transaction().unwrap();
    topic.send_by(&producer, 0, &[(None, Some(br#"{"id":1}"#))]);
    topic.send_values(0, &[r#"{"id":2}"#]);
    let mut source = topic.source(&json!({}), &Position::default()).unwrap();
    assert!(source.pull(PullLimit::default()).await.unwrap().is_none());
    producer.commit_transaction(LONG).unwrap();
    assert_eq!(rows(&mut *source).await.0, ["1", "2"]);
}

/// Names that one bad message brings are gone with the run.
#[tokio::test(flavor = "multi_thread")]
async fn the_columns_are_those_of_the_run() {
    let topic = Topic::new(1).await;
    topic.send_values(0, &[r#"{"id":1,"typo":1}"#, r#"{"id":2}"#]);
    let mut source = topic.source(&json!({}), &Position::default()).unwrap();
    let (read, position) = rows(&mut *source).await;
    assert_eq!(read, ["1|1", "2|∅"]);
    assert!(position.0.get("columns").is_none(), "{}", position.0);
    topic.send_values(0, &[r#"{"id":3}"#]);
    assert_eq!(rows(&mut *source).await.0, ["3"]);
}

/// 20,000 messages of each of two partitions arrive once and in order, whatever stands between.
#[tokio::test(flavor = "multi_thread")]
async fn many_messages_arrive_in_order() {
    const EACH: usize = 20_000;
    let topic = Topic::new(2).await;
    let values: Vec<_> =
        (0..EACH).map(|number| framed(7, format!("\x0a{number:05}\0\0").as_bytes())).collect();
    let messages: Vec<_> = values.iter().map(|value| (None, Some(&value[..]))).collect();
    for partition in 0..2 {
        topic.send(partition, &messages);
    }
    let more = json!({ "format": "avro" });
    let (read, _) = rows(&mut *topic.source(&more, &Position::default()).unwrap()).await;
    let expected = (0..EACH).chain(0..EACH).map(|number| format!("{number:05}|∅|∅"));
    assert!(read.into_iter().eq(expected));
}
