//! Redrive: queued rows of quarantine go through again, under their entry's current version. A row
//! keeps its place among the rows of its key, so that a mended old row never covers a newer one.

use std::sync::Arc;

use anyhow::Context;
use serde_json::json;
use yiku_bus::publish::{CheckedBatch, Checking, Retried, Submission, check_batch};
use yiku_connector::connector_file::Role;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    contract::Contract,
    entry::{EntryName, Version},
    mapping::Mapping,
    receipt::Deed,
};
use yiku_store::{
    publication::REDRIVE,
    quarantine::{self, QueuedRow},
};

use crate::{
    clock, connectors_folder,
    hub::{HeldLine, Hub},
    worker::{materialise, pull},
};

/// What came of the queued rows of one entry.
#[derive(Clone, Debug)]
pub struct Redriven {
    /// The entry.
    pub entry: EntryName,
    /// The version that they were checked against.
    pub version: Version,
    /// Rows on the bus.
    pub accepted: u64,
    /// Rows in quarantine again.
    pub rejected: u64,
}

/// Sends every queued row through.
pub async fn catch_up(hub: &Hub) -> anyhow::Result<Vec<Redriven>> {
    let waiting = quarantine::waiting(&mut *hub.store.reader().await?).await?;
    let mut all = Vec::new();
    for entry in waiting {
        all.push(redrive(hub, entry).await?);
    }
    Ok(all)
}

async fn redrive(hub: &Hub, entry: EntryName) -> anyhow::Result<Redriven> {
    let contract = hub.live().published.newest(&entry).cloned();
    let contract = contract.with_context(|| format!("no version of `{entry}` is published"))?;
    let mut line = hub.hold_line(&entry, REDRIVE).await?;
    let version = contract.entry().version;
    let mut out = Redriven { entry, version, accepted: 0, rejected: 0 };
    loop {
        let after = line.state().position.get("queue").and_then(|n| n.as_u64()).unwrap_or(0);
        let mut db = hub.store.reader().await?;
        let queued = quarantine::queued(&mut db, &out.entry, after, ROWS).await?;
        drop(db);
        let group = alike(queued);
        let Some((last, _)) = group.last() else { break };
        let position = json!({ "queue": last });
        let checked = check(hub, &contract, &line, &group)?;
        out.accepted += checked.accepted();
        out.rejected += checked.rejected().len() as u64;
        let submission = Submission {
            connector: REDRIVE.into(),
            actor: "operator".into(),
            deed: Deed::Redrive,
            version,
            position_after: position,
            run: None,
            idempotency: None,
            origin: group[0].1.row.origin.clone(),
            at_ms: clock::now_ms(),
            note: String::new(),
        };
        hub.publish(&mut line, checked, submission).await?;
    }
    drop(line);
    materialise::catch_up(hub).await?;
    Ok(out)
}

/// The first rows that came from one place under one header: they share a batch.
fn alike(mut queued: Vec<QueuedRow>) -> Vec<QueuedRow> {
    let same = |one: &QueuedRow, other: &QueuedRow| {
        let (one, other) = (&one.1.row, &other.1.row);
        one.connector == other.connector
            && one.columns == other.columns
            && one.origin == other.origin
    };
    let end = queued.iter().position(|row| !same(row, &queued[0])).unwrap_or(queued.len());
    queued.truncate(end);
    queued
}

fn check(
    hub: &Hub,
    contract: &Arc<Contract>,
    line: &HeldLine,
    group: &[QueuedRow],
) -> anyhow::Result<CheckedBatch> {
    let first = &group[0].1.row;
    let header = Arc::new(Header::new(first.columns.iter().cloned()));
    let mut batch = Batch::new(header.clone(), first.origin.as_str());
    for (_, one) in group {
        let place = RowPlace { place: one.row.place, order: 0 };
        batch.push_row(place, one.cells().iter().map(Option::as_deref));
    }
    let mapping = mapping(hub, contract, &first.connector, &header)?;
    let bound = mapping.bind(&header);
    let retried: Vec<_> =
        group.iter().map(|(_, one)| Retried { id: one.id, version: one.row.row_version }).collect();
    let state = line.state();
    let checking = Checking {
        contract,
        bound: &bound,
        connector: REDRIVE,
        line: &state.line,
        batch: state.next_batch,
        retried: &retried,
    };
    Ok(check_batch(&checking, &batch, None)?)
}

/// The mapping of the connector that brought the rows; pushed rows have the one of pushes.
fn mapping(
    hub: &Hub,
    contract: &Contract,
    connector: &str,
    header: &Header,
) -> anyhow::Result<Mapping> {
    if connector == yiku_api::PUSH {
        return Ok(yiku_api::push_mapping(contract, header));
    }
    let file = connectors_folder::find(hub, connector).ok();
    match file.map(|file| file.role) {
        Some(Role::Source(role)) => pull::compile_mapping(connector, &role, contract),
        _ => pull::plain_mapping(contract),
    }
}

/// Rows in one batch.
const ROWS: u32 = 1_000;
