//! `yiku reconcile`: everything is recounted; the books balance or the command fails.

use std::collections::HashMap;

use anyhow::Context;
use serde_json::json;
use yiku_bus::{PUBLICATIONS, ReadLimit, TopicState};
use yiku_core::publication::Publication;
use yiku_store::{
    Connection, bus_log, cursor,
    reconcile::{self, BusState, BusTopic, Depth, Equation, Term},
};

use super::{ExitCode, Session};
use crate::{
    hub::{Hub, LANE},
    worker::relay,
};

pub(super) async fn run(session: &mut Session<'_>, as_json: bool) -> anyhow::Result<ExitCode> {
    let equations = recount(session.hub).await?;
    let balanced = equations.iter().all(|one| one.holds);
    if as_json {
        session.json(&json!({ "balanced": balanced, "equations": equations })).await?;
    } else {
        for one in &equations {
            let word = if one.holds { "holds" } else { "DOES NOT HOLD" };
            session
                .line(format!(
                    "{} {}: {} = {} — {word}",
                    one.number,
                    one.subject,
                    side(&one.left),
                    side(&one.right)
                ))
                .await?;
        }
        let word = if balanced { "the books balance" } else { "the books do not balance" };
        session.line(word).await?;
    }
    Ok(if balanced { 0 } else { 2 })
}

/// Recounts everything.
pub(crate) async fn recount(hub: &Hub) -> anyhow::Result<Vec<Equation>> {
    // Before the snapshot: it then holds whatever the topics tell of.
    let relayed = relay::account(hub).await?;
    let mut db = hub.store.snapshot().await?;
    let bus = BusState { relayed, ..bus_state(hub, &mut db).await? };
    Ok(reconcile::recount(&mut db, &bus, Depth::Roots).await?)
}

fn side(terms: &[Term]) -> String {
    let terms: Vec<_> = terms.iter().map(|term| format!("{} {}", term.name, term.value)).collect();
    terms.join(" + ")
}

/// What the bus says, with the accepted rows whose publication the snapshot does not hold yet.
async fn bus_state(hub: &Hub, db: &mut Connection) -> anyhow::Result<BusState> {
    let unit = format!("materialise/{LANE}");
    let cursor = cursor::get(db, &unit, PUBLICATIONS, LANE).await?;
    // The hub goes on publishing: what is appended after this look is not counted at all.
    let topics = hub.bus.topics().await?;
    // Rows may be seen a moment before their publication is.
    hub.publisher.settle().await?;
    let part = |one: &TopicState| ((one.name.clone(), one.partition), one.next);
    let ends: HashMap<(String, u32), u64> = topics.iter().map(part).collect();
    let mut from = cursor.map_or(0, |cursor| cursor.next);
    let mut early: HashMap<(String, u32), Vec<(u64, u64)>> = HashMap::new();
    loop {
        let read = hub.bus.read(PUBLICATIONS, LANE, from, ReadLimit::default()).await?;
        if read.next == from {
            break;
        }
        from = read.next;
        for record in read.batches.iter().flat_map(|batch| batch.records.iter()) {
            let record = record.context("a publication on the bus is damaged")?;
            let one = Publication::parse(record.body)?;
            for range in one.ranges() {
                let part = (one.topic.clone(), range.partition);
                if ends.get(&part).is_some_and(|end| range.base_offset < *end) {
                    early.entry(part).or_default().push((range.base_offset, range.accepted));
                }
            }
        }
    }
    let logs = bus_log::list(db).await?;
    let (own, earlier): (Vec<_>, Vec<_>) =
        logs.into_iter().partition(|log| log.bus == hub.bus.id());
    let mut counted = Vec::new();
    for one in topics.iter().filter(|one| one.name.starts_with("entry.")) {
        let of = |log: &&bus_log::BusLog| log.topic == one.name && log.partition == one.partition;
        // A log that the store does not know yet has given it nothing to number.
        let log = own.iter().find(of).map_or(u32::MAX, |log| log.number);
        counted.push(BusTopic {
            topic: one.name.clone(),
            log,
            first: one.first,
            rows: hub.bus.count(&one.name, one.partition, one.first, one.next).await?,
            early: early.remove(&(one.name.clone(), one.partition)).unwrap_or_default(),
        });
    }
    let earlier = earlier.into_iter().map(|log| (log.topic, log.number)).collect();
    Ok(BusState { topics: counted, earlier, relayed: None })
}
