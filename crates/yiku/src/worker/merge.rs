//! Merge (step 5): rows of each resource's topic become records, entities, history and changes.

mod ahead;

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context;
use yiku_bus::publish;
use yiku_core::entry::EntryName;
use yiku_store::{
    Tx,
    cursor::{self, Cursor},
    foreign_message,
    merge::{self, MergeRow, Merger, Refold},
};

use self::ahead::Planner;
use super::topics::Topics;
use crate::{clock, foreign, hub::Hub};

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
        Some(topics)
            if !published.is_empty()
                && topics.suffice_for(published.iter().map(publish::topic_of)) =>
        {
            (topics, false)
        }
        _ => (Topics::look(&*hub.bus).await?, true),
    };
    let mut merged = 0;
    let cursors = cursor::list(&mut *hub.store.reader().await?).await?;
    let moved = |resource: &&EntryName| are_new || published.contains(*resource);
    for resource in live.merging.resources.keys().filter(moved) {
        let (topic, unit) = (publish::topic_of(resource), format!("merge/{resource}"));
        let own: Vec<&Cursor> =
            cursors.iter().filter(|one| one.unit == unit && one.topic == topic).collect();
        // One that was read and is gone is among them, too: reading it says so.
        let partitions: BTreeSet<u32> = topics
            .of(&topic)
            .map(|one| one.partition)
            .chain(own.iter().map(|one| one.partition))
            .collect();
        for partition in partitions {
            let there = topics.of(&topic).find(|one| one.partition == partition);
            let cursor = own.iter().find(|one| one.partition == partition);
            let from = cursor.map_or(0, |cursor| cursor.next);
            if are_new && there.map_or(0, |topic| topic.next) == from {
                continue;
            }
            let topic_id = there.map(|one| one.id.as_str()).unwrap_or_default();
            let (topic, unit) = (topic.as_str(), unit.as_str());
            let read = cursor::Read { unit, topic, topic_id, partition, from, to: from };
            let planner = Planner::new(hub, &held.merger, &live, resource, &read);
            let outcome = drain(hub, &planner, read, &mut merged).await;
            outcome.with_context(|| format!("merging rows of `{resource}`"))?;
        }
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

/// Merges all rows from where the unit stands. While some are written, the next ones are read,
/// decoded as long as they bring new values, and planned.
async fn drain(
    hub: &Hub,
    planner: &Planner,
    mut read: cursor::Read<'_>,
    merged: &mut u64,
) -> anyhow::Result<()> {
    let mut ahead = planner.next(read.from, true, None).await?;
    while ahead.read().next > read.from {
        read.to = ahead.read().next;
        let now = Arc::new(planner.planned(ahead).await?);
        let plan = now.plan()?;
        let outcome = plan.outcome();
        let news = outcome.unchanged < outcome.new + outcome.changed;
        let next = planner.begin(read.to, news, Arc::clone(&now));
        foreign::tell(read.topic, now.read());
        let passed_over = foreign::to_keep(hub, read.topic, read.partition, &now.read().foreign);
        let mut tx = hub.store.begin().await?;
        foreign_message::keep(&mut tx, &passed_over).await?;
        planner.write(&mut tx, read, plan).await?;
        overtake(hub, &mut tx, planner.resource(), now.rows()).await?;
        tx.commit().await?;
        *merged += now.rows().len() as u64;
        hub.merged.send_modify(|merges| *merges += 1);
        read.from = read.to;
        ahead = next.await??;
    }
    Ok(())
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

const REFOLD_ROWS: u32 = 2_000;
