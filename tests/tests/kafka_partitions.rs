//! Topics of rows with several partitions: the real program, a real broker, and what others see.

use std::{collections::BTreeMap, fs, time::Duration};

use serde_json::Value;
use yiku_bus::{Bus, Cluster, Durability, Kafka as Topics, KafkaSettings, ReadLimit};
use yiku_core::{digest::Digester, receipt::Receipt, tree};
use yiku_tests::{Hub, kafka, python_client};

const ROWS: &str = "/api/v1/entries/health/patient/rows";
const TOPIC: &str = "entry.health.patient";
const PARTITIONS: u32 = 4;

fn settings() -> (String, String) {
    let settings = kafka().hub_settings();
    let (_, rest) = settings.split_once("prefix = \"").expect("settings of ours");
    let prefix = rest.split_once('"').expect("settings of ours").0.to_owned();
    (settings.clone() + &format!("partitions = {PARTITIONS}\n"), prefix)
}

fn file(numbers: impl Iterator<Item = usize>) -> String {
    numbers.fold("no,name\n".to_owned(), |all, number| all + &format!("P{number},肖文\n"))
}

fn full_load(hub: &Hub) {
    hub.connector(
        "patients-in",
        "entry: health/patient@1\nevery: 1s\nload: full\nstop_over: { vanished: 60% }\n\
         source: { kind: files, folder: ../../in, settle: 0s }\n",
    );
}

/// Pushes rows under an idempotency key; the status, or `None` when no answer came.
fn push(hub: &Hub, token: &str, key: &str, numbers: std::ops::Range<usize>) -> Option<u16> {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-ndjson"),
        ("idempotency-key", key),
    ];
    let row = |number| format!("{{\"no\":\"X{number}\",\"name\":\"周敏\"}}\n");
    let rows: String = numbers.map(row).collect();
    hub.try_http("POST", ROWS, &headers, rows.as_bytes()).map(|(status, _)| status)
}

/// The partition of each key, as kcat reads them; `form` chooses what of a message.
fn read(topic: &str, form: &str) -> Vec<String> {
    let form = format!("{form}\n");
    let all = kafka().kcat(&["-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", &form]);
    all.lines().map(str::to_owned).collect()
}

/// The books tell of each partition by itself.
fn books_of_each_partition(hub: &Hub) {
    let ended = hub.yiku(&["reconcile"]);
    assert!(ended.success, "the books do not balance: {ended:?}");
    for log in 0..PARTITIONS {
        for subject in [format!("{TOPIC} log {log}:"), format!("health/patient log {log}:")] {
            assert!(ended.stdout.contains(&subject), "no `{subject}` in {}", ended.stdout);
        }
    }
}

/// The rows' digests in the order that `docs/architecture.md` tells have the root of the receipt.
fn prove(hub: &Hub, prefix: &str, receipt: &Receipt) {
    let key = fs::read(hub.folder().join("data/digest.key")).expect("the installation's key");
    let digester = Digester::new(&key);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let digests = runtime.block_on(async {
        let cluster = Cluster {
            settings: "bus.kafka",
            brokers: vec![kafka().address()],
            ..Cluster::default()
        };
        let (durability, prefix) = (Durability::Single, prefix.to_owned());
        let settings = KafkaSettings { cluster, prefix, durability, replication: 1, partitions: 1 };
        let bus = Topics::open(settings).await.expect("topics that are right");
        let mut digests = Vec::new();
        for range in &receipt.ranges {
            let mut next = range.from;
            while next < range.to {
                let limit = ReadLimit::default();
                let read = bus.read(&range.topic, range.partition, next, limit).await;
                let read = read.expect("rows that are there");
                for batch in &read.batches {
                    for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
                        let one = record.expect("whole");
                        if (next..range.to).contains(&offset) {
                            let digest =
                                digester.row(one.key, &one.version, one.operation, one.body);
                            digests.push(digest);
                        }
                    }
                }
                next = read.next;
            }
        }
        digests
    });
    assert_eq!(digests.len() as u64, receipt.count("accepted"));
    assert_eq!(receipt.rows_root, Some(tree::root(&digests)));
}

