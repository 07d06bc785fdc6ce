//! The topics of entities in Kafka: what outside readers find there, and what the relay does when
//! it is killed, deceived or given an empty topic.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use yiku_tests::{Hub, kafka, python_client};

const ROWS: &str = "/api/v1/entries/health/patient/rows";
const ENTITY: &str = "population.patient";
const TOPIC: &str = "library.population.patient";

/// A running hub with its bus on the shared broker.
struct Running {
    hub: Hub,
    prefix: String,
    token: String,
}

impl Running {
    fn start() -> Self {
        let settings = kafka().hub_settings();
        let (_, rest) = settings.split_once("prefix = \"").expect("settings of ours");
        let prefix = rest.split_once('"').expect("settings of ours").0.to_owned();
        let mut hub = Hub::of_patients(&settings);
        hub.start();
        let token = hub.token("health");
        Self { hub, prefix, token }
    }

    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Pushes rows as lines of JSON; the status, if there was an answer.
    fn try_push(&self, key: &str, rows: &str) -> Option<u16> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/x-ndjson"),
            ("idempotency-key", key),
        ];
        self.hub.try_http("POST", ROWS, &headers, rows.as_bytes()).map(|(status, _)| status)
    }

    #[track_caller]
    fn push(&self, rows: &str) {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let key = format!("push-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        assert_eq!(self.try_push(&key, rows), Some(200), "{}", self.hub.log());
    }

    /// What the Python client finds on the entity's topic.
    fn read_outside(&self) -> Value {
        let registry = format!("{}/registry", self.hub.url());
        let words = [&kafka().address(), &self.topic(TOPIC), &registry, &self.token];
        let ended = python_client("library.py", &words.map(String::as_str));
        assert!(ended.success, "{ended:?}\n{}", self.hub.log());
        serde_json::from_str(&ended.stdout).expect("JSON")
    }

    /// Each message of a topic as kcat shows it.
    fn messages(&self, topic: &str, form: &str) -> Vec<String> {
        let (topic, form) = (self.topic(topic), format!("{form}\n"));
        let words = ["-C", "-t", &topic, "-o", "beginning", "-e", "-q", "-X"];
        let more = ["isolation.level=read_committed", "-f", &form];
        let all = kafka().kcat(&[&words[..], &more].concat());
        all.lines().map(str::to_owned).collect()
    }

    /// The number of the change that each message of the entity's topic tells of, in their order.
    fn changes(&self) -> Vec<u64> {
        let number = |headers: &String| {
            let (_, rest) = headers.split_once(&format!("yiku-trace={ENTITY} "))?;
            rest.split(',').next()?.parse().ok()
        };
        self.messages(TOPIC, "%h").iter().filter_map(number).collect()
    }

    /// Waits until all is at rest, and looks at the books.
    #[track_caller]
    fn rests(&self) {
        self.hub.settles();
        self.hub.balances();
    }

    /// The terms of the books about the entity's topic.
    fn books(&self) -> BTreeMap<String, u64> {
        let said = self.hub.ask(&["reconcile"]);
        let equations = said["equations"].as_array().expect("equations");
        let own = equations.iter().filter(|one| one["number"] == 4 && one["subject"] == ENTITY);
        let terms = own.flat_map(|one| [&one["left"], &one["right"]]);
        let terms = terms.flat_map(|side| side.as_array().expect("terms"));
        terms
            .map(|term| {
                (term["name"].as_str().unwrap().to_owned(), term["value"].as_u64().unwrap())
            })
            .collect()
    }

    /// Writes a message with these headers as somebody else might.
    fn forge(&self, topic: &str, key: &str, value: &[u8], headers: &[&str]) {
        let file = self.hub.folder().join("forged");
        fs::write(&file, value).expect("the folder can be written");
        let topic = self.topic(topic);
        let mut words = vec!["-P", "-t", &topic, "-p", "0"];
        if !key.is_empty() {
            words.extend(["-k", key]);
        }
        headers.iter().for_each(|header| words.extend(["-H", header]));
        words.push(file.to_str().expect("our own path"));
        kafka().kcat(&words);
    }
}

fn row(no: &str, fee: &str) -> String {
    format!("{{\"no\":\"{no}\",\"name\":\"肖文\",\"seen_on\":\"2026-03-05\",\"fee\":\"{fee}\"}}\n")
}

