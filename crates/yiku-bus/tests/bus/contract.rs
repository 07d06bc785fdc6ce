//! What every bus does.

use yiku_bus::{BusError, Finish, Operation, PUBLICATIONS, RELAY, ReadLimit, Records};
use yiku_core::row_version::{RowVersion, VersionParts};

use crate::engine::{Engine, TOPIC, append, envelope, keys, keys_within, nothing_more, rows};

/// Each text once on each make.
macro_rules! on_both {
    ($($text:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")] async fn $text() {
                super::$text(crate::engine::Engine::embedded()).await;
            })+
        }
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread")] async fn $text() {
                super::$text(crate::engine::Engine::kafka()).await;
            })+
        }
    };
}

on_both!(
    an_append_is_read_back_after_reopening,
    appends_at_once_stay_whole_and_in_order,
    records_come_back_as_they_were,
    any_limit_brings_everything_once,
    an_append_of_no_rows_has_a_place,
    what_was_deleted_cannot_be_read,
    rows_are_counted_as_they_are_there,
    a_topic_made_again_is_another,
    rows_of_an_entity_and_a_position_go_in_together,
    settling_decides_an_append_whose_caller_gave_up,
);

async fn settling_decides_an_append_whose_caller_gave_up(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 0, &["first"]).await.unwrap();
    let mut expected = vec!["first".to_owned()];
    for batch in 1..20 {
        let key = batch.to_string();
        // It is handed over, and its caller goes away.
        let keys_given_up = [key.as_str()];
        tokio::select! {
            biased;
            placed = append(&*lane, batch, &keys_given_up) => drop(placed.unwrap()),
            () = std::future::ready(()) => {}
        }
        lane.settle().await.unwrap();
        expected.push(key);
        assert_eq!(keys(&*bus, TOPIC, 0).await, expected);
    }
}

async fn an_append_is_read_back_after_reopening(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    let finish: Finish = Box::new(|placed| {
        assert_eq!((placed[0].base_offset, placed[0].count), (0, 2));
        vec![rows(PUBLICATIONS, 1, &["p"])]
    });
    lane.append(vec![rows(TOPIC, 1, &["1", "2"])], finish).await.unwrap();
    let placed = append(&*lane, 2, &["3"]).await.unwrap();
    let third = placed[0].base_offset;
    drop((lane, bus));

    let bus = engine.open().await;
    assert_eq!(keys(&*bus, TOPIC, 0).await, ["1", "2", "3"]);
    assert_eq!(keys(&*bus, TOPIC, third).await, ["3"]);
    assert_eq!(keys(&*bus, PUBLICATIONS, 0).await, ["p"]);
    assert!(keys(&*bus, "entry.no.such", 0).await.is_empty());
    let state = bus.topics().await.unwrap();
    let names: Vec<&str> = state.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(names, [TOPIC, PUBLICATIONS]);
    let end = bus.read(TOPIC, 0, third, ReadLimit::default()).await.unwrap().next;
    assert_eq!((state[0].first, state[0].next), (0, end), "a reader at the end stands there");
    let at_end = bus.read(TOPIC, 0, end, ReadLimit::default()).await.unwrap();
    assert!(at_end.batches.is_empty() && at_end.next == end);
}

async fn appends_at_once_stay_whole_and_in_order(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    let appends = (0..100).map(|n: u64| {
        let lane = lane.clone();
        tokio::spawn(async move {
            let keys = [format!("{n}a"), format!("{n}b"), format!("{n}c")];
            append(&*lane, n, &keys.each_ref().map(String::as_str)).await.unwrap().remove(0)
        })
    });
    let mut placed = Vec::new();
    for one in appends.collect::<Vec<_>>() {
        placed.push(one.await.unwrap());
    }
    for (n, one) in placed.iter().enumerate() {
        let read = bus.read(TOPIC, 0, one.base_offset, ReadLimit::default()).await.unwrap();
        let found = read.batches.iter().find(|batch| batch.base_offset == one.base_offset);
        let found = found.unwrap_or_else(|| panic!("append {n} is not at {}", one.base_offset));
        assert_eq!(found.envelope, envelope(n as u64));
        let keys: Vec<_> = found.records.iter().map(|record| record.unwrap().key).collect();
        assert_eq!(keys, [format!("{n}a"), format!("{n}b"), format!("{n}c")]);
    }
    assert_eq!(keys(&*bus, TOPIC, 0).await.len(), 300);
}

