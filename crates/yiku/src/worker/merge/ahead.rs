//! What is merged next: read, decoded and planned while the rows before it are written.

use std::sync::Arc;

use anyhow::Context;
use self_cell::self_cell;
use tokio::{
    runtime::Handle,
    task::{JoinHandle, spawn_blocking},
};
use yiku_bus::{Bus, Foreign, Read, ReadLimit};
use yiku_connector::effort::{self, Step};
use yiku_core::{
    entry::{EntryName, Version},
    registry::{Format, KeptSchema, Registry, SchemaOf},
};
use yiku_store::{
    Store, StoreError, Tx, cursor,
    merge::{self, Brought, Decoded, MergeRow, MergeTask, Merger, Plan},
};

use crate::{
    clock,
    hub::{Hub, Live},
};

/// Plans the rows of one partition. Cheap to clone.
#[derive(Clone)]
pub(super) struct Planner {
    bus: Arc<dyn Bus>,
    store: Store,
    merger: Merger,
    live: Arc<Live>,
    resource: EntryName,
    topic: Arc<str>,
    partition: u32,
}

self_cell! {
    /// Rows that were read, and what they do.
    pub(super) struct Ahead {
        owner: Taken,
        #[covariant]
        dependent: Work,
    }
}

/// Rows as they were read.
struct Taken {
    read: Read,
    from: u64,
}

/// Rows, and what they do; `None`: what was being written when they were planned is in the way.
struct Work<'a> {
    rows: Vec<MergeRow<'a>>,
    plan: Option<Plan<'a>>,
}

impl Ahead {
    /// What was read.
    pub(super) fn read(&self) -> &Read {
        &self.borrow_owner().read
    }

    /// Its rows.
    pub(super) fn rows(&self) -> &[MergeRow<'_>] {
        &self.borrow_dependent().rows
    }

    /// What they do.
    pub(super) fn plan(&self) -> anyhow::Result<&Plan<'_>> {
        self.borrow_dependent().plan.as_ref().context("the rows are not planned yet")
    }
}

impl Planner {
    pub(super) fn new(
        hub: &Hub,
        merger: &Merger,
        live: &Arc<Live>,
        resource: &EntryName,
        read: &cursor::Read<'_>,
    ) -> Self {
        Self {
            bus: Arc::clone(&hub.bus),
            store: hub.store.clone(),
            merger: merger.clone(),
            live: Arc::clone(live),
            resource: resource.clone(),
            topic: read.topic.into(),
            partition: read.partition,
        }
    }

    pub(super) fn resource(&self) -> &EntryName {
        &self.resource
    }

    fn limit(&self) -> ReadLimit {
        let bytes = if self.store.is_on_server() { BYTES_ON_SERVER } else { BYTES };
        ReadLimit { batches: BATCHES, bytes }
    }

    fn task(&self) -> MergeTask<'_> {
        MergeTask {
            bus: self.bus.id(),
            topic: &self.topic,
            partition: self.partition,
            resource: &self.resource,
        }
    }

    /// Begins to read and plan what follows, while `behind` is written.
    pub(super) fn begin(
        &self,
        from: u64,
        decode: bool,
        behind: Arc<Ahead>,
    ) -> JoinHandle<anyhow::Result<Ahead>> {
        let planner = self.clone();
        let next = async move { planner.next(from, decode, Some(behind)).await };
        tokio::spawn(effort::spending(Step::Merge, next))
    }

    /// Reads what follows, decodes it if that is worth it, and plans it.
    pub(super) async fn next(
        &self,
        from: u64,
        decode: bool,
        behind: Option<Arc<Ahead>>,
    ) -> anyhow::Result<Ahead> {
        let mut read = self.bus.read(&self.topic, self.partition, from, self.limit()).await?;
        pass_over_wrong_schemas(&mut read, &self.resource, &self.live.registry);
        self.plan(Taken { read, from }, decode, behind).await
    }

    /// The same rows planned, whatever was in the way. Nothing may be being written.
    pub(super) async fn planned(&self, ahead: Ahead) -> anyhow::Result<Ahead> {
        match ahead.borrow_dependent().plan {
            Some(_) => Ok(ahead),
            None => self.plan(ahead.into_owner(), false, None).await,
        }
    }

    /// Writes what was planned of the rows of `read`.
    pub(super) async fn write(
        &self,
        tx: &mut Tx,
        read: cursor::Read<'_>,
        plan: &Plan<'_>,
    ) -> Result<(), StoreError> {
        merge::write(tx, &self.merger, &self.task(), read, plan).await
    }

    /// Plans on a thread where waiting is allowed: what rows do is lent by the rows themselves.
    async fn plan(
        &self,
        taken: Taken,
        decode: bool,
        behind: Option<Arc<Ahead>>,
    ) -> anyhow::Result<Ahead> {
        let planner = self.clone();
        let planned = spawn_blocking(move || {
            Ahead::try_new(taken, |taken| {
                let work = planner.work(taken, decode, behind.as_deref());
                Handle::current().block_on(effort::spending(Step::Merge, work))
            })
        });
        planned.await?
    }

    async fn work<'a>(
        &self,
        taken: &'a Taken,
        decode: bool,
        behind: Option<&Ahead>,
    ) -> anyhow::Result<Work<'a>> {
        let rows = rows_of(&taken.read, taken.from)?;
        if taken.read.next == taken.from {
            return Ok(Work { rows, plan: None });
        }
        let behind = behind.map(Ahead::plan).transpose()?;
        let decoded = match decode {
            true => Decoded::of(&self.live.merging, &self.resource, &rows),
            false => None,
        };
        let mut db = self.store.reader().await?;
        let brought = Brought { rows: &rows, decoded: decoded.as_ref(), at_ms: clock::now_ms() };
        let plan = merge::plan(&mut db, &self.merger, &self.task(), brought, behind).await?;
        Ok(Work { rows, plan })
    }
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

/// Batches of one transaction.
const BATCHES: u32 = 256;
/// Bytes of rows of one transaction.
const BYTES: usize = 4 << 20;
/// The same where the store is on a server: the driver holds them several times over.
const BYTES_ON_SERVER: usize = 2 << 20;
