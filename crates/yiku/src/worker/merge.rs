//! Merge (step 5): rows of each resource's topic become records, entities, history and changes.

use anyhow::{Context, ensure};
use yiku_bus::{ReadLimit, Stored, publish};
use yiku_core::entry::{EntryName, Version};
use yiku_store::{
    cursor,
    merge::{self, MergeRow, MergeTask, Merger, Refold},
};

use crate::{clock, hub::Hub};

/// Merges everything there is; returns how many rows that were.
pub async fn catch_up(hub: &Hub) -> anyhow::Result<u64> {
    let mut turn = hub.merging.lock().await;
    let live = hub.live();
    live.usable()?;
    let merger = match turn.as_ref().filter(|held| held.made_for == live.number) {
        Some(held) => held.merger.clone(),
        None => {
            let mut tx = hub.store.begin().await?;
            let merger = Merger::prepare(&mut tx, live.merging.clone()).await?;
            tx.commit().await?;
            fold_stale(hub, &merger).await?;
            *turn = Some(HeldMerger { merger: merger.clone(), made_for: live.number });
            merger
        }
    };
    let mut merged = 0;
    let topics = hub.bus.topics().await?;
    let cursors = cursor::list(&mut *hub.store.reader().await?).await?;
    for resource in live.merging.resources.keys() {
        let (topic, unit) = (publish::topic_of(resource), format!("merge/{resource}"));
        let there = topics.iter().find(|one| one.name == topic && one.partition == PARTITION);
        let cursor = cursors
            .iter()
            .find(|one| one.unit == unit && one.topic == topic && one.partition == PARTITION);
        let from = cursor.map_or(0, |cursor| cursor.next);
        if there.map_or(0, |topic| topic.next) == from {
            continue;
        }
        let topic_id = there.map(|one| one.id.as_str()).unwrap_or_default();
        let (topic, unit) = (topic.as_str(), unit.as_str());
        let read = cursor::Read { unit, topic, topic_id, partition: PARTITION, from, to: from };
        let task = MergeTask { bus: publish::BUS, read, resource, at_ms: 0 };
        let outcome = drain(hub, &merger, task, &mut merged).await;
        outcome.with_context(|| format!("merging rows of `{resource}`"))?;
    }
    Ok(merged)
}

/// A merger, and which reading of the catalog it was made for.
pub struct HeldMerger {
    merger: Merger,
    made_for: u64,
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

/// Merges all rows from where the task stands. While some are merged, the next ones are read.
async fn drain(
    hub: &Hub,
    merger: &Merger,
    mut task: MergeTask<'_>,
    merged: &mut u64,
) -> anyhow::Result<()> {
    let (topic, partition) = (task.read.topic, task.read.partition);
    let mut stored = hub.bus.read(topic, partition, task.read.from, LIMIT).await?;
    while let Some(last) = stored.last() {
        task.read.to = last.next_offset();
        task.at_ms = clock::now_ms();
        let rows = rows_of(&stored, task.read.from)?;
        let next = hub.bus.read(topic, partition, task.read.to, LIMIT);
        let (outcome, next) = tokio::join!(take(hub, merger, &task, &rows), next);
        outcome?;
        *merged += task.read.to - task.read.from;
        hub.merged.send_modify(|merges| *merges += 1);
        task.read.from = task.read.to;
        stored = next?;
    }
    Ok(())
}

async fn take(
    hub: &Hub,
    merger: &Merger,
    task: &MergeTask<'_>,
    rows: &[MergeRow<'_>],
) -> anyhow::Result<()> {
    let mut tx = hub.store.begin().await?;
    merge::take(&mut tx, merger, task, rows).await?;
    overtake(hub, &mut tx, task.resource, rows).await?;
    Ok(tx.commit().await?)
}

fn rows_of(stored: &[Stored], from: u64) -> anyhow::Result<Vec<MergeRow<'_>>> {
    let mut rows = Vec::new();
    for batch in stored {
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
    ensure!(!rows.is_empty(), "batches without records");
    Ok(rows)
}

/// Rejected rows whose key has a later row now need nobody's attention any more.
async fn overtake(
    hub: &Hub,
    tx: &mut yiku_store::Tx,
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

/// The embedded bus has one partition per topic.
const PARTITION: u32 = 0;
/// Rows of one transaction.
const LIMIT: ReadLimit = ReadLimit { batches: 256, bytes: 4 << 20 };
const REFOLD_ROWS: u32 = 2_000;
