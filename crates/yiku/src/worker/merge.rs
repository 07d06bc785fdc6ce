//! Merge (step 5): rows of each resource's topic become records, entities, history and changes.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use yiku_bus::{Foreign, Read, ReadLimit, TopicState, publish};
use yiku_connector::effort::{self, Step};
use yiku_core::{
    entry::{EntryName, Version},
    registry::{Format, KeptSchema, Registry, SchemaOf},
};
use yiku_store::{
    Tx, cursor, foreign_message,
    merge::{self, Decoded, MergeOutcome, MergeRow, MergeTask, Merger, Refold},
};

use crate::{
    clock, foreign,
    hub::{Hub, Live},
};

/// Merges everything there is; returns how many rows that were.
pub async fn catch_up(hub: &Hub) -> anyhow::Result<u64> {
    let mut turn = hub.merging.lock().await;
    let live = hub.live();
    live.usable()?;
    if turn.as_ref().is_none_or(|held| held.made_for != live.number) {
        let mut tx = hub.store.begin().await?;
        let merger = Merger::prepare(&mut tx, live.merging.clone()).await?;
        tx.commit().await?;
        fold_stale(hub, &merger).await?;
        *turn = Some(HeldMerger { merger, made_for: live.number, topics: None });
    }
    let held = turn.as_mut().expect("it was just made");
    let mut published = BTreeSet::new();
    hub.published.send_if_modified(|entries| {
        published = std::mem::take(entries);
        false
    });
    // Taken away until all went well: after an error every topic is asked.
    let (topics, are_new) = match held.topics.take() {
        Some(topics) if topics.suffice_for(&published) => (topics, false),
        _ => (Topics { all: hub.bus.topics().await?, at: Instant::now() }, true),
    };
    let mut merged = 0;
    let cursors = cursor::list(&mut *hub.store.reader().await?).await?;
    let moved = |resource: &&EntryName| are_new || published.contains(*resource);
    for resource in live.merging.resources.keys().filter(moved) {
        let (topic, unit) = (publish::topic_of(resource), format!("merge/{resource}"));
        let there = topics.find(&topic);
        let cursor = cursors
            .iter()
            .find(|one| one.unit == unit && one.topic == topic && one.partition == PARTITION);
        let from = cursor.map_or(0, |cursor| cursor.next);
        if are_new && there.map_or(0, |topic| topic.next) == from {
            continue;
        }
        let topic_id = there.map(|one| one.id.as_str()).unwrap_or_default();
        let (topic, unit) = (topic.as_str(), unit.as_str());
        let read = cursor::Read { unit, topic, topic_id, partition: PARTITION, from, to: from };
        let task = MergeTask { bus: hub.bus.id(), read, resource, at_ms: 0 };
        let outcome = drain(hub, &held.merger, task, &live, &mut merged).await;
        outcome.with_context(|| format!("merging rows of `{resource}`"))?;
    }
    held.topics = Some(topics);
    Ok(merged)
}

/// A merger, and which reading of the catalog it was made for.
pub struct HeldMerger {
    merger: Merger,
    made_for: u64,
    topics: Option<Topics>,
}

/// The topics of the bus at the last look at all of them.
struct Topics {
    all: Vec<TopicState>,
    at: Instant,
}

impl Topics {
    fn find(&self, name: &str) -> Option<&TopicState> {
        self.all.iter().find(|one| one.name == name && one.partition == PARTITION)
    }

    /// Whether it is enough to read the topics of these entries: all are known, and the last look
    /// at the others is not long ago.
    fn suffice_for(&self, published: &BTreeSet<EntryName>) -> bool {
        self.at.elapsed() < LOOK_EVERY
            && !published.is_empty()
            && published.iter().all(|entry| self.find(&publish::topic_of(entry)).is_some())
    }
}

