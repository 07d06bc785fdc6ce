//! `yiku trace`: one record's story. The key is asked for: it never stands in an argument.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use yiku_core::{
    library::Entity,
    receipt::{Deed, Receipt},
};
use yiku_store::{
    delivery::{self, outcome},
    image::Reader,
    receipt, subject, subscription,
    trace::{self, ConflictStory, RecordStory, StateStory},
};

use super::{ExitCode, Session, quarantine::OPERATOR};
use crate::clock;

pub(super) async fn run(
    session: &mut Session<'_>,
    name: &str,
    known_at: Option<&str>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let hub = session.hub;
    let live = hub.live();
    let entity = name
        .split_once('.')
        .and_then(|(library, entity)| live.catalog.libraries.get(library)?.entity(entity))
        .with_context(|| format!("there is no entity `{name}`; write <library>.<entity>"))?;
    let known_at = known_at
        .map(|text| clock::parse(text).with_context(|| format!("`{text}` is not RFC 3339")))
        .transpose()?;
    let key = session.console.ask("key").await?.context("no key was given")?;
    let key = key.trim();
    let mut db = hub.store.reader().await?;
    let subject = subject::get(&mut db, name).await?;
    let subject = subject.with_context(|| format!("`{name}` has no rows yet"))?;
    let states = trace::states(&mut db, &subject, key).await?;
    let records = trace::records(&mut db, &subject, entity, key).await?;
    let conflicts = trace::conflicts(&mut db, &subject, key).await?;
    let reader = Reader::entity(&subject);
    let row = match known_at {
        None => reader.current_row(&mut db, key).await?,
        Some(at_ms) => reader.known_at(&mut db, key, at_ms).await?,
    };
    let values = row.as_ref().map(|image| masked(entity, image.cells.row(0)));
    let deliveries = deliveries(&mut db, name, &states).await?;
    drop(db);
    let mut said = Receipt::new("node/hub", Deed::Query, OPERATOR, clock::now_ms());
    said.entry = Some(name.to_owned());
    said.purpose = Some("trace".into());
    said.counts = [("rows".to_owned(), u64::from(row.is_some()))].into();
    let mut tx = hub.store.begin().await?;
    receipt::append(&mut tx, said).await?;
    tx.commit().await?;
    if states.is_empty() && records.is_empty() {
        bail!("`{name}` has no such key");
    }
    let story = json!({
        "entity": name,
        "known_at": known_at.map(clock::written),
        "row": values,
        "ended": row.and_then(|image| image.ended),
        "records": records.iter().map(record_json).collect::<Vec<_>>(),
        "conflicts": conflicts.iter().map(|one| conflict_json(entity, one)).collect::<Vec<_>>(),
        "states": states.iter().map(state_json).collect::<Vec<_>>(),
        "deliveries": deliveries,
    });
    match as_json {
        true => session.json(&story).await?,
        false => print(session, &story).await?,
    }
    Ok(0)
}

fn masked(entity: &Entity, row: yiku_core::batch::Row<'_>) -> Value {
    let items = entity.items.iter().zip(row.cells()).map(|(item, cell)| {
        let value = cell.and_then(|cell| {
            let mut out = String::new();
            item.mask.for_people().apply(cell, &[], &mut out).then_some(out)
        });
        (item.name.clone(), Value::from(value))
    });
    Value::Object(items.collect())
}

fn record_json(one: &RecordStory) -> Value {
    let parts = one.version.parts();
    json!({
        "resource": one.resource, "entry_version": one.entry_version, "deleted": one.deleted,
        "line": parts.line, "attempt": parts.attempt, "bus": one.bus,
        "partition": one.partition, "offset": one.offset, "merged_at": clock::written(one.merged_at),
        "batch": one.batch.as_ref().map(|batch| json!({
            "connector": batch.connector, "line": batch.line, "number": batch.number,
            "origin": batch.origin, "published_at": clock::written(batch.published_at),
            "receipt": format!("line/{}/{} {}", one.resource, batch.line, batch.number),
        })),
    })
}

/// Both values masked as the library says.
fn conflict_json(entity: &Entity, one: &ConflictStory) -> Value {
    let item = entity.items.iter().find(|item| item.name == one.item);
    let masked = |value: &str| {
        let mut out = String::new();
        let mask = item.map(|item| item.mask.for_people())?;
        mask.apply(value, &[], &mut out).then_some(out)
    };
    json!({
        "item": one.item, "taken_from": one.taken_from, "taken": masked(&one.taken_value),
        "other_source": one.other_source, "other": masked(&one.other_value),
    })
}

fn state_json(one: &StateStory) -> Value {
    json!({
        "from_change": one.from_change, "to_change": one.to_change,
        "from": clock::written(one.from_at), "to": one.to_at.map(clock::written),
        "ended": one.ended,
    })
}

/// To whom each change went, and how it ended there.
async fn deliveries(
    db: &mut yiku_store::Connection,
    name: &str,
    states: &[StateStory],
) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    for one in subscription::list(db).await?.iter().filter(|one| one.subject == name) {
        for state in states {
            for delivery in delivery::about(db, &one.name, state.from_change).await? {
                let index = (state.from_change - delivery.from_number - 1) as usize;
                let word = match delivery.outcomes.get(index) {
                    Some(&outcome::DELIVERED) => "delivered",
                    Some(&outcome::WITHHELD) => "withheld",
                    Some(&outcome::PARKED) => "parked",
                    Some(&outcome::FOLDED) => "folded",
                    Some(&outcome::COVERED) => "covered by the backfill",
                    _ => "unknown",
                };
                all.push(json!({
                    "subscription": one.name, "grant": one.grant_name,
                    "change": state.from_change, "outcome": word,
                    "parcel": delivery.idempotency,
                    "at": delivery.settled_at.map(clock::written),
                }));
            }
        }
    }
    Ok(all)
}

async fn print(session: &mut Session<'_>, story: &Value) -> anyhow::Result<()> {
    for (heading, field) in [
        ("row, masked", "row"),
        ("records", "records"),
        ("conflicts", "conflicts"),
        ("states", "states"),
        ("deliveries", "deliveries"),
    ] {
        session.line(heading).await?;
        match &story[field] {
            Value::Array(all) => {
                for one in all {
                    session.line(format!("  {}", fields(one))).await?;
                }
            }
            one => session.line(format!("  {}", fields(one))).await?,
        }
    }
    Ok(())
}

/// `name value, name value`, without what is not there.
fn fields(value: &Value) -> String {
    let Some(fields) = value.as_object() else { return "–".into() };
    let text = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some(format!("{name} {text}")),
        Value::Object(_) => Some(format!("{name} ({})", self::fields(value))),
        other => Some(format!("{name} {other}")),
    };
    fields.iter().filter_map(text).collect::<Vec<_>>().join(", ")
}
