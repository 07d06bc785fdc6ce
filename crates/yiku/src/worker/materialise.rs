//! Materialise (step 5): publications and rejected rows are carried from the bus into the store,
//! each batch with the offsets that were read, in one transaction.

use std::collections::VecDeque;

use anyhow::{Context, ensure};
use yiku_bus::{PUBLICATIONS, REJECTS, ReadLimit};
use yiku_core::publication::{Publication, RejectedRow};
use yiku_store::{
    cursor,
    foreign_message::{self, ForeignMessage},
    publication,
};

use super::topics::Topics;
use crate::{
    foreign,
    hub::{Hub, LANE},
};

/// Carries over all there is; returns how many batches that were.
pub async fn catch_up(hub: &Hub) -> anyhow::Result<u64> {
    let mut topics = hub.materialising.lock().await;
    let mut taken = 0;
    while let Some(batches) =
        step(hub, &mut topics).await.context("carrying publications into the store")?
    {
        taken += batches;
    }
    Ok(taken)
}

/// Carries over some; `None` when there was nothing more.
async fn step(hub: &Hub, known: &mut Option<Topics>) -> anyhow::Result<Option<u64>> {
    let mut reader = hub.store.reader().await?;
    let unit = format!("materialise/{LANE}");
    let mut next_of = async |topic: &str| -> anyhow::Result<u64> {
        let cursor = cursor::get(&mut reader, &unit, topic, LANE).await?;
        Ok(cursor.map_or(0, |cursor| cursor.next))
    };
    let (from, rejects_from) = (next_of(PUBLICATIONS).await?, next_of(REJECTS).await?);
    drop(reader);
    let read = hub.bus.read(PUBLICATIONS, LANE, from, LIMIT).await?;
    if read.next == from {
        return Ok(None);
    }
    foreign::tell(PUBLICATIONS, &read);
    let passed_over = foreign::to_keep(hub, PUBLICATIONS, LANE, &read.foreign);
    let mut publications = Vec::new();
    for record in read.batches.iter().flat_map(|batch| batch.records.iter()) {
        let record = record.context("a publication on the bus is damaged")?;
        publications.push(Publication::parse(record.body)?);
    }
    let mut rejects = Rejects::from(hub, rejects_from);
    let read_now = match publications.iter().any(|one| one.rejected > 0) {
        true => &[PUBLICATIONS, REJECTS][..],
        false => &[PUBLICATIONS],
    };
    // Taken away until all went well: after an error they are looked at again.
    let topics = match known.take() {
        Some(topics) if topics.suffice_for(read_now.iter()) => topics,
        _ => Topics::look(&*hub.bus).await?,
    };
    let mut tx = hub.store.begin().await?;
    let unit = unit.as_str();
    let moved = |topic, from, to| {
        let topic_id = topics.id(topic);
        cursor::Read { unit, topic, topic_id, partition: LANE, from, to }
    };
    cursor::advance(&mut tx, moved(PUBLICATIONS, from, read.next)).await?;
    foreign_message::keep(&mut tx, &passed_over).await?;
    for one in &publications {
        let rejected = rejects.of(one).await?;
        publication::take(&mut tx, &hub.digester, one, &rejected).await?;
    }
    if rejects.next > rejects_from {
        cursor::advance(&mut tx, moved(REJECTS, rejects_from, rejects.next)).await?;
        foreign_message::keep(&mut tx, &rejects.passed_over).await?;
    }
    tx.commit().await?;
    *known = Some(topics);
    Ok(Some(publications.len() as u64))
}

/// The rejected rows, which stand on their topic in the order of their publications.
struct Rejects<'a> {
    hub: &'a Hub,
    /// Behind the last one taken.
    next: u64,
    /// Rows that were read and not yet taken, each with the offset behind it.
    ahead: VecDeque<(u64, RejectedRow)>,
    /// What stood among them and is none.
    passed_over: Vec<ForeignMessage>,
}

impl<'a> Rejects<'a> {
    fn from(hub: &'a Hub, next: u64) -> Self {
        Self { hub, next, ahead: VecDeque::new(), passed_over: Vec::new() }
    }

    async fn of(&mut self, publication: &Publication) -> anyhow::Result<Vec<RejectedRow>> {
        let mut rejected = Vec::new();
        while (rejected.len() as u64) < publication.rejected {
            if self.ahead.is_empty() {
                self.read_on().await?;
            }
            let (next, row) = self
                .ahead
                .pop_front()
                .context("rejected rows of a publication are missing on the bus")?;
            self.next = next;
            rejected.push(row);
        }
        Ok(rejected)
    }

    async fn read_on(&mut self) -> anyhow::Result<()> {
        let mut from = self.next;
        while self.ahead.is_empty() {
            let read = self.hub.bus.read(REJECTS, LANE, from, LIMIT).await?;
            ensure!(read.next > from, "rejected rows of a publication are missing on the bus");
            from = read.next;
            foreign::tell(REJECTS, &read);
            self.passed_over.extend(foreign::to_keep(self.hub, REJECTS, LANE, &read.foreign));
            for batch in &read.batches {
                for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
                    let record = record.context("a rejected row on the bus is damaged")?;
                    // The first batch of a read may begin before what was asked for.
                    if offset >= self.next {
                        self.ahead.push_back((offset + 1, RejectedRow::parse(record.body)?));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Batches taken in one transaction.
const LIMIT: ReadLimit = ReadLimit { batches: 32, bytes: 8 << 20 };
