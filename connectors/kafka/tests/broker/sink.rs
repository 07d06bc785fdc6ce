//! What is special about writing to a topic.

use std::sync::Arc;

use rdkafka::producer::Producer;
use serde_json::json;
use yiku_connector::{Change, ChangeKind, ConnectorError, Parcel, conformance::sink_columns};
use yiku_core::batch::Cells;

use crate::support::{Topic, transactional};

/// A parcel of one upsert and one withdrawal, of the suite's columns under a key of one.
fn parcel(key: &str, name: &str) -> Parcel {
    let mut cells = Cells::new(7);
    cells.push_row([Some("r1"), Some("1"), Some(name), Some("1.50"), Some("true"), None, None]);
    cells.push_row([Some("r2"), None, None, None, None, None, None]);
    Parcel {
        idempotency_key: key.into(),
        subject: "population.patient".into(),
        columns: sink_columns(),
        key: Arc::new([0]),
        changes: Arc::new([
            Change { kind: ChangeKind::Upsert, number: 11 },
            Change { kind: ChangeKind::Withdraw, number: 12 },
        ]),
        cells: cells.into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_a_message_with_key_and_headers() {
    let topic = Topic::new(1).await;
    let mut sink = topic.sink("out", &json!({})).unwrap();
    sink.check().await.unwrap();
    sink.deliver(&parcel("a:1:1", "李")).await.unwrap();
    let seen = topic.seen();
    assert_eq!((seen[0].key.as_str(), seen[1].key.as_str()), ("r1", "r2"));
    let value = concat!(
        r#"{"region":"r1","number":1,"name":"李","amount":"1.50","active":true,"#,
        r#""born":null,"seen":null}"#
    );
    assert_eq!((seen[0].value.as_deref(), seen[1].value.as_deref()), (Some(value), None));
    let headers = format!("{:?}", seen[1].headers);
    let expected =
        r#"{"yiku-change": "12", "yiku-parcel": "a:1:1", "yiku-subject": "population.patient"}"#;
    assert_eq!(headers, expected);
}

/// A hub that died within a parcel left its transaction open; the next one ends it, and readers see
/// the parcel once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_writer_left_open_is_not_seen() {
    let topic = Topic::new(1).await;
    let mut sink = topic.sink("out", &json!({})).unwrap();
    sink.deliver(&parcel("a:1:1", "first")).await.unwrap();
    let dead = transactional(&format!("yiku.sink.{}.out", topic.name));
    dead.begin_transaction().unwrap();
    topic.send_by(&dead, 0, &[(Some("r1"), Some(b"half"))]);
    let mut next = topic.sink("out", &json!({})).unwrap();
    next.deliver(&parcel("a:1:2", "second")).await.unwrap();
    assert_eq!(topic.seen().len(), 4);
    assert!(topic.seen().iter().all(|one| one.value.as_deref() != Some("half")));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_of_one_name_the_older_is_fenced() {
    let topic = Topic::new(1).await;
    let mut old = topic.sink("out", &json!({})).unwrap();
    let mut new = topic.sink("out", &json!({})).unwrap();
    let mut other = topic.sink("other", &json!({})).unwrap();
    old.deliver(&parcel("a:1:1", "1")).await.unwrap();
    new.deliver(&parcel("a:1:2", "2")).await.unwrap();
    other.deliver(&parcel("b:1:1", "3")).await.unwrap();
    let refused = old.deliver(&parcel("a:1:3", "4")).await.unwrap_err();
    assert!(matches!(refused, ConnectorError::Unavailable { .. }), "{refused}");
    assert!(refused.to_string().contains("another one writes to it"), "{refused}");
    assert_eq!(topic.seen().len(), 6);
    // Tried again, it takes over; what was delivered by the other is not repeated.
    old.deliver(&parcel("a:1:2", "2")).await.unwrap();
    assert_eq!(topic.seen().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_too_large_is_refused_alone() {
    let topic = Topic::new(1).await;
    let more = json!({ "message_bytes_max": 1_000 });
    let mut sink = topic.sink("out", &more).unwrap();
    let large = parcel("a:1:1", &"x".repeat(1_000));
    for _ in 0..2 {
        let settled = sink.deliver(&large).await.unwrap();
        let [refused] = &settled.refused[..] else { panic!("{settled:?}") };
        assert_eq!(refused.index, 0);
        assert!(refused.reason.contains("more than message_bytes_max"), "{}", refused.reason);
        assert_eq!(topic.seen().len(), 1, "the withdrawal was taken, once");
    }
}