/// Folds entities again whose library's file says otherwise than their rows were folded by.
async fn fold_stale(hub: &Hub, merger: &Merger) -> anyhow::Result<()> {
    let stale: Vec<String> = merger.stale().map(|entity| entity.full_name()).collect();
    for name in stale {
        let mut at = Refold::default();
        while !at.done {
            let mut tx = hub.store.begin().await?;
            at = merge::refold(&mut tx, merger, &name, at, REFOLD_ROWS, clock::now_ms()).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Merges all rows from where the task stands. While some are merged, the next ones are read, and
/// decoded as long as they bring new values.
async fn drain(
    hub: &Hub,
    merger: &Merger,
    mut task: MergeTask<'_>,
    live: &Arc<Live>,
    merged: &mut u64,
) -> anyhow::Result<()> {
    let mut news = true;
    let mut ahead = Ahead::of(hub, &task, live, news).await?;
    while ahead.read.next > task.read.from {
        task.read.to = ahead.read.next;
        task.at_ms = clock::now_ms();
        foreign::tell(task.read.topic, &ahead.read);
        let passed_over = foreign::to_keep(hub, task.read.topic, PARTITION, &ahead.read.foreign);
        let rows = rows_of(&ahead.read, task.read.from)?;
        let after = MergeTask { read: cursor::Read { from: task.read.to, ..task.read }, ..task };
        let next = tokio::spawn(effort::spending(Step::Merge, Ahead::of(hub, &after, live, news)));
        let mut tx = hub.store.begin().await?;
        foreign_message::keep(&mut tx, &passed_over).await?;
        let outcome = take(hub, &mut tx, merger, &task, &rows, ahead.decoded.as_ref()).await?;
        tx.commit().await?;
        news = outcome.unchanged < outcome.new + outcome.changed;
        *merged += rows.len() as u64;
        hub.merged.send_modify(|merges| *merges += 1);
        task.read.from = task.read.to;
        ahead = next.await??;
    }
    Ok(())
}

/// What is merged next.
struct Ahead {
    read: Read,
    decoded: Option<Decoded>,
}

impl Ahead {
    /// Reads what follows, and decodes it if that is worth it. Runs beside the merging.
    fn of(
        hub: &Hub,
        task: &MergeTask<'_>,
        live: &Arc<Live>,
        decode: bool,
    ) -> impl Future<Output = anyhow::Result<Self>> + Send + use<> {
        let (bus, live) = (Arc::clone(&hub.bus), Arc::clone(live));
        let (topic, resource) = (task.read.topic.to_owned(), task.resource.clone());
        let (partition, from) = (task.read.partition, task.read.from);
        async move {
            let mut read = bus.read(&topic, partition, from, LIMIT).await?;
            pass_over_wrong_schemas(&mut read, &resource, &live.registry);
            let decoded = match decode {
                true => Decoded::of(&live.merging, &resource, &rows_of(&read, from)?),
                false => None,
            };
            Ok(Self { read, decoded })
        }
    }
}

async fn take(
    hub: &Hub,
    tx: &mut Tx,
    merger: &Merger,
    task: &MergeTask<'_>,
    rows: &[MergeRow<'_>],
    decoded: Option<&Decoded>,
) -> anyhow::Result<MergeOutcome> {
    let outcome = merge::take(tx, merger, task, rows, decoded).await?;
    overtake(hub, tx, task.resource, rows).await?;
    Ok(outcome)
}

/// Batches whose schema is not that of their entry version were not put there by a hub. A batch
/// without schema is of deletes alone, or of a bus that lies in a file of ours.
fn pass_over_wrong_schemas(read: &mut Read, resource: &EntryName, registry: &Registry) {
    let Read { batches, foreign, .. } = read;
    batches.retain(|batch| {
        let Some(schema) = batch.envelope.schema else { return true };
        let (zh, en) = match registry.schema(schema).map(|one| &one.kept) {
            None => (format!("模式 {schema} 未登记"), format!("schema {schema} is unknown")),
            Some(KeptSchema {
                of: SchemaOf::Entry(entry, version), format: Format::Avro, ..
            }) if batch.envelope.entry == format!("{entry}@{version}") && entry == resource => {
                return true;
            }
            Some(_) => (
                format!("模式 {schema} 不属于其声明的目录版本"),
                format!("schema {schema} is not that of the entry version it names"),
            ),
        };
        let offsets = batch.base_offset..batch.next_offset();
        let one = |offset| Foreign { offset, zh: zh.clone(), en: en.clone(), key: None };
        foreign.extend(offsets.map(one));
        false
    });
}

fn rows_of(read: &Read, from: u64) -> anyhow::Result<Vec<MergeRow<'_>>> {
    let mut rows = Vec::new();
    for batch in &read.batches {
        let version = batch.envelope.entry.rsplit_once('@').map(|(_, version)| version);
        let entry: Version = version.context("a batch without entry version")?.parse()?;
        for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
            let record =
                record.with_context(|| format!("the record at offset {offset} is damaged"))?;
            if offset >= from {
                rows.push(MergeRow {
                    offset,
                    entry,
                    key: record.key,
                    version: record.version,
                    operation: record.operation,
                    body: record.body,
                });
            }
        }
    }
    Ok(rows)
}

/// Rejected rows whose key has a later row now need nobody's attention any more.
async fn overtake(
    hub: &Hub,
    tx: &mut Tx,
    resource: &EntryName,
    rows: &[MergeRow<'_>],
) -> anyhow::Result<()> {
    use yiku_store::quarantine::Accepted;
    let accepted: Vec<Accepted<'_>> =
        rows.iter().map(|row| Accepted { key: row.key, version: row.version }).collect();
    let mut watch = hub.watch.lock().await;
    watch.overtake(tx, &hub.digester, resource, accepted, clock::now_ms()).await?;
    Ok(())
}

/// A topic has one partition.
const PARTITION: u32 = 0;
/// Rows of one transaction.
const LIMIT: ReadLimit = ReadLimit { batches: 256, bytes: 4 << 20 };
/// How often all topics are looked at, whatever was published.
const LOOK_EVERY: Duration = Duration::from_secs(4);
const REFOLD_ROWS: u32 = 2_000;
