//! The hub with its bus in Kafka: the real program, a real broker, and what others see of it.

use std::{fs, time::Duration};

use yiku_tests::{Hub, Kafka, free_port, kafka};

const ROWS: &str = "/api/v1/entries/health/patient/rows";
const TOPIC: &str = "entry.health.patient";

fn prefix_of(settings: &str) -> &str {
    let (_, rest) = settings.split_once("prefix = \"").expect("settings of ours");
    rest.split_once('"').expect("settings of ours").0
}

/// Pushes one row under its own idempotency key.
fn push(hub: &Hub, token: &str, number: u64) -> Option<(u16, String)> {
    let bearer = format!("Bearer {token}");
    let key = format!("push-{number}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-ndjson"),
        ("idempotency-key", key.as_str()),
    ];
    let row = format!("{{\"no\":\"P{number}\",\"name\":\"肖文\",\"fee\":\"{number}.50\"}}\n");
    hub.try_http("POST", ROWS, &headers, row.as_bytes())
}

#[track_caller]
fn pushed(hub: &Hub, token: &str, number: u64) {
    let (status, body) = push(hub, token, number).expect("the hub answers");
    assert_eq!(status, 200, "{body}\n{}", hub.log());
}

#[test]
fn rows_are_on_kafka_as_its_clients_expect_them() {
    let settings = kafka().hub_settings();
    let mut hub = Hub::of_patients(&settings);
    hub.start();
    let token = hub.token("health");
    pushed(&hub, &token, 1);
    let broken = "{\"no\":\"P2\",\"name\":\"肖文\",\"sex\":\"7\"}\n";
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/x-ndjson")];
    let (_, said) = hub.http("POST", ROWS, &headers, broken.as_bytes());
    assert!(said.contains("code-list"), "{said}");
    pushed(&hub, &token, 3);
    hub.settles();
    hub.balances();
    assert_eq!(hub.library_rows("population.patient"), 2);
    assert_eq!(hub.rejected("push").len(), 1);

    let topic = format!("{}{TOPIC}", prefix_of(&settings));
    let seen = |more: &str| {
        let form = format!("{more}\n");
        kafka().kcat(&["-C", "-t", &topic, "-o", "beginning", "-e", "-q", "-f", &form])
    };
    assert_eq!(seen("%o %k"), "0 P1\n2 P3\n", "the end of a transaction has an offset");
    let id = hub.schema_number(&token, &format!("{TOPIC}-value")) as u8;
    let values = seen("%s|");
    assert!(values.starts_with(&format!("\0\0\0\0{}", char::from(id))), "{values:?}");
    assert!(values.contains("肖文"), "{values:?}");
    let headers = seen("%h");
    assert!(headers.contains("yiku-entry=health/patient@1.0.0,yiku-connector=push"), "{headers}");
    assert!(hub.stop(), "{}", hub.log());
}

#[test]
fn what_others_write_to_a_topic_of_the_hub_stops_nothing() {
    let settings = kafka().hub_settings();
    let mut hub = Hub::of_patients(&settings);
    hub.start();
    let token = hub.token("health");
    pushed(&hub, &token, 1);
    let topic = format!("{}{TOPIC}", prefix_of(&settings));
    let file = hub.folder().join("foreign");
    let version = format!("yiku-version={}", "x".repeat(28));
    let forged = [
        "yiku-entry=health/patient@1.0.0",
        "yiku-connector=push",
        "yiku-line=1",
        "yiku-batch=9",
        "yiku-at=5",
        "yiku-operation=upsert",
        version.as_str(),
    ];
    let cases: [(&[u8], &[&str]); 3] =
        [(b"{\"no\":\"P9\"}", &[]), (b"\0\0\0\0\x01x", &[]), (b"\0\0\0\x03\xe7x", &forged)];
    for (value, headers) in cases {
        fs::write(&file, value).expect("the folder can be written");
        let mut words = vec!["-P", "-t", &topic, "-p", "0", "-k", "P9"];
        headers.iter().for_each(|header| words.extend(["-H", header]));
        words.push(file.to_str().expect("our own path"));
        kafka().kcat(&words);
    }
    pushed(&hub, &token, 2);
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), 2);
    for told in ["does not begin with byte 0", "no header yiku-version", "schema 999 is unknown"] {
        assert!(hub.log().contains(told), "{told}: {}", hub.log());
    }
    let told = hub.ask(&["quarantine", "foreign", "--topic", TOPIC]);
    let kept = told.as_array().expect("a list");
    assert_eq!(kept.len(), cases.len(), "{told}");
    assert!(kept.iter().all(|one| one["bus"].as_str().is_some_and(|bus| bus != "embedded")));
    assert_eq!(kept[2]["zh"], "模式 999 未登记", "{told}");
    let bearer = format!("Bearer {token}");
    let (_, metrics) = hub.http("GET", "/metrics", &[("authorization", &bearer)], b"");
    assert!(metrics.contains("yiku_bus_foreign_messages"), "{metrics}");
    assert!(hub.stop(), "{}", hub.log());
}