async fn records_come_back_as_they_were(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    let mut one = rows(TOPIC, 3, &[]);
    let parts = VersionParts { order_by: -5, line: 1, order: 9, row: 8, attempt: 7 };
    let version = RowVersion::new(parts);
    let long = vec![5u8; 2_000_000];
    let mut records = Records::new();
    records.push("甲\u{1f}乙", &version, Operation::Upsert, &long);
    records.push("b", &version, Operation::Delete, b"with a body");
    records.push("c", &version, Operation::Delete, &[]);
    one.records = records.clone();
    let base = lane.append(vec![one], nothing_more()).await.unwrap()[0].base_offset;
    let read = bus.read(TOPIC, 0, base, ReadLimit::default()).await.unwrap();
    let mut found = Records::new();
    for record in read.batches.iter().flat_map(|batch| batch.records.iter()).flatten() {
        found.push(record.key, &record.version, record.operation, record.body);
    }
    assert!(found == records, "they differ");
}

async fn any_limit_brings_everything_once(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    let mut expected = Vec::new();
    for batch in 0..20 {
        let own: Vec<String> = (0..7).map(|row| format!("{batch}-{row}")).collect();
        let borrowed: Vec<&str> = own.iter().map(String::as_str).collect();
        append(&*lane, batch, &borrowed).await.unwrap();
        expected.extend(own);
    }
    for (batches, bytes) in [(1, 1), (1, 1 << 20), (3, 1 << 20), (64, 200), (64, 8 << 20)] {
        let found = keys_within(&*bus, TOPIC, 0, ReadLimit { batches, bytes }).await;
        assert_eq!(found, expected, "{batches} batches, {bytes} bytes");
    }
    // What comes later is found where the last read ended.
    let end = bus.topics().await.unwrap()[0].next;
    append(&*lane, 20, &["later"]).await.unwrap();
    assert_eq!(keys(&*bus, TOPIC, end).await, ["later"]);
}

async fn an_append_of_no_rows_has_a_place(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    let with_publication =
        |key: &'static str| -> Finish { Box::new(move |_| vec![rows(PUBLICATIONS, 1, &[key])]) };
    let placed = lane.append(vec![rows(TOPIC, 1, &[])], with_publication("p")).await.unwrap();
    assert_eq!((placed[0].base_offset, placed[0].count), (0, 0));
    append(&*lane, 2, &["1"]).await.unwrap();
    let placed = lane.append(vec![rows(TOPIC, 3, &[])], with_publication("q")).await.unwrap();
    let topics = bus.topics().await.unwrap();
    assert_eq!((placed[0].base_offset, placed[0].count), (topics[0].next, 0));
    assert_eq!(keys(&*bus, PUBLICATIONS, 0).await, ["p", "q"]);
}

async fn what_was_deleted_cannot_be_read(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    let mut bases = Vec::new();
    for (batch, keys) in (0..).zip([["1", "2"], ["3", "4"], ["5", "6"]]) {
        bases.push(append(&*lane, batch, &keys).await.unwrap()[0].base_offset);
    }
    let first = bus.retain(TOPIC, 0, bases[1]).await.unwrap();
    assert_eq!(first, bases[1]);
    let end = bus.topics().await.unwrap()[0].next;
    for outside in [first - 1, end + 1] {
        let refused = bus.read(TOPIC, 0, outside, ReadLimit::default()).await.unwrap_err();
        assert!(matches!(refused, BusError::OutOfRange { .. }), "{refused}");
        assert_eq!(
            refused.to_string(),
            format!(
                "offset {outside} of topic {TOPIC}/0 is outside what the bus holds ({first} to {end})"
            )
        );
    }
    assert_eq!(keys(&*bus, TOPIC, first).await, ["3", "4", "5", "6"]);
    assert_eq!(bus.retain(TOPIC, 0, end).await.unwrap(), end);
    let state = &bus.topics().await.unwrap()[0];
    assert_eq!((state.first, state.next), (end, end));
    append(&*lane, 3, &["7"]).await.unwrap();
    assert_eq!(keys(&*bus, TOPIC, end).await, ["7"]);
}

