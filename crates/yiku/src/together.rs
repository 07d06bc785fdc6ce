//! Whether bus and store belong together: both hold how far the store has read the bus.

use anyhow::{Result, bail};
use yiku_bus::{Bus, TopicState};
use yiku_store::cursor::Cursor;

/// An error when the store has read what the bus does not hold: new rows would take the offsets
/// that the store is past, and never be read.
pub fn check(bus: &dyn Bus, cursors: &[Cursor], topics: &[TopicState]) -> Result<()> {
    let Some((topic, problem)) = mismatch(cursors, topics) else { return Ok(()) };
    let (both, remedy) = match bus.id() {
        "embedded" => ("bus.db", "put back the two files of one backup, or the right bus.db"),
        kafka => (
            kafka,
            "put back cluster and store.db as they were at one time, or name the right \
                          cluster and prefix in [bus.kafka]",
        ),
    };
    bail!(
        "{both} and store.db do not belong together: topic {topic} of the bus {problem}. Nothing was \
         changed; {remedy}"
    );
}

/// An error when a topic has other partitions than when rows were first written to it: keys would
/// stand elsewhere than before, and a key's rows have an order on one partition only.
pub fn check_partitions(had: &[(String, u32)], topics: &[TopicState]) -> Result<()> {
    for (topic, had) in had {
        let has = topics.iter().filter(|one| one.name == *topic).count();
        if has > 0 && has != *had as usize {
            bail!(
                "topic {topic} of the bus had {had} partition(s) when rows were first written to \
                 it, and has {has}: keys would stand elsewhere than before. The partitions of a \
                 topic stay as they are. Nothing was changed; put back the cluster as it was\n\
                 总线主题 {topic} 最初写入时有 {had} 个分区，现有 {has} 个：记录的键会落到别的分区。\
                 主题的分区数不可更改；未作任何改动，请把集群恢复原状"
            );
        }
    }
    Ok(())
}

/// The first topic that the store has read otherwise than it is, and how it is.
fn mismatch<'a>(cursors: &'a [Cursor], topics: &[TopicState]) -> Option<(&'a str, String)> {
    for cursor in cursors.iter().filter(|cursor| cursor.next > 0) {
        let own =
            |topic: &&TopicState| topic.name == cursor.topic && topic.partition == cursor.partition;
        let problem = match topics.iter().find(own) {
            Some(topic) if topic.id != cursor.topic_id => "is of another bus".to_owned(),
            Some(topic) if topic.next >= cursor.next => continue,
            Some(topic) => {
                format!("ends at {}, and the store has read {} of it", topic.next, cursor.next)
            }
            None => format!("is not there, and the store has read {} of it", cursor.next),
        };
        return Some((&cursor.topic, problem));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(topic_id: &str, next: u64) -> Cursor {
        let (unit, topic) = ("merge/entry.a.b".to_owned(), "entry.a.b".to_owned());
        Cursor { unit, topic, partition: 0, topic_id: topic_id.to_owned(), next }
    }

    #[track_caller]
    fn check_one(cursor: Cursor, topics: &[TopicState], told: Option<&str>) {
        let cursors = [cursor];
        let found = mismatch(&cursors, topics).map(|(_, problem)| problem);
        match (found, told) {
            (None, None) => {}
            (Some(found), Some(told)) => assert!(found.contains(told), "{found}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn a_topic_that_grew_or_shrank_is_told() {
        let part = |partition| TopicState {
            name: "entry.a.b".into(),
            partition,
            id: "one".into(),
            first: 0,
            next: 7,
        };
        let there = [part(0), part(1)];
        let told = |had| {
            let error = check_partitions(&[("entry.a.b".to_owned(), had)], &there).unwrap_err();
            error.to_string()
        };
        assert!(check_partitions(&[("entry.a.b".to_owned(), 2)], &there).is_ok());
        assert!(told(1).contains("had 1 partition(s)") && told(1).contains("and has 2"));
        assert!(told(3).contains("had 3 partition(s)"));
        assert!(check_partitions(&[("entry.c.d".to_owned(), 3)], &there).is_ok(), "told elsewhere");
    }

    #[test]
    fn a_store_that_is_ahead_or_of_another_bus_is_told() {
        let topic = TopicState {
            name: "entry.a.b".into(),
            partition: 0,
            id: "one".into(),
            first: 0,
            next: 7,
        };
        let there = std::slice::from_ref(&topic);
        check_one(cursor("one", 7), there, None);
        check_one(cursor("one", 3), there, None);
        check_one(cursor("one", 8), there, Some("ends at 7, and the store has read 8"));
        check_one(cursor("two", 7), there, Some("is of another bus"));
        check_one(cursor("one", 7), &[], Some("is not there, and the store has read 7"));
        check_one(cursor("", 0), &[], None);
    }
}
