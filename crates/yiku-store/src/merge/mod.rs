//! Merging: rows of a topic become records, entities, history and a log of changes.
//!
//! One transaction: cursor, records, current rows, history, conflicts, change log, counts and
//! receipt. Everything that a batch touches is loaded with few statements, decided row by row in
//! memory in the order of the bus, and written with few statements: so the history of a row is the
//! same however the bus is cut into batches.
//!
//! The cast: [`Merger`] knows tables and feeds; `ahead` decodes what comes next; `record` decides
//! what a row does to its record; `entity` holds what records say of the entities touched; `fold`
//! applies it row by row and makes changes of it; `write` puts all of it into tables.

mod ahead;
mod entity;
mod fold;
mod record;
mod refold;
mod tables;
mod write;

use yiku_core::{
    entry::{EntryName, Version},
    operation::Operation,
    receipt::{Deed, Range, Receipt},
    row_version::RowVersion,
};

use crate::{StoreError, Tx, bus_log, change::Log, cursor, receipt, sql};

pub use ahead::Decoded;
pub(crate) use record::{SEEN, SEEN_FROM, version};
pub use refold::{Refold, refold};
pub use tables::Merger;
pub(crate) use tables::{EntityTables, Resource, has_rows, last_key, read_cell};

/// What is merged.
#[derive(Clone, Copy, Debug)]
pub struct MergeTask<'a> {
    /// Id of the bus.
    pub bus: &'a str,
    /// The unit, the topic's partition and where the rows stand in it.
    pub read: cursor::Read<'a>,
    /// The resource whose topic it is.
    pub resource: &'a EntryName,
    /// The present time.
    pub at_ms: i64,
}

/// One row of the topic.
#[derive(Clone, Copy, Debug)]
pub struct MergeRow<'a> {
    /// Its offset.
    pub offset: u64,
    /// The entry version that it was checked against.
    pub entry: Version,
    /// The record's key.
    pub key: &'a str,
    /// Which of two rows of the key is newer.
    pub version: RowVersion,
    /// Upsert or delete.
    pub operation: Operation,
    /// Avro; empty for a delete.
    pub body: &'a [u8],
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MergeOutcome {
    /// Records that are there now and were not.
    pub new: u64,
    /// Records with other values.
    pub changed: u64,
    /// Rows that changed no value.
    pub unchanged: u64,
    /// Records that are gone now.
    pub removed: u64,
    /// Rows older than what was there.
    pub superseded: u64,
    /// Rows that could not be read.
    pub refused: u64,
}

impl MergeOutcome {
    /// All rows.
    pub fn rows(&self) -> u64 {
        self.merged() + self.superseded + self.refused
    }

    /// New, changed, unchanged and removed.
    pub fn merged(&self) -> u64 {
        self.new + self.changed + self.unchanged + self.removed
    }
}

/// Merges rows of one partition, in the order of their offsets. `decoded` are those that were
/// decoded ahead.
///
/// Runs in the caller's transaction and begins with the cursor: after [`StoreError::Fenced`] roll
/// back. Several partitions may be merged in one transaction.
pub async fn take(
    tx: &mut Tx,
    merger: &Merger,
    task: &MergeTask<'_>,
    rows: &[MergeRow<'_>],
    decoded: Option<&Decoded>,
) -> Result<MergeOutcome, StoreError> {
    cursor::advance(tx, task.read).await?;
    let resource = merger.resource(task.resource)?;
    let part = bus_log::number(tx, task.bus, task.read.topic, task.read.partition).await?;
    let mut log = Log::open(tx, resource.subject.id, task.at_ms).await?;
    let mut records = record::load(tx, resource, part, rows).await?;
    let mut touched = entity::Touched::new(merger);
    let rows = record::Rows { all: rows, decoded };
    record::decide_all(&mut records, resource, rows, &mut touched, &mut log)?;
    let own = entity::Load::Beside(task.resource, &records);
    entity::load(tx, merger, own, &mut touched).await?;
    let mut logs = Vec::new();
    for (tables, said) in merger.entities().iter().zip(&touched.entities) {
        logs.push(match said.keys.is_empty() {
            true => None,
            false => Some(Log::open(tx, tables.subject.id, task.at_ms).await?),
        });
    }
    let folded = fold::apply(merger, &mut touched, &mut logs);
    let outcome = records.outcome;
    write::records(tx, resource, records, &touched, merger).await?;
    for ((tables, folded), said) in merger.entities().iter().zip(&folded).zip(&touched.entities) {
        if let Some(folded) = folded {
            write::entity(tx, tables, folded, said).await?;
        }
    }
    for log in std::iter::once(log).chain(logs.into_iter().flatten()) {
        log.write(tx).await?;
    }
    write_batch(tx, resource, task, part, &outcome).await?;
    Ok(outcome)
}

async fn write_batch(
    tx: &mut Tx,
    resource: &Resource,
    task: &MergeTask<'_>,
    part: u32,
    outcome: &MergeOutcome,
) -> Result<(), StoreError> {
    let number = crate::rows::number;
    let read = &task.read;
    sql::query(
        "INSERT INTO merge_batch (subject_id, topic, partition, from_offset, to_offset, at, new,
                                  changed, unchanged, removed, superseded, refused)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(resource.subject.id)
    .bind(read.topic)
    .bind(i64::from(part))
    .bind(number(read.from))
    .bind(number(read.to))
    .bind(task.at_ms)
    .bind(number(outcome.new))
    .bind(number(outcome.changed))
    .bind(number(outcome.unchanged))
    .bind(number(outcome.removed))
    .bind(number(outcome.superseded))
    .bind(number(outcome.refused))
    .execute(tx)
    .await?;
    let mut said = Receipt::new(read.unit, Deed::Merge, "hub", task.at_ms);
    said.department = Some(task.resource.department().to_owned());
    said.entry = Some(task.resource.to_string());
    said.ranges.push(Range {
        bus: task.bus.to_owned(),
        topic: read.topic.to_owned(),
        partition: read.partition,
        from: read.from,
        to: read.to,
    });
    let counts = [
        ("new", outcome.new),
        ("changed", outcome.changed),
        ("unchanged", outcome.unchanged),
        ("removed", outcome.removed),
        ("superseded", outcome.superseded),
        ("refused", outcome.refused),
    ];
    said.counts = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    receipt::append(tx, said).await?;
    Ok(())
}
