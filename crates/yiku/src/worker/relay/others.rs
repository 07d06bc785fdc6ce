//! What others wrote to the topics of entities. It is told, and the keys that it speaks of get
//! their own rows again: readers from outside take the newest message of a key, whoever wrote it.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use anyhow::Result;
use yiku_bus::{Foreign, Operation, RELAY, Read, ReadLimit, TopicState};
use yiku_core::{
    library::{Entity, topic_of},
    relay::Relayed,
};
use yiku_store::image::Reader;

use super::{
    Relay, entity,
    form::{self, Rows},
};
use crate::{
    foreign,
    hub::{Hub, Live},
};

/// Offsets of an entity's topic at which the relay has written nothing.
#[derive(Clone)]
pub(super) struct Gap {
    pub(super) entity: String,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Relay {
    /// An entity whose topic is gone or another one is relayed from its first change on.
    pub(super) fn check_topics(&mut self, topics: &[TopicState]) {
        for (name, relayed) in &mut self.position.entities {
            let topic = topic_of(name);
            let there = topics.iter().find(|one| one.name == topic);
            let id = there.map_or("", |one| one.id.as_str());
            let is_same =
                if relayed.topic_id.is_empty() { there.is_some() } else { id == relayed.topic_id };
            if relayed.end > 0 && !is_same {
                tracing::warn!(topic, "the topic was deleted or made anew: it is filled again");
                *relayed = Relayed::default();
            }
        }
    }

    /// Notes what was written to the topics behind the relay's last rows.
    pub(super) async fn look(&mut self, hub: &Hub) -> Result<()> {
        for topic in hub.bus.topics().await? {
            if topic.name == RELAY {
                let (end, written) = self.positions;
                // Each with the end of its transaction.
                if topic.next > end + 2 * written {
                    self.look_at_positions(hub).await?;
                }
                continue;
            }
            let Some(entity) = topic.name.strip_prefix("library.") else { continue };
            let end = self.position.entities.get(entity).map_or(0, |one| one.end);
            let own = if end > 0 { end + 1 } else { topic.first };
            let known = self.known.entry(entity.to_owned()).or_insert(own);
            if topic.next > *known {
                let (entity, from, to) = (entity.to_owned(), *known, topic.next);
                self.gaps.push(Gap { entity, from, to });
                *known = topic.next;
            }
        }
        Ok(())
    }

    /// Tells of what stands in a gap, and writes the rows of its keys again.
    pub(super) async fn put_right(&mut self, hub: &Hub, live: &Live, gap: &Gap) -> Result<()> {
        let topic = topic_of(&gap.entity);
        let mut from = gap.from;
        while from < gap.to {
            let mut read = hub.bus.read(&topic, 0, from, ReadLimit::default()).await?;
            if read.next <= from {
                break;
            }
            let keys = foreign_keys(&mut read, gap);
            foreign::tell(&topic, &read);
            foreign::keep(hub, &topic, 0, &read.foreign).await?;
            if let (false, Some(entity)) = (keys.is_empty(), entity(live, &gap.entity)) {
                self.write_again(hub, live, entity, &keys).await?;
            }
            from = read.next;
        }
        Ok(())
    }

    async fn write_again(
        &mut self,
        hub: &Hub,
        live: &Live,
        entity: &Entity,
        keys: &BTreeSet<String>,
    ) -> Result<()> {
        let relayed = self.position.entities.get(&entity.full_name());
        let change = relayed.map_or(0, |one| one.change);
        let mut rows = Rows::default();
        let mut db = hub.store.snapshot().await?;
        let subject = form::subject_of(&mut db, entity).await?;
        for key in keys {
            let image = match &subject {
                Some(subject) => Reader::entity(subject).current_row(&mut db, key).await?,
                None => None,
            };
            let row = image.as_ref().filter(|image| image.ended.is_none());
            let pushed = rows.push(entity, key, change, row.map(|image| image.cells.row(0)));
            if let Err(error) = pushed {
                tracing::error!(%error, "a row cannot be written again");
            }
        }
        drop(db);
        self.append(hub, live, entity, rows.records, change).await
    }
}

/// Makes everything that a read found in a gap foreign, and leaves nothing else of it; returns its
/// keys.
fn foreign_keys(read: &mut Read, gap: &Gap) -> BTreeSet<String> {
    let is_within = |offset: u64| (gap.from..gap.to).contains(&offset);
    let Read { batches, foreign, .. } = read;
    for batch in batches.drain(..) {
        for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
            let key = record.map(|record| record.key.to_owned());
            foreign.push(Foreign { offset, zh: FORGED.0.into(), en: FORGED.1.into(), key });
        }
    }
    foreign.retain(|one| is_within(one.offset));
    foreign.iter().filter_map(|one| one.key.clone()).filter(|key| !key.is_empty()).collect()
}

/// How many keys of an entity's topic have a row as their newest message, read from its beginning.
pub(super) async fn rows(hub: &Hub, entity: &str) -> Result<u64> {
    let topic = topic_of(entity);
    let topics = hub.bus.topics().await?;
    let Some(state) = topics.iter().find(|one| one.name == topic) else { return Ok(0) };
    let mut is_row: HashMap<u64, bool> = HashMap::new();
    let mut from = state.first;
    while from < state.next {
        let read = hub.bus.read(&topic, 0, from, ReadLimit::default()).await?;
        if read.next <= from {
            break;
        }
        let mut messages: Vec<(u64, &str, bool)> = Vec::new();
        for batch in &read.batches {
            for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
                let Some(record) = record else { continue };
                messages.push((offset, record.key, record.operation == Operation::Upsert));
            }
        }
        // What is no row of ours is none.
        let foreign = read.foreign.iter();
        messages.extend(foreign.filter_map(|one| Some((one.offset, one.key.as_deref()?, false))));
        messages.sort_unstable_by_key(|(offset, ..)| *offset);
        for (_, key, row) in messages {
            is_row.insert(hash(key), row);
        }
        from = read.next;
    }
    Ok(is_row.into_values().filter(|row| *row).count() as u64)
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// In Chinese and in English.
const FORGED: (&str, &str) =
    ("不是由系统转发的实体记录", "a row of an entity that the relay did not write");