fn read_row(no: &str, fee: &str) -> Value {
    json!({
        "no": no, "name": "肖文", "citizen_id": null, "sex": null, "seen_on": "2026-03-05",
        "fee": fee,
    })
}

#[test]
fn outside_readers_find_the_current_rows_by_key() {
    let mut own = Running::start();
    own.push(&(row("P1", "1.50") + &row("P2", "2.50") + &row("P3", "3.50")));
    own.rests();
    own.push(&(row("P2", "20.00") + "{\"no\":\"P3\",\"_operation\":\"delete\"}\n"));
    own.rests();
    let found = own.read_outside();
    let rows = json!({ "P1": read_row("P1", "1.50"), "P2": read_row("P2", "20.00") });
    assert_eq!((&found["rows"], &found["gone"]), (&rows, &json!(["P3"])));
    let tombstones = own.messages(TOPIC, "%k %S");
    assert_eq!(tombstones.last().map(String::as_str), Some("P3 -1"), "{tombstones:?}");
    assert_eq!(own.changes(), [1, 2, 3, 4, 5]);

    let headers = own.messages(TOPIC, "%h").remove(0);
    assert!(headers.contains("yiku-entry=population.patient@1,yiku-connector=relay"), "{headers}");
    let receipt = own.messages("entry.health.patient", "%h").remove(0);
    let (_, receipt) = receipt.split_once("yiku-receipt=").expect("a receipt");
    let (stream, rest) = receipt.split_once(' ').expect("stream and number");
    let number = rest.split(',').next().expect("a number");
    let shown = own.hub.yiku(&["receipt", "show", stream, number]);
    assert!(shown.success && shown.stdout.contains("health/patient@1.0.0"), "{shown:?}");
    let traced = own.hub.yiku_with(&["trace", ENTITY, "--json"], "P2\n");
    let story: Value = serde_json::from_str(&traced.stdout).expect("JSON");
    assert_eq!(story["states"][1]["from_change"], 4, "{story}");

    let books = own.books();
    assert_eq!((books["relayed"], books["backlog"], books["rows on the topic"]), (5, 0, 2));
    let status = own.hub.ask(&["status"]);
    assert_eq!(status["libraries"][0]["backlog"], 0, "{status}");
    let bearer = format!("Bearer {}", own.token);
    let (_, metrics) = own.hub.http("GET", "/metrics", &[("authorization", &bearer)], b"");
    assert!(metrics.contains("yiku_backlog_changes{entity=\"population.patient\"} 0"), "{metrics}");
    assert!(own.hub.stop(), "{}", own.hub.log());
}

#[test]
fn a_changed_library_is_the_next_version_of_its_subject() {
    let mut own = Running::start();
    own.push(&row("P1", "1.50"));
    own.rests();
    let path = "catalog/libraries/population.yaml";
    let text = fs::read_to_string(own.hub.folder().join(path)).expect("the library's file");
    own.hub.write(path, text.replace("zh: 就诊卡号", "zh: 卡号"));
    let bearer = format!("Bearer {}", own.token);
    let versions = format!("/registry/subjects/{TOPIC}-value/versions");
    own.hub.until("the next version is there", || {
        let (_, found) = own.hub.http("GET", &versions, &[("authorization", &bearer)], b"");
        (found == "[1,2]").then_some(())
    });
    own.push(&row("P2", "2.50"));
    own.rests();
    let headers = own.messages(TOPIC, "%k %h");
    assert!(headers[0].starts_with("P1 yiku-entry=population.patient@1"), "{headers:?}");
    assert!(headers[1].starts_with("P2 yiku-entry=population.patient@2"), "{headers:?}");
    let rows = json!({ "P1": read_row("P1", "1.50"), "P2": read_row("P2", "2.50") });
    assert_eq!(own.read_outside()["rows"], rows);
    assert!(own.hub.stop(), "{}", own.hub.log());
}

