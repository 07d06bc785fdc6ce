//! What records say of the entities that a batch touches.

use std::{ops::Range, sync::Arc};

use hashbrown::{HashMap, HashSet};
use yiku_core::{
    batch::{self, Cells},
    entry::EntryName,
    library::{Bound, Contribution, FeedPlan},
};

use super::{
    EntityTables, Merger, Resource, has_rows, last_key,
    record::{Record, Records, entry_version, version},
};
use crate::{Connection, StoreError, rows};

/// What is said of all entities that a batch touches.
pub(super) struct Touched {
    pub(super) entities: Vec<Said>,
    /// What records say, one per feed.
    pub(super) targets: Vec<Target>,
    effects: u32,
}

/// What is said of the touched rows of one entity.
pub(super) struct Said {
    pub(super) keys: Vec<Arc<str>>,
    index: HashMap<Arc<str>, u32, ahash::RandomState>,
    values: Cells,
    names: Cells,
    metas: Vec<Meta>,
    /// What was said before the batch: of which row, by which contribution.
    pub(super) initial: Vec<(u32, u32)>,
    pub(super) steps: Vec<Step>,
    /// The rows as they are, by key.
    pub(super) current: Vec<Option<Current>>,
    pub(super) rows: Cells,
    /// Whether the entity has any conflict.
    pub(super) conflicted: bool,
}

struct Meta {
    source: usize,
    feed: usize,
    order_by: i64,
}

/// A contribution of a record to an entity.
pub(super) struct Target {
    pub(super) entity: usize,
    pub(super) key: u32,
    pub(super) direct: bool,
    contribution: u32,
}

/// A contribution comes or goes. Steps of one effect count as one.
pub(super) struct Step {
    pub(super) effect: u32,
    pub(super) key: u32,
    pub(super) contribution: u32,
    pub(super) comes: bool,
}

/// A row as the table has it.
pub(super) struct Current {
    pub(super) id: i64,
    pub(super) ended: Option<Arc<str>>,
    pub(super) change: u64,
    pub(super) at: i64,
    /// Index in [`Said::rows`].
    pub(super) row: usize,
}

impl Touched {
    pub(super) fn new(merger: &Merger) -> Self {
        let said = |tables: &EntityTables| Said {
            keys: Vec::new(),
            index: HashMap::default(),
            values: Cells::new(tables.entity.items.len()),
            names: Cells::new(1),
            metas: Vec::new(),
            initial: Vec::new(),
            steps: Vec::new(),
            current: Vec::new(),
            rows: Cells::new(tables.entity.items.len()),
            conflicted: false,
        };
        let entities = merger.entities().iter().map(said).collect();
        Self { entities, targets: Vec::new(), effects: 0 }
    }

    /// What the record says at present. Asked for the first time, it is what the table says.
    pub(super) fn resolve(
        &mut self,
        resource: &Resource,
        record: &Record<'_>,
    ) -> Result<Range<usize>, StoreError> {
        if let Some((_, now)) = &record.said {
            return Ok(now.clone());
        }
        let Some((entry, body)) = record.stored_body() else { return Ok(0..0) };
        let bound = resource.bound(entry)?;
        if bound.feeds.is_empty() {
            return Ok(0..0);
        }
        let held = record.now.as_ref().expect("it has a body");
        let cells = decode(bound, body)?;
        let order_by = held.version.parts().order_by;
        let range = self.add(&bound.feeds, &cells.row(0), record.key, order_by);
        for target in &self.targets[range.clone()] {
            self.entities[target.entity].initial.push((target.key, target.contribution));
        }
        Ok(range)
    }

    /// Adds what a row says through its feeds.
    pub(super) fn add(
        &mut self,
        feeds: &[FeedPlan],
        row: &batch::Row<'_>,
        record: &str,
        order_by: i64,
    ) -> Range<usize> {
        let from = self.targets.len();
        for feed in feeds {
            let Some(key) = feed.entity_key(row) else { continue };
            let said = &mut self.entities[feed.entity];
            let key = said.key(&key);
            let contribution = said.contribute(feed, row, record, order_by);
            let (entity, direct) = (feed.entity, feed.direct);
            self.targets.push(Target { entity, key, direct, contribution });
        }
        from..self.targets.len()
    }