/// Each push that was answered is there once, whatever happened to the broker meanwhile; the hub
/// itself works on.
#[test]
fn a_broker_that_is_killed_and_comes_back_loses_nothing() {
    let mut server = Kafka::start();
    let mut hub = Hub::of_patients(&server.hub_settings());
    hub.start();
    let token = hub.token("health");
    (1..=20).for_each(|number| pushed(&hub, &token, number));
    server.kill();
    let (status, body) = push(&hub, &token, 21).expect("the hub answers");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("bus-away") && body.contains("同一 Idempotency-Key"), "{body}");
    std::thread::sleep(Duration::from_secs(5));
    server.restart();
    for number in 21..=40 {
        hub.until("a push is taken", || {
            push(&hub, &token, number).filter(|(status, _)| *status == 200)
        });
    }
    assert!(!hub.has_ended(), "{}", hub.log());
    hub.settles();
    hub.balances();
    assert_eq!(hub.library_rows("population.patient"), 40);
    assert!(hub.stop(), "{}", hub.log());
}

/// Each of three brokers is killed in turn: the hub goes on without it. With two lost it takes
/// nothing, and says so; each push that was answered is there once.
#[test]
fn any_one_of_three_brokers_may_be_lost() {
    let mut cluster = Kafka::start_three();
    let mut hub = Hub::of_patients(&cluster.hub_settings());
    hub.start();
    let token = hub.token("health");
    let taken = |hub: &Hub, number| {
        hub.until("a push is taken", || {
            push(hub, &token, number).filter(|(status, _)| *status == 200)
        });
    };
    for broker in 0..3 {
        let first = 20 * broker as u64 + 1;
        (first..first + 10).for_each(|number| taken(&hub, number));
        cluster.kill_broker(broker);
        (first + 10..first + 20).for_each(|number| taken(&hub, number));
        cluster.restart_broker(broker);
    }
    cluster.kill_broker(0);
    cluster.kill_broker(1);
    let (status, body) = push(&hub, &token, 61).expect("the hub answers");
    assert_eq!(status, 503, "{body}");
    cluster.restart_brokers(&[0, 1]);
    (61..=70).for_each(|number| taken(&hub, number));
    assert!(!hub.has_ended(), "{}", hub.log());
    hub.settles();
    hub.balances();
    assert_eq!(hub.library_rows("population.patient"), 70);
    assert!(hub.stop(), "{}", hub.log());
}

/// The hub is killed again and again while it takes pushes: each answered one is there once.
#[test]
fn a_killed_hub_goes_on_where_it_was() {
    let settings = kafka().hub_settings();
    let mut hub = Hub::of_patients(&settings);
    hub.start();
    let token = hub.token("health");
    let mut number = 0;
    for round in 0..5 {
        let wanted = number + 15;
        std::thread::scope(|scope| {
            let pushing = scope.spawn(|| {
                while number < wanted {
                    match push(&hub, &token, number + 1) {
                        Some((200, _)) => number += 1,
                        _ => return,
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(100 + 90 * round));
            hub.kill_beside();
            pushing.join().expect("it pushes");
        });
        hub.kill();
        hub.start();
    }
    // The last one may have been taken and not answered.
    pushed(&hub, &token, number + 1);
    hub.settles();
    hub.balances();
    assert_eq!(hub.library_rows("population.patient"), number + 1);
    assert!(hub.stop(), "{}", hub.log());
}

#[test]
fn a_hub_without_its_cluster_says_what_is_wrong() {
    let there = kafka().hub_settings();
    let mut hub = Hub::of_patients(&there);
    hub.start();
    let token = hub.token("health");
    pushed(&hub, &token, 1);
    hub.settles();
    assert!(hub.stop(), "{}", hub.log());
    let nobody = format!("127.0.0.1:{}", free_port());
    hub.settings(&there.replace(&kafka().address(), &nobody));
    let ended = hub.yiku(&["serve", "--stop-with-stdin"]);
    assert!(!ended.success && ended.stderr.contains(&nobody), "{ended:?}");
    assert!(ended.stderr.contains("Connection refused"), "{ended:?}");
    hub.settings(&there.replace(prefix_of(&there), "another."));
    let ended = hub.yiku(&["serve", "--stop-with-stdin"]);
    assert!(!ended.success && ended.stderr.contains("do not belong together"), "{ended:?}");
    hub.settings(&there.replace("durability = \"single\"\nreplication = 1\n", ""));
    let ended = hub.yiku(&["serve", "--stop-with-stdin"]);
    assert!(!ended.success && ended.stderr.contains("replication is 3"), "{ended:?}");
    hub.settings(&there);
    hub.start();
    hub.balances();
}
