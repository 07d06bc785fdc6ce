//! Topics that are not there, do not answer or are made again, and messages that are no rows.

use std::fs;

use yiku_tests::{Hub, free_port, kafka, python_client};

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has, of_row},
    table::{Said, Table},
};

fn source(hub: &Hub, name: &str, brokers: &str, topic: &str) {
    hub.connector(
        name,
        &format!(
            "entry: health/patient@1\nevery: 1s\nsource:\n  kind: kafka\n  \
             brokers: [\"{brokers}\"]\n  topic: {topic}\n  format: avro\n"
        ),
    );
}

fn tool(verb: &str, topic: &str) {
    let ended = python_client("topics.py", &[verb, &kafka().address(), topic]);
    assert!(ended.success, "{ended:?}");
}

/// Writes one value into the topic.
fn send(hub: &Hub, topic: &str, value: &[u8]) {
    let file = hub.folder().join("message");
    fs::write(&file, value).expect("the folder can be written");
    let file = file.to_str().expect("our own path");
    kafka().kcat(&["-P", "-t", topic, "-p", "0", "-k", "P9", file]);
}

/// A value behind the number of its schema.
fn framed(schema: u32, body: &[u8]) -> Vec<u8> {
    [&[0], &schema.to_be_bytes()[..], body].concat()
}

/// What the operator reads of a connector.
fn error_of(hub: &Hub, name: &str, brokers: &str, topic: &str) -> Said {
    let mut said = Said::by_status(&hub.connector_until(name, |one| one["error"].is_string()));
    said.replace(brokers, "host:port");
    said.replace(topic, "topic");
    // How long it took and how often.
    for text in [&mut said.zh, &mut said.en] {
        let end = text.find(" (after ").unwrap_or(text.len());
        text.truncate(end);
    }
    said
}

#[test]
fn topics_and_messages_that_are_none_are_told() {
    let mut hub = Hub::unpublished(&catalog(), "[limits]\nrecord_bytes_max = 4096\n");
    assert!(hub.yiku(&["catalog", "publish", "--all"]).success);
    let (brokers, prefix) = (kafka().address(), kafka().prefix());
    let topic = |name: &str| format!("{prefix}{name}");
    let (inbound, remade) = (topic("inbound"), topic("remade"));
    hub.start();
    let token = hub.token("health");
    let number = |subject: &str| hub.schema_number(&token, subject);
    let (avro, twin) =
        (number("entry.health.patient-value"), number("entry.health.patient.json-value"));
    let cases: [(&str, Vec<u8>); 8] = [
        ("no byte 0 and schema", b"{\"no\":\"P9\"}".to_vec()),
        ("three bytes", b"\0\0\0".to_vec()),
        ("a schema that nobody published", framed(999, b"\x04P9")),
        ("a schema of the other type", framed(twin, b"{}")),
        ("a value that breaks off", framed(avro, b"\x04P9\x08abcd")),
        ("bytes behind the value", framed(avro, b"\x04P9\x02a\0\0\0\0more")),
        ("bytes that are no text", framed(avro, b"\x04\xff\xff\x02a\0\0\0\0")),
        ("a message larger than allowed", vec![0; 5_000]),
    ];
    tool("make", &inbound);
    tool("make", &remade);
    for (_, value) in &cases {
        send(&hub, &inbound, value);
    }
    let good = framed(avro, b"\x04P1\x06\xe6\x9b\xbe\0\0\0\0");
    send(&hub, &inbound, &good);
    send(&hub, &remade, &good);
    let nobody = format!("127.0.0.1:{}", free_port());
    source(&hub, "inbound", &brokers, &inbound);
    source(&hub, "remade", &brokers, &remade);
    source(&hub, "no-topic", &brokers, &topic("none"));
    source(&hub, "nobody", &nobody, &inbound);
    files_connector(&hub, "neighbour", "", "");
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\n");
    neighbour_has(&hub, 1);
    let mut table = Table::new("topic");
    hub.connector_until("inbound", |one| one["accepted"] == 1);
    let mut rejected = hub.rejected("inbound");
    rejected.sort_by_key(|row| row["place"].as_u64());
    assert_eq!(rejected.len(), cases.len(), "{rejected:#?}");
    for ((case, _), row) in cases.iter().zip(&rejected) {
        let mut said = of_row(row);
        said.replace(&inbound, "topic");
        said.replace(&format!("schema {twin} "), "schema 2 ");
        said.replace(&format!("模式 {twin} "), "模式 2 ");
        table.row(case, &said);
    }
    table.row("a broker that does not answer", &error_of(&hub, "nobody", &nobody, &inbound));
    table.row("a topic that is not there", &error_of(&hub, "no-topic", &brokers, &topic("none")));
    hub.connector_until("remade", |one| one["accepted"] == 1);
    tool("remake", &remade);
    // It may be looked at while there is none.
    let again = |text: &str| text.contains("made again");
    hub.connector_until("remade", |one| one["error"].as_str().is_some_and(again));
    let refused = error_of(&hub, "remade", &brokers, &remade);
    table.row("a topic that was made again", &refused);
    hub.write("in/neighbour/2.csv", "no,name\nN2,肖文\n");
    neighbour_has(&hub, 2);
    hub.balances();
    table.compare();
}
