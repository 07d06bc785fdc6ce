//! `yiku quarantine`: see, mend, send through again, return, give up. Values are masked everywhere
//! but in the report for the department itself.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use yiku_core::entry::EntryName;
use yiku_store::{
    foreign_message::{self, ForeignMessage},
    quarantine::{self, Filter, Quarantined},
};

use super::{ExitCode, Session, returned};
use crate::{
    arguments::{Quarantine, RejectFilter},
    clock, worker,
};

pub(super) async fn run(
    session: &mut Session<'_>,
    command: Quarantine,
) -> anyhow::Result<ExitCode> {
    match command {
        Quarantine::List { filter, limit, after, json } => {
            list(session, &filter, after, limit, json.json).await?;
        }
        Quarantine::Show { id } => show(session, id).await?,
        Quarantine::Fix { id } => fix(session, id).await?,
        Quarantine::Redrive { ids, filter } => redrive(session, ids, &filter).await?,
        Quarantine::Return { out, filter } => {
            let rows = select(session, &filter).await?;
            returned::write(session, &rows, &out).await?;
        }
        Quarantine::Foreign { topic, limit, json } => {
            foreign(session, topic.as_deref(), limit, json.json).await?;
        }
        Quarantine::Import { file } => returned::import(session, &file).await?,
        Quarantine::Drop { ids } => {
            let mut tx = session.hub.store.begin().await?;
            let decided = quarantine::drop_rows(&mut tx, &ids, OPERATOR, clock::now_ms()).await?;
            tx.commit().await?;
            report(session, "dropped", &decided).await?;
        }
    }
    Ok(0)
}

/// Says how many rows were decided about and why others were left.
pub(super) async fn report(
    session: &mut Session<'_>,
    word: &str,
    decided: &quarantine::Decided,
) -> anyhow::Result<()> {
    for (id, zh, en) in &decided.left {
        session.console.warn(&format!("{id} left as it is: {zh} / {en}")).await?;
    }
    session.line(format!("{} {word}, {} left", decided.changed, decided.left.len())).await
}

async fn foreign(
    session: &mut Session<'_>,
    topic: Option<&str>,
    limit: u32,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut db = session.hub.store.reader().await?;
    let found = foreign_message::list(&mut db, topic, limit).await?;
    drop(db);
    if as_json {
        let one = |one: &ForeignMessage| {
            json!({
                "bus": one.bus, "topic": one.topic, "partition": one.partition,
                "offset": one.offset, "zh": one.zh, "en": one.en, "at": clock::written(one.at),
            })
        };
        return session.json(&found.iter().map(one).collect::<Vec<_>>()).await;
    }
    for one in &found {
        let ForeignMessage { topic, partition, offset, zh, en, at, .. } = one;
        let at = clock::written(*at);
        session.line(format!("{topic}/{partition}:{offset} {at} {zh} / {en}")).await?;
    }
    Ok(())
}

fn filter_of(typed: &RejectFilter) -> anyhow::Result<Filter> {
    let states = match typed.state.as_str() {
        "all" => Vec::new(),
        one => vec![one.parse()?],
    };
    Ok(Filter {
        department: None,
        entry: typed.entry.as_deref().map(str::parse).transpose()?,
        connector: typed.connector.clone(),
        code: typed.code.as_deref().map(str::parse).transpose()?,
        states,
    })
}

async fn list(
    session: &mut Session<'_>,
    typed: &RejectFilter,
    after: i64,
    limit: u32,
    as_json: bool,
) -> anyhow::Result<()> {
    let filter = filter_of(typed)?;
    let mut after = after;
    let mut left = limit;
    let mut all: Vec<Value> = Vec::new();
    while left > 0 {
        let mut db = session.hub.store.reader().await?;
        let page = quarantine::list(&mut db, &filter, after, left.min(PAGE)).await?;
        drop(db);
        let Some(last) = page.last() else { break };
        (after, left) = (last.id, left - page.len() as u32);
        for one in &page {
            match as_json {
                true => all.push(to_json(one)),
                false => print_short(session, one).await?,
            }
        }
    }
    if as_json { session.json(&all).await } else { Ok(()) }
}

async fn print_short(session: &mut Session<'_>, one: &Quarantined) -> anyhow::Result<()> {
    let row = &one.row;
    session
        .line(format!(
            "{} {} {} {}:{}",
            one.id,
            one.state.as_str(),
            row.entry,
            row.origin,
            row.place
        ))
        .await?;
    print_violations(session, one).await
}

async fn print_violations(session: &mut Session<'_>, one: &Quarantined) -> anyhow::Result<()> {
    for violation in &one.row.violations {
        let item = violation.item.as_deref().or(violation.rule.as_deref()).unwrap_or("-");
        let value = violation.value.as_deref().map(|value| format!(" ({value})"));
        session
            .line(format!(
                "    {} {item}{}: {} / {}",
                violation.code,
                value.unwrap_or_default(),
                violation.zh,
                violation.en
            ))
            .await?;
    }
    Ok(())
}

