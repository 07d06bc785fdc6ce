//! Messages on the wire: ours as others see them, and those of others on our topics.

use std::fs;

use yiku_bus::{Append, Operation, PUBLICATIONS, ReadLimit, Records};
use yiku_core::row_version::{RowVersion, VersionParts};

use crate::engine::{Engine, TOPIC, append, envelope, keys, nothing_more, rows};

fn of_kafka() -> (Engine, String) {
    let engine = Engine::kafka();
    let Engine::Kafka(settings) = &engine else { unreachable!() };
    let topic = format!("{}{TOPIC}", settings.prefix);
    (engine, topic)
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_sees_keys_values_headers_and_offsets() {
    let (engine, topic) = of_kafka();
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    let version = RowVersion::new(VersionParts { line: 1, row: 1, ..Default::default() });
    let mut records = Records::new();
    records.push("甲", &version, Operation::Upsert, b"body");
    records.push("gone", &version, Operation::Delete, b"");
    let one = Append { topic: TOPIC.into(), partition: 0, envelope: envelope(5), records };
    let finish = Box::new(|_: &[_]| {
        let mut said = rows(PUBLICATIONS, 5, &[]);
        let version = RowVersion::new(VersionParts::default());
        said.records.push("", &version, Operation::Upsert, b"{}");
        vec![said]
    });
    lane.append(vec![one], finish).await.unwrap();
    append(&*lane, 6, &["next"]).await.unwrap();

    let server = yiku_tests::kafka();
    let form = "%o|%k|%S|%R%s|%T|";
    let consume = |topic: &str, more: &str| {
        let form = format!("{form}{more}\n");
        let words = ["-C", "-t", topic, "-o", "beginning", "-e", "-q", "-X"];
        server.kcat(&[&words[..], &["isolation.level=read_committed", "-f", &form]].concat())
    };
    let seen = consume(&topic, "");
    let lines: Vec<&str> = seen.lines().collect();
    // Length as four bytes, then byte 0, schema 7, body; -1 is null.
    let value = "\0\0\0\u{9}\0\0\0\0\u{7}body";
    let at = envelope(5).at_ms;
    assert_eq!(lines[0], format!("0|甲|9|{value}|{at}|"));
    assert!(lines[1].starts_with("1|gone|-1|"), "{}", lines[1]);
    assert!(
        lines[2].starts_with("3|next|"),
        "the end of a transaction has an offset: {}",
        lines[2]
    );
    let headers = consume(&topic, "%h");
    for header in [
        "yiku-entry=a/b@1.0.0,yiku-connector=c,yiku-line=1,yiku-batch=5,yiku-at=1795000000000",
        "yiku-operation=upsert",
        "yiku-operation=delete",
        "yiku-receipt=line/a/b/1 5",
    ] {
        assert!(headers.contains(header), "{headers}");
    }
    let said = consume(&topic.replace(TOPIC, PUBLICATIONS), "");
    assert!(said.starts_with("0||2|\0\0\0\u{2}{}|"), "{said:?}");

    let mut of_entity = rows("library.c.d", 9, &[]);
    of_entity.envelope.entry = "c.d@2".into();
    let version = RowVersion::new(VersionParts { order: 12, ..Default::default() });
    of_entity.records.push("k", &version, Operation::Upsert, b"body");
    lane.append(vec![of_entity], nothing_more()).await.unwrap();
    let headers = consume(&topic.replace(TOPIC, "library.c.d"), "%h");
    assert!(headers.contains("yiku-entry=c.d@2") && headers.contains("yiku-trace=c.d 12"));
    assert!(!headers.contains("yiku-receipt"), "{headers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_others_are_passed_over_with_their_reason() {
    let (engine, topic) = of_kafka();
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1"]).await.unwrap();
    let server = yiku_tests::kafka();
    let folder = tempfile::tempdir().unwrap();
    let version = "x".repeat(28);
    let good = [
        "yiku-entry=a/b@1.0.0",
        "yiku-connector=c",
        "yiku-line=1",
        "yiku-batch=1",
        "yiku-at=5",
        "yiku-operation=upsert",
        &format!("yiku-version={version}"),
    ];
    let without = |name: &str| good.iter().copied().filter(|one| !one.starts_with(name)).collect();
    let cases: [(&[u8], Vec<&str>, &str); 9] = [
        (b"{\"name\": 1}", vec![], "does not begin with byte 0"),
        (b"\0\0", vec![], "shorter than byte 0"),
        (b"\0\0\0\0\x07body", vec![], "no header yiku-version"),
        (b"\0\0\0\0\x07body", vec!["yiku-version=short"], "no header yiku-version of 28 bytes"),
        (b"\0\0\0\0\x07body", without("yiku-operation"), "no header yiku-operation"),
        (b"\0\0\0\0\x07body", without("yiku-entry"), "no header yiku-entry"),
        (b"\0\0\0\0\x07body", without("yiku-line"), "no header yiku-line"),
        (b"\0\0\0\0\x07body", without("yiku-batch"), "no header yiku-batch"),
        (b"\0\0\0\0\x07body", without("yiku-at"), "no header yiku-at"),
    ];
    for (value, headers, _) in &cases {
        let file = folder.path().join("value");
        fs::write(&file, value).unwrap();
        let mut words = vec!["-P", "-t", &topic, "-p", "0", "-k", "key"];
        headers.iter().for_each(|header| words.extend(["-H", header]));
        // A file's whole content is one message.
        words.push(file.to_str().unwrap());
        server.kcat(&words);
    }
    let no_key = folder.path().join("value");
    fs::write(&no_key, b"\0\0\0\0\x07body").unwrap();
    let mut words = vec!["-P", "-t", &topic, "-p", "0"];
    good.iter().for_each(|header| words.extend(["-H", header]));
    words.push(no_key.to_str().unwrap());
    server.kcat(&words);
    append(&*lane, 2, &["2"]).await.unwrap();

    let read = bus.read(TOPIC, 0, 0, ReadLimit::default()).await.unwrap();
    let reasons: Vec<&str> = read.foreign.iter().map(|one| one.en.as_str()).collect();
    assert_eq!(reasons.len(), cases.len() + 1, "{reasons:#?}");
    let keys_told: Vec<_> = read.foreign.iter().map(|one| one.key.as_deref()).collect();
    assert_eq!((keys_told[0], keys_told[cases.len()]), (Some("key"), None));
    for ((_, _, expected), found) in cases.iter().zip(&reasons) {
        assert!(found.contains(expected), "{expected}: {found}");
    }
    assert_eq!(reasons[cases.len()], "no key");
    let of_hub: Vec<String> = read
        .batches
        .iter()
        .flat_map(|batch| batch.records.iter())
        .map(|record| record.unwrap().key.to_owned())
        .collect();
    assert_eq!(of_hub, ["1", "2"]);
    assert_eq!(bus.count(TOPIC, 0, 0, read.next).await.unwrap(), 2, "they are not counted as rows");
    assert_eq!(read.next, bus.topics().await.unwrap()[0].next);
}

/// Compression that this client cannot undo never gets as far: the topic has its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_another_compression_can_be_read() {
    let (engine, topic) = of_kafka();
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1"]).await.unwrap();
    let text = "a text that is worth compressing ".repeat(100);
    let words = ["-P", "-t", &topic, "-p", "0", "-z", "gzip"];
    yiku_tests::kafka().kcat_with(&words, text.as_bytes());
    lane.append(vec![rows(TOPIC, 2, &["2"])], nothing_more()).await.unwrap();
    let read = bus.read(TOPIC, 0, 0, ReadLimit::default()).await.unwrap();
    assert_eq!((read.foreign.len(), read.batches.len()), (1, 2));
    assert_eq!(keys(&*bus, TOPIC, read.batches[1].base_offset).await, ["2"]);
}
