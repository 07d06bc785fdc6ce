//! Materialise (step 5): publications and rejected rows are carried from the bus into the store,
//! each batch with the offsets that were read, in one transaction.

use anyhow::{Context, ensure};
use yiku_bus::{PUBLICATIONS, REJECTS, ReadLimit, Stored};
use yiku_core::publication::{Publication, RejectedRow};
use yiku_store::{Tx, cursor, publication};

use crate::hub::{Hub, LANE};

/// Carries over all there is; returns how many batches that were.
pub async fn catch_up(hub: &Hub) -> anyhow::Result<u64> {
    let _turn = hub.materialising.lock().await;
    let mut taken = 0;
    loop {
        let batches = step(hub).await.context("carrying publications into the store")?;
        if batches == 0 {
            return Ok(taken);
        }
        taken += batches;
    }
}

async fn step(hub: &Hub) -> anyhow::Result<u64> {
    let mut reader = hub.store.reader().await?;
    let unit = format!("materialise/{LANE}");
    let mut next_of = async |topic: &str| -> anyhow::Result<u64> {
        let cursor = cursor::get(&mut reader, &unit, topic, LANE).await?;
        Ok(cursor.map_or(0, |cursor| cursor.next))
    };
    let (from, rejects_from) = (next_of(PUBLICATIONS).await?, next_of(REJECTS).await?);
    drop(reader);
    let stored = hub.bus.read(PUBLICATIONS, LANE, from, LIMIT).await?;
    let Some(last) = stored.last() else { return Ok(0) };
    let to = last.next_offset();
    let mut publications = Vec::new();
    for record in stored.iter().flat_map(|batch| batch.records.iter()) {
        let record = record.context("a publication on the bus is damaged")?;
        publications.push(Publication::parse(record.body)?);
    }
    let mut rejects = Rejects { hub, next: rejects_from, ahead: Vec::new() };
    let mut tx = hub.store.begin().await?;
    advance(hub, &mut tx, &unit, PUBLICATIONS, from, to).await?;
    for one in &publications {
        let rejected = rejects.of(one).await?;
        publication::take(&mut tx, &hub.digester, one, &rejected).await?;
    }
    if rejects.next > rejects_from {
        advance(hub, &mut tx, &unit, REJECTS, rejects_from, rejects.next).await?;
    }
    tx.commit().await?;
    Ok(publications.len() as u64)
}

async fn advance(
    hub: &Hub,
    tx: &mut Tx,
    unit: &str,
    topic: &str,
    from: u64,
    to: u64,
) -> anyhow::Result<()> {
    let topic_id = hub.topic_id(topic, LANE).await?;
    let read = cursor::Read { unit, topic, topic_id: &topic_id, partition: LANE, from, to };
    Ok(cursor::advance(tx, read).await?)
}

/// The rejected rows, in the order of their publications: an append with rejected rows put them on
/// their topic as one batch.
struct Rejects<'a> {
    hub: &'a Hub,
    next: u64,
    ahead: Vec<Stored>,
}

impl Rejects<'_> {
    async fn of(&mut self, publication: &Publication) -> anyhow::Result<Vec<RejectedRow>> {
        if publication.rejected == 0 {
            return Ok(Vec::new());
        }
        if self.ahead.is_empty() {
            self.ahead = self.hub.bus.read(REJECTS, LANE, self.next, LIMIT).await?;
        }
        ensure!(!self.ahead.is_empty(), "rejected rows of a publication are missing on the bus");
        let batch = self.ahead.remove(0);
        self.next = batch.next_offset();
        let rows = batch.records.iter().map(|record| {
            let record = record.context("a rejected row on the bus is damaged")?;
            Ok(RejectedRow::parse(record.body)?)
        });
        rows.collect()
    }
}

/// Batches taken in one transaction.
const LIMIT: ReadLimit = ReadLimit { batches: 32, bytes: 8 << 20 };