    /// Whether both are about the same entity.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let mut pairs = self.entities.iter().zip(&other.entities);
        pairs.any(|(said, other)| said.keys.iter().any(|key| other.index.contains_key(key)))
    }

    /// What a record said goes, what it says now comes, in one.
    pub(super) fn replace(&mut self, before: Range<usize>, after: Range<usize>) {
        self.effects += 1;
        for (range, comes) in [(before, false), (after, true)] {
            for target in &self.targets[range] {
                self.entities[target.entity].steps.push(Step {
                    effect: self.effects,
                    key: target.key,
                    contribution: target.contribution,
                    comes,
                });
            }
        }
    }
}

impl Said {
    /// The number of a key among those touched.
    pub(super) fn key(&mut self, key: &str) -> u32 {
        if let Some(&number) = self.index.get(key) {
            return number;
        }
        let (key, number) = (Arc::<str>::from(key), self.keys.len() as u32);
        self.keys.push(Arc::clone(&key));
        self.index.insert(key, number);
        self.current.push(None);
        number
    }

    fn contribute(
        &mut self,
        feed: &FeedPlan,
        row: &batch::Row<'_>,
        record: &str,
        order_by: i64,
    ) -> u32 {
        feed.push_values(row, &mut self.values);
        self.names.push(Some(record));
        self.metas.push(Meta { source: feed.source, feed: feed.number, order_by });
        self.metas.len() as u32 - 1
    }

    /// One thing that a record says.
    pub(super) fn contribution(&self, index: u32) -> Contribution<'_> {
        let index = index as usize;
        let meta = &self.metas[index];
        Contribution {
            source: meta.source,
            order_by: meta.order_by,
            record: self.names.row(index).get(0).unwrap_or_default(),
            feed: meta.feed,
            values: self.values.row(index),
        }
    }
}

/// What is loaded of what records say.
#[derive(Clone, Copy)]
pub(super) enum Load<'a> {
    /// What other records say than those of this resource whose words the batch replaces. A row
    /// that is not there has none.
    Beside(&'a EntryName, &'a Records<'a>),
    /// Everything, whether or not the row is there.
    Everything,
}

/// Loads, for every touched row, what it is and what records say of it.
pub(super) async fn load(
    db: &mut Connection,
    merger: &Merger,
    load: Load<'_>,
    touched: &mut Touched,
) -> Result<(), StoreError> {
    for (index, tables) in merger.entities().iter().enumerate() {
        let said = &mut touched.entities[index];
        if said.keys.is_empty() {
            continue;
        }
        load_rows(db, tables, said).await?;
        if said.current.iter().any(Option::is_some) {
            said.conflicted = has_rows(db, &format!("conflict_{}", tables.table())).await?;
        }
        let there: Vec<Arc<str>> = match load {
            Load::Everything => said.keys.clone(),
            Load::Beside(..) => {
                let there = said.keys.iter().zip(&said.current);
                there.filter(|(_, row)| row.is_some()).map(|(key, _)| Arc::clone(key)).collect()
            }
        };
        if there.is_empty() {
            continue;
        }
        let links = load_links(db, tables, &there).await?;
        for (number, source) in tables.sources.iter().enumerate() {
            if !source.direct && !source.linked {
                continue;
            }
            let resource = merger.resource(&source.name)?;
            let mut keys: HashSet<Arc<str>, ahash::RandomState> = HashSet::default();
            if source.direct {
                keys.extend(there.iter().cloned());
            }
            let linked = links.iter().filter(|(id, _)| *id == resource.subject.id);
            keys.extend(linked.map(|(_, key)| Arc::clone(key)));
            if let Load::Beside(name, records) = load
                && *name == source.name
            {
                keys.retain(|key| records.get(key).is_none_or(|record| record.said.is_none()));
            }
            load_records(db, resource, (index, number), &keys, said).await?;
        }
    }
    Ok(())
}