/// Killed again and again while rows come in, the relay goes on after its last append: every change
/// is on the topic once.
#[test]
fn a_killed_relay_loses_and_doubles_nothing() {
    let mut own = Running::start();
    let mut number = 0;
    for round in 0..5 {
        let wanted = number + 15;
        std::thread::scope(|scope| {
            let (shared, counter) = (&own, &mut number);
            let pushing = scope.spawn(move || {
                while *counter < wanted {
                    let next = *counter + 1;
                    match shared.try_push(&next.to_string(), &row(&format!("P{next}"), "1.00")) {
                        Some(200) => *counter = next,
                        _ => return,
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(150 + 130 * round));
            shared.hub.kill_beside();
            pushing.join().expect("it pushes");
        });
        own.hub.kill();
        own.hub.start();
    }
    // The last one may have been taken and not answered.
    let last = number + 1;
    assert_eq!(own.try_push(&last.to_string(), &row(&format!("P{last}"), "1.00")), Some(200));
    own.rests();
    assert_eq!(own.changes(), (1..=last).collect::<Vec<_>>());
    let found = own.read_outside();
    assert_eq!(found["rows"].as_object().map(|rows| rows.len() as u64), Some(last));
    assert_eq!(found["messages"], last);
    assert!(own.hub.stop(), "{}", own.hub.log());
}

/// Whoever may write to the topics moves nothing of the relay; what readers were deceived with is
/// told and put right.
#[test]
fn what_others_write_is_told_and_put_right() {
    let mut own = Running::start();
    own.push(&(row("P1", "1.50") + &row("P2", "2.50")));
    own.rests();
    let before = own.books();
    let known = own.messages("hub.relay", "%s");
    let old = known.first().expect("a position").clone();
    own.push(&row("P1", "9.00"));
    own.rests();

    let version = format!("yiku-version={}", "x".repeat(28));
    let well_made = [
        "yiku-entry=population.patient@1",
        "yiku-connector=relay",
        "yiku-line=0",
        "yiku-batch=99",
        "yiku-at=5",
        "yiku-operation=upsert",
        version.as_str(),
    ];
    own.forge(TOPIC, "P1", b"no row at all", &[]);
    own.forge(TOPIC, "P2", b"\0\0\0\0\x03forged", &well_made);
    own.forge(TOPIC, "P7", b"\0\0\0\0\x03forged", &well_made);
    own.forge("hub.relay", "", old.as_bytes(), &well_made);
    let moved =
        old.replace("\"change\":2", "\"change\":900").replace("\"number\":", "\"number\":9");
    own.forge("hub.relay", "", moved.as_bytes(), &well_made);
    for told in [
        "a row of an entity that the relay did not write",
        "does not begin with byte 0",
        "not sealed by this installation",
        "not its newest one",
    ] {
        own.hub.until(told, || own.hub.log().contains(told).then_some(()));
    }
    own.push(&row("P3", "3.50"));
    own.rests();
    own.hub.kill();
    own.hub.start();
    own.push(&row("P4", "4.50"));
    own.rests();
    let found = own.read_outside();
    let rows = json!({
        "P1": read_row("P1", "9.00"), "P2": read_row("P2", "2.50"), "P3": read_row("P3", "3.50"),
        "P4": read_row("P4", "4.50"),
    });
    assert_eq!((&found["rows"], &found["gone"]), (&rows, &json!(["P7"])));
    let after = own.books();
    assert_eq!((before["relayed"], after["relayed"], after["rows on the topic"]), (2, 5, 4));
    assert!(!own.hub.log().contains("P7"), "keys are personal data: {}", own.hub.log());
    assert!(own.hub.stop(), "{}", own.hub.log());
}

/// A topic that was deleted while the hub stood still is filled from the library.
#[test]
fn a_topic_that_is_gone_is_filled_again() {
    let mut own = Running::start();
    own.push(&(row("P1", "1.50") + &row("P2", "2.50")));
    own.rests();
    assert!(own.hub.stop(), "{}", own.hub.log());
    let ended = python_client("delete_topic.py", &[&kafka().address(), &own.topic(TOPIC)]);
    assert!(ended.success, "{ended:?}");
    own.hub.start();
    own.rests();
    assert!(own.hub.log().contains("deleted or made anew"), "{}", own.hub.log());
    let found = own.read_outside();
    let rows = json!({ "P1": read_row("P1", "1.50"), "P2": read_row("P2", "2.50") });
    assert_eq!(found["rows"], rows);
    assert!(own.hub.stop(), "{}", own.hub.log());
}
