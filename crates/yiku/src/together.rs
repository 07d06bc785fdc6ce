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
