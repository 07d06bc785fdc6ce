//! What is on disk.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};
use yiku_bus::{ReadLimit, publish::topic_of};
use yiku_core::row_version::RowVersion;
use yiku_store::quarantine::{self, Filter, State};

use super::entry;
use crate::hub::Hub;

/// Bus, quarantine and library.
pub struct Found {
    /// Keys and versions in the order of the bus.
    pub bus: Vec<(String, RowVersion)>,
    /// Rejected rows by the version they would have.
    pub quarantine: BTreeMap<RowVersion, State>,
    /// Names by key.
    pub current: BTreeMap<String, String>,
    /// Keys and names that were replaced, in the order of their end.
    pub history: Vec<(String, String)>,
}

/// Reads all of it. The hub must have settled.
pub async fn read(hub: &Hub, folder: &Path) -> Found {
    let topic = topic_of(&entry());
    let (mut bus, mut from) = (Vec::new(), 0);
    loop {
        let stored = hub.bus.read(&topic, 0, from, ReadLimit::default()).await.expect("the bus");
        let Some(last) = stored.last() else { break };
        from = last.next_offset();
        for record in stored.iter().flat_map(|batch| batch.records.iter()) {
            let record = record.expect("a whole record");
            bus.push((record.key.to_owned(), record.version));
        }
    }
    let mut db = hub.store.reader().await.expect("a reader");
    let all = quarantine::list(&mut db, &Filter::default(), 0, 10_000).await.expect("a list");
    let mut rejected = BTreeMap::new();
    for row in all {
        let twice = rejected.insert(row.row.row_version, row.state);
        assert!(twice.is_none(), "a row is in quarantine twice");
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = Connection::open_with_flags(folder.join("store.db"), flags).expect("the store");
    store.busy_timeout(Duration::from_secs(5)).expect("a time");
    let table: String = store
        .query_row("SELECT table_name FROM subject WHERE name = 'population.patient'", [], |row| {
            row.get(0)
        })
        .expect("the library has patients");
    let pairs = |sql: String| -> Vec<(String, String)> {
        let mut statement = store.prepare(&sql).expect("a table of the store");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.expect("rows").collect::<Result<_, _>>().expect("two texts")
    };
    let current = pairs(format!("SELECT _key, name FROM entity_{table}")).into_iter().collect();
    let history = pairs(format!("SELECT _key, name FROM history_{table} ORDER BY _to"));
    Found { bus, quarantine: rejected, current, history }
}
