//! What is on disk.

use std::{collections::BTreeMap, ops::Range, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, Row, types::ValueRef};
use yiku_bus::{ReadLimit, publish::topic_of};
use yiku_core::row_version::RowVersion;
use yiku_store::quarantine::{self, Filter, State};

use super::{
    entry,
    expected::{RESOURCES, RowId},
};
use crate::hub::Hub;

/// Bus, quarantine and library.
pub struct Found {
    /// Keys and versions in the order of the bus, by resource.
    pub bus: Vec<Vec<(String, RowVersion)>>,
    /// Places of resources and offsets of their rows, in the order in which they were merged.
    pub merged: Vec<(usize, Range<u64>)>,
    /// Rejected rows by the version they would have.
    pub quarantine: BTreeMap<RowId, State>,
    /// Names by key.
    pub current: BTreeMap<String, String>,
    /// Keys and names that were replaced, in the order of their end.
    pub history: Vec<(String, String)>,
    /// By key and item.
    pub conflicts: Vec<Conflict>,
}

/// Key, item, whose value was taken and which, who says something else and what.
pub type Conflict = [String; 6];

/// Reads all of it. Nothing must be under way.
pub async fn read(hub: &Hub, folder: &Path) -> Found {
    let mut bus = Vec::new();
    for resource in 0..RESOURCES.len() {
        bus.push(read_topic(hub, &topic_of(&entry(resource))).await);
    }
    let mut db = hub.store.reader().await.expect("a reader");
    let all = quarantine::list(&mut db, &Filter::default(), 0, 10_000).await.expect("a list");
    let mut rejected = BTreeMap::new();
    for row in all {
        let twice =
            rejected.insert((place(row.row.entry.as_str()), row.row.row_version), row.state);
        assert!(twice.is_none(), "a row is in quarantine twice");
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = Connection::open_with_flags(folder.join("store.db"), flags).expect("the store");
    store.busy_timeout(Duration::from_secs(5)).expect("a time");
    let mut merged = Vec::new();
    let sql = "SELECT s.name, m.from_offset, m.to_offset
               FROM merge_batch m JOIN subject s ON s.id = m.subject_id ORDER BY m.id";
    for [name, from, to] in rows_of(&store, sql) {
        let offset = |text: String| text.parse::<u64>().expect("an offset");
        merged.push((place(&name), offset(from)..offset(to)));
    }
    let sql = "SELECT table_name FROM subject WHERE name = 'population.patient'";
    let Some([table]) = rows_of(&store, sql).pop() else {
        // Nothing was merged yet.
        let (current, history, conflicts) = Default::default();
        return Found { bus, merged, quarantine: rejected, current, history, conflicts };
    };
    let pair = |[key, name]: [String; 2]| (key, name);
    let sql = format!("SELECT _key, name FROM entity_{table}");
    let current = rows_of(&store, &sql).into_iter().map(pair).collect();
    let sql = format!("SELECT _key, name FROM history_{table} ORDER BY _to");
    let history = rows_of(&store, &sql).into_iter().map(pair).collect();
    let conflicts = rows_of(&store, &format!("SELECT * FROM conflict_{table} ORDER BY 1, 2, 5"));
    Found { bus, merged, quarantine: rejected, current, history, conflicts }
}

/// Keys and versions of a topic, from its beginning.
async fn read_topic(hub: &Hub, topic: &str) -> Vec<(String, RowVersion)> {
    let (mut rows, mut from) = (Vec::new(), 0);
    loop {
        let read = hub.bus.read(topic, 0, from, ReadLimit::default()).await.expect("the bus");
        if read.next == from {
            return rows;
        }
        from = read.next;
        for record in read.batches.iter().flat_map(|batch| batch.records.iter()) {
            let record = record.expect("a whole record");
            rows.push((record.key.to_owned(), record.version));
        }
        assert_eq!(rows.len() as u64, from, "offsets have no gaps");
    }
}

/// The place of a resource.
fn place(name: &str) -> usize {
    RESOURCES.iter().position(|resource| *resource == name).expect("a resource of the model")
}

/// The rows of a query, each value as text.
fn rows_of<const WIDTH: usize>(store: &Connection, sql: &str) -> Vec<[String; WIDTH]> {
    let mut statement = store.prepare(sql).expect("tables of the store");
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Integer(number) => number.to_string(),
        value => value.as_str().expect("a text").to_owned(),
    };
    let row =
        |row: &Row<'_>| Ok(std::array::from_fn(|index| text(row.get_ref(index).expect("a value"))));
    let rows = statement.query_map([], row).expect("rows");
    rows.collect::<Result<_, _>>().expect("a whole row")
}