async fn rows_are_counted_as_they_are_there(engine: Engine) {
    let bus = engine.open().await;
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1", "2", "3"]).await.unwrap();
    let second = append(&*lane, 2, &["4", "5", "6"]).await.unwrap()[0].base_offset;
    let end = bus.topics().await.unwrap()[0].next;
    for (from, to, count) in [
        (0, end, 6),
        (0, second, 3),
        (1, second + 1, 3),
        (second, end, 3),
        (2, 2, 0),
        (end, end, 0),
    ] {
        assert_eq!(bus.count(TOPIC, 0, from, to).await.unwrap(), count, "{from} to {to}");
    }
}

async fn a_topic_made_again_is_another(engine: Engine) {
    let id_of = async |engine: &Engine| {
        let bus = engine.open().await;
        let lane = bus.lane("0").await.unwrap();
        append(&*lane, 1, &["1"]).await.unwrap();
        let id = bus.topics().await.unwrap()[0].id.clone();
        drop((lane, bus));
        assert_eq!(engine.open().await.topics().await.unwrap()[0].id, id);
        id
    };
    let first = id_of(&engine).await;
    match &engine {
        Engine::Embedded(folder) => {
            std::fs::read_dir(folder.path())
                .unwrap()
                .for_each(|file| std::fs::remove_file(file.unwrap().path()).unwrap());
        }
        Engine::Kafka(settings) => crate::refusals::delete(settings, TOPIC).await,
    }
    assert_ne!(id_of(&engine).await, first);
}

/// The relay's append: rows of an entity and how far it came, on a lane beside the others.
async fn rows_of_an_entity_and_a_position_go_in_together(engine: Engine) {
    let bus = engine.open().await;
    assert_eq!(bus.has_outside_readers(), matches!(engine, Engine::Kafka(_)));
    let lane = bus.lane("relay").await.unwrap();
    let beside = bus.lane("0").await.unwrap();
    for number in 1..=3u64 {
        let said = number.to_string();
        let finish: Finish = Box::new(move |placed| {
            assert_eq!(placed[0].count, 2);
            vec![rows(RELAY, number, &[&said])]
        });
        let mut one = rows(OF_ENTITY, number, &["a", "b"]);
        if number == 2 {
            let version = RowVersion::new(VersionParts { order: 2, ..Default::default() });
            one.records = Records::new();
            one.records.push("a", &version, Operation::Delete, &[]);
            one.records.push("b", &version, Operation::Upsert, b"body of b");
        }
        lane.append(vec![one], finish).await.unwrap();
        append(&*beside, number, &[&number.to_string()]).await.unwrap();
    }
    // A position alone, too.
    let finish: Finish = Box::new(|_| vec![rows(RELAY, 4, &["4"])]);
    assert!(lane.append(Vec::new(), finish).await.unwrap().is_empty());
    drop((lane, beside, bus));

    let bus = engine.open().await;
    let _lane = bus.lane("relay").await.unwrap();
    assert_eq!(keys(&*bus, RELAY, 0).await, ["1", "2", "3", "4"]);
    assert_eq!(keys(&*bus, TOPIC, 0).await, ["1", "2", "3"]);
    let read = bus.read(OF_ENTITY, 0, 0, ReadLimit::default()).await.unwrap();
    let all = read.batches.iter().flat_map(|batch| batch.records.iter()).flatten();
    let found: Vec<(&str, Operation)> = all.map(|one| (one.key, one.operation)).collect();
    let (is, gone) = (Operation::Upsert, Operation::Delete);
    assert_eq!(found, [("a", is), ("b", is), ("a", gone), ("b", is), ("a", is), ("b", is)]);
}

const OF_ENTITY: &str = "library.a.b";
