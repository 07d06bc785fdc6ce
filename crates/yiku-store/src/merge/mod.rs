//! Merging: rows of a topic become records, entities, history and a log of changes.
//!
//! One transaction: cursor, records, current rows, history, conflicts, change log, counts and
//! receipt. Everything that a batch touches is loaded with few statements, decided row by row in
//! memory in the order of the bus, and written with few statements: so the history of a row is the
//! same however the bus is cut into batches. Loading and deciding is a [`plan`] of its own: the
//! next batch may be planned while one is written, as long as the two touch nothing in common.
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

use crate::{Connection, StoreError, Tx, bus_log, change::Log, cursor, receipt, sql};

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
    /// The topic's name.
    pub topic: &'a str,
    /// The partition.
    pub partition: u32,
    /// The resource whose topic it is.
    pub resource: &'a EntryName,
}

/// What there is to be merged.
#[derive(Clone, Copy, Debug)]
pub struct Brought<'a, 'b> {
    /// The rows, in the order of their offsets.
    pub rows: &'a [MergeRow<'b>],
    /// Those of them that were decoded ahead.
    pub decoded: Option<&'a Decoded>,
    /// The present time, milliseconds since 1970.
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

/// What rows of one partition do to records and entities: worked out, and not yet written.
pub struct Plan<'b> {
    records: record::Records<'b>,
    touched: entity::Touched,
    folded: Vec<Option<fold::FoldedRows>>,
    /// Of the resource, then of each entity that is touched.
    logs: Vec<Log>,
    at_ms: i64,
}

impl Plan<'_> {
    /// What becomes of the rows.
    pub fn outcome(&self) -> MergeOutcome {
        self.records.outcome
    }
}

/// Works out what rows of one partition do; writes nothing.
///
/// `behind` is the plan of the rows before them, which is being written meanwhile. `None`: both
/// are about the same record or entity; plan again once that one is durable. From planning to
/// writing nobody else may write records or entities.
pub async fn plan<'b>(
    db: &mut Connection,
    merger: &Merger,
    task: &MergeTask<'_>,
    brought: Brought<'_, 'b>,
    behind: Option<&Plan<'_>>,
) -> Result<Option<Plan<'b>>, StoreError> {
    let resource = merger.resource(task.resource)?;
    let part = bus_log::find_or_next(db, task.bus, task.topic, task.partition).await?;
    let mut records = record::Records::of(brought.rows, part);
    if behind.is_some_and(|behind| records.meet(&behind.records)) {
        return Ok(None);
    }
    let at_ms = brought.at_ms;
    let mut log = open(db, resource.subject.id, at_ms, behind).await?;
    record::load(db, resource, &mut records).await?;
    let mut touched = entity::Touched::new(merger);
    record::decide_all(&mut records, resource, brought, &mut touched, &mut log)?;
    if behind.is_some_and(|behind| touched.meets(&behind.touched)) {
        return Ok(None);
    }
    let own = entity::Load::Beside(task.resource, &records);
    entity::load(db, merger, own, &mut touched).await?;
    let mut entity_logs = Vec::new();
    for (tables, said) in merger.entities().iter().zip(&touched.entities) {
        entity_logs.push(match said.keys.is_empty() {
            true => None,
            false => Some(open(db, tables.subject.id, at_ms, behind).await?),
        });
    }
    let folded = fold::apply(merger, &mut touched, &mut entity_logs);
    let logs = std::iter::once(log).chain(entity_logs.into_iter().flatten()).collect();
    Ok(Some(Plan { records, touched, folded, logs, at_ms }))
}

/// The end of a subject's log, behind what is being written meanwhile.
async fn open(
    db: &mut Connection,
    subject: i64,
    at_ms: i64,
    behind: Option<&Plan<'_>>,
) -> Result<Log, StoreError> {
    let before = behind.and_then(|plan| plan.logs.iter().find(|log| log.is_of(subject)));
    match before {
        Some(log) => Ok(log.continued(at_ms)),
        None => Log::open(db, subject, at_ms).await,
    }
}

/// Writes what was planned of the task's rows, which are those of `read`.
///
/// Runs in the caller's transaction and begins with the cursor: after [`StoreError::Fenced`] roll
/// back. Several partitions may be merged in one transaction.
pub async fn write(
    tx: &mut Tx,
    merger: &Merger,
    task: &MergeTask<'_>,
    read: cursor::Read<'_>,
    plan: &Plan<'_>,
) -> Result<(), StoreError> {
    cursor::advance(tx, read).await?;
    let resource = merger.resource(task.resource)?;
    let part = bus_log::number(tx, task.bus, task.topic, task.partition).await?;
    if part != plan.records.part {
        return Err(StoreError::Fenced {
            unit: read.unit.to_owned(),
            topic: read.topic.to_owned(),
            expected: read.from,
        });
    }
    write::records(tx, resource, &plan.records, &plan.touched, merger).await?;
    let entities = merger.entities().iter().zip(&plan.folded).zip(&plan.touched.entities);
    for ((tables, folded), said) in entities {
        if let Some(folded) = folded {
            write::entity(tx, tables, folded, said).await?;
        }
    }
    for log in &plan.logs {
        log.write(tx).await?;
    }
    write_batch(tx, resource, task, read, plan).await
}

async fn write_batch(
    tx: &mut Tx,
    resource: &Resource,
    task: &MergeTask<'_>,
    read: cursor::Read<'_>,
    plan: &Plan<'_>,
) -> Result<(), StoreError> {
    let number = crate::rows::number;
    let outcome = plan.outcome();
    sql::query(
        "INSERT INTO merge_batch (subject_id, topic, partition, from_offset, to_offset, at, new,
                                  changed, unchanged, removed, superseded, refused)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(resource.subject.id)
    .bind(read.topic)
    .bind(i64::from(plan.records.part))
    .bind(number(read.from))
    .bind(number(read.to))
    .bind(plan.at_ms)
    .bind(number(outcome.new))
    .bind(number(outcome.changed))
    .bind(number(outcome.unchanged))
    .bind(number(outcome.removed))
    .bind(number(outcome.superseded))
    .bind(number(outcome.refused))
    .execute(tx)
    .await?;
    let mut said = Receipt::new(read.unit, Deed::Merge, "hub", plan.at_ms);
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