#[test]
fn keys_stand_where_kafkas_clients_put_them() {
    let (settings, prefix) = settings();
    let mut hub = Hub::of_patients(&settings);
    full_load(&hub);
    hub.write("in/1.csv", file(0..200));
    hub.start();
    hub.connector_until("patients-in", |one| one["accepted"] == 200);
    let token = hub.token("health");
    assert_eq!(push(&hub, &token, "one", 0..40), Some(200), "{}", hub.log());
    assert_eq!(push(&hub, &token, "alone", 40..41), Some(200), "{}", hub.log());
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), 241);
    books_of_each_partition(&hub);

    // A row of the last partition: its batch, and the batch's proof.
    let topic = format!("{prefix}{TOPIC}");
    let placed = read(&topic, "%k %p");
    assert_eq!(placed.len(), 241);
    let last = placed.iter().find(|one| one.starts_with('X') && one.ends_with(" 3"));
    let key = last.expect("some of 41 keys").split(' ').next().expect("a key");
    let story = hub.yiku_with(&["trace", "population.patient", "--json"], &format!("{key}\n"));
    let story: Value = serde_json::from_str(&story.stdout).expect("JSON");
    let record = &story["records"][0];
    assert_eq!((&record["partition"], &record["batch"]["connector"]), (&3.into(), &"push".into()));
    let name = record["batch"]["receipt"].as_str().expect("a receipt");
    let (stream, number) = name.split_once(' ').expect("stream and number");
    let shown = hub.yiku(&["receipt", "show", stream, number]).stdout;
    let receipt = Receipt::parse(shown.trim().as_bytes()).expect("canonical bytes");
    let offset = record["offset"].as_u64().expect("an offset");
    let holds = |range: &&yiku_core::receipt::Range| {
        range.partition == 3 && (range.from..range.to).contains(&offset)
    };
    assert!(receipt.ranges.iter().any(|range| holds(&range)), "{shown}");
    assert!(receipt.ranges.is_sorted_by_key(|range| range.partition), "{shown}");
    prove(&hub, &prefix, &receipt);

    // What a full load lacks is deleted, on whichever partition its key stands.
    hub.write("in/2.csv", file((0..200).filter(|number| number % 2 == 0)));
    hub.until("the sweep", || (hub.library_rows("population.patient") == 141).then_some(()));
    hub.settles();
    books_of_each_partition(&hub);
    assert!(hub.stop(), "{}", hub.log());

    // The partitioner of Kafka's own clients puts every key on the partition that the hub has put
    // it on, and deletes stand with the rows of their keys.
    let placed: BTreeMap<String, String> = read(&topic, "%k %p")
        .iter()
        .map(|one| one.split_once(' ').expect("key and partition"))
        .map(|(key, partition)| (key.to_owned(), partition.to_owned()))
        .collect();
    let keys: String = placed.keys().map(|key| format!("{key}|by kcat\n")).collect();
    let words = ["-P", "-t", &topic, "-K", "|", "-X", "topic.partitioner=murmur2_random"];
    kafka().kcat_with(&words, keys.as_bytes());
    let mut compared = 0;
    for one in read(&topic, "%k %p %s").iter().filter(|one| one.ends_with("by kcat")) {
        let mut words = one.split(' ');
        let (key, partition) = (words.next().expect("a key"), words.next());
        assert_eq!(placed.get(key).map(String::as_str), partition, "{key}");
        compared += 1;
    }
    assert_eq!(compared, 241);
}

#[test]
fn a_killed_hub_loses_and_doubles_nothing_on_any_partition() {
    let (settings, _) = settings();
    let mut hub = Hub::of_patients(&settings);
    hub.start();
    let token = hub.token("health");
    let mut pushes = 0;
    for round in 0..4 {
        let wanted = pushes + 12;
        std::thread::scope(|scope| {
            let pushing = scope.spawn(|| {
                while pushes < wanted {
                    let key = format!("push-{pushes}");
                    match push(&hub, &token, &key, pushes * 10..pushes * 10 + 10) {
                        Some(200) => pushes += 1,
                        _ => return,
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(120 + 110 * round));
            hub.kill_beside();
            pushing.join().expect("it pushes");
        });
        hub.kill();
        hub.start();
    }
    // The last one may have been taken and not answered.
    let key = format!("push-{pushes}");
    assert_eq!(push(&hub, &token, &key, pushes * 10..pushes * 10 + 10), Some(200), "{}", hub.log());
    hub.settles();
    books_of_each_partition(&hub);
    assert_eq!(hub.library_rows("population.patient"), (pushes as u64 + 1) * 10);
    assert!(hub.stop(), "{}", hub.log());
}

#[test]
fn a_topic_keeps_its_partitions_whatever_the_settings_say() {
    let (four, prefix) = settings();
    let one = four.replace("partitions = 4\n", "");
    let mut hub = Hub::of_patients(&one);
    hub.start();
    let token = hub.token("health");
    assert_eq!(push(&hub, &token, "before", 0..20), Some(200), "{}", hub.log());
    hub.settles();
    assert!(hub.stop(), "{}", hub.log());
    hub.settings(&four);
    hub.start();
    assert_eq!(push(&hub, &token, "after", 20..40), Some(200), "{}", hub.log());
    hub.settles();
    hub.balances();
    assert_eq!(hub.library_rows("population.patient"), 40);
    let placed = read(&format!("{prefix}{TOPIC}"), "%p");
    assert_eq!((placed.len(), placed.iter().all(|one| one == "0")), (40, true));
    let status: Value = hub.ask(&["status"]);
    assert_eq!(status["waiting"].as_array().map(Vec::len), Some(0), "{status}");
    assert!(hub.stop(), "{}", hub.log());
}

/// Partitions that were added to a topic while the hub stood still: its keys would move.
#[test]
fn a_topic_that_grew_is_refused_at_the_start() {
    let (four, prefix) = settings();
    let mut hub = Hub::of_patients(&four.replace("partitions = 4\n", ""));
    hub.start();
    let token = hub.token("health");
    assert_eq!(push(&hub, &token, "before", 0..20), Some(200), "{}", hub.log());
    hub.settles();
    assert!(hub.stop(), "{}", hub.log());
    let topic = format!("{prefix}{TOPIC}");
    let added = python_client("add_partitions.py", &[&kafka().address(), &topic, "3"]);
    assert!(added.success, "{added:?}");
    let ended = hub.yiku(&["serve"]);
    assert!(!ended.success, "{ended:?}");
    for told in [
        "entry.health.patient of the bus had 1 partition(s)",
        "and has 3: keys would stand elsewhere",
        "最初写入时有 1 个分区，现有 3 个",
    ] {
        assert!(ended.stderr.contains(told), "no `{told}` in {ended:?}");
    }
}