/// Loads the touched rows that are there. What sorts behind the last one is not asked for.
async fn load_rows(
    db: &mut Connection,
    tables: &EntityTables,
    said: &mut Said,
) -> Result<(), StoreError> {
    let (table, items) = (tables.table(), &tables.items);
    let last = last_key(db, &format!("entity_{table}"), "_key").await?;
    let touched: Vec<Arc<str>> = said.keys.clone();
    let touched = touched.iter().map(AsRef::as_ref);
    let keys: Vec<&str> = touched.filter(|key| Some(*key) <= last.as_deref()).collect();
    let sql = format!(
        "SELECT _key, _id, _ended, _change, _at{items} FROM entity_{table} WHERE _key = $1"
    );
    rows::select_by(db, &sql, &keys, |row| {
        let Some(&key) = said.index.get(row.text(0)?) else { return Ok(()) };
        tables.read(row, 5, &mut said.rows)?;
        said.current[key as usize] = Some(Current {
            id: row.int(1)?,
            ended: row.text_or_null(2)?.map(Arc::from),
            change: row.int(3)?.cast_unsigned(),
            at: row.int(4)?,
            row: said.rows.len() - 1,
        });
        Ok(())
    })
    .await
}

/// Source and key of each record that speaks of a touched row under another key.
async fn load_links(
    db: &mut Connection,
    tables: &EntityTables,
    there: &[Arc<str>],
) -> Result<Vec<(i64, Arc<str>)>, StoreError> {
    let table = tables.table();
    let mut links = Vec::new();
    let any = tables.sources.iter().any(|source| source.linked);
    if !any || !has_rows(db, &format!("link_{table}")).await? {
        return Ok(links);
    }
    let keys: Vec<&str> = there.iter().map(AsRef::as_ref).collect();
    let sql = format!("SELECT source, record_key FROM link_{table} WHERE entity_key = $1");
    rows::select_by(db, &sql, &keys, |row| {
        links.push((row.int(0)?, Arc::from(row.text(1)?)));
        Ok(())
    })
    .await?;
    Ok(links)
}

/// Adds what the records with these keys say of touched rows of the entity.
async fn load_records(
    db: &mut Connection,
    resource: &Resource,
    (entity, source): (usize, usize),
    keys: &HashSet<Arc<str>, ahash::RandomState>,
    said: &mut Said,
) -> Result<(), StoreError> {
    let table = format!("record_{}", resource.table());
    if keys.is_empty() || !has_rows(db, &table).await? {
        return Ok(());
    }
    let mut keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    keys.sort_unstable();
    let sql = format!(
        "SELECT key, version, entry, body FROM {table} WHERE body IS NOT NULL AND key = $1"
    );
    rows::select_by(db, &sql, &keys, |row| {
        let record = row.text(0)?;
        let order_by = version(row.blob(1)?)?.parts().order_by;
        let bound = resource.bound(entry_version(row.text(2)?)?)?;
        let cells = decode(bound, row.blob(3)?)?;
        let cells = cells.row(0);
        for feed in &bound.feeds {
            if feed.entity != entity || feed.source != source {
                continue;
            }
            let Some(key) = feed.entity_key(&cells) else { continue };
            let Some(&key) = said.index.get(key.as_str()) else { continue };
            let contribution = said.contribute(feed, &cells, record, order_by);
            said.initial.push((key, contribution));
        }
        Ok(())
    })
    .await
}

/// A stored body as cells.
pub(super) fn decode(bound: &Bound, body: &[u8]) -> Result<Cells, StoreError> {
    let mut cells = Cells::new(bound.contract.entry().items.len());
    bound
        .contract
        .decode(body, &mut cells)
        .map_err(|error| StoreError::unreadable("record.body", error))?;
    Ok(cells)
}
