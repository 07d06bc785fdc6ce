//! Topics that are no longer what the position speaks of: said, never read from elsewhere.

use rdkafka::admin::{AdminOptions, NewPartitions};
use serde_json::json;
use yiku_connector::{ConnectorError, Position};

use crate::support::{Topic, admin, refusal, rows};

/// A topic with three rows, and a position behind them.
async fn read_once(partitions: i32) -> (Topic, Position) {
    let topic = Topic::new(partitions).await;
    topic.send_values(0, &[r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":3}"#]);
    let mut source = topic.source(&json!({}), &Position::default()).unwrap();
    let (read, position) = rows(&mut *source).await;
    assert_eq!(read, ["1", "2", "3"]);
    (topic, position)
}

/// At its position the source refuses; from the beginning it reads what is there.
async fn check(topic: &Topic, position: &Position, told: &str, left: &[&str]) {
    let refused = refusal(&mut *topic.source(&json!({}), position).unwrap()).await;
    assert!(matches!(refused, ConnectorError::Position(_)), "{refused}");
    let text = refused.to_string();
    assert!(text.contains(told) && text.contains("--set null"), "{text}");
    let mut source = topic.source(&json!({}), &Position::default()).unwrap();
    assert_eq!(rows(&mut *source).await.0, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_again() {
    let (topic, position) = read_once(1).await;
    topic.delete().await;
    let refused = refusal(&mut *topic.source(&json!({}), &position).unwrap()).await;
    assert!(matches!(refused, ConnectorError::Unreadable { .. }), "{refused}");
    assert!(refused.to_string().contains("there is no such topic"), "{refused}");
    topic.make(1).await;
    topic.send_values(0, &[r#"{"id":7}"#]);
    check(&topic, &position, "deleted and made again", &["7"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_deleted_before_they_were_read() {
    let (topic, position) = read_once(1).await;
    topic.send_values(0, &[r#"{"id":4}"#, r#"{"id":5}"#, r#"{"id":6}"#]);
    topic.delete_before(5).await;
    check(&topic, &position, "partition 0 begins at offset 5 by now", &["6"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_behind_the_end_or_of_more_partitions() {
    let (topic, position) = read_once(1).await;
    let mut ahead = position.clone();
    ahead.0["next"] = json!([9]);
    check(&topic, &ahead, "partition 0 ends at offset 3, before 9", &["1", "2", "3"]).await;
    let mut wide = position;
    wide.0["next"] = json!([3, 3]);
    check(&topic, &wide, "2 partitions were read, and it has 1", &["1", "2", "3"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_are_read() {
    let (topic, position) = read_once(1).await;
    let grown = NewPartitions::new(&topic.name, 2);
    admin().create_partitions([&grown], &AdminOptions::new()).await.unwrap();
    topic.send_values(1, &[r#"{"id":4}"#]);
    let mut source = topic.source(&json!({}), &position).unwrap();
    let (read, position) = rows(&mut *source).await;
    assert_eq!(read, ["4"]);
    assert_eq!(position.0["next"], json!([3, 1]));
}