fn to_json(one: &Quarantined) -> Value {
    json!({
        "id": one.id, "state": one.state.as_str(), "connector": one.row.connector,
        "entry": one.row.entry, "version": one.row.version, "origin": one.row.origin,
        "place": one.row.place, "at": clock::written(one.at_ms), "fixes": one.fixes,
        "retry_of": one.retry_of, "violations": one.row.violations,
    })
}

async fn show(session: &mut Session<'_>, id: i64) -> anyhow::Result<()> {
    let one = quarantine::show(&mut *session.hub.store.reader().await?, id).await?;
    let row = &one.row;
    session
        .line(format!(
            "{id}: {} ({}), {}@{} by {}, {}:{}, rejected {}",
            one.state.as_str(),
            one.state.zh(),
            row.entry,
            row.version,
            row.connector,
            row.origin,
            row.place,
            clock::written(one.at_ms)
        ))
        .await?;
    session.line(format!("columns: {}", row.columns.join(", "))).await?;
    print_violations(session, &one).await
}

/// Asks for `column=value` lines: values of persons never stand in an argument.
async fn fix(session: &mut Session<'_>, id: i64) -> anyhow::Result<()> {
    let one = quarantine::show(&mut *session.hub.store.reader().await?, id).await?;
    let mut cells = one.cells().to_vec();
    let mut changed = 0;
    while let Some(line) = session.console.ask("column=value, an empty line ends").await? {
        if line.is_empty() {
            break;
        }
        let (column, value) = line.split_once('=').context("write column=value")?;
        let index = one.row.columns.iter().position(|own| own == column.trim());
        let index = index.with_context(|| {
            format!(
                "row {id} has no column `{}`; it has {}",
                column.trim(),
                one.row.columns.join(", ")
            )
        })?;
        cells[index] = (!value.is_empty()).then(|| value.to_owned());
        changed += 1;
    }
    if changed == 0 {
        bail!("nothing was changed: give column=value lines");
    }
    let mut tx = session.hub.store.begin().await?;
    quarantine::fix(&mut tx, id, &cells, OPERATOR, clock::now_ms()).await?;
    tx.commit().await?;
    session
        .line(format!(
            "{id}: {changed} cells changed; `yiku quarantine redrive {id}` sends it through"
        ))
        .await
}

async fn redrive(
    session: &mut Session<'_>,
    ids: Vec<i64>,
    filter: &RejectFilter,
) -> anyhow::Result<()> {
    let rows = match ids.is_empty() {
        false => {
            let mut db = session.hub.store.reader().await?;
            let mut rows = Vec::new();
            for id in ids {
                rows.push(quarantine::show(&mut db, id).await?);
            }
            rows
        }
        true => select(session, filter).await?,
    };
    let decided = queue(session, &rows).await?;
    report(session, "queued", &decided).await?;
    let results = worker::redrive::catch_up(session.hub).await?;
    worker::settle(session.hub).await?;
    for one in results {
        session
            .line(format!(
                "{} under version {}: {} accepted, {} rejected again",
                one.entry, one.version, one.accepted, one.rejected
            ))
            .await?;
    }
    Ok(())
}

/// Queues rows for redrive, entry by entry.
pub(super) async fn queue(
    session: &Session<'_>,
    rows: &[Quarantined],
) -> anyhow::Result<quarantine::Decided> {
    let mut by_entry: BTreeMap<&EntryName, Vec<i64>> = BTreeMap::new();
    for row in rows {
        by_entry.entry(&row.row.entry).or_default().push(row.id);
    }
    let mut all = quarantine::Decided::default();
    let mut tx = session.hub.store.begin().await?;
    for (entry, ids) in by_entry {
        let one = quarantine::queue(&mut tx, entry, &ids, OPERATOR, clock::now_ms()).await?;
        all.changed += one.changed;
        all.left.extend(one.left);
    }
    tx.commit().await?;
    Ok(all)
}

/// All rows that a filter selects.
async fn select(session: &Session<'_>, typed: &RejectFilter) -> anyhow::Result<Vec<Quarantined>> {
    let filter = filter_of(typed)?;
    let mut rows: Vec<Quarantined> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |last| last.id);
        let mut db = session.hub.store.reader().await?;
        let page = quarantine::list(&mut db, &filter, after, PAGE).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
        if rows.len() > SELECT_MAX {
            bail!(
                "more than {SELECT_MAX} rows: narrow the filter by --connector, --entry or --code"
            );
        }
    }
}

/// Who decides when a command is run on the hub's own machine.
pub(super) const OPERATOR: &str = "operator";
const PAGE: u32 = 500;
const SELECT_MAX: usize = 100_000;
