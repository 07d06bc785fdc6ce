//! What others may write to an inbound topic: each bad message is a row with its reason, and the
//! next one follows.

use serde_json::json;
use yiku_connector::{Position, PullLimit};

use crate::support::{Topic, framed};

/// Writes the value between two good ones of the format, and looks at its reason.
async fn check(format: &str, value: &[u8], code: &str, reason: &str) {
    let good = match format {
        "avro" => framed(7, b"\x04P1\0\0"),
        "json-schema" => framed(8, br#"{"no":"P1"}"#),
        _ => br#"{"no":"P1"}"#.to_vec(),
    };
    let topic = Topic::new(1).await;
    topic.send(0, &[(None, Some(&good)), (Some("k"), Some(value)), (None, Some(&good))]);
    let mut source = topic.source(&json!({ "format": format }), &Position::default()).unwrap();
    let mut defects = Vec::new();
    let mut places = Vec::new();
    while let Some(pull) = source.pull(PullLimit::default()).await.unwrap() {
        assert_eq!(&*pull.batch.origin, format!("{}/0", topic.name));
        let first = places.len();
        defects.extend(pull.batch.defects.into_iter().map(|one| (first + one.row, one)));
        places.extend(pull.batch.places.iter().map(|place| place.place));
    }
    assert_eq!(places, [0, 1, 2], "{reason}: a place is an offset");
    let [(1, defect)] = &defects[..] else { panic!("{reason}: {defects:?}") };
    assert_eq!(defect.code.as_str(), code);
    assert!(defect.en.contains(reason), "{}", defect.en);
    assert!(!defect.zh.is_ascii(), "{}", defect.zh);
    assert!(!defect.en.contains("431302"), "a reason quotes no value: {}", defect.en);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_row() {
    check("json", b"431302", "unreadable", "no object with one value per column").await;
    check("json", b"[{\"a\":1}]", "unreadable", "no object with one value per column").await;
    check("json", b"{\"no\":\"431302\"", "unreadable", "EOF").await;
    check("json", b"{\"no\":{\"a\":\"431302\"}}", "unreadable", "a cell is one value").await;
    check("json", b"{\"no\":1,\"no\":2}", "unreadable", "`no` stands twice").await;
    check("json", b"{\"no\":\"\xff\"}", "encoding", "not UTF-8 (at byte 8)").await;
    check("json", b"", "unreadable", "EOF").await;
    let large = format!("{{\"no\":\"{}\"}}", "x".repeat(100_000));
    check("json", large.as_bytes(), "unreadable", "limits.record_bytes_max of 100000").await;
    let wide: Vec<_> = (0..20).map(|number| format!("\"c{number}\":1")).collect();
    let wide = format!("{{{}}}", wide.join(","));
    check("json", wide.as_bytes(), "unreadable", "limits.columns_max of 20").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registered_values_that_are_no_row() {
    check("avro", b"{\"no\":\"P1\"}", "unreadable", "does not begin with byte 0").await;
    check("avro", b"\0\0\0", "unreadable", "does not begin with byte 0").await;
    check("avro", &framed(999, b"\x04P1\0\0"), "unreadable", "schema 999 is unknown").await;
    let other = "schema 8 is of type JSON, and the connector reads AVRO";
    check("avro", &framed(8, b"{}"), "unreadable", other).await;
    check("avro", &framed(7, b"\x04P1\0"), "unreadable", "ends within item `fee`").await;
    check("avro", &framed(7, b""), "unreadable", "ends within item `no`").await;
    check("avro", &framed(7, b"\x04P1\0\x00431302"), "unreadable", "6 bytes follow").await;
    check("avro", &framed(7, b"\x04\xff\xff\0\0"), "unreadable", "for item `no`").await;
    check("avro", &framed(7, b"\xff\xff\xff\xff\x0fP1"), "unreadable", "item `no`").await;
    let other = "schema 7 is of type AVRO, and the connector reads JSON";
    check("json-schema", &framed(7, b"\x04P1\0\0"), "unreadable", other).await;
    check("json-schema", &framed(8, b"{\"no\":[]}"), "unreadable", "a cell is one value").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_value_needs_to_be_expected() {
    let topic = Topic::new(1).await;
    topic.send(0, &[(Some("P1"), None)]);
    let mut source = topic.source(&json!({}), &Position::default()).unwrap();
    let pull = source.pull(PullLimit::default()).await.unwrap().unwrap();
    assert!(pull.batch.defects[0].en.contains("does not say by `tombstones`"));
    assert_eq!(pull.batch.cells.row(0).get(0), Some("P1"), "its key is what there is of it");
}
